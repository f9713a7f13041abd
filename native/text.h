// UTF-8 and the JSON of a recorded exception; pure.
#ifndef HEARTH_TEXT_H
#define HEARTH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Length of the valid UTF-8 sequence at `p` (1..4), 0 if there is none within `length` bytes.
int utf8_sequence(const uint8_t *p, size_t length);
bool utf8_is_valid(const uint8_t *p, size_t length);

// Lower-case hex and a zero: `out` has 2 * length + 1 bytes.
void hex_text(char *out, const uint8_t *bytes, size_t length);

struct exception_record {
    const char *message, *stack; // zero-terminated, any bytes
    const char *hash;            // hex digits
    uint32_t uptime_s;
    uint32_t heap_live;
};
// Writes {"message","stack","hash","uptimeS","heapLive"} as at most `capacity` bytes (at least 256) of JSON; what is too long
// loses the end of the stack first, then of the message. Returns the length.
size_t exception_json(char *out, size_t capacity, const struct exception_record *record);

#endif
