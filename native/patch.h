// The operations that a body is made of instead of being sent (docs/WIRE.md, "Patch"): bytes of their own, bytes of what runs, and bytes of what
// is written already. What is read and written, and how, is the caller's.
#ifndef HEARTH_PATCH_H
#define HEARTH_PATCH_H

#include "port.h"

// A body that grows. The functions return PORT_OK or why not; they are asked for ranges that are there.
struct patch_body {
    uint32_t length;      // of the whole
    uint32_t written;     // bytes of it that are there
    uint32_t base_length; // of what runs; 0: there is nothing to copy from
    int (*read_base)(uint32_t from, void *bytes, uint32_t length);
    int (*read_written)(uint32_t from, void *bytes, uint32_t length);
    int (*append)(uint32_t offset, const void *bytes, uint32_t length);
};

// Carries out the operations of a frame, which make the body's bytes from `at` on; what is written of that is passed over. PORT_EINVAL for operations
// that are none, that begin behind what is written, or that make more than PATCH_OUTPUT_MAX bytes: what was made before the bad one is written.
enum { PATCH_OUTPUT_MAX = 16384 };
int patch_apply(struct patch_body *body, uint32_t at, const uint8_t *operations, size_t length);

#endif
