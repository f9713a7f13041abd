// hearthc, a PC program: compiles one script to the bytecode body of a bundle and writes the map that turns program counters
// into lines. It includes the pinned engine's source because the map needs the engine's internals; it knows nothing of bundles.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <quickjs.c> // found as a system header: its warnings are not ours
#include <stdbool.h>
// The engine forbids these to itself.
#undef malloc
#undef free
#undef realloc

// The raw context of this engine version makes exactly one atom. Bytecode is executed in place only when its own atoms come
// out at the numbers that are written in it, so that one must be the first. On the script's first line: lines stay right.
static const char rom_prefix[] = "typeof AggregateError;";
enum { ROM_PREFIX_LENGTH = sizeof rom_prefix - 1 };

struct source {
    char *text; // prefix and script, zero-terminated
    size_t length;
    const char *name;
};

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "hearthc: %s%s%s\n", what, name != NULL ? ": " : "", name != NULL ? name : "");
    exit(1);
}

static struct source read_source(const char *path, const char *name)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail("cannot read", path);
    size_t capacity = 1 << 20;
    struct source source = {malloc(capacity), ROM_PREFIX_LENGTH, name};
    if (source.text == NULL) fail("out of memory", NULL);
    memcpy(source.text, rom_prefix, ROM_PREFIX_LENGTH);
    for (;;) {
        if (capacity - source.length < 2) {
            capacity *= 2;
            source.text = realloc(source.text, capacity);
            if (source.text == NULL) fail("out of memory", NULL);
        }
        size_t count = fread(source.text + source.length, 1, capacity - source.length - 1, file);
        if (count == 0) break;
        source.length += count;
    }
    if (ferror(file)) fail("cannot read", path);
    fclose(file);
    source.text[source.length] = '\0';
    return source;
}

static int int_property(JSContext *ctx, JSValueConst object, const char *name)
{
    int32_t result = 0;
    JSValue value = JS_GetPropertyStr(ctx, object, name);
    if (JS_ToInt32(ctx, &result, value) != 0) result = 0;
    JS_FreeValue(ctx, value);
    return result;
}

static int script_column(int line, int column)
{
    return line == 1 && column > ROM_PREFIX_LENGTH ? column - ROM_PREFIX_LENGTH : column;
}

static JSContext *new_compiler(int strip)
{
    JSRuntime *rt = JS_NewRuntime();
    if (rt == NULL) fail("out of memory", NULL);
    JS_SetMaxStackSize(rt, 4 << 20);
    JS_SetStripInfo(rt, strip);
    JSContext *ctx = JS_NewContext(rt);
    if (ctx == NULL) fail("out of memory", NULL);
    return ctx;
}

static void free_compiler(JSContext *ctx)
{
    JSRuntime *rt = JS_GetRuntime(ctx);
    JS_FreeContext(ctx);
    JS_FreeRuntime(rt);
}

// Bundles come from modules, so they are strict code.
static JSValue compile(JSContext *ctx, const struct source *source)
{
    JSValue function = JS_Eval(ctx, source->text, source->length, source->name,
                               JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY | JS_EVAL_FLAG_STRICT);
    if (!JS_IsException(function)) return function;
    JSValue error = JS_GetException(ctx);
    const char *message = JS_ToCString(ctx, error);
    int line = int_property(ctx, error, "lineNumber");
    int column = script_column(line, int_property(ctx, error, "columnNumber"));
    fprintf(stderr, "%s:%d:%d: %s\n", source->name, line, column, message != NULL ? message : "error");
    exit(1);
}

static uint8_t *compile_blob(const struct source *source, size_t *length)
{
    JSContext *ctx = new_compiler(JS_STRIP_DEBUG);
    JSValue function = compile(ctx, source);
    uint8_t *written = JS_WriteObject(ctx, length, function, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_ROM_NAMES);
    if (written == NULL) fail("cannot write the bytecode", NULL);
    uint8_t *blob = malloc(*length);
    if (blob == NULL) fail("out of memory", NULL);
    memcpy(blob, written, *length);
    js_free(ctx, written);
    JS_FreeValue(ctx, function);
    free_compiler(ctx);
    return blob;
}

static void put_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') fprintf(out, "\\%c", byte);
        else if (byte < 0x20) fprintf(out, "\\u%04x", byte);
        else fputc(byte, out);
    }
    fputc('"', out);
}

// [[pc, line, column], ...]: where each stretch of byte code begins. The inverse of the engine's compute_pc2line_info.
static void put_lines(FILE *out, const JSFunctionBytecode *b)
{
    const uint8_t *p = b->debug.pc2line_buf, *end = p + b->debug.pc2line_len;
    uint32_t value = 0, pc = 0;
    int32_t delta = 0;
    fputc('[', out);
    if (p == NULL) fail("no line table", NULL);
    p += get_leb128(&value, p, end);
    int line = (int)value + 1;
    p += get_leb128(&value, p, end);
    int column = (int)value + 1;
    fprintf(out, "[0,%d,%d]", line, script_column(line, column));
    while (p < end) {
        unsigned op = *p++;
        if (op == 0) {
            p += get_leb128(&value, p, end);
            pc += value;
            p += get_sleb128(&delta, p, end);
            line += delta;
        } else {
            op -= PC2LINE_OP_FIRST;
            pc += op / PC2LINE_RANGE;
            line += (int)(op % PC2LINE_RANGE) + PC2LINE_BASE;
        }
        p += get_sleb128(&delta, p, end);
        column += delta;
        fprintf(out, ",[%u,%d,%d]", pc, line, script_column(line, column));
    }
    fputc(']', out);
}

