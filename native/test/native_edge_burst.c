// Cases of edge_burst.c: what is cut, filtered, dropped and bounded. tests/native/parts.test.ts has the same rules on whole devices.
#include "../edge_burst.h"
#include "native_test.h"

enum { FILTER_US = 100, IDLE_US = 5000 };

static struct edge_burst burst;

// The value at `index` of a burst as PORT_EVENT_EDGES carries it.
static int value(int index)
{
    return burst.data[2 * index] | burst.data[2 * index + 1] << 8;
}

// A burst after silence at `rest`: levels that alternate, and then the silence that ends it.
static bool feed(int rest, const uint32_t *lengths, int count)
{
    edge_burst_add(&burst, rest, IDLE_US);
    for (int i = 0; i < count; i++) CHECK(!edge_burst_add(&burst, rest ^ 1 ^ (i & 1), lengths[i]));
    return edge_burst_add(&burst, rest ^ 1 ^ (count & 1), IDLE_US);
}

static void a_burst_has_levels_and_lengths(void)
{
    edge_burst_start(&burst, FILTER_US, IDLE_US);
    const uint32_t lengths[] = {300, 900, 301};
    CHECK(feed(0, lengths, 3) && burst.length == 6);
    CHECK(value(0) == (0x8000 | 300) && value(1) == 900 && value(2) == (0x8000 | 301));
}

static void silence_may_be_high(void)
{
    edge_burst_start(&burst, FILTER_US, IDLE_US);
    const uint32_t lengths[] = {300, 900, 301};
    CHECK(feed(1, lengths, 3) && burst.length == 6);
    CHECK(value(0) == 300 && value(1) == (0x8000 | 900) && value(2) == 301);
}

static void silence_alone_is_no_burst(void)
{
    edge_burst_start(&burst, FILTER_US, IDLE_US);
    for (int i = 0; i < 10; i++) CHECK(!edge_burst_add(&burst, 0, IDLE_US));
    // One edge into another silence has no length to tell of.
    CHECK(!edge_burst_add(&burst, 1, IDLE_US));
}

static void a_glitch_belongs_to_the_level_around_it(void)
{
    edge_burst_start(&burst, FILTER_US, IDLE_US);
    CHECK(!edge_burst_add(&burst, 0, IDLE_US));
    CHECK(!edge_burst_add(&burst, 1, 200));
    CHECK(!edge_burst_add(&burst, 0, FILTER_US - 1));
    CHECK(!edge_burst_add(&burst, 1, 200));
    CHECK(!edge_burst_add(&burst, 0, FILTER_US));
    CHECK(edge_burst_add(&burst, 1, IDLE_US) && burst.length == 4);
    CHECK(value(0) == (0x8000 | (400 + FILTER_US - 1)) && value(1) == FILTER_US);
}

static void the_next_burst_begins_empty(void)
{
    edge_burst_start(&burst, FILTER_US, IDLE_US);
    const uint32_t first[] = {300, 900, 300, 900}, second[] = {500};
    CHECK(feed(0, first, 4) && burst.length == 8);
    CHECK(feed(0, second, 1) && burst.length == 2 && value(0) == (0x8000 | 500));
}

static void what_is_beyond_the_bound_is_dropped(void)
{
    uint32_t lengths[PORT_EDGES_MAX + 3];
    for (int i = 0; i < PORT_EDGES_MAX + 3; i++) lengths[i] = 200 + (uint32_t)i;
    edge_burst_start(&burst, FILTER_US, IDLE_US);
    CHECK(feed(0, lengths, PORT_EDGES_MAX + 3) && burst.length == 2 * PORT_EDGES_MAX);
    CHECK(value(PORT_EDGES_MAX - 1) == 200 + PORT_EDGES_MAX - 1);
}

static void long_silence_does_not_overflow(void)
{
    edge_burst_start(&burst, FILTER_US, PORT_EDGES_IDLE_MAX_US);
    CHECK(!edge_burst_add(&burst, 0, UINT32_MAX) && !edge_burst_add(&burst, 0, UINT32_MAX));
    CHECK(!edge_burst_add(&burst, 1, PORT_EDGES_IDLE_MAX_US - 1));
    CHECK(edge_burst_add(&burst, 0, UINT32_MAX) && burst.length == 2);
    CHECK(value(0) == (0x8000 | (PORT_EDGES_IDLE_MAX_US - 1)));
}

const struct c_test edge_burst_tests[] = {
    {"a_burst_has_levels_and_lengths", a_burst_has_levels_and_lengths},
    {"silence_may_be_high", silence_may_be_high},
    {"silence_alone_is_no_burst", silence_alone_is_no_burst},
    {"a_glitch_belongs_to_the_level_around_it", a_glitch_belongs_to_the_level_around_it},
    {"the_next_burst_begins_empty", the_next_burst_begins_empty},
    {"what_is_beyond_the_bound_is_dropped", what_is_beyond_the_bound_is_dropped},
    {"long_silence_does_not_overflow", long_silence_does_not_overflow},
    {NULL, NULL},
};
