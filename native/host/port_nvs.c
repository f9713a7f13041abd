// NVS in the NOR partition nvs.bin: two areas, each a log of CRC-checked records behind a header that is written last.
// A full or torn area is compacted into the other one; the newest area with a good header is in force.
#include "host.h"

#include <stdlib.h>
#include <string.h>

enum {
    AREA_SIZE = 64 * 1024,
    AREA_HEADER = 16, // magic(4) generation(4) zero(4) crc(4)
    RECORD_HEADER = 12, // magic(2) kind(1) space length(1) key length(1) zero(1) value length(2) crc(4)
    RECORD_MAX = RECORD_HEADER + 2 * PORT_NVS_NAME_MAX + PORT_NVS_VALUE_MAX + 3,
    REMOVAL_RESERVE = 64, // a removal always finds room after a compaction
    ENTRIES_MAX = 2048,
};
enum { KIND_SET = 1, KIND_REMOVE_KEY = 2, KIND_REMOVE_SPACE = 3 };
static const uint32_t AREA_MAGIC = 0x31564E48; // "HNV1"
static const uint16_t RECORD_MAGIC = 0x5A4E;

struct entry {
    char space[PORT_NVS_NAME_MAX + 1];
    char key[PORT_NVS_NAME_MAX + 1];
    uint32_t record; // offset in the partition
    uint16_t length; // of the value
};

static struct host_nor nor;
static struct entry *entries;
static size_t entry_count;
static int area;             // in force: 0 or 1
static uint32_t generation;
static uint32_t end;         // where the next record goes, offset in the partition
static uint32_t live_bytes;  // records that a compaction would keep

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t length)
{
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint32_t record_size(size_t space_length, size_t key_length, size_t value_length)
{
    return (uint32_t)((RECORD_HEADER + space_length + key_length + value_length + 3) & ~(size_t)3);
}

static uint32_t entry_size(const struct entry *entry)
{
    return record_size(strlen(entry->space), strlen(entry->key), entry->length);
}

static const uint8_t *entry_value(const struct entry *entry)
{
    return nor.cells + entry->record + RECORD_HEADER + strlen(entry->space) + strlen(entry->key);
}

static struct entry *find(const char *space, const char *key)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (strcmp(entries[i].key, key) == 0 && strcmp(entries[i].space, space) == 0) return &entries[i];
    }
    return NULL;
}

static void forget(struct entry *entry)
{
    live_bytes -= entry_size(entry);
    *entry = entries[--entry_count];
}

// Applies a record that is in flash to the index.
static void apply(int kind, const char *space, const char *key, uint32_t record, uint16_t length)
{
    if (kind == KIND_REMOVE_SPACE) {
        for (size_t i = entry_count; i-- > 0;) {
            if (strcmp(entries[i].space, space) == 0) forget(&entries[i]);
        }
        return;
    }
    struct entry *entry = find(space, key);
    if (kind == KIND_REMOVE_KEY) {
        if (entry != NULL) forget(entry);
        return;
    }
    if (entry != NULL) {
        live_bytes -= entry_size(entry);
    } else {
        if (entry_count == ENTRIES_MAX) return; // port_nvs_set never writes that many
        entry = &entries[entry_count++];
        memset(entry, 0, sizeof *entry);
        strcpy(entry->space, space);
        strcpy(entry->key, key);
    }
    entry->record = record;
    entry->length = length;
    live_bytes += entry_size(entry);
}

