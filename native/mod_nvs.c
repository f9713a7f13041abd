// native: text values in NVS.
#include "bridge.h"

#include <string.h>

static char value[PORT_NVS_VALUE_MAX]; // not on the stack

// Copies a name of 1 to PORT_NVS_NAME_MAX characters.
static bool arg_name(JSContext *ctx, JSValueConst argument, char out[PORT_NVS_NAME_MAX + 1])
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argument);
    if (text == NULL) return false;
    bool good = length >= 1 && length <= PORT_NVS_NAME_MAX && memchr(text, '\0', length) == NULL;
    if (good) memcpy(out, text, length + 1);
    JS_FreeCString(ctx, text);
    if (!good) bridge_throw(ctx, "nvs", PORT_EINVAL);
    return good;
}

static JSValue get(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char space[PORT_NVS_NAME_MAX + 1], key[PORT_NVS_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_name(ctx, argv[0], space) || !arg_name(ctx, argv[1], key)) return JS_EXCEPTION;
    int length = port_nvs_get(space, key, value, sizeof value);
    if (length == PORT_ENOENT) return JS_UNDEFINED;
    if (length < 0) return bridge_throw(ctx, "nvsGet", length);
    return JS_NewStringLen(ctx, value, (size_t)length < sizeof value ? (size_t)length : sizeof value);
}

static JSValue set(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char space[PORT_NVS_NAME_MAX + 1], key[PORT_NVS_NAME_MAX + 1];
    size_t length;
    (void)self, (void)argc;
    if (!arg_name(ctx, argv[0], space) || !arg_name(ctx, argv[1], key)) return JS_EXCEPTION;
    const char *text = JS_ToCStringLen(ctx, &length, argv[2]);
    if (text == NULL) return JS_EXCEPTION;
    int result = length <= PORT_NVS_VALUE_MAX ? port_nvs_set(space, key, text, length) : PORT_EINVAL;
    JS_FreeCString(ctx, text);
    return result < 0 ? bridge_throw(ctx, "nvsSet", result) : JS_UNDEFINED;
}

static JSValue delete_key(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char space[PORT_NVS_NAME_MAX + 1], key[PORT_NVS_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_name(ctx, argv[0], space) || !arg_name(ctx, argv[1], key)) return JS_EXCEPTION;
    int result = port_nvs_remove(space, key);
    return result < 0 ? bridge_throw(ctx, "nvsRemove", result) : JS_UNDEFINED;
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("nvsGet", 2, get),
    JS_CFUNC_DEF("nvsSet", 3, set),
    JS_CFUNC_DEF("nvsRemove", 2, delete_key),
};
const JSFunctionTable mod_nvs = BRIDGE_TABLE(entries);
