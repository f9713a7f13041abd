// The trials of firmware, bundle and configuration, enumerated: every set of them that can be sent at a time, everything that can become of its
// first boot, and all sequences of such updates. A model of few lines says what must be in force after each; the device is the real common
// code over the fake machine, with a boot loader by ESP-IDF's rules.
#include "../config_trial.h"
#include "../firmware.h"
#include "../trials.h"
#include "slots_support.h"

#include <psa/crypto.h>
#include <stdarg.h>
#include <string.h>

enum thing { FIRMWARE, BUNDLE, CONFIG, THINGS };
enum { LENGTH = 100, CLASSES = 2, NONE = 0 };

// A hang is ended by the watchdog, so the device cannot tell them apart: tests/e2e/trials.test.ts plays both.
enum fate { GOOD, CRASH, HANG, POWER_CUT, UNREACHABLE, FATES, EXCEPTION = FATES, BROWNOUT, RESTART_ASKED, ALL_FATES };
static const struct {
    enum port_reset reset;
    enum boot_end end;
    enum slot_why why;
} ends[ALL_FATES] = {
    [CRASH] = {PORT_RESET_PANIC, BOOT_END_PLAIN, WHY_CRASH},
    [EXCEPTION] = {PORT_RESET_SOFTWARE, BOOT_END_CRASH, WHY_CRASH},
    [HANG] = {PORT_RESET_WATCHDOG, BOOT_END_PLAIN, WHY_WATCHDOG},
    [POWER_CUT] = {PORT_RESET_POWER_ON, BOOT_END_PLAIN, WHY_POWER},
    [UNREACHABLE] = {PORT_RESET_SOFTWARE, BOOT_END_PLAIN, WHY_DEADLINE},
    [BROWNOUT] = {PORT_RESET_BROWNOUT, BOOT_END_PLAIN, WHY_POWER},
    // Ends the trial of a firmware only: ESP-IDF's boot loader knows nothing of who asked.
    [RESTART_ASKED] = {PORT_RESET_SOFTWARE, BOOT_END_ASKED, WHY_RESTART},
};

// What is sent together. A firmware with another engine goes without a bundle: the device refuses one for it before it runs.
struct update {
    bool sent[THINGS];
    bool other_engine;
};
static const struct update updates[] = {
    {{true, false, false}, false}, {{false, true, false}, false}, {{false, false, true}, false},
    {{true, true, false}, false},  {{true, false, true}, false},  {{false, true, true}, false},
    {{true, true, true}, false},   {{true, false, false}, true},  {{true, false, true}, true},
};
enum { UPDATES = sizeof updates / sizeof updates[0] };

// ---------------------------------------------------------------- the model: what is in force, and what was taken back last

// Everything that is sent has a number of its own, from 1; a larger one is newer.
struct model {
    int next;
    int firmware, engine, config;
    struct {
        int number, engine;
        bool taken_back;
    } slot[BUNDLE_SLOTS];
    struct {
        int number;
        enum slot_why why;
    } back[THINGS];
};

// The slot whose bundle runs: the newest that was not taken back and runs on this engine; -1 for recovery.
static int model_runs(const struct model *m)
{
    int best = -1;
    for (int i = 0; i < BUNDLE_SLOTS; i++) {
        bool fits = m->slot[i].number != NONE && !m->slot[i].taken_back && m->slot[i].engine == m->engine;
        if (fits && (best < 0 || m->slot[i].number > m->slot[best].number)) best = i;
    }
    return best;
}

// ---------------------------------------------------------------- the device

static struct {
    struct trials_boot boot;
    uint8_t crashes;
    int engine; // of the firmware that runs
} device;

static void boot_loader(void)
{
    struct port_firmware_info *info = &fake.firmware;
    bool ended = info->running.state == PORT_FIRMWARE_PENDING, gone = ended || info->running.state == PORT_FIRMWARE_INVALID;
    if (ended) info->running.state = PORT_FIRMWARE_ABORTED;
    if (!gone && info->other.state != PORT_FIRMWARE_NEW) return;
    struct port_firmware_slot other = info->other;
    info->other = info->running;
    info->running = other;
    info->slot = 1 - info->slot;
    if (info->running.state == PORT_FIRMWARE_NEW) info->running.state = PORT_FIRMWARE_PENDING;
}

// Numbers and engines of the images, as their names tell.
static int firmware_number(const struct port_firmware_slot *slot)
{
    return slot->hash[0] | slot->hash[1] << 8;
}

static void start(enum port_reset reset, enum boot_end end)
{
    struct slot_state slots[BUNDLE_SLOTS];
    uint8_t engine[8];
    boot_loader();
    device.engine = fake.firmware.running.hash[2];
    memcpy(engine, engine_id, sizeof engine);
    engine[7] ^= (uint8_t)device.engine;
    slots_start(engine, api_hash);
    device.boot = trials_boot(reset, end, device.crashes, slots);
    device.crashes = device.boot.decision.crashes;
}

