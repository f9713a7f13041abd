// What the build puts into the firmware image: made by embed.cmake.
#ifndef HEARTH_EMBEDDED_H
#define HEARTH_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

// What tools and boot loaders read of an image before it runs; found by its magic (docs/WIRE.md, "Firmware image").
struct firmware_descriptor {
    char magic[8]; // HEARTHF1
    char machine[16], version[32];
    uint8_t engine_id[8], api_hash[8];
};
extern const struct firmware_descriptor embedded_descriptor;
// The engine's own names in final form (hearthc --names), without which no program image runs.
extern const uint8_t embedded_names[];
extern const size_t embedded_names_size;
// Recovery over the network and over ESP-NOW, each a bundle.bin (header and body, docs/WIRE.md); size 0: there is none.
extern const uint8_t embedded_recovery[], embedded_recovery_espnow[];
extern const size_t embedded_recovery_size, embedded_recovery_espnow_size;

#endif
