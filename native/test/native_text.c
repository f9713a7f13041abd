// File names, UTF-8 and the JSON of an exception. The UTF-8 cases are those that decoders are known to get wrong: the edges of each length,
// overlong forms, surrogates, lonely and missing continuation bytes; then every sequence of up to three bytes against the definition.
#include "native_test.h"

#include "../path.h"
#include "../text.h"

#include <string.h>

static bool good(const char *name)
{
    return path_is_good(name, strlen(name));
}

static void path_good_names(void)
{
    static const char *const names[] = {"a", "config.txt", "A-Z_0.9", "a/b/c", "www/index.html", "a..b", "a.", "0/-/_"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CHECK(good(names[i]));
}

static void path_bad_names(void)
{
    static const char *const names[] = {"", ".", "..", ".a", "/", "/a", "a/", "a//b", "a/.", "a/..", "a/../b", "../a", "a/.b",
                                        "./a", "a\\b", "a b", "a:b", "a*", "a\n", "caf\xC3\xA9", "~", "%2e", "a\x7F"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CHECK(!good(names[i]));
    CHECK(!path_is_good("a\0b", 3));
}

static void path_length(void)
{
    char name[PORT_FILE_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    CHECK(path_is_good(name, PORT_FILE_NAME_MAX) && !path_is_good(name, PORT_FILE_NAME_MAX + 1) && !path_is_good(name, 0));
}

// Every byte at every place of a name: nothing but the allowed characters passes, and a dot or slash only where it may be.
static void path_every_byte(void)
{
    for (int place = 0; place < 3; place++) {
        for (int c = 0; c < 256; c++) {
            char name[3] = {'a', 'b', 'c'};
            name[place] = (char)c;
            bool letter = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", c) != NULL && c != 0;
            bool allowed = letter || (c == '.' && place > 0) || (c == '/' && place == 1);
            CHECK(path_is_good(name, 3) == allowed);
        }
    }
}

// ---------------------------------------------------------------- UTF-8

#define VALID(text) CHECK(utf8_is_valid((const uint8_t *)(text), sizeof(text) - 1))
#define INVALID(text) CHECK(!utf8_is_valid((const uint8_t *)(text), sizeof(text) - 1))

static void utf8_valid(void)
{
    VALID("");
    VALID("abc\0\x7F");
    VALID("\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5");
    // First and last of each length, and around the surrogates.
    VALID("\xC2\x80");
    VALID("\xDF\xBF");
    VALID("\xE0\xA0\x80");
    VALID("\xED\x9F\xBF");
    VALID("\xEE\x80\x80");
    VALID("\xEF\xBF\xBD");
    VALID("\xEF\xBF\xBF"); // a noncharacter is a code point all the same
    VALID("\xF0\x90\x80\x80");
    VALID("\xF4\x8F\xBF\xBF");
}

static void utf8_invalid(void)
{
    // Above the end, five and six bytes, bytes that never occur.
    INVALID("\xF4\x90\x80\x80");
    INVALID("\xF5\x80\x80\x80");
    INVALID("\xF8\x88\x80\x80\x80");
    INVALID("\xFC\x84\x80\x80\x80\x80");
    INVALID("\xFE");
    INVALID("\xFF");
    // Overlong: slash, the largest of each length, zero.
    INVALID("\xC0\xAF");
    INVALID("\xE0\x80\xAF");
    INVALID("\xF0\x80\x80\xAF");
    INVALID("\xC1\xBF");
    INVALID("\xE0\x9F\xBF");
    INVALID("\xF0\x8F\xBF\xBF");
    INVALID("\xC0\x80");
    INVALID("\xE0\x80\x80");
    INVALID("\xF0\x80\x80\x80");
    // Surrogates, single and paired.
    INVALID("\xED\xA0\x80");
    INVALID("\xED\xAF\xBF");
    INVALID("\xED\xB0\x80");
    INVALID("\xED\xBF\xBF");
    INVALID("\xED\xA0\x80\xED\xB0\x80");
    // Cut off, at the end and before something else.
    INVALID("\xC3");
    INVALID("\xE2\x82");
    INVALID("\xF0\x9F\x98");
    INVALID("\xC3 ");
    INVALID("\xE2\x82x");
    INVALID("\xF0\x9F\x98\x41");
    INVALID("\xE2\xC3\xA9");
    // Continuation bytes alone.
    INVALID("\x80");
    INVALID("\xBF");
    INVALID("ok \x80\xBF\x80");
}

// The length of the sequence that begins at p by the definition: encode every code point and compare.
static int by_definition(const uint8_t *p, size_t length)
{
    static uint8_t table[0x10000][4]; // all code points of up to three bytes
    static bool made;
    if (!made) {
        for (uint32_t c = 0; c < 0x10000; c++) {
            uint8_t *out = table[c];
            if (c < 0x80) out[0] = (uint8_t)c;
            else if (c < 0x800) out[0] = (uint8_t)(0xC0 | c >> 6), out[1] = (uint8_t)(0x80 | (c & 63));
            else out[0] = (uint8_t)(0xE0 | c >> 12), out[1] = (uint8_t)(0x80 | (c >> 6 & 63)), out[2] = (uint8_t)(0x80 | (c & 63));
        }
        made = true;
    }
    if (length >= 1 && p[0] < 0x80) return 1;
    if (length >= 2 && p[0] < 0xE0) {
        uint32_t c = (uint32_t)(p[0] & 31) << 6 | (p[1] & 63);
        return c >= 0x80 && memcmp(table[c], p, 2) == 0 ? 2 : 0;
    }
    if (length >= 3 && p[0] < 0xF0) {
        uint32_t c = (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
        return c >= 0x800 && (c < 0xD800 || c > 0xDFFF) && memcmp(table[c], p, 3) == 0 ? 3 : 0;
    }
    return 0;
}

static void utf8_every_three_bytes(void)
{
    for (uint32_t all = 0; all < 1u << 24; all++) {
        const uint8_t bytes[3] = {(uint8_t)(all >> 16), (uint8_t)(all >> 8), (uint8_t)all};
        for (size_t length = 1; length <= 3; length++) {
            if (length < 3 && (all & (length == 1 ? 0xFFFFu : 0xFFu)) != 0) continue; // seen already
            if (utf8_sequence(bytes, length) != by_definition(bytes, length)) {
                fprintf(stderr, "%06x of %zu bytes\n", (unsigned)all, length);
                exit(1);
            }
        }
    }
}

// All first pairs of a four-byte form, with each kind of byte behind them.
static void utf8_four_bytes(void)
{
    static const uint8_t tails[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    for (int first = 0xF0; first < 0x100; first++) {
        for (int second = 0; second < 0x100; second++) {
            for (int tail = 0; tail < 36; tail++) {
                const uint8_t bytes[4] = {(uint8_t)first, (uint8_t)second, tails[tail / 6], tails[tail % 6]};
                uint32_t c = (uint32_t)(first & 7) << 18 | (uint32_t)(second & 63) << 12;
                bool tail_good = tail / 6 >= 2 && tail / 6 <= 3 && tail % 6 >= 2 && tail % 6 <= 3;
                bool valid = first < 0xF8 && second >= 0x80 && second < 0xC0 && tail_good && c >= 0x10000 && c < 0x110000;
                CHECK(utf8_sequence(bytes, 4) == (valid ? 4 : 0));
                CHECK(utf8_sequence(bytes, 3) == 0);
            }
        }
    }
    CHECK(utf8_sequence((const uint8_t *)"", 0) == 0);
}

// ---------------------------------------------------------------- exceptions

static const char *json_of(size_t capacity, const char *message, const char *stack)
{
    static char out[512];
    struct exception_record record = {message, stack, "0123456789abcdef", 12, 34567};
    memset(out, '#', sizeof out);
    size_t length = exception_json(out, capacity, &record);
    CHECK(length <= capacity && out[length] == '#'); // nothing is written behind it
    CHECK(utf8_is_valid((const uint8_t *)out, length));
    out[length] = '\0';
    return out;
}

static void json_escapes(void)
{
    CHECK(strcmp(json_of(400, "a \"b\" \\ \n\t\x01 \xC3\xA9 \xFF.", "at f:1"),
                 "{\"message\":\"a \\\"b\\\" \\\\ \\n\\u0009\\u0001 \xC3\xA9 \\ufffd.\",\"stack\":\"at f:1\","
                 "\"hash\":\"0123456789abcdef\",\"uptimeS\":12,\"heapLive\":34567}") == 0);
    CHECK(strcmp(json_of(400, "", ""), "{\"message\":\"\",\"stack\":\"\",\"hash\":\"0123456789abcdef\",\"uptimeS\":12,"
                                       "\"heapLive\":34567}") == 0);
}

// The end of the stack goes first, then that of the message, and never half an escape or half a character.
static void json_is_cut_at_any_capacity(void)
{
    static const char long_text[] = "\xC3\xA9\n\"x\xF0\x9F\x98\x80\\\x02 and so on, again and again and again and again and again";
    char message[400] = "", stack[400] = "";
    for (int i = 0; i < 5; i++) strcat(message, long_text), strcat(stack, long_text);
    for (size_t capacity = 256; capacity < 500; capacity++) {
        const char *json = json_of(capacity, message, stack);
        CHECK(strncmp(json, "{\"message\":\"", 12) == 0 && strstr(json, "\",\"stack\":\"") != NULL);
        CHECK(strcmp(json + strlen(json) - 19, ",\"heapLive\":34567}") == 0 || strstr(json, "\"heapLive\":34567}") != NULL);
        json = json_of(capacity, "short", stack);
        CHECK(strstr(json, "\"short\"") != NULL);
    }
}

static void hex_of_bytes(void)
{
    char out[9];
    hex_text(out, (const uint8_t *)"\x00\x9A\xff\x10", 4);
    CHECK(strcmp(out, "009aff10") == 0);
}

const struct c_test text_tests[] = {
    {"path_good_names", path_good_names},
    {"path_bad_names", path_bad_names},
    {"path_length", path_length},
    {"path_every_byte", path_every_byte},
    {"utf8_valid", utf8_valid},
    {"utf8_invalid", utf8_invalid},
    {"utf8_every_three_bytes", utf8_every_three_bytes},
    {"utf8_four_bytes", utf8_four_bytes},
    {"json_escapes", json_escapes},
    {"json_is_cut_at_any_capacity", json_is_cut_at_any_capacity},
    {"hex_of_bytes", hex_of_bytes},
    {NULL, NULL},
};
