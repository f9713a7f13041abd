// The native object: its tables in one place, and what all bridge functions need.
#include "bridge.h"
#include "path.h"

#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPORTS_MAX = 128, EXPORT_LINE_MAX = 40 };

static const JSFunctionTable *const tables[] = {&mod_sys,    &mod_slots, &mod_firmware, &mod_nvs,  &mod_file,
                                                    &mod_net,    &mod_socket, &mod_crypto,  &mod_pins, &mod_espnow,
                                                    &mod_sleep,  &mod_parts,  &mod_cipher, &mod_console};
enum { TABLE_COUNT = sizeof tables / sizeof tables[0] };

int bridge_install(JSContext *ctx)
{
    JSValue object = JS_NewObjectProto(ctx, JS_NULL);
    if (JS_IsException(object)) return -1;
    // The functions are made when they are first used.
    if (JS_SetPropertyFunctionTables(ctx, object, tables, TABLE_COUNT) < 0) {
        JS_FreeValue(ctx, object);
        return -1;
    }
    JSValue global = JS_GetGlobalObject(ctx);
    int result = JS_DefinePropertyValueStr(ctx, global, "native", object, 0);
    JS_FreeValue(ctx, global);
    return result < 0 ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
    const JSCFunctionListEntry *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int sorted_exports(const JSCFunctionListEntry *out[EXPORTS_MAX])
{
    int count = 0;
    for (int i = 0; i < TABLE_COUNT; i++) {
        for (int j = 0; j < tables[i]->count && count < EXPORTS_MAX; j++) out[count++] = &tables[i]->entries[j];
    }
    qsort(out, (size_t)count, sizeof out[0], by_name);
    return count;
}

void hearth_print_exports(void (*line)(const char *))
{
    const JSCFunctionListEntry *exports[EXPORTS_MAX];
    char text[EXPORT_LINE_MAX];
    int count = sorted_exports(exports);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%s/%d", exports[i]->name, exports[i]->u.func.length);
        line(text);
    }
}

void bridge_api_hash(uint8_t out[8])
{
    const JSCFunctionListEntry *exports[EXPORTS_MAX];
    uint8_t sum[32] = {0};
    char text[EXPORT_LINE_MAX];
    size_t length;
    psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
    int count = sorted_exports(exports);
    psa_hash_setup(&hash, PSA_ALG_SHA_256);
    for (int i = 0; i < count; i++) {
        int size = snprintf(text, sizeof text, "%s/%d\n", exports[i]->name, exports[i]->u.func.length);
        psa_hash_update(&hash, (const uint8_t *)text, (size_t)size);
    }
    psa_hash_finish(&hash, sum, sizeof sum, &length);
    memcpy(out, sum, 8);
}

static const char *error_name(int code)
{
    static const char *const names[] = {"OK",       "EAGAIN",  "EINVAL", "EIO",     "ENOMEM", "ENOENT", "ETIMEOUT",
                                        "ENOTSUP",  "EFULL",   "ECLOSED", "EBUSY",  "EBAD",   "ENACK"};
    int index = -code;
    return index >= 0 && index < (int)(sizeof names / sizeof names[0]) ? names[index] : "EIO";
}

JSValue bridge_throw(JSContext *ctx, const char *function, int code)
{
    char text[64];
    snprintf(text, sizeof text, "%s: PORT_%s", function, error_name(code));
    JSValue error = JS_NewError(ctx);
    if (JS_IsException(error)) return error;
    if (JS_DefinePropertyValueStr(ctx, error, "message", JS_NewString(ctx, text), JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE) < 0 ||
        JS_DefinePropertyValueStr(ctx, error, "code", JS_NewInt32(ctx, code), JS_PROP_C_W_E) < 0) {
        JS_FreeValue(ctx, error);
        return JS_EXCEPTION;
    }
    return JS_Throw(ctx, error);
}

JSValue bridge_result(JSContext *ctx, const char *function, int result)
{
    return result < 0 ? bridge_throw(ctx, function, result) : JS_UNDEFINED;
}

bool arg_int(JSContext *ctx, JSValueConst value, int64_t min, int64_t max, int64_t *out)
{
    double number;
    if (JS_ToFloat64(ctx, &number, value) < 0) return false;
    if (number >= (double)min && number <= (double)max && number == (double)(int64_t)number) {
        *out = (int64_t)number;
        return true;
    }
    JS_ThrowRangeError(ctx, "native: a number is not whole or out of range");
    return false;
}

bool arg_bytes(JSContext *ctx, JSValueConst value, uint8_t **bytes, size_t *length)
{
    size_t offset, size, element;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, &size, &element);
    if (JS_IsException(buffer)) return false;
    size_t total;
    uint8_t *base = JS_GetArrayBuffer(ctx, &total, buffer);
    JS_FreeValue(ctx, buffer); // the array keeps it
    if (base == NULL && size > 0) return false;
    if (element != 1) {
        JS_ThrowTypeError(ctx, "native: not a Uint8Array");
        return false;
    }
    static uint8_t nothing[1];
    *bytes = size > 0 ? base + offset : nothing;
    *length = size;
    return true;
}

bool arg_file_name(JSContext *ctx, JSValueConst value, char out[PORT_FILE_NAME_MAX + 1])
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    if (text == NULL) return false;
    bool good = path_is_good(text, length);
    if (good) memcpy(out, text, length + 1);
    JS_FreeCString(ctx, text);
    if (!good) bridge_throw(ctx, "file name", PORT_EINVAL);
    return good;
}

static void free_bytes(JSRuntime *rt, void *opaque, void *pointer)
{
    (void)opaque;
    js_free_rt(rt, pointer);
}

JSValue bytes_take(JSContext *ctx, uint8_t *bytes, size_t length)
{
    if (bytes == NULL) return bytes_copy(ctx, "", 0);
    JSValue buffer = JS_NewArrayBuffer(ctx, bytes, length, free_bytes, NULL, 0);
    if (JS_IsException(buffer)) {
        js_free(ctx, bytes);
        return buffer;
    }
    JSValue arguments[3] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
    JSValue array = JS_NewTypedArray(ctx, 3, arguments, JS_TYPED_ARRAY_UINT8);
    JS_FreeValue(ctx, buffer);
    return array;
}

JSValue bytes_copy(JSContext *ctx, const void *bytes, size_t length)
{
    uint8_t *copy = js_malloc(ctx, length > 0 ? length : 1);
    if (copy == NULL) return JS_EXCEPTION;
    memcpy(copy, bytes, length);
    return bytes_take(ctx, copy, length);
}
