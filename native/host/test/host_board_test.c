// Tests of the board's client and of time with a board: the child process is the chip, the parent plays the board byte by byte.
#include "host_test.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int board;      // the parent's end
static int side[2];    // a byte stream beside it: the chip's "TCP connection"
static char socket_path[1024];

static void chip_start(void)
{
    host_options.board = socket_path;
    host_options.version = "0.1.0";
    host_options.reset = PORT_RESET_SOFTWARE;
    CHECK(host_time_start() == PORT_OK && host_board_start() == PORT_OK);
}

// Forks: `chip` runs in the child behind a connected board. Returns its process id in the parent.
static pid_t launch(void (*chip)(void))
{
    CHECK(host_path(socket_path, sizeof socket_path, "b"));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, side) == 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(socket_path) < sizeof address.sun_path);
    strcpy(address.sun_path, socket_path);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(server, (struct sockaddr *)&address, sizeof address) == 0 && listen(server, 1) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(server);
        close(side[0]);
        chip_start();
        chip();
        _exit(0);
    }
    close(side[1]);
    board = accept(server, NULL, NULL);
    close(server);
    CHECK(board >= 0);
    return child;
}

static void expect_exit(pid_t child, int code)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

static void read_exactly(void *buf, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = read(board, (uint8_t *)buf + at, length - at);
        CHECK(count > 0);
        at += (size_t)count;
    }
}

// The next message must have this type and body.
static void expect(uint8_t type, const void *body, size_t length)
{
    uint8_t head[3], got[600];
    read_exactly(head, 3);
    size_t got_length = (size_t)(head[0] | head[1] << 8) - 1;
    CHECK(got_length <= sizeof got);
    read_exactly(got, got_length);
    if (head[2] != type || got_length != length) {
        fprintf(stderr, "message %u of %zu bytes, expected %u of %zu\n", head[2], got_length, type, length);
    }
    CHECK(head[2] == type && got_length == length && memcmp(got, body, length) == 0);
}

static void expect_idle(uint64_t until_us)
{
    uint8_t body[8];
    host_put_u64(body, until_us);
    expect(BOARD_IDLE, body, sizeof body);
}

static void expect_hello(void)
{
    uint8_t body[6] = {PORT_RESET_SOFTWARE, '0', '.', '1', '.', '0'};
    expect(BOARD_HELLO, body, sizeof body);
}

static void tell(uint8_t type, const void *body, size_t length)
{
    uint8_t message[600];
    host_put_u16(message, (uint16_t)(1 + length));
    message[2] = type;
    memcpy(message + 3, body, length);
    CHECK(write(board, message, 3 + length) == (ssize_t)(3 + length));
}

static void tell_time(uint64_t now_us)
{
    uint8_t body[8];
    host_put_u64(body, now_us);
    tell(BOARD_IN_TIME, body, sizeof body);
}

static bool quiet(void)
{
    struct pollfd polled = {.fd = board, .events = POLLIN};
    return poll(&polled, 1, 50) == 0;
}

// ---------------------------------------------------------------- time

static void chip_waits(void)
{
    CHECK(port_now_us() == 0);
    CHECK(port_wait(NULL, 0, 5000000) == 0 && port_now_us() == 5000000);
    CHECK(port_wait(NULL, 0, 5000000) == 0); // already due: the board is not asked
    CHECK(port_wait(NULL, 0, 7000000) == 0 && port_now_us() == 8000000);
    CHECK(port_wait(NULL, 0, 4000000) == 0 && port_now_us() == 8000000);
    CHECK(port_wait(NULL, 0, UINT64_MAX) == 0); // until the board has gone
    CHECK(false);
}

static void board_moves_time(void)
{
    pid_t child = launch(chip_waits);
    expect_hello();
    expect_idle(5000000);
    CHECK(quiet());
    tell_time(2000000); // a part of the way: what remains is asked for again
    expect_idle(5000000);
    CHECK(quiet());
    tell_time(5000000);
    expect_idle(7000000);
    uint8_t message[11] = {9, 0, BOARD_IN_TIME};
    host_put_u64(message + 3, 8000000);
    for (size_t i = 0; i < sizeof message; i++) { // a message in any pieces
        CHECK(write(board, message + i, 1) == 1);
        usleep(1000);
    }
    expect_idle(UINT64_MAX);
    close(board);
    expect_exit(child, 0);
}

static void chip_reads_socket(void)
{
    struct port_wait_fd fd = {.fd = side[1], .want_read = true};
    char byte;
    CHECK(port_wait(&fd, 1, 1000000) == 1 && fd.readable && !fd.writable && port_now_us() == 0);
    CHECK(read(side[1], &byte, 1) == 1);
    CHECK(port_wait(&fd, 1, 1000000) == 0 && port_now_us() == 1000000);
    // Time and data at once: both are seen.
    CHECK(port_wait(&fd, 1, 2000000) == 1 && port_now_us() <= 2000000);
}

