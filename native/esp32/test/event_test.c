// Runs the chip port's event queue and wait on a PC, over fake_idf/: `event_test CASE` runs one case, `event_test --list` prints the cases.
#include "../port_uart.h"
#include "../../test/check.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "esp_timer.h"

static struct port_event event;
static int catch_ups;

int64_t esp_timer_get_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int esp32_error(esp_err_t error)
{
    return error == ESP_OK ? PORT_OK : PORT_EIO;
}

void esp32_uart_catch_up(void)
{
    catch_ups++;
}

// An event with `length` bytes that begin with `first` and count up.
static int post(uint8_t kind, uint8_t first, uint16_t length)
{
    memset(&event, 0, sizeof event);
    event.kind = kind;
    event.number = first;
    event.length = length;
    for (int i = 0; i < length; i++) event.data[i] = (uint8_t)(first + i);
    return port_post(&event);
}

static void expect(uint8_t kind, uint8_t first, uint16_t length)
{
    memset(&event, 0xAA, sizeof event);
    CHECK(port_next_event(&event) == 1);
    CHECK(event.kind == kind && event.number == first && event.length == length);
    for (int i = 0; i < length; i++) CHECK(event.data[i] == (uint8_t)(first + i));
}

static void order_and_bounds(void)
{
    for (int i = 0; i < PORT_EVENT_QUEUE_LENGTH; i++) CHECK(post(PORT_EVENT_NET, (uint8_t)i, 0) == PORT_OK);
    CHECK(post(PORT_EVENT_NET, 99, 0) == PORT_EFULL && port_events_dropped() == 1);
    for (int i = 0; i < PORT_EVENT_QUEUE_LENGTH; i++) expect(PORT_EVENT_NET, (uint8_t)i, 0);
    CHECK(port_next_event(&event) == 0);
}

static void four_longest_and_no_more(void)
{
    for (int i = 0; i < 4; i++) CHECK(post(PORT_EVENT_ESPNOW, (uint8_t)i, PORT_EVENT_DATA_MAX) == PORT_OK);
    CHECK(post(PORT_EVENT_ESPNOW, 4, 1) == PORT_EFULL);
    CHECK(post(PORT_EVENT_NET, 5, 0) == PORT_OK); // an event without data still finds room
    event.length = PORT_EVENT_DATA_MAX + 1;
    CHECK(port_post(&event) == PORT_EINVAL);
    for (int i = 0; i < 4; i++) expect(PORT_EVENT_ESPNOW, (uint8_t)i, PORT_EVENT_DATA_MAX);
    expect(PORT_EVENT_NET, 5, 0);
}

// Lengths that share no factor with the ring's size put its end at every place of an event.
static void data_wraps_anywhere(void)
{
    for (int i = 0; i < 3000; i++) {
        uint16_t length = (uint16_t)(1 + i * 37 % PORT_EVENT_DATA_MAX);
        CHECK(post(PORT_EVENT_EDGES, (uint8_t)i, length) == PORT_OK);
        CHECK(post(PORT_EVENT_SENT, (uint8_t)(i + 1), 3) == PORT_OK);
        expect(PORT_EVENT_EDGES, (uint8_t)i, length);
        expect(PORT_EVENT_SENT, (uint8_t)(i + 1), 3);
    }
}

static void two_parts_make_one(void)
{
    const uint8_t head[] = {7, 8}, tail[] = {9, 10, 11};
    const struct esp32_event parts = {.kind = PORT_EVENT_ESPNOW, .number = 7, .value = -40, .data = {head, tail}, .length = {2, 3}};
    CHECK(esp32_post(&parts) == PORT_OK);
    expect(PORT_EVENT_ESPNOW, 7, 5);
    CHECK(event.value == -40);
}

static void a_bouncing_pin_takes_one_place(void)
{
    struct esp32_event edge = {.kind = PORT_EVENT_GPIO, .number = 14, .renew = true};
    struct esp32_event other = {.kind = PORT_EVENT_GPIO, .number = 15, .renew = true};
    for (int i = 0; i < 1000; i++) {
        edge.value = i & 1;
        CHECK(esp32_post(&edge) == PORT_OK && esp32_post(&other) == PORT_OK);
    }
    expect(PORT_EVENT_GPIO, 14, 0);
    CHECK(event.value == 1);
    expect(PORT_EVENT_GPIO, 15, 0);
    CHECK(port_next_event(&event) == 0 && port_events_dropped() == 0);
}

static void *post_later(void *unused)
{
    (void)unused;
    const struct esp32_event later = {.kind = PORT_EVENT_UART, .number = 2};
    esp32_post(&later);
    return NULL;
}

// Many rounds, so that the post comes before, in and after the look at the queue. The signal of an event that was taken without a wait
// must not be lost, nor end the next wait for nothing.
static void another_task_wakes_the_wait(void)
{
    for (int round = 0; round < 500; round++) {
        pthread_t task;
        CHECK(post(PORT_EVENT_NET, 1, 0) == PORT_OK);
        expect(PORT_EVENT_NET, 1, 0);
        CHECK(pthread_create(&task, NULL, post_later, NULL) == 0);
        CHECK(port_wait(NULL, 0, UINT64_MAX) == 0);
        expect(PORT_EVENT_UART, 2, 0);
        CHECK(pthread_join(task, NULL) == 0);
    }
    CHECK(catch_ups >= 500);
}

static void a_deadline_ends_the_wait(void)
{
    uint64_t deadline_us = port_now_us() + 3000;
    CHECK(port_wait(NULL, 0, deadline_us) == 0);
    CHECK(port_now_us() >= deadline_us);
    CHECK(port_wait(NULL, 0, 0) == 0);
}

static void sockets_are_told_apart(void)
{
    int full[2], empty[2];
    CHECK(pipe(full) == 0 && pipe(empty) == 0 && write(full[1], "x", 1) == 1);
    struct port_wait_fd fds[] = {{.fd = empty[0], .want_read = true}, {.fd = full[0], .want_read = true}, {.fd = full[1], .want_write = true}};
    CHECK(port_wait(fds, 3, UINT64_MAX) == 2);
    CHECK(!fds[0].readable && fds[1].readable && !fds[1].writable && fds[2].writable);
    close(empty[0]);
    CHECK(port_wait(fds, 1, UINT64_MAX) == 1 && fds[0].readable && fds[0].writable); // its owner learns it by using it
    struct port_wait_fd bad = {.fd = -1, .want_read = true};
    CHECK(port_wait(&bad, 1, 0) == PORT_EINVAL);
}

static const struct c_test tests[] = {
    {"order_and_bounds", order_and_bounds},
    {"four_longest_and_no_more", four_longest_and_no_more},
    {"data_wraps_anywhere", data_wraps_anywhere},
    {"two_parts_make_one", two_parts_make_one},
    {"a_bouncing_pin_takes_one_place", a_bouncing_pin_takes_one_place},
    {"another_task_wakes_the_wait", another_task_wakes_the_wait},
    {"a_deadline_ends_the_wait", a_deadline_ends_the_wait},
    {"sockets_are_told_apart", sockets_are_told_apart},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    if (argc != 2 || esp32_event_start() != PORT_OK) return 2;
    for (const struct c_test *test = tests; test->name != NULL; test++) {
        if (list) puts(test->name);
        else if (strcmp(test->name, argv[1]) == 0) return test->run(), 0;
    }
    return list ? 0 : 2;
}
