// Tests of the serial console over a pty; the test holds the other end.
#include "host_test.h"

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <unistd.h>

static int far_end, near_end;
static char pty_path[64];

static void start(void)
{
    CHECK(openpty(&far_end, &near_end, pty_path, NULL, NULL) == 0);
    host_options.serial = pty_path;
    CHECK(host_time_start() == PORT_OK && host_console_start() == PORT_OK);
}

static void console_event_comes_once(void)
{
    struct port_event event;
    uint8_t bytes[8];
    start();
    CHECK(write(far_end, "\0ab\r", 4) == 4);
    CHECK(port_wait(NULL, 0, UINT64_MAX) == 0);
    CHECK(port_next_event(&event) == 1 && event.kind == PORT_EVENT_INPUT);
    CHECK(port_wait(NULL, 0, 1) == 0 && port_next_event(&event) == 0); // not again, though bytes are there
    CHECK(port_console_read(bytes, 3) == 3 && memcmp(bytes, "\0ab", 3) == 0);
    CHECK(port_wait(NULL, 0, UINT64_MAX) == 0 && port_next_event(&event) == 1); // a part was left
    CHECK(port_console_read(bytes, 8) == 1 && bytes[0] == '\r' && port_console_read(bytes, 8) == 0);
}

static void console_writes_all_or_nothing(void)
{
    static uint8_t block[PORT_CONSOLE_WRITE_MAX], back[8192];
    static char line[PORT_CONSOLE_WRITE_MAX];
    int taken = 0, refused = 0;
    size_t have = 0;
    start();
    fcntl(far_end, F_SETFL, O_NONBLOCK);
    CHECK(port_console_write(block, sizeof block + 1) == PORT_EINVAL);
    for (int i = 0; i < 20; i++) {
        memset(block, i, sizeof block);
        int result = port_console_write(block, sizeof block);
        CHECK(result == PORT_OK || result == PORT_EAGAIN);
        if (result == PORT_OK) CHECK(refused == 0 && ++taken > 0);
        else refused++;
    }
    CHECK(taken >= 3 && refused > 0);
    memset(line, 'x', sizeof line - 1);
    port_log(line); // no room for it: lost as a whole, unless the terminal has made room in between
    for (int i = 0; i < taken; i++) {
        for (have = 0; have < sizeof block;) {
            ssize_t count = read(far_end, back + have, sizeof block - have);
            if (count > 0) have += (size_t)count;
            else port_wait(NULL, 0, port_now_us() + 100000); // room in the terminal: the rest goes out
        }
        for (size_t at = 0; at < sizeof block; at++) CHECK(back[at] == i);
    }
    port_log("kept");
    for (have = 0; have < 6 || memcmp(back + have - 6, "kept\r\n", 6) != 0;) { // the terminal may hand it over in pieces
        ssize_t count = read(far_end, back + have, sizeof back - have);
        if (count > 0) have += (size_t)count;
        else port_wait(NULL, 0, port_now_us() + 100000);
    }
    CHECK(have == 6 || (have > 8 && memcmp(back + have - 8, "\r\n", 2) == 0));
    for (size_t at = 0; at + 8 < have; at++) CHECK(back[at] == 'x');
}

static void console_that_is_pulled(void)
{
    struct port_event event;
    start();
    close(near_end);
    close(far_end);
    CHECK(port_wait(NULL, 0, 1000) == 0 && port_next_event(&event) == 0);
    CHECK(port_console_write("x", 1) == PORT_ENOTSUP);
    port_log("nobody hears it");
}

static void no_console(void)
{
    uint8_t byte;
    host_options.serial = NULL;
    CHECK(host_console_start() == PORT_OK);
    CHECK(port_console_read(&byte, 1) == 0 && port_console_write("x", 1) == PORT_ENOTSUP);
    host_options.serial = "/dev/null";
    CHECK(freopen("/dev/null", "w", stderr) != NULL); // it tells why
    CHECK(host_console_start() == PORT_EIO);
}

const struct c_test host_console_tests[] = {
    {"console_event_comes_once", console_event_comes_once},
    {"console_writes_all_or_nothing", console_writes_all_or_nothing},
    {"console_that_is_pulled", console_that_is_pulled},
    {"no_console", no_console},
    {NULL, NULL},
};
