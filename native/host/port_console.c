// The serial console of the virtual chip: a terminal device (one end of a pty) that log lines go to and bytes come from.
// Like a UART's its output is lost when nobody takes it off the wire.
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { OUT_MAX = 4096 };

static int console = -1;
// Log lines come from any task.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t out[OUT_MAX];
static size_t out_length;
static bool announced;

int host_console_start(void)
{
    if (host_options.serial == NULL) return PORT_OK;
    struct termios settings;
    int fd = open(host_options.serial, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &settings) != 0) {
        fprintf(stderr, "hearth: %s is no terminal device that can be opened: %s\n", host_options.serial, strerror(errno));
        if (fd >= 0) close(fd);
        return PORT_EIO;
    }
    cfmakeraw(&settings);
    if (tcsetattr(fd, TCSANOW, &settings) != 0) {
        close(fd);
        return PORT_EIO;
    }
    console = fd;
    return PORT_OK;
}

void host_console_stop(void)
{
    if (console >= 0) close(console);
    console = -1;
    out_length = 0;
    announced = false;
}

int host_console_fd(short *events)
{
    pthread_mutex_lock(&lock);
    // Once announced, bytes wait in the terminal until they are read; polling for them would spin.
    *events = (short)((announced ? 0 : POLLIN) | (out_length > 0 ? POLLOUT : 0));
    pthread_mutex_unlock(&lock);
    return console;
}

// With the lock held.
static void flush(void)
{
    while (out_length > 0) {
        ssize_t count = write(console, out, out_length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            if (count < 0 && errno != EAGAIN) out_length = 0; // the other end has gone
            return;
        }
        memmove(out, out + count, out_length - (size_t)count);
        out_length -= (size_t)count;
    }
}

static bool queue(const void *head, size_t head_length, const void *tail, size_t tail_length)
{
    pthread_mutex_lock(&lock);
    flush();
    bool fits = head_length + tail_length <= sizeof out - out_length;
    if (fits) {
        memcpy(out + out_length, head, head_length);
        memcpy(out + out_length + head_length, tail, tail_length);
        out_length += head_length + tail_length;
        flush();
    }
    pthread_mutex_unlock(&lock);
    return fits;
}

void host_console_log(const char *line, size_t length)
{
    // The end of line that a terminal program needs. A line that does not fit is lost as a whole.
    if (console >= 0) (void)queue(line, length, "\r\n", 2);
}

void host_console_ready(short got)
{
    if ((got & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        host_console_stop();
        return;
    }
    if ((got & POLLOUT) != 0) {
        pthread_mutex_lock(&lock);
        flush();
        pthread_mutex_unlock(&lock);
    }
    if ((got & POLLIN) == 0 || announced) return;
    announced = true;
    struct port_event event = {.kind = PORT_EVENT_INPUT, .time_us = port_now_us()};
    port_post(&event);
}

int port_console_read(void *buf, size_t length)
{
    announced = false;
    if (console < 0 || length == 0) return 0;
    ssize_t count = read(console, buf, length);
    return count > 0 ? (int)count : 0; // no bytes, or nobody at the other end
}

int port_console_write(const void *data, size_t length)
{
    if (console < 0) return PORT_ENOTSUP;
    if (length > PORT_CONSOLE_WRITE_MAX) return PORT_EINVAL;
    return queue(data, length, "", 0) ? PORT_OK : PORT_EAGAIN;
}
