// native: random numbers, SHA-256 and Noise sessions.
#include "bridge.h"
#include "digest.h"
#include "noise.h"

#include <string.h>

enum { RANDOM_MAX = 4096, SESSIONS_MAX = 2 };

static struct noise sessions[SESSIONS_MAX];
static bool session_used[SESSIONS_MAX];

void noise_close(void)
{
    for (int id = 0; id < SESSIONS_MAX; id++) {
        if (session_used[id]) noise_end(&sessions[id]);
        session_used[id] = false;
    }
}

static JSValue random_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t length;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 0, RANDOM_MAX, &length)) return JS_EXCEPTION;
    uint8_t *bytes = js_malloc(ctx, length > 0 ? (size_t)length : 1);
    if (bytes == NULL) return JS_EXCEPTION;
    port_random(bytes, (size_t)length);
    return bytes_take(ctx, bytes, (size_t)length);
}

static JSValue sha256(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *bytes, sum[32];
    size_t length, sum_length;
    (void)self, (void)argc;
    if (!arg_bytes(ctx, argv[0], &bytes, &length)) return JS_EXCEPTION;
    if (psa_hash_compute(PSA_ALG_SHA_256, bytes, length, sum, sizeof sum, &sum_length) != PSA_SUCCESS) {
        return bridge_throw(ctx, "sha256", PORT_EIO);
    }
    return bytes_copy(ctx, sum, sizeof sum);
}

static JSValue sha256_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char name[PORT_FILE_NAME_MAX + 1];
    uint8_t sum[32];
    (void)self, (void)argc;
    if (!arg_file_name(ctx, argv[0], name)) return JS_EXCEPTION;
    int result = digest_file(name, sum);
    return result < 0 ? bridge_throw(ctx, "sha256File", result) : bytes_copy(ctx, sum, sizeof sum);
}

static JSValue begin(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t *psk, *prologue;
    size_t psk_length, prologue_length;
    (void)self, (void)argc;
    int initiator = JS_ToBool(ctx, argv[0]);
    if (initiator < 0 || !arg_bytes(ctx, argv[1], &psk, &psk_length) || !arg_bytes(ctx, argv[2], &prologue, &prologue_length)) {
        return JS_EXCEPTION;
    }
    if (psk_length != NOISE_KEY_SIZE) return bridge_throw(ctx, "noiseBegin", PORT_EINVAL);
    int id = !session_used[0] ? 0 : !session_used[1] ? 1 : -1;
    if (id < 0) return bridge_throw(ctx, "noiseBegin", PORT_ENOMEM);
    int result = noise_begin(&sessions[id], initiator == 1, psk, prologue, prologue_length);
    if (result < 0) return bridge_throw(ctx, "noiseBegin", result);
    session_used[id] = true;
    return JS_NewInt32(ctx, id);
}

static bool arg_session(JSContext *ctx, JSValueConst argument, struct noise **out)
{
    int64_t id;
    if (!arg_int(ctx, argument, 0, SESSIONS_MAX - 1, &id)) return false;
    *out = &sessions[id];
    if (session_used[id]) return true;
    bridge_throw(ctx, "noise", PORT_EINVAL);
    return false;
}

static JSValue write_message(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct noise *noise;
    uint8_t *payload;
    size_t length;
    (void)self, (void)argc;
    if (!arg_session(ctx, argv[0], &noise) || !arg_bytes(ctx, argv[1], &payload, &length)) return JS_EXCEPTION;
    if (length > NOISE_MESSAGE_MAX) return bridge_throw(ctx, "noiseWrite", PORT_EINVAL);
    uint8_t *out = js_malloc(ctx, length + noise_overhead(noise));
    if (out == NULL) return JS_EXCEPTION;
    int result = noise_write(noise, payload, length, out);
    if (result >= 0) return bytes_take(ctx, out, (size_t)result);
    js_free(ctx, out);
    return bridge_throw(ctx, "noiseWrite", result);
}

static JSValue read_message(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct noise *noise;
    uint8_t *message;
    size_t length;
    (void)self, (void)argc;
    if (!arg_session(ctx, argv[0], &noise) || !arg_bytes(ctx, argv[1], &message, &length)) return JS_EXCEPTION;
    size_t overhead = noise_overhead(noise);
    size_t room = length > overhead ? length - overhead : 0;
    uint8_t *out = js_malloc(ctx, room > 0 ? room : 1);
    if (out == NULL) return JS_EXCEPTION;
    int result = noise_read(noise, message, length, out);
    if (result >= 0) return bytes_take(ctx, out, (size_t)result);
    js_free(ctx, out);
    return JS_UNDEFINED;
}

static JSValue end(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct noise *noise;
    (void)self, (void)argc;
    if (!arg_session(ctx, argv[0], &noise)) return JS_EXCEPTION;
    noise_end(noise);
    session_used[noise - sessions] = false;
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("random", 1, random_bytes),
    JS_CFUNC_DEF("sha256", 1, sha256),
    JS_CFUNC_DEF("sha256File", 1, sha256_file),
    JS_CFUNC_DEF("noiseBegin", 3, begin),
    JS_CFUNC_DEF("noiseWrite", 2, write_message),
    JS_CFUNC_DEF("noiseRead", 2, read_message),
    JS_CFUNC_DEF("noiseEnd", 1, end),
};
const JSFunctionTable mod_crypto = BRIDGE_TABLE(entries);