// As the program does when it has proved itself (device/proof.ts), or recovery in its place.
static void prove(void)
{
    const struct boot_decision *decision = &device.boot.decision;
    if (device.boot.firmware_trial) {
        CHECK(firmware_confirm() == PORT_OK);
        slots_protect(false);
    }
    if (decision->config_trial) CHECK(config_confirm() == PORT_OK);
    if (decision->run >= 0 && decision->trial) CHECK(slot_mark_confirmed((enum port_partition)decision->run) == PORT_OK);
    device.crashes = 0;
}

static void body(uint8_t bytes[LENGTH], int number)
{
    for (int i = 0; i < LENGTH; i++) bytes[i] = (uint8_t)(number * 31 + (number >> 8) + i * 7);
}

static void send_firmware(int number, int engine)
{
    uint8_t image[LENGTH], sha256[32];
    size_t length;
    body(image, number);
    CHECK(psa_hash_compute(PSA_ALG_SHA_256, image, LENGTH, sha256, sizeof sha256, &length) == PSA_SUCCESS);
    CHECK(firmware_begin(LENGTH, sha256) == 0 && firmware_write(0, image, LENGTH) == PORT_OK);
    // The port reads it from the image.
    fake.firmware.other = (struct port_firmware_slot){PORT_FIRMWARE_INVALID, {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)engine}, "1"};
    CHECK(firmware_commit() == PORT_OK);
}

static void bundle_of(int number, int engine, uint8_t header[BUNDLE_HEADER_SIZE], uint8_t bytes[LENGTH])
{
    body(bytes, number);
    make_header(header, bytes, LENGTH);
    header[80 + 7] ^= (uint8_t)engine;
    seal_header(header);
}

// Returns the slot that it went to.
static int send_bundle(int number, int engine)
{
    uint8_t header[BUNDLE_HEADER_SIZE], bytes[LENGTH];
    struct slot_state state;
    bundle_of(number, engine, header, bytes);
    CHECK(slot_begin(device.boot.decision.run, header) == 0 && slot_write(0, bytes, LENGTH) == PORT_OK && slot_commit() == PORT_OK);
    slot_read(PORT_PART_APP_0, &state);
    return state.valid && memcmp(state.header.sha256, header + 16, 32) == 0 ? PORT_PART_APP_0 : PORT_PART_APP_1;
}

static void config_text(char text[16], int number)
{
    snprintf(text, 16, "ssid %d\n", number);
}

static void write_config(const char *name, int number)
{
    char text[16];
    config_text(text, number);
    (void)port_file_remove(name);
    CHECK(port_file_write(name, 0, text, strlen(text)) == PORT_OK);
}

// ---------------------------------------------------------------- the two against each other

static void check_back(enum thing thing, const struct model *m, int why, const uint8_t hash[8])
{
    uint8_t sum[32], header[BUNDLE_HEADER_SIZE], bytes[LENGTH];
    char text[16];
    size_t length;
    int number = m->back[thing].number;
    CHECK(why == (int)m->back[thing].why);
    if (why == WHY_NONE) return;
    if (thing == FIRMWARE) {
        CHECK((hash[0] | hash[1] << 8) == number);
    } else if (thing == BUNDLE) {
        bundle_of(number, 0, header, bytes);
        CHECK(memcmp(hash, header + 16, 8) == 0);
    } else {
        config_text(text, number);
        CHECK(psa_hash_compute(PSA_ALG_SHA_256, (const uint8_t *)text, strlen(text), sum, sizeof sum, &length) == PSA_SUCCESS);
        CHECK(memcmp(hash, sum, 8) == 0);
    }
}

// Everything that is in force, and what is told of what is not; nothing is on trial.
static void check_settled(const struct model *m)
{
    char text[16], expected[16];
    uint8_t hash[8];
    struct slot_state state;
    int run = device.boot.decision.run;
    CHECK(firmware_number(&fake.firmware.running) == m->firmware && device.engine == m->engine);
    CHECK(fake.firmware.running.state == PORT_FIRMWARE_VALID);
    CHECK(run == model_runs(m));
    if (run >= 0) {
        uint8_t header[BUNDLE_HEADER_SIZE], bytes[LENGTH];
        bundle_of(m->slot[run].number, m->engine, header, bytes);
        slot_read((enum port_partition)run, &state);
        CHECK(state.valid && state.confirmed && state.rejected == WHY_NONE && memcmp(state.header.sha256, header + 16, 32) == 0);
    } else {
        CHECK(device.boot.decision.recovery == BOOT_RECOVERY_NONE);
    }
    config_text(expected, m->config);
    int length = port_file_read("config.txt", 0, text, sizeof text);
    CHECK(length == (int)strlen(expected) && memcmp(text, expected, (size_t)length) == 0);
    CHECK(!config_state().trial && port_file_size(CONFIG_OLD) == PORT_ENOENT);
    CHECK(device.crashes == 0);
    check_back(FIRMWARE, m, firmware_last_rejected(hash), hash);
    check_back(BUNDLE, m, slot_last_rejected(hash), hash);
    check_back(CONFIG, m, config_last_rejected(hash), hash);
}

