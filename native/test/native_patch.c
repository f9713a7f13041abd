// Patches: what the operations make (golden bytes of docs/WIRE.md), which are refused, and bundles that are made of them on flash, cut off anywhere.
#include "native_test.h"
#include "../patch.h"
#include "slots_support.h"

#include <string.h>

enum { BASE_LENGTH = 100, MADE_MAX = 2000, FRAME_OUTPUT = 997, FRAMES_MAX = 16 };

static uint8_t base[BASE_LENGTH], made[MADE_MAX];

static int read_base(uint32_t from, void *bytes, uint32_t length)
{
    CHECK(from <= BASE_LENGTH && length <= BASE_LENGTH - from);
    memcpy(bytes, base + from, length);
    return PORT_OK;
}

static uint32_t there; // of `made`

static int read_written(uint32_t from, void *bytes, uint32_t length)
{
    CHECK(from <= there && length <= there - from);
    memcpy(bytes, made + from, length);
    return PORT_OK;
}

static int append(uint32_t offset, const void *bytes, uint32_t length)
{
    CHECK(offset == there && length <= MADE_MAX - there);
    memcpy(made + offset, bytes, length);
    there += length;
    return PORT_OK;
}

static struct patch_body nothing(void)
{
    for (int i = 0; i < BASE_LENGTH; i++) base[i] = (uint8_t)(i + 1);
    there = 0;
    return (struct patch_body){MADE_MAX, 0, BASE_LENGTH, read_base, read_written, append};
}

// The example of docs/WIRE.md: it makes 1..20, EE, 22..64, 11..15, EE 17 times, 42..46, AA 16 times.
static const uint8_t example[] = {0x07, 0x0D, 0x0F, 0x24, 0xEE, 0x42, 0x6B, 0x8F, 0x06, 0x01, 0xEE, 0x42, 0x12, 0xCF, 0x06, 0xAA};

static uint32_t expected_of_example(uint8_t *out)
{
    uint32_t at = 0;
    for (int i = 1; i <= 20; i++) out[at++] = (uint8_t)i;
    out[at++] = 0xEE;
    for (int i = 22; i <= 64; i++) out[at++] = (uint8_t)i;
    for (int i = 11; i <= 15; i++) out[at++] = (uint8_t)i;
    for (int i = 0; i < 17; i++) out[at++] = 0xEE;
    for (int i = 42; i <= 46; i++) out[at++] = (uint8_t)i;
    for (int i = 0; i < 16; i++) out[at++] = 0xAA;
    return at;
}

static void patch_makes_the_golden_bytes(void)
{
    uint8_t expected[MADE_MAX];
    uint32_t length = expected_of_example(expected);
    struct patch_body body = nothing();
    CHECK(patch_apply(&body, 0, example, sizeof example) == PORT_OK);
    CHECK(there == length && body.written == length && memcmp(made, expected, length) == 0);
}

// Every beginning makes a beginning or is refused; after it the whole, whose first bytes are there already, makes the rest.
static void patch_goes_on_after_every_truncation(void)
{
    uint8_t expected[MADE_MAX];
    uint32_t length = expected_of_example(expected);
    for (size_t cut = 0; cut < sizeof example; cut++) {
        struct patch_body body = nothing();
        int result = patch_apply(&body, 0, example, cut);
        CHECK(result == PORT_OK || result == PORT_EINVAL);
        CHECK(there < length && body.written == there && memcmp(made, expected, there) == 0);
        CHECK(patch_apply(&body, 0, example, sizeof example) == PORT_OK);
        CHECK(there == length && memcmp(made, expected, length) == 0);
    }
}

static void patch_refuses_what_is_none(void)
{
    static const struct {
        uint8_t length, bytes[8];
    } bad[] = {
        {1, {0x07}},                                     // a number that is missing
        {3, {0x07, 0x80, 0x80}},                         // one without an end
        {7, {0x07, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}}, // one that is too long
        {6, {0x07, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F}},       // one of more than 32 bits
        {2, {0x10, 1}},                                  // a literal that is cut
        {2, {0x07, 94}},                                 // a byte more than the running body has
        {2, {0x40, 1}},                                  // before it
        {3, {0x40, 0xC6, 0x01}},                         // behind it
        {6, {0x40, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}},       // far before it
        {2, {0x80, 1}},                                  // back where nothing is
        {3, {0x88, 2, 7}},                               // further back than that
        {3, {0x88, 0, 7}},                               // no distance
        {2, {0xC8, 7}},                                  // the same distance as none
        {4, {0x0F, 0xFF, 0x7F, 7}},                      // more than a frame makes
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct patch_body body = nothing();
        CHECK(patch_apply(&body, 0, bad[i].bytes, bad[i].length) == PORT_EINVAL);
    }
    struct patch_body body = nothing();
    CHECK(patch_apply(&body, 1, example, sizeof example) == PORT_EINVAL); // a gap
    body.length = 20;
    CHECK(patch_apply(&body, 0, example, sizeof example) == PORT_EINVAL && there <= 20); // beyond the end
    body = nothing();
    body.base_length = 0;
    CHECK(patch_apply(&body, 0, example, sizeof example) == PORT_EINVAL && there == 0); // nothing to copy from
}

