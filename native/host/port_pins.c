// Pins and buses of the virtual chip: all of them live on the board; without one a pin floats to its pull and buses are empty.
#include "host.h"

#include <stdlib.h>
#include <string.h>

enum { PINS = 64, UARTS = 3, I2C_BUSES = 2, I2C_LENGTH_MAX = 4096 };

static struct {
    bool configured, watched;
    uint8_t mode;
    uint8_t level; // what the chip drives
} pins[PINS];

static struct {
    bool open;
    uint8_t bytes[PORT_UART_BUFFER];
    size_t head, count;
} uarts[UARTS];

static bool i2c_open[I2C_BUSES];

bool host_pin_good(int pin)
{
    return pin >= 0 && pin < PINS;
}

int port_gpio_mode(int pin, enum port_gpio_mode mode, int level)
{
    if (!host_pin_good(pin) || (unsigned)mode > PORT_GPIO_OPEN_DRAIN) return PORT_EINVAL;
    pins[pin].configured = true;
    pins[pin].watched = false;
    pins[pin].mode = (uint8_t)mode;
    pins[pin].level = level != 0;
    const uint8_t body[3] = {(uint8_t)pin, (uint8_t)mode, level != 0};
    host_board_send(BOARD_PIN_MODE, body, sizeof body, NULL, 0);
    return PORT_OK;
}

static bool drives(int pin)
{
    return pins[pin].configured && (pins[pin].mode == PORT_GPIO_OUTPUT || pins[pin].mode == PORT_GPIO_OPEN_DRAIN);
}

void host_pin_take(int pin, enum port_gpio_mode mode, int level)
{
    if (pins[pin].configured && pins[pin].mode == mode && (!drives(pin) || pins[pin].level == level)) return;
    (void)port_gpio_mode(pin, mode, level);
}

int port_gpio_write(int pin, int level)
{
    if (!host_pin_good(pin) || !drives(pin)) return PORT_EINVAL;
    pins[pin].level = level != 0;
    const uint8_t body[2] = {(uint8_t)pin, level != 0};
    host_board_send(BOARD_PIN_LEVEL, body, sizeof body, NULL, 0);
    return PORT_OK;
}

int port_gpio_read(int pin)
{
    if (!host_pin_good(pin)) return PORT_EINVAL;
    // A driven pin reads back what it drives; an open drain that lets go reads what the world does.
    if (drives(pin) && (pins[pin].mode == PORT_GPIO_OUTPUT || pins[pin].level == 0)) return pins[pin].level;
    if (!host_board_present()) {
        return pins[pin].configured &&
               (pins[pin].mode == PORT_GPIO_INPUT_PULLUP || pins[pin].mode == PORT_GPIO_OPEN_DRAIN);
    }
    const uint8_t body[1] = {(uint8_t)pin};
    uint8_t level = 0;
    host_board_send(BOARD_PIN_READ, body, sizeof body, NULL, 0);
    return host_board_answer(BOARD_IN_PIN_READ, &level, 1) == 1 ? level != 0 : PORT_EIO;
}

int port_gpio_watch(int pin, bool on)
{
    if (!host_pin_good(pin) || !pins[pin].configured || drives(pin)) return PORT_EINVAL;
    pins[pin].watched = on;
    return PORT_OK;
}

void host_pins_level(uint8_t pin, uint8_t level)
{
    if (!host_pin_good(pin) || !pins[pin].watched) return;
    struct port_event event = {.kind = PORT_EVENT_GPIO, .number = pin, .value = level != 0, .time_us = port_now_us()};
    port_post(&event);
}

static bool uart_good(int uart)
{
    return uart >= 0 && uart < UARTS;
}

int port_uart_open(int uart, int tx_pin, int rx_pin, int baud)
{
    if (!uart_good(uart) || !host_pin_good(tx_pin) || !host_pin_good(rx_pin) || baud <= 0) return PORT_EINVAL;
    uarts[uart].open = true;
    uarts[uart].head = uarts[uart].count = 0;
    uint8_t body[7] = {(uint8_t)uart, (uint8_t)tx_pin, (uint8_t)rx_pin};
    host_put_u32(body + 3, (uint32_t)baud);
    host_board_send(BOARD_UART_OPEN, body, sizeof body, NULL, 0);
    return PORT_OK;
}

