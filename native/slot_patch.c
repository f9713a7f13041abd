// A new bundle made of the running one's bytes and of its own: patch.h over the slots. Copies go through the write that data goes
// through. And what the running one's blocks are, for a tool that does not have it.
#include "patch.h"
#include "slots.h"

#include <string.h>

static enum port_partition base; // of the patch that is being carried out

static int read_base(uint32_t from, void *bytes, uint32_t length)
{
    return slot_read_body(base, from, bytes, length);
}

static int append(uint32_t offset, const void *bytes, uint32_t length)
{
    return slot_write(offset, bytes, length);
}

int slot_patch(int running, uint32_t running_length, uint32_t at, const uint8_t *operations, size_t length)
{
    struct slot_staged staged;
    if (!slot_staged(&staged) || at > staged.written) return PORT_EINVAL;
    base = (enum port_partition)running;
    struct patch_body body = {
        .length = staged.length,
        .written = staged.written,
        .base_length = running < 0 ? 0 : running_length,
        .read_base = read_base,
        .read_written = slot_read_back,
        .append = append,
    };
    int result = patch_apply(&body, at, operations, length);
    if (result == PORT_EINVAL) return slot_drop(PORT_EBAD);
    return result < 0 ? result : (int)body.written;
}

int slot_blocks(int running, uint32_t running_length, uint32_t first, uint8_t *sums, size_t room)
{
    enum { PIECE = 256 };
    uint8_t piece[PIECE];
    uint32_t count = running < 0 ? 0 : running_length / BLOCK_BYTES;
    size_t done = 0;
    for (uint32_t block = first; block < count && room - done >= BLOCK_SUM; block++, done += BLOCK_SUM) {
        uint32_t one = 0, other = 0;
        for (uint32_t at = 0; at < BLOCK_BYTES; at += PIECE) {
            int result = slot_read_body((enum port_partition)running, block * BLOCK_BYTES + at, piece, PIECE);
            if (result < 0) return result;
            for (uint32_t i = 0; i < PIECE; i++) {
                one = one * 0x01000193u + piece[i];
                other = other * 0x9E3779B1u + piece[i];
            }
        }
        uint8_t sum[BLOCK_SUM] = {(uint8_t)(one >> 24),   (uint8_t)(one >> 16),   (uint8_t)(one >> 8), (uint8_t)one,
                                  (uint8_t)(other >> 24), (uint8_t)(other >> 16)};
        memcpy(sums + done, sum, sizeof sum);
    }
    return (int)done;
}
