// native: ESP-NOW frames out, and the radio. Frames that come in are events (mod_sys.c hands them on).
#include "bridge.h"

static JSValue espnow_on(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t channel;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, PORT_ESPNOW_CHANNEL_MAX, &channel)) return JS_EXCEPTION;
    return bridge_result(ctx, "espnowOn", port_espnow_on((int)channel, JS_ToBool(ctx, argv[1]) == 1));
}

static JSValue espnow_off(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "espnowOff", port_espnow_off());
}

static JSValue espnow_channel(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return JS_NewInt32(ctx, port_espnow_channel());
}

static JSValue espnow_send(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *mac, *frame;
    size_t mac_length, length;
    (void)self, (void)argc;
    if (!arg_bytes(ctx, argv[0], &mac, &mac_length) || !arg_bytes(ctx, argv[1], &frame, &length)) return JS_EXCEPTION;
    int result = mac_length == 6 ? port_espnow_send(mac, frame, length) : PORT_EINVAL;
    if (result < 0 && result != PORT_EAGAIN) return bridge_throw(ctx, "espnowSend", result);
    return JS_NewBool(ctx, result >= 0);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("espnowOn", 2, espnow_on),
    JS_CFUNC_DEF("espnowOff", 0, espnow_off),
    JS_CFUNC_DEF("espnowChannel", 0, espnow_channel),
    JS_CFUNC_DEF("espnowSend", 2, espnow_send),
};
const JSFunctionTable mod_espnow = BRIDGE_TABLE(entries);
