// The image grows in the firmware slot that does not run, is verified as flash has it, and is noted in NVS so that the firmware that
// comes back can tell what became of it.
#include "firmware.h"
#include "digest.h"
#include "little_endian.h"

#include <string.h>

enum {
    UNIT = 32,           // the write unit of an encrypted flash
    PROGRESS = 64 << 10, // between two notes of how far it is
    PUT_SIZE = 41,
};

// NVS. `put`: size(4) progress(4) sha256(32) slot(1) of what is being taken in; `try`: hash(8) of the committed image until it is permanent;
// `back`: hash(8) why(1) of the one that was taken back.
static const char space[] = "firmware", key_put[] = "put", key_try[] = "try", key_back[] = "back";

static struct {
    bool active;
    uint32_t size;
    uint32_t written; // bytes taken, those of `tail` included
    uint32_t erased;  // up to where sectors are entered or erased ahead
    uint32_t noted;   // progress in NVS
    uint8_t slot;
    uint8_t sha256[32];
    uint8_t tail[UNIT];
    uint32_t tail_length;
} staging;

static int note_progress(uint32_t progress)
{
    uint8_t note[PUT_SIZE];
    put_u32(note, staging.size);
    put_u32(note + 4, progress);
    memcpy(note + 8, staging.sha256, 32);
    note[40] = staging.slot;
    staging.noted = progress;
    return port_nvs_set(space, key_put, note, sizeof note);
}

int firmware_begin(uint32_t size, const uint8_t sha256[32])
{
    struct port_firmware_info info;
    uint8_t note[PUT_SIZE];
    int result = port_firmware_info(&info);
    if (result < 0) return result;
    if (info.running.state == PORT_FIRMWARE_PENDING) return PORT_EBUSY;
    if (size == 0) return PORT_EINVAL;
    if ((int64_t)size > port_flash_size(PORT_PART_FIRMWARE)) return PORT_EFULL;
    bool same = staging.size == size && memcmp(staging.sha256, sha256, 32) == 0;
    if (staging.active && same) return (int)staging.written;
    memset(&staging, 0, sizeof staging);
    staging.size = size;
    memcpy(staging.sha256, sha256, 32);
    staging.slot = (uint8_t)(1 - info.slot);
    // The note of a put into what runs now says nothing of the other slot.
    bool begun = port_nvs_get(space, key_put, note, sizeof note) == PUT_SIZE && get_u32(note) == size &&
                 memcmp(note + 8, sha256, 32) == 0 && note[40] == staging.slot && get_u32(note + 4) <= size;
    if (begun) staging.written = staging.erased = staging.noted = get_u32(note + 4);
    else result = note_progress(0);
    staging.active = result >= 0;
    return result < 0 ? result : (int)staging.written;
}

static int erase_next(void)
{
    int result = port_flash_erase(PORT_PART_FIRMWARE, staging.erased, PORT_FLASH_SECTOR);
    if (result >= 0) staging.erased += PORT_FLASH_SECTOR;
    return result;
}

bool firmware_erase_due(void)
{
    return staging.active && staging.erased < staging.size && staging.erased < staging.written + ERASE_AHEAD_MAX;
}

void firmware_erase_ahead(void)
{
    if (erase_next() < 0) staging.active = false; // as when it fails in a write
}

// Writes whole units at `offset`, erasing each sector when it is entered unless that is done.
static int program(uint32_t offset, const uint8_t *bytes, uint32_t length)
{
    while (length > 0) {
        uint32_t in_sector = offset % PORT_FLASH_SECTOR;
        uint32_t part = PORT_FLASH_SECTOR - in_sector < length ? PORT_FLASH_SECTOR - in_sector : length;
        int result = offset >= staging.erased ? erase_next() : PORT_OK;
        if (result >= 0) result = port_flash_write(PORT_PART_FIRMWARE, offset, bytes, part);
        if (result < 0) return result;
        offset += part;
        bytes += part;
        length -= part;
    }
    return PORT_OK;
}

