// A machine of flash, NVS, files and firmware slots only, with NOR rules that end a test when they are broken, and with faults and power cuts at any operation.
#include "native_test.h"

#include <string.h>

struct fake fake;

enum { FILES_MAX = 4, FILE_MAX = 2048, VALUES_MAX = 8 };

static struct value {
    char name[2 * PORT_NVS_NAME_MAX + 2];
    uint8_t value[PORT_NVS_VALUE_MAX];
    size_t length;
} values[VALUES_MAX];

static struct file {
    char name[PORT_FILE_NAME_MAX + 1]; // empty: free
    uint8_t bytes[FILE_MAX];
    uint32_t size;
} files[FILES_MAX];

struct fake_copy {
    struct fake fake;
    struct value values[VALUES_MAX];
    struct file files[FILES_MAX];
};

void fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
    memset(fake.cells, 0xFF, sizeof fake.cells);
    memset(values, 0, sizeof values);
    memset(files, 0, sizeof files);
    fake.forbidden = -1;
}

void fake_count(void)
{
    fake.operations = fake.fail_at = fake.cut_at = 0;
}

struct fake_copy *fake_copy(void)
{
    struct fake_copy *copy = malloc(sizeof *copy);
    CHECK(copy != NULL);
    copy->fake = fake;
    memcpy(copy->values, values, sizeof values);
    memcpy(copy->files, files, sizeof files);
    return copy;
}

void fake_put_back(const struct fake_copy *copy)
{
    fake = copy->fake;
    memcpy(values, copy->values, sizeof values);
    memcpy(files, copy->files, sizeof files);
}

uint64_t fake_random(void)
{
    fake.seed = fake.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return fake.seed >> 16;
}

// Counts an operation; true when it is to fail.
static bool fails(void)
{
    return ++fake.operations == fake.fail_at;
}

static bool is_cut(void)
{
    return fake.operations == fake.cut_at;
}

static void touch(enum port_partition part, uint32_t offset, uint32_t length)
{
    CHECK((int)part != fake.forbidden);
    CHECK((unsigned)part < PORT_PART_COUNT && offset <= FAKE_SIZE && length <= FAKE_SIZE - offset);
    fake.last_part = part;
    fake.last_offset = offset;
    fake.last_length = length;
}

int port_flash_size(enum port_partition part)
{
    return (unsigned)part < PORT_PART_COUNT ? FAKE_SIZE : PORT_ENOENT;
}

int port_flash_erase(enum port_partition part, uint32_t offset, uint32_t length)
{
    touch(part, offset, length);
    CHECK(offset % PORT_FLASH_SECTOR == 0 && length == PORT_FLASH_SECTOR);
    if (fails()) return PORT_EIO;
    uint8_t *sector = fake.cells[part] + offset;
    if (is_cut()) {
        // Erasing moves all cells at once: none, some, or nearly all have changed.
        uint32_t way = (uint32_t)fake_random() % 3;
        for (uint32_t i = 0; i < length; i++) sector[i] |= way == 0 ? 0 : (uint8_t)(fake_random() | (way == 2 ? fake_random() : 0));
        longjmp(fake.cut, 1);
    }
    memset(sector, 0xFF, length);
    return PORT_OK;
}

int port_flash_write(enum port_partition part, uint32_t offset, const void *data, uint32_t length)
{
    const uint8_t *bytes = data;
    touch(part, offset, length);
    CHECK(offset % 4 == 0 && length % 4 == 0);
    // An encrypted flash is written in whole units of 32 bytes, each once.
    CHECK(offset % 32 == 0 && length % 32 == 0);
    for (uint32_t i = 0; i < length; i++) CHECK((bytes[i] & ~fake.cells[part][offset + i]) == 0);
    if (fails()) return PORT_EIO;
    uint8_t *cells = fake.cells[part] + offset;
    if (is_cut()) {
        uint32_t whole = (uint32_t)(fake_random() % (length / 4 + 1)) * 4;
        memcpy(cells, bytes, whole);
        for (uint32_t i = whole; i < whole + 4 && i < length; i++) cells[i] &= (uint8_t)(bytes[i] | fake_random());
        longjmp(fake.cut, 1);
    }
    memcpy(cells, bytes, length);
    return PORT_OK;
}

int port_flash_read(enum port_partition part, uint32_t offset, void *data, uint32_t length)
{
    CHECK((unsigned)part < PORT_PART_COUNT && offset <= FAKE_SIZE && length <= FAKE_SIZE - offset);
    memcpy(data, fake.cells[part] + offset, length);
    return PORT_OK;
}

const uint8_t *port_flash_map(enum port_partition part)
{
    return fake.unmapped ? NULL : fake.cells[part];
}

static int find(const char *space, const char *key)
{
    char name[sizeof values[0].name];
    int free_place = -1;
    snprintf(name, sizeof name, "%s/%s", space, key);
    for (int i = 0; i < VALUES_MAX; i++) {
        if (strcmp(values[i].name, name) == 0) return i;
        if (values[i].name[0] == '\0') free_place = i;
    }
    return -2 - free_place; // below 0: where it could go
}

