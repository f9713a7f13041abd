// The firmware slots of a PC: executables in ota_0.bin and ota_1.bin, and otadata.bin with the words of ESP-IDF. The launcher is the boot
// loader (tools/sim/boot_loader.ts); it says which slot this process came from.
#include "host.h"
#include "../embedded.h"

#include <elf.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

enum { OTADATA_SIZE = 2 * PORT_FLASH_SECTOR, ENTRY_SIZE = 32, ENTRY_STATE = 24, ENTRY_CRC = 28, SHA_SIZE = 32 };

static const char *const slot_names[2] = {"ota_0", "ota_1"};
static struct host_nor otadata, other;

struct ota_entry {
    bool good; // a sequence number that is one
    uint32_t sequence;
    int32_t state;
};

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// As the ROM's crc32_le(UINT32_MAX, ...): the register begins with zero.
static uint32_t sequence_crc(uint32_t sequence)
{
    uint32_t crc = sequence;
    for (int i = 0; i < 32; i++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
    return ~crc;
}

static struct ota_entry read_entry(int index)
{
    const uint8_t *bytes = otadata.cells + index * PORT_FLASH_SECTOR;
    struct ota_entry entry = {.sequence = get_u32(bytes), .state = (int32_t)get_u32(bytes + ENTRY_STATE)};
    entry.good = entry.sequence != UINT32_MAX && get_u32(bytes + ENTRY_CRC) == sequence_crc(entry.sequence);
    return entry;
}

static int write_entry(int index, uint32_t sequence, int32_t state)
{
    uint8_t bytes[ENTRY_SIZE];
    memset(bytes, 0xFF, sizeof bytes);
    host_put_u32(bytes, sequence);
    host_put_u32(bytes + ENTRY_STATE, (uint32_t)state);
    host_put_u32(bytes + ENTRY_CRC, sequence_crc(sequence));
    int result = host_nor_erase(&otadata, (uint32_t)index * PORT_FLASH_SECTOR, PORT_FLASH_SECTOR);
    return result < 0 ? result : host_nor_program(&otadata, (uint32_t)index * PORT_FLASH_SECTOR, bytes, sizeof bytes);
}

// The newest entry that speaks of `slot`, -1 when there is none.
static int entry_of(int slot)
{
    int best = -1;
    for (int i = 0; i < 2; i++) {
        struct ota_entry entry = read_entry(i);
        if (!entry.good || (int)((entry.sequence - 1) % 2) != slot) continue;
        if (best < 0 || entry.sequence > read_entry(best).sequence) best = i;
    }
    return best;
}

static int state_of(int slot)
{
    int entry = entry_of(slot);
    return entry < 0 ? PORT_FIRMWARE_UNDEFINED : read_entry(entry).state;
}

int host_firmware_start(void)
{
    if (host_options.firmware_slot < 0) return PORT_OK;
    return host_nor_open(&otadata, "otadata", OTADATA_SIZE);
}

void host_firmware_stop(void)
{
    host_nor_close(&otadata);
    host_nor_close(&other);
}

static const char *other_name(void)
{
    return slot_names[1 - host_options.firmware_slot];
}

// An image that came over a cable is as long as it is; a partition has its whole size.
static bool fill_partition(void)
{
    char file[16], path[1100];
    uint8_t blank[PORT_FLASH_SECTOR];
    snprintf(file, sizeof file, "%s.bin", other_name());
    if (!host_path(path, sizeof path, file)) return false;
    int size = host_file_size(path);
    if (size == PORT_ENOENT || size >= HOST_FIRMWARE_SIZE) return true;
    FILE *partition = size < 0 ? NULL : fopen(path, "ab");
    if (partition == NULL) return false;
    memset(blank, 0xFF, sizeof blank);
    for (size_t left = (size_t)(HOST_FIRMWARE_SIZE - size), part; left > 0; left -= part) {
        part = left < sizeof blank ? left : sizeof blank;
        if (fwrite(blank, 1, part, partition) != part) break;
    }
    return fclose(partition) == 0;
}

struct host_nor *host_firmware_other(void)
{
    if (host_options.firmware_slot < 0) return NULL;
    if (other.cells != NULL) return &other;
    return fill_partition() && host_nor_open(&other, other_name(), HOST_FIRMWARE_SIZE) == PORT_OK ? &other : NULL;
}

// Length of the ELF file that begins at `bytes`, 0 when there is none: its section table is its end.
static uint32_t elf_length(const uint8_t *bytes, uint32_t size)
{
    uint64_t end = 0;
    if (size < sizeof(Elf64_Ehdr) || memcmp(bytes, ELFMAG, SELFMAG) != 0) return 0;
    if (bytes[EI_CLASS] == ELFCLASS64) {
        Elf64_Ehdr header;
        memcpy(&header, bytes, sizeof header);
        end = header.e_shoff + (uint64_t)header.e_shentsize * header.e_shnum;
    } else {
        Elf32_Ehdr header;
        memcpy(&header, bytes, sizeof header);
        end = header.e_shoff + (uint64_t)header.e_shentsize * header.e_shnum;
    }
    return end >= sizeof(Elf64_Ehdr) && end <= size - SHA_SIZE ? (uint32_t)end : 0;
}

// Fills `slot` from the image at `bytes`; NULL bytes: there is none. Returns the descriptor in it, or NULL.
static const struct firmware_descriptor *describe(const uint8_t *bytes, uint32_t size, struct port_firmware_slot *slot)
{
    const size_t magic_size = sizeof embedded_descriptor.magic;
    uint32_t length = bytes == NULL ? 0 : elf_length(bytes, size);
    memset(slot, 0, sizeof *slot);
    if (length == 0) return NULL;
    memcpy(slot->hash, bytes + length, sizeof slot->hash);
    const uint8_t *at = bytes, *end = bytes + length;
    while ((at = memmem(at, (size_t)(end - at), embedded_descriptor.magic, magic_size)) != NULL) {
        const struct firmware_descriptor *found = (const void *)at;
        if ((size_t)(end - at) < sizeof *found) return NULL;
        if (memchr(found->machine, '\0', sizeof found->machine) && memchr(found->version, '\0', sizeof found->version)) {
            memcpy(slot->version, found->version, sizeof found->version);
            return found;
        }
        at += magic_size;
    }
    return NULL;
}

// Read alone: Linux refuses to open a running program for writing, and no slot is made by looking at it.
static void describe_slot(int number, struct port_firmware_slot *slot)
{
    struct host_nor image = {0};
    (void)host_nor_view(&image, slot_names[number]);
    (void)describe(image.cells, image.size, slot);
    host_nor_close(&image);
    slot->state = state_of(number);
}

int port_firmware_info(struct port_firmware_info *out)
{
    if (host_options.firmware_slot < 0) return PORT_ENOTSUP;
    out->slot = host_options.firmware_slot;
    describe_slot(out->slot, &out->running);
    describe_slot(1 - out->slot, &out->other);
    return PORT_OK;
}

static bool image_is_ours(void)
{
    struct port_firmware_slot slot;
    struct host_nor image = {0};
    uint8_t sum[SHA_SIZE];
    size_t sum_length;
    (void)host_nor_view(&image, other_name());
    const struct firmware_descriptor *found = describe(image.cells, image.size, &slot);
    bool good = found != NULL && strcmp(found->machine, embedded_descriptor.machine) == 0;
    if (good) {
        uint32_t length = elf_length(image.cells, image.size);
        good = psa_hash_compute(PSA_ALG_SHA_256, image.cells, length, sum, sizeof sum, &sum_length) == PSA_SUCCESS &&
               memcmp(sum, image.cells + length, sizeof sum) == 0;
    }
    host_nor_close(&image);
    return good;
}

int port_firmware_activate(void)
{
    if (host_options.firmware_slot < 0) return PORT_ENOTSUP;
    if (state_of(host_options.firmware_slot) == PORT_FIRMWARE_PENDING) return PORT_EBUSY;
    if (!image_is_ours()) return PORT_EBAD;
    // The next number that stands for the other slot, in the sector that does not hold the running one's entry.
    int mine = entry_of(host_options.firmware_slot);
    uint32_t sequence = mine < 0 ? 0 : read_entry(mine).sequence;
    do sequence++;
    while ((int)((sequence - 1) % 2) == host_options.firmware_slot);
    return write_entry(mine == 0 ? 1 : 0, sequence, PORT_FIRMWARE_NEW);
}

int port_firmware_confirm(void)
{
    if (host_options.firmware_slot < 0) return PORT_ENOTSUP;
    int mine = entry_of(host_options.firmware_slot);
    if (mine < 0 || read_entry(mine).state == PORT_FIRMWARE_VALID) return PORT_OK;
    return write_entry(mine, read_entry(mine).sequence, PORT_FIRMWARE_VALID);
}

int port_firmware_reject(void)
{
    struct port_firmware_slot slot;
    if (host_options.firmware_slot < 0) return PORT_ENOTSUP;
    int mine = entry_of(host_options.firmware_slot), state = state_of(1 - host_options.firmware_slot);
    bool bootable = state == PORT_FIRMWARE_VALID || state == PORT_FIRMWARE_UNDEFINED;
    describe_slot(1 - host_options.firmware_slot, &slot);
    if (mine < 0 || !bootable || slot.version[0] == '\0') return PORT_ENOENT;
    int result = write_entry(mine, read_entry(mine).sequence, PORT_FIRMWARE_INVALID);
    if (result < 0) return result;
    port_restart();
}
