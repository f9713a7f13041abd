// native: AES-CBC, HMAC-SHA-256, X25519 and ChaCha20-Poly1305 over PSA. Keys live in PSA for one call only.
#include "bridge.h"

#include <psa/crypto.h>
#include <string.h>

enum { AES_BLOCK = 16, POINT_SIZE = 32, AEAD_KEY = 32, AEAD_NONCE = 12, AEAD_TAG = 16 };

// 0 when PSA has no room for the key.
static psa_key_id_t import(psa_key_type_t type, psa_algorithm_t algorithm, psa_key_usage_t usage, const uint8_t *bytes, size_t length)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t key = 0;
    psa_set_key_type(&attributes, type);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, algorithm);
    return psa_import_key(&attributes, bytes, length, &key) == PSA_SUCCESS ? key : 0;
}

struct bytes {
    uint8_t *at;
    size_t length;
};

static bool take(JSContext *ctx, JSValueConst *argv, struct bytes *out, int count)
{
    for (int i = 0; i < count; i++) {
        if (!arg_bytes(ctx, argv[i], &out[i].at, &out[i].length)) return false;
    }
    return true;
}

// ---------------------------------------------------------------- AES-CBC

static bool cbc(bool encrypt, psa_key_id_t key, const uint8_t *iv, const struct bytes *in, uint8_t *out)
{
    psa_cipher_operation_t operation = PSA_CIPHER_OPERATION_INIT;
    size_t done = 0, last = 0;
    psa_status_t status = encrypt ? psa_cipher_encrypt_setup(&operation, key, PSA_ALG_CBC_NO_PADDING)
                                  : psa_cipher_decrypt_setup(&operation, key, PSA_ALG_CBC_NO_PADDING);
    if (status == PSA_SUCCESS) status = psa_cipher_set_iv(&operation, iv, AES_BLOCK);
    if (status == PSA_SUCCESS) status = psa_cipher_update(&operation, in->at, in->length, out, in->length, &done);
    if (status == PSA_SUCCESS) status = psa_cipher_finish(&operation, out + done, in->length - done, &last);
    psa_cipher_abort(&operation);
    return status == PSA_SUCCESS && done + last == in->length;
}

static JSValue aes_cbc(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct bytes in[3]; // key, iv, text
    (void)self, (void)argc;
    bool encrypt = JS_ToBool(ctx, argv[0]) == 1;
    if (!take(ctx, argv + 1, in, 3)) return JS_EXCEPTION;
    if ((in[0].length != 16 && in[0].length != 32) || in[1].length != AES_BLOCK || in[2].length % AES_BLOCK != 0) {
        return bridge_throw(ctx, "aesCbc", PORT_EINVAL);
    }
    if (in[2].length == 0) return bytes_copy(ctx, "", 0);
    uint8_t *out = js_malloc(ctx, in[2].length);
    if (out == NULL) return JS_EXCEPTION;
    psa_key_id_t key = import(PSA_KEY_TYPE_AES, PSA_ALG_CBC_NO_PADDING, encrypt ? PSA_KEY_USAGE_ENCRYPT : PSA_KEY_USAGE_DECRYPT,
                              in[0].at, in[0].length);
    bool good = key != 0 && cbc(encrypt, key, in[1].at, &in[2], out);
    if (key != 0) psa_destroy_key(key);
    if (good) return bytes_take(ctx, out, in[2].length);
    js_free(ctx, out);
    return bridge_throw(ctx, "aesCbc", key == 0 ? PORT_ENOMEM : PORT_EIO);
}

// ---------------------------------------------------------------- HMAC

static JSValue hmac_sha256(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    static const uint8_t zero[1];
    const psa_algorithm_t algorithm = PSA_ALG_HMAC(PSA_ALG_SHA_256);
    uint8_t code[32];
    size_t length;
    struct bytes in[2]; // key, text
    (void)self, (void)argc;
    if (!take(ctx, argv, in, 2)) return JS_EXCEPTION;
    // PSA takes no empty key; RFC 2104 pads keys with zeros, so one zero is the same key.
    const uint8_t *key_bytes = in[0].length > 0 ? in[0].at : zero;
    psa_key_id_t key = import(PSA_KEY_TYPE_HMAC, algorithm, PSA_KEY_USAGE_SIGN_MESSAGE, key_bytes, in[0].length > 0 ? in[0].length : 1);
    if (key == 0) return bridge_throw(ctx, "hmacSha256", PORT_ENOMEM);
    psa_status_t status = psa_mac_compute(key, algorithm, in[1].at, in[1].length, code, sizeof code, &length);
    psa_destroy_key(key);
    return status == PSA_SUCCESS ? bytes_copy(ctx, code, sizeof code) : bridge_throw(ctx, "hmacSha256", PORT_EIO);
}

