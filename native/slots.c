// Bundle slots over port.h's flash: choosing is boot.c's, running is vm.c's. Every state that a power cut can leave is read as
// "no bundle here" or as a mark that is set; nothing is ever repaired in place.
#include "slots.h"
#include "digest.h"
#include "little_endian.h"

#include <psa/crypto.h>
#include <string.h>

enum {
    MARK_SIZE = 32, // the write unit of an encrypted flash
    MARK_BEGUN = 256,
    MARK_PROGRESS = 288, // 7 marks: an eighth of the body each
    PROGRESS_COUNT = 7,
    MARK_TRIED = 512,
    MARK_CONFIRMED = 768,
    MARK_REJECTED = 800,
    VALUE_PROGRESS = 0,
    VALUE_TRIED = 0,
    VALUE_CONFIRMED = 0x434F4E46,
};

static const char *const why_names[] = {"", "crash", "watchdog", "power", "deadline", "restart", "config", "hand", "image"};
static const char nvs_space[] = "hearth", nvs_rejected[] = "rejected";

static uint8_t our_engine_id[8], our_api_hash[8];
static bool firmware_on_trial;

static struct {
    bool active;
    enum port_partition slot;
    uint8_t header[BUNDLE_HEADER_SIZE];
    uint32_t length;  // of the body
    uint32_t written; // body bytes taken, those of `tail` included
    uint32_t erased;  // body bytes up to which sectors are entered or erased ahead
    uint8_t tail[MARK_SIZE];
    uint32_t tail_length;
    int progress; // progress marks set
} staging;

const char *slot_why_name(int why)
{
    return why >= 0 && why < (int)(sizeof why_names / sizeof why_names[0]) ? why_names[why] : "";
}

void slots_start(const uint8_t engine_id[8], const uint8_t api_hash[8])
{
    memcpy(our_engine_id, engine_id, 8);
    memcpy(our_api_hash, api_hash, 8);
    staging.active = false;
}

void slots_protect(bool firmware_trial)
{
    firmware_on_trial = firmware_trial;
}

static uint32_t body_max(enum port_partition slot)
{
    int size = port_flash_size(slot);
    return size > BUNDLE_BODY_OFFSET ? (uint32_t)size - BUNDLE_BODY_OFFSET : 0;
}

static bool fits_firmware(const struct bundle_header *header)
{
    return memcmp(header->engine_id, our_engine_id, 8) == 0 && memcmp(header->api_hash, our_api_hash, 8) == 0;
}

static bool body_matches(enum port_partition slot, uint32_t length, const uint8_t sha256[32])
{
    uint8_t sum[32];
    return digest_flash(slot, BUNDLE_BODY_OFFSET, length, sum) >= 0 && memcmp(sum, sha256, 32) == 0;
}

// True when set; a slot that cannot be read is one without marks.
static bool mark_is_set(enum port_partition slot, uint32_t offset, uint32_t *value)
{
    uint8_t word[4];
    if (port_flash_read(slot, offset, word, sizeof word) < 0) return false;
    *value = get_u32(word);
    return *value != UINT32_MAX;
}

static int set_mark(enum port_partition slot, uint32_t offset, uint32_t value)
{
    uint32_t old;
    uint8_t mark[MARK_SIZE];
    if (mark_is_set(slot, offset, &old)) return PORT_OK;
    memset(mark, 0xFF, sizeof mark);
    put_u32(mark, value);
    return port_flash_write(slot, offset, mark, sizeof mark);
}

// Header and marks, without the body.
static void read_head(enum port_partition slot, struct slot_state *out)
{
    uint8_t bytes[BUNDLE_HEADER_SIZE];
    uint32_t value;
    memset(out, 0, sizeof *out);
    if (port_flash_read(slot, 0, bytes, sizeof bytes) < 0) return;
    out->readable = bundle_header_parse(bytes, body_max(slot), &out->header) == PORT_OK;
    if (!out->readable) return;
    while (out->tried < TRIAL_BOOTS_MAX && mark_is_set(slot, MARK_TRIED + MARK_SIZE * out->tried, &value)) out->tried++;
    out->confirmed = mark_is_set(slot, MARK_CONFIRMED, &value);
    if (mark_is_set(slot, MARK_REJECTED, &value)) {
        out->rejected = value >= WHY_CRASH && value <= WHY_HAND ? (uint8_t)value : WHY_RESTART;
    }
}

