// A new firmware: taking its image in, and what became of the last one. Which one runs is the boot loader's decision (port.h). No engine.
#ifndef HEARTH_FIRMWARE_H
#define HEARTH_FIRMWARE_H

#include "boot.h"

// Taking an image in: begin, write..., commit. begin returns the offset to go on from; PORT_EINVAL for size 0, PORT_EFULL when it
// does not fit, PORT_EBUSY while the running firmware is on trial, PORT_ENOTSUP without slots.
int firmware_begin(uint32_t size, const uint8_t sha256[32]);
// PORT_EINVAL unless `offset` is where the last write ended and the bytes fit the announced size.
int firmware_write(uint32_t offset, const void *bytes, size_t length);
// As slot_erase_due and slot_erase_ahead.
bool firmware_erase_due(void);
void firmware_erase_ahead(void);
// PORT_EINVAL when it is not whole, PORT_EBAD when it is not what was announced or no image for this machine: it is dropped then.
int firmware_commit(void);
int firmware_confirm(void);

// Once at boot: true when the running firmware is on trial. `back` says why a new firmware was taken back by this very boot.
bool firmware_boot(enum port_reset reset, enum boot_end end, enum slot_why *back);
// True while a new firmware waits for the next boot, or runs on trial.
bool firmware_is_due(void);
// Notes why the running firmware goes and restarts into the other one. Returns only when there is no other.
void firmware_reject(enum slot_why why);
// The image that was taken back last: fills its hash, returns why; WHY_NONE if there is none.
int firmware_last_rejected(uint8_t hash[8]);

#endif