struct map_writer {
    FILE *out;
    JSContext *rom_ctx, *debug_ctx;
    const uint8_t *blob;
    size_t blob_length;
    int count;
};

// Walks the function in place and the same function with debug information side by side.
static void map_function(struct map_writer *w, JSValueConst rom_value, JSValueConst debug_value)
{
    const JSFunctionBytecode *rom = JS_VALUE_GET_PTR(rom_value), *debug = JS_VALUE_GET_PTR(debug_value);
    if (rom->byte_code_len != debug->byte_code_len || rom->cpool_count != debug->cpool_count || !debug->has_debug) {
        fail("the compiles with and without debug information differ", NULL);
    }
    if (rom->byte_code_buf < w->blob || rom->byte_code_buf + rom->byte_code_len > w->blob + w->blob_length) {
        fail("byte code is not executed in place", NULL);
    }
    const char *name = debug->func_name != JS_ATOM_NULL ? JS_AtomToCString(w->debug_ctx, debug->func_name) : NULL;
    fprintf(w->out, "%s\n{\"offset\":%u,\"length\":%d,\"name\":", w->count++ > 0 ? "," : "",
            (unsigned)(rom->byte_code_buf - w->blob), rom->byte_code_len);
    put_text(w->out, name != NULL ? name : "");
    if (name != NULL) JS_FreeCString(w->debug_ctx, name);
    fprintf(w->out, ",\"constants\":%d,\"closures\":%d,\"lines\":", rom->cpool_count, rom->closure_var_count);
    put_lines(w->out, debug);
    fputc('}', w->out);
    for (int i = 0; i < rom->cpool_count; i++) {
        bool is_function = JS_VALUE_GET_TAG(rom->cpool[i]) == JS_TAG_FUNCTION_BYTECODE;
        if (is_function != (JS_VALUE_GET_TAG(debug->cpool[i]) == JS_TAG_FUNCTION_BYTECODE)) {
            fail("the compiles with and without debug information differ", NULL);
        }
        if (is_function) map_function(w, rom->cpool[i], debug->cpool[i]);
    }
}

// Reads the blob as a device does, checks that it stays where it is, and writes the map.
static void check_and_map(const struct source *source, const uint8_t *blob, size_t length, FILE *out)
{
    JSRuntime *rt = JS_NewRuntime();
    JSContext *rom_ctx = rt != NULL ? JS_NewContextRaw(rt) : NULL;
    if (rom_ctx == NULL) fail("out of memory", NULL);
    JSValue rom = JS_ReadObject(rom_ctx, blob, length, JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
    if (JS_IsException(rom)) fail("the bytecode cannot be read back", NULL);
    JSMemoryUsage usage;
    JS_ComputeMemoryUsage(rt, &usage);
    if (usage.js_func_code_size != 0) fail("the bytecode would be copied into RAM (AggregateError is not its first name)", NULL);

    JSContext *debug_ctx = new_compiler(JS_STRIP_SOURCE);
    JSValue debug = compile(debug_ctx, source);
    struct map_writer writer = {out, rom_ctx, debug_ctx, blob, length, 0};
    fputs("{\"version\":1,\"length\":", out);
    fprintf(out, "%zu,\"file\":", length);
    put_text(out, source->name);
    fputs(",\"functions\":[", out);
    map_function(&writer, rom, debug);
    fputs("\n]}\n", out);
    JS_FreeValue(debug_ctx, debug);
    free_compiler(debug_ctx);
    JS_FreeValue(rom_ctx, rom);
    JS_FreeContext(rom_ctx);
    JS_FreeRuntime(rt);
}

static FILE *create(const char *path);
static void finish(FILE *file, const char *path);

// The names that the engine has once the firmware's intrinsics are there (see vm_start), for the firmware to embed.
static void write_names(const char *path)
{
    size_t length;
    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = rt != NULL ? JS_NewContextRaw(rt) : NULL;
    if (ctx == NULL) fail("out of memory", NULL);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    uint8_t *names = JS_WriteRomNames(ctx, &length);
    if (names == NULL) fail("out of memory", NULL);
    FILE *out = create(path);
    if (fwrite(names, 1, length, out) != length) fail("cannot write", path);
    finish(out, path);
    js_free(ctx, names);
    free_compiler(ctx);
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) fail("cannot write", path);
    return file;
}

static void finish(FILE *file, const char *path)
{
    if (ferror(file) || fclose(file) != 0) fail("cannot write", path);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--names") == 0) {
        write_names(argv[2]);
        return 0;
    }
    if (argc < 4 || argc > 5 || argv[1][0] == '-') {
        fputs("usage: hearthc SCRIPT.js BODY.bin MAP.json [NAME]\n"
              "       hearthc --names NAMES.bin\n"
              "Compiles SCRIPT.js to the body of a bundle. NAME is what the map and error messages call the script.\n"
              "--names writes the engine's own names, which the firmware embeds.\n",
              stderr);
        return 2;
    }
    struct source source = read_source(argv[1], argc == 5 ? argv[4] : argv[1]);
    size_t length;
    uint8_t *blob = compile_blob(&source, &length);
    FILE *map = create(argv[3]);
    check_and_map(&source, blob, length, map);
    finish(map, argv[3]);
    FILE *body = create(argv[2]);
    if (fwrite(blob, 1, length, body) != length) fail("cannot write", argv[2]);
    finish(body, argv[2]);
    free(blob);
    free(source.text);
    return 0;
}
