// Taking a bundle in: order on flash, refusals, failures and power cuts at every operation, and going on where an earlier attempt ended.
#include "native_test.h"
#include "slots_support.h"

#include <string.h>

enum { SEEDS = 8, CUT = 1 };

static void boot(void)
{
    slots_start(engine_id, api_hash); // what the program knew is gone
}

static struct slot_state read(enum port_partition slot)
{
    struct slot_state state;
    slot_read(slot, &state);
    return state;
}

// Sends the bundle of `seed` in pieces of `piece` bytes, as a tool does, from where the device wants it. 0 or the first error.
static int send(int running, int seed, uint32_t piece)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    const uint8_t *body = body_of(seed);
    make_header(header, body, BODY_LENGTH);
    int result = slot_begin(running, header);
    if (result < 0) return result;
    CHECK(result <= BODY_LENGTH);
    for (uint32_t at = (uint32_t)result; at < BODY_LENGTH;) {
        uint32_t length = BODY_LENGTH - at < piece ? BODY_LENGTH - at : piece;
        result = slot_write(at, body + at, length);
        if (result < 0) return result;
        at += length;
    }
    return slot_commit();
}

static bool holds(enum port_partition slot, int seed)
{
    struct slot_state state = read(slot);
    return state.valid && memcmp(fake.cells[slot] + BUNDLE_BODY_OFFSET, body_of(seed), BODY_LENGTH) == 0;
}

// Slot 0 runs for good; slot 1 has what was there before.
static void begin_with_a_running_bundle(void)
{
    fake_reset();
    boot();
    install(PORT_PART_APP_0, 1, 4);
    CHECK(slot_mark_confirmed(PORT_PART_APP_0) == PORT_OK);
    install(PORT_PART_APP_1, 2, 3);
    CHECK(slot_mark_tried(PORT_PART_APP_1, 0) == PORT_OK && slot_mark_rejected(PORT_PART_APP_1, WHY_CRASH) == PORT_OK);
    fake.forbidden = PORT_PART_APP_0;
    fake_count();
}

static void pieces_of_any_size(void)
{
    static const uint32_t pieces[] = {1, 3, 31, 32, 33, 100, 2048, 4095, 4096, 4097, BODY_LENGTH};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        begin_with_a_running_bundle();
        CHECK(send(PORT_PART_APP_0, 3, pieces[i]) == PORT_OK);
        CHECK(holds(PORT_PART_APP_1, 3));
        struct slot_state state = read(PORT_PART_APP_1);
        CHECK(state.header.sequence == 5 && state.tried == 0 && !state.confirmed && state.rejected == WHY_NONE);
    }
}

static bool header_is_blank(void)
{
    for (int i = 0; i < BUNDLE_HEADER_SIZE; i++) {
        if (fake.cells[PORT_PART_APP_1][i] != 0xFF) return false;
    }
    return true;
}

static void header_is_written_last(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    const uint8_t *body = body_of(3);
    begin_with_a_running_bundle();
    make_header(header, body, BODY_LENGTH);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0 && header_is_blank());
    for (uint32_t at = 0; at < BODY_LENGTH; at++) {
        CHECK(slot_write(at, body + at, 1) == PORT_OK && header_is_blank());
    }
    CHECK(slot_commit() == PORT_OK && !header_is_blank());
    CHECK(fake.last_part == PORT_PART_APP_1 && fake.last_offset == 0 && fake.last_length == BUNDLE_HEADER_SIZE);
}

static void gaps_and_too_much_are_refused(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    const uint8_t *body = body_of(3);
    begin_with_a_running_bundle();
    CHECK(slot_write(0, body, 4) == PORT_EINVAL && slot_commit() == PORT_EINVAL); // nothing was begun
    make_header(header, body, BODY_LENGTH);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0);
    CHECK(slot_write(1, body, 4) == PORT_EINVAL && slot_write(UINT32_MAX, body, 4) == PORT_EINVAL);
    CHECK(slot_write(0, body, 1000) == PORT_OK);
    CHECK(slot_write(0, body, 4) == PORT_EINVAL && slot_write(1001, body, 4) == PORT_EINVAL);
    CHECK(slot_write(1000, body, BODY_LENGTH) == PORT_EINVAL && slot_write(1000, body, SIZE_MAX) == PORT_EINVAL);
    CHECK(slot_commit() == PORT_EINVAL);
    // None of it did harm.
    CHECK(slot_write(1000, body + 1000, BODY_LENGTH - 1000) == PORT_OK && slot_commit() == PORT_OK);
    CHECK(holds(PORT_PART_APP_1, 3) && slot_commit() == PORT_EINVAL);
}