int firmware_write(uint32_t offset, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    if (!staging.active || offset != staging.written || length > staging.size - staging.written) return PORT_EINVAL;
    int result = PORT_OK;
    while (length > 0 && result >= 0) {
        uint32_t at = staging.written - staging.tail_length, part = (uint32_t)length;
        if (staging.tail_length > 0 || length < UNIT) {
            if (part > UNIT - staging.tail_length) part = UNIT - staging.tail_length;
            memcpy(staging.tail + staging.tail_length, p, part);
            staging.tail_length += part;
            if (staging.tail_length == UNIT) {
                result = program(at, staging.tail, UNIT);
                staging.tail_length = 0;
            }
        } else {
            part &= ~(uint32_t)(UNIT - 1);
            result = program(at, p, part);
        }
        staging.written += part;
        p += part;
        length -= part;
    }
    uint32_t in_flash = (staging.written - staging.tail_length) / PROGRESS * PROGRESS;
    if (result >= 0 && in_flash > staging.noted) result = note_progress(in_flash);
    if (result < 0) staging.active = false; // begin again: what is in flash is not known
    return result;
}

// Makes sure that what is there is never gone on with.
static int drop_staging(int result)
{
    staging.active = false;
    (void)port_nvs_remove(space, key_put);
    return result;
}

int firmware_commit(void)
{
    struct port_firmware_info info;
    uint8_t sum[32];
    if (!staging.active || staging.written != staging.size) return PORT_EINVAL;
    int result = PORT_OK;
    if (staging.tail_length > 0) {
        memset(staging.tail + staging.tail_length, 0xFF, UNIT - staging.tail_length);
        result = program(staging.written - staging.tail_length, staging.tail, UNIT);
        staging.tail_length = 0;
    }
    if (result >= 0) result = digest_flash(PORT_PART_FIRMWARE, 0, staging.size, sum);
    if (result >= 0 && memcmp(sum, staging.sha256, sizeof sum) != 0) result = PORT_EBAD;
    if (result >= 0) result = port_firmware_info(&info);
    // Before the boot loader is told: a firmware that was tried must be known to whoever comes after it.
    if (result >= 0) result = port_nvs_set(space, key_try, info.other.hash, sizeof info.other.hash);
    if (result < 0) return drop_staging(result);
    result = port_firmware_activate();
    if (result < 0) {
        (void)port_nvs_remove(space, key_try);
        return drop_staging(result);
    }
    (void)port_nvs_remove(space, key_back);
    return drop_staging(PORT_OK);
}

int firmware_confirm(void)
{
    int result = port_firmware_confirm();
    if (result == PORT_ENOTSUP) return PORT_OK;
    // If the note stays, the next boot sees that the firmware is permanent.
    if (result >= 0) (void)port_nvs_remove(space, key_try);
    return result;
}

static void note_back(const uint8_t hash[8], enum slot_why why)
{
    uint8_t note[9];
    memcpy(note, hash, 8);
    note[8] = (uint8_t)why;
    // Failing costs no more than the reason's text in a later report.
    (void)port_nvs_set(space, key_back, note, sizeof note);
    (void)port_nvs_remove(space, key_try);
}

bool firmware_boot(enum port_reset reset, enum boot_end end, enum slot_why *back)
{
    struct port_firmware_info info;
    uint8_t tried[8];
    *back = WHY_NONE;
    staging.active = false;
    if (port_firmware_info(&info) < 0) return false;
    bool trial = info.running.state == PORT_FIRMWARE_PENDING;
    if (port_nvs_get(space, key_try, tried, sizeof tried) != (int)sizeof tried) return trial;
    if (memcmp(tried, info.running.hash, sizeof tried) == 0) {
        if (!trial) (void)port_nvs_remove(space, key_try);
        return trial;
    }
    *back = boot_trial_end(reset, end);
    if (info.other.state == PORT_FIRMWARE_PENDING) *back = WHY_IMAGE; // the boot loader wanted to start it and could not
    if (*back == WHY_NONE) *back = WHY_RESTART;
    note_back(tried, *back);
    return trial;
}

bool firmware_is_due(void)
{
    struct port_firmware_info info;
    uint8_t tried[8];
    if (port_firmware_info(&info) < 0) return false;
    return info.running.state == PORT_FIRMWARE_PENDING || port_nvs_get(space, key_try, tried, sizeof tried) == (int)sizeof tried;
}

void firmware_reject(enum slot_why why)
{
    struct port_firmware_info info;
    if (port_firmware_info(&info) < 0) return;
    note_back(info.running.hash, why);
    (void)port_firmware_reject();
}

int firmware_last_rejected(uint8_t hash[8])
{
    uint8_t note[9];
    if (port_nvs_get(space, key_back, note, sizeof note) != (int)sizeof note) return WHY_NONE;
    memcpy(hash, note, 8);
    return note[8];
}
