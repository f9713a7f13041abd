// Bytes that a new bundle shares with the running one: read from its slot, written as slots.c writes what comes in.
#include "slots.h"

enum { PIECE = 256 }; // on the stack of the JavaScript task

int slot_copy(int running, uint32_t running_length, uint32_t offset, uint32_t from, uint32_t length)
{
    uint8_t piece[PIECE];
    if (running < 0 || from > running_length || length > running_length - from) return PORT_EINVAL;
    while (length > 0) {
        uint32_t part = length < PIECE ? length : PIECE;
        int result = port_flash_read((enum port_partition)running, BUNDLE_BODY_OFFSET + from, piece, part);
        if (result >= 0) result = slot_write(offset, piece, part);
        if (result < 0) return result;
        offset += part;
        from += part;
        length -= part;
    }
    return PORT_OK;
}
