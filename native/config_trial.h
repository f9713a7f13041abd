// The configuration on trial: config.txt, the one that was proven before it, and which of them is in force. No engine.
#ifndef HEARTH_CONFIG_TRIAL_H
#define HEARTH_CONFIG_TRIAL_H

#include "boot.h"

// What config.txt was before the trial; nobody else may write it.
#define CONFIG_OLD "config.old"

// Puts the file `from` in config.txt's place, on trial if there was one before. PORT_ENOENT when there is no such file, or what the
// medium says: config.txt is then as it was.
int config_try(const char *from);
int config_confirm(void);
// Puts the old configuration back.
void config_revert(enum slot_why why);

// For the decision at boot: the trial's state; and the mark of one more boot of it.
struct boot_config config_state(void);
void config_mark_tried(int tried);
// The configuration that was taken back last: fills its hash, returns why; WHY_NONE if there is none.
int config_last_rejected(uint8_t hash[8]);

#endif
