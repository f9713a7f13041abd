// The air of --air: one datagram socket per radio in a folder, named by its MAC (layout in docs/BOARD.md). A task of its own plays
// the Wi-Fi task: it receives, acknowledges, and sends what is delayed. Its time is real time, also when the device's is virtual.
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    KIND_FRAME = 1,
    KIND_ACK = 2,
    HEAD_SIZE = 20,
    DATAGRAM_MAX = HEAD_SIZE + PORT_ESPNOW_FRAME_MAX,
    NAME_MAX_AIR = 32,    // names of sockets: 12 hex digits, or sniff-...
    ON_THE_WAY_MAX = 64,  // delayed datagrams; what comes on top is lost
    ACK_US = 100000,      // on top of the delays
};

// A datagram that leaves at its time.
struct delayed {
    bool used;
    uint64_t due_us;
    char name[NAME_MAX_AIR];
    uint8_t bytes[DATAGRAM_MAX];
    size_t length;
};

static struct {
    uint64_t loss, ackloss, duplicate, reorder; // per cent
    uint64_t delay, jitter;                     // ms
    int64_t rssi;                               // dBm
    uint64_t seed;
} faults = {.rssi = -50};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t task;
static int air_fd = -1, wake_fd = -1;
static bool ending;
static struct delayed on_the_way[ON_THE_WAY_MAX];
static uint8_t mac[6], air_channel, air_long_range;
static uint64_t ack_limit_us; // 0: no acknowledgement is waited for
static uint8_t ack_sequence, ack_from[6];
static uint64_t random_state;

bool host_air_faults(const char *text)
{
    const struct {
        const char *name;
        uint64_t *value, max;
    } settings[] = {
        {"loss", &faults.loss, 100},      {"ackloss", &faults.ackloss, 100}, {"duplicate", &faults.duplicate, 100},
        {"reorder", &faults.reorder, 100}, {"delay", &faults.delay, 100},      {"jitter", &faults.jitter, 100},
        {"seed", &faults.seed, UINT64_MAX},
    };
    while (*text != '\0') {
        char name[16], *rest;
        size_t length = strcspn(text, "=");
        if (text[length] != '=' || length >= sizeof name) return false;
        memcpy(name, text, length);
        name[length] = '\0';
        const char *number = text + length + 1;
        bool good = false;
        errno = 0;
        if (strcmp(name, "rssi") == 0) {
            faults.rssi = strtoll(number, &rest, 10);
            good = faults.rssi >= -127 && faults.rssi <= 0;
        } else {
            uint64_t value = strtoull(number, &rest, 10);
            for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
                if (strcmp(name, settings[i].name) != 0 || value > settings[i].max || *number == '-') continue;
                *settings[i].value = value;
                good = true;
            }
        }
        if (!good || errno != 0 || rest == number || (*rest != ',' && *rest != '\0')) return false;
        text = *rest == ',' ? rest + 1 : rest;
    }
    return true;
}

// 0..99
static uint64_t draw(void)
{
    return host_splitmix64(&random_state) % 100;
}

static bool socket_name(struct sockaddr_un *address, const char *name)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    int length = snprintf(address->sun_path, sizeof address->sun_path, "%s/%s", host_options.air, name);
    return length > 0 && (size_t)length < sizeof address->sun_path;
}

static void mac_text(char out[13], const uint8_t of[6])
{
    for (int i = 0; i < 6; i++) snprintf(out + 2 * i, 3, "%02x", of[i]);
}

// A radio that is not there, or whose buffer is full, does not hear it.
static void send_now(const char *name, const uint8_t *bytes, size_t length)
{
    struct sockaddr_un address;
    if (!socket_name(&address, name)) return;
    (void)!sendto(air_fd, bytes, length, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address);
}

