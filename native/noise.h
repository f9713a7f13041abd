// Noise_NNpsk0_25519_ChaChaPoly_SHA256 (noiseprotocol.org, revision 34), both roles, over PSA.
#ifndef HEARTH_NOISE_H
#define HEARTH_NOISE_H

#include <psa/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOISE_KEY_SIZE = 32, NOISE_TAG_SIZE = 16, NOISE_MESSAGE_MAX = 65535 };

struct noise_cipher {
    psa_key_id_t key; // 0: none
    uint64_t nonce;
};
struct noise {
    bool initiator, alive;
    int step; // handshake messages done; 2: transport
    uint8_t ck[32], h[32];
    struct noise_cipher handshake, send, receive;
    psa_key_id_t ephemeral;
    uint8_t ephemeral_public[32];
};

// The psk is mixed in with the first message, so it stays until then. PORT_OK or PORT_EIO.
int noise_begin(struct noise *noise, bool initiator, const uint8_t psk[NOISE_KEY_SIZE], const void *prologue, size_t length);
// Bytes that the next message is longer than its payload.
size_t noise_overhead(const struct noise *noise);
// Writes the next message to `out` (payload length + noise_overhead bytes). Returns its length; PORT_EINVAL when it is not
// this side's turn or the message would be too long, PORT_EIO when the crypto failed (the session is dead then).
int noise_write(struct noise *noise, const uint8_t *payload, size_t length, uint8_t *out);
// Reads a message; `out` has room for its length. Returns the payload's length; PORT_EBAD when it does not verify (the
// session is dead then), PORT_EINVAL when it is not the other side's turn.
int noise_read(struct noise *noise, const uint8_t *message, size_t length, uint8_t *out);
// Forgets all keys. Also on a session that is zeroed.
void noise_end(struct noise *noise);

// For the published test vectors only; no one but the C tests calls it. Between noise_begin and the first message.
int noise_fix_ephemeral(struct noise *noise, const uint8_t private_key[32]);

#endif
