// Bundles for the tests of the slots (native_slots.c, native_staging.c): header and body made from a seed, and flash that has one.
#ifndef HEARTH_SLOTS_SUPPORT_H
#define HEARTH_SLOTS_SUPPORT_H

#include "../slots.h"
#include "native_test.h"

enum { BODY_LENGTH = 3 * PORT_FLASH_SECTOR + 1234, SEED_MAX = 4 };
extern const uint8_t engine_id[8], api_hash[8];

// BODY_LENGTH bytes that are others for each seed, 0..SEED_MAX.
const uint8_t *body_of(int seed);
void make_header(uint8_t header[BUNDLE_HEADER_SIZE], const uint8_t *body, uint32_t length);
// Writes the checksum.
void seal_header(uint8_t header[BUNDLE_HEADER_SIZE]);
// A bundle of `seed` as a commit would have left it.
void install(enum port_partition slot, int seed, uint32_t sequence);

#endif
