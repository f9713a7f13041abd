// The network interface's state, whichever kind it is, and name resolution. Sockets are common code.
#include "port_net.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "esp_event.h"
#include "esp_mac.h"
#include "esp_netif.h"

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static struct {
    uint8_t state;
    uint8_t ip[4];
} current;
static enum port_net_kind kind_on;

static bool wired(enum port_net_kind kind)
{
    return kind != PORT_NET_WIFI;
}

// Sets the state if the present one is among `from` (a set of bits by state), and posts the change.
static void move(uint8_t to, unsigned from, const uint8_t ip[4])
{
    static const uint8_t none[4];
    portENTER_CRITICAL(&lock);
    bool moved = (from >> current.state & 1) != 0;
    if (moved) {
        current.state = to;
        memcpy(current.ip, ip != NULL ? ip : none, sizeof current.ip);
    }
    portEXIT_CRITICAL(&lock);
    if (!moved) return;
    const struct esp32_event event = {.kind = PORT_EVENT_NET, .value = to};
    esp32_post(&event);
}

enum { FROM_ANY = 0xFF, FROM_TRYING = 1 << PORT_NET_CONNECTING | 1 << PORT_NET_UP };

// What was on its way when the firmware switched off or lost the link is late and says nothing any more.
void esp32_net_up(const uint8_t ip[4])
{
    move(PORT_NET_UP, FROM_TRYING, ip);
}

void esp32_net_lost(void)
{
    move(PORT_NET_LOST, FROM_TRYING, NULL);
}

int esp32_net_stack_start(void)
{
    static bool started;
    if (started) return PORT_OK;
    esp_err_t error = esp_netif_init();
    if (error == ESP_OK) error = esp_event_loop_create_default();
    started = error == ESP_OK;
    return esp32_error(error);
}

int port_net_on(enum port_net_kind kind)
{
    if ((unsigned)kind > PORT_NET_QEMU) return PORT_EINVAL;
    if (current.state != PORT_NET_OFF) return kind == kind_on ? PORT_OK : PORT_EBUSY;
    int result = esp32_net_stack_start();
    if (result == PORT_OK) result = wired(kind) ? esp32_eth_on(kind) : esp32_wifi_on();
    if (result < 0) return result;
    kind_on = kind;
    move(PORT_NET_ON, FROM_ANY, NULL);
    return PORT_OK;
}

int port_net_connect(const char *ssid, const char *password)
{
    if (strlen(ssid) > 32 || strlen(password) > 64) return PORT_EINVAL;
    if (current.state == PORT_NET_OFF) return PORT_EINVAL;
    // Before the attempt, whose end may be reported at once.
    move(PORT_NET_CONNECTING, FROM_ANY, NULL);
    int result = wired(kind_on) ? esp32_eth_connect() : esp32_wifi_connect(ssid, password);
    if (result < 0) move(PORT_NET_LOST, FROM_TRYING, NULL);
    return result;
}

int port_net_off(void)
{
    if (current.state == PORT_NET_OFF) return PORT_OK;
    move(PORT_NET_OFF, FROM_ANY, NULL);
    return wired(kind_on) ? esp32_eth_off() : esp32_wifi_off();
}

void port_net_status(struct port_net_status *out)
{
    memset(out, 0, sizeof *out);
    portENTER_CRITICAL(&lock);
    out->state = current.state;
    memcpy(out->ip, current.ip, sizeof out->ip);
    portEXIT_CRITICAL(&lock);
    esp_read_mac(out->mac, wired(kind_on) ? ESP_MAC_ETH : ESP_MAC_WIFI_STA);
    if (out->state == PORT_NET_UP && !wired(kind_on)) esp32_wifi_signal(out);
}

int port_resolve(const char *name, uint8_t ip[4])
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    // lwIP asks a server four times, with waits that add up to 10 s.
    int result = getaddrinfo(name, NULL, &hints, &found);
    if (result != 0 || found == NULL) return result == EAI_MEMORY ? PORT_ENOMEM : PORT_ENOENT;
    memcpy(ip, &((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr, 4);
    freeaddrinfo(found);
    return PORT_OK;
}
