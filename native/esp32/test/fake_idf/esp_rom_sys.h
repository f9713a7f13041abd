#pragma once

#include <stdint.h>

static inline void esp_rom_delay_us(uint32_t us)
{
    (void)us;
}
