// What the UARTs share with the console and with port_wait: telling that bytes have come.
#ifndef HEARTH_ESP32_UART_H
#define HEARTH_ESP32_UART_H

#include "esp32.h"

#include "driver/uart.h"
#include "driver/uart_select.h"

// The driver's callback, for every UART. In its interrupt, which also runs while flash is written.
void esp32_uart_notify(uart_port_t uart, uart_select_notif_t what, BaseType_t *woken);
// Posts what could not be posted while flash was written. From the task that runs JavaScript, before it waits.
void esp32_uart_catch_up(void);

#endif
