// The pulse counter over ESP-IDF's driver: one unit, one channel, rising edges.
#include "esp32.h"

#include "soc/soc_caps.h"

#if SOC_PCNT_SUPPORTED

#include "driver/pulse_cnt.h"

// The hardware counts 16 bits with a sign and starts anew at its limit; the driver adds that up.
enum { LIMIT = 32767 };

static pcnt_unit_handle_t unit;
static pcnt_channel_handle_t channel;
static bool running;
static int counted_pin;

static esp_err_t start(int pin, uint32_t filter_ns)
{
    const pcnt_unit_config_t unit_config = {.low_limit = -LIMIT, .high_limit = LIMIT, .flags.accum_count = true};
    const pcnt_chan_config_t channel_config = {.edge_gpio_num = pin, .level_gpio_num = -1};
    const pcnt_glitch_filter_config_t filter = {.max_glitch_ns = filter_ns};
    esp_err_t error = pcnt_new_unit(&unit_config, &unit);
    if (error == ESP_OK && filter_ns > 0) error = pcnt_unit_set_glitch_filter(unit, &filter);
    if (error == ESP_OK) error = pcnt_new_channel(unit, &channel_config, &channel);
    if (error == ESP_OK) {
        error = pcnt_channel_set_edge_action(channel, PCNT_CHANNEL_EDGE_ACTION_INCREASE, PCNT_CHANNEL_EDGE_ACTION_HOLD);
    }
    // The driver adds up at watched values only.
    if (error == ESP_OK) error = pcnt_unit_add_watch_point(unit, LIMIT);
    if (error == ESP_OK) error = pcnt_unit_enable(unit);
    if (error != ESP_OK) return error;
    running = true;
    error = pcnt_unit_clear_count(unit);
    return error == ESP_OK ? pcnt_unit_start(unit) : error;
}

int port_pulse_open(int pin, uint32_t filter_ns)
{
    if (!esp32_pin_good(pin) || filter_ns > PORT_PULSE_FILTER_MAX_NS) return PORT_EINVAL;
    if (unit != NULL) return PORT_EBUSY;
    counted_pin = pin;
    esp_err_t error = start(pin, filter_ns);
    esp32_pin_pulls(pin);
    if (error != ESP_OK) port_pulse_close();
    return esp32_error(error);
}

int port_pulse_read(uint32_t *count)
{
    int value = 0;
    *count = 0;
    if (unit == NULL) return PORT_ENOENT;
    esp_err_t error = pcnt_unit_get_count(unit, &value);
    *count = (uint32_t)value;
    return esp32_error(error);
}

int port_pulse_close(void)
{
    if (unit == NULL) return PORT_OK;
    esp_err_t error = running ? pcnt_unit_disable(unit) : ESP_OK; // stops it, too
    if (error == ESP_OK && channel != NULL) error = pcnt_del_channel(channel);
    if (error == ESP_OK) error = pcnt_del_unit(unit);
    esp32_pin_pulls(counted_pin);
    running = false;
    channel = NULL;
    unit = NULL;
    return esp32_error(error);
}

#else

int port_pulse_open(int pin, uint32_t filter_ns)
{
    return !esp32_pin_good(pin) || filter_ns > PORT_PULSE_FILTER_MAX_NS ? PORT_EINVAL : PORT_ENOTSUP;
}

int port_pulse_read(uint32_t *count)
{
    *count = 0;
    return PORT_ENOENT;
}

int port_pulse_close(void)
{
    return PORT_OK;
}

#endif
