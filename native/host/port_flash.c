// Flash partitions in files that behave as NOR: an erase sets bits, a program only clears them, a power cut tears either.
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// As in partitions.csv for a 4 MB chip; a file of another size in the flash folder counts as it is.
enum { APP_SIZE = 192 * 1024, PARTITION_MAX = 16 << 20 };

enum { APP_COUNT = 2 };
static struct host_nor partitions[APP_COUNT];
static const uint8_t *read_only[APP_COUNT];

static bool make_blank(const char *path, uint32_t size)
{
    // Made beside and renamed, so that a process killed here leaves no short partition.
    char temporary[1100];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) return false;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return false;
    uint8_t blank[PORT_FLASH_SECTOR];
    memset(blank, 0xFF, sizeof blank);
    bool good = true;
    for (uint32_t at = 0; at < size && good; at += sizeof blank) {
        good = write(fd, blank, sizeof blank) == (ssize_t)sizeof blank;
    }
    close(fd);
    return good && rename(temporary, path) == 0;
}

static void *map_file(const char *name, uint32_t *size, int protection)
{
    char file[64], path[1024];
    snprintf(file, sizeof file, "%s.bin", name);
    if (!host_path(path, sizeof path, file)) return NULL;
    int found = host_file_size(path);
    if (found == PORT_ENOENT && make_blank(path, *size)) found = host_file_size(path);
    if (found <= 0 || found > PARTITION_MAX || found % PORT_FLASH_SECTOR != 0) return NULL;
    *size = (uint32_t)found;
    int fd = open(path, O_RDWR);
    if (fd < 0) return NULL;
    void *cells = mmap(NULL, *size, protection, MAP_SHARED, fd, 0);
    close(fd);
    return cells == MAP_FAILED ? NULL : cells;
}

int host_nor_open(struct host_nor *nor, const char *name, uint32_t default_size)
{
    nor->name = name;
    nor->size = default_size;
    nor->cells = map_file(name, &nor->size, PROT_READ | PROT_WRITE);
    return nor->cells == NULL ? PORT_EIO : PORT_OK;
}

int host_nor_view(struct host_nor *nor, const char *name)
{
    char file[64], path[1024];
    snprintf(file, sizeof file, "%s.bin", name);
    if (!host_path(path, sizeof path, file)) return PORT_EIO;
    int fd = open(path, O_RDONLY);
    if (fd < 0) return PORT_ENOENT;
    off_t size = lseek(fd, 0, SEEK_END);
    bool fits = size > 0 && size <= PARTITION_MAX;
    void *cells = fits ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (cells == MAP_FAILED) return PORT_EIO;
    *nor = (struct host_nor){name, cells, (uint32_t)size};
    return PORT_OK;
}

void host_nor_close(struct host_nor *nor)
{
    if (nor->cells != NULL) munmap(nor->cells, nor->size);
    nor->cells = NULL;
}

static bool in_range(const struct host_nor *nor, uint32_t offset, uint32_t length, uint32_t unit)
{
    return nor->cells != NULL && offset % unit == 0 && length % unit == 0 && offset <= nor->size &&
           length <= nor->size - offset;
}

// Datasheet W25Q32JV, AC characteristics, typical: sector erase 45 ms, page program 0.7 ms for 256 bytes.
enum { ERASE_US = 45000, PAGE_US = 700, PAGE = 256 };

static void take(uint32_t us)
{
    if (!host_options.flash_times) return;
    struct timespec time = {us / 1000000, (long)(us % 1000000) * 1000};
    while (nanosleep(&time, &time) != 0) {
    }
}

// Erasing moves all cells at once, some faster: a cut leaves a sector that is untouched, mixed, or nearly blank.
static void tear_erase(uint8_t *sector)
{
    uint32_t way = (uint32_t)(host_cut_random() % 4);
    for (uint32_t i = 0; i < PORT_FLASH_SECTOR; i++) {
        uint8_t set = 0;
        if (way == 1) set = (uint8_t)host_cut_random();
        else if (way == 2) set = (uint8_t)(host_cut_random() | host_cut_random() | host_cut_random());
        else if (way == 3) set = 0xFF;
        sector[i] |= set;
    }
}

