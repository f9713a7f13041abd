// native: the running bundle, taking a new one in, recorded exceptions and the reboot reason.
#include "bridge.h"
#include "life.h"
#include "text.h"

#include <string.h>

static char value[PORT_NVS_VALUE_MAX]; // not on the stack

static bool set_text(JSContext *ctx, JSValueConst object, const char *name, const char *text)
{
    return JS_DefinePropertyValueStr(ctx, object, name, JS_NewString(ctx, text), JS_PROP_C_W_E) >= 0;
}

static JSValue bundle_info(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char hash[17], engine[17], api[17], rejected[17] = "";
    uint8_t rejected_hash[8];
    (void)self, (void)argc, (void)argv;
    int why = slot_last_rejected(rejected_hash);
    if (why != WHY_NONE) hex_text(rejected, rejected_hash, 8);
    hex_text(hash, life.header.sha256, 8);
    hex_text(engine, life.header.engine_id, 8);
    hex_text(api, life.header.api_hash, 8);
    JSValue object = JS_NewObject(ctx);
    if (JS_IsException(object)) return object;
    int state = life.slot < 0 ? 0 : life.trial ? 1 : 2;
    if (JS_DefinePropertyValueStr(ctx, object, "slot", JS_NewInt32(ctx, life.slot), JS_PROP_C_W_E) >= 0 &&
        JS_DefinePropertyValueStr(ctx, object, "state", JS_NewInt32(ctx, state), JS_PROP_C_W_E) >= 0 &&
        set_text(ctx, object, "profile", life.header.profile) && set_text(ctx, object, "version", life.header.version) &&
        set_text(ctx, object, "hash", hash) && set_text(ctx, object, "engineId", engine) &&
        set_text(ctx, object, "apiHash", api) && set_text(ctx, object, "rejectedHash", rejected) &&
        set_text(ctx, object, "rejectedWhy", slot_why_name(why)) && set_text(ctx, object, "recoveryWhy", life.recovery_why)) {
        return object;
    }
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

static JSValue bundle_confirm(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "bundleConfirm", life_confirm());
}

static JSValue begin(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *header;
    size_t length;
    (void)self, (void)argc;
    if (!arg_bytes(ctx, argv[0], &header, &length)) return JS_EXCEPTION;
    int result = length == BUNDLE_HEADER_SIZE ? slot_begin(life.slot, header) : PORT_EINVAL;
    return result < 0 ? bridge_throw(ctx, "slotBegin", result) : JS_NewInt32(ctx, result);
}

static JSValue write_body(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t length;
    int64_t offset;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UINT32_MAX, &offset) || !arg_bytes(ctx, argv[1], &bytes, &length)) return JS_EXCEPTION;
    return bridge_result(ctx, "slotWrite", slot_write((uint32_t)offset, bytes, length));
}

static JSValue patch_body(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *operations;
    size_t length;
    int64_t at;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UINT32_MAX, &at) || !arg_bytes(ctx, argv[1], &operations, &length)) return JS_EXCEPTION;
    int result = slot_patch(life.slot, life.header.length, (uint32_t)at, operations, length);
    return result < 0 ? bridge_throw(ctx, "slotPatch", result) : JS_NewInt32(ctx, result);
}

static JSValue blocks(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t first, room;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UINT16_MAX, &first) || !arg_int(ctx, argv[1], 4, UINT16_MAX, &room)) return JS_EXCEPTION;
    uint8_t *bytes = js_malloc(ctx, (size_t)room);
    if (bytes == NULL) return JS_EXCEPTION;
    uint32_t length = life.slot < 0 ? 0 : life.header.length;
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(length >> (24 - 8 * i));
    int result = slot_blocks(life.slot, length, (uint32_t)first, bytes + 4, (size_t)room - 4);
    if (result >= 0) return bytes_take(ctx, bytes, (size_t)result + 4);
    js_free(ctx, bytes);
    return bridge_throw(ctx, "slotBlocks", result);
}

static JSValue commit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "slotCommit", slot_commit());
}

static JSValue exception_store(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    const char *message = JS_ToCString(ctx, argv[0]);
    const char *stack = message != NULL ? JS_ToCString(ctx, argv[1]) : NULL;
    int result = stack != NULL ? life_store_exception(message, stack) : 0;
    JSValue answer = stack != NULL ? bridge_result(ctx, "exceptionStore", result) : JS_EXCEPTION;
    if (message != NULL) JS_FreeCString(ctx, message);
    if (stack != NULL) JS_FreeCString(ctx, stack);
    return answer;
}

static JSValue stored(JSContext *ctx, const char *key)
{
    int length = port_nvs_get(life_space, key, value, sizeof value);
    if (length < 0) return JS_UNDEFINED;
    return JS_NewStringLen(ctx, value, (size_t)length < sizeof value ? (size_t)length : sizeof value);
}

static JSValue exception_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return stored(ctx, "exception");
}

static JSValue exception_clear(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "exceptionClear", port_nvs_remove(life_space, "exception"));
}

static JSValue reboot_reason(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return stored(ctx, "reboot");
}

static JSValue reboot_reason_clear(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "rebootReasonClear", port_nvs_remove(life_space, "reboot"));
}

static JSValue recover(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    const char *why = JS_ToCString(ctx, argv[0]);
    life_recover(why != NULL ? why : "");
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("bundleInfo", 0, bundle_info),
    JS_CFUNC_DEF("bundleConfirm", 0, bundle_confirm),
    JS_CFUNC_DEF("slotBegin", 1, begin),
    JS_CFUNC_DEF("slotWrite", 2, write_body),
    JS_CFUNC_DEF("slotPatch", 2, patch_body),
    JS_CFUNC_DEF("slotBlocks", 2, blocks),
    JS_CFUNC_DEF("slotCommit", 0, commit),
    JS_CFUNC_DEF("exceptionStore", 2, exception_store),
    JS_CFUNC_DEF("exceptionRead", 0, exception_read),
    JS_CFUNC_DEF("exceptionClear", 0, exception_clear),
    JS_CFUNC_DEF("rebootReason", 0, reboot_reason),
    JS_CFUNC_DEF("rebootReasonClear", 0, reboot_reason_clear),
    JS_CFUNC_DEF("recover", 1, recover),
};
const JSFunctionTable mod_slots = BRIDGE_TABLE(entries);
