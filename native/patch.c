// Operations of a patch: see patch.h. No window in memory: flash is what copies come from, a piece at a time on the stack.
#include "patch.h"

enum {
    PIECE = 256,
    FIELD_MAX = 7, // of a length in an operation's first byte; then a number follows
    FAR_MIN = 3,   // bytes that such a copy has at least
    AGAIN_MIN = 2,
    SOURCE_HERE = 0, // of what runs, where the cursor is
    SOURCE_FAR = 1,  // of what runs, elsewhere
    SOURCE_BACK = 2, // of what is written, a distance back
    SOURCE_AGAIN = 3, // the same distance
};

struct reader {
    const uint8_t *next, *end;
    bool failed;
};

// Unsigned LEB128 of at most 32 bits.
static uint32_t number(struct reader *in)
{
    uint32_t value = 0;
    for (int shift = 0; shift < 35 && in->next < in->end; shift += 7) {
        uint8_t byte = *in->next++;
        if (shift == 28 && byte > 15) break;
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) return value;
    }
    in->failed = true;
    return 0;
}

// A length of which the first FIELD_MAX are in the operation's first byte.
static uint32_t long_length(struct reader *in, uint32_t field)
{
    uint32_t more = field == FIELD_MAX ? number(in) : 0;
    if (more > PATCH_OUTPUT_MAX) in->failed = true;
    return in->failed ? 0 : field + more;
}

// Bytes that come from elsewhere, for `at`: a copy from `from` on, which may reach what it makes itself.
static int copy(struct patch_body *body, bool from_base, uint32_t from, uint32_t at, uint32_t length)
{
    uint8_t piece[PIECE];
    uint32_t done = body->written > at ? body->written - at : 0;
    while (done < length) {
        uint32_t part = length - done < PIECE ? length - done : PIECE;
        if (!from_base && part > at - from) part = at - from;
        int result = (from_base ? body->read_base : body->read_written)(from + done, piece, part);
        if (result >= 0) result = body->append(at + done, piece, part);
        if (result < 0) return result;
        done += part;
        body->written = at + done;
    }
    return PORT_OK;
}

static int append_literal(struct patch_body *body, uint32_t at, const uint8_t *bytes, uint32_t length)
{
    uint32_t done = body->written > at ? body->written - at : 0;
    if (done >= length) return PORT_OK;
    int result = body->append(at + done, bytes + done, length - done);
    if (result >= 0) body->written = at + length;
    return result;
}

int patch_apply(struct patch_body *body, uint32_t at, const uint8_t *operations, size_t length)
{
    struct reader in = {operations, operations + length, false};
    if (at > body->written || at > body->length) return PORT_EINVAL;
    uint32_t room = body->length - at < PATCH_OUTPUT_MAX ? body->length - at : PATCH_OUTPUT_MAX;
    int64_t cursor = at; // in what runs
    uint32_t distance = 0;
    while (in.next < in.end) {
        uint8_t first = *in.next++;
        int source = first >> 6;
        uint32_t literal = long_length(&in, first >> 3 & 7), copied = long_length(&in, first & 7);
        if (source == SOURCE_FAR || source == SOURCE_BACK) copied += FAR_MIN;
        if (source == SOURCE_AGAIN) copied += AGAIN_MIN;
        if (source == SOURCE_FAR) {
            uint32_t step = number(&in);
            cursor += step & 1 ? -(int64_t)(step >> 1) - 1 : (int64_t)(step >> 1);
        }
        if (source == SOURCE_BACK) distance = number(&in);
        if (in.failed || (size_t)(in.end - in.next) < literal || literal > room || copied > room - literal) return PORT_EINVAL;
        int result = append_literal(body, at, in.next, literal);
        if (result < 0) return result;
        in.next += literal;
        at += literal;
        cursor += literal;
        room -= literal + copied;
        if (source == SOURCE_HERE || source == SOURCE_FAR) {
            if (copied > 0 && (cursor < 0 || cursor + copied > body->base_length)) return PORT_EINVAL;
            result = copy(body, true, (uint32_t)cursor, at, copied);
        } else {
            if (distance == 0 || distance > at) return PORT_EINVAL;
            result = copy(body, false, at - distance, at, copied);
        }
        if (result < 0) return result;
        at += copied;
        cursor += copied;
    }
    return PORT_OK;
}
