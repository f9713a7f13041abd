// Fuzz target: a slot whose first sector holds any bytes (bundle header and marks), and a tool that announces any header.
#include "../native_test.h"
#include "../slots_support.h"

#include <psa/crypto.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static bool is_text(const char *text)
{
    for (size_t i = 0; i < 17; i++) {
        if (text[i] == '\0') return true;
        if (text[i] < 0x20 || text[i] > 0x7E) return false;
    }
    return false;
}

static void look(const uint8_t *data, size_t length, bool sealed)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    struct bundle_header fields;
    struct slot_state state;
    uint8_t hash[8];
    fake_reset();
    slots_start(engine_id, api_hash);
    memcpy(fake.cells[0], data, length);
    if (sealed) seal_header(fake.cells[0]);
    memcpy(header, fake.cells[0], sizeof header);
    int parsed = bundle_header_parse(header, FAKE_SIZE - BUNDLE_BODY_OFFSET, &fields);
    CHECK(parsed == PORT_OK || parsed == PORT_EBAD);
    if (parsed == PORT_OK) {
        CHECK(fields.length >= 1 && fields.length <= FAKE_SIZE - BUNDLE_BODY_OFFSET);
        CHECK(is_text(fields.profile) && is_text(fields.version) && fields.pin_count <= BUNDLE_PINS_MAX);
    }
    slot_read(PORT_PART_APP_0, &state);
    CHECK(state.readable == (parsed == PORT_OK) && (state.readable || !state.valid));
    CHECK(state.tried <= TRIAL_BOOTS_MAX && state.rejected <= WHY_IMAGE);
    CHECK(slot_last_rejected(hash) == (state.readable ? state.rejected : WHY_NONE));
    // Recovery runs: slot 0 is kept if it is good, else the bundle goes there.
    int begun = slot_begin(-1, header);
    CHECK(begun >= 0 || begun == PORT_EBAD || begun == PORT_ENOTSUP);
    CHECK(begun < 0 || parsed == PORT_OK);
    if (begun >= 0) CHECK(slot_write((uint32_t)begun, data, length) <= PORT_OK && slot_commit() <= PORT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static bool ready;
    if (!ready) CHECK(psa_crypto_init() == PSA_SUCCESS);
    ready = true;
    if (length > 1024) length = 1024;
    look(data, length, false);
    look(data, length, true); // past the checksum, which no mutation gets right
    return 0;
}
