// native: deep sleep, and the part of RTC memory that is the program's (life.c uses its beginning).
#include "bridge.h"
#include "life.h"

#include <math.h>
#include <string.h>

// A year; beyond it a sleep is rather a mistake in a unit.
static const double sleep_max_ms = 366.0 * 86400e3;

static uint8_t *program_rtc(void)
{
    return (uint8_t *)port_rtc_memory() + PORT_RTC_SIZE - LIFE_RTC_PROGRAM_SIZE;
}

static JSValue deep_sleep(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    double ms;
    (void)self, (void)argc;
    if (JS_ToFloat64(ctx, &ms, argv[0]) < 0) return JS_EXCEPTION;
    if (!(ms >= 0 && ms <= sleep_max_ms)) return bridge_throw(ctx, "deepSleep", PORT_EINVAL); // also not a number
    port_deep_sleep((uint64_t)ceil(ms * 1000.0));
}

static JSValue rtc_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bytes_copy(ctx, program_rtc(), LIFE_RTC_PROGRAM_SIZE);
}

static JSValue rtc_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t length;
    (void)self, (void)argc;
    if (!arg_bytes(ctx, argv[0], &bytes, &length)) return JS_EXCEPTION;
    if (length > LIFE_RTC_PROGRAM_SIZE) return bridge_throw(ctx, "rtcWrite", PORT_EINVAL);
    memcpy(program_rtc(), bytes, length);
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("deepSleep", 1, deep_sleep),
    JS_CFUNC_DEF("rtcRead", 0, rtc_read),
    JS_CFUNC_DEF("rtcWrite", 1, rtc_write),
};
const JSFunctionTable mod_sleep = BRIDGE_TABLE(entries);
