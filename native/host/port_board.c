// The client of the board socket (docs/BOARD.md): frames messages both ways and hands those from the board to their owners.
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_MAX = 2 + 65535 };

static int board = -1;
static pthread_mutex_t send_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t received[2 * MESSAGE_MAX];
static size_t received_length;

// The answer that host_board_answer waits for.
static uint8_t wanted;
static bool wanted_here;
static uint8_t *wanted_buf;
static size_t wanted_capacity;
static int wanted_length;

bool host_board_present(void)
{
    return board >= 0;
}

int host_board_fd(void)
{
    return board;
}

static void board_gone(void)
{
    // The harness has ended: so does the chip. Without a word, as nobody is there to read it.
    _exit(0);
}

int host_board_start(void)
{
    if (host_options.board == NULL) return PORT_OK;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(host_options.board) >= sizeof address.sun_path) {
        fprintf(stderr, "hearth: the path of the board socket is too long: %s\n", host_options.board);
        return PORT_EINVAL;
    }
    strcpy(address.sun_path, host_options.board);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fprintf(stderr, "hearth: no board at %s: %s\n", host_options.board, strerror(errno));
        if (fd >= 0) close(fd);
        return PORT_EIO;
    }
    board = fd;
    uint8_t reason = (uint8_t)host_options.reset;
    host_board_send(BOARD_HELLO, &reason, 1, host_options.version, strlen(host_options.version));
    return PORT_OK;
}

static bool send_all(const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = send(board, bytes, length, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes += count;
        length -= (size_t)count;
    }
    return true;
}

void host_board_send(uint8_t type, const void *head, size_t head_length, const void *body, size_t body_length)
{
    static uint8_t message[MESSAGE_MAX];
    if (board < 0) return;
    size_t length = 1 + head_length + body_length;
    if (length > 65535) return;
    pthread_mutex_lock(&send_lock);
    host_put_u16(message, (uint16_t)length);
    message[2] = type;
    if (head_length > 0) memcpy(message + 3, head, head_length);
    if (body_length > 0) memcpy(message + 3 + head_length, body, body_length);
    // One send per message, so that the harness never sees a part of one beside another task's.
    bool sent = send_all(message, 2 + length);
    pthread_mutex_unlock(&send_lock);
    if (!sent) board_gone();
}

// Returns true for `time`.
static bool hand_out(uint8_t type, const uint8_t *body, size_t length)
{
    if (wanted != 0 && type == wanted && !wanted_here) {
        size_t copied = length < wanted_capacity ? length : wanted_capacity;
        if (copied > 0) memcpy(wanted_buf, body, copied);
        wanted_length = (int)length;
        wanted_here = true;
        return false;
    }
    switch (type) {
    case BOARD_IN_TIME:
        if (length == 8) host_time_set(host_get_u64(body));
        return length == 8;
    case BOARD_IN_PIN:
        if (length == 2) host_pins_level(body[0], body[1]);
        break;
    case BOARD_IN_UART:
        if (length > 1) host_uart_bytes(body[0], body + 1, length - 1);
        break;
    case BOARD_IN_PULSES:
        if (length == 9) host_pulses(body[0], host_get_u32(body + 1), host_get_u32(body + 5));
        break;
    case BOARD_IN_EDGES:
        if (length > 1) host_edges(body[0], body + 1, length - 1);
        break;
    case BOARD_IN_ESPNOW:
        if (length > 8) host_espnow_received(body[0], (int8_t)body[1], body + 2, body + 8, length - 8);
        break;
    case BOARD_IN_SENT:
        if (length == 2) host_espnow_sent(body[0], body[1] != 0);
        break;
    case BOARD_IN_NET:
        host_net_message(body, length);
        break;
    default:
        break; // a newer harness may say more than this firmware knows
    }
    return false;
}

bool host_board_pump(void)
{
    bool time_seen = false;
    for (;;) {
        ssize_t count = recv(board, received + received_length, sizeof received - received_length, MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return time_seen;
        if (count <= 0) board_gone();
        received_length += (size_t)count;
        size_t at = 0;
        while (received_length - at >= 2) {
            size_t length = (size_t)(received[at] | received[at + 1] << 8);
            if (received_length - at - 2 < length) break;
            if (length > 0 && hand_out(received[at + 2], received + at + 3, length - 1)) time_seen = true;
            at += 2 + length;
        }
        memmove(received, received + at, received_length - at);
        received_length -= at;
    }
}

void host_board_check(void)
{
    struct pollfd polled = {.fd = board, .events = 0};
    if (board >= 0 && poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0) board_gone();
}

int host_board_answer(uint8_t answer, void *buf, size_t capacity)
{
    uint64_t began_us = host_real_us(), limit_us = (uint64_t)HOST_BOARD_ANSWER_MS * 1000;
    wanted = answer;
    wanted_here = false;
    wanted_buf = buf;
    wanted_capacity = capacity;
    for (;;) {
        host_board_pump();
        uint64_t passed_us = host_real_us() - began_us;
        if (wanted_here || passed_us >= limit_us) {
            wanted = 0;
            return wanted_here ? wanted_length : PORT_EIO;
        }
        struct pollfd polled = {.fd = board, .events = POLLIN};
        (void)poll(&polled, 1, (int)((limit_us - passed_us) / 1000) + 1);
    }
}
