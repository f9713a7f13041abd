// Time, the bounded event queue and port_wait: a ring of records of any length behind a spin lock, and an eventfd that wakes select().
#include "esp32.h"
#include "port_uart.h"

#include <errno.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "esp_rom_sys.h"
#include "esp_timer.h"
#include "esp_vfs_eventfd.h"

// A whole struct port_event per place would take 9 KB of heap; most events carry no data.
struct record {
    uint64_t time_us;
    int32_t value;
    uint16_t length;
    uint8_t kind, number;
};
enum { DATA_BYTES = 4 * PORT_EVENT_DATA_MAX };

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static struct record records[PORT_EVENT_QUEUE_LENGTH];
static int record_head, record_count;
static uint8_t data[DATA_BYTES]; // of all records, in their order
static int data_head, data_count;
static uint32_t dropped;
static bool signalled; // the eventfd has been written and not been read since
static int event_fd = -1;

int esp32_event_start(void)
{
    const esp_vfs_eventfd_config_t config = ESP_VFS_EVENTD_CONFIG_DEFAULT();
    esp_err_t error = esp_vfs_eventfd_register(&config);
    if (error != ESP_OK) return esp32_error(error);
    event_fd = eventfd(0, EFD_SUPPORT_ISR);
    return event_fd < 0 ? PORT_EIO : PORT_OK;
}

uint64_t port_now_us(void)
{
    return (uint64_t)esp_timer_get_time();
}

void port_delay_us(uint32_t us)
{
    esp_rom_delay_us(us);
}

void port_yield(void)
{
    // A tick of sleep lets the idle task in; sleeping at every call would cost JavaScript most of its time.
    enum { EVERY_US = 200000 };
    static uint64_t last_us;
    uint64_t now_us = port_now_us();
    if (now_us - last_us < EVERY_US) return;
    vTaskDelay(1);
    last_us = port_now_us();
}

// With the lock held and room made sure of.
static void put_data(const void *bytes, int length)
{
    int at = (data_head + data_count) % DATA_BYTES;
    int first = length < DATA_BYTES - at ? length : DATA_BYTES - at;
    memcpy(data + at, bytes, (size_t)first);
    memcpy(data, (const uint8_t *)bytes + first, (size_t)(length - first));
    data_count += length;
}

// With the lock held.
static struct record *queued(const struct esp32_event *event)
{
    for (int i = 0; i < record_count; i++) {
        struct record *record = &records[(record_head + i) % PORT_EVENT_QUEUE_LENGTH];
        if (record->kind == event->kind && record->number == event->number) return record;
    }
    return NULL;
}

static int post(const struct esp32_event *event, uint64_t time_us)
{
    int length = event->length[0] + event->length[1], result = PORT_OK;
    if (length > PORT_EVENT_DATA_MAX) return PORT_EINVAL;
    portENTER_CRITICAL_SAFE(&lock);
    struct record *old = event->renew ? queued(event) : NULL;
    if (old != NULL) {
        old->value = event->value;
        old->time_us = time_us;
    } else if (record_count == PORT_EVENT_QUEUE_LENGTH || data_count + length > DATA_BYTES) {
        dropped++;
        result = PORT_EFULL;
    } else {
        records[(record_head + record_count++) % PORT_EVENT_QUEUE_LENGTH] =
            (struct record){time_us, event->value, (uint16_t)length, event->kind, event->number};
        for (int i = 0; i < 2; i++) {
            if (event->length[i] > 0) put_data(event->data[i], event->length[i]);
        }
    }
    bool wake = !signalled;
    signalled = true;
    portEXIT_CRITICAL_SAFE(&lock);
    // Outside the lock; in an interrupt eventfd itself asks for the change of tasks.
    const uint64_t one = 1;
    if (wake) (void)!write(event_fd, &one, sizeof one);
    return result;
}

int esp32_post(const struct esp32_event *event)
{
    return post(event, port_now_us());
}

int port_post(const struct port_event *event)
{
    const struct esp32_event parts = {
        .kind = event->kind, .number = event->number, .value = event->value, .data = {event->data}, .length = {event->length}};
    return post(&parts, event->time_us);
}

