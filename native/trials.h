// The trials of firmware, bundle and configuration together: what a boot decides and writes before anything runs, and what a missed
// deadline takes back. The rules are boot.c's, the bytes slots.c's, firmware.c's and config_trial.c's. No engine.
#ifndef HEARTH_TRIALS_H
#define HEARTH_TRIALS_H

#include "boot.h"

struct trials_boot {
    struct boot_decision decision;
    bool firmware_trial;          // the running firmware is on trial
    enum slot_why firmware_back;  // why a new firmware was taken back by this very boot
};

// Decides, and leaves flash, NVS and files as decided; the crash count is the caller's to keep. `slots` is filled with what flash had.
struct trials_boot trials_boot(enum port_reset reset, enum boot_end end, uint8_t crashes, struct slot_state slots[BUNDLE_SLOTS]);

// Takes back what is on trial: the bundle of that slot (-1: none), the configuration, the firmware. Taking a firmware back restarts into
// the other one, so that it returns only where there is none.
void trials_deadline(int bundle, bool config, bool firmware);

#endif
