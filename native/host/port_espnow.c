// The radio's state for ESP-NOW: which channel, which mode, the one frame on its way. Frames pass through the board, or through
// the datagram air (port_air.c) when there is one; with neither the radio is alone in the world.
#include "host.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // the air's task posts, too
static bool on, long_range, sending;
static uint8_t asked, channel, sequence;

static uint8_t wanted_channel(void)
{
    struct port_net_status status;
    port_net_status(&status);
    if (status.state == PORT_NET_UP && status.channel != 0) return status.channel;
    if (asked != 0) return asked;
    return channel != 0 ? channel : 1;
}

static void tune(uint8_t to)
{
    pthread_mutex_lock(&lock);
    channel = to;
    pthread_mutex_unlock(&lock);
    if (host_options.air != NULL) {
        host_air_tune(to, long_range);
        return;
    }
    uint8_t body[8] = {to, long_range};
    port_unique_id(body + 2);
    host_board_send(BOARD_RADIO, body, sizeof body, NULL, 0);
}

int port_espnow_on(int channel_asked, bool long_range_asked)
{
    if (channel_asked < 0 || channel_asked > PORT_ESPNOW_CHANNEL_MAX) return PORT_EINVAL;
    if (!on && host_options.air != NULL) {
        int result = host_air_start();
        if (result < 0) return result;
    }
    pthread_mutex_lock(&lock);
    on = true;
    asked = (uint8_t)channel_asked;
    long_range = long_range_asked;
    pthread_mutex_unlock(&lock);
    tune(wanted_channel());
    return PORT_OK;
}

int port_espnow_off(void)
{
    if (!on) return PORT_OK;
    pthread_mutex_lock(&lock);
    on = sending = false;
    pthread_mutex_unlock(&lock);
    tune(0);
    if (host_options.air != NULL) host_air_stop();
    return PORT_OK;
}

int port_espnow_channel(void)
{
    return channel;
}

void host_espnow_follow(void)
{
    if (!on) return;
    uint8_t to = wanted_channel();
    if (to != channel) tune(to);
}

int port_espnow_send(const uint8_t mac[6], const void *frame, size_t length)
{
    static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    bool to_all = memcmp(mac, broadcast, sizeof broadcast) == 0;
    if (length < 1 || length > PORT_ESPNOW_FRAME_MAX || (!to_all && (mac[0] & 1) != 0)) return PORT_EINVAL;
    if (!on) return PORT_ENOENT;
    pthread_mutex_lock(&lock);
    bool busy = sending;
    sending = true;
    uint8_t number = busy ? sequence : ++sequence;
    pthread_mutex_unlock(&lock);
    if (busy) return PORT_EAGAIN;
    if (host_options.air != NULL) return host_air_send(number, mac, frame, length);
    uint8_t head[7] = {number};
    memcpy(head + 1, mac, 6);
    host_board_send(BOARD_ESPNOW, head, sizeof head, frame, length);
    if (!host_board_present()) host_espnow_sent(number, to_all);
    return PORT_OK;
}

void host_espnow_sent(uint8_t number, bool acknowledged)
{
    pthread_mutex_lock(&lock);
    bool mine = on && sending && number == sequence;
    if (mine) sending = false;
    pthread_mutex_unlock(&lock);
    struct port_event event = {.kind = PORT_EVENT_SENT, .value = acknowledged, .time_us = port_now_us()};
    if (mine) port_post(&event);
}

void host_espnow_received(uint8_t from_channel, int8_t rssi, const uint8_t from[6], const uint8_t *frame, size_t length)
{
    if (length < 1 || length > PORT_ESPNOW_FRAME_MAX) return;
    pthread_mutex_lock(&lock);
    bool heard = on && from_channel == channel;
    pthread_mutex_unlock(&lock);
    if (!heard) return;
    struct port_event event = {
        .kind = PORT_EVENT_ESPNOW, .number = from_channel, .value = rssi, .time_us = port_now_us(), .length = (uint16_t)(6 + length)};
    memcpy(event.data, from, 6);
    memcpy(event.data + 6, frame, length);
    port_post(&event);
}
