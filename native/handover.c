// Remembers which pins were set up and as what; the rest is asking the port to close what can be closed again and again.
#include "handover.h"
#include "life.h"

enum { PINS = 64, UARTS = 3, I2C_BUSES = 2, CONSOLE_PIECE = 64 };

static uint8_t modes[PINS]; // enum port_gpio_mode + 1; 0: not set up

int handover_pin_mode(int pin, enum port_gpio_mode mode, int level)
{
    int result = port_gpio_mode(pin, mode, level);
    if (result >= 0 && pin < PINS) modes[pin] = (uint8_t)(mode + 1);
    return result;
}

void handover_close(void)
{
    static struct port_event event; // too large for a chip's stack
    uint8_t piece[CONSOLE_PIECE];
    // What was never opened, or is not there at all, is no fault here.
    for (int uart = 0; uart < UARTS; uart++) (void)port_uart_close(uart);
    for (int bus = 0; bus < I2C_BUSES; bus++) (void)port_i2c_close(bus);
    (void)port_pulse_close();
    (void)port_edges_close();
    (void)port_espnow_off();
    for (int got = 1, i = 0; got > 0 && i < PORT_CONSOLE_BUFFER / CONSOLE_PIECE; i++) got = port_console_read(piece, sizeof piece);
    for (int i = 0; i < PORT_EVENT_QUEUE_LENGTH && port_next_event(&event) == 1; i++) {
    }
}

static bool is_output(uint8_t mode)
{
    return mode == PORT_GPIO_OUTPUT || mode == PORT_GPIO_OPEN_DRAIN;
}

void handover_pins(const struct bundle_header *next)
{
    uint64_t named = 0;
    for (int i = 0; i < next->pin_count; i++) {
        uint8_t pin = next->pins[i][0], mode = next->pins[i][1] & 15;
        if (pin < PINS) named |= UINT64_C(1) << pin;
        if (pin < PINS && is_output(mode) && modes[pin] == mode + 1) continue;
        int result = handover_pin_mode(pin, (enum port_gpio_mode)mode, next->pins[i][1] >> 4 & 1);
        if (result < 0) life_log("boot: pin %d cannot be set (%d)", pin, result);
    }
    for (int pin = 0; pin < PINS; pin++) {
        if (modes[pin] == 0 || (named >> pin & 1) != 0) continue;
        (void)port_gpio_mode(pin, PORT_GPIO_INPUT, 0);
        modes[pin] = 0;
    }
}
