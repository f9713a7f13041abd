// The decision at boot: a pure function from what flash and the last end say to what runs now. Small enough to be enumerated.
#ifndef HEARTH_BOOT_H
#define HEARTH_BOOT_H

#include "port.h"
#include "slots.h"

enum { CRASHES_MAX = 3 }; // in a row, without a confirmation

// How the last boot ended, beyond the reset reason; from RTC memory.
enum boot_end {
    BOOT_END_PLAIN = 0,
    BOOT_END_ASKED = 1,   // a person or a tool wanted the restart
    BOOT_END_CRASH = 2,   // restarted after an uncaught exception
    BOOT_END_RECOVER = 3, // the bundle asked for recovery
};

enum boot_recovery { BOOT_NO_RECOVERY = 0, BOOT_RECOVERY_NONE = 1, BOOT_RECOVERY_CRASHLOOP = 2, BOOT_RECOVERY_ASKED = 3 };

struct boot_slot {
    bool valid, confirmed, rejected;
    uint32_t sequence;
    uint8_t tried;
};
struct boot_config {
    bool trial;    // a new configuration that has not proved itself
    uint8_t tried; // its boots so far
};
struct boot_input {
    struct boot_slot slot[2];
    struct boot_config config;
    bool firmware_back; // a new firmware was taken back by this very boot
    enum port_reset reset;
    enum boot_end end;
    uint8_t crashes; // before this boot
};
struct boot_decision {
    int run;                     // 0, 1, or -1 for recovery
    enum boot_recovery recovery; // why, when run is -1
    bool trial;               // what runs is on trial
    int tried;                // the tried mark to set before running, -1 none
    enum slot_why reject[2];  // marks to set first
    uint8_t crashes;              // the count to keep
    bool config_trial;            // the configuration is on trial in this boot: to be marked
    enum slot_why reject_config;  // the old configuration is to be put back first
};

// Why a trial that was booted before and never confirmed is taken back; WHY_NONE: it may go on.
enum slot_why boot_trial_end(enum port_reset reset, enum boot_end end);

struct boot_decision boot_decide(const struct boot_input *in);

#endif
