// The hardware watchdog: ESP-IDF's timer task, of high priority, feeds the task watchdog until JavaScript's deadline has passed.
//
// Three things can go wrong. The firmware hangs in its start, be it in its first instruction: the RTC watchdog, which the boot loader has
// started and ESP-IDF leaves on, resets the chip. JavaScript runs on and on: the timer sees the deadline pass and ends the boot. The whole
// chip hangs (interrupts off, a task above the timer's that spins): the timer does not run, and the task watchdog's hardware timer, or the
// interrupt watchdog before it, resets the chip. All of these are set up by sdkconfig.defaults.
#include "esp32.h"

#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "hal/wdt_hal.h"

enum { LOOK_EVERY_US = 200000 };

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static uint64_t deadline_us; // 0: off
static esp_task_wdt_user_handle_t user;

static void end_start_watchdog(void)
{
    wdt_hal_context_t rtc = RWDT_HAL_CONTEXT_DEFAULT();
    wdt_hal_write_protect_disable(&rtc);
    wdt_hal_disable(&rtc);
    wdt_hal_write_protect_enable(&rtc);
}

void port_watchdog_set(uint64_t new_deadline_us)
{
    static bool started;
    portENTER_CRITICAL(&lock);
    deadline_us = new_deadline_us;
    portEXIT_CRITICAL(&lock);
    if (!started) end_start_watchdog();
    started = true;
}

static void look(void *unused)
{
    (void)unused;
    portENTER_CRITICAL(&lock);
    uint64_t until_us = deadline_us;
    portEXIT_CRITICAL(&lock);
    if (until_us != 0 && port_now_us() >= until_us) esp32_watchdog_expired();
    esp_task_wdt_reset_user(user);
}

int esp32_watchdog_start(void)
{
    const esp_timer_create_args_t arguments = {.callback = look, .name = "watchdog"};
    esp_timer_handle_t timer;
    esp_err_t error = esp_task_wdt_add_user("hearth", &user);
    if (error == ESP_OK) error = esp_timer_create(&arguments, &timer);
    if (error == ESP_OK) error = esp_timer_start_periodic(timer, LOOK_EVERY_US);
    return esp32_error(error);
}
