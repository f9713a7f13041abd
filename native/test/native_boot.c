// The decision at boot, enumerated: every combination of reset reason, end, slot states and crash count, and every state that boots can lead to.
#include "native_test.h"

#include "../boot.h"

#include <string.h>

enum { RESETS = PORT_RESET_BROWNOUT + 1, ENDS = BOOT_END_RECOVER + 1, SLOT_STATES = 2 * 2 * 2 * (TRIAL_BOOTS_MAX + 1) };

static struct boot_slot slot_of(int number, uint32_t sequence)
{
    struct boot_slot slot = {.sequence = sequence};
    slot.valid = number & 1;
    slot.confirmed = number & 2;
    slot.rejected = number & 4;
    slot.tried = (uint8_t)(number / 8);
    return slot;
}

static bool usable(const struct boot_slot *slot)
{
    return slot->valid && !slot->rejected;
}

// What ends badly under a firmware or a configuration that is taken back for it is not held against a permanent bundle.
static bool excused(const struct boot_input *in, const struct boot_decision *out)
{
    return in->firmware_back || out->reject_config != WHY_NONE;
}

static bool crash_ended(const struct boot_input *in)
{
    return in->reset == PORT_RESET_PANIC || in->reset == PORT_RESET_WATCHDOG ||
           (in->reset == PORT_RESET_SOFTWARE && in->end == BOOT_END_CRASH);
}

static bool crashed(const struct boot_input *in, const struct boot_decision *out)
{
    return crash_ended(in) && !excused(in, out);
}

static bool recovery_wanted(const struct boot_input *in, const struct boot_decision *out)
{
    return !excused(in, out) && in->reset == PORT_RESET_SOFTWARE && in->end == BOOT_END_RECOVER;
}

// The usable slot with the larger number, -1 if none; equal numbers cannot come about.
static int newest(const struct boot_input *in)
{
    if (!usable(&in->slot[0])) return usable(&in->slot[1]) ? 1 : -1;
    return usable(&in->slot[1]) && in->slot[1].sequence > in->slot[0].sequence ? 1 : 0;
}

// The configuration's trial: it goes on or is taken back, and never for more than its boots.
static void check_config(const struct boot_input *in, const struct boot_decision *out)
{
    bool back = out->reject_config != WHY_NONE;
    CHECK(in->config.trial ? out->config_trial != back : !out->config_trial && !back);
    if (!in->config.trial) return;
    bool wanted = in->reset == PORT_RESET_DEEP_SLEEP || (in->reset == PORT_RESET_SOFTWARE && in->end == BOOT_END_ASKED);
    CHECK(back == (in->config.tried >= TRIAL_BOOTS_MAX || (in->config.tried > 0 && !wanted)));
}

// What must hold of any decision; none of it is taken from how boot.c comes to it.
static void check(const struct boot_input *in, const struct boot_decision *out)
{
    int first = newest(in), other = 1 - first;
    CHECK(out->run >= -1 && out->run <= 1);
    CHECK((out->run < 0) == (out->recovery != BOOT_NO_RECOVERY));
    if (out->run >= 0) {
        const struct boot_slot *slot = &in->slot[out->run];
        CHECK(usable(slot) && out->reject[out->run] == WHY_NONE);
        CHECK(out->trial == !slot->confirmed);
        CHECK(out->tried == (out->trial ? slot->tried : -1));
        CHECK(out->tried < TRIAL_BOOTS_MAX);
        // An older bundle runs only because the newest one was taken back now.
        CHECK(out->run == first || out->reject[first] != WHY_NONE);
        CHECK(!recovery_wanted(in, out) || out->reject[0] != WHY_NONE || out->reject[1] != WHY_NONE);
    } else {
        CHECK(!out->trial && out->tried == -1);
    }
    for (int i = 0; i < 2; i++) {
        const struct boot_slot *slot = &in->slot[i];
        if (out->reject[i] == WHY_NONE) continue;
        CHECK(usable(slot)); // a mark in a slot that has no bundle would be in the way of the next one
        CHECK(out->reject[i] >= WHY_CRASH && out->reject[i] <= WHY_HAND);
        CHECK(i == first || out->reject[first] != WHY_NONE);
        if (slot->confirmed) {
            CHECK(crashed(in, out) && in->crashes + 1 >= CRASHES_MAX && i == first && usable(&in->slot[other]));
        } else {
            CHECK(slot->tried > 0);
            // The last end was the newest one's: an older trial gives way only when it has had its boots.
            CHECK(i == first || (out->reject[i] == WHY_RESTART && slot->tried >= TRIAL_BOOTS_MAX));
        }
    }
    if (out->recovery == BOOT_RECOVERY_NONE) CHECK(first < 0 || out->reject[first] != WHY_NONE);
    if (out->recovery == BOOT_RECOVERY_ASKED) CHECK(recovery_wanted(in, out));
    if (out->recovery == BOOT_RECOVERY_CRASHLOOP) {
        CHECK(crashed(in, out) && in->crashes + 1 >= CRASHES_MAX && in->slot[first].confirmed && !usable(&in->slot[other]));
    }
    if (first >= 0 && out->reject[first] != WHY_NONE && usable(&in->slot[other]) && in->slot[other].confirmed) {
        CHECK(out->run == other); // what was good before is what a bad bundle gives way to
    }
    bool any = out->reject[0] != WHY_NONE || out->reject[1] != WHY_NONE;
    check_config(in, out);
    unsigned counted = in->crashes + (crashed(in, out) ? 1u : 0u);
    CHECK(out->crashes == (any ? 0 : counted > UINT8_MAX ? UINT8_MAX : counted));
}