static void bundles_that_do_not_fit_are_refused(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    begin_with_a_running_bundle();
    make_header(header, body_of(3), BODY_LENGTH);
    header[80] ^= 1;
    seal_header(header);
    CHECK(slot_begin(PORT_PART_APP_0, header) == PORT_ENOTSUP);
    header[80] ^= 1;
    header[95] ^= 1;
    seal_header(header);
    CHECK(slot_begin(PORT_PART_APP_0, header) == PORT_ENOTSUP);
    CHECK(slot_begin(PORT_PART_APP_0, body_of(3)) == PORT_EBAD);
    make_header(header, body_of(3), BODY_LENGTH);
    header[14] = 2; // more than the partition
    seal_header(header);
    CHECK(slot_begin(PORT_PART_APP_0, header) == PORT_EBAD);
    CHECK(fake.operations == 0); // what was in the slot is untouched
}

static void wrong_body_is_dropped(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    const uint8_t *body = body_of(3);
    begin_with_a_running_bundle();
    make_header(header, body, BODY_LENGTH);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0);
    uint8_t first = (uint8_t)(body[0] ^ 1);
    CHECK(slot_write(0, &first, 1) == PORT_OK && slot_write(1, body + 1, BODY_LENGTH - 1) == PORT_OK);
    CHECK(slot_commit() == PORT_EBAD && !read(PORT_PART_APP_1).readable);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0); // not gone on with
    CHECK(send(PORT_PART_APP_0, 3, 2048) == PORT_OK && holds(PORT_PART_APP_1, 3));
}

static void fallback_of_a_trial_is_not_overwritten(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    boot();
    install(PORT_PART_APP_0, 1, 1);
    install(PORT_PART_APP_1, 2, 2);
    make_header(header, body_of(3), BODY_LENGTH);
    CHECK(slot_mark_tried(PORT_PART_APP_1, 0) == PORT_OK);
    fake_count();
    CHECK(slot_begin(PORT_PART_APP_1, header) == PORT_EBUSY && fake.operations == 0);
    CHECK(slot_mark_confirmed(PORT_PART_APP_1) == PORT_OK && slot_begin(PORT_PART_APP_1, header) == 0);
}

// Recovery runs: what the next boot would take is kept.
static void recovery_keeps_the_newest_bundle(void)
{
    boot();
    CHECK(send(-1, 1, 2048) == PORT_OK && (holds(PORT_PART_APP_0, 1) || holds(PORT_PART_APP_1, 1)));
    for (int newest = 0; newest < 2; newest++) {
        fake_reset();
        boot();
        install((enum port_partition)newest, 1, 9);
        install((enum port_partition)(1 - newest), 2, 8);
        CHECK(send(-1, 3, 2048) == PORT_OK);
        CHECK(holds((enum port_partition)newest, 1) && holds((enum port_partition)(1 - newest), 3));
        CHECK(read((enum port_partition)(1 - newest)).header.sequence == 10);
    }
}

