// native: the network interface.
#include "bridge.h"

#include <stdio.h>
#include <string.h>

enum { SSID_MAX = 32, PASSWORD_MAX = 64, HOST_NAME_MAX = 253 };

// What was joined last.
static struct {
    enum port_net_kind kind;
    char ssid[SSID_MAX + 1], password[PASSWORD_MAX + 1];
} joined;
// The interface was left up by the program before. Whoever asks for what is there gets it as it is, anything else begins from off.
static bool kept;

static uint8_t net_state(void)
{
    struct port_net_status status;
    port_net_status(&status);
    return status.state;
}

void net_keep(void)
{
    kept = net_state() == PORT_NET_UP;
    if (!kept) (void)port_net_off(); // whether it comes up is the next program's business, from the beginning
}

static JSValue on(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t kind;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], PORT_NET_WIFI, PORT_NET_QEMU, &kind)) return JS_EXCEPTION;
    if (kept && (enum port_net_kind)kind == joined.kind) return JS_UNDEFINED;
    if (kept) (void)port_net_off();
    kept = false;
    joined.kind = (enum port_net_kind)kind;
    int result = port_net_on(joined.kind);
    return result < 0 ? bridge_throw(ctx, "netOn", result) : JS_UNDEFINED;
}

// Copies a text of at most `max` bytes.
static bool arg_text(JSContext *ctx, JSValueConst argument, char *out, size_t max)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argument);
    if (text == NULL) return false;
    bool good = length <= max && memchr(text, '\0', length) == NULL;
    if (good) memcpy(out, text, length + 1);
    JS_FreeCString(ctx, text);
    if (!good) bridge_throw(ctx, "net", PORT_EINVAL);
    return good;
}

static JSValue join(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char ssid[SSID_MAX + 1], password[PASSWORD_MAX + 1];
    (void)self, (void)argc;
    if (!arg_text(ctx, argv[0], ssid, SSID_MAX) || !arg_text(ctx, argv[1], password, PASSWORD_MAX)) return JS_EXCEPTION;
    bool same = strcmp(ssid, joined.ssid) == 0 && strcmp(password, joined.password) == 0;
    bool was_kept = kept;
    kept = false;
    if (was_kept && same && net_state() == PORT_NET_UP) return JS_UNDEFINED;
    if (was_kept) {
        (void)port_net_off();
        (void)port_net_on(joined.kind); // if it fails, the next line does
    }
    strcpy(joined.ssid, ssid);
    strcpy(joined.password, password);
    int result = port_net_connect(ssid, password);
    return result < 0 ? bridge_throw(ctx, "netConnect", result) : JS_UNDEFINED;
}

static JSValue off(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    kept = false;
    int result = port_net_off();
    return result < 0 ? bridge_throw(ctx, "netOff", result) : JS_UNDEFINED;
}

static JSValue state(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct port_net_status status;
    (void)self, (void)argc, (void)argv;
    port_net_status(&status);
    return JS_NewInt32(ctx, status.state);
}

static JSValue ip_text(JSContext *ctx, const uint8_t ip[4])
{
    char text[16];
    snprintf(text, sizeof text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    return JS_NewString(ctx, text);
}

static JSValue address(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct port_net_status status;
    (void)self, (void)argc, (void)argv;
    port_net_status(&status);
    return ip_text(ctx, status.ip);
}

static JSValue mac(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct port_net_status status;
    char text[18];
    (void)self, (void)argc, (void)argv;
    port_net_status(&status);
    snprintf(text, sizeof text, "%02X:%02X:%02X:%02X:%02X:%02X", status.mac[0], status.mac[1], status.mac[2], status.mac[3],
             status.mac[4], status.mac[5]);
    return JS_NewString(ctx, text);
}

static JSValue signal_of(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct port_net_status status;
    (void)self, (void)argc, (void)argv;
    port_net_status(&status);
    JSValue array = JS_NewArray(ctx);
    if (JS_IsException(array)) return array;
    if (JS_SetPropertyUint32(ctx, array, 0, JS_NewInt32(ctx, status.rssi)) < 0 ||
        JS_SetPropertyUint32(ctx, array, 1, JS_NewInt32(ctx, status.channel)) < 0) {
        JS_FreeValue(ctx, array);
        return JS_EXCEPTION;
    }
    return array;
}

static JSValue resolve(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[HOST_NAME_MAX + 1];
    uint8_t ip[4];
    (void)self, (void)argc;
    if (!arg_text(ctx, argv[0], name, HOST_NAME_MAX)) return JS_EXCEPTION;
    return port_resolve(name, ip) < 0 ? JS_UNDEFINED : ip_text(ctx, ip);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("netOn", 1, on),
    JS_CFUNC_DEF("netConnect", 2, join),
    JS_CFUNC_DEF("netOff", 0, off),
    JS_CFUNC_DEF("netState", 0, state),
    JS_CFUNC_DEF("netAddress", 0, address),
    JS_CFUNC_DEF("netMac", 0, mac),
    JS_CFUNC_DEF("netSignal", 0, signal_of),
    JS_CFUNC_DEF("netResolve", 1, resolve),
};
const JSFunctionTable mod_net = BRIDGE_TABLE(entries);
