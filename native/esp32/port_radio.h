// The Wi-Fi driver, which the station (port_net_wifi.c) and ESP-NOW (port_espnow.c) share: it runs as long as one of them wants it.
#ifndef HEARTH_ESP32_RADIO_H
#define HEARTH_ESP32_RADIO_H

#include "esp32.h"

enum esp32_radio_user { RADIO_STATION = 1, RADIO_ESPNOW = 2 };

int esp32_radio_start(enum esp32_radio_user user);
int esp32_radio_stop(enum esp32_radio_user user);
// True when somebody else than `user` wants the radio.
bool esp32_radio_shared(enum esp32_radio_user user);

// ESP-NOW goes back to its own channel after a station has left.
void esp32_espnow_follow(void);

#endif
