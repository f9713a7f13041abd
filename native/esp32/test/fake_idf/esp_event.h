// ESP-IDF's events, as far as native/esp32/port_net_eth.c handles any.
#pragma once

#include "esp_err.h"
#include <stdint.h>

typedef const char *esp_event_base_t;
typedef void (*esp_event_handler_t)(void *argument, esp_event_base_t base, int32_t id, void *event);
enum { ESP_EVENT_ANY_ID = -1 };
enum { ETHERNET_EVENT_DISCONNECTED = 3 };
enum { IP_EVENT_ETH_GOT_IP = 5, IP_EVENT_ETH_LOST_IP };
extern const esp_event_base_t ETH_EVENT, IP_EVENT;

esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler, void *argument);
