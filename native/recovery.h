// Which of the recovery bundles can be reached: the one over MQTT or the one over ESP-NOW.
#ifndef HEARTH_RECOVERY_H
#define HEARTH_RECOVERY_H

#include <stdbool.h>

// True for a peripheral of ESP-NOW, by its config.txt: it names `espnowpsk` and `espnowgroup` and no `ssid`. A config.txt that names
// neither is none to go by; then it is what was good once that decides (NVS `netgood/config`).
bool recovery_is_espnow(void);

#endif