static void take_back(struct model *m, enum thing thing, int number, enum slot_why why)
{
    m->back[thing].number = number;
    m->back[thing].why = why;
}

// One update and what becomes of it, on the device and in the model.
static void play(struct model *m, const struct update *update, enum fate fate)
{
    const struct model before = *m;
    int number[THINGS] = {NONE, NONE, NONE}, slot = -1;
    for (int thing = 0; thing < THINGS; thing++) {
        if (!update->sent[thing]) continue;
        number[thing] = m->next++;
        take_back(m, (enum thing)thing, NONE, WHY_NONE);
    }
    if (number[FIRMWARE] != NONE) {
        m->firmware = number[FIRMWARE];
        m->engine = update->other_engine ? 1 - m->engine : m->engine;
        send_firmware(m->firmware, m->engine);
    }
    if (number[BUNDLE] != NONE) {
        slot = send_bundle(number[BUNDLE], m->engine);
        CHECK(slot != model_runs(&before)); // what runs is never overwritten
        m->slot[slot].number = number[BUNDLE];
        m->slot[slot].engine = m->engine;
        m->slot[slot].taken_back = false;
    }
    if (number[CONFIG] != NONE) {
        write_config("staging", m->config = number[CONFIG]);
        CHECK(config_try("staging") == PORT_OK);
    }

    start(PORT_RESET_SOFTWARE, BOOT_END_ASKED);
    const struct trials_boot *boot = &device.boot;
    CHECK(boot->firmware_trial == (number[FIRMWARE] != NONE) && boot->decision.config_trial == (number[CONFIG] != NONE));
    CHECK(boot->decision.run == model_runs(m) && boot->decision.trial == (number[BUNDLE] != NONE));

    if (fate != GOOD) {
        if (fate == UNREACHABLE)
            trials_deadline(boot->decision.trial ? boot->decision.run : -1, boot->decision.config_trial, boot->firmware_trial);
        start(ends[fate].reset, ends[fate].end);
        enum slot_why why = ends[fate].why;
        bool all = fate != RESTART_ASKED;
        if (number[FIRMWARE] != NONE) {
            take_back(m, FIRMWARE, m->firmware, why);
            m->firmware = before.firmware;
            m->engine = before.engine;
        }
        if (number[BUNDLE] != NONE && all) {
            take_back(m, BUNDLE, number[BUNDLE], why);
            m->slot[slot].taken_back = true;
        }
        if (number[CONFIG] != NONE && all) {
            take_back(m, CONFIG, m->config, why);
            m->config = before.config;
        }
        if (all) check_settled(m); // already before it proves itself again
    }
    prove();
    check_settled(m);
}

static unsigned long sequences;

static void enumerate(const struct model *from, int depth, int fates)
{
    struct fake_copy *copy = fake_copy();
    const uint8_t crashes = device.crashes;
    const struct trials_boot boot = device.boot;
    const int engine = device.engine;
    for (int update = 0; update < UPDATES; update++) {
        for (int fate = 0; fate < fates; fate++) {
            struct model model = *from;
            fake_put_back(copy);
            device.crashes = crashes;
            device.boot = boot;
            device.engine = engine;
            play(&model, &updates[update], (enum fate)fate);
            if (depth > 1) enumerate(&model, depth - 1, fates);
            else sequences++;
        }
    }
    free(copy);
}

// A chip as it left the cable: one good firmware, bundle and config.txt.
static void all_sequences(int depth, int fates)
{
    struct model model = {.next = 4, .firmware = 1, .config = 3};
    model.slot[0].number = 2;
    fake_reset();
    memset(&device, 0, sizeof device);
    sequences = 0;
    fake.firmware.running = (struct port_firmware_slot){PORT_FIRMWARE_VALID, {1}, "1"};
    fake.firmware.other = (struct port_firmware_slot){PORT_FIRMWARE_UNDEFINED, {0}, ""};
    write_config("config.txt", model.config);
    start(PORT_RESET_POWER_ON, BOOT_END_PLAIN);
    CHECK(send_bundle(2, 0) == 0);
    start(PORT_RESET_POWER_ON, BOOT_END_PLAIN);
    prove();
    check_settled(&model);
    enumerate(&model, depth, fates);
    printf("sequences: %lu\n", sequences);
}

static void trials_three_in_a_row(void)
{
    all_sequences(3, FATES);
    CHECK(sequences == 91125); // (9 sets x 5 ends)^3
}

static void trials_two_in_a_row_with_every_end(void)
{
    all_sequences(2, ALL_FATES);
    CHECK(sequences == 5184); // (9 sets x 8 ends)^2
}

const struct c_test trials_tests[] = {
    {"trials_three_in_a_row", trials_three_in_a_row},
    {"trials_two_in_a_row_with_every_end", trials_two_in_a_row_with_every_end},
    {NULL, NULL},
};
