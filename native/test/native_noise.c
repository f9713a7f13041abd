// The Noise session against the published vectors, and what must not verify.
#include "native_test.h"

#include "../noise.h"

#include <string.h>

enum { MESSAGE_MAX = 4096 };

static const uint8_t psk[32] = {1, 2, 3}, prologue[] = "test";

static uint8_t digit(int c)
{
    CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

// Reads a word of hex digits; `-` is an empty one. Returns the number of bytes.
static size_t read_hex(uint8_t *out, size_t capacity)
{
    char word[2 * MESSAGE_MAX + 1];
    CHECK(scanf("%8192s", word) == 1);
    if (strcmp(word, "-") == 0) return 0;
    size_t length = strlen(word) / 2;
    CHECK(strlen(word) % 2 == 0 && length <= capacity);
    for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(digit(word[2 * i]) << 4 | digit(word[2 * i + 1]));
    return length;
}

// Standard input: `vector PROLOGUE PSK INITIATOR_EPHEMERAL RESPONDER_EPHEMERAL HANDSHAKE_HASH`, then `message PAYLOAD CIPHERTEXT` in order.
static void noise_published(void)
{
    struct noise side[2] = {0};
    char word[16];
    uint8_t hash[32];
    bool has_hash = false;
    int vectors = 0, message = 0;
    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "vector") == 0) {
            uint8_t begin[MESSAGE_MAX], key[32], ephemeral[32];
            size_t length = read_hex(begin, sizeof begin);
            CHECK(read_hex(key, 32) == 32);
            for (int i = 0; i < 2; i++) {
                noise_end(&side[i]);
                CHECK(noise_begin(&side[i], i == 0, key, begin, length) == PORT_OK);
                CHECK(read_hex(ephemeral, 32) == 32 && noise_fix_ephemeral(&side[i], ephemeral) == PORT_OK);
            }
            has_hash = read_hex(hash, 32) == 32;
            vectors++;
            message = 0;
            continue;
        }
        CHECK(strcmp(word, "message") == 0 && vectors > 0);
        uint8_t payload[MESSAGE_MAX], expected[MESSAGE_MAX], out[MESSAGE_MAX], back[MESSAGE_MAX];
        size_t payload_length = read_hex(payload, sizeof payload), length = read_hex(expected, sizeof expected);
        struct noise *from = &side[message % 2], *to = &side[1 - message % 2];
        CHECK(payload_length + noise_overhead(from) == length);
        CHECK(noise_write(from, payload, payload_length, out) == (int)length && memcmp(out, expected, length) == 0);
        CHECK(noise_read(to, expected, length, back) == (int)payload_length && memcmp(back, payload, payload_length) == 0);
        if (++message == 2 && has_hash) CHECK(memcmp(from->h, hash, 32) == 0 && memcmp(to->h, hash, 32) == 0);
    }
    CHECK(vectors > 0 && message > 2);
    printf("vectors: %d\n", vectors);
}

// A session after `messages` messages of the handshake.
static void pair(struct noise side[2], int messages)
{
    uint8_t message[64];
    for (int i = 0; i < 2; i++) CHECK(noise_begin(&side[i], i == 0, psk, prologue, sizeof prologue) == PORT_OK);
    for (int i = 0; i < messages; i++) {
        int length = noise_write(&side[i], NULL, 0, message);
        CHECK(length == 48 && noise_read(&side[1 - i], message, 48, message) == 0);
    }
}

static void noise_a_flip_in_any_byte_is_refused(void)
{
    struct noise side[2];
    uint8_t message[80], bad[80], out[80];
    for (int step = 0; step < 3; step++) {
        size_t length = step < 2 ? 51 : 19;
        // One bit of each byte; of a public key's last byte the top one, which is not part of the number (RFC 7748) but is hashed.
        for (size_t at = 0; at < length; at++) {
            pair(side, step);
            int from = step % 2;
            CHECK(noise_write(&side[from], (const uint8_t *)"abc", 3, message) == (int)length);
            memcpy(bad, message, length);
            bad[at] ^= (uint8_t)(1 << at % 8);
            CHECK(noise_read(&side[1 - from], bad, length, out) == PORT_EBAD);
            CHECK(noise_read(&side[1 - from], message, length, out) == PORT_EINVAL); // dead
            noise_end(&side[0]);
            noise_end(&side[1]);
        }
    }
}

static void noise_every_truncation_is_refused(void)
{
    struct noise side[2];
    uint8_t message[80], out[80];
    for (int step = 0; step < 3; step++) {
        size_t length = step < 2 ? 51 : 19;
        for (size_t part = 0; part < length; part++) {
            pair(side, step);
            CHECK(noise_write(&side[step % 2], (const uint8_t *)"abc", 3, message) == (int)length);
            CHECK(noise_read(&side[1 - step % 2], message, part, out) == PORT_EBAD);
            noise_end(&side[0]);
            noise_end(&side[1]);
        }
    }
}

