// The network interface's state: the board plays the access point; without a board the interface is up at once on --address.
// Sockets are common code; they only take the interface's address from here.
#include "host.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static struct port_net_status status;

static void changed(void)
{
    struct port_event event = {.kind = PORT_EVENT_NET, .value = status.state, .time_us = port_now_us()};
    port_post(&event);
    host_espnow_follow();
}

static void clear_link(uint8_t state)
{
    status.state = state;
    memset(status.ip, 0, sizeof status.ip);
    status.rssi = 0;
    status.channel = 0;
}

int port_net_on(enum port_net_kind kind)
{
    if ((unsigned)kind > PORT_NET_QEMU) return PORT_EINVAL;
    clear_link(PORT_NET_ON);
    const uint8_t body[2] = {1, (uint8_t)kind};
    host_board_send(BOARD_NET, body, sizeof body, NULL, 0);
    changed();
    return PORT_OK;
}

int port_net_connect(const char *ssid, const char *password)
{
    size_t ssid_length = strlen(ssid), password_length = strlen(password);
    if (ssid_length > 32 || password_length > 64) return PORT_EINVAL;
    if (status.state == PORT_NET_OFF) return PORT_EINVAL;
    clear_link(PORT_NET_CONNECTING);
    if (host_board_present()) {
        uint8_t head[2 + 32] = {2, (uint8_t)ssid_length};
        memcpy(head + 2, ssid, ssid_length);
        host_board_send(BOARD_NET, head, 2 + ssid_length, password, password_length);
    } else {
        status.state = PORT_NET_UP;
        memcpy(status.ip, host_options.address, sizeof status.ip);
        status.rssi = -50;
        status.channel = 1;
    }
    changed();
    return PORT_OK;
}

int port_net_off(void)
{
    if (status.state == PORT_NET_OFF) return PORT_OK;
    clear_link(PORT_NET_OFF);
    const uint8_t body[1] = {0};
    host_board_send(BOARD_NET, body, sizeof body, NULL, 0);
    changed();
    return PORT_OK;
}

void host_net_message(const uint8_t *body, size_t length)
{
    if (length != 7 || body[0] > PORT_NET_LOST) return;
    // What was on its way when the firmware switched off or lost the link is late and says nothing any more.
    if (status.state != PORT_NET_CONNECTING && status.state != PORT_NET_UP) return;
    // An echo of what was asked for is no progress either.
    if (body[0] == PORT_NET_OFF || body[0] == PORT_NET_ON) return;
    bool same = status.state == body[0];
    if (body[0] == PORT_NET_LOST) clear_link(PORT_NET_LOST);
    status.state = body[0];
    if (body[0] == PORT_NET_UP) {
        same = same && memcmp(status.ip, body + 1, 4) == 0;
        memcpy(status.ip, body + 1, 4);
        status.rssi = (int8_t)body[5];
        status.channel = body[6];
    }
    if (!same) changed();
}

void port_net_status(struct port_net_status *out)
{
    port_unique_id(status.mac);
    *out = status;
}

int port_resolve(const char *name, uint8_t ip[4])
{
    if (inet_pton(AF_INET, name, ip) == 1) return PORT_OK;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int result = getaddrinfo(name, NULL, &hints, &found);
    if (result == EAI_AGAIN) return PORT_ETIMEOUT;
    if (result != 0 || found == NULL) return PORT_ENOENT;
    memcpy(ip, &((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr, 4);
    freeaddrinfo(found);
    return PORT_OK;
}
