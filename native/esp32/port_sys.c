// Resets and their reasons, RTC memory, CPU clock, random numbers, and the unique id.
#include "esp32.h"

#include <string.h>

#include "bootloader_random.h"
#include "esp_attr.h"
#include "esp_mac.h"
#include "esp_pm.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "psa/crypto.h"
#if CONFIG_HEARTH_WIFI
#include "esp_wifi.h"
#endif

enum { RTC_MAGIC_HEAD = 0x48525443, RTC_MAGIC_TAIL = 0x43545248, WATCHDOG_MARK = 0x57444F47 };

// Common code keeps checksums of what it stores here; the magic words only say that power was never lost.
static RTC_NOINIT_ATTR struct {
    uint32_t magic_head;
    uint32_t watchdog_mark; // WATCHDOG_MARK: the panic that follows is the watchdog's
    uint8_t bytes[PORT_RTC_SIZE] __attribute__((aligned(8)));
    uint32_t magic_tail;
} rtc;

static enum port_reset reason;
static bool random_source_on;

static enum port_reset map_reason(esp_reset_reason_t from)
{
    switch (from) {
    case ESP_RST_SW: return PORT_RESET_SOFTWARE;
    case ESP_RST_PANIC:
    case ESP_RST_CPU_LOCKUP: return PORT_RESET_PANIC;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT: return PORT_RESET_WATCHDOG;
    case ESP_RST_DEEPSLEEP: return PORT_RESET_DEEP_SLEEP;
    case ESP_RST_BROWNOUT:
    case ESP_RST_PWR_GLITCH: return PORT_RESET_BROWNOUT;
    default: return PORT_RESET_POWER_ON; // also the reset pin, the USB bridge and the debugger
    }
}

int esp32_sys_start(void)
{
    reason = map_reason(esp_reset_reason());
    // RTC memory holds anything after power-on, and cannot be trusted after a brown-out.
    bool powered = reason != PORT_RESET_POWER_ON && reason != PORT_RESET_BROWNOUT;
    bool kept = powered && rtc.magic_head == RTC_MAGIC_HEAD && rtc.magic_tail == RTC_MAGIC_TAIL;
    if (kept && rtc.watchdog_mark == WATCHDOG_MARK) reason = PORT_RESET_WATCHDOG;
    if (!kept) memset(&rtc, 0, sizeof rtc);
    rtc.magic_head = RTC_MAGIC_HEAD;
    rtc.magic_tail = RTC_MAGIC_TAIL;
    rtc.watchdog_mark = 0;
    esp32_random_source(true);
    return psa_crypto_init() == PSA_SUCCESS ? PORT_OK : PORT_EIO;
}

int esp32_error(esp_err_t error)
{
    switch (error) {
    case ESP_OK: return PORT_OK;
    case ESP_ERR_NO_MEM: return PORT_ENOMEM;
    case ESP_ERR_INVALID_ARG:
    case ESP_ERR_INVALID_SIZE: return PORT_EINVAL;
    case ESP_ERR_NOT_FOUND: return PORT_ENOENT;
    case ESP_ERR_NOT_SUPPORTED: return PORT_ENOTSUP;
    case ESP_ERR_TIMEOUT: return PORT_ETIMEOUT;
    default: return PORT_EIO;
    }
}

enum port_reset port_reset_reason(void)
{
    return reason;
}

void port_restart(void)
{
    esp_restart();
}

void port_deep_sleep(uint64_t us)
{
#if CONFIG_HEARTH_WIFI
    esp_wifi_stop(); // the radio must be off; fails harmlessly when it never was on
#endif
    esp32_random_source(false); // the ADC draws current
    esp_deep_sleep(us);
}

void esp32_watchdog_expired(void)
{
    // A panic rather than a plain reset: the core dump shows where the task that runs JavaScript was.
    rtc.watchdog_mark = WATCHDOG_MARK;
    esp_system_abort("watchdog: the deadline has passed");
}

void *port_rtc_memory(void)
{
    return rtc.bytes;
}

void esp32_random_source(bool on)
{
    if (on == random_source_on) return;
    random_source_on = on;
    if (on) bootloader_random_enable();
    else bootloader_random_disable();
}

void port_random(void *buf, size_t length)
{
    if (psa_generate_random(buf, length) != PSA_SUCCESS) esp_system_abort("random: the generator failed");
}

void port_unique_id(uint8_t id[6])
{
    if (esp_efuse_mac_get_default(id) != ESP_OK) memset(id, 0, 6);
}

int port_cpu_mhz(int mhz)
{
    if (mhz != 80 && mhz != 160 && mhz != 240) return PORT_EINVAL;
    const esp_pm_config_t config = {.max_freq_mhz = mhz, .min_freq_mhz = mhz, .light_sleep_enable = false};
    return esp_pm_configure(&config) == ESP_OK ? PORT_OK : PORT_ENOTSUP; // a chip without this clock refuses it
}

const char *port_machine(void)
{
    return CONFIG_IDF_TARGET;
}
