// The engine: set-up, memory accounting, and ending turns that take too long. It never calls JavaScript.
#ifndef HEARTH_VM_H
#define HEARTH_VM_H

#include "port.h"

#include <quickjs.h>

// Makes runtime and context and takes the bundle's body in: a program image, which stays where it is, or ordinary bytecode, which is copied
// into the heap. `function` is what to evaluate. 0, or -1 when the body cannot be read or memory is out.
int vm_start(const uint8_t *body, size_t length, JSContext **context, JSValue *function);
// Whether the program is executed in place.
bool vm_in_place(void);
// Frees all that the program has made, and the engine. vm_start may follow.
void vm_stop(JSContext *ctx);
// An exception that no JavaScript can catch: the way out of a program that is to end.
JSValue vm_unwind(JSContext *ctx);
// Bytes as the port's heap accounts for them.
size_t vm_live(void);
size_t vm_peak(void);
// Live bytes right after the raw context, and after intrinsics and `native`; without what the bundle takes.
size_t vm_live_raw(void);
size_t vm_live_base(void);
// Bytes the engine may use; 0: no limit.
void vm_limit(size_t bytes);

// Arms the watchdog for `ms` from now, 0 disarms. A turn is ended a second earlier, so that it can be recorded.
void vm_watchdog(uint32_t ms);
// True when a turn was ended; it is not ended again.
bool vm_timed_out(void);

#endif
