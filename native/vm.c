// Sets the engine up over the port's heap. The order matters: the names of a program image come before all others that are made,
// because its functions have their numbers.
#include "vm.h"
#include "bridge.h"
#include "embedded.h"

#include <program_image.h>

enum {
    GC_THRESHOLD = 64 * 1024, // the engine's own, 256 KB, is more than a whole heap
    STACK_MARGIN = 2048,      // the engine overshoots its limit by that much
    TURN_MARGIN_MS = 1000,    // left before the watchdog to record what was going on
};

static JSRuntime *runtime;
static size_t live, peak, live_raw, live_base;
static bool in_place;
static uint64_t turn_deadline_us;
static bool timed_out;

static void account(JSMallocState *state, size_t before, size_t after)
{
    state->malloc_size += after - before;
    live = state->malloc_size;
    if (live > peak) peak = live;
}

static void *heap_alloc(JSMallocState *state, size_t size)
{
    if (state->malloc_size + size > state->malloc_limit) return NULL;
    void *pointer = port_heap_alloc(size);
    if (pointer == NULL) return NULL;
    state->malloc_count++;
    account(state, 0, port_heap_block_size(pointer));
    return pointer;
}

static void heap_free(JSMallocState *state, void *pointer)
{
    if (pointer == NULL) return;
    state->malloc_count--;
    account(state, port_heap_block_size(pointer), 0);
    port_heap_free(pointer);
}

static void *heap_realloc(JSMallocState *state, void *pointer, size_t size)
{
    if (pointer == NULL) return size == 0 ? NULL : heap_alloc(state, size);
    if (size == 0) {
        heap_free(state, pointer);
        return NULL;
    }
    size_t before = port_heap_block_size(pointer);
    if (size > before && state->malloc_size + (size - before) > state->malloc_limit) return NULL;
    void *moved = port_heap_realloc(pointer, size);
    if (moved == NULL) return NULL;
    account(state, before, port_heap_block_size(moved));
    return moved;
}

static const JSMallocFunctions heap_functions = {heap_alloc, heap_free, heap_realloc, port_heap_block_size};

static int interrupt(JSRuntime *rt, void *opaque)
{
    (void)rt;
    (void)opaque;
    port_yield();
    if (timed_out || turn_deadline_us == 0 || port_now_us() < turn_deadline_us) return 0;
    timed_out = true;
    return 1;
}

static bool make_runtime(void)
{
    JS_SetRomNames(embedded_names_size > 0 ? embedded_names : NULL);
    runtime = JS_NewRuntime2(&heap_functions, NULL);
    if (runtime == NULL) return false;
    size_t stack = port_stack_limit();
    JS_SetMaxStackSize(runtime, stack > 2 * STACK_MARGIN ? stack - STACK_MARGIN : stack / 2);
    JS_SetGCThreshold(runtime, GC_THRESHOLD);
    JS_SetInterruptHandler(runtime, interrupt, NULL);
    return true;
}

int vm_start(const uint8_t *body, size_t length, JSContext **context, JSValue *function)
{
    JSMemoryUsage usage;
    bool is_image = program_image_claimed(body, length);
    if (!make_runtime() || (is_image && program_image_add_names(runtime, body, length) < 0)) return -1;
    JSContext *ctx = JS_NewContextRaw(runtime);
    if (ctx == NULL) return -1;
    *context = ctx;
    live_raw = live;
    if (is_image) *function = program_image_main(ctx, body);
    else *function = JS_ReadObject(ctx, body, length, JS_READ_OBJ_BYTECODE);
    if (JS_IsException(*function)) return -1;
    JS_ComputeMemoryUsage(runtime, &usage);
    in_place = usage.js_func_code_size == 0;
    size_t before = live;
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    if (bridge_install(ctx) < 0) return -1;
    live_base = live_raw + (live - before);
    return 0;
}

void vm_stop(JSContext *ctx)
{
    JS_FreeContext(ctx);
    JS_FreeRuntime(runtime);
    runtime = NULL;
    peak = 0;
    timed_out = false;
}

JSValue vm_unwind(JSContext *ctx)
{
    JSValue error = JS_NewError(ctx);
    // Without memory for it the program may go on until its turn is over.
    if (JS_IsException(error)) return error;
    JS_SetUncatchableError(ctx, error, true);
    return JS_Throw(ctx, error);
}

bool vm_in_place(void)
{
    return in_place;
}

size_t vm_live(void)
{
    return live;
}

size_t vm_peak(void)
{
    return peak;
}

size_t vm_live_raw(void)
{
    return live_raw;
}

size_t vm_live_base(void)
{
    return live_base;
}

void vm_limit(size_t bytes)
{
    if (runtime != NULL) JS_SetMemoryLimit(runtime, bytes == 0 ? SIZE_MAX : bytes);
}

void vm_watchdog(uint32_t ms)
{
    uint64_t now_us = port_now_us();
    uint32_t margin_ms = ms > 2 * TURN_MARGIN_MS ? TURN_MARGIN_MS : ms / 2;
    turn_deadline_us = ms == 0 ? 0 : now_us + (uint64_t)(ms - margin_ms) * 1000;
    port_watchdog_set(ms == 0 ? 0 : now_us + (uint64_t)ms * 1000);
}

bool vm_timed_out(void)
{
    return timed_out;
}