static void socket_wakes_without_time(void)
{
    pid_t child = launch(chip_reads_socket);
    expect_hello();
    expect_idle(1000000);
    CHECK(write(side[0], "a", 1) == 1);
    expect_idle(1000000); // a fresh one after the socket's wake-up
    tell_time(1000000);
    expect_idle(2000000);
    CHECK(write(side[0], "b", 1) == 1);
    expect_exit(child, 0);
}

static void chip_takes_events(void)
{
    struct port_event event;
    uint8_t bytes[600];
    CHECK(port_uart_open(2, 17, 16, 9600) == PORT_OK && port_uart_write(2, "hi", 2) == PORT_OK);
    CHECK(port_wait(NULL, 0, 9000000) == 0 && port_now_us() == 4000000);
    CHECK(port_next_event(&event) == 1 && event.kind == PORT_EVENT_UART && event.number == 2);
    CHECK(event.time_us == 4000000);
    CHECK(port_uart_read(2, bytes, 2) == 2 && port_uart_read(2, bytes + 2, 600) == 1 && memcmp(bytes, "abc", 3) == 0);
    CHECK(port_uart_read(2, bytes, 600) == 0 && port_uart_read(1, bytes, 1) == PORT_ENOENT);
    CHECK(port_wait(NULL, 0, 9000000) == 0);
    CHECK(port_next_event(&event) == 1 && port_uart_read(2, bytes, 600) == PORT_UART_BUFFER); // the rest is lost
    CHECK(port_uart_close(2) == PORT_OK);
}

static void uart_event_wakes(void)
{
    static const uint8_t open_body[7] = {2, 17, 16, 0x80, 0x25, 0, 0};
    pid_t child = launch(chip_takes_events);
    expect_hello();
    expect(BOARD_UART_OPEN, open_body, sizeof open_body);
    expect(BOARD_UART_BYTES, "\2hi", 3);
    expect_idle(9000000);
    uint8_t both[11 + 7] = {9, 0, BOARD_IN_TIME}; // the time and what happened then, in one piece
    host_put_u64(both + 3, 4000000);
    memcpy(both + 11, "\5\0\x42\2abc", 7);
    CHECK(write(board, both, sizeof both) == (ssize_t)sizeof both);
    expect_idle(9000000);
    uint8_t many[551] = {2};
    tell(BOARD_IN_UART, many, sizeof many);
    expect(BOARD_UART_CLOSE, "\2", 1);
    expect_exit(child, 0);
}

static void chip_spins(void)
{
    uint64_t began_us = host_real_us();
    while (host_real_us() - began_us < 1500000) CHECK(port_now_us() == 0);
    while (port_now_us() == 0) CHECK(host_real_us() - began_us < 20000000);
    CHECK(host_real_us() - began_us >= 1900000);
    uint64_t now_us = port_now_us();
    CHECK(port_wait(NULL, 0, 3600000000u) == 0 && port_now_us() == 3600000000u && now_us < 3600000000u);
    CHECK(port_now_us() == 3600000000u);
}

static void busy_turn_moves_time(void)
{
    pid_t child = launch(chip_spins);
    expect_hello();
    expect_idle(3600000000u);
    tell_time(3600000000u);
    expect_exit(child, 0);
}

static void chip_loops(void)
{
    for (;;) port_yield();
}

static void endless_loop_ends_with_the_board(void)
{
    pid_t child = launch(chip_loops);
    expect_hello();
    close(board);
    expect_exit(child, 0);
}

// ---------------------------------------------------------------- pins, I2C, network, the end of a boot

static void chip_uses_pins(void)
{
    uint8_t bytes[2];
    struct port_event event;
    CHECK(port_gpio_mode(25, PORT_GPIO_OUTPUT, 1) == PORT_OK && port_gpio_write(25, 0) == PORT_OK);
    CHECK(port_gpio_read(25) == 0);
    CHECK(port_gpio_mode(26, PORT_GPIO_INPUT_PULLUP, 0) == PORT_OK && port_gpio_write(26, 0) == PORT_EINVAL);
    CHECK(port_gpio_watch(25, true) == PORT_EINVAL && port_gpio_watch(26, true) == PORT_OK);
    CHECK(port_gpio_read(26) == 1 && port_gpio_mode(64, PORT_GPIO_INPUT, 0) == PORT_EINVAL);
    CHECK(port_next_event(&event) == 1 && event.kind == PORT_EVENT_GPIO && event.number == 26 && event.value == 1);
    CHECK(port_i2c_transfer(0, 0x40, "w", 1, bytes, 2, 1000) == PORT_ENOENT);
    CHECK(port_i2c_open(0, 21, 22, 400000) == PORT_OK);
    CHECK(port_i2c_transfer(0, 0x40, "w", 1, bytes, 2, 1000) == PORT_OK && bytes[0] == 7 && bytes[1] == 8);
    CHECK(port_i2c_transfer(0, 0x41, "", 0, bytes, 2, 1000) == PORT_ENACK);
    port_watchdog_set(15000000);
    CHECK(port_cpu_mhz(80) == PORT_OK && port_cpu_mhz(81) == PORT_EINVAL);
    port_log("hello");
    port_deep_sleep(258);
}

