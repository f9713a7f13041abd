// The device's clock (real, or virtual when a board or --fast-wait says so), the bounded event queue, and port_wait.
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_FDS_MAX = 64,
    // A turn that computes for longer meets its watchdog even in virtual time (docs/BOARD.md).
    BUSY_GRACE_US = 2000000,
    YIELD_LOOK_US = 100000,
    // --fast-wait: real time in which the other end of a socket may still answer before the clock jumps.
    FAST_WAIT_GRACE_MS = 1,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t start_us;      // real
static bool is_virtual;
static uint64_t virtual_us;
static bool idle;              // the device waits for the board: nothing runs
static uint64_t busy_since_us; // real time of the end of the last wait
static uint64_t busy_from_cpu; // and the processor time used up to then, in microseconds

static struct port_event queue[PORT_EVENT_QUEUE_LENGTH];
static int queue_head, queue_count;
static uint32_t dropped;
static int wake_read = -1, wake_write = -1;

static uint64_t read_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

static void begin_turn(void)
{
    busy_since_us = host_real_us();
    busy_from_cpu = read_us(CLOCK_PROCESS_CPUTIME_ID);
}

// What the present turn has computed. A PC that gives its processors to others, and a board that is slow to answer, do not count.
static uint64_t turn_us(void)
{
    uint64_t real_us = host_real_us() - busy_since_us;
    if (real_us <= BUSY_GRACE_US) return real_us; // reading the processor's clock is a system call
    return read_us(CLOCK_PROCESS_CPUTIME_ID) - busy_from_cpu;
}

uint64_t host_real_us(void)
{
    return monotonic_us() - start_us;
}

int host_time_start(void)
{
    start_us = monotonic_us();
    is_virtual = host_options.board != NULL || host_options.fast_wait;
    virtual_us = 0;
    begin_turn();
    queue_head = queue_count = 0;
    dropped = 0;
    int ends[2];
    if (wake_read >= 0) return PORT_OK;
    if (pipe(ends) != 0) return PORT_EIO;
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    wake_read = ends[0];
    wake_write = ends[1];
    return PORT_OK;
}

// With the lock held.
static uint64_t now_locked(void)
{
    if (!is_virtual) return host_real_us();
    if (idle) return virtual_us;
    uint64_t busy_us = turn_us();
    return busy_us > BUSY_GRACE_US ? virtual_us + busy_us - BUSY_GRACE_US : virtual_us;
}

uint64_t port_now_us(void)
{
    pthread_mutex_lock(&lock);
    uint64_t now = now_locked();
    pthread_mutex_unlock(&lock);
    return now;
}

void host_time_set(uint64_t now_us)
{
    pthread_mutex_lock(&lock);
    if (now_us > now_locked()) {
        virtual_us = now_us;
        if (!idle) begin_turn();
    }
    pthread_mutex_unlock(&lock);
}

static void set_idle(bool on)
{
    pthread_mutex_lock(&lock);
    if (on && !idle) virtual_us = now_locked();
    if (!on && idle) begin_turn();
    idle = on;
    pthread_mutex_unlock(&lock);
}

void port_delay_us(uint32_t us)
{
    if (is_virtual) {
        // Bus timing has no meaning on a simulated bus. With a board only the board moves the clock.
        if (!host_board_present()) host_time_set(port_now_us() + us);
        return;
    }
    for (uint64_t until = host_real_us() + us; host_real_us() < until;) {
    }
}

void port_yield(void)
{
    // An endless loop would outlive a harness that was killed and could not kill it any more.
    static uint64_t looked_us;
    uint64_t real_us = host_real_us();
    if (real_us - looked_us < YIELD_LOOK_US) return;
    looked_us = real_us;
    host_board_check();
}

int port_post(const struct port_event *event)
{
    if (event->length > PORT_EVENT_DATA_MAX) return PORT_EINVAL;
    int result = PORT_OK;
    pthread_mutex_lock(&lock);
    if (queue_count == PORT_EVENT_QUEUE_LENGTH) {
        dropped++;
        result = PORT_EFULL;
    } else {
        queue[(queue_head + queue_count++) % PORT_EVENT_QUEUE_LENGTH] = *event;
    }
    pthread_mutex_unlock(&lock);
    // A full pipe has woken the waiting side already.
    if (wake_write >= 0 && write(wake_write, "", 1) < 0 && errno != EAGAIN) return PORT_EIO;
    return result;
}

