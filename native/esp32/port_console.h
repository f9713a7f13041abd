// What the console shares with the UARTs' notification, which is one for all of them.
#ifndef HEARTH_ESP32_CONSOLE_H
#define HEARTH_ESP32_CONSOLE_H

#include "esp32.h"

// As soon as there is an event queue, so that the other parts can log.
int esp32_console_start(void);
// Bytes have come for the console. From any context in which esp32_post may be called.
void esp32_console_came(void);

#endif
