// The image of a program: its names and functions in the engine's own form, used where they lie in flash. It holds no address, so it is
// valid wherever it is mapped, on 32 and 64 bits alike. hearthc writes it; docs/WIRE.md has the bytes.
#ifndef PROGRAM_IMAGE_H
#define PROGRAM_IMAGE_H

#include "quickjs.h"

#include <stddef.h>
#include <stdint.h>

// At the beginning; little-endian. Names follow, then functions.
struct program_image {
    char magic[4]; // IMG1; the first byte of ordinary bytecode is its version, 4
    uint32_t length; // of all of it
    uint32_t first_atom; // number of the first name, those of others follow in order
    uint32_t main; // where the fields of the outermost function are, from the beginning
}; // a struct name_table follows

// Whether a bundle's body claims to be an image rather than ordinary bytecode.
int program_image_claimed(const uint8_t *body, size_t length);
// Checks an image and makes its names known. Before any other name is made: right after JS_NewRuntime2. 0, or -1 when it is not an image for
// this engine and its constant names (JS_SetRomNames). The image must stay for as long as the runtime.
int program_image_add_names(JSRuntime *rt, const uint8_t *image, size_t length);
// The outermost function of the image whose names were added, for JS_EvalFunction. Its functions belong to this context.
JSValue program_image_main(JSContext *ctx, const uint8_t *image);

#endif