// With the lock held.
static void send_later(const char *name, const uint8_t *bytes, size_t length, uint64_t delay_us)
{
    if (delay_us == 0) {
        send_now(name, bytes, length);
        return;
    }
    for (int i = 0; i < ON_THE_WAY_MAX; i++) {
        struct delayed *one = &on_the_way[i];
        if (one->used) continue;
        one->used = true;
        one->due_us = host_real_us() + delay_us;
        snprintf(one->name, sizeof one->name, "%s", name);
        memcpy(one->bytes, bytes, length);
        one->length = length;
        return;
    }
}

// With the lock held: what the air does to a frame for one radio.
static void pass(const char *name, const uint8_t *bytes, size_t length)
{
    bool lost = draw() < faults.loss, twice = draw() < faults.duplicate, late = draw() < faults.reorder;
    uint64_t delay_us = faults.delay * 1000 + draw() * faults.jitter * 10;
    if (late) delay_us += 2 * (faults.delay + faults.jitter + 1) * 1000; // behind what is sent next
    if (!lost) send_later(name, bytes, length, delay_us);
    if (!lost && twice) send_later(name, bytes, length, delay_us + 1000);
}

// Calls `each` for the sockets of all others: radios (12 hex digits), or listeners (sniff-...).
static void for_others(bool radios, const uint8_t *bytes, size_t length)
{
    char own[13];
    mac_text(own, mac);
    DIR *folder = opendir(host_options.air);
    if (folder == NULL) return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *name = entry->d_name;
        bool radio = strlen(name) == 12 && strspn(name, "0123456789abcdef") == 12;
        if (radio && radios && strcmp(name, own) != 0) pass(name, bytes, length);
        if (!radios && strncmp(name, "sniff-", 6) == 0 && strlen(name) < NAME_MAX_AIR) send_now(name, bytes, length);
    }
    closedir(folder);
}

static void write_head(uint8_t *out, uint8_t kind, uint8_t sequence, const uint8_t to[6])
{
    memset(out, 0, HEAD_SIZE);
    out[0] = kind;
    out[1] = air_channel;
    out[2] = air_long_range;
    out[3] = (uint8_t)faults.rssi;
    out[4] = sequence;
    memcpy(out + 8, mac, 6);
    memcpy(out + 14, to, 6);
}

int host_air_send(uint8_t sequence, const uint8_t to[6], const void *frame, size_t length)
{
    uint8_t datagram[DATAGRAM_MAX];
    char name[13];
    bool to_all = (to[0] & 1) != 0;
    pthread_mutex_lock(&lock);
    write_head(datagram, KIND_FRAME, sequence, to);
    memcpy(datagram + HEAD_SIZE, frame, length);
    for_others(false, datagram, HEAD_SIZE + length);
    if (to_all) {
        for_others(true, datagram, HEAD_SIZE + length);
    } else {
        mac_text(name, to);
        pass(name, datagram, HEAD_SIZE + length);
        ack_sequence = sequence;
        memcpy(ack_from, to, 6);
        ack_limit_us = host_real_us() + ACK_US + 4 * (faults.delay + faults.jitter) * 1000;
    }
    pthread_mutex_unlock(&lock);
    (void)!write(wake_fd, &(uint64_t){1}, 8);
    if (to_all) host_espnow_sent(sequence, true);
    return PORT_OK;
}

static void receive(const uint8_t *datagram, size_t length)
{
    static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    if (length < HEAD_SIZE || length > DATAGRAM_MAX) return;
    const uint8_t *from = datagram + 8, *to = datagram + 14;
    pthread_mutex_lock(&lock);
    bool heard = datagram[1] == air_channel && (datagram[2] & 1) == air_long_range;
    bool mine = memcmp(to, mac, 6) == 0;
    bool acked = heard && mine && datagram[0] == KIND_ACK && ack_limit_us != 0 && datagram[4] == ack_sequence &&
                 memcmp(from, ack_from, 6) == 0;
    bool frame = heard && datagram[0] == KIND_FRAME && length > HEAD_SIZE && (mine || memcmp(to, broadcast, 6) == 0);
    if (acked) ack_limit_us = 0;
    // As on a chip the radio acknowledges, whether or not there is room for the frame behind it.
    if (frame && mine && draw() >= faults.ackloss) {
        uint8_t ack[HEAD_SIZE];
        char name[13];
        write_head(ack, KIND_ACK, datagram[4], from);
        mac_text(name, from);
        send_now(name, ack, sizeof ack);
    }
    pthread_mutex_unlock(&lock);
    if (acked) host_espnow_sent(datagram[4], true);
    if (frame) host_espnow_received(datagram[1], (int8_t)datagram[3], from, datagram + HEAD_SIZE, length - HEAD_SIZE);
}