int host_nor_erase(struct host_nor *nor, uint32_t offset, uint32_t length)
{
    if (!in_range(nor, offset, length, PORT_FLASH_SECTOR)) return PORT_EINVAL;
    for (uint32_t at = offset; at < offset + length; at += PORT_FLASH_SECTOR) {
        if (host_cut_due(HOST_CUT_ERASE)) {
            tear_erase(nor->cells + at);
            host_cut_now();
        }
        memset(nor->cells + at, 0xFF, PORT_FLASH_SECTOR);
        take(ERASE_US);
    }
    return PORT_OK;
}

static void tear_program(uint8_t *cells, const uint8_t *data, uint32_t length)
{
    uint32_t whole = (uint32_t)(host_cut_random() % (length / 4 + 1)) * 4;
    memcpy(cells, data, whole);
    if (whole == length) return;
    uint32_t random = (uint32_t)host_cut_random();
    for (uint32_t i = 0; i < 4; i++) {
        cells[whole + i] &= (uint8_t)(data[whole + i] | random >> (8 * i));
    }
}

int host_nor_program(struct host_nor *nor, uint32_t offset, const void *data, uint32_t length)
{
    if (!in_range(nor, offset, length, 4)) return PORT_EINVAL;
    const uint8_t *bytes = data;
    for (uint32_t i = 0; i < length; i++) {
        uint8_t cell = nor->cells[offset + i];
        if ((bytes[i] & (uint8_t)~cell) != 0) {
            // On a chip this would silently store the AND of both: always a fault of the firmware.
            host_logf("FLASH FAULT: %s at %u holds %02x and cannot take %02x without an erase", nor->name,
                      (unsigned)(offset + i), cell, bytes[i]);
            return PORT_EINVAL;
        }
    }
    if (length == 0) return PORT_OK;
    if (host_cut_due(HOST_CUT_PROGRAM)) {
        tear_program(nor->cells + offset, bytes, length);
        host_cut_now();
    }
    memcpy(nor->cells + offset, bytes, length);
    take(PAGE_US * ((offset % PAGE + length + PAGE - 1) / PAGE));
    return PORT_OK;
}

int host_flash_start(void)
{
    static const char *const names[APP_COUNT] = {"app_0", "app_1"};
    for (int i = 0; i < APP_COUNT; i++) {
        if (host_nor_open(&partitions[i], names[i], APP_SIZE) != PORT_OK) return PORT_EIO;
    }
    return PORT_OK;
}

void host_flash_stop(void)
{
    for (int i = 0; i < APP_COUNT; i++) {
        if (read_only[i] != NULL) munmap((void *)(uintptr_t)read_only[i], partitions[i].size);
        read_only[i] = NULL;
        host_nor_close(&partitions[i]);
    }
}

static struct host_nor *partition(enum port_partition part)
{
    if (part == PORT_PART_FIRMWARE) return host_firmware_other();
    if ((unsigned)part >= APP_COUNT || partitions[part].cells == NULL) return NULL;
    return &partitions[part];
}

int port_flash_size(enum port_partition part)
{
    if (part == PORT_PART_FIRMWARE) return host_options.firmware_slot < 0 ? PORT_ENOENT : HOST_FIRMWARE_SIZE;
    struct host_nor *nor = partition(part);
    return nor == NULL ? PORT_ENOENT : (int)nor->size;
}

int port_flash_erase(enum port_partition part, uint32_t offset, uint32_t length)
{
    struct host_nor *nor = partition(part);
    return nor == NULL ? PORT_ENOENT : host_nor_erase(nor, offset, length);
}

int port_flash_write(enum port_partition part, uint32_t offset, const void *data, uint32_t length)
{
    struct host_nor *nor = partition(part);
    return nor == NULL ? PORT_ENOENT : host_nor_program(nor, offset, data, length);
}

int port_flash_read(enum port_partition part, uint32_t offset, void *data, uint32_t length)
{
    struct host_nor *nor = partition(part);
    if (nor == NULL) return PORT_ENOENT;
    if (!in_range(nor, offset, length, 1)) return PORT_EINVAL;
    if (length > 0) memcpy(data, nor->cells + offset, length);
    return PORT_OK;
}

const uint8_t *port_flash_map(enum port_partition part)
{
    struct host_nor *nor = part == PORT_PART_FIRMWARE ? NULL : partition(part);
    if (nor == NULL) return NULL;
    // A mapping of its own, so that a stray write of the engine faults here as it does on a chip.
    if (read_only[part] == NULL) read_only[part] = map_file(nor->name, &nor->size, PROT_READ);
    return read_only[part];
}
