// native: parts whose timing is the port's: 1-Wire, HX711, pulse counter, edge receiver, shift registers, pin edges.
#include "bridge.h"

enum { PIN_MAX = 63 };

static bool arg_pin(JSContext *ctx, JSValueConst value, int *pin)
{
    int64_t number;
    if (!arg_int(ctx, value, 0, PIN_MAX, &number)) return false;
    *pin = (int)number;
    return true;
}

static JSValue onewire_reset(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin)) return JS_EXCEPTION;
    int result = port_onewire_reset(pin);
    return result < 0 ? bridge_throw(ctx, "onewireReset", result) : JS_NewBool(ctx, result);
}

static JSValue onewire_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    uint8_t *bytes;
    size_t length;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin) || !arg_bytes(ctx, argv[1], &bytes, &length)) return JS_EXCEPTION;
    return bridge_result(ctx, "onewireWrite", port_onewire_write(pin, bytes, length));
}

static JSValue onewire_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    int64_t length;
    uint8_t bytes[PORT_ONEWIRE_MAX];
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin) || !arg_int(ctx, argv[1], 0, PORT_ONEWIRE_MAX, &length)) return JS_EXCEPTION;
    int result = port_onewire_read(pin, bytes, (size_t)length);
    return result < 0 ? bridge_throw(ctx, "onewireRead", result) : bytes_copy(ctx, bytes, (size_t)length);
}

static JSValue onewire_triplet(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    int64_t direction;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin) || !arg_int(ctx, argv[1], 0, 1, &direction)) return JS_EXCEPTION;
    int result = port_onewire_triplet(pin, (int)direction);
    return result < 0 ? bridge_throw(ctx, "onewireTriplet", result) : JS_NewInt32(ctx, result);
}

static JSValue hx711_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int data, clock;
    int64_t pulses;
    int32_t value;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &data) || !arg_pin(ctx, argv[1], &clock) || !arg_int(ctx, argv[2], 25, 27, &pulses)) {
        return JS_EXCEPTION;
    }
    int result = port_hx711_read(data, clock, (int)pulses, &value);
    if (result == PORT_EAGAIN) return JS_UNDEFINED;
    return result < 0 ? bridge_throw(ctx, "hx711Read", result) : JS_NewInt32(ctx, value);
}

static JSValue pulse_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    int64_t filter_ns;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin) || !arg_int(ctx, argv[1], 0, UINT32_MAX, &filter_ns)) return JS_EXCEPTION;
    return bridge_result(ctx, "pulseOpen", port_pulse_open(pin, (uint32_t)filter_ns));
}

static JSValue pulse_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint32_t count;
    (void)self, (void)argc, (void)argv;
    int result = port_pulse_read(&count);
    return result < 0 ? bridge_throw(ctx, "pulseRead", result) : JS_NewUint32(ctx, count);
}

static JSValue pulse_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "pulseClose", port_pulse_close());
}

static JSValue edges_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    int64_t filter_us, idle_us;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin) || !arg_int(ctx, argv[1], 0, UINT32_MAX, &filter_us) ||
        !arg_int(ctx, argv[2], 0, UINT32_MAX, &idle_us)) {
        return JS_EXCEPTION;
    }
    bool hardware = JS_ToBool(ctx, argv[3]) == 1;
    return bridge_result(ctx, "edgesOpen", port_edges_open(pin, (uint32_t)filter_us, (uint32_t)idle_us, hardware));
}

static JSValue edges_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "edgesClose", port_edges_close());
}

static JSValue shift_exchange(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int latch, clock, in, out;
    int64_t bits, value;
    uint32_t inputs;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &latch) || !arg_pin(ctx, argv[1], &clock) || !arg_pin(ctx, argv[2], &in) ||
        !arg_pin(ctx, argv[3], &out) || !arg_int(ctx, argv[4], 1, 32, &bits) ||
        !arg_int(ctx, argv[5], 0, UINT32_MAX, &value)) {
        return JS_EXCEPTION;
    }
    int result = port_shift_exchange(latch, clock, in, out, (int)bits, (uint32_t)value, &inputs);
    return result < 0 ? bridge_throw(ctx, "shiftExchange", result) : JS_NewUint32(ctx, inputs);
}

static JSValue pin_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int pin;
    (void)self, (void)argc;
    if (!arg_pin(ctx, argv[0], &pin)) return JS_EXCEPTION;
    return bridge_result(ctx, "pinWatch", port_gpio_watch(pin, JS_ToBool(ctx, argv[1]) == 1));
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("onewireReset", 1, onewire_reset),
    JS_CFUNC_DEF("onewireWrite", 2, onewire_write),
    JS_CFUNC_DEF("onewireRead", 2, onewire_read),
    JS_CFUNC_DEF("onewireTriplet", 2, onewire_triplet),
    JS_CFUNC_DEF("hx711Read", 3, hx711_read),
    JS_CFUNC_DEF("pulseOpen", 2, pulse_open),
    JS_CFUNC_DEF("pulseRead", 0, pulse_read),
    JS_CFUNC_DEF("pulseClose", 0, pulse_close),
    JS_CFUNC_DEF("edgesOpen", 4, edges_open),
    JS_CFUNC_DEF("edgesClose", 0, edges_close),
    JS_CFUNC_DEF("shiftExchange", 6, shift_exchange),
    JS_CFUNC_DEF("pinWatch", 2, pin_watch),
};
const JSFunctionTable mod_parts = BRIDGE_TABLE(entries);
