// GPIO. A watched pin's edges come from an interrupt, which only marks an event.
#include "esp32.h"

#include "driver/gpio.h"
#include "esp_private/esp_gpio_reserve.h"

// Pins by bit.
static uint64_t taken;   // by flash and PSRAM
static uint64_t inputs, outputs;
static uint64_t pull_up, pull_down;
static bool interrupts_on;

void esp32_pins_start(void)
{
    // Before any driver of ours reserves its pins there: what is reserved now is what this very program runs from.
    for (int pin = 0; pin < GPIO_NUM_MAX; pin++) {
        if (GPIO_IS_VALID_GPIO(pin) && esp_gpio_is_reserved(1ULL << pin)) taken |= 1ULL << pin;
    }
}

static bool is_in(uint64_t set, int pin)
{
    return pin >= 0 && pin < GPIO_NUM_MAX && (set >> pin & 1) != 0;
}

bool esp32_pin_good(int pin)
{
    return pin >= 0 && pin < GPIO_NUM_MAX && GPIO_IS_VALID_GPIO(pin) && !is_in(taken, pin);
}

bool esp32_pin_good_output(int pin)
{
    return esp32_pin_good(pin) && GPIO_IS_VALID_OUTPUT_GPIO(pin);
}

int esp32_pin_interrupts(void)
{
    if (interrupts_on) return PORT_OK;
    esp_err_t error = gpio_install_isr_service(0);
    interrupts_on = error == ESP_OK;
    return esp32_error(error);
}

int port_gpio_mode(int pin, enum port_gpio_mode mode, int level)
{
    bool output = mode == PORT_GPIO_OUTPUT || mode == PORT_GPIO_OPEN_DRAIN;
    if (!(output ? esp32_pin_good_output(pin) : esp32_pin_good(pin)) || (unsigned)mode > PORT_GPIO_OPEN_DRAIN) return PORT_EINVAL;
    const gpio_num_t number = (gpio_num_t)pin;
    const uint64_t bit = 1ULL << pin;
    bool up = mode == PORT_GPIO_INPUT_PULLUP || mode == PORT_GPIO_OPEN_DRAIN, down = mode == PORT_GPIO_INPUT_PULLDOWN;
    const gpio_config_t config = {
        .pin_bit_mask = bit,
        // Outputs can be read back.
        .mode = mode == PORT_GPIO_OUTPUT       ? GPIO_MODE_INPUT_OUTPUT
                : mode == PORT_GPIO_OPEN_DRAIN ? GPIO_MODE_INPUT_OUTPUT_OD
                                               : GPIO_MODE_INPUT,
        .pull_up_en = up ? GPIO_PULLUP_ENABLE : GPIO_PULLUP_DISABLE,
        .pull_down_en = down ? GPIO_PULLDOWN_ENABLE : GPIO_PULLDOWN_DISABLE,
        .intr_type = GPIO_INTR_DISABLE,
    };
    if (is_in(inputs, pin) && interrupts_on) gpio_isr_handler_remove(number);
    // The level first: the output register takes it while the pin is still an input.
    if (output) gpio_set_level(number, level != 0);
    esp_err_t error = gpio_config(&config);
    if (error != ESP_OK) return esp32_error(error);
    outputs = output ? outputs | bit : outputs & ~bit;
    inputs = output ? inputs & ~bit : inputs | bit;
    pull_up = up ? pull_up | bit : pull_up & ~bit;
    pull_down = down ? pull_down | bit : pull_down & ~bit;
    return PORT_OK;
}

void esp32_pin_pulls(int pin)
{
    const gpio_num_t number = (gpio_num_t)pin;
    if (is_in(pull_up, pin)) gpio_pullup_en(number);
    else gpio_pullup_dis(number);
    if (is_in(pull_down, pin)) gpio_pulldown_en(number);
    else gpio_pulldown_dis(number);
}

int port_gpio_write(int pin, int level)
{
    if (!is_in(outputs, pin)) return PORT_EINVAL;
    return esp32_error(gpio_set_level((gpio_num_t)pin, level != 0));
}

int port_gpio_read(int pin)
{
    return esp32_pin_good(pin) ? gpio_get_level((gpio_num_t)pin) : PORT_EINVAL;
}

static void edge(void *argument)
{
    int pin = (int)(intptr_t)argument;
    const struct esp32_event event = {
        .kind = PORT_EVENT_GPIO, .number = (uint8_t)pin, .renew = true, .value = gpio_get_level((gpio_num_t)pin)};
    esp32_post(&event);
}

int port_gpio_watch(int pin, bool on)
{
    if (!is_in(inputs, pin)) return PORT_EINVAL;
    const gpio_num_t number = (gpio_num_t)pin;
    int result = esp32_pin_interrupts();
    if (result < 0) return result;
    gpio_isr_handler_remove(number); // does nothing when there is none
    esp_err_t error = gpio_set_intr_type(number, on ? GPIO_INTR_ANYEDGE : GPIO_INTR_DISABLE);
    if (error == ESP_OK && on) error = gpio_isr_handler_add(number, edge, (void *)(intptr_t)pin);
    return esp32_error(error);
}