// Sends what is due and gives up on an acknowledgement that is late. Returns when the next of these is, UINT64_MAX: never.
static uint64_t do_due(void)
{
    uint64_t now_us = host_real_us(), next_us = UINT64_MAX;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < ON_THE_WAY_MAX; i++) {
        struct delayed *one = &on_the_way[i];
        if (!one->used) continue;
        if (one->due_us <= now_us) {
            send_now(one->name, one->bytes, one->length);
            one->used = false;
        } else if (one->due_us < next_us) next_us = one->due_us;
    }
    bool missed = ack_limit_us != 0 && ack_limit_us <= now_us;
    uint8_t sequence = ack_sequence;
    if (missed) ack_limit_us = 0;
    if (ack_limit_us != 0 && ack_limit_us < next_us) next_us = ack_limit_us;
    pthread_mutex_unlock(&lock);
    if (missed) host_espnow_sent(sequence, false);
    return next_us;
}

static void *run(void *unused)
{
    uint8_t datagram[DATAGRAM_MAX + 1];
    (void)unused;
    for (;;) {
        uint64_t next_us = do_due(), now_us = host_real_us(), count;
        int wait_ms = next_us == UINT64_MAX ? -1 : next_us <= now_us ? 0 : (int)((next_us - now_us) / 1000) + 1;
        struct pollfd polled[2] = {{.fd = air_fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
        (void)poll(polled, 2, wait_ms);
        (void)!read(wake_fd, &count, sizeof count);
        pthread_mutex_lock(&lock);
        bool end = ending;
        pthread_mutex_unlock(&lock);
        if (end) return NULL;
        ssize_t length = recv(air_fd, datagram, sizeof datagram, MSG_DONTWAIT);
        if (length > 0) receive(datagram, (size_t)length);
    }
}

int host_air_start(void)
{
    char name[13];
    struct sockaddr_un address;
    port_unique_id(mac);
    mac_text(name, mac);
    if (!socket_name(&address, name)) return PORT_EINVAL;
    random_state = faults.seed;
    for (int i = 0; i < 6; i++) random_state = random_state * 256 + mac[i]; // each radio has its own misfortune
    ending = false;
    ack_limit_us = 0;
    memset(on_the_way, 0, sizeof on_the_way);
    air_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    (void)unlink(address.sun_path); // what an earlier boot has left behind
    if (air_fd >= 0 && wake_fd >= 0 && bind(air_fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        pthread_create(&task, NULL, run, NULL) == 0) {
        return PORT_OK;
    }
    if (air_fd >= 0) close(air_fd);
    if (wake_fd >= 0) close(wake_fd);
    return PORT_EIO;
}

void host_air_stop(void)
{
    char name[13];
    struct sockaddr_un address;
    pthread_mutex_lock(&lock);
    ending = true;
    pthread_mutex_unlock(&lock);
    (void)!write(wake_fd, &(uint64_t){1}, 8);
    pthread_join(task, NULL);
    mac_text(name, mac);
    if (socket_name(&address, name)) (void)unlink(address.sun_path);
    close(air_fd);
    close(wake_fd);
}

void host_air_tune(uint8_t channel, bool long_range)
{
    pthread_mutex_lock(&lock);
    air_channel = channel;
    air_long_range = long_range;
    pthread_mutex_unlock(&lock);
}