int port_nvs_get(const char *space, const char *key, void *buf, size_t capacity)
{
    int at = find(space, key);
    if (at < 0) return PORT_ENOENT;
    memcpy(buf, values[at].value, values[at].length < capacity ? values[at].length : capacity);
    return (int)values[at].length;
}

// The host port's own tests prove that a cut leaves the old value or the new one.
int port_nvs_set(const char *space, const char *key, const void *data, size_t length)
{
    if (fails()) return PORT_EIO;
    if (is_cut() && fake_random() % 2 == 0) longjmp(fake.cut, 1);
    int at = find(space, key);
    if (at < 0) {
        at = -2 - at;
        CHECK(at >= 0);
        snprintf(values[at].name, sizeof values[at].name, "%s/%s", space, key);
    }
    CHECK(length <= PORT_NVS_VALUE_MAX);
    memcpy(values[at].value, data, length);
    values[at].length = length;
    if (is_cut()) longjmp(fake.cut, 1);
    return PORT_OK;
}

int port_nvs_remove(const char *space, const char *key)
{
    if (fails()) return PORT_EIO;
    if (is_cut() && fake_random() % 2 == 0) longjmp(fake.cut, 1);
    int at = find(space, key);
    if (at >= 0) values[at].name[0] = '\0';
    if (is_cut()) longjmp(fake.cut, 1);
    return PORT_OK;
}

// ---------------------------------------------------------------- files; what is written is durable at once

static int file_place(const char *name)
{
    for (int i = 0; i < FILES_MAX; i++) {
        if (strcmp(files[i].name, name) == 0) return i;
    }
    return PORT_ENOENT;
}

int port_file_size(const char *name)
{
    int at = file_place(name);
    return at < 0 ? at : (int)files[at].size;
}

int port_file_read(const char *name, uint32_t offset, void *buf, size_t length)
{
    int at = file_place(name);
    if (at < 0) return at;
    uint32_t left = offset < files[at].size ? files[at].size - offset : 0;
    if (length > left) length = left;
    memcpy(buf, files[at].bytes + offset, length);
    return (int)length;
}

int port_file_write(const char *name, uint32_t offset, const void *data, size_t length)
{
    if (fails()) return PORT_EIO;
    int at = file_place(name);
    if (at < 0) at = file_place("");
    CHECK(at >= 0 && offset <= files[at].size && length <= FILE_MAX - offset);
    if (is_cut()) length = (size_t)(fake_random() % (length + 1));
    snprintf(files[at].name, sizeof files[at].name, "%s", name);
    if (length > 0) memcpy(files[at].bytes + offset, data, length);
    if (offset + length > files[at].size) files[at].size = offset + (uint32_t)length;
    if (is_cut()) longjmp(fake.cut, 1);
    return PORT_OK;
}

int port_file_sync(const char *name)
{
    if (fails()) return PORT_EIO;
    if (is_cut()) longjmp(fake.cut, 1);
    return file_place(name) < 0 ? PORT_ENOENT : PORT_OK;
}

int port_file_remove(const char *name)
{
    int at = file_place(name);
    if (at < 0) return at;
    if (fails()) return PORT_EIO;
    if (is_cut() && fake_random() % 2 == 0) longjmp(fake.cut, 1);
    memset(&files[at], 0, sizeof files[at]);
    if (is_cut()) longjmp(fake.cut, 1);
    return PORT_OK;
}

int port_file_rename(const char *from, const char *to)
{
    int at = file_place(from), old = file_place(to);
    if (at < 0) return at;
    if (fails()) return PORT_EIO;
    if (is_cut() && fake_random() % 2 == 0) longjmp(fake.cut, 1);
    if (old >= 0 && old != at) memset(&files[old], 0, sizeof files[old]);
    snprintf(files[at].name, sizeof files[at].name, "%s", to);
    if (is_cut()) longjmp(fake.cut, 1);
    return PORT_OK;
}

// ---------------------------------------------------------------- firmware slots

int port_firmware_info(struct port_firmware_info *out)
{
    *out = fake.firmware;
    return fake.no_firmware ? PORT_ENOTSUP : PORT_OK;
}

int port_firmware_activate(void)
{
    if (fails()) return PORT_EIO;
    if (is_cut() && fake_random() % 2 == 0) longjmp(fake.cut, 1);
    fake.firmware.other.state = PORT_FIRMWARE_NEW;
    if (is_cut()) longjmp(fake.cut, 1);
    return PORT_OK;
}

int port_firmware_confirm(void)
{
    if (fake.no_firmware) return PORT_ENOTSUP;
    if (fails()) return PORT_EIO;
    fake.firmware.running.state = PORT_FIRMWARE_VALID;
    return PORT_OK;
}

int port_firmware_reject(void)
{
    fake.firmware.running.state = PORT_FIRMWARE_INVALID;
    return PORT_ENOENT; // a restart cannot be played here
}