int port_next_event(struct port_event *out)
{
    pthread_mutex_lock(&lock);
    int taken = queue_count > 0;
    if (taken) {
        *out = queue[queue_head];
        queue_head = (queue_head + 1) % PORT_EVENT_QUEUE_LENGTH;
        queue_count--;
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

uint32_t port_events_dropped(void)
{
    pthread_mutex_lock(&lock);
    uint32_t count = dropped;
    pthread_mutex_unlock(&lock);
    return count;
}

bool host_event_pending(void)
{
    pthread_mutex_lock(&lock);
    bool pending = queue_count > 0;
    pthread_mutex_unlock(&lock);
    return pending;
}

// One poll over the sockets, the wake pipe, the console and (when asked for) the board. Returns the number of ready sockets.
static int poll_once(struct port_wait_fd *fds, int count, int timeout_ms, bool *board_ready)
{
    struct pollfd polled[WAIT_FDS_MAX + 3];
    memset(polled, 0, sizeof polled);
    for (int i = 0; i < count; i++) {
        polled[i].fd = fds[i].fd;
        polled[i].events = (short)((fds[i].want_read ? POLLIN : 0) | (fds[i].want_write ? POLLOUT : 0));
    }
    polled[count].fd = wake_read;
    polled[count].events = POLLIN;
    polled[count + 1].fd = board_ready != NULL ? host_board_fd() : -1;
    polled[count + 1].events = POLLIN;
    polled[count + 2].fd = host_console_fd(&polled[count + 2].events);
    int result = poll(polled, (nfds_t)count + 3, timeout_ms);
    int ready = 0;
    for (int i = 0; i < count; i++) {
        short got = result > 0 ? polled[i].revents : 0;
        bool failed = (got & (POLLERR | POLLHUP | POLLNVAL)) != 0;
        fds[i].readable = failed || (got & POLLIN) != 0;
        fds[i].writable = failed || (got & POLLOUT) != 0;
        if (fds[i].readable || fds[i].writable) ready++;
    }
    if (result > 0 && polled[count].revents != 0) {
        char sink[64];
        while (read(wake_read, sink, sizeof sink) > 0) {
        }
    }
    if (result > 0 && polled[count + 2].revents != 0) host_console_ready(polled[count + 2].revents);
    if (board_ready != NULL) *board_ready = result > 0 && polled[count + 1].revents != 0;
    return ready;
}

static void send_heap(void)
{
    uint8_t body[16];
    struct host_heap_figures heap = host_heap_figures();
    host_put_u32(body, heap.live);
    host_put_u32(body + 4, heap.peak);
    host_put_u32(body + 8, heap.gross);
    host_put_u32(body + 12, heap.largest);
    host_board_send(BOARD_HEAP, body, sizeof body, NULL, 0);
}

static int wait_board(struct port_wait_fd *fds, int count, uint64_t deadline_us)
{
    bool asked = false;
    int ready;
    host_board_pump();
    for (;;) {
        if (host_event_pending() || port_now_us() >= deadline_us) {
            ready = poll_once(fds, count, 0, NULL);
            break;
        }
        if (!asked) {
            uint8_t body[8];
            if (host_options.count_heap) send_heap();
            set_idle(true);
            host_put_u64(body, deadline_us);
            host_board_send(BOARD_IDLE, body, sizeof body, NULL, 0);
            asked = true;
        }
        bool board_ready;
        ready = poll_once(fds, count, -1, &board_ready);
        if (board_ready && host_board_pump()) asked = false; // answered: what remains must be asked for anew
        if (ready > 0) break;
    }
    set_idle(false);
    return ready;
}

static int wait_fast(struct port_wait_fd *fds, int count, uint64_t deadline_us)
{
    bool due = host_event_pending() || port_now_us() >= deadline_us;
    int ready = poll_once(fds, count, due || (count == 0 && host_options.serial == NULL) ? 0 : FAST_WAIT_GRACE_MS, NULL);
    if (due) return ready;
    if (ready == 0 && !host_event_pending()) {
        uint64_t watchdog_us = host_watchdog_deadline();
        uint64_t until_us = watchdog_us != 0 && watchdog_us < deadline_us ? watchdog_us : deadline_us;
        if (until_us == UINT64_MAX) {
            set_idle(true);
            ready = poll_once(fds, count, -1, NULL);
        } else {
            host_time_set(until_us);
            if (until_us < deadline_us) host_watchdog_expired();
        }
    }
    set_idle(true);
    set_idle(false);
    return ready;
}

static int wait_real(struct port_wait_fd *fds, int count, uint64_t deadline_us)
{
    for (;;) {
        uint64_t now_us = port_now_us();
        bool due = host_event_pending() || now_us >= deadline_us;
        uint64_t left_ms = due ? 0 : (deadline_us - now_us + 999) / 1000;
        // A bound on one sleep keeps the number within poll's; no deadline at all waits for good.
        int timeout_ms = deadline_us == UINT64_MAX && !due ? -1 : left_ms > 3600000 ? 3600000 : (int)left_ms;
        int ready = poll_once(fds, count, timeout_ms, NULL);
        if (due || ready > 0) return ready;
    }
}

int port_wait(struct port_wait_fd *fds, int count, uint64_t deadline_us)
{
    if (count < 0 || count > WAIT_FDS_MAX) return PORT_EINVAL;
    if (host_board_present()) return wait_board(fds, count, deadline_us);
    return host_options.fast_wait ? wait_fast(fds, count, deadline_us) : wait_real(fds, count, deadline_us);
}
