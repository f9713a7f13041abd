// What the files of the ESP-IDF port share: start-up of its parts, and the event queue's variant for interrupts and callbacks.
// Only native/esp32/ includes this; common code sees native/port.h alone.
#ifndef HEARTH_ESP32_H
#define HEARTH_ESP32_H

#include "../port.h"

#include "esp_err.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

// Called once, in this order, from the task that runs JavaScript. PORT_OK or a negative code.
int esp32_sys_start(void);
int esp32_event_start(void);
int esp32_watchdog_start(void);
void esp32_flash_start(void);
void esp32_pins_start(void);
int esp32_nvs_start(void);
int esp32_file_start(void);
// Says where the stack of the calling task begins and how large it is.
void esp32_heap_start(const void *stack_top, size_t stack_size);

// The nearest port_error for an error of ESP-IDF.
int esp32_error(esp_err_t error);

// An event from an interrupt or a callback. The data comes in two parts, so that nobody builds a struct port_event on a small stack.
struct esp32_event {
    uint8_t kind, number;
    bool renew; // an event of this kind and number that is still queued takes the new value and time instead
    int32_t value;
    const void *data[2];
    uint16_t length[2];
};
// As port_post. From any task and from interrupts; returns with the scheduler asked to run whoever waits.
int esp32_post(const struct esp32_event *event);

// The hardware generator of random numbers has noise of its own only while the radio is on. Without radio another source (the ADC) is
// on, which must be off before the radio starts.
void esp32_random_source(bool on);

// The watchdog's deadline has passed: leaves a core dump and restarts with PORT_RESET_WATCHDOG.
void esp32_watchdog_expired(void) __attribute__((noreturn));

// A pin that this chip has and that is not taken by its flash or PSRAM.
bool esp32_pin_good(int pin);
bool esp32_pin_good_output(int pin);
// Gives a pin the pulls back that port_gpio_mode gave it: drivers of peripherals switch their own on.
void esp32_pin_pulls(int pin);
// ESP-IDF's shared interrupt for pins is on.
int esp32_pin_interrupts(void);

#endif