static void noise_wrong_key_or_prologue_is_refused(void)
{
    static const uint8_t other[32] = {9};
    uint8_t message[64];
    for (int way = 0; way < 2; way++) {
        struct noise side[2];
        CHECK(noise_begin(&side[0], true, way == 0 ? other : psk, prologue, sizeof prologue) == PORT_OK);
        CHECK(noise_begin(&side[1], false, psk, prologue, sizeof prologue - (size_t)way) == PORT_OK);
        CHECK(noise_write(&side[0], NULL, 0, message) == 48 && noise_read(&side[1], message, 48, message) == PORT_EBAD);
        noise_end(&side[0]);
        noise_end(&side[1]);
    }
}

static void noise_replay_and_order(void)
{
    struct noise side[2];
    uint8_t first[32], second[32], out[32];
    pair(side, 2);
    CHECK(noise_write(&side[0], (const uint8_t *)"1", 1, first) == 17 && noise_write(&side[0], (const uint8_t *)"2", 1, second) == 17);
    CHECK(noise_read(&side[1], first, 17, out) == 1 && out[0] == '1');
    CHECK(noise_read(&side[1], first, 17, out) == PORT_EBAD); // the same again
    noise_end(&side[0]);
    noise_end(&side[1]);
    pair(side, 2);
    CHECK(noise_write(&side[0], NULL, 0, first) == 16 && noise_write(&side[0], NULL, 0, second) == 16);
    CHECK(noise_read(&side[1], second, 16, out) == PORT_EBAD); // left one out
    noise_end(&side[0]);
    noise_end(&side[1]);
    // A first message from a recording is taken, but nobody who lacks the key can go on from there.
    pair(side, 0);
    uint8_t recorded[64], answer[64];
    CHECK(noise_write(&side[0], NULL, 0, recorded) == 48 && noise_read(&side[1], recorded, 48, answer) == 0);
    noise_end(&side[1]);
    CHECK(noise_begin(&side[1], false, psk, prologue, sizeof prologue) == PORT_OK);
    CHECK(noise_read(&side[1], recorded, 48, out) == 0 && noise_write(&side[1], NULL, 0, answer) == 48);
    CHECK(noise_read(&side[1], first, 16, out) == PORT_EBAD); // a recorded transport message
    noise_end(&side[0]);
    noise_end(&side[1]);
}

static void noise_turns_and_limits(void)
{
    static uint8_t big[NOISE_MESSAGE_MAX + 1], out[NOISE_MESSAGE_MAX + 1];
    struct noise side[2];
    uint8_t small[64];
    pair(side, 0);
    CHECK(noise_write(&side[1], NULL, 0, small) == PORT_EINVAL && noise_read(&side[0], small, 48, small) == PORT_EINVAL);
    CHECK(noise_write(&side[0], big, NOISE_MESSAGE_MAX - 47, out) == PORT_EINVAL);
    CHECK(noise_write(&side[0], big, NOISE_MESSAGE_MAX - 48, out) == NOISE_MESSAGE_MAX);
    CHECK(noise_read(&side[1], out, NOISE_MESSAGE_MAX, big) == NOISE_MESSAGE_MAX - 48);
    noise_end(&side[0]);
    noise_end(&side[1]);
    pair(side, 2);
    CHECK(noise_write(&side[0], big, NOISE_MESSAGE_MAX - 15, out) == PORT_EINVAL);
    CHECK(noise_read(&side[1], out, NOISE_MESSAGE_MAX + 1, big) == PORT_EBAD);
    noise_end(&side[0]);
    noise_end(&side[1]);
}

// Points of low order make a secret that everybody knows (RFC 7748, section 6.1).
static void noise_low_order_points_are_refused(void)
{
    static const uint8_t points[][32] = {
        {0},
        {1},
        {0xE0, 0xEB, 0x7A, 0x7C, 0x3B, 0x41, 0xB8, 0xAE, 0x16, 0x56, 0xE3, 0xFA, 0xF1, 0x9F, 0xC4, 0x6A,
         0xDA, 0x09, 0x8D, 0xEB, 0x9C, 0x32, 0xB1, 0xFD, 0x86, 0x62, 0x05, 0x16, 0x5F, 0x49, 0xB8, 0x00},
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct noise side[2];
        uint8_t message[64];
        pair(side, 1);
        // What the responder would make of it is not even sent: its own half of the exchange fails.
        memcpy(side[1].ephemeral_public, points[i], 32);
        CHECK(noise_write(&side[1], NULL, 0, message) == PORT_EIO);
        noise_end(&side[0]);
        noise_end(&side[1]);
    }
}

const struct c_test noise_tests[] = {
    {"noise_published", noise_published},
    {"noise_a_flip_in_any_byte_is_refused", noise_a_flip_in_any_byte_is_refused},
    {"noise_every_truncation_is_refused", noise_every_truncation_is_refused},
    {"noise_wrong_key_or_prologue_is_refused", noise_wrong_key_or_prologue_is_refused},
    {"noise_replay_and_order", noise_replay_and_order},
    {"noise_turns_and_limits", noise_turns_and_limits},
    {"noise_low_order_points_are_refused", noise_low_order_points_are_refused},
    {NULL, NULL},
};
