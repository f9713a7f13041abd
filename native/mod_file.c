// native: files on the files partition.
#include "bridge.h"

#include <string.h>

enum { READ_MAX = 16384 };

static JSValue size_of(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name)) return JS_EXCEPTION;
    int size = port_file_size(name);
    if (size < 0 && size != PORT_ENOENT) return bridge_throw(ctx, "fileSize", size);
    return JS_NewInt32(ctx, size < 0 ? -1 : size);
}

static JSValue read_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    int64_t offset, length;
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name) || !arg_int(ctx, argv[1], 0, INT32_MAX, &offset) ||
        !arg_int(ctx, argv[2], 0, INT32_MAX, &length)) {
        return JS_EXCEPTION;
    }
    int size = port_file_size(name);
    if (size < 0) return bridge_throw(ctx, "fileRead", size);
    int64_t left = offset < size ? size - offset : 0;
    if (length > left) length = left;
    if (length > READ_MAX) length = READ_MAX;
    uint8_t *bytes = js_malloc(ctx, length > 0 ? (size_t)length : 1);
    if (bytes == NULL) return JS_EXCEPTION;
    int result = port_file_read(name, (uint32_t)offset, bytes, (size_t)length);
    if (result >= 0) return bytes_take(ctx, bytes, (size_t)result);
    js_free(ctx, bytes);
    return bridge_throw(ctx, "fileRead", result);
}

static JSValue write_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    int64_t offset;
    uint8_t *bytes;
    size_t length;
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name) || !arg_int(ctx, argv[1], 0, INT32_MAX, &offset) ||
        !arg_bytes(ctx, argv[2], &bytes, &length)) {
        return JS_EXCEPTION;
    }
    return bridge_result(ctx, "fileWrite", port_file_write(name, (uint32_t)offset, bytes, length));
}

static JSValue sync_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name)) return JS_EXCEPTION;
    return bridge_result(ctx, "fileSync", port_file_sync(name));
}

static JSValue rename_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char from[PORT_FILE_NAME_MAX + 1], to[PORT_FILE_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], from) || !arg_file_name(ctx, argv[1], to)) return JS_EXCEPTION;
    return bridge_result(ctx, "fileRename", port_file_rename(from, to));
}

static JSValue remove_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name)) return JS_EXCEPTION;
    int result = port_file_remove(name);
    if (result < 0 && result != PORT_ENOENT) return bridge_throw(ctx, "fileRemove", result);
    return JS_NewBool(ctx, result >= 0);
}

struct listing {
    JSContext *ctx;
    JSValue array;
    uint32_t count;
    bool failed;
};

static void list_one(void *context, const char *name, uint32_t size)
{
    struct listing *listing = context;
    if (listing->failed) return;
    listing->failed =
        JS_SetPropertyUint32(listing->ctx, listing->array, listing->count++, JS_NewString(listing->ctx, name)) < 0 ||
        JS_SetPropertyUint32(listing->ctx, listing->array, listing->count++, JS_NewUint32(listing->ctx, size)) < 0;
}

static JSValue list(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct listing listing = {ctx, JS_NewArray(ctx), 0, false};
    (void)self, (void)argc, (void)argv;
    if (JS_IsException(listing.array)) return listing.array;
    int result = port_file_list(list_one, &listing);
    if (!listing.failed && result >= 0) return listing.array;
    JS_FreeValue(ctx, listing.array);
    return listing.failed ? JS_EXCEPTION : bridge_throw(ctx, "fileList", result);
}

static JSValue space(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc, (void)argv;
    int result = port_file_space();
    return result < 0 ? bridge_throw(ctx, "fileSpace", result) : JS_NewInt32(ctx, result);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("fileSize", 1, size_of),
    JS_CFUNC_DEF("fileRead", 3, read_bytes),
    JS_CFUNC_DEF("fileWrite", 3, write_bytes),
    JS_CFUNC_DEF("fileSync", 1, sync_file),
    JS_CFUNC_DEF("fileRename", 2, rename_file),
    JS_CFUNC_DEF("fileRemove", 1, remove_file),
    JS_CFUNC_DEF("fileList", 0, list),
    JS_CFUNC_DEF("fileSpace", 0, space),
};
const JSFunctionTable mod_file = BRIDGE_TABLE(entries);
