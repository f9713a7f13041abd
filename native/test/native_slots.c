// Bundle headers and the marks of a slot: what is refused, and what a torn word counts as.
#include "native_test.h"
#include "slots_support.h"

#include <string.h>

static void header_is_read(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    struct bundle_header fields;
    make_header(header, body_of(1), BODY_LENGTH);
    CHECK(bundle_header_parse(header, BODY_LENGTH, &fields) == PORT_OK);
    CHECK(fields.length == BODY_LENGTH && strcmp(fields.profile, "energy") == 0 && strcmp(fields.version, "1.2.3") == 0);
    CHECK(memcmp(fields.engine_id, engine_id, 8) == 0 && memcmp(fields.api_hash, api_hash, 8) == 0);
    CHECK(fields.pin_count == 1 && fields.pins[0][0] == 25 && fields.pins[0][1] == 0x13 && fields.sequence == 0);
    CHECK(bundle_header_parse(header, BODY_LENGTH - 1, &fields) == PORT_EBAD); // would not fit
}

static void header_bit_flips_are_refused(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    struct bundle_header fields;
    make_header(header, body_of(1), BODY_LENGTH);
    for (int bit = 0; bit < BUNDLE_HEADER_SIZE * 8; bit++) {
        header[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(bundle_header_parse(header, FAKE_SIZE, &fields) == PORT_EBAD);
        header[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(bundle_header_parse(header, FAKE_SIZE, &fields) == PORT_OK);
}

// A write that a cut of power ended early leaves blank flash behind it; a transfer that broke off could leave zeros.
static void header_truncations_are_refused(void)
{
    static const uint8_t fill[] = {0xFF, 0x00};
    uint8_t whole[BUNDLE_HEADER_SIZE], part[BUNDLE_HEADER_SIZE];
    struct bundle_header fields;
    make_header(whole, body_of(1), BODY_LENGTH);
    for (size_t length = 0; length < BUNDLE_HEADER_SIZE; length++) {
        for (int way = 0; way < 2; way++) {
            memset(part, fill[way], sizeof part);
            memcpy(part, whole, length);
            // The end of the checksum may happen to be what it is filled with.
            if (memcmp(part, whole, sizeof part) != 0) CHECK(bundle_header_parse(part, FAKE_SIZE, &fields) == PORT_EBAD);
        }
    }
}

// The checksum is right, so that nothing but the field itself can be the reason.
static bool refused_with(size_t offset, const void *bytes, size_t length)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    struct bundle_header fields;
    make_header(header, body_of(1), BODY_LENGTH);
    memcpy(header + offset, bytes, length);
    seal_header(header);
    return bundle_header_parse(header, FAKE_SIZE, &fields) == PORT_EBAD;
}

static void header_fields_out_of_range_are_refused(void)
{
    static const uint8_t zero[4] = {0}, too_long[4] = {0, 0, 2, 0}, huge[4] = {0xFF, 0xFF, 0xFF, 0xFF};
    CHECK(refused_with(0, "HEARTHB2", 8));
    CHECK(refused_with(8, "\2\0\0\0", 4) && refused_with(8, zero, 4));
    CHECK(refused_with(12, zero, 4) && refused_with(12, too_long, 4) && refused_with(12, huge, 4));
    for (int bit = 0; bit < 32; bit++) {
        uint8_t flags[4] = {0};
        flags[bit / 8] = (uint8_t)(1 << bit % 8);
        CHECK(refused_with(96, flags, 4));
    }
    CHECK(refused_with(100, "\x11\0", 2) && refused_with(100, "\0\1", 2));
    CHECK(!refused_with(100, "\x10\0", 2));
    static const uint8_t bad[] = {0x01, 0x1F, '\n', 0x7F, 0x80, 0xFF};
    for (size_t i = 0; i < sizeof bad; i++) CHECK(refused_with(48, &bad[i], 1) && refused_with(64, &bad[i], 1));
    CHECK(refused_with(50, "\0x", 2) && refused_with(66, "\0x", 2)); // text behind the end of the text
    CHECK(!refused_with(48, "sixteen.letters.", 16));
}

static void crc_is_the_one_of_zlib(void)
{
    CHECK(crc32_ieee("123456789", 9) == 0xCBF43926);
    CHECK(crc32_ieee("", 0) == 0);
}

static void slot_needs_header_ids_and_body(void)
{
    struct slot_state state;
    slots_start(engine_id, api_hash);
    slot_read(PORT_PART_APP_0, &state);
    CHECK(!state.readable && !state.valid);
    install(PORT_PART_APP_0, 1, 7);
    slot_read(PORT_PART_APP_0, &state);
    CHECK(state.readable && state.valid && !state.confirmed && state.rejected == WHY_NONE && state.tried == 0);
    CHECK(state.header.sequence == 7);
    fake.cells[0][BUNDLE_BODY_OFFSET + BODY_LENGTH] = 0x55; // behind the body
    slot_read(PORT_PART_APP_0, &state);
    CHECK(state.valid);
    for (uint32_t at = 0; at < BODY_LENGTH; at += at % 1000 == 999 ? 1 : 37) {
        fake.cells[0][BUNDLE_BODY_OFFSET + at] ^= 0x10;
        slot_read(PORT_PART_APP_0, &state);
        CHECK(state.readable && !state.valid);
        fake.cells[0][BUNDLE_BODY_OFFSET + at] ^= 0x10;
    }
    uint8_t other[8] = {9};
    slots_start(other, api_hash);
    slot_read(PORT_PART_APP_0, &state);
    CHECK(state.readable && !state.valid);
    slots_start(engine_id, other);
    slot_read(PORT_PART_APP_0, &state);
    CHECK(state.readable && !state.valid);
}

static void marks_are_set_once(void)
{
    struct slot_state state;
    slots_start(engine_id, api_hash);
    install(PORT_PART_APP_1, 1, 1);
    fake_count();
    for (int tried = 0; tried < TRIAL_BOOTS_MAX; tried++) {
        CHECK(slot_mark_tried(PORT_PART_APP_1, tried) == PORT_OK);
        slot_read(PORT_PART_APP_1, &state);
        CHECK(state.tried == tried + 1 && !state.confirmed && state.rejected == WHY_NONE);
    }
    CHECK(slot_mark_tried(PORT_PART_APP_1, TRIAL_BOOTS_MAX) == PORT_EINVAL && slot_mark_tried(PORT_PART_APP_1, -1) == PORT_EINVAL);
    CHECK(slot_mark_confirmed(PORT_PART_APP_1) == PORT_OK);
    CHECK(slot_mark_rejected(PORT_PART_APP_1, WHY_DEADLINE) == PORT_OK);
    CHECK(fake.operations == TRIAL_BOOTS_MAX + 2);
    // Set already: flash is not written again, whatever the value.
    CHECK(slot_mark_tried(PORT_PART_APP_1, 0) == PORT_OK && slot_mark_confirmed(PORT_PART_APP_1) == PORT_OK);
    CHECK(slot_mark_rejected(PORT_PART_APP_1, WHY_CRASH) == PORT_OK && fake.operations == TRIAL_BOOTS_MAX + 2);
    slot_read(PORT_PART_APP_1, &state);
    CHECK(state.valid && state.confirmed && state.rejected == WHY_DEADLINE && state.tried == TRIAL_BOOTS_MAX);
    CHECK(strcmp(slot_why_name(state.rejected), "deadline") == 0 && strcmp(slot_why_name(99), "") == 0);
}

// The first word of a mark with any of its bits cleared.
static void torn_marks_count_as_set(void)
{
    struct slot_state state;
    slots_start(engine_id, api_hash);
    install(PORT_PART_APP_0, 1, 1);
    for (int bit = 0; bit < 32; bit++) {
        for (uint32_t mark = 512; mark <= 800; mark += 32) {
            fake.cells[0][mark + (uint32_t)bit / 8] ^= (uint8_t)(1 << bit % 8);
            slot_read(PORT_PART_APP_0, &state);
            CHECK(state.valid && state.confirmed == (mark == 768));
            CHECK(state.rejected == (mark == 800 ? WHY_RESTART : WHY_NONE));
            // Marks of boots are counted from the first: a later one alone cannot come about.
            CHECK(state.tried == (mark == 512 ? 1 : 0));
            fake.cells[0][mark + (uint32_t)bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void marks_that_cannot_be_written_are_reported(void)
{
    slots_start(engine_id, api_hash);
    install(PORT_PART_APP_0, 1, 1);
    for (int mark = 0; mark < 3; mark++) {
        fake_count();
        fake.fail_at = 1;
        int result = mark == 0   ? slot_mark_tried(PORT_PART_APP_0, 0)
                     : mark == 1 ? slot_mark_confirmed(PORT_PART_APP_0)
                                 : slot_mark_rejected(PORT_PART_APP_0, WHY_HAND);
        CHECK(result == PORT_EIO);
    }
}

static void last_rejected_is_the_newest(void)
{
    uint8_t hash[8];
    slots_start(engine_id, api_hash);
    CHECK(slot_last_rejected(hash) == WHY_NONE);
    install(PORT_PART_APP_0, 1, 5);
    install(PORT_PART_APP_1, 2, 6);
    CHECK(slot_last_rejected(hash) == WHY_NONE);
    CHECK(slot_mark_rejected(PORT_PART_APP_0, WHY_POWER) == PORT_OK);
    CHECK(slot_last_rejected(hash) == WHY_POWER && memcmp(hash, fake.cells[0] + 16, 8) == 0);
    CHECK(slot_mark_rejected(PORT_PART_APP_1, WHY_CONFIG) == PORT_OK);
    CHECK(slot_last_rejected(hash) == WHY_CONFIG && memcmp(hash, fake.cells[1] + 16, 8) == 0);
}

const struct c_test slots_tests[] = {
    {"header_is_read", header_is_read},
    {"header_bit_flips_are_refused", header_bit_flips_are_refused},
    {"header_truncations_are_refused", header_truncations_are_refused},
    {"header_fields_out_of_range_are_refused", header_fields_out_of_range_are_refused},
    {"crc_is_the_one_of_zlib", crc_is_the_one_of_zlib},
    {"slot_needs_header_ids_and_body", slot_needs_header_ids_and_body},
    {"marks_are_set_once", marks_are_set_once},
    {"torn_marks_count_as_set", torn_marks_count_as_set},
    {"marks_that_cannot_be_written_are_reported", marks_that_cannot_be_written_are_reported},
    {"last_rejected_is_the_newest", last_rejected_is_the_newest},
    {NULL, NULL},
};
