// The few names of ESP-IDF that native/esp32/port_event.c needs, on a PC: enough to run its queue and its wait in a test.
#pragma once

typedef int esp_err_t;
enum { ESP_OK = 0 };
