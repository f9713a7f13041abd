// native: pins, UARTs and I2C buses.
#include "bridge.h"
#include "handover.h"

enum { PIN_MAX = 63, UART_MAX = 2, BUS_MAX = 1, I2C_READ_MAX = 1024, I2C_TIMEOUT_US = 50000 };

static JSValue pin_mode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t pin, mode, level;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, PIN_MAX, &pin) || !arg_int(ctx, argv[1], 0, PORT_GPIO_OPEN_DRAIN, &mode) ||
        !arg_int(ctx, argv[2], 0, 1, &level)) {
        return JS_EXCEPTION;
    }
    return bridge_result(ctx, "pinMode", handover_pin_mode((int)pin, (enum port_gpio_mode)mode, (int)level));
}

static JSValue pin_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t pin, level;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, PIN_MAX, &pin) || !arg_int(ctx, argv[1], 0, 1, &level)) return JS_EXCEPTION;
    return bridge_result(ctx, "pinWrite", port_gpio_write((int)pin, (int)level));
}

static JSValue pin_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t pin;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, PIN_MAX, &pin)) return JS_EXCEPTION;
    int level = port_gpio_read((int)pin);
    return level < 0 ? bridge_throw(ctx, "pinRead", level) : JS_NewInt32(ctx, level);
}

static JSValue uart_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t uart, tx, rx, baud;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UART_MAX, &uart) || !arg_int(ctx, argv[1], 0, PIN_MAX, &tx) ||
        !arg_int(ctx, argv[2], 0, PIN_MAX, &rx) || !arg_int(ctx, argv[3], 1, 5000000, &baud)) {
        return JS_EXCEPTION;
    }
    return bridge_result(ctx, "uartOpen", port_uart_open((int)uart, (int)tx, (int)rx, (int)baud));
}

static JSValue uart_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t uart;
    uint8_t *bytes;
    size_t length;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UART_MAX, &uart) || !arg_bytes(ctx, argv[1], &bytes, &length)) return JS_EXCEPTION;
    int result = port_uart_write((int)uart, bytes, length);
    if (result < 0 && result != PORT_EAGAIN) return bridge_throw(ctx, "uartWrite", result);
    return JS_NewBool(ctx, result >= 0);
}

static JSValue uart_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t uart, start;
    uint8_t *bytes;
    size_t length;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UART_MAX, &uart) || !arg_bytes(ctx, argv[1], &bytes, &length) ||
        !arg_int(ctx, argv[2], 0, (int64_t)length, &start)) {
        return JS_EXCEPTION;
    }
    int result = port_uart_read((int)uart, bytes + start, length - (size_t)start);
    return result < 0 ? bridge_throw(ctx, "uartRead", result) : JS_NewInt32(ctx, result);
}

static JSValue uart_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t uart;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UART_MAX, &uart)) return JS_EXCEPTION;
    return bridge_result(ctx, "uartClose", port_uart_close((int)uart));
}

static JSValue i2c_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t bus, sda, scl, hz;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, BUS_MAX, &bus) || !arg_int(ctx, argv[1], 0, PIN_MAX, &sda) ||
        !arg_int(ctx, argv[2], 0, PIN_MAX, &scl) || !arg_int(ctx, argv[3], 1, 1000000, &hz)) {
        return JS_EXCEPTION;
    }
    return bridge_result(ctx, "i2cOpen", port_i2c_open((int)bus, (int)sda, (int)scl, (int)hz));
}

static JSValue i2c_transfer(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t bus, address, length;
    uint8_t *written;
    size_t written_length;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, BUS_MAX, &bus) || !arg_int(ctx, argv[1], 0, 127, &address) ||
        !arg_bytes(ctx, argv[2], &written, &written_length) || !arg_int(ctx, argv[3], 0, I2C_READ_MAX, &length)) {
        return JS_EXCEPTION;
    }
    uint8_t *bytes = js_malloc(ctx, length > 0 ? (size_t)length : 1);
    if (bytes == NULL) return JS_EXCEPTION;
    int result = port_i2c_transfer((int)bus, (int)address, written, written_length, bytes, (size_t)length, I2C_TIMEOUT_US);
    if (result >= 0) return bytes_take(ctx, bytes, (size_t)length);
    js_free(ctx, bytes);
    return result == PORT_ENACK ? JS_UNDEFINED : bridge_throw(ctx, "i2cTransfer", result);
}

static JSValue i2c_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t bus;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, BUS_MAX, &bus)) return JS_EXCEPTION;
    return bridge_result(ctx, "i2cClose", port_i2c_close((int)bus));
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("pinMode", 3, pin_mode),
    JS_CFUNC_DEF("pinWrite", 2, pin_write),
    JS_CFUNC_DEF("pinRead", 1, pin_read),
    JS_CFUNC_DEF("uartOpen", 4, uart_open),
    JS_CFUNC_DEF("uartWrite", 2, uart_write),
    JS_CFUNC_DEF("uartRead", 3, uart_read),
    JS_CFUNC_DEF("uartClose", 1, uart_close),
    JS_CFUNC_DEF("i2cOpen", 4, i2c_open),
    JS_CFUNC_DEF("i2cTransfer", 4, i2c_transfer),
    JS_CFUNC_DEF("i2cClose", 1, i2c_close),
};
const JSFunctionTable mod_pins = BRIDGE_TABLE(entries);
