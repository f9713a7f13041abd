// Running a bundle: the only place that calls JavaScript after boot.
#ifndef HEARTH_LOOP_H
#define HEARTH_LOOP_H

#include <quickjs.h>

// Evaluates the bundle and runs its turns for good: what ends it restarts the chip.
void loop_run(JSContext *ctx, JSValue function) __attribute__((noreturn));

#endif
