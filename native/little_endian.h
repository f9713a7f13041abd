// Numbers as they are in flash and NVS: little-endian, at any address.
#ifndef HEARTH_LITTLE_ENDIAN_H
#define HEARTH_LITTLE_ENDIAN_H

#include <stdint.h>

static inline uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void put_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (8 * i));
}

#endif
