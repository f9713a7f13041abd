// The Noise handshake "-> psk, e; <- e, ee" and the transport after it. Names of steps are the specification's. Keys live in
// PSA; the calls used here exist alike in mbedTLS 2.28, 3.x and 4.x.
#include "noise.h"
#include "port.h"

#include <string.h>

static const char protocol_name[] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";

// SHA-256 over up to three parts.
static bool hash3(uint8_t out[32], const void *a, size_t a_length, const void *b, size_t b_length, const void *c, size_t c_length)
{
    size_t length;
    psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
    bool good = psa_hash_setup(&hash, PSA_ALG_SHA_256) == PSA_SUCCESS &&
                psa_hash_update(&hash, a, a_length) == PSA_SUCCESS &&
                (b_length == 0 || psa_hash_update(&hash, b, b_length) == PSA_SUCCESS) &&
                (c_length == 0 || psa_hash_update(&hash, c, c_length) == PSA_SUCCESS) &&
                psa_hash_finish(&hash, out, 32, &length) == PSA_SUCCESS;
    if (!good) psa_hash_abort(&hash);
    return good;
}

// HMAC-SHA-256 of two parts with a 32-byte key. Made of hashes, because a PSA key for each call would cost more.
static bool hmac(uint8_t out[32], const uint8_t key[32], const void *a, size_t a_length, const void *b, size_t b_length)
{
    uint8_t pad[64], inner[32];
    memset(pad, 0x36, sizeof pad);
    for (int i = 0; i < 32; i++) pad[i] ^= key[i];
    bool good = hash3(inner, pad, sizeof pad, a, a_length, b, b_length);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5C;
    good = good && hash3(out, pad, sizeof pad, inner, sizeof inner, NULL, 0);
    memset(pad, 0, sizeof pad);
    return good;
}

// HKDF with the chaining key: `count` outputs of 32 bytes.
static bool hkdf(const uint8_t ck[32], const uint8_t *input, size_t length, uint8_t outputs[][32], int count)
{
    uint8_t temp[32], number = 1;
    bool good = hmac(temp, ck, input, length, NULL, 0) && hmac(outputs[0], temp, &number, 1, NULL, 0);
    for (int i = 1; i < count && good; i++) {
        number++;
        good = hmac(outputs[i], temp, outputs[i - 1], 32, &number, 1);
    }
    memset(temp, 0, sizeof temp);
    return good;
}

static bool mix_hash(struct noise *noise, const void *data, size_t length)
{
    uint8_t h[32];
    if (!hash3(h, noise->h, 32, data, length, NULL, 0)) return false;
    memcpy(noise->h, h, 32);
    return true;
}

static void drop_key(struct noise_cipher *cipher)
{
    if (cipher->key != 0) psa_destroy_key(cipher->key);
    cipher->key = 0;
    cipher->nonce = 0;
}

static bool set_key(struct noise_cipher *cipher, const uint8_t key[32])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    drop_key(cipher);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_CHACHA20);
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT);
    psa_set_key_algorithm(&attributes, PSA_ALG_CHACHA20_POLY1305);
    return psa_import_key(&attributes, key, 32, &cipher->key) == PSA_SUCCESS;
}

static bool mix_key(struct noise *noise, const uint8_t *input, size_t length)
{
    uint8_t outputs[2][32];
    bool good = hkdf(noise->ck, input, length, outputs, 2) && set_key(&noise->handshake, outputs[1]);
    memcpy(noise->ck, outputs[0], 32);
    memset(outputs, 0, sizeof outputs);
    return good;
}

// MixKeyAndHash.
static bool mix_psk(struct noise *noise, const uint8_t psk[32])
{
    uint8_t outputs[3][32];
    bool good = hkdf(noise->ck, psk, 32, outputs, 3) && mix_hash(noise, outputs[1], 32) &&
                set_key(&noise->handshake, outputs[2]);
    memcpy(noise->ck, outputs[0], 32);
    memset(outputs, 0, sizeof outputs);
    return good;
}

static void put_nonce(uint8_t nonce[12], uint64_t value)
{
    memset(nonce, 0, 4);
    for (int i = 0; i < 8; i++) nonce[4 + i] = (uint8_t)(value >> (8 * i));
}

static bool encrypt(struct noise_cipher *cipher, const void *ad, size_t ad_length, const uint8_t *in, size_t length, uint8_t *out)
{
    uint8_t nonce[12];
    size_t written;
    if (cipher->nonce == UINT64_MAX) return false; // reserved by the specification
    put_nonce(nonce, cipher->nonce++);
    return psa_aead_encrypt(cipher->key, PSA_ALG_CHACHA20_POLY1305, nonce, sizeof nonce, ad, ad_length, in, length, out,
                            length + NOISE_TAG_SIZE, &written) == PSA_SUCCESS;
}

static bool decrypt(struct noise_cipher *cipher, const void *ad, size_t ad_length, const uint8_t *in, size_t length, uint8_t *out)
{
    uint8_t nonce[12];
    size_t written;
    if (cipher->nonce == UINT64_MAX || length < NOISE_TAG_SIZE) return false;
    put_nonce(nonce, cipher->nonce++);
    return psa_aead_decrypt(cipher->key, PSA_ALG_CHACHA20_POLY1305, nonce, sizeof nonce, ad, ad_length, in, length, out,
                            length - NOISE_TAG_SIZE, &written) == PSA_SUCCESS;
}

static void ephemeral_attributes(psa_key_attributes_t *attributes)
{
    psa_set_key_type(attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY));
    psa_set_key_bits(attributes, 255);
    psa_set_key_usage_flags(attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(attributes, PSA_ALG_ECDH);
}

static bool export_public(struct noise *noise)
{
    size_t length;
    return psa_export_public_key(noise->ephemeral, noise->ephemeral_public, 32, &length) == PSA_SUCCESS && length == 32;
}

