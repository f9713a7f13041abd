// Running a bundle: the only place that calls JavaScript after boot.
#ifndef HEARTH_LOOP_H
#define HEARTH_LOOP_H

#include <quickjs.h>

// Evaluates the bundle and runs its turns until the program is over (life.over); what ends it otherwise restarts the chip.
void loop_run(JSContext *ctx, JSValue function);

#endif
