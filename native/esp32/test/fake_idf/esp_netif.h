// ESP-IDF's interface to the TCP/IP stack, as far as native/esp32/port_net_eth.c joins a driver to it.
#pragma once

#include "esp_err.h"
#include <stdint.h>

typedef struct esp_netif esp_netif_t;
typedef struct {
    int unused;
} esp_netif_config_t;
#define ESP_NETIF_DEFAULT_ETH() ((esp_netif_config_t){0})
typedef struct {
    struct {
        struct {
            uint32_t addr;
        } ip;
    } ip_info;
} ip_event_got_ip_t;

esp_netif_t *esp_netif_new(const esp_netif_config_t *config);
esp_err_t esp_netif_attach(esp_netif_t *netif, void *glue);
