// The boot of the common code: decides what runs, carries the decision out on flash and pins, starts the engine and the loop.
#include "bridge.h"
#include "embedded.h"
#include "life.h"
#include "loop.h"
#include "recovery.h"
#include "text.h"
#include "trials.h"
#include "vm.h"

#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

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

static void apply_pins(const struct bundle_header *header)
{
    for (int i = 0; i < header->pin_count; i++) {
        int result = port_gpio_mode(header->pins[i][0], (enum port_gpio_mode)(header->pins[i][1] & 15), header->pins[i][1] >> 4 & 1);
        if (result < 0) life_log("boot: pin %d cannot be set (%d)", header->pins[i][0], result);
    }
}

// Decides, tells of what is taken back and takes note for this boot. Returns the decision; `slots` is what flash had.
static struct boot_decision decide(struct slot_state slots[BUNDLE_SLOTS])
{
    char why[LIFE_WHY_MAX + 1];
    uint8_t crashes = (uint8_t)life_crashes();
    enum boot_end end = life_last_end(why);
    life.asked = end == BOOT_END_ASKED;
    life_count_boot(end);
    struct trials_boot trials = trials_boot(port_reset_reason(), end, crashes, slots);
    struct boot_decision decision = trials.decision;
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
    return decision;
}

int hearth_main(void)
{
    struct slot_state slots[BUNDLE_SLOTS];
    uint8_t api_hash[8];
    char hash[17];
    JSContext *ctx;
    JSValue function;
    const uint8_t *body;
    if (psa_crypto_init() != PSA_SUCCESS) idle("boot: no cryptography");
    bridge_api_hash(api_hash);
    slots_start(embedded_descriptor.engine_id, api_hash);
    struct boot_decision decision = decide(slots);
    life.slot = decision.run;
    life.trial = decision.trial;
    if (decision.run >= 0) {
        life.header = slots[decision.run].header;
        const uint8_t *map = port_flash_map((enum port_partition)decision.run);
        if (map == NULL) idle("boot: flash cannot be mapped");
        body = map + BUNDLE_BODY_OFFSET;
    } else {
        bool espnow = recovery_is_espnow();
        const uint8_t *recovery = espnow ? embedded_recovery_espnow : embedded_recovery;
        size_t size = espnow ? embedded_recovery_espnow_size : embedded_recovery_size;
        if (size < BUNDLE_HEADER_SIZE || bundle_header_parse(recovery, (uint32_t)(size - BUNDLE_HEADER_SIZE), &life.header) < 0) {
            idle("boot: no valid bundle and no recovery bundle");
        }
        body = recovery + BUNDLE_HEADER_SIZE;
    }
    apply_pins(&life.header);
    hex_text(hash, life.header.sha256, 8);
    // In place of the boot loader's.
    vm_watchdog(life_on_trial() ? TRIAL_WATCHDOG_S * 1000 : 0);
    if (vm_start(body, life.header.length, &ctx, &function) < 0) life_crash("the bundle cannot be loaded", "");
    if (life.firmware_trial) port_log("boot: this firmware is on trial");
    if (life.config_trial) port_log("boot: config.txt is on trial");
    life_log("boot: %s %s %s slot %d%s%s%s, bytecode in flash: %s, heap raw %lu base %lu now %lu", life.header.profile,
             life.header.version, hash, life.slot, life.trial ? ", on trial" : "", life.slot < 0 ? ", recovery: " : "",
             life.recovery_why, vm_in_place() ? "yes" : "no", (unsigned long)vm_live_raw(), (unsigned long)vm_live_base(),
             (unsigned long)vm_live());
    loop_run(ctx, function);
}
