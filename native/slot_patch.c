// A new bundle made of the running one's bytes and of its own: patch.h over the slots. Copies go through the write that data goes through.
#include "patch.h"
#include "slots.h"

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