static void boot_every_combination(void)
{
    static const uint32_t sequences[][2] = {{1, 2}, {2, 1}, {UINT32_MAX, UINT32_MAX - 1}};
    static const uint8_t crash_counts[] = {0, 1, 2, 3, UINT8_MAX};
    static const struct boot_config configs[] = {{false, 0}, {true, 0}, {true, 1}, {true, TRIAL_BOOTS_MAX}};
    unsigned long count = 0;
    for (int a = 0; a < SLOT_STATES; a++) {
        for (int b = 0; b < SLOT_STATES; b++) {
            for (int way = 0; way < RESETS * ENDS * 3 * 5 * 8; way++) {
                const uint32_t *sequence = sequences[way / (RESETS * ENDS) % 3];
                struct boot_input in = {
                    .slot = {slot_of(a, sequence[0]), slot_of(b, sequence[1])},
                    .reset = (enum port_reset)(way % RESETS),
                    .end = (enum boot_end)(way / RESETS % ENDS),
                    .crashes = crash_counts[way / (RESETS * ENDS * 3) % 5],
                    .config = configs[way / (RESETS * ENDS * 3 * 5) % 4],
                    .firmware_back = way / (RESETS * ENDS * 3 * 5 * 4),
                };
                struct boot_decision out = boot_decide(&in);
                check(&in, &out);
                count++;
            }
        }
    }
    printf("decisions: %lu\n", count);
}

// A new configuration that the old bundle crashes with goes; the bundle, which was good before, is not blamed.
static void boot_bad_configuration(void)
{
    struct boot_input in = {.reset = PORT_RESET_PANIC, .crashes = CRASHES_MAX - 1, .config = {true, 1}};
    in.slot[0] = (struct boot_slot){.valid = true, .confirmed = true, .sequence = 1};
    in.slot[1] = (struct boot_slot){.valid = true, .confirmed = true, .sequence = 2};
    struct boot_decision out = boot_decide(&in);
    CHECK(out.reject_config == WHY_CRASH && !out.config_trial && out.run == 1 && out.crashes == CRASHES_MAX - 1);
    in.reset = PORT_RESET_SOFTWARE;
    in.end = BOOT_END_RECOVER; // it cannot be used at all
    out = boot_decide(&in);
    CHECK(out.reject_config == WHY_CONFIG && out.run == 1 && out.recovery == BOOT_NO_RECOVERY);
    in.config.trial = false;
    CHECK(boot_decide(&in).recovery == BOOT_RECOVERY_ASKED);
}