void slot_read(enum port_partition slot, struct slot_state *out)
{
    read_head(slot, out);
    out->valid = out->readable && fits_firmware(&out->header) &&
                 body_matches(slot, out->header.length, out->header.sha256);
}

int slot_mark_tried(enum port_partition slot, int number)
{
    if (number < 0 || number >= TRIAL_BOOTS_MAX) return PORT_EINVAL;
    return set_mark(slot, MARK_TRIED + MARK_SIZE * (uint32_t)number, VALUE_TRIED);
}

int slot_mark_confirmed(enum port_partition slot)
{
    return set_mark(slot, MARK_CONFIRMED, VALUE_CONFIRMED);
}

int slot_mark_rejected(enum port_partition slot, enum slot_why why)
{
    return set_mark(slot, MARK_REJECTED, (uint32_t)why);
}

int slot_last_rejected(uint8_t hash[8])
{
    struct slot_state state, best = {.rejected = WHY_NONE};
    uint8_t kept[9];
    for (int slot = 0; slot < BUNDLE_SLOTS; slot++) {
        read_head((enum port_partition)slot, &state);
        if (!state.readable || state.rejected == WHY_NONE) continue;
        if (best.rejected == WHY_NONE || state.header.sequence > best.header.sequence) best = state;
    }
    memcpy(hash, best.header.sha256, 8);
    if (best.rejected != WHY_NONE) return best.rejected;
    // Its slot is being overwritten: remembered by slot_begin.
    if (port_nvs_get(nvs_space, nvs_rejected, kept, sizeof kept) != (int)sizeof kept) return WHY_NONE;
    memcpy(hash, kept, 8);
    return kept[8];
}

static void remember_rejected(void)
{
    uint8_t kept[9];
    int why = slot_last_rejected(kept);
    if (why == WHY_NONE) return;
    kept[8] = (uint8_t)why;
    // Failing costs no more than the reason's text in a later report.
    (void)port_nvs_set(nvs_space, nvs_rejected, kept, sizeof kept);
}

// A whole bundle that was not taken back and that this firmware cannot run, but another one could.
static bool is_foreign(const struct slot_state *state, enum port_partition slot)
{
    return state->readable && state->rejected == WHY_NONE && !fits_firmware(&state->header) &&
           body_matches(slot, state->header.length, state->header.sha256);
}

// The slot that recovery is to leave alone: the bundle that the next boot would take if nothing happened, else the newest one of
// another firmware, which may come back; -1 if there is neither.
static int kept_by_recovery(void)
{
    struct slot_state state;
    int best = -1;
    bool best_valid = false;
    uint32_t sequence = 0;
    for (int slot = 0; slot < BUNDLE_SLOTS; slot++) {
        slot_read((enum port_partition)slot, &state);
        bool valid = state.valid && state.rejected == WHY_NONE;
        if (!valid && !is_foreign(&state, (enum port_partition)slot)) continue;
        if (best < 0 || valid > best_valid || (valid == best_valid && state.header.sequence > sequence)) {
            best = slot;
            best_valid = valid;
            sequence = state.header.sequence;
        }
    }
    return best;
}

// Body bytes that are certainly in flash after `marks` progress marks: whole sectors.
static uint32_t progress_offset(uint32_t length, int marks)
{
    return (uint32_t)((uint64_t)length * (uint32_t)marks / (PROGRESS_COUNT + 1)) & ~(uint32_t)(PORT_FLASH_SECTOR - 1);
}

static bool begun_before(enum port_partition slot, const uint8_t sum[32])
{
    uint8_t header[BUNDLE_HEADER_SIZE], record[MARK_SIZE];
    if (port_flash_read(slot, 0, header, sizeof header) < 0) return false;
    for (size_t i = 0; i < sizeof header; i++) {
        if (header[i] != 0xFF) return false; // a torn header: the sector must be erased before another can be written
    }
    return port_flash_read(slot, MARK_BEGUN, record, sizeof record) >= 0 && memcmp(record, sum, sizeof record) == 0;
}