int port_uart_write(int uart, const void *data, size_t length)
{
    if (!uart_good(uart)) return PORT_EINVAL;
    if (!uarts[uart].open) return PORT_ENOENT;
    if (length > PORT_UART_BUFFER) return PORT_EINVAL; // would never fit
    const uint8_t number = (uint8_t)uart;
    if (length > 0) host_board_send(BOARD_UART_BYTES, &number, 1, data, length);
    return PORT_OK;
}

void host_uart_bytes(uint8_t uart, const uint8_t *bytes, size_t length)
{
    if (!uart_good(uart) || !uarts[uart].open) return;
    for (size_t i = 0; i < length && uarts[uart].count < PORT_UART_BUFFER; i++) {
        uarts[uart].bytes[(uarts[uart].head + uarts[uart].count++) % PORT_UART_BUFFER] = bytes[i];
    }
    struct port_event event = {.kind = PORT_EVENT_UART, .number = uart, .time_us = port_now_us()};
    port_post(&event);
}

int port_uart_read(int uart, void *buf, size_t length)
{
    if (!uart_good(uart)) return PORT_EINVAL;
    if (!uarts[uart].open) return PORT_ENOENT;
    size_t count = length < uarts[uart].count ? length : uarts[uart].count;
    for (size_t i = 0; i < count; i++) {
        ((uint8_t *)buf)[i] = uarts[uart].bytes[(uarts[uart].head + i) % PORT_UART_BUFFER];
    }
    uarts[uart].head = (uarts[uart].head + count) % PORT_UART_BUFFER;
    uarts[uart].count -= count;
    return (int)count;
}

int port_uart_close(int uart)
{
    if (!uart_good(uart)) return PORT_EINVAL;
    if (!uarts[uart].open) return PORT_OK;
    uarts[uart].open = false;
    const uint8_t number = (uint8_t)uart;
    host_board_send(BOARD_UART_CLOSE, &number, 1, NULL, 0);
    return PORT_OK;
}

int port_i2c_open(int bus, int sda_pin, int scl_pin, int hz)
{
    if (bus < 0 || bus >= I2C_BUSES || !host_pin_good(sda_pin) || !host_pin_good(scl_pin) || hz <= 0) return PORT_EINVAL;
    i2c_open[bus] = true;
    uint8_t body[7] = {(uint8_t)bus, (uint8_t)sda_pin, (uint8_t)scl_pin};
    host_put_u32(body + 3, (uint32_t)hz);
    host_board_send(BOARD_I2C_OPEN, body, sizeof body, NULL, 0);
    return PORT_OK;
}

int port_i2c_transfer(int bus, int address, const void *write, size_t write_length, void *read, size_t read_length,
                      uint32_t timeout_us)
{
    (void)timeout_us; // the board answers PORT_ETIMEOUT for a stuck bus at once; time does not move here
    if (bus < 0 || bus >= I2C_BUSES || address < 0 || address > 0x7F || write_length > I2C_LENGTH_MAX ||
        read_length > I2C_LENGTH_MAX) {
        return PORT_EINVAL;
    }
    if (!i2c_open[bus]) return PORT_ENOENT;
    if (!host_board_present()) return PORT_ENACK;
    uint8_t head[4] = {(uint8_t)bus, (uint8_t)address};
    host_put_u16(head + 2, (uint16_t)read_length);
    host_board_send(BOARD_I2C_TRANSFER, head, sizeof head, write, write_length);
    static uint8_t answer[1 + I2C_LENGTH_MAX];
    int length = host_board_answer(BOARD_IN_I2C, answer, sizeof answer);
    if (length < 1) return PORT_EIO;
    int result = (int8_t)answer[0];
    if (result < 0) return result;
    if ((size_t)length != 1 + read_length) return PORT_EIO;
    if (read_length > 0) memcpy(read, answer + 1, read_length);
    return PORT_OK;
}

int port_i2c_close(int bus)
{
    if (bus < 0 || bus >= I2C_BUSES) return PORT_EINVAL;
    i2c_open[bus] = false;
    return PORT_OK;
}
