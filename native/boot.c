// Which bundle runs: the newest one that is valid and was not taken back; a trial that ended badly is taken back; a permanent
// bundle that keeps crashing gives way. The same for the configuration. Touches nothing: main.c carries the decision out.
#include "boot.h"

enum slot_why boot_trial_end(enum port_reset reset, enum boot_end end)
{
    switch (reset) {
    case PORT_RESET_PANIC: return WHY_CRASH;
    case PORT_RESET_WATCHDOG: return WHY_WATCHDOG;
    case PORT_RESET_POWER_ON:
    case PORT_RESET_BROWNOUT: return WHY_POWER;
    case PORT_RESET_DEEP_SLEEP: return WHY_NONE;
    case PORT_RESET_SOFTWARE: break;
    }
    switch (end) {
    case BOOT_END_CRASH: return WHY_CRASH;
    case BOOT_END_ASKED: return WHY_NONE; // a restart that someone wants is no fault of what is on trial
    case BOOT_END_RECOVER: return WHY_CONFIG;
    case BOOT_END_PLAIN: break;
    }
    return WHY_RESTART;
}

struct boot_decision boot_decide(const struct boot_input *in)
{
    struct boot_decision out = {.run = -1, .tried = -1, .crashes = in->crashes};
    bool crashed = in->reset == PORT_RESET_PANIC || in->reset == PORT_RESET_WATCHDOG ||
                   (in->reset == PORT_RESET_SOFTWARE && in->end == BOOT_END_CRASH);
    bool recover = in->reset == PORT_RESET_SOFTWARE && in->end == BOOT_END_RECOVER;
    bool usable[2];
    if (in->config.trial) {
        if (in->config.tried > 0) out.reject_config = boot_trial_end(in->reset, in->end);
        if (out.reject_config == WHY_NONE && in->config.tried >= TRIAL_BOOTS_MAX) out.reject_config = WHY_RESTART;
        out.config_trial = out.reject_config == WHY_NONE;
    }
    // What a firmware or a configuration did that has just been taken back does not count against a permanent bundle, and a
    // configuration that could not be used is no fault of a bundle on trial either.
    if (in->firmware_back || out.reject_config != WHY_NONE) crashed = recover = false;
    if (crashed && out.crashes < UINT8_MAX) out.crashes++;
    for (int i = 0; i < 2; i++) usable[i] = in->slot[i].valid && !in->slot[i].rejected;

    for (int round = 0; round < 2; round++) {
        int slot = usable[0] && (!usable[1] || in->slot[0].sequence > in->slot[1].sequence) ? 0 : 1;
        if (!usable[slot]) break;
        const struct boot_slot *state = &in->slot[slot];
        bool has_fallback = usable[1 - slot];
        enum slot_why why = WHY_NONE;
        if (state->confirmed) {
            if (round == 0 && crashed && out.crashes >= CRASHES_MAX) {
                if (!has_fallback) {
                    out.recovery = BOOT_RECOVERY_CRASHLOOP;
                    return out;
                }
                why = WHY_CRASH;
            }
        } else if (state->tried > 0) {
            // In the second round the last end was the other bundle's.
            if (round == 0) why = boot_trial_end(in->reset, in->end);
            // A first bundle keeps its trial while its config is put right: there is nothing to fall back to.
            if (why == WHY_CONFIG && (!has_fallback || !recover)) why = WHY_NONE;
            if (why == WHY_NONE && state->tried >= TRIAL_BOOTS_MAX) why = WHY_RESTART;
        }
        if (why == WHY_NONE) {
            if (recover && round == 0) {
                out.recovery = BOOT_RECOVERY_ASKED;
                return out;
            }
            out.run = slot;
            out.trial = !state->confirmed;
            if (out.trial) out.tried = state->tried;
            return out;
        }
        out.reject[slot] = why;
        out.crashes = 0; // they were that bundle's
        usable[slot] = false;
    }
    out.recovery = recover && out.reject[0] == WHY_NONE && out.reject[1] == WHY_NONE ? BOOT_RECOVERY_ASKED : BOOT_RECOVERY_NONE;
    return out;
}