// Any bytes: reads and writes stay where something is (the functions above see to it), and a second time changes nothing.
static void patch_takes_any_bytes(void)
{
    uint8_t operations[64], before[MADE_MAX];
    fake.seed = 1;
    for (int round = 0; round < 200000; round++) {
        struct patch_body body = nothing();
        size_t length = fake_random() % sizeof operations;
        for (size_t i = 0; i < length; i++) operations[i] = (uint8_t)(fake_random() & (round & 1 ? 0xFF : 0xCF));
        int result = patch_apply(&body, 0, operations, length);
        CHECK((result == PORT_OK || result == PORT_EINVAL) && body.written == there);
        uint32_t first = there;
        memcpy(before, made, first);
        CHECK(patch_apply(&body, 0, operations, length) == result);
        CHECK(there == first && memcmp(made, before, first) == 0);
    }
}

// ---------------------------------------------------------------- on flash

static struct {
    uint32_t at, length;
    uint8_t operations[64];
} frames[FRAMES_MAX];
static uint8_t fresh[BODY_LENGTH];
static uint32_t grown;

static int flash_read_base(uint32_t from, void *bytes, uint32_t length)
{
    memcpy(bytes, body_of(1) + from, length);
    return PORT_OK;
}

static int grow_read(uint32_t from, void *bytes, uint32_t length)
{
    CHECK(from + length <= grown);
    memcpy(bytes, fresh + from, length);
    return PORT_OK;
}

static int grow(uint32_t offset, const void *bytes, uint32_t length)
{
    CHECK(offset == grown && length <= BODY_LENGTH - grown);
    memcpy(fresh + offset, bytes, length);
    grown += length;
    return PORT_OK;
}

// Frames that make BODY_LENGTH bytes with all kinds of operations, and in `fresh` what they make. Their ends are at no multiple of anything.
static void make_frames(void)
{
    // 5 of its own and 300 from where they are; 290 from 7 further; 390 that repeat every 3 bytes, among them the newest; 2 of its own and 10 more alike
    static const uint8_t kinds[] = {0x2F, 0xA5, 0x02, 1, 2, 3, 4, 5, 0x47, 0x98, 0x02, 14, 0x87, 0xFC, 0x02, 3, 0xD7, 0x01, 9, 9};
    struct patch_body body = {BODY_LENGTH, 0, BODY_LENGTH, flash_read_base, grow_read, grow};
    grown = 0;
    for (size_t i = 0; grown < BODY_LENGTH; i++) {
        CHECK(i < FRAMES_MAX);
        frames[i].at = grown;
        frames[i].length = sizeof kinds;
        memcpy(frames[i].operations, kinds, sizeof kinds);
        if (BODY_LENGTH - grown < FRAME_OUTPUT) { // the rest: copies to the end
            uint32_t rest = BODY_LENGTH - grown - 7;
            frames[i].length = 3;
            memcpy(frames[i].operations, (uint8_t[]){0x07, (uint8_t)(rest | 0x80), (uint8_t)(rest >> 7)}, 3);
        }
        CHECK(patch_apply(&body, frames[i].at, frames[i].operations, frames[i].length) == PORT_OK && body.written == grown);
    }
}

static void begin(void)
{
    fake_reset();
    slots_start(engine_id, api_hash);
    install(PORT_PART_APP_0, 1, 4);
    CHECK(slot_mark_confirmed(PORT_PART_APP_0) == PORT_OK);
    fake.forbidden = PORT_PART_APP_0;
    fake_count();
}

// Sends all of it from where the device wants it, as a tool does. 0 or the first error.
static int send(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    make_header(header, fresh, BODY_LENGTH);
    int written = slot_begin(PORT_PART_APP_0, header);
    for (size_t i = 0; written >= 0 && written < BODY_LENGTH; i++) {
        if (i + 1 < FRAMES_MAX && frames[i + 1].at != 0 && frames[i + 1].at <= (uint32_t)written) continue;
        written = slot_patch(PORT_PART_APP_0, BODY_LENGTH, frames[i].at, frames[i].operations, frames[i].length);
    }
    return written < 0 ? written : slot_commit();
}

static bool holds_it(void)
{
    struct slot_state state;
    slot_read(PORT_PART_APP_1, &state);
    return state.valid && memcmp(fake.cells[PORT_PART_APP_1] + BUNDLE_BODY_OFFSET, fresh, BODY_LENGTH) == 0;
}

