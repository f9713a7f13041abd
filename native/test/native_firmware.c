// Taking a firmware image in: refusals, failures and power cuts at every operation, going on after a restart, and what is told of it later.
#include "native_test.h"

#include "../firmware.h"

#include <psa/crypto.h>
#include <string.h>

enum { IMAGE_LENGTH = 70001, PIECE = 2048, SEEDS = 4, CUT = 1 };

static uint8_t image[IMAGE_LENGTH], sha256[32];

static void boot(void)
{
    enum slot_why back;
    (void)firmware_boot(PORT_RESET_POWER_ON, BOOT_END_PLAIN, &back); // what the program knew is gone
}

static void begin(void)
{
    size_t length;
    fake_reset();
    for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 7 + (i >> 8));
    CHECK(psa_hash_compute(PSA_ALG_SHA_256, image, sizeof image, sha256, sizeof sha256, &length) == PSA_SUCCESS);
    memset(fake.cells[PORT_PART_FIRMWARE], 0x11, FAKE_SIZE); // an older image
    fake.firmware.running = (struct port_firmware_slot){PORT_FIRMWARE_VALID, {1}, "1"};
    fake.firmware.other = (struct port_firmware_slot){PORT_FIRMWARE_VALID, {2}, "0"};
    boot();
    fake_count();
}

// From where the device wants it.
static int send(void)
{
    int offset = firmware_begin(IMAGE_LENGTH, sha256), result = offset;
    for (uint32_t at = (uint32_t)offset; at < IMAGE_LENGTH && result >= 0; at += PIECE) {
        result = firmware_write(at, image + at, IMAGE_LENGTH - at < PIECE ? IMAGE_LENGTH - at : PIECE);
    }
    return result < 0 ? result : firmware_commit();
}

static int send_until_cut(void)
{
    return setjmp(fake.cut) == 0 ? send() : CUT;
}

static bool activated(void)
{
    return fake.firmware.other.state == PORT_FIRMWARE_NEW;
}

static bool whole(void)
{
    return memcmp(fake.cells[PORT_PART_FIRMWARE], image, IMAGE_LENGTH) == 0;
}

// The boot loader is told only of a whole image, and the next attempt works.
static void sweep(bool cut)
{
    unsigned points = 0;
    for (unsigned at = 1;; at++) {
        bool came = true;
        for (unsigned seed = 0; seed < (cut ? SEEDS : 1) && came; seed++) {
            begin();
            fake.seed = at * 1000u + seed;
            if (cut) fake.cut_at = at;
            else fake.fail_at = at;
            int result = send_until_cut();
            came = fake.operations >= at;
            if (result != CUT) CHECK(result == PORT_OK ? activated() : result == PORT_EIO && !activated());
            CHECK(!activated() || whole());
            fake_count();
            fake.firmware.other.state = PORT_FIRMWARE_VALID;
            if (cut) boot();
            CHECK(send() == PORT_OK && activated() && whole());
        }
        if (!came) break;
        points++;
    }
    CHECK(points > 50);
    printf("%s points: %u\n", cut ? "cut" : "failure", points);
}

static void firmware_cut_sweep(void)
{
    sweep(true);
}

static void firmware_failure_sweep(void)
{
    sweep(false);
}

static void firmware_erases_ahead(void)
{
    begin();
    CHECK(!firmware_erase_due() && send() == PORT_OK && !firmware_erase_due());
    unsigned operations = fake.operations;
    begin();
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 0);
    for (int count = 0; count < 3; count++) firmware_erase_ahead();
    CHECK(firmware_erase_due() && send() == PORT_OK && whole());
    CHECK(fake.operations == operations); // no sector twice
}

static void firmware_goes_on_after_a_restart(void)
{
    begin();
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 0);
    for (uint32_t at = 0; at < 68000; at += 1000) CHECK(firmware_write(at, image + at, 1000) == PORT_OK);
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 68000); // a broken connection: nothing is lost
    boot();
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 65536); // what was noted
    CHECK(send() == PORT_OK && whole());
    // What the note says of one slot is not true of the other.
    boot();
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 0);
    for (uint32_t at = 0; at < 68000; at += 1000) CHECK(firmware_write(at, image + at, 1000) == PORT_OK);
    fake.firmware.slot = 1;
    boot();
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 0);
    // Another image begins anew.
    uint8_t other[32] = {1};
    CHECK(firmware_begin(IMAGE_LENGTH, other) == 0 && firmware_begin(IMAGE_LENGTH - 1, sha256) == 0);
}

