// native: the serial console's input, output that is no log line, and the checksum of its frames.
#include "bridge.h"
#include "slots.h"

static JSValue console_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t length;
    int64_t start;
    (void)self, (void)argc;
    if (!arg_bytes(ctx, argv[0], &bytes, &length) || !arg_int(ctx, argv[1], 0, (int64_t)length, &start)) return JS_EXCEPTION;
    int result = port_console_read(bytes + start, length - (size_t)start);
    return result < 0 ? bridge_throw(ctx, "consoleRead", result) : JS_NewInt32(ctx, result);
}

// The bytes from argv[1] to argv[2] of the array argv[0].
static bool arg_range(JSContext *ctx, JSValueConst *argv, uint8_t **bytes, size_t *count)
{
    size_t length;
    int64_t start, end;
    if (!arg_bytes(ctx, argv[0], bytes, &length) || !arg_int(ctx, argv[2], 0, (int64_t)length, &end) ||
        !arg_int(ctx, argv[1], 0, end, &start)) {
        return false;
    }
    *bytes += start;
    *count = (size_t)(end - start);
    return true;
}

static JSValue console_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t count;
    (void)self, (void)argc;
    if (!arg_range(ctx, argv, &bytes, &count)) return JS_EXCEPTION;
    if (count > PORT_CONSOLE_WRITE_MAX) count = PORT_CONSOLE_WRITE_MAX;
    int result = port_console_write(bytes, count);
    if (result == PORT_EAGAIN) return JS_NewInt32(ctx, 0);
    return result < 0 ? bridge_throw(ctx, "consoleWrite", result) : JS_NewInt32(ctx, (int)count);
}

static JSValue crc32(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes;
    size_t count;
    (void)self, (void)argc;
    if (!arg_range(ctx, argv, &bytes, &count)) return JS_EXCEPTION;
    return JS_NewUint32(ctx, crc32_ieee(bytes, count));
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("consoleRead", 2, console_read),
    JS_CFUNC_DEF("consoleWrite", 3, console_write),
    JS_CFUNC_DEF("crc32", 3, crc32),
};
const JSFunctionTable mod_console = BRIDGE_TABLE(entries);
