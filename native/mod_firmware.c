// native: the firmware slots, and the configuration on trial.
#include "bridge.h"
#include "config_trial.h"
#include "firmware.h"
#include "life.h"
#include "text.h"

#include <string.h>

enum { HASH_TEXT = 17 };

static bool set(JSContext *ctx, JSValueConst object, const char *name, JSValue value)
{
    return JS_DefinePropertyValueStr(ctx, object, name, value, JS_PROP_C_W_E) >= 0;
}

// Adds rejectedHash and rejectedWhy.
static bool set_rejected(JSContext *ctx, JSValueConst object, const uint8_t hash[8], int why)
{
    char text[HASH_TEXT] = "";
    if (why != WHY_NONE) hex_text(text, hash, 8);
    return set(ctx, object, "rejectedHash", JS_NewString(ctx, text)) &&
           set(ctx, object, "rejectedWhy", JS_NewString(ctx, slot_why_name(why)));
}

static JSValue firmware_info(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct port_firmware_info info;
    uint8_t rejected[8];
    char hash[HASH_TEXT] = "", other[HASH_TEXT] = "";
    (void)self, (void)argc, (void)argv;
    int why = firmware_last_rejected(rejected), space = port_flash_size(PORT_PART_FIRMWARE);
    if (port_firmware_info(&info) < 0) {
        memset(&info, 0, sizeof info);
        info.slot = info.running.state = info.other.state = -1;
    } else {
        hex_text(hash, info.running.hash, 8);
        if (info.other.version[0] != '\0') hex_text(other, info.other.hash, 8);
    }
    JSValue object = JS_NewObject(ctx);
    if (JS_IsException(object)) return object;
    if (set(ctx, object, "slot", JS_NewInt32(ctx, info.slot)) && set(ctx, object, "state", JS_NewInt32(ctx, info.running.state)) &&
        set(ctx, object, "version", JS_NewString(ctx, info.running.version)) && set(ctx, object, "hash", JS_NewString(ctx, hash)) &&
        set(ctx, object, "space", JS_NewInt32(ctx, space < 0 ? 0 : space)) &&
        set(ctx, object, "otherState", JS_NewInt32(ctx, info.other.state)) &&
        set(ctx, object, "otherVersion", JS_NewString(ctx, info.other.version)) &&
        set(ctx, object, "otherHash", JS_NewString(ctx, other)) && set_rejected(ctx, object, rejected, why)) {
        return object;
    }
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

static JSValue begin(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *sha256;
    size_t length;
    int64_t size;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UINT32_MAX, &size) || !arg_bytes(ctx, argv[1], &sha256, &length)) return JS_EXCEPTION;
    int result = length == 32 ? firmware_begin((uint32_t)size, sha256) : PORT_EINVAL;
    return result < 0 ? bridge_throw(ctx, "firmwareBegin", result) : JS_NewInt32(ctx, result);
}

static JSValue write_image(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t length;
    int64_t offset;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, UINT32_MAX, &offset) || !arg_bytes(ctx, argv[1], &bytes, &length)) return JS_EXCEPTION;
    return bridge_result(ctx, "firmwareWrite", firmware_write((uint32_t)offset, bytes, length));
}

static JSValue commit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    return bridge_result(ctx, "firmwareCommit", firmware_commit());
}

static JSValue confirm(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    int result = firmware_confirm();
    if (result < 0) return bridge_throw(ctx, "firmwareConfirm", result);
    life.firmware_trial = false;
    slots_protect(false);
    return JS_UNDEFINED;
}

static JSValue try_config(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name)) return JS_EXCEPTION;
    return bridge_result(ctx, "configTry", config_try(name));
}

static JSValue confirm_config(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    // One that waits for the restart into it has shown nothing yet.
    int result = life.config_trial ? config_confirm() : PORT_OK;
    if (result < 0) return bridge_throw(ctx, "configConfirm", result);
    life.config_trial = false;
    return JS_UNDEFINED;
}

static JSValue config_info(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t rejected[8];
    (void)self, (void)argc, (void)argv;
    int why = config_last_rejected(rejected);
    JSValue object = JS_NewObject(ctx);
    if (JS_IsException(object)) return object;
    bool trial = life.config_trial || config_state().trial;
    if (set(ctx, object, "trial", JS_NewBool(ctx, trial)) && set_rejected(ctx, object, rejected, why)) return object;
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("firmwareInfo", 0, firmware_info),
    JS_CFUNC_DEF("firmwareBegin", 2, begin),
    JS_CFUNC_DEF("firmwareWrite", 2, write_image),
    JS_CFUNC_DEF("firmwareCommit", 0, commit),
    JS_CFUNC_DEF("firmwareConfirm", 0, confirm),
    JS_CFUNC_DEF("configTry", 1, try_config),
    JS_CFUNC_DEF("configConfirm", 0, confirm_config),
    JS_CFUNC_DEF("configInfo", 0, config_info),
};
const JSFunctionTable mod_firmware = BRIDGE_TABLE(entries);