static void going_on_after_a_restart(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    const uint8_t *body = body_of(3);
    int before = 0;
    begin_with_a_running_bundle();
    make_header(header, body, BODY_LENGTH);
    for (uint32_t at = 0; at < BODY_LENGTH; at++) {
        if (at == 0) CHECK(slot_begin(PORT_PART_APP_0, header) == 0);
        CHECK(slot_write(at, body + at, 1) == PORT_OK);
        if (at % 500 != 0) continue;
        CHECK(slot_begin(PORT_PART_APP_0, header) == (int)at + 1); // a broken connection: nothing is lost
        boot();
        int offset = slot_begin(PORT_PART_APP_0, header);
        // A restart loses what was not marked: at most an eighth of the body and the sector that was under way.
        CHECK(offset >= before && offset <= (int)at + 1 && offset % PORT_FLASH_SECTOR == 0);
        CHECK((int)at - offset <= BODY_LENGTH / 8 + PORT_FLASH_SECTOR);
        before = offset;
        CHECK(slot_write((uint32_t)offset, body + offset, at + 1 - (uint32_t)offset) == PORT_OK);
    }
    CHECK(before > 0 && slot_commit() == PORT_OK && holds(PORT_PART_APP_1, 3));
}

static void another_bundle_begins_anew(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    begin_with_a_running_bundle();
    make_header(header, body_of(3), BODY_LENGTH);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0 && slot_write(0, body_of(3), BODY_LENGTH) == PORT_OK);
    make_header(header, body_of(4), BODY_LENGTH);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0 && slot_commit() == PORT_EINVAL);
    CHECK(send(PORT_PART_APP_0, 4, 2048) == PORT_OK && holds(PORT_PART_APP_1, 4));
}

static void reason_of_a_roll_back_outlives_its_slot(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE], hash[8], rejected[8];
    begin_with_a_running_bundle();
    memcpy(rejected, fake.cells[PORT_PART_APP_1] + 16, 8);
    make_header(header, body_of(3), BODY_LENGTH);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0);
    CHECK(slot_last_rejected(hash) == WHY_CRASH && memcmp(hash, rejected, 8) == 0);
    CHECK(send(PORT_PART_APP_0, 3, 2048) == PORT_OK && slot_last_rejected(hash) == WHY_NONE);
}

// Sends the bundle of seed 3, and erases ahead whenever a number says that nothing is to be done. 0 or the first error.
static int send_with_pauses(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    make_header(header, body_of(3), BODY_LENGTH);
    int result = slot_begin(PORT_PART_APP_0, header);
    for (uint32_t at = (uint32_t)result; result >= 0 && at < BODY_LENGTH; at += 1000) {
        while (fake_random() % 2 == 0 && slot_erase_due()) slot_erase_ahead();
        uint32_t length = BODY_LENGTH - at < 1000 ? BODY_LENGTH - at : 1000;
        result = slot_write(at, body_of(3) + at, length);
    }
    return result < 0 ? result : slot_commit();
}

static void erasing_ahead(void)
{
    begin_with_a_running_bundle();
    CHECK(!slot_erase_due()); // nothing was begun
    CHECK(send(PORT_PART_APP_0, 3, 1000) == PORT_OK && !slot_erase_due());
    unsigned operations = fake.operations;
    for (uint64_t seed = 1; seed < 50; seed++) {
        begin_with_a_running_bundle();
        fake.seed = seed;
        CHECK(send_with_pauses() == PORT_OK && holds(PORT_PART_APP_1, 3));
        CHECK(fake.operations == operations); // no sector twice, none that is not needed
    }
}

static void erasing_ahead_is_bounded(void)
{
    uint8_t header[BUNDLE_HEADER_SIZE];
    int count = 0;
    begin_with_a_running_bundle();
    make_header(header, body_of(3), BODY_LENGTH);
    header[12] = 0, header[13] = 0x60, header[14] = 1; // 90112 bytes
    seal_header(header);
    CHECK(slot_begin(PORT_PART_APP_0, header) == 0);
    for (; slot_erase_due(); count++) slot_erase_ahead();
    CHECK(count == ERASE_AHEAD_MAX / PORT_FLASH_SECTOR);
}

static int send_with_pauses_until_cut(void)
{
    return setjmp(fake.cut) == 0 ? send_with_pauses() : CUT;
}

