// hearthc, a PC program: compiles one script to the body of a bundle and writes the map that turns program counters into lines. It
// includes the pinned engine's source because an image needs the engine's internals; it knows nothing of bundles.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <quickjs.c> // found as a system header: its warnings are not ours
#include <stdbool.h>
// The engine forbids these to itself.
#undef malloc
#undef free
#undef realloc

struct source {
    char *text; // zero-terminated
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
    struct source source = {malloc(capacity), 0, name};
    if (source.text == NULL) fail("out of memory", NULL);
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

static JSContext *new_compiler(void)
{
    JSRuntime *rt = JS_NewRuntime();
    if (rt == NULL) fail("out of memory", NULL);
    JS_SetMaxStackSize(rt, 4 << 20);
    JS_SetStripInfo(rt, JS_STRIP_SOURCE);
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
    int column = int_property(ctx, error, "columnNumber");
    fprintf(stderr, "%s:%d:%d: %s\n", source->name, line, column, message != NULL ? message : "error");
    exit(1);
}

#include "image_writer.c"

// The names that the engine has once the firmware's intrinsics are there (see vm_start), for the firmware to embed.
static struct name_list names_of_engine(void)
{
    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = rt != NULL ? JS_NewContextRaw(rt) : NULL;
    struct name_list names = {.ctx = ctx};
    if (ctx == NULL) fail("out of memory", NULL);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    for (int i = 1; i < rt->atom_size; i++) {
        JSAtomStruct *name = rt->atom_array[i];
        // The predefined ones keep their numbers.
        if (i < JS_ATOM_END || (!atom_is_free(name) && name->atom_type == JS_ATOM_TYPE_STRING)) add_name(&names, (JSAtom)i);
    }
    return names;
}

static void free_names(struct name_list *names)
{
    free(names->atoms);
    free_compiler(names->ctx);
}

// Takes the image in as a device does.
static void check_image(const DynBuf *image, const struct name_list *engine)
{
    DynBuf names;
    dbuf_init(&names);
    put_engine_names(&names, engine);
    JS_SetRomNames(names.buf);
    JSRuntime *rt = JS_NewRuntime();
    if (rt == NULL) fail("out of memory", NULL);
    if (program_image_add_names(rt, image->buf, image->size) < 0) fail("the image cannot be read back", NULL);
    JS_FreeRuntime(rt);
    JS_SetRomNames(NULL);
    dbuf_free(&names);
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

static void write_file(const char *path, DynBuf *content)
{
    if (dbuf_error(content)) fail("out of memory", NULL);
    FILE *out = create(path);
    if (fwrite(content->buf, 1, content->size, out) != content->size) fail("cannot write", path);
    finish(out, path);
}

static void write_names(const char *path)
{
    DynBuf out;
    struct name_list names = names_of_engine();
    dbuf_init(&out);
    put_engine_names(&out, &names);
    write_file(path, &out);
    dbuf_free(&out);
    free_names(&names);
}

// Ordinary bytecode, which is copied into the heap, with its lines.
static DynBuf write_bytecode(JSContext *ctx, JSValueConst function)
{
    DynBuf out;
    size_t length;
    dbuf_init(&out);
    uint8_t *written = JS_WriteObject(ctx, &length, function, JS_WRITE_OBJ_BYTECODE);
    if (written == NULL || dbuf_put(&out, written, length) != 0) fail("cannot write the bytecode", NULL);
    js_free(ctx, written);
    return out;
}

static void compile_script(const char *path, const char *body_path, const char *map_path, const char *name, bool plain)
{
    struct source source = read_source(path, name);
    const char *unfit = NULL;
    struct name_list engine = names_of_engine();
    JSContext *ctx = new_compiler();
    JSValue function = compile(ctx, &source);
    FILE *map = create(map_path);
    fputs("{\"version\":2,\"file\":", map);
    put_text(map, source.name);
    fputs(",\"functions\":[", map);
    DynBuf body;
    if (plain) body = write_bytecode(ctx, function);
    else body = write_image(ctx, function, &engine, map, &unfit);
    if (unfit != NULL) {
        fprintf(stderr, "%s: holds %s, which cannot be used in flash: all of it is copied into the heap\n", name, unfit);
        dbuf_free(&body);
        body = write_bytecode(ctx, function);
    } else if (!plain) {
        check_image(&body, &engine);
    }
    fprintf(map, "\n],\"inFlash\":%s,\"length\":%zu}\n", plain || unfit != NULL ? "false" : "true", body.size);
    finish(map, map_path);
    write_file(body_path, &body);
    dbuf_free(&body);
    JS_FreeValue(ctx, function);
    free_compiler(ctx);
    free(source.text);
    free_names(&engine);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--names") == 0) {
        write_names(argv[2]);
        return 0;
    }
    bool plain = argc > 1 && strcmp(argv[1], "--plain") == 0;
    char **files = argv + (plain ? 2 : 1);
    int count = argc - (plain ? 2 : 1);
    if (count < 3 || count > 4 || files[0][0] == '-') {
        fputs("usage: hearthc [--plain] SCRIPT.js BODY.bin MAP.json [NAME]\n"
              "       hearthc --names NAMES.bin\n"
              "Compiles SCRIPT.js to the body of a bundle, a program image. NAME is what the map and error messages call the script.\n"
              "--plain makes ordinary bytecode, which a device copies into its heap.\n"
              "--names writes the engine's own names, which the firmware embeds.\n",
              stderr);
        return 2;
    }
    compile_script(files[0], files[1], files[2], count == 4 ? files[3] : files[0], plain);
    return 0;
}
