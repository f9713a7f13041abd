// Parts that the chip clocks itself on plain pins: the HX711 and a pair of shift registers.
#include "esp32.h"

#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_rom_sys.h"
#include "hal/gpio_ll.h"

// HX711 datasheet, "Serial interface": a pulse is 0.2..50 us high; 60 us high powers the part down.
enum { HX711_BITS = 24, HX711_SIGN = 0x800000, HX711_HALF_US = 1, SHIFT_HALF_US = 1 };

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static int hx711_data = -1, hx711_clock = -1;
static int shift_pins[4] = {-1, -1, -1, -1};

// In RAM, so that no cache miss makes the high phase long.
static IRAM_ATTR int hx711_pulse(void)
{
    portENTER_CRITICAL(&lock);
    gpio_ll_set_level(&GPIO, (gpio_num_t)hx711_clock, 1);
    esp_rom_delay_us(HX711_HALF_US);
    int bit = gpio_ll_get_level(&GPIO, (gpio_num_t)hx711_data);
    gpio_ll_set_level(&GPIO, (gpio_num_t)hx711_clock, 0);
    portEXIT_CRITICAL(&lock);
    esp_rom_delay_us(HX711_HALF_US);
    return bit;
}

int port_hx711_read(int data_pin, int clock_pin, int pulses, int32_t *value)
{
    if (pulses < HX711_BITS + 1 || pulses > HX711_BITS + 3 || data_pin == clock_pin) return PORT_EINVAL;
    if (data_pin != hx711_data || clock_pin != hx711_clock) {
        int result = port_gpio_mode(clock_pin, PORT_GPIO_OUTPUT, 0);
        if (result == PORT_OK) result = port_gpio_mode(data_pin, PORT_GPIO_INPUT, 0);
        if (result < 0) return result;
        hx711_data = data_pin;
        hx711_clock = clock_pin;
    }
    if (gpio_get_level((gpio_num_t)data_pin) != 0) return PORT_EAGAIN;
    uint32_t bits = 0;
    for (int i = 0; i < pulses; i++) {
        int bit = hx711_pulse();
        if (i < HX711_BITS) bits = bits << 1 | (uint32_t)bit;
    }
    *value = (int32_t)(bits ^ HX711_SIGN) - HX711_SIGN;
    return PORT_OK;
}

static int shift_prepare(const int pins[4])
{
    bool same = true;
    for (int i = 0; i < 4; i++) same = same && pins[i] == shift_pins[i];
    if (same) return PORT_OK;
    int result = port_gpio_mode(pins[0], PORT_GPIO_OUTPUT, 1);
    if (result == PORT_OK) result = port_gpio_mode(pins[1], PORT_GPIO_OUTPUT, 0);
    if (result == PORT_OK) result = port_gpio_mode(pins[2], PORT_GPIO_INPUT, 0);
    if (result == PORT_OK) result = port_gpio_mode(pins[3], PORT_GPIO_OUTPUT, 0);
    for (int i = 0; i < 4; i++) shift_pins[i] = result == PORT_OK ? pins[i] : -1;
    return result;
}

static void pulse(int pin, int level)
{
    gpio_set_level((gpio_num_t)pin, (uint32_t)level);
    esp_rom_delay_us(SHIFT_HALF_US);
    gpio_set_level((gpio_num_t)pin, (uint32_t)!level);
}

int port_shift_exchange(int latch_pin, int clock_pin, int in_pin, int out_pin, int bits, uint32_t value, uint32_t *inputs)
{
    if (bits < 1 || bits > 32) return PORT_EINVAL;
    int result = shift_prepare((const int[4]){latch_pin, clock_pin, in_pin, out_pin});
    if (result < 0) return result;
    *inputs = 0;
    pulse(latch_pin, 0);
    for (int i = 0; i < bits; i++) {
        *inputs |= (uint32_t)gpio_get_level((gpio_num_t)in_pin) << i;
        gpio_set_level((gpio_num_t)out_pin, value >> i & 1);
        pulse(clock_pin, 1);
    }
    pulse(latch_pin, 0);
    return PORT_OK;
}