// ---------------------------------------------------------------- X25519

static JSValue x25519(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uint8_t shared[POINT_SIZE], any = 0;
    size_t length;
    struct bytes in[2]; // scalar, point
    (void)self, (void)argc;
    if (!take(ctx, argv, in, 2)) return JS_EXCEPTION;
    if (in[0].length != POINT_SIZE || in[1].length != POINT_SIZE) return bridge_throw(ctx, "x25519", PORT_EINVAL);
    psa_key_id_t key = import(PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY), PSA_ALG_ECDH, PSA_KEY_USAGE_DERIVE, in[0].at, POINT_SIZE);
    if (key == 0) return bridge_throw(ctx, "x25519", PORT_ENOMEM);
    psa_status_t status = psa_raw_key_agreement(PSA_ALG_ECDH, key, in[1].at, POINT_SIZE, shared, sizeof shared, &length);
    psa_destroy_key(key);
    // Points of low order, whose result is zero, are refused by mbedTLS with this error.
    if (status == PSA_ERROR_INVALID_ARGUMENT) return JS_UNDEFINED;
    if (status != PSA_SUCCESS) return bridge_throw(ctx, "x25519", status == PSA_ERROR_INSUFFICIENT_MEMORY ? PORT_ENOMEM : PORT_EIO);
    for (size_t i = 0; i < sizeof shared; i++) any |= shared[i];
    JSValue result = any != 0 ? bytes_copy(ctx, shared, sizeof shared) : JS_UNDEFINED;
    memset(shared, 0, sizeof shared);
    return result;
}

// ---------------------------------------------------------------- ChaCha20-Poly1305

static JSValue aead(JSContext *ctx, const char *function, bool seal, JSValueConst *argv)
{
    struct bytes in[4]; // key, nonce, associated, text
    size_t length = 0;
    if (!take(ctx, argv, in, 4)) return JS_EXCEPTION;
    if (in[0].length != AEAD_KEY || in[1].length != AEAD_NONCE) return bridge_throw(ctx, function, PORT_EINVAL);
    if (!seal && in[3].length < AEAD_TAG) return JS_UNDEFINED;
    size_t room = seal ? in[3].length + AEAD_TAG : in[3].length - AEAD_TAG;
    uint8_t *out = js_malloc(ctx, room > 0 ? room : 1);
    if (out == NULL) return JS_EXCEPTION;
    psa_key_id_t key = import(PSA_KEY_TYPE_CHACHA20, PSA_ALG_CHACHA20_POLY1305, seal ? PSA_KEY_USAGE_ENCRYPT : PSA_KEY_USAGE_DECRYPT,
                              in[0].at, AEAD_KEY);
    psa_status_t status = PSA_ERROR_INSUFFICIENT_MEMORY;
    if (key != 0) {
        status = seal ? psa_aead_encrypt(key, PSA_ALG_CHACHA20_POLY1305, in[1].at, AEAD_NONCE, in[2].at, in[2].length, in[3].at,
                                         in[3].length, out, room, &length)
                      : psa_aead_decrypt(key, PSA_ALG_CHACHA20_POLY1305, in[1].at, AEAD_NONCE, in[2].at, in[2].length, in[3].at,
                                         in[3].length, out, room, &length);
        psa_destroy_key(key);
    }
    if (status == PSA_SUCCESS && length == room) return bytes_take(ctx, out, room);
    js_free(ctx, out);
    if (status == PSA_ERROR_INVALID_SIGNATURE) return JS_UNDEFINED;
    return bridge_throw(ctx, function, status == PSA_ERROR_INSUFFICIENT_MEMORY ? PORT_ENOMEM : PORT_EIO);
}

static JSValue aead_seal(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    return aead(ctx, "aeadSeal", true, argv);
}

static JSValue aead_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    return aead(ctx, "aeadOpen", false, argv);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("aesCbc", 4, aes_cbc),
    JS_CFUNC_DEF("hmacSha256", 2, hmac_sha256),
    JS_CFUNC_DEF("x25519", 2, x25519),
    JS_CFUNC_DEF("aeadSeal", 4, aead_seal),
    JS_CFUNC_DEF("aeadOpen", 4, aead_open),
};
const JSFunctionTable mod_cipher = BRIDGE_TABLE(entries);