// Reads the record at `at` into the index; returns its size, or 0 when there is no good record.
static uint32_t load_record(uint32_t at, uint32_t limit)
{
    const uint8_t *in = nor.cells + at;
    if (limit - at < RECORD_HEADER || (in[0] | in[1] << 8) != RECORD_MAGIC) return 0;
    size_t space_length = in[3], key_length = in[4];
    uint16_t length = (uint16_t)(in[6] | in[7] << 8);
    if (in[2] < KIND_SET || in[2] > KIND_REMOVE_SPACE || space_length == 0) return 0;
    if ((in[2] == KIND_REMOVE_SPACE) != (key_length == 0)) return 0;
    if (space_length > PORT_NVS_NAME_MAX || key_length > PORT_NVS_NAME_MAX || length > PORT_NVS_VALUE_MAX) return 0;
    uint32_t size = record_size(space_length, key_length, length);
    if (size > limit - at) return 0;
    uint32_t crc = crc32(crc32(0, in, 8), in + RECORD_HEADER, size - RECORD_HEADER);
    if (crc != get_u32(in + 8)) return 0;
    // The index keeps names as C strings: one with a zero in it would be taken for another one, of another length.
    if (memchr(in + RECORD_HEADER, 0, space_length + key_length) != NULL) return 0;
    char space[PORT_NVS_NAME_MAX + 1] = {0}, key[PORT_NVS_NAME_MAX + 1] = {0};
    memcpy(space, in + RECORD_HEADER, space_length);
    memcpy(key, in + RECORD_HEADER + space_length, key_length);
    apply(in[2], space, key, at, length);
    return size;
}

static bool blank(uint32_t from, uint32_t to)
{
    // The first byte is blank, and every byte is like the one before it.
    return from >= to || (nor.cells[from] == 0xFF && memcmp(nor.cells + from, nor.cells + from + 1, to - from - 1) == 0);
}

static bool area_good(int which, uint32_t *out_generation)
{
    const uint8_t *in = nor.cells + which * AREA_SIZE;
    if (get_u32(in) != AREA_MAGIC || get_u32(in + 12) != crc32(0, in, 12)) return false;
    *out_generation = get_u32(in + 4);
    return true;
}

static int erase_area(int which)
{
    for (uint32_t at = 0; at < AREA_SIZE; at += PORT_FLASH_SECTOR) {
        uint32_t sector = (uint32_t)which * AREA_SIZE + at;
        if (blank(sector, sector + PORT_FLASH_SECTOR)) continue;
        int result = host_nor_erase(&nor, sector, PORT_FLASH_SECTOR);
        if (result < 0) return result;
    }
    return PORT_OK;
}

static int write_area_header(int which, uint32_t new_generation)
{
    uint8_t header[AREA_HEADER] = {0};
    host_put_u32(header, AREA_MAGIC);
    host_put_u32(header + 4, new_generation);
    host_put_u32(header + 12, crc32(0, header, 12));
    return host_nor_program(&nor, (uint32_t)which * AREA_SIZE, header, sizeof header);
}

// Copies the live records to the other area and puts it in force. The old area stays as it was until the next time,
// so a cut anywhere in here changes nothing.
static int compact(void)
{
    int other = 1 - area;
    int result = erase_area(other);
    uint32_t at = (uint32_t)other * AREA_SIZE + AREA_HEADER;
    for (size_t i = 0; i < entry_count && result >= 0; i++) {
        uint32_t size = entry_size(&entries[i]);
        result = host_nor_program(&nor, at, nor.cells + entries[i].record, size);
        at += size;
    }
    if (result >= 0) result = write_area_header(other, generation + 1);
    if (result < 0) return result;
    at = (uint32_t)other * AREA_SIZE + AREA_HEADER;
    for (size_t i = 0; i < entry_count; i++) {
        entries[i].record = at;
        at += entry_size(&entries[i]);
    }
    area = other;
    generation++;
    end = at;
    return PORT_OK;
}

static int append(int kind, const char *space, const char *key, const void *data, size_t length)
{
    uint8_t record[RECORD_MAX] = {0};
    size_t space_length = strlen(space), key_length = strlen(key);
    uint32_t size = record_size(space_length, key_length, length);
    if (end + size > (uint32_t)(area + 1) * AREA_SIZE) {
        int result = compact();
        if (result < 0) return result;
        if (end + size > (uint32_t)(area + 1) * AREA_SIZE) return PORT_EFULL;
    }
    record[0] = (uint8_t)RECORD_MAGIC;
    record[1] = RECORD_MAGIC >> 8;
    record[2] = (uint8_t)kind;
    record[3] = (uint8_t)space_length;
    record[4] = (uint8_t)key_length;
    host_put_u16(record + 6, (uint16_t)length);
    memcpy(record + RECORD_HEADER, space, space_length);
    memcpy(record + RECORD_HEADER + space_length, key, key_length);
    if (length > 0) memcpy(record + RECORD_HEADER + space_length + key_length, data, length);
    host_put_u32(record + 8, crc32(crc32(0, record, 8), record + RECORD_HEADER, size - RECORD_HEADER));
    int result = host_nor_program(&nor, end, record, size);
    if (result < 0) return result;
    uint32_t at = end;
    end += size;
    apply(kind, space, key, at, (uint16_t)length);
    return PORT_OK;
}

