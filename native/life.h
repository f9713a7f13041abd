// What a boot knows of itself and leaves for the next one: the running bundle, the way it ends, the recorded exception.
#ifndef HEARTH_LIFE_H
#define HEARTH_LIFE_H

#include "boot.h"

enum { LIFE_WHY_MAX = 95, TRIAL_DEADLINE_S = 300, TRIAL_WATCHDOG_S = 15 };
static const char life_space[] = "hearth";
// The end of RTC memory is the program's (mod_sleep.c).
enum { LIFE_RTC_PROGRAM_SIZE = 128 };

struct life {
    int slot; // -1: recovery
    enum port_reset reset;               // why this program was started: without a reset of the chip as after one by software
    uint64_t began_us;                   // of port_now_us: the program's clock begins here
    bool over;                           // the program has ended: the slots decide anew, without a reset of the chip
    bool trial, asked;                   // the bundle is on trial; the last restart was asked for
    bool firmware_trial, config_trial;
    bool watchdog_taken; // the program has set the watchdog itself
    struct bundle_header header;
    char recovery_why[LIFE_WHY_MAX + 1];
};
extern struct life life;

static inline bool life_on_trial(void)
{
    return life.trial || life.firmware_trial || life.config_trial;
}

// Microseconds since the program's start.
uint64_t life_now_us(void);

// Reads and forgets what the last boot left in RTC memory.
enum boot_end life_last_end(char why[LIFE_WHY_MAX + 1]);
int life_crashes(void);
void life_set_crashes(int count);

// These do not return. `why` (may be NULL: keeps what is there) is stored as the reboot reason.
void life_restart(const char *why, enum boot_end end) __attribute__((noreturn));
// The same without a reset of the chip where that is possible: then it returns with `over` set, and the program is to be ended. It is not
// while a firmware waits for the next boot or is on trial, which is the boot loader's to see.
void life_end_program(const char *why);
// Restarts because of an uncaught exception, which is stored first.
void life_crash(const char *message, const char *stack) __attribute__((noreturn));
void life_recover(const char *why) __attribute__((noreturn));
// Counts this boot by its cause, as text in NVS: see life.c.
void life_count_boot(enum boot_end end);
// Takes everything that is on trial back and restarts.
void life_trial_deadline(void) __attribute__((noreturn));

// Marks the running bundle permanent, ends its trial, clears the crash count. PORT_OK or the error of the flash.
int life_confirm(void);
int life_store_exception(const char *message, const char *stack);
void life_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
