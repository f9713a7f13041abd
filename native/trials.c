// Carries the decision at boot out in an order in which a cut of the power at any place leaves what the next boot decides alike.
#include "trials.h"
#include "config_trial.h"
#include "firmware.h"

struct trials_boot trials_boot(enum port_reset reset, enum boot_end end, uint8_t crashes, struct slot_state slots[BUNDLE_SLOTS])
{
    struct trials_boot out = {0};
    struct boot_input input = {.reset = reset, .end = end, .crashes = crashes};
    out.firmware_trial = firmware_boot(reset, end, &out.firmware_back);
    input.firmware_back = out.firmware_back != WHY_NONE;
    slots_protect(out.firmware_trial);
    input.config = config_state();
    for (int i = 0; i < BUNDLE_SLOTS; i++) {
        slot_read((enum port_partition)i, &slots[i]);
        input.slot[i] = (struct boot_slot){slots[i].valid, slots[i].confirmed, slots[i].rejected != WHY_NONE,
                                           slots[i].header.sequence, slots[i].tried};
    }
    out.decision = boot_decide(&input);
    for (int i = 0; i < BUNDLE_SLOTS; i++) {
        // If it fails the next boot decides alike.
        if (out.decision.reject[i] != WHY_NONE) (void)slot_mark_rejected((enum port_partition)i, out.decision.reject[i]);
    }
    if (out.decision.reject_config != WHY_NONE) config_revert(out.decision.reject_config);
    if (out.decision.config_trial) config_mark_tried(input.config.tried);
    if (out.decision.tried >= 0) (void)slot_mark_tried((enum port_partition)out.decision.run, out.decision.tried);
    return out;
}

void trials_deadline(int bundle, bool config, bool firmware)
{
    if (config) config_revert(WHY_DEADLINE);
    if (bundle >= 0) (void)slot_mark_rejected((enum port_partition)bundle, WHY_DEADLINE);
    if (firmware) firmware_reject(WHY_DEADLINE);
}
