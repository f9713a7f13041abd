// engine_test, a PC program: runs scripts with the patched engine as the firmware has it, all intrinsics and the parser added. It is how
// the engine's own tests are run, which need `console.log`, `std.gc` and `os.setTimeout` (called back when the script has ended).
#include "script_file.h"

#include <quickjs.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { TIMERS_MAX = 16, STACK_BYTES = 1 << 20 };

static JSValue timers[TIMERS_MAX];
static int timer_count;

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "engine_test: %s %s\n", what, name);
    exit(2);
}

static JSValue log_line(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)self;
    for (int i = 0; i < count; i++) {
        const char *text = JS_ToCString(ctx, values[i]);
        if (text == NULL) return JS_EXCEPTION;
        printf("%s%s", i > 0 ? " " : "", text);
        JS_FreeCString(ctx, text);
    }
    putchar('\n');
    return JS_UNDEFINED;
}

static JSValue collect(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)self, (void)count, (void)values;
    JS_RunGC(JS_GetRuntime(ctx));
    return JS_UNDEFINED;
}

static JSValue set_timeout(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)self, (void)count;
    if (timer_count == TIMERS_MAX) return JS_ThrowInternalError(ctx, "too many timers");
    timers[timer_count++] = JS_DupValue(ctx, values[0]);
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry console_functions[] = {JS_CFUNC_DEF("log", 1, log_line)};
static const JSCFunctionListEntry std_functions[] = {JS_CFUNC_DEF("gc", 0, collect)};
static const JSCFunctionListEntry os_functions[] = {JS_CFUNC_DEF("setTimeout", 2, set_timeout),
                                                    JS_PROP_STRING_DEF("platform", "linux", 0)};

static void add_global(JSContext *ctx, const char *name, const JSCFunctionListEntry *entries, int count)
{
    JSValue global = JS_GetGlobalObject(ctx), object = JS_NewObject(ctx);
    JS_SetPropertyFunctionList(ctx, object, entries, count);
    if (JS_SetPropertyStr(ctx, global, name, object) < 0) fail("no memory for", name);
    JS_FreeValue(ctx, global);
}

static bool tell_exception(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, error);
    JSValue stack = JS_IsObject(error) ? JS_GetPropertyStr(ctx, error, "stack") : JS_UNDEFINED;
    const char *trace = JS_ToCString(ctx, stack);
    fprintf(stderr, "%s\n%s", text != NULL ? text : "exception", trace != NULL && !JS_IsUndefined(stack) ? trace : "");
    JS_FreeCString(ctx, text);
    JS_FreeCString(ctx, trace);
    JS_FreeValue(ctx, stack);
    JS_FreeValue(ctx, error);
    return false;
}

// Promise jobs, then timers, until there are none.
static bool run_rest(JSContext *ctx)
{
    JSContext *job;
    for (;;) {
        int ran;
        while ((ran = JS_ExecutePendingJob(JS_GetRuntime(ctx), &job)) > 0) continue;
        if (ran < 0) return tell_exception(job);
        if (timer_count == 0) return true;
        JSValue timer = timers[0];
        memmove(timers, timers + 1, sizeof timers[0] * (size_t)--timer_count);
        JSValue result = JS_Call(ctx, timer, JS_UNDEFINED, 0, NULL);
        JS_FreeValue(ctx, timer);
        if (JS_IsException(result)) return tell_exception(ctx);
        JS_FreeValue(ctx, result);
    }
}

static bool run_files(JSContext *ctx, char **paths, int flags)
{
    for (; *paths != NULL; paths++) {
        size_t length;
        char *text = script_file(*paths, &length);
        if (text == NULL) fail("cannot read", *paths);
        JSValue result = JS_Eval(ctx, text, length, *paths, flags);
        free(text);
        if (JS_IsException(result)) return tell_exception(ctx);
        bool rejected = JS_IsObject(result) && JS_PromiseState(ctx, result) == JS_PROMISE_REJECTED;
        if (rejected) JS_Throw(ctx, JS_PromiseResult(ctx, result));
        JS_FreeValue(ctx, result);
        if (rejected) return tell_exception(ctx);
    }
    return run_rest(ctx);
}

int main(int argc, char **argv)
{
    char **paths = argv + 1;
    int flags = JS_EVAL_TYPE_GLOBAL;
    size_t limit = 0;
    for (; *paths != NULL && (*paths)[0] == '-'; paths++) {
        if (strcmp(*paths, "--module") == 0) flags = JS_EVAL_TYPE_MODULE;
        else if (strcmp(*paths, "--strict") == 0) flags |= JS_EVAL_FLAG_STRICT;
        else if (strncmp(*paths, "--limit=", 8) == 0) limit = strtoul(*paths + 8, NULL, 10);
        else fail("unknown option", *paths);
    }
    if (argc < 2 || *paths == NULL) {
        fputs("usage: engine_test [--module] [--strict] [--limit=BYTES] SCRIPT.js...\n"
              "Runs the scripts in one global scope. 1: one of them threw. --limit: of the heap, once it is set up.\n", stderr);
        return 2;
    }
    JSRuntime *rt = JS_NewRuntime();
    if (rt == NULL) fail("no memory", "");
    JS_SetMaxStackSize(rt, STACK_BYTES);
    JSContext *ctx = JS_NewContext(rt);
    if (ctx == NULL) fail("no memory", "");
    add_global(ctx, "console", console_functions, 1);
    add_global(ctx, "std", std_functions, 1);
    add_global(ctx, "os", os_functions, 2);
    if (limit > 0) JS_SetMemoryLimit(rt, limit);
    bool good = run_files(ctx, paths, flags);
    JS_SetMemoryLimit(rt, SIZE_MAX);
    while (timer_count > 0) JS_FreeValue(ctx, timers[--timer_count]);
    JS_FreeContext(ctx);
    JS_FreeRuntime(rt);
    return good ? 0 : 1;
}
