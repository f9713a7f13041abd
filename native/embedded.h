// What the build puts into the firmware image: made by embed.cmake.
#ifndef HEARTH_EMBEDDED_H
#define HEARTH_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t embedded_engine_id[8];
extern const char embedded_version[];
// A bundle.bin (header and body, docs/WIRE.md); size 0: there is none.
extern const uint8_t embedded_recovery[];
extern const size_t embedded_recovery_size;

#endif