int host_nvs_start(void)
{
    if (host_nor_open(&nor, "nvs", 2 * AREA_SIZE) != PORT_OK || nor.size < 2 * AREA_SIZE) return PORT_EIO;
    if (entries == NULL) entries = malloc(ENTRIES_MAX * sizeof *entries);
    if (entries == NULL) return PORT_ENOMEM;
    entry_count = 0;
    live_bytes = 0;
    uint32_t generations[2] = {0, 0};
    bool good[2] = {area_good(0, &generations[0]), area_good(1, &generations[1])};
    if (!good[0] && !good[1]) {
        if (!blank(0, nor.size)) host_logf("nvs: no valid area, formatting");
        int result = erase_area(0);
        if (result >= 0) result = write_area_header(0, 1);
        area = 0;
        generation = 1;
        end = AREA_HEADER;
        return result;
    }
    // Signed distance, so that the order holds when the count wraps.
    area = good[0] && (!good[1] || (int32_t)(generations[0] - generations[1]) > 0) ? 0 : 1;
    generation = generations[area];
    uint32_t limit = (uint32_t)(area + 1) * AREA_SIZE;
    end = (uint32_t)area * AREA_SIZE + AREA_HEADER;
    for (;;) {
        uint32_t size = load_record(end, limit);
        if (size == 0) break;
        end += size;
    }
    // What follows the last good record was torn by a cut; nothing is appended behind it.
    return blank(end, limit) ? PORT_OK : compact();
}

void host_nvs_stop(void)
{
    host_nor_close(&nor);
    free(entries);
    entries = NULL;
    entry_count = 0;
}

static bool name_good(const char *name)
{
    size_t length = name == NULL ? 0 : strlen(name);
    return length >= 1 && length <= PORT_NVS_NAME_MAX;
}

int port_nvs_get(const char *space, const char *key, void *buf, size_t capacity)
{
    if (!name_good(space) || !name_good(key)) return PORT_EINVAL;
    const struct entry *entry = find(space, key);
    if (entry == NULL) return PORT_ENOENT;
    size_t length = entry->length < capacity ? entry->length : capacity;
    if (length > 0) memcpy(buf, entry_value(entry), length);
    return entry->length;
}

int port_nvs_set(const char *space, const char *key, const void *data, size_t length)
{
    if (!name_good(space) || !name_good(key) || length > PORT_NVS_VALUE_MAX) return PORT_EINVAL;
    const struct entry *entry = find(space, key);
    if (entry != NULL && entry->length == length && (length == 0 || memcmp(entry_value(entry), data, length) == 0)) {
        return PORT_OK;
    }
    if (entry == NULL && entry_count == ENTRIES_MAX) return PORT_EFULL;
    // The old value counts too: it must survive until the new record is complete.
    uint32_t size = record_size(strlen(space), strlen(key), length);
    if (AREA_HEADER + live_bytes + size + REMOVAL_RESERVE > AREA_SIZE) return PORT_EFULL;
    return append(KIND_SET, space, key, data, length);
}

int port_nvs_remove(const char *space, const char *key)
{
    if (!name_good(space) || (key != NULL && !name_good(key))) return PORT_EINVAL;
    if (key != NULL) return find(space, key) == NULL ? PORT_OK : append(KIND_REMOVE_KEY, space, key, NULL, 0);
    for (size_t i = 0; i < entry_count; i++) {
        if (strcmp(entries[i].space, space) == 0) return append(KIND_REMOVE_SPACE, space, "", NULL, 0);
    }
    return PORT_OK;
}
