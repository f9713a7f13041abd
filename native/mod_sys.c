// native: time, restart, watchdog, console, heap figures, events and texts.
#include "bridge.h"
#include "embedded.h"
#include "life.h"
#include "text.h"
#include "vm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WATCHDOG_MAX_MS = 3600000, DIGITS_MAX = 20 };

static JSValue on_turn(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    if (!JS_IsFunction(ctx, argv[0])) return JS_ThrowTypeError(ctx, "onTurn: not a function");
    loop_set_turn(ctx, argv[0]);
    return JS_UNDEFINED;
}

static JSValue now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewFloat64(ctx, (double)life_now_us() / 1000.0);
}

static JSValue restart(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    const char *why = JS_ToCString(ctx, argv[0]);
    life_restart(why != NULL ? why : "", JS_ToBool(ctx, argv[1]) == 1 ? BOOT_END_ASKED : BOOT_END_PLAIN);
}

static JSValue restart_program(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    const char *why = JS_ToCString(ctx, argv[0]);
    life_end_program(why != NULL ? why : "");
    JS_FreeCString(ctx, why);
    return vm_unwind(ctx);
}

static JSValue reset_reason(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewInt32(ctx, (int)life.reset);
}

static JSValue reset_asked(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewBool(ctx, life.asked);
}

static JSValue watchdog(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t ms;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, WATCHDOG_MAX_MS, &ms)) return JS_EXCEPTION;
    life.watchdog_taken = true;
    vm_watchdog((uint32_t)ms);
    return JS_UNDEFINED;
}

static JSValue cpu_mhz(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t mhz;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, 1000, &mhz)) return JS_EXCEPTION;
    int result = port_cpu_mhz((int)mhz);
    if (result < 0 && result != PORT_ENOTSUP) return bridge_throw(ctx, "cpuMhz", result);
    return JS_NewBool(ctx, result >= 0);
}

static JSValue unique_id(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t id[6];
    char text[13];
    (void)self, (void)argc, (void)argv;
    port_unique_id(id);
    hex_text(text, id, sizeof id);
    return JS_NewString(ctx, text);
}

static JSValue machine(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewString(ctx, port_machine());
}

static JSValue firmware_version(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewString(ctx, embedded_descriptor.version);
}

static JSValue log_line(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    const char *line = JS_ToCString(ctx, argv[0]);
    if (line == NULL) return JS_EXCEPTION;
    port_log(line);
    JS_FreeCString(ctx, line);
    return JS_UNDEFINED;
}

// An array of numbers; small enough for a fixed bound.
static JSValue number_array(JSContext *ctx, const double *numbers, uint32_t count)
{
    JSValue array = JS_NewArray(ctx);
    for (uint32_t i = 0; i < count && !JS_IsException(array); i++) {
        double number = numbers[i];
        bool small = number == (int32_t)number;
        JSValue value = small ? JS_NewInt32(ctx, (int32_t)number) : JS_NewFloat64(ctx, number);
        if (JS_SetPropertyUint32(ctx, array, i, value) < 0) {
            JS_FreeValue(ctx, array);
            array = JS_EXCEPTION;
        }
    }
    return array;
}

static JSValue heap(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct port_heap_stats stats;
    (void)self, (void)argc, (void)argv;
    port_heap_stats(&stats);
    const double figures[4] = {(double)vm_live(), (double)vm_peak(), (double)stats.free, (double)stats.largest_block};
    return number_array(ctx, figures, 4);
}

static JSValue collect(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    JS_RunGC(JS_GetRuntime(ctx));
    return JS_UNDEFINED;
}

static JSValue next_event(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    static struct port_event event; // too large for a chip's stack
    (void)self, (void)argc, (void)argv;
    if (port_next_event(&event) != 1) return JS_UNDEFINED;
    const double figures[4] = {event.kind, event.number, event.value, (double)(event.time_us - life.began_us) / 1000.0};
    JSValue data = bytes_copy(ctx, event.data, event.length);
    if (JS_IsException(data)) return data;
    JSValue array = number_array(ctx, figures, 4);
    if (JS_IsException(array)) {
        JS_FreeValue(ctx, data);
        return array;
    }
    if (JS_SetPropertyUint32(ctx, array, 4, data) < 0) {
        JS_FreeValue(ctx, array);
        return JS_EXCEPTION;
    }
    return array;
}

static JSValue events_dropped(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewUint32(ctx, port_events_dropped());
}

static JSValue encode_text(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    (void)self, (void)argc;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (text == NULL) return JS_EXCEPTION;
    JSValue bytes = bytes_copy(ctx, text, length);
    JS_FreeCString(ctx, text);
    return bytes;
}

static JSValue decode_text(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t length;
    int64_t start, end;
    (void)self, (void)argc;
    if (!arg_bytes(ctx, argv[0], &bytes, &length)) return JS_EXCEPTION;
    if (!arg_int(ctx, argv[2], 0, (int64_t)length, &end) || !arg_int(ctx, argv[1], 0, end, &start)) return JS_EXCEPTION;
    if (!utf8_is_valid(bytes + start, (size_t)(end - start))) return JS_UNDEFINED;
    return JS_NewStringLen(ctx, (const char *)bytes + start, (size_t)(end - start));
}

static JSValue format_fixed(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char text[DIGITS_MAX + 330];
    double value;
    int64_t digits;
    (void)self, (void)argc;
    if (JS_ToFloat64(ctx, &value, argv[0]) < 0 || !arg_int(ctx, argv[1], 0, DIGITS_MAX, &digits)) return JS_EXCEPTION;
    snprintf(text, sizeof text, "%.*f", (int)digits, value);
    return JS_NewString(ctx, text);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("onTurn", 1, on_turn),
    JS_CFUNC_DEF("now", 0, now),
    JS_CFUNC_DEF("restart", 2, restart),
    JS_CFUNC_DEF("restartProgram", 1, restart_program),
    JS_CFUNC_DEF("resetReason", 0, reset_reason),
    JS_CFUNC_DEF("resetAsked", 0, reset_asked),
    JS_CFUNC_DEF("watchdog", 1, watchdog),
    JS_CFUNC_DEF("cpuMhz", 1, cpu_mhz),
    JS_CFUNC_DEF("uniqueId", 0, unique_id),
    JS_CFUNC_DEF("machine", 0, machine),
    JS_CFUNC_DEF("firmwareVersion", 0, firmware_version),
    JS_CFUNC_DEF("log", 1, log_line),
    JS_CFUNC_DEF("heap", 0, heap),
    JS_CFUNC_DEF("collect", 0, collect),
    JS_CFUNC_DEF("nextEvent", 0, next_event),
    JS_CFUNC_DEF("eventsDropped", 0, events_dropped),
    JS_CFUNC_DEF("encodeText", 1, encode_text),
    JS_CFUNC_DEF("decodeText", 3, decode_text),
    JS_CFUNC_DEF("formatFixed", 2, format_fixed),
};
const JSFunctionTable mod_sys = BRIDGE_TABLE(entries);
