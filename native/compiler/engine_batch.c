// engine_batch, a PC program: runs many scripts with the engine and the intrinsics that the firmware has, and the parser, each in a process and
// a context of its own. It tells what each ended with; what that means is its caller's (tests/support/test262.ts). Builds with the engine as it
// is released too.
#include "script_file.h"

#include <quickjs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192, FIELDS_MAX = 16, STACK_BYTES = 1 << 20, SECONDS_MAX = 20, BAD_USE = 2 };

static JSValue print(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)ctx, (void)self, (void)count, (void)values;
    return JS_UNDEFINED;
}

static JSValue collect(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)self, (void)count, (void)values;
    JS_RunGC(JS_GetRuntime(ctx));
    return JS_UNDEFINED;
}

static JSValue detach(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)self;
    if (count > 0) JS_DetachArrayBuffer(ctx, values[0]);
    return JS_NULL;
}

static JSValue eval_script(JSContext *ctx, JSValueConst self, int count, JSValueConst *values)
{
    (void)self;
    size_t length;
    const char *text = count > 0 ? JS_ToCStringLen(ctx, &length, values[0]) : NULL;
    if (text == NULL) return JS_EXCEPTION;
    JSValue result = JS_Eval(ctx, text, length, "evalScript", JS_EVAL_TYPE_GLOBAL);
    JS_FreeCString(ctx, text);
    return result;
}

static const JSCFunctionListEntry host_functions[] = {
    JS_CFUNC_DEF("gc", 0, collect),
    JS_CFUNC_DEF("detachArrayBuffer", 1, detach),
    JS_CFUNC_DEF("evalScript", 1, eval_script),
};
enum { HOST_FUNCTIONS = sizeof host_functions / sizeof host_functions[0] };

static JSContext *new_context(void)
{
    JSRuntime *rt = JS_NewRuntime();
    if (rt == NULL) return NULL;
    JS_SetMaxStackSize(rt, STACK_BYTES);
    JSContext *ctx = JS_NewContextRaw(rt);
    if (ctx == NULL) return NULL;
    // As vm_start of native/vm.c.
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicEval(ctx);
    // What the tests expect of their host.
    JSValue global = JS_GetGlobalObject(ctx), host = JS_NewObject(ctx);
    JS_SetPropertyFunctionList(ctx, host, host_functions, HOST_FUNCTIONS);
    JS_SetPropertyStr(ctx, host, "global", JS_DupValue(ctx, global));
    JS_SetPropertyStr(ctx, global, "$262", host);
    JS_SetPropertyStr(ctx, global, "print", JS_NewCFunction(ctx, print, "print", 1));
    JS_FreeValue(ctx, global);
    return ctx;
}

static void tell_text(const char *text)
{
    for (; *text != '\0'; text++) putchar((unsigned char)*text < ' ' ? ' ' : *text);
}

// "threw", the name of what was thrown, and its text.
static void tell_exception(JSContext *ctx, const char *id)
{
    JSValue error = JS_GetException(ctx);
    JSValue constructor = JS_IsObject(error) ? JS_GetPropertyStr(ctx, error, "constructor") : JS_UNDEFINED;
    JSValue name = JS_IsObject(constructor) ? JS_GetPropertyStr(ctx, constructor, "name") : JS_UNDEFINED;
    const char *name_text = JS_IsUndefined(name) ? NULL : JS_ToCString(ctx, name), *text = JS_ToCString(ctx, error);
    printf("%s\tthrew\t", id);
    tell_text(name_text != NULL ? name_text : "");
    putchar('\t');
    tell_text(text != NULL ? text : "");
    putchar('\n');
}

// In a process of its own: all scripts in one global scope; the last one is the test.
static void run(const char *id, const char *mode, char **paths, int count)
{
    JSContext *ctx = new_context();
    if (ctx == NULL) exit(BAD_USE);
    for (int i = 0; i < count; i++) {
        size_t length;
        char *text = script_file(paths[i], &length);
        if (text == NULL) {
            fprintf(stderr, "engine_batch: cannot read %s\n", paths[i]);
            exit(BAD_USE);
        }
        bool strict = i == count - 1 && strcmp(mode, "strict") == 0;
        JSValue result = JS_Eval(ctx, text, length, paths[i], JS_EVAL_TYPE_GLOBAL | (strict ? JS_EVAL_FLAG_STRICT : 0));
        free(text);
        if (JS_IsException(result)) return tell_exception(ctx, id);
        JS_FreeValue(ctx, result);
    }
    // Nothing may be held any more: the engine asserts it.
    JSRuntime *rt = JS_GetRuntime(ctx);
    JS_FreeContext(ctx);
    JS_FreeRuntime(rt);
    printf("%s\tran\n", id);
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    (void)argv;
    if (argc > 1) {
        fputs("usage: engine_batch < LIST\n"
              "Each line of LIST: an id, `strict` or `sloppy`, and the scripts of one run, with tabs between. Answers with a line for each: the id\n"
              "and `ran`, or `threw`, the name of the exception's constructor and its text, or `died` and the signal.\n", stderr);
        return BAD_USE;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *fields[FIELDS_MAX];
        int count = 0;
        for (char *field = strtok(line, "\t\n"); field != NULL && count < FIELDS_MAX; field = strtok(NULL, "\t\n")) fields[count++] = field;
        if (count < 3) return BAD_USE;
        fflush(stdout);
        pid_t child = fork();
        if (child < 0) return BAD_USE;
        if (child == 0) {
            struct rlimit seconds = {SECONDS_MAX, SECONDS_MAX}, no_core = {0, 0};
            setrlimit(RLIMIT_CPU, &seconds);
            setrlimit(RLIMIT_CORE, &no_core);
            run(fields[0], fields[1], fields + 2, count - 2);
            fflush(stdout);
            _exit(0);
        }
        int status = 0;
        if (waitpid(child, &status, 0) != child) return BAD_USE;
        if (WIFSIGNALED(status)) printf("%s\tdied\t%s\n", fields[0], strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 0) return BAD_USE;
    }
    return 0;
}
