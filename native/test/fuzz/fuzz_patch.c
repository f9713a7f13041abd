// Fuzz target: any bytes as a patch's operations. What is read is there, what is written follows what is written, and a second time changes nothing.
#include "../../patch.h"
#include "../check.h"

#include <string.h>

enum { BASE = 300, MADE_MAX = 4000 };

static uint8_t base[BASE], made[MADE_MAX];
static uint32_t there;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static int read_base(uint32_t from, void *bytes, uint32_t length)
{
    CHECK(length > 0 && from <= BASE && length <= BASE - from);
    memcpy(bytes, base + from, length);
    return PORT_OK;
}

static int read_written(uint32_t from, void *bytes, uint32_t length)
{
    CHECK(length > 0 && from <= there && length <= there - from);
    memcpy(bytes, made + from, length);
    return PORT_OK;
}

static int append(uint32_t offset, const void *bytes, uint32_t length)
{
    CHECK(offset == there && length > 0 && length <= MADE_MAX - there);
    memcpy(made + offset, bytes, length);
    there += length;
    return PORT_OK;
}

// The first two bytes are where the frame begins.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    if (length < 2) return 0;
    uint32_t at = (uint32_t)(data[0] << 8 | data[1]);
    there = at % 64; // so much is there
    at %= 64 + 8;    // now and then behind it
    memset(made, 7, sizeof made);
    for (int i = 0; i < BASE; i++) base[i] = (uint8_t)i;
    struct patch_body body = {MADE_MAX, there, BASE, read_base, read_written, append};
    int result = patch_apply(&body, at, data + 2, length - 2);
    CHECK((result == PORT_OK || result == PORT_EINVAL) && body.written == there);
    uint32_t first = there;
    CHECK(patch_apply(&body, at, data + 2, length - 2) == result && there == first);
    return 0;
}