int noise_fix_ephemeral(struct noise *noise, const uint8_t private_key[32])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    ephemeral_attributes(&attributes);
    return psa_import_key(&attributes, private_key, 32, &noise->ephemeral) == PSA_SUCCESS ? PORT_OK : PORT_EIO;
}

static bool make_ephemeral(struct noise *noise)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    ephemeral_attributes(&attributes);
    if (noise->ephemeral == 0 && psa_generate_key(&attributes, &noise->ephemeral) != PSA_SUCCESS) return false;
    return export_public(noise);
}

// Token e: the public key is hashed and, because there is a psk, mixed into the key.
static bool mix_e(struct noise *noise, const uint8_t public_key[32])
{
    return mix_hash(noise, public_key, 32) && mix_key(noise, public_key, 32);
}

static bool mix_ee(struct noise *noise, const uint8_t remote[32])
{
    uint8_t shared[32], any = 0;
    size_t length;
    if (psa_raw_key_agreement(PSA_ALG_ECDH, noise->ephemeral, remote, 32, shared, sizeof shared, &length) != PSA_SUCCESS) {
        return false;
    }
    for (size_t i = 0; i < sizeof shared; i++) any |= shared[i];
    bool good = any != 0 && mix_key(noise, shared, sizeof shared); // zero: a point of low order
    memset(shared, 0, sizeof shared);
    return good;
}

static bool split(struct noise *noise)
{
    uint8_t outputs[2][32];
    bool good = hkdf(noise->ck, NULL, 0, outputs, 2) && set_key(&noise->send, outputs[noise->initiator ? 0 : 1]) &&
                set_key(&noise->receive, outputs[noise->initiator ? 1 : 0]);
    memset(outputs, 0, sizeof outputs);
    memset(noise->ck, 0, sizeof noise->ck);
    drop_key(&noise->handshake);
    if (noise->ephemeral != 0) psa_destroy_key(noise->ephemeral);
    noise->ephemeral = 0;
    return good;
}

int noise_begin(struct noise *noise, bool initiator, const uint8_t psk[NOISE_KEY_SIZE], const void *prologue, size_t length)
{
    size_t hash_length;
    memset(noise, 0, sizeof *noise);
    noise->initiator = initiator;
    // The name is longer than a hash, so h is its hash.
    noise->alive = psa_hash_compute(PSA_ALG_SHA_256, (const uint8_t *)protocol_name, sizeof protocol_name - 1, noise->h, 32,
                                    &hash_length) == PSA_SUCCESS;
    memcpy(noise->ck, noise->h, 32);
    // The first token of the first message is psk for both sides: nothing that comes in is needed for it.
    noise->alive = noise->alive && mix_hash(noise, prologue, length) && mix_psk(noise, psk);
    if (noise->alive) return PORT_OK;
    noise_end(noise);
    return PORT_EIO;
}

size_t noise_overhead(const struct noise *noise)
{
    return noise->step < 2 ? 32 + NOISE_TAG_SIZE : NOISE_TAG_SIZE;
}

static int give_up(struct noise *noise, int result)
{
    noise_end(noise);
    return result;
}

int noise_write(struct noise *noise, const uint8_t *payload, size_t length, uint8_t *out)
{
    size_t overhead = noise_overhead(noise);
    if (!noise->alive || length > NOISE_MESSAGE_MAX - overhead) return PORT_EINVAL;
    if (noise->step >= 2) {
        if (!encrypt(&noise->send, NULL, 0, payload, length, out)) return give_up(noise, PORT_EIO);
        return (int)(length + overhead);
    }
    if (noise->initiator != (noise->step == 0)) return PORT_EINVAL;
    uint8_t remote[32];
    memcpy(remote, noise->ephemeral_public, 32); // the responder keeps the initiator's key there until now
    bool good = make_ephemeral(noise) && mix_e(noise, noise->ephemeral_public) && (noise->step == 0 || mix_ee(noise, remote));
    memcpy(out, noise->ephemeral_public, 32);
    good = good && encrypt(&noise->handshake, noise->h, 32, payload, length, out + 32) &&
           mix_hash(noise, out + 32, length + NOISE_TAG_SIZE);
    if (good && ++noise->step == 2) good = split(noise);
    return good ? (int)(length + overhead) : give_up(noise, PORT_EIO);
}

int noise_read(struct noise *noise, const uint8_t *message, size_t length, uint8_t *out)
{
    size_t overhead = noise_overhead(noise);
    if (!noise->alive) return PORT_EINVAL;
    if (noise->step < 2 && noise->initiator != (noise->step == 1)) return PORT_EINVAL;
    if (length < overhead || length > NOISE_MESSAGE_MAX) return give_up(noise, PORT_EBAD);
    size_t payload = length - overhead;
    if (noise->step >= 2) {
        if (!decrypt(&noise->receive, NULL, 0, message, length, out)) return give_up(noise, PORT_EBAD);
        return (int)payload;
    }
    bool good = mix_e(noise, message) && (noise->step == 0 || mix_ee(noise, message)) &&
                decrypt(&noise->handshake, noise->h, 32, message + 32, length - 32, out) &&
                mix_hash(noise, message + 32, length - 32);
    if (noise->step == 0) memcpy(noise->ephemeral_public, message, 32);
    if (good && ++noise->step == 2) good = split(noise);
    return good ? (int)payload : give_up(noise, PORT_EBAD);
}

void noise_end(struct noise *noise)
{
    drop_key(&noise->handshake);
    drop_key(&noise->send);
    drop_key(&noise->receive);
    if (noise->ephemeral != 0) psa_destroy_key(noise->ephemeral);
    memset(noise, 0, sizeof *noise);
}
