// UTF-8 checks and JSON escaping for what C records itself, so that a recorded exception is well-formed whatever was thrown.
#include "text.h"

#include <stdio.h>
#include <string.h>

int utf8_sequence(const uint8_t *p, size_t length)
{
    if (length == 0) return 0;
    if (p[0] < 0x80) return 1;
    int size = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || (size_t)size > length) return 0;
    for (int i = 1; i < size; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    // Overlong forms, surrogates and values above U+10FFFF.
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) return 0;
    if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 0;
    return size;
}

bool utf8_is_valid(const uint8_t *p, size_t length)
{
    while (length > 0) {
        int size = utf8_sequence(p, length);
        if (size == 0) return false;
        p += size;
        length -= (size_t)size;
    }
    return true;
}

void hex_text(char *out, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

// Appends `text` escaped while whole pieces fit into `capacity` bytes. Returns the bytes written.
static size_t put_escaped(char *out, size_t capacity, const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text), used = 0;
    while (left > 0) {
        char piece[8];
        int size = utf8_sequence(p, left), length;
        if (size == 0) length = snprintf(piece, sizeof piece, "\\ufffd");
        else if (*p == '\n') length = snprintf(piece, sizeof piece, "\\n");
        else if (*p == '"' || *p == '\\') length = snprintf(piece, sizeof piece, "\\%c", *p);
        else if (*p < 0x20) length = snprintf(piece, sizeof piece, "\\u%04x", *p);
        else {
            memcpy(piece, p, (size_t)size);
            length = size;
        }
        if (used + (size_t)length > capacity) break;
        memcpy(out + used, piece, (size_t)length);
        used += (size_t)length;
        p += size > 0 ? size : 1;
        left -= (size_t)(size > 0 ? size : 1);
    }
    return used;
}

size_t exception_json(char *out, size_t capacity, const struct exception_record *record)
{
    static const char before_message[] = "{\"message\":\"", before_stack[] = "\",\"stack\":\"";
    char end[96];
    int end_length = snprintf(end, sizeof end, "\",\"hash\":\"%.16s\",\"uptimeS\":%lu,\"heapLive\":%lu}", record->hash,
                              (unsigned long)record->uptime_s, (unsigned long)record->heap_live);
    size_t fixed = sizeof before_message - 1 + sizeof before_stack - 1 + (size_t)end_length;
    size_t room = capacity - fixed, used = sizeof before_message - 1;
    memcpy(out, before_message, sizeof before_message - 1);
    size_t message = put_escaped(out + used, room, record->message);
    used += message;
    memcpy(out + used, before_stack, sizeof before_stack - 1);
    used += sizeof before_stack - 1;
    used += put_escaped(out + used, room - message, record->stack);
    memcpy(out + used, end, (size_t)end_length);
    return used + (size_t)end_length;
}
