// The native loop: one turn of JavaScript, then one wait over sockets, events and the next deadline. An exception that nobody
// caught is recorded and restarts the chip; a trial that is not confirmed in time is taken back here, whatever the bundle does.
#include "loop.h"
#include "bridge.h"
#include "firmware.h"
#include "life.h"
#include "slots.h"
#include "vm.h"

#include <math.h>

enum { CRASH_WATCHDOG_MS = 10000 };

static JSValue turn;
static bool has_turn;

void loop_set_turn(JSContext *ctx, JSValueConst function)
{
    if (has_turn) JS_FreeValue(ctx, turn);
    turn = JS_DupValue(ctx, function);
    has_turn = true;
}

// Records the pending exception and restarts. It may be anything, also `null` when there was no memory for an Error.
static void crash(JSContext *ctx) __attribute__((noreturn));
static void crash(JSContext *ctx)
{
    bool too_long = vm_timed_out();
    vm_watchdog(CRASH_WATCHDOG_MS); // time to record; still bounded
    JSValue error = JS_GetException(ctx);
    vm_limit(0);
    JSValue stack = JS_IsError(ctx, error) ? JS_GetPropertyStr(ctx, error, "stack") : JS_UNDEFINED;
    const char *stack_text = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
    const char *message = NULL;
    if (too_long) message = "turn took too long";
    else if (JS_IsNull(error)) message = "out of memory";
    else message = JS_ToCString(ctx, error);
    life_crash(message != NULL ? message : "exception without a text", stack_text != NULL ? stack_text : "");
}

// Looks at what evaluation or a turn gave back; it is freed when the program is over.
static bool is_over(JSContext *ctx, JSValue result)
{
    if (life.over) JS_FreeValue(ctx, result);
    else if (JS_IsException(result)) crash(ctx);
    return life.over;
}

// The turn's answer as a deadline in microseconds.
static uint64_t deadline_of(JSContext *ctx, JSValue result)
{
    double ms;
    if (!JS_IsNumber(result) || JS_ToFloat64(ctx, &ms, result) < 0 || isnan(ms)) {
        JS_FreeValue(ctx, result);
        JS_ThrowTypeError(ctx, "turn did not return a deadline");
        crash(ctx);
    }
    JS_FreeValue(ctx, result);
    if (ms <= 0) return 0;
    if (ms >= 9.0e12) return UINT64_MAX;
    // The first microsecond at which now(), a double too, is not before `ms`: one less, and the loop would turn in vain until then.
    uint64_t us = (uint64_t)ceil(ms * 1000.0);
    return life.began_us + ((double)us / 1000.0 < ms ? us + 1 : us);
}

// What is on trial is watched from its first turn on, also where the program arms the watchdog late or never. From the moment the
// program says anything of the watchdog it is the program's.
static void bound_turn(void)
{
    if (life_on_trial() && !life.watchdog_taken) vm_watchdog(TRIAL_WATCHDOG_S * 1000);
}

// The wait may take its time, and no more.
static void bound_wait(uint64_t deadline_us)
{
    uint64_t now_us = port_now_us();
    uint64_t wait_us = deadline_us > now_us ? deadline_us - now_us : 0;
    if (!life.watchdog_taken) vm_watchdog(life_on_trial() ? (uint32_t)(wait_us / 1000) + TRIAL_WATCHDOG_S * 1000 : 0);
}

// An update waits for its data: a sector is erased meanwhile, and then the turn comes again, so that nothing waits for more than one.
static void erase_ahead(void)
{
    if (slot_erase_due()) slot_erase_ahead();
    else firmware_erase_ahead();
}

static void run(JSContext *ctx, JSValue function)
{
    struct port_wait_fd fds[SOCKETS_MAX];
    bound_turn();
    JSValue result = JS_EvalFunction(ctx, function);
    if (is_over(ctx, result)) return;
    JS_FreeValue(ctx, result);
    for (;;) {
        uint64_t deadline_us = UINT64_MAX;
        bool bounded = life_on_trial();
        if (has_turn) {
            bound_turn();
            result = JS_Call(ctx, turn, JS_UNDEFINED, 0, NULL);
            if (is_over(ctx, result)) return;
            deadline_us = deadline_of(ctx, result);
        }
        if (life_on_trial()) {
            uint64_t trial_us = life.began_us + (uint64_t)TRIAL_DEADLINE_S * 1000000;
            if (port_now_us() >= trial_us) life_trial_deadline();
            if (trial_us < deadline_us) deadline_us = trial_us;
        }
        if (bounded) bound_wait(deadline_us);
        int count = sockets_wanted(fds);
        bool ahead = (slot_erase_due() || firmware_erase_due()) && port_now_us() < deadline_us;
        int ready = port_wait(fds, count, ahead ? 0 : deadline_us);
        if (ready > 0) sockets_ready(fds, count);
        else if (ahead) erase_ahead();
    }
}

void loop_run(JSContext *ctx, JSValue function)
{
    run(ctx, function);
    if (has_turn) JS_FreeValue(ctx, turn);
    has_turn = false;
}
