// The few names of ESP-IDF that files of native/esp32 need to run on a PC, in a test: here and in the files beside this one.
#pragma once

typedef int esp_err_t;
enum { ESP_OK = 0, ESP_ERR_NO_MEM = 0x101 };
