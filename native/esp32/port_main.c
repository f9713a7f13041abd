// The entry of the firmware on a chip: starts the port's parts and runs the common code on a task of its own.
#include "esp32.h"
#include "port_console.h"

#include "esp_log.h"
#include "esp_system.h"

// native/main.c
int hearth_main(void);
void app_main(void);

static const char TAG[] = "hearth";

// Below Wi-Fi (23), ESP-IDF's timers (22, the watchdog's) and lwIP (18); above idle.
enum { JS_PRIORITY = 5, RETRY_MS = 3000 };

static void need(int result, const char *what)
{
    if (result >= 0) return;
    // Nothing works without it, and it may be a passing fault: try again from the start, but not in a tight loop.
    ESP_LOGE(TAG, "cannot start %s (error %d)", what, result);
    vTaskDelay(pdMS_TO_TICKS(RETRY_MS));
    esp_restart();
}

static void want(int result, const char *what)
{
    if (result < 0) ESP_LOGE(TAG, "no %s (error %d)", what, result);
}

static void run(void *unused)
{
    const uint8_t top = 0;
    (void)unused;
    esp32_heap_start(&top, CONFIG_HEARTH_JS_STACK);
    need(esp32_sys_start(), "the chip");
    need(esp32_event_start(), "the event queue");
    need(esp32_console_start(), "the console");
    need(esp32_watchdog_start(), "the watchdog");
    esp32_flash_start();
    esp32_pins_start();
    // A medium that fails must not keep the recovery bundle, which can do without, from being reached.
    want(esp32_nvs_start(), "NVS");
    want(esp32_file_start(), "the files partition");
    (void)hearth_main(); // does not return
    esp_restart();
}

void app_main(void)
{
    // Wi-Fi and lwIP run on core 0; where there is a second core JavaScript has it for itself.
    const BaseType_t core = CONFIG_FREERTOS_NUMBER_OF_CORES > 1 ? 1 : 0;
    if (xTaskCreatePinnedToCore(run, "js", CONFIG_HEARTH_JS_STACK, NULL, JS_PRIORITY, NULL, core) != pdPASS) {
        ESP_LOGE(TAG, "no memory for the task of %d bytes", CONFIG_HEARTH_JS_STACK);
        esp_restart();
    }
}
