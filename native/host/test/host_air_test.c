// Tests of the datagram air: the case plays the other radios on sockets of its own, byte by byte (docs/BOARD.md).
#include "host_test.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const uint8_t own[6] = {2, 0, 0, 0, 0, 0xAA}, other[6] = {2, 0, 0, 0, 0, 0xBB}, stranger[6] = {2, 0, 0, 0, 0, 0xCC};
static const uint8_t everybody[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static char folder[512];

static struct sockaddr_un address_of(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%.60s/%s", folder, name);
    CHECK(length > 0 && (size_t)length < sizeof address.sun_path);
    return address;
}

static int join(const char *name)
{
    struct sockaddr_un address = address_of(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void start(const char *faults)
{
    snprintf(folder, sizeof folder, "%s", host_options.flash_dir);
    host_options.air = folder;
    host_options.id = "0200000000aa";
    CHECK(host_air_faults(faults));
    CHECK(host_time_start() == PORT_OK && host_sys_start() == PORT_OK);
    CHECK(port_espnow_channel() == 0 && port_espnow_send(other, "x", 1) == PORT_ENOENT);
    CHECK(port_espnow_on(14, false) == PORT_EINVAL && port_espnow_on(6, true) == PORT_OK && port_espnow_channel() == 6);
}

static size_t datagram(uint8_t *out, uint8_t kind, uint8_t sequence, const uint8_t from[6], const uint8_t to[6], const char *frame)
{
    memset(out, 0, 20);
    out[0] = kind;
    out[1] = 6;
    out[2] = 1;
    out[3] = (uint8_t)-50;
    out[4] = sequence;
    memcpy(out + 8, from, 6);
    memcpy(out + 14, to, 6);
    memcpy(out + 20, frame, strlen(frame));
    return 20 + strlen(frame);
}

// The next datagram on `fd` is this one.
static void expect(int fd, uint8_t kind, uint8_t sequence, const uint8_t from[6], const uint8_t to[6], const char *frame)
{
    uint8_t want[300], got[300];
    size_t length = datagram(want, kind, sequence, from, to, frame);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    CHECK(poll(&polled, 1, 20000) == 1);
    CHECK(recv(fd, got, sizeof got, 0) == (ssize_t)length && memcmp(got, want, length) == 0);
}

static bool silent(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, 50) == 0;
}

static void tell(int fd, const uint8_t *bytes, size_t length)
{
    struct sockaddr_un address = address_of("0200000000aa");
    CHECK(sendto(fd, bytes, length, 0, (struct sockaddr *)&address, sizeof address) == (ssize_t)length);
}

static struct port_event next_event(void)
{
    struct port_event event;
    CHECK(port_wait(NULL, 0, port_now_us() + 20000000) == 0 && port_next_event(&event) == 1);
    return event;
}

static void broadcast_reaches_all_others(void)
{
    start("");
    int peer = join("0200000000bb"), listener = join("sniff-1");
    CHECK(port_espnow_send(everybody, "hello", 5) == PORT_OK);
    expect(peer, 1, 1, own, everybody, "hello");
    expect(listener, 1, 1, own, everybody, "hello");
    struct port_event event = next_event();
    CHECK(event.kind == PORT_EVENT_SENT && event.value == 1 && event.length == 0);
    CHECK(silent(peer) && port_next_event(&event) == 0); // and not ourselves
    CHECK(port_espnow_send(stranger, "", 0) == PORT_EINVAL);
    uint8_t long_frame[251] = {0}, group[6] = {1, 0, 0x5E, 0, 0, 1};
    CHECK(port_espnow_send(stranger, long_frame, 251) == PORT_EINVAL && port_espnow_send(group, "x", 1) == PORT_EINVAL);
}

static void unicast_is_acknowledged(void)
{
    uint8_t ack[300];
    start("");
    int peer = join("0200000000bb"), third = join("0200000000cc"), listener = join("sniff-1");
    CHECK(port_espnow_send(other, "one", 3) == PORT_OK);
    expect(peer, 1, 1, own, other, "one");
    expect(listener, 1, 1, own, other, "one");
    tell(peer, ack, datagram(ack, 2, 1, other, own, ""));
    struct port_event event = next_event();
    CHECK(event.kind == PORT_EVENT_SENT && event.value == 1);
    CHECK(port_espnow_send(other, "two", 3) == PORT_OK && port_espnow_send(other, "three", 5) == PORT_EAGAIN);
    expect(peer, 1, 2, own, other, "two");
    tell(peer, ack, datagram(ack, 2, 1, other, own, ""));    // of the one before
    tell(third, ack, datagram(ack, 2, 2, stranger, own, "")); // of somebody else
    event = next_event();
    CHECK(event.kind == PORT_EVENT_SENT && event.value == 0);
    CHECK(port_espnow_send(stranger, "four", 4) == PORT_OK);
    expect(third, 1, 3, own, stranger, "four");
    CHECK(port_espnow_off() == PORT_OK && port_espnow_off() == PORT_OK && port_espnow_channel() == 0);
    CHECK(port_next_event(&event) == 0); // a frame on its way ends silently
    CHECK(port_espnow_on(6, true) == PORT_OK && port_espnow_send(other, "five", 4) == PORT_OK);
    expect(peer, 1, 4, own, other, "five");
}

static void frames_come_in(void)
{
    uint8_t frame[300];
    struct port_event event;
    start("");
    int peer = join("0200000000bb");
    size_t length = datagram(frame, 1, 9, other, own, "data");
    for (size_t cut = 0; cut <= 20; cut++) tell(peer, frame, cut); // too short to be one
    frame[1] = 7;
    tell(peer, frame, length); // another channel
    frame[1] = 6;
    frame[2] = 0;
    tell(peer, frame, length); // another mode
    frame[2] = 1;
    frame[0] = 3;
    tell(peer, frame, length); // unknown
    frame[19] = 0xAB;
    frame[0] = 1;
    tell(peer, frame, length); // for somebody else
    tell(peer, frame, 271);    // longer than a frame can be
    tell(peer, frame, datagram(frame, 1, 9, other, own, "data"));
    expect(peer, 2, 9, own, other, "");
    event = next_event();
    CHECK(event.kind == PORT_EVENT_ESPNOW && event.number == 6 && event.value == -50 && event.length == 10);
    CHECK(memcmp(event.data, other, 6) == 0 && memcmp(event.data + 6, "data", 4) == 0);
    tell(peer, frame, datagram(frame, 1, 10, other, everybody, "all"));
    event = next_event();
    CHECK(event.kind == PORT_EVENT_ESPNOW && event.length == 9);
    CHECK(silent(peer) && port_next_event(&event) == 0); // a broadcast is not acknowledged
    memset(frame + 20, 'm', 250);
    tell(peer, frame, 270);
    event = next_event();
    CHECK(event.length == 256 && event.data[255] == 'm');
}

static void faults_of_the_air(void)
{
    start("loss=100,rssi=-50,seed=3");
    int peer = join("0200000000bb"), listener = join("sniff-1");
    CHECK(port_espnow_send(everybody, "lost", 4) == PORT_OK);
    expect(listener, 1, 1, own, everybody, "lost");
    CHECK(silent(peer));
    CHECK(host_air_faults("loss=0,duplicate=100,delay=5"));
    next_event();
    CHECK(port_espnow_send(everybody, "twice", 5) == PORT_OK);
    expect(peer, 1, 2, own, everybody, "twice");
    expect(peer, 1, 2, own, everybody, "twice");
    CHECK(host_air_faults("duplicate=0,delay=0,ackloss=100"));
    uint8_t frame[300];
    tell(peer, frame, datagram(frame, 1, 1, other, own, "x"));
    next_event();
    struct port_event event = next_event();
    CHECK(event.kind == PORT_EVENT_ESPNOW && silent(peer));
    static const char *const bad[] = {"loss", "loss=", "loss=101", "loss=-1", "rain=1", "loss=1;delay=2", "rssi=1", "delay=101", "=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!host_air_faults(bad[i]));
    CHECK(port_espnow_off() == PORT_OK);
}

const struct c_test host_air_tests[] = {
    {"broadcast_reaches_all_others", broadcast_reaches_all_others},
    {"unicast_is_acknowledged", unicast_is_acknowledged},
    {"frames_come_in", frames_come_in},
    {"faults_of_the_air", faults_of_the_air},
    {NULL, NULL},
};