int slot_begin(int running, const uint8_t header[BUNDLE_HEADER_SIZE])
{
    struct bundle_header fields;
    struct slot_state state;
    uint8_t sum[32];
    size_t sum_length;
    uint32_t value;
    int keep = running >= 0 ? running : kept_by_recovery();
    enum port_partition slot = keep == PORT_PART_APP_0 ? PORT_PART_APP_1 : PORT_PART_APP_0;
    int result = bundle_header_parse(header, body_max(slot), &fields);
    if (result < 0) return result;
    if (!fits_firmware(&fields)) return PORT_ENOTSUP;
    if (staging.active && staging.slot == slot && memcmp(staging.header, header, BUNDLE_HEADER_SIZE) == 0) {
        return (int)staging.written;
    }
    if (running >= 0) {
        read_head((enum port_partition)running, &state);
        bool trial = !state.confirmed;
        slot_read(slot, &state);
        if (trial && state.valid && state.rejected == WHY_NONE) return PORT_EBUSY;
        if (firmware_on_trial && is_foreign(&state, slot)) return PORT_EBUSY;
    }
    if (psa_hash_compute(PSA_ALG_SHA_256, header, BUNDLE_HEADER_SIZE, sum, sizeof sum, &sum_length) != PSA_SUCCESS) {
        return PORT_EIO;
    }
    staging.active = false;
    staging.progress = 0;
    if (begun_before(slot, sum)) {
        while (staging.progress < PROGRESS_COUNT &&
               mark_is_set(slot, MARK_PROGRESS + MARK_SIZE * (uint32_t)staging.progress, &value)) {
            staging.progress++;
        }
    } else {
        remember_rejected();
        result = port_flash_erase(slot, 0, PORT_FLASH_SECTOR);
        if (result >= 0) result = port_flash_write(slot, MARK_BEGUN, sum, sizeof sum);
        if (result < 0) return result;
    }
    staging.slot = slot;
    memcpy(staging.header, header, BUNDLE_HEADER_SIZE);
    staging.length = fields.length;
    staging.written = staging.erased = progress_offset(fields.length, staging.progress);
    staging.tail_length = 0;
    staging.active = true;
    return (int)staging.written;
}

static int erase_next(void)
{
    int result = port_flash_erase(staging.slot, BUNDLE_BODY_OFFSET + staging.erased, PORT_FLASH_SECTOR);
    if (result >= 0) staging.erased += PORT_FLASH_SECTOR;
    return result;
}

bool slot_erase_due(void)
{
    return staging.active && staging.erased < staging.length && staging.erased < staging.written + ERASE_AHEAD_MAX;
}

void slot_erase_ahead(void)
{
    if (erase_next() < 0) staging.active = false; // as when it fails in a write
}

// Writes whole units of body bytes at `offset`, erasing each sector when it is entered unless that is done.
static int program(uint32_t offset, const uint8_t *bytes, uint32_t length)
{
    while (length > 0) {
        uint32_t in_sector = offset % PORT_FLASH_SECTOR;
        uint32_t part = PORT_FLASH_SECTOR - in_sector < length ? PORT_FLASH_SECTOR - in_sector : length;
        if (offset >= staging.erased) {
            int result = erase_next();
            if (result < 0) return result;
        }
        int result = port_flash_write(staging.slot, BUNDLE_BODY_OFFSET + offset, bytes, part);
        if (result < 0) return result;
        offset += part;
        bytes += part;
        length -= part;
    }
    return PORT_OK;
}

// What is in flash for good is marked, so that a restart need not begin anew.
static int mark_progress(uint32_t in_flash)
{
    while (staging.progress < PROGRESS_COUNT) {
        uint32_t next = progress_offset(staging.length, staging.progress + 1);
        if (in_flash < next) break;
        int result = set_mark(staging.slot, MARK_PROGRESS + MARK_SIZE * (uint32_t)staging.progress, VALUE_PROGRESS);
        if (result < 0) return result;
        staging.progress++;
    }
    return PORT_OK;
}