static void pins_and_buses(void)
{
    pid_t child = launch(chip_uses_pins);
    expect_hello();
    expect(BOARD_PIN_MODE, "\x19\3\1", 3);
    expect(BOARD_PIN_LEVEL, "\x19\0", 2);
    expect(BOARD_PIN_MODE, "\x1A\1\0", 3);
    expect(BOARD_PIN_READ, "\x1A", 1);
    tell(BOARD_IN_PIN, "\x1A\1", 2); // another message comes before the answer
    tell(BOARD_IN_PIN_READ, "\1", 1);
    expect(BOARD_I2C_OPEN, "\0\x15\x16\x80\x1A\6\0", 7);
    expect(BOARD_I2C_TRANSFER, "\0\x40\2\0w", 5);
    tell(BOARD_IN_I2C, "\0\7\x8", 3);
    expect(BOARD_I2C_TRANSFER, "\0\x41\2\0", 4);
    tell(BOARD_IN_I2C, "\xF4", 1);
    expect(BOARD_WATCHDOG, "\xC0\xE1\xE4\0\0\0\0\0", 8);
    expect(BOARD_CPU, "\x50\0", 2);
    expect(BOARD_LOG, "hello", 5);
    expect(BOARD_RESET, "\4\2\1\0\0\0\0\0\0", 9);
    expect_exit(child, HOST_EXIT_RESET + PORT_RESET_DEEP_SLEEP);
}

static uint8_t net_state(void)
{
    struct port_event event;
    struct port_net_status status;
    CHECK(port_next_event(&event) == 1 && event.kind == PORT_EVENT_NET && port_next_event(&event) == 0);
    port_net_status(&status);
    return status.state;
}

static void chip_joins(void)
{
    struct port_net_status status;
    CHECK(port_net_connect("x", "") == PORT_EINVAL);
    CHECK(port_net_on(PORT_NET_WIFI) == PORT_OK && net_state() == PORT_NET_ON);
    CHECK(port_net_connect("home", "pw") == PORT_OK && net_state() == PORT_NET_CONNECTING);
    CHECK(port_wait(NULL, 0, UINT64_MAX) == 0 && net_state() == PORT_NET_UP);
    port_net_status(&status);
    CHECK(memcmp(status.ip, "\x7F\1\2\3", 4) == 0 && status.rssi == -55 && status.channel == 6);
    CHECK(port_wait(NULL, 0, UINT64_MAX) == 0 && net_state() == PORT_NET_LOST);
    port_net_status(&status);
    CHECK(status.ip[0] == 0);
    CHECK(port_net_off() == PORT_OK && net_state() == PORT_NET_OFF);
    CHECK(port_wait(NULL, 0, 1000) == 0 && !host_event_pending()); // a late word of the board changes nothing
    port_restart();
}

static void network_states(void)
{
    pid_t child = launch(chip_joins);
    expect_hello();
    expect(BOARD_NET, "\1\0", 2);
    expect(BOARD_NET, "\2\4homepw", 8);
    expect_idle(UINT64_MAX);
    tell(BOARD_IN_NET, "\3\x7F\1\2\3\xC9\6", 7);
    expect_idle(UINT64_MAX);
    tell(BOARD_IN_NET, "\4\0\0\0\0\0\0", 7);
    expect(BOARD_NET, "\0", 1);
    expect_idle(1000);
    tell(BOARD_IN_NET, "\3\x7F\1\2\3\xC9\6", 7);
    CHECK(quiet()); // the device still waits
    tell_time(1000);
    expect(BOARD_RESET, "\1", 1);
    expect_exit(child, HOST_EXIT_RESET + PORT_RESET_SOFTWARE);
}

static void chip_counts(void)
{
    host_options.count_flash = true;
    CHECK(host_flash_start() == PORT_OK && host_file_start() == PORT_OK);
    CHECK(port_flash_erase(PORT_PART_APP_0, 0, 2 * PORT_FLASH_SECTOR) == PORT_OK);
    CHECK(port_flash_write(PORT_PART_APP_0, 0, "four", 4) == PORT_OK);
    CHECK(port_file_write("f", 0, "x", 1) == PORT_OK);
}

static void counts_operations(void)
{
    pid_t child = launch(chip_counts);
    expect_hello();
    expect(BOARD_FLASH, "\1\1\0\0\0", 5);
    expect(BOARD_FLASH, "\1\2\0\0\0", 5);
    expect(BOARD_FLASH, "\2\3\0\0\0", 5);
    expect(BOARD_FLASH, "\3\4\0\0\0", 5);
    expect_exit(child, 0);
}

const struct c_test host_board_tests[] = {
    {"board_moves_time", board_moves_time},
    {"socket_wakes_without_time", socket_wakes_without_time},
    {"uart_event_wakes", uart_event_wakes},
    {"busy_turn_moves_time", busy_turn_moves_time},
    {"endless_loop_ends_with_the_board", endless_loop_ends_with_the_board},
    {"pins_and_buses", pins_and_buses},
    {"network_states", network_states},
    {"counts_operations", counts_operations},
    {NULL, NULL},
};
