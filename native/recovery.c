// Reads of a configuration only what decides which recovery bundle runs. The format is that of device/config.ts, which reads the values.
#include "recovery.h"
#include "port.h"

#include <string.h>

enum { CHUNK = 128, CONFIG_MAX = 4096, WORD_MAX = 15 };

static const char *const names[] = {"ssid", "espnowpsk", "espnowgroup"};
enum { SSID = 1, PSK = 2, GROUP = 4 };

struct reader {
    char word[2][WORD_MAX + 1]; // the line's first two words, cut to what is looked for
    size_t length;              // of the present word; 0 between words
    int words;
    unsigned found; // bits of `names`
};

static void end_line(struct reader *reader)
{
    bool is_pair = reader->words == 2;
    bool is_absent = strcmp(reader->word[1], "None") == 0;
    for (unsigned i = 0; is_pair && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(reader->word[0], names[i]) != 0) continue;
        reader->found = is_absent ? reader->found & ~(1u << i) : reader->found | 1u << i;
    }
    reader->words = 0;
}

static void read_char(struct reader *reader, unsigned char c)
{
    if (c <= ' ') {
        reader->length = 0;
        if (c == '\n') end_line(reader);
        return;
    }
    if (reader->length == 0 && reader->words < 3) reader->words++;
    if (reader->words < 3 && reader->length < WORD_MAX) {
        char *word = reader->word[reader->words - 1];
        word[reader->length] = (char)c;
        word[reader->length + 1] = '\0';
    }
    reader->length++;
}

static unsigned found_in_file(void)
{
    struct reader reader = {.words = 0};
    char chunk[CHUNK];
    int got = 1;
    for (uint32_t at = 0; got > 0 && at < CONFIG_MAX; at += CHUNK) {
        got = port_file_read("config.txt", at, chunk, sizeof chunk);
        for (int i = 0; i < got; i++) read_char(&reader, (unsigned char)chunk[i]);
    }
    read_char(&reader, '\n');
    return reader.found;
}

static unsigned found_in_nvs(void)
{
    struct reader reader = {.words = 0};
    char text[PORT_NVS_VALUE_MAX];
    int length = port_nvs_get("netgood", "config", text, sizeof text);
    for (int i = 0; i < length; i++) read_char(&reader, (unsigned char)text[i]);
    read_char(&reader, '\n');
    return reader.found;
}

bool recovery_is_espnow(void)
{
    unsigned found = found_in_file();
    if (found == 0) found = found_in_nvs();
    return found == (PSK | GROUP);
}