int slot_write(uint32_t offset, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    if (!staging.active || offset != staging.written || length > staging.length - staging.written) return PORT_EINVAL;
    int result = PORT_OK;
    uint32_t left = (uint32_t)length;
    while (left > 0 && result >= 0) {
        uint32_t at = staging.written - staging.tail_length; // a multiple of the unit
        if (staging.tail_length > 0 || left < MARK_SIZE) {
            uint32_t part = MARK_SIZE - staging.tail_length < left ? MARK_SIZE - staging.tail_length : left;
            memcpy(staging.tail + staging.tail_length, p, part);
            staging.tail_length += part;
            staging.written += part;
            p += part;
            left -= part;
            if (staging.tail_length < MARK_SIZE) break;
            result = program(at, staging.tail, MARK_SIZE);
            staging.tail_length = 0;
        } else {
            uint32_t part = left & ~(uint32_t)(MARK_SIZE - 1);
            result = program(at, p, part);
            staging.written += part;
            p += part;
            left -= part;
        }
    }
    if (result >= 0) result = mark_progress(staging.written - staging.tail_length);
    if (result < 0) staging.active = false; // begin again: what is in flash is not known
    return result;
}

bool slot_staged(struct slot_staged *out)
{
    *out = (struct slot_staged){staging.length, staging.written};
    return staging.active;
}

int slot_read_back(uint32_t from, void *bytes, uint32_t length)
{
    uint8_t *out = bytes;
    uint32_t in_flash = staging.written - staging.tail_length;
    if (!staging.active || from > staging.written || length > staging.written - from) return PORT_EINVAL;
    uint32_t part = from >= in_flash ? 0 : in_flash - from < length ? in_flash - from : length;
    int result = slot_read_body(staging.slot, from, out, part);
    if (part < length) memcpy(out + part, staging.tail + (from + part - in_flash), length - part);
    return result;
}

int slot_read_body(enum port_partition slot, uint32_t from, void *bytes, uint32_t length)
{
    // Mapped, a few bytes cost no call of the flash driver.
    const uint8_t *map = port_flash_map(slot);
    if (map == NULL) return port_flash_read(slot, BUNDLE_BODY_OFFSET + from, bytes, length);
    memcpy(bytes, map + BUNDLE_BODY_OFFSET + from, length);
    return PORT_OK;
}

// Failing leaves a staging that does not verify again.
int slot_drop(int result)
{
    staging.active = false;
    (void)port_flash_erase(staging.slot, 0, PORT_FLASH_SECTOR);
    return result;
}

int slot_commit(void)
{
    struct slot_state other;
    uint8_t check[BUNDLE_HEADER_SIZE];
    if (!staging.active || staging.written != staging.length) return PORT_EINVAL;
    if (staging.tail_length > 0) {
        uint32_t at = staging.written - staging.tail_length;
        memset(staging.tail + staging.tail_length, 0xFF, MARK_SIZE - staging.tail_length);
        int result = program(at, staging.tail, MARK_SIZE);
        if (result < 0) return slot_drop(result);
        staging.tail_length = 0;
    }
    if (!body_matches(staging.slot, staging.length, staging.header + 16)) return slot_drop(PORT_EBAD);
    read_head(staging.slot == PORT_PART_APP_0 ? PORT_PART_APP_1 : PORT_PART_APP_0, &other);
    put_u32(staging.header + BUNDLE_OFFSET_SEQUENCE, (other.readable ? other.header.sequence : 0) + 1);
    put_u32(staging.header + BUNDLE_OFFSET_CRC, crc32_ieee(staging.header, BUNDLE_OFFSET_CRC));
    int result = port_flash_write(staging.slot, 0, staging.header, BUNDLE_HEADER_SIZE);
    if (result < 0) return slot_drop(result);
    result = port_flash_read(staging.slot, 0, check, sizeof check);
    if (result < 0 || memcmp(check, staging.header, sizeof check) != 0) return slot_drop(PORT_EIO);
    staging.active = false;
    (void)port_nvs_remove(nvs_space, nvs_rejected);
    return PORT_OK;
}