int port_next_event(struct port_event *out)
{
    int taken = 0;
    portENTER_CRITICAL(&lock);
    if (record_count > 0) {
        const struct record *record = &records[record_head];
        out->kind = record->kind;
        out->number = record->number;
        out->value = record->value;
        out->time_us = record->time_us;
        out->length = record->length;
        int first = record->length < DATA_BYTES - data_head ? record->length : DATA_BYTES - data_head;
        memcpy(out->data, data + data_head, (size_t)first);
        memcpy(out->data + first, data, (size_t)(record->length - first));
        data_head = (data_head + record->length) % DATA_BYTES;
        data_count -= record->length;
        record_head = (record_head + 1) % PORT_EVENT_QUEUE_LENGTH;
        record_count--;
        taken = 1;
    }
    portEXIT_CRITICAL(&lock);
    return taken;
}

uint32_t port_events_dropped(void)
{
    portENTER_CRITICAL(&lock);
    uint32_t count = dropped;
    portEXIT_CRITICAL(&lock);
    return count;
}

static bool event_pending(void)
{
    portENTER_CRITICAL(&lock);
    bool pending = record_count > 0;
    portEXIT_CRITICAL(&lock);
    return pending;
}

// A post between the two steps writes nothing, and is found by port_wait's look at the queue.
static void take_signal(void)
{
    uint64_t count;
    (void)!read(event_fd, &count, sizeof count);
    portENTER_CRITICAL(&lock);
    signalled = false;
    portEXIT_CRITICAL(&lock);
}

// One select() over the sockets and the eventfd. Returns the number of ready sockets.
static int select_once(struct port_wait_fd *fds, int count, uint64_t wait_us)
{
    fd_set read_set, write_set, error_set;
    FD_ZERO(&read_set);
    FD_ZERO(&write_set);
    FD_ZERO(&error_set);
    FD_SET(event_fd, &read_set);
    int highest = event_fd;
    for (int i = 0; i < count; i++) {
        if (fds[i].want_read) FD_SET(fds[i].fd, &read_set);
        if (fds[i].want_write) FD_SET(fds[i].fd, &write_set);
        FD_SET(fds[i].fd, &error_set);
        if (fds[i].fd > highest) highest = fds[i].fd;
    }
    struct timeval timeout = {.tv_sec = (time_t)(wait_us / 1000000), .tv_usec = (suseconds_t)(wait_us % 1000000)};
    int result = select(highest + 1, &read_set, &write_set, &error_set, &timeout);
    int error = errno, ready = 0;
    for (int i = 0; i < count; i++) {
        // A descriptor that select refuses is somebody's closed socket: its owner learns it by using it.
        bool failed = result < 0 ? error == EBADF : result > 0 && FD_ISSET(fds[i].fd, &error_set);
        fds[i].readable = failed || (result > 0 && FD_ISSET(fds[i].fd, &read_set));
        fds[i].writable = failed || (result > 0 && FD_ISSET(fds[i].fd, &write_set));
        if (fds[i].readable || fds[i].writable) ready++;
    }
    if (result > 0 && FD_ISSET(event_fd, &read_set)) take_signal();
    // No memory for select's own lists: wait a little instead of spinning.
    if (result < 0 && error != EBADF) vTaskDelay(1);
    return ready;
}

int port_wait(struct port_wait_fd *fds, int count, uint64_t deadline_us)
{
    enum { SLICE_US = 60000000 }; // bounds what select() converts to ticks
    if (count < 0) return PORT_EINVAL;
    for (int i = 0; i < count; i++) {
        if (fds[i].fd < 0 || fds[i].fd >= FD_SETSIZE) return PORT_EINVAL;
    }
    for (;;) {
        esp32_uart_catch_up();
        uint64_t now_us = port_now_us();
        bool due = now_us >= deadline_us || event_pending();
        uint64_t wait_us = due ? 0 : deadline_us - now_us;
        if (wait_us > SLICE_US) wait_us = SLICE_US;
        int ready = select_once(fds, count, wait_us);
        if (due || ready > 0 || event_pending()) return ready;
    }
}
