// What runs after a reset, and after a program that asked for the next one: decides, carries the decision out on flash and pins, starts engine and loop.
#include "bridge.h"
#include "embedded.h"
#include "handover.h"
#include "life.h"
#include "loop.h"
#include "recovery.h"
#include "text.h"
#include "trials.h"
#include "vm.h"

#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

// Between two programs of one boot, and until the next one is on trial or not.
enum { HANDOVER_MS = 15000 };

static void idle(const char *why) __attribute__((noreturn));
static void idle(const char *why)
{
    struct port_firmware_info info;
    port_log(why);
    // A firmware on trial: the one before it can do more.
    if (port_firmware_info(&info) >= 0 && info.running.state == PORT_FIRMWARE_PENDING) life_restart(why, BOOT_END_PLAIN);
    port_watchdog_set(0);
    for (;;) port_wait(NULL, 0, UINT64_MAX);
}

// Decides after the end of a boot or of a program, tells of what is taken back and takes note; `slots` is what flash had.
static void decide(enum boot_end end, const char *why, struct slot_state slots[BUNDLE_SLOTS])
{
    uint8_t crashes = (uint8_t)life_crashes();
    life.asked = end == BOOT_END_ASKED;
    life_count_boot(end);
    struct trials_boot trials = trials_boot(life.reset, end, crashes, slots);
    struct boot_decision decision = trials.decision;
    life.slot = decision.run;
    life.trial = decision.trial;
    life.firmware_trial = trials.firmware_trial;
    life.config_trial = decision.config_trial;
    if (trials.firmware_back != WHY_NONE) life_log("boot: the new firmware is taken back: %s", slot_why_name(trials.firmware_back));
    for (int i = 0; i < BUNDLE_SLOTS; i++) {
        if (decision.reject[i] == WHY_NONE) continue;
        life_log("boot: bundle %s of slot %d is taken back: %s", slots[i].header.version, i, slot_why_name(decision.reject[i]));
    }
    if (decision.reject_config != WHY_NONE) life_log("boot: the old config.txt is put back: %s", slot_why_name(decision.reject_config));
    if (decision.crashes != crashes) life_set_crashes(decision.crashes);
    if (decision.recovery == BOOT_RECOVERY_ASKED) snprintf(life.recovery_why, sizeof life.recovery_why, "%s", why);
    if (decision.recovery == BOOT_RECOVERY_CRASHLOOP) strcpy(life.recovery_why, "crashloop");
    if (decision.recovery == BOOT_RECOVERY_NONE) strcpy(life.recovery_why, "none");
}

// The header of what runs, into `life`, and where its body is.
static const uint8_t *find_body(const struct slot_state slots[BUNDLE_SLOTS])
{
    if (life.slot >= 0) {
        life.header = slots[life.slot].header;
        const uint8_t *map = port_flash_map((enum port_partition)life.slot);
        if (map == NULL) idle("boot: flash cannot be mapped");
        return map + BUNDLE_BODY_OFFSET;
    }
    bool espnow = recovery_is_espnow();
    const uint8_t *recovery = espnow ? embedded_recovery_espnow : embedded_recovery;
    size_t size = espnow ? embedded_recovery_espnow_size : embedded_recovery_size;
    if (size < BUNDLE_HEADER_SIZE || bundle_header_parse(recovery, (uint32_t)(size - BUNDLE_HEADER_SIZE), &life.header) < 0) {
        idle("boot: no valid bundle and no recovery bundle");
    }
    return recovery + BUNDLE_HEADER_SIZE;
}

// Starts what the slots say after such an end, and runs it until it is over. `before`: the profile of the program that ran in this boot, or NULL.
static void run_program(enum boot_end end, const char *why, const char *before)
{
    struct slot_state slots[BUNDLE_SLOTS];
    char hash[17];
    JSContext *ctx;
    JSValue function;
    decide(end, why, slots);
    const uint8_t *body = find_body(slots);
    // What another program left of the chip (clock, network, radio) was meant for another purpose.
    if (before != NULL && (life.slot < 0 || strcmp(life.header.profile, before) != 0)) life_restart(NULL, BOOT_END_ASKED);
    handover_pins(&life.header);
    if (before != NULL) handover_close();
    hex_text(hash, life.header.sha256, 8);
    // In place of the boot loader's, or of the handover's.
    vm_watchdog(life_on_trial() ? TRIAL_WATCHDOG_S * 1000 : 0);
    if (vm_start(body, life.header.length, &ctx, &function) < 0) {
        // Perhaps the heap is in pieces: a trial has not failed yet.
        if (before != NULL) life_restart(NULL, BOOT_END_ASKED);
        life_crash("the bundle cannot be loaded", "");
    }
    if (life.firmware_trial) port_log("boot: this firmware is on trial");
    if (life.config_trial) port_log("boot: config.txt is on trial");
    life_log("boot: %s %s %s slot %d%s%s%s, bytecode in flash: %s, heap raw %lu base %lu now %lu", life.header.profile,
             life.header.version, hash, life.slot, life.trial ? ", on trial" : "", life.slot < 0 ? ", recovery: " : "",
             life.recovery_why, vm_in_place() ? "yes" : "no", (unsigned long)vm_live_raw(), (unsigned long)vm_live_base(),
             (unsigned long)vm_live());
    loop_run(ctx, function);
    vm_watchdog(HANDOVER_MS);
    sockets_close();
    noise_close();
    vm_stop(ctx);
    // Something is held that nobody knows of: only a reset gets it back.
    if (vm_live() != 0) life_restart(NULL, BOOT_END_ASKED);
}

int hearth_main(void)
{
    uint8_t api_hash[8];
    char why[LIFE_WHY_MAX + 1], before[sizeof life.header.profile];
    if (psa_crypto_init() != PSA_SUCCESS) idle("boot: no cryptography");
    bridge_api_hash(api_hash);
    slots_start(embedded_descriptor.engine_id, api_hash);
    enum boot_end end = life_last_end(why);
    life.reset = port_reset_reason();
    life.began_us = port_now_us(); // an emulated chip's clock goes on over a restart
    run_program(end, why, NULL);
    for (;;) {
        strcpy(before, life.header.profile);
        life = (struct life){.slot = -1, .reset = PORT_RESET_SOFTWARE, .began_us = port_now_us()};
        net_keep();
        slots_start(embedded_descriptor.engine_id, api_hash);
        run_program(BOOT_END_ASKED, "", before);
    }
}
