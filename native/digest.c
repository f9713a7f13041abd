// One loop for both kinds of storage; the pieces are on the stack and small, because tasks of a chip have little of it.
#include "digest.h"

#include <psa/crypto.h>

enum { PIECE = 512 };

// Reads the next piece into `piece`; returns its length, 0 at the end, or an error.
struct source {
    const char *name; // of a file; NULL: flash
    enum port_partition part;
    uint32_t at, length;
};

static int next_piece(struct source *source, uint8_t piece[PIECE])
{
    int result;
    if (source->name != NULL) {
        result = port_file_read(source->name, source->at, piece, PIECE);
    } else {
        uint32_t part = source->length < PIECE ? source->length : PIECE;
        // Whole words are read; what lies behind the end is not hashed.
        result = part == 0 ? 0 : port_flash_read(source->part, source->at, piece, (part + 3) & ~3u);
        if (result >= 0) result = (int)part;
        source->length -= part;
    }
    if (result > 0) source->at += (uint32_t)result;
    return result;
}

static int digest(struct source *source, uint8_t sum[32])
{
    uint8_t piece[PIECE];
    size_t length;
    psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
    int got = psa_hash_setup(&hash, PSA_ALG_SHA_256) == PSA_SUCCESS ? PORT_OK : PORT_EIO;
    while (got >= 0 && (got = next_piece(source, piece)) > 0) {
        if (psa_hash_update(&hash, piece, (size_t)got) != PSA_SUCCESS) got = PORT_EIO;
    }
    if (got >= 0 && psa_hash_finish(&hash, sum, 32, &length) != PSA_SUCCESS) got = PORT_EIO;
    psa_hash_abort(&hash);
    return got;
}

int digest_file(const char *name, uint8_t sum[32])
{
    struct source source = {.name = name};
    return digest(&source, sum);
}

int digest_flash(enum port_partition part, uint32_t offset, uint32_t length, uint8_t sum[32])
{
    struct source source = {.part = part, .at = offset, .length = length};
    return digest(&source, sum);
}