static void firmware_refusals(void)
{
    begin();
    CHECK(firmware_write(0, image, 4) == PORT_EINVAL && firmware_commit() == PORT_EINVAL); // nothing was begun
    CHECK(firmware_begin(0, sha256) == PORT_EINVAL && firmware_begin(FAKE_SIZE + 1, sha256) == PORT_EFULL);
    fake.firmware.running.state = PORT_FIRMWARE_PENDING; // it would lose what it falls back to
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == PORT_EBUSY);
    fake.firmware.running.state = PORT_FIRMWARE_VALID;
    fake.no_firmware = true;
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == PORT_ENOTSUP && firmware_confirm() == PORT_OK);
    fake.no_firmware = false;
    CHECK(fake.operations == 0);
    CHECK(firmware_begin(IMAGE_LENGTH, sha256) == 0 && firmware_write(1, image, 4) == PORT_EINVAL);
    CHECK(firmware_write(0, image, IMAGE_LENGTH + 1) == PORT_EINVAL && firmware_commit() == PORT_EINVAL);
    CHECK(firmware_write(0, image, IMAGE_LENGTH) == PORT_OK && firmware_commit() == PORT_OK && whole());
}

static void firmware_of_another_hash_is_dropped(void)
{
    uint8_t wrong[32] = {3};
    begin();
    CHECK(firmware_begin(IMAGE_LENGTH, wrong) == 0 && firmware_write(0, image, IMAGE_LENGTH) == PORT_OK);
    CHECK(firmware_commit() == PORT_EBAD && !activated());
    CHECK(firmware_begin(IMAGE_LENGTH, wrong) == 0); // not gone on with
}

// The firmware that comes back tells what became of the new one, until the next one is taken in.
static void firmware_that_was_taken_back_is_told(void)
{
    static const struct {
        enum port_reset reset;
        enum boot_end end;
        int other; // the state that the boot loader left
        enum slot_why why;
    } rows[] = {
        {PORT_RESET_PANIC, BOOT_END_PLAIN, PORT_FIRMWARE_ABORTED, WHY_CRASH},
        {PORT_RESET_WATCHDOG, BOOT_END_PLAIN, PORT_FIRMWARE_ABORTED, WHY_WATCHDOG},
        {PORT_RESET_POWER_ON, BOOT_END_PLAIN, PORT_FIRMWARE_ABORTED, WHY_POWER},
        {PORT_RESET_SOFTWARE, BOOT_END_CRASH, PORT_FIRMWARE_ABORTED, WHY_CRASH},
        {PORT_RESET_SOFTWARE, BOOT_END_ASKED, PORT_FIRMWARE_ABORTED, WHY_RESTART},
        {PORT_RESET_SOFTWARE, BOOT_END_ASKED, PORT_FIRMWARE_PENDING, WHY_IMAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum slot_why back;
        uint8_t hash[8];
        begin();
        CHECK(firmware_last_rejected(hash) == WHY_NONE && send() == PORT_OK);
        fake.firmware.other.state = rows[i].other;
        CHECK(!firmware_boot(rows[i].reset, rows[i].end, &back) && back == rows[i].why);
        CHECK(firmware_last_rejected(hash) == (int)rows[i].why && hash[0] == 2);
        CHECK(!firmware_boot(PORT_RESET_PANIC, BOOT_END_PLAIN, &back) && back == WHY_NONE); // told once
        CHECK(firmware_last_rejected(hash) == (int)rows[i].why);
        CHECK(send() == PORT_OK && firmware_last_rejected(hash) == WHY_NONE);
    }
}

static void firmware_on_trial_is_confirmed(void)
{
    enum slot_why back;
    begin();
    CHECK(send() == PORT_OK);
    struct port_firmware_slot new_one = fake.firmware.other;
    fake.firmware.other = fake.firmware.running;
    fake.firmware.running = new_one;
    fake.firmware.running.state = PORT_FIRMWARE_PENDING;
    CHECK(firmware_boot(PORT_RESET_SOFTWARE, BOOT_END_ASKED, &back) && back == WHY_NONE);
    CHECK(firmware_confirm() == PORT_OK && fake.firmware.running.state == PORT_FIRMWARE_VALID);
    CHECK(!firmware_boot(PORT_RESET_PANIC, BOOT_END_PLAIN, &back) && back == WHY_NONE);
}

const struct c_test firmware_tests[] = {
    {"firmware_cut_sweep", firmware_cut_sweep},
    {"firmware_failure_sweep", firmware_failure_sweep},
    {"firmware_erases_ahead", firmware_erases_ahead},
    {"firmware_goes_on_after_a_restart", firmware_goes_on_after_a_restart},
    {"firmware_refusals", firmware_refusals},
    {"firmware_of_another_hash_is_dropped", firmware_of_another_hash_is_dropped},
    {"firmware_that_was_taken_back_is_told", firmware_that_was_taken_back_is_told},
    {"firmware_on_trial_is_confirmed", firmware_on_trial_is_confirmed},
    {NULL, NULL},
};
