// The two bundle slots in flash: headers, marks, and taking a new bundle in; bytes as docs/WIRE.md says. No engine in here.
#ifndef HEARTH_SLOTS_H
#define HEARTH_SLOTS_H

#include "port.h"

enum {
    BUNDLE_SLOTS = 2, // PORT_PART_APP_0 and PORT_PART_APP_1
    BUNDLE_HEADER_SIZE = 256,
    BUNDLE_BODY_OFFSET = PORT_FLASH_SECTOR,
    BUNDLE_OFFSET_SEQUENCE = 244, // in the header
    BUNDLE_OFFSET_CRC = 252,
    BUNDLE_PINS_MAX = 16,
    TRIAL_BOOTS_MAX = 8, // tried marks
};

// Why a bundle was taken back; the value of its mark.
enum slot_why {
    WHY_NONE = 0,
    WHY_CRASH = 1,
    WHY_WATCHDOG = 2,
    WHY_POWER = 3,
    WHY_DEADLINE = 4,
    WHY_RESTART = 5,
    WHY_CONFIG = 6,
    WHY_HAND = 7,
    WHY_IMAGE = 8, // of a firmware: the boot loader did not accept it
};
// "crash" and so on, "" for WHY_NONE and unknown values.
const char *slot_why_name(int why);

struct bundle_header {
    uint32_t length;
    uint8_t sha256[32];
    char profile[17], version[17];
    uint8_t engine_id[8], api_hash[8];
    uint16_t pin_count;
    uint8_t pins[BUNDLE_PINS_MAX][2];
    uint32_t sequence;
};
// Reads and checks everything but the ids and the body. PORT_EBAD when it is not a header of ours or the body could not fit
// into `body_max` bytes.
int bundle_header_parse(const uint8_t bytes[BUNDLE_HEADER_SIZE], uint32_t body_max, struct bundle_header *out);

struct slot_state {
    bool readable;  // the header is one of ours, whatever the rest
    bool valid;     // header, ids and the body's SHA-256 are all right
    bool confirmed;
    uint8_t rejected; // enum slot_why; an unknown or torn value reads as WHY_RESTART
    uint8_t tried;    // number of tried marks that are set
    struct bundle_header header;
};

// Says which bundles this firmware can run. Before anything else.
void slots_start(const uint8_t engine_id[8], const uint8_t api_hash[8]);
// While the firmware is on trial a bundle that only the other firmware can run is not overwritten: it runs again when this one is
// taken back.
void slots_protect(bool firmware_trial);
// Reads one slot, body included (about 10 ms for 60 KB on a chip).
void slot_read(enum port_partition slot, struct slot_state *out);

// Marks. PORT_OK also when the mark is set already.
int slot_mark_tried(enum port_partition slot, int number);
int slot_mark_confirmed(enum port_partition slot);
int slot_mark_rejected(enum port_partition slot, enum slot_why why);

// The bundle that was taken back last: first 8 bytes of its SHA-256; returns why, WHY_NONE if there is none.
int slot_last_rejected(uint8_t hash[8]);

// Taking a bundle in: begin, write..., commit. `running` is the slot that runs or -1 for recovery.
// begin returns the body offset to go on from, PORT_EBAD for a header that is none or does not fit, PORT_ENOTSUP for another
// engine or native API, PORT_EBUSY when it would overwrite what a running trial, of a bundle or of the firmware, falls back to.
int slot_begin(int running, const uint8_t header[BUNDLE_HEADER_SIZE]);
// PORT_EINVAL unless `offset` is where the last write ended and the bytes fit the announced length.
int slot_write(uint32_t offset, const void *bytes, size_t length);
// Erasing ahead, while nothing else is to be done: whether a sector behind what is written is to be erased, at most ERASE_AHEAD_MAX bytes ahead, and
// erasing it (45 ms on a chip). A failure ends what was begun, as one in a write does.
enum { ERASE_AHEAD_MAX = 65536 };
bool slot_erase_due(void);
void slot_erase_ahead(void);
// What is being taken in: length of the body, and how much of it is there. False when nothing is.
struct slot_staged {
    uint32_t length, written;
};
bool slot_staged(struct slot_staged *out);
// Bytes of the body that is being taken in. PORT_EINVAL when they are not there yet.
int slot_read_back(uint32_t from, void *bytes, uint32_t length);
// Bytes of a slot's body, wherever that ends.
int slot_read_body(enum port_partition slot, uint32_t from, void *bytes, uint32_t length);
// Carries out a patch's operations (patch.h) that make the body from `at` on, with copies of the body in slot `running`, which has `running_length`;
// recovery (-1) has none. Returns how much of the body is there then. PORT_EINVAL when nothing was begun or `at` leaves a gap; PORT_EBAD for
// operations that are none: what was made is dropped then.
int slot_patch(int running, uint32_t running_length, uint32_t at, const uint8_t *operations, size_t length);
// Sums of a slot's body, docs/WIRE.md "Blocks": BLOCK_SUM bytes for each whole block from `first` on, as many as there is room for. Returns their bytes;
// 0 for recovery.
enum { BLOCK_BYTES = 512, BLOCK_SUM = 6 };
int slot_blocks(int running, uint32_t running_length, uint32_t first, uint8_t *sums, size_t room);
// Gives up what was begun, so that it is never gone on with; returns `result`.
int slot_drop(int result);
// Verifies the body as flash has it, then writes the header. PORT_EINVAL when nothing was begun, PORT_EBAD when it is not
// what the header said: the staging is dropped then.
int slot_commit(void);

uint32_t crc32_ieee(const void *bytes, size_t length);

#endif
