// The two kinds of interface behind port_net.c, and the state they report to it. Their event handlers run in ESP-IDF's event task and
// only call esp32_net_*.
#ifndef HEARTH_ESP32_NET_H
#define HEARTH_ESP32_NET_H

#include "esp32.h"

// Wi-Fi station (port_net_wifi.c); PORT_ENOTSUP where the build or the chip has none.
int esp32_wifi_on(void);
int esp32_wifi_connect(const char *ssid, const char *password);
int esp32_wifi_off(void);
void esp32_wifi_signal(struct port_net_status *out);

// Ethernet (port_net_eth.c): one kind per boot, because its pins are taken for good.
int esp32_eth_on(enum port_net_kind kind);
int esp32_eth_connect(void);
int esp32_eth_off(void);

// ESP-IDF's TCP/IP stack and event task; once per boot.
int esp32_net_stack_start(void);
// The link has an address, or has gone.
void esp32_net_up(const uint8_t ip[4]);
void esp32_net_lost(void);

#endif
