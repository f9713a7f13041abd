// A bundle's header as bytes (docs/WIRE.md): reading and checking it. Where it lies and what follows is slots.c's.
#include "slots.h"
#include "little_endian.h"

#include <string.h>

enum { HEADER_VERSION = 1 };

uint32_t crc32_ieee(const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    uint32_t crc = UINT32_MAX;
    while (length-- > 0) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

// Zero-padded printable ASCII.
static bool get_text(char *out, const uint8_t *p)
{
    size_t length = 0;
    while (length < 16 && p[length] != 0) {
        if (p[length] < 0x20 || p[length] > 0x7E) return false;
        length++;
    }
    for (size_t i = length; i < 16; i++) {
        if (p[i] != 0) return false;
    }
    memcpy(out, p, 16);
    out[16] = '\0';
    return true;
}

int bundle_header_parse(const uint8_t bytes[BUNDLE_HEADER_SIZE], uint32_t body_max, struct bundle_header *out)
{
    memset(out, 0, sizeof *out);
    if (memcmp(bytes, "HEARTHB1", 8) != 0 || get_u32(bytes + 8) != HEADER_VERSION) return PORT_EBAD;
    if (get_u32(bytes + BUNDLE_OFFSET_CRC) != crc32_ieee(bytes, BUNDLE_OFFSET_CRC)) return PORT_EBAD;
    out->length = get_u32(bytes + 12);
    if (out->length == 0 || out->length > body_max) return PORT_EBAD;
    memcpy(out->sha256, bytes + 16, 32);
    if (!get_text(out->profile, bytes + 48) || !get_text(out->version, bytes + 64)) return PORT_EBAD;
    memcpy(out->engine_id, bytes + 80, 8);
    memcpy(out->api_hash, bytes + 88, 8);
    if (get_u32(bytes + 96) != 0) return PORT_EBAD;
    out->pin_count = (uint16_t)(bytes[100] | bytes[101] << 8);
    if (out->pin_count > BUNDLE_PINS_MAX) return PORT_EBAD;
    memcpy(out->pins, bytes + 102, sizeof out->pins);
    out->sequence = get_u32(bytes + BUNDLE_OFFSET_SEQUENCE);
    return PORT_OK;
}