static void boot_reasons_of_a_roll_back(void)
{
    static const struct {
        enum port_reset reset;
        enum boot_end end;
        enum slot_why why;
    } rows[] = {
        {PORT_RESET_PANIC, BOOT_END_PLAIN, WHY_CRASH},       {PORT_RESET_SOFTWARE, BOOT_END_CRASH, WHY_CRASH},
        {PORT_RESET_WATCHDOG, BOOT_END_PLAIN, WHY_WATCHDOG}, {PORT_RESET_POWER_ON, BOOT_END_PLAIN, WHY_POWER},
        {PORT_RESET_BROWNOUT, BOOT_END_PLAIN, WHY_POWER},    {PORT_RESET_SOFTWARE, BOOT_END_PLAIN, WHY_RESTART},
        {PORT_RESET_SOFTWARE, BOOT_END_RECOVER, WHY_CONFIG}, {PORT_RESET_SOFTWARE, BOOT_END_ASKED, WHY_NONE},
        {PORT_RESET_DEEP_SLEEP, BOOT_END_PLAIN, WHY_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct boot_input in = {.reset = rows[i].reset, .end = rows[i].end};
        in.slot[0] = (struct boot_slot){.valid = true, .confirmed = true, .sequence = 1};
        in.slot[1] = (struct boot_slot){.valid = true, .sequence = 2, .tried = 1};
        struct boot_decision out = boot_decide(&in);
        CHECK(out.reject[1] == rows[i].why && out.reject[0] == WHY_NONE);
        CHECK(out.run == (rows[i].why == WHY_NONE ? 1 : 0));
        in.slot[1].tried = 0; // its first boot: the last end was another bundle's
        out = boot_decide(&in);
        if (!recovery_wanted(&in, &out)) CHECK(out.run == 1 && out.trial && out.tried == 0);
    }
}

static void boot_first_bundle_keeps_its_trial_for_its_config(void)
{
    struct boot_input in = {.reset = PORT_RESET_SOFTWARE, .end = BOOT_END_RECOVER};
    in.slot[0] = (struct boot_slot){.valid = true, .sequence = 1, .tried = 1};
    struct boot_decision out = boot_decide(&in);
    CHECK(out.run == -1 && out.recovery == BOOT_RECOVERY_ASKED && out.reject[0] == WHY_NONE);
    in.end = BOOT_END_ASKED; // recovery restarts when the config has been put right
    out = boot_decide(&in);
    CHECK(out.run == 0 && out.trial && out.tried == 1);
}

static void boot_crash_loop(void)
{
    struct boot_input in = {.reset = PORT_RESET_PANIC};
    in.slot[1] = (struct boot_slot){.valid = true, .confirmed = true, .sequence = 1};
    for (int crash = 1; crash <= CRASHES_MAX; crash++) {
        struct boot_decision out = boot_decide(&in);
        CHECK(out.crashes == crash);
        CHECK(crash < CRASHES_MAX ? out.run == 1 : out.recovery == BOOT_RECOVERY_CRASHLOOP);
        in.crashes = out.crashes;
    }
    in.reset = PORT_RESET_POWER_ON; // somebody switches it off and on: another chance
    CHECK(boot_decide(&in).run == 1);
}

// ---------------------------------------------------------------- every state that boots can lead to

enum { STATES_MAX = 8192 };
struct state {
    struct boot_slot slot[2];
    struct boot_config config;
    uint8_t crashes;
    uint8_t ran;        // how often slot 1 was started on trial
    uint8_t config_ran; // how often the new configuration was
};
static struct state states[STATES_MAX];
static int state_count;

static void reach(struct state state)
{
    for (int i = 0; i < state_count; i++) {
        if (memcmp(&states[i], &state, sizeof state) == 0) return;
    }
    CHECK(state_count < STATES_MAX);
    states[state_count++] = state;
}

// From a good bundle, a new one and a new configuration, through any order of ends, with and without a confirmation in between.
static void boot_every_reachable_state(void)
{
    struct state begin;
    memset(&begin, 0, sizeof begin); // padding too: states are compared as bytes
    begin.slot[0].valid = begin.slot[0].confirmed = begin.slot[1].valid = true;
    begin.slot[0].sequence = 1;
    begin.slot[1].sequence = 2;
    reach(begin);
    begin.config.trial = true;
    reach(begin);
    for (int at = 0; at < state_count; at++) {
        for (int way = 0; way < RESETS * ENDS; way++) {
            struct boot_input in = {.reset = (enum port_reset)(way % RESETS), .end = (enum boot_end)(way / RESETS)};
            memcpy(in.slot, states[at].slot, sizeof in.slot);
            in.config = states[at].config;
            in.crashes = states[at].crashes;
            struct boot_decision out = boot_decide(&in);
            check(&in, &out);
            struct state next = states[at];
            for (int i = 0; i < 2; i++) next.slot[i].rejected |= out.reject[i] != WHY_NONE;
            if (out.tried >= 0) next.slot[out.run].tried = (uint8_t)(out.tried + 1);
            next.crashes = out.crashes > CRASHES_MAX ? CRASHES_MAX : out.crashes; // more makes no difference
            if (out.run == 1 && out.trial) next.ran++;
            next.config.trial = out.config_trial;
            next.config.tried = out.config_trial ? (uint8_t)(states[at].config.tried + 1) : 0;
            if (out.config_trial) next.config_ran++;
            CHECK(next.ran <= TRIAL_BOOTS_MAX && next.config_ran <= TRIAL_BOOTS_MAX);
            // The good bundle is given up by nothing; the new one may have become the good one.
            CHECK(!next.slot[0].rejected);
            CHECK(out.run >= 0 || out.recovery != BOOT_RECOVERY_NONE);
            reach(next);
            if (out.run < 0) continue;
            next.slot[out.run].confirmed = true; // it proves itself
            next.crashes = 0;
            memset(&next.config, 0, sizeof next.config);
            reach(next);
        }
    }
    CHECK(state_count > 20);
    printf("states: %d\n", state_count);
}

const struct c_test boot_tests[] = {
    {"boot_every_combination", boot_every_combination},
    {"boot_bad_configuration", boot_bad_configuration},
    {"boot_reasons_of_a_roll_back", boot_reasons_of_a_roll_back},
    {"boot_first_bundle_keeps_its_trial_for_its_config", boot_first_bundle_keeps_its_trial_for_its_config},
    {"boot_crash_loop", boot_crash_loop},
    {"boot_every_reachable_state", boot_every_reachable_state},
    {NULL, NULL},
};