static void erasing_ahead_cut_sweep(void)
{
    unsigned points = 0;
    for (bool came = true; came; points++) {
        begin_with_a_running_bundle();
        fake.seed = fake.cut_at = points + 1;
        int result = send_with_pauses_until_cut();
        CHECK(result == PORT_OK || result == CUT);
        came = fake.operations > points;
        fake_count();
        boot();
        CHECK(holds(PORT_PART_APP_0, 1) && send(PORT_PART_APP_0, 3, 2048) == PORT_OK && holds(PORT_PART_APP_1, 3));
    }
    begin_with_a_running_bundle();
    uint8_t header[BUNDLE_HEADER_SIZE];
    make_header(header, body_of(3), BODY_LENGTH);
    CHECK(points > 15 && slot_begin(PORT_PART_APP_0, header) == 0);
    fake_count();
    fake.fail_at = 1;
    slot_erase_ahead();
    CHECK(!slot_erase_due() && slot_write(0, header, 1) == PORT_EINVAL); // begun again, it goes on
    fake_count();
    CHECK(send(PORT_PART_APP_0, 3, 2048) == PORT_OK && holds(PORT_PART_APP_1, 3));
}

// CUT, or what the attempt ended with.
static int send_until_cut(void)
{
    return setjmp(fake.cut) == 0 ? send(PORT_PART_APP_0, 3, 2048) : CUT;
}

// Either the old state or the whole new bundle, and the next attempt works. `cut`: else an operation that fails.
static void sweep(bool cut)
{
    unsigned points = 0;
    for (unsigned at = 1;; at++) {
        bool came = true;
        for (int seed = 0; seed < (cut ? SEEDS : 1) && came; seed++) {
            begin_with_a_running_bundle();
            fake.seed = at * 1000u + (unsigned)seed;
            if (cut) fake.cut_at = at;
            else fake.fail_at = at;
            int result = send_until_cut();
            came = fake.operations >= at;
            // NVS is for reports only; what matters has failed when the device says so.
            if (result != CUT) CHECK(result == PORT_OK ? holds(PORT_PART_APP_1, 3) : result == PORT_EIO);
            fake_count();
            if (cut) boot();
            struct slot_state state = read(PORT_PART_APP_1);
            CHECK(!state.valid || state.rejected != WHY_NONE || holds(PORT_PART_APP_1, 3));
            CHECK(holds(PORT_PART_APP_0, 1) && read(PORT_PART_APP_0).confirmed);
            CHECK(send(PORT_PART_APP_0, 3, 2048) == PORT_OK && holds(PORT_PART_APP_1, 3));
            state = read(PORT_PART_APP_1);
            CHECK(state.header.sequence > 4 && state.tried == 0 && !state.confirmed && state.rejected == WHY_NONE);
        }
        if (!came) break;
        points++;
    }
    CHECK(points > 15);
    printf("%s points: %u\n", cut ? "cut" : "failure", points);
}

static void staging_cut_sweep(void)
{
    sweep(true);
}

static void staging_failure_sweep(void)
{
    sweep(false);
}

const struct c_test staging_tests[] = {
    {"pieces_of_any_size", pieces_of_any_size},
    {"header_is_written_last", header_is_written_last},
    {"gaps_and_too_much_are_refused", gaps_and_too_much_are_refused},
    {"bundles_that_do_not_fit_are_refused", bundles_that_do_not_fit_are_refused},
    {"wrong_body_is_dropped", wrong_body_is_dropped},
    {"fallback_of_a_trial_is_not_overwritten", fallback_of_a_trial_is_not_overwritten},
    {"recovery_keeps_the_newest_bundle", recovery_keeps_the_newest_bundle},
    {"going_on_after_a_restart", going_on_after_a_restart},
    {"another_bundle_begins_anew", another_bundle_begins_anew},
    {"reason_of_a_roll_back_outlives_its_slot", reason_of_a_roll_back_outlives_its_slot},
    {"erasing_ahead", erasing_ahead},
    {"erasing_ahead_is_bounded", erasing_ahead_is_bounded},
    {"erasing_ahead_cut_sweep", erasing_ahead_cut_sweep},
    {"staging_cut_sweep", staging_cut_sweep},
    {"staging_failure_sweep", staging_failure_sweep},
    {NULL, NULL},
};