static void patch_makes_a_bundle(void)
{
    make_frames();
    for (int unmapped = 0; unmapped < 2; unmapped++) {
        begin();
        fake.unmapped = unmapped;
        CHECK(send() == PORT_OK && holds_it());
    }
}

static void patch_that_is_none_is_dropped(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    make_frames();
    begin();
    CHECK(slot_patch(0, BODY_LENGTH, 0, frames[0].operations, frames[0].length) == PORT_EINVAL); // nothing was begun
    make_header(header, fresh, BODY_LENGTH);
    CHECK(slot_begin(0, header) == 0);
    CHECK(slot_patch(0, BODY_LENGTH, 1, frames[0].operations, frames[0].length) == PORT_EINVAL); // a gap harms nothing
    CHECK(slot_patch(0, BODY_LENGTH, 0, frames[0].operations, frames[0].length) == FRAME_OUTPUT);
    CHECK(slot_read_back(FRAME_OUTPUT - 1, header, 2) == PORT_EINVAL); // not there yet
    CHECK(slot_patch(0, BODY_LENGTH, FRAME_OUTPUT, (const uint8_t[]){0x07}, 1) == PORT_EBAD);
    CHECK(slot_commit() == PORT_EINVAL && send() == PORT_OK && holds_it());
    begin();
    make_header(header, fresh, BODY_LENGTH);
    CHECK(slot_begin(-1, header) >= 0);
    CHECK(slot_patch(-1, BODY_LENGTH, 0, frames[0].operations, frames[0].length) == PORT_EBAD); // recovery has no slot
}

// The running bundle stays, and the next attempt works.
static void patch_cut_sweep(void)
{
    make_frames();
    unsigned points = 0;
    for (bool came = true; came; points++) {
        begin();
        fake.seed = fake.cut_at = points + 1;
        if (setjmp(fake.cut) == 0) CHECK(send() == PORT_OK);
        came = fake.operations > points;
        fake_count();
        slots_start(engine_id, api_hash);
        CHECK(memcmp(fake.cells[PORT_PART_APP_0] + BUNDLE_BODY_OFFSET, body_of(1), BODY_LENGTH) == 0);
        CHECK(send() == PORT_OK && holds_it());
    }
    CHECK(points > 15);
}

// Of body_of(1), computed by tests/tools/block_sums.test.ts as well.
static void sums_of_the_running_blocks(void)
{
    static const uint8_t first[] = {0xC2, 0x5B, 0xBC, 0x3C, 0x60, 0x1F, 0xDB, 0x61, 0x7F, 0x87, 0x4A, 0xB3};
    static const uint8_t last[] = {0xF9, 0x69, 0xB9, 0xD2, 0x8A, 0x0E};
    uint8_t sums[BLOCK_SUM * (BODY_LENGTH / BLOCK_BYTES) + 5];
    begin();
    for (int unmapped = 0; unmapped < 2; unmapped++) {
        fake.unmapped = unmapped;
        CHECK(slot_blocks(0, BODY_LENGTH, 0, sums, sizeof sums) == (int)sizeof sums - 5);
        CHECK(memcmp(sums, first, sizeof first) == 0 && memcmp(sums + 25 * BLOCK_SUM, last, sizeof last) == 0);
        CHECK(slot_blocks(0, BODY_LENGTH, 25, sums, sizeof sums) == BLOCK_SUM && memcmp(sums, last, sizeof last) == 0);
        CHECK(slot_blocks(0, BODY_LENGTH, 0, sums, 2 * BLOCK_SUM + 5) == 2 * BLOCK_SUM); // as many as there is room for
    }
    CHECK(slot_blocks(0, BODY_LENGTH, 26, sums, sizeof sums) == 0 && slot_blocks(0, BODY_LENGTH, 65535, sums, sizeof sums) == 0);
    CHECK(slot_blocks(-1, BODY_LENGTH, 0, sums, sizeof sums) == 0); // recovery has no slot
    CHECK(slot_blocks(0, BODY_LENGTH, 0, sums, 0) == 0);
}

const struct c_test patch_tests[] = {
    {"patch_makes_the_golden_bytes", patch_makes_the_golden_bytes},
    {"patch_goes_on_after_every_truncation", patch_goes_on_after_every_truncation},
    {"patch_refuses_what_is_none", patch_refuses_what_is_none},
    {"patch_takes_any_bytes", patch_takes_any_bytes},
    {"patch_makes_a_bundle", patch_makes_a_bundle},
    {"patch_that_is_none_is_dropped", patch_that_is_none_is_dropped},
    {"patch_cut_sweep", patch_cut_sweep},
    {"sums_of_the_running_blocks", sums_of_the_running_blocks},
    {NULL, NULL},
};
