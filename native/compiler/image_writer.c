// Compiled functions -> a program image (native/quickjs/program_image.h), and for the PC a map of what came from where. Included by
// hearthc.c behind the engine's source, whose internals it needs.
#include <program_image.h>

// A program's names have that many numbers, so that one name more renumbers no other; twice as many, and again, for more than three quarters.
enum { NAME_SLOTS_MIN = 2048 };

// Names in the order of their numbers, atoms of `ctx`; JS_ATOM_NULL where none is.
struct name_list {
    JSContext *ctx;
    JSAtom *atoms;
    uint32_t count, capacity;
};

struct image_writer {
    JSContext *ctx;
    DynBuf image;
    const struct name_list *engine;
    struct name_list names; // of the program
    const char *unfit; // what cannot be constant data; NULL: nothing
    FILE *map;
    int mapped; // functions
    uint32_t last; // where the fields of the function before are; 0: there is none
    int last_line; // that it begins in
};

static void add_name(struct name_list *list, JSAtom atom)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 64;
        list->atoms = realloc(list->atoms, list->capacity * sizeof *list->atoms);
        if (list->atoms == NULL) fail("out of memory", NULL);
    }
    list->atoms[list->count++] = atom;
}

// The number of a string's name in a list, from 1; 0: it has none.
static uint32_t number_in(const struct name_list *list, const JSString *text)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const JSString *name = js_atom(JS_GetRuntime(list->ctx), list->atoms[i]);
        if (name->atom_type == JS_ATOM_TYPE_STRING && name->len == text->len && js_string_memcmp(name, 0, text, 0, (int)text->len) == 0) {
            return i + 1;
        }
    }
    return 0;
}

static uint32_t image_atom(struct image_writer *w, JSAtom atom)
{
    if (atom < JS_ATOM_END || __JS_AtomIsTaggedInt(atom)) return atom;
    const JSString *text = js_atom(JS_GetRuntime(w->ctx), atom);
    if (text->atom_type != JS_ATOM_TYPE_STRING) fail("a symbol is no name", NULL);
    uint32_t number = number_in(w->engine, text);
    if (number != 0) return number;
    number = number_in(&w->names, text);
    if (number == 0) {
        add_name(&w->names, atom);
        number = w->names.count;
    }
    return w->engine->count + number;
}

// Replaces the atoms in a function's byte code by their numbers in the image.
static void number_byte_code(struct image_writer *w, uint8_t *code, int length)
{
    for (int pc = 0; pc < length; pc += short_opcode_info(code[pc]).size) {
        switch (short_opcode_info(code[pc]).fmt) {
        case OP_FMT_atom:
        case OP_FMT_atom_u8:
        case OP_FMT_atom_u16:
        case OP_FMT_atom_label_u8:
        case OP_FMT_atom_label_u16: put_u32(code + pc + 1, image_atom(w, get_u32(code + pc + 1))); break;
        default: break;
        }
    }
}

// Gives the function's names, and those of the functions that it holds, their numbers.
static void collect_names(struct image_writer *w, const JSFunctionBytecode *b)
{
    (void)image_atom(w, b->func_name);
    uint8_t *code = malloc((size_t)b->byte_code_len);
    if (code == NULL) fail("out of memory", NULL);
    memcpy(code, b->byte_code_buf, (size_t)b->byte_code_len);
    number_byte_code(w, code, b->byte_code_len);
    free(code);
    if (b->debug.pc2line_len > UINT16_MAX) w->unfit = "a function of more than 64 KB of lines";
    for (int i = 0; i < b->cpool_count; i++) {
        switch (JS_VALUE_GET_NORM_TAG(b->cpool[i])) {
        case JS_TAG_FUNCTION_BYTECODE: collect_names(w, JS_VALUE_GET_PTR(b->cpool[i])); break;
        case JS_TAG_STRING:
        case JS_TAG_INT:
        case JS_TAG_FLOAT64: break;
        case JS_TAG_OBJECT: w->unfit = "a tagged template"; break;
        default: w->unfit = "a BigInt that is no small number"; break;
        }
    }
}

// A name with its atom_type, or a mere text with 0.
static void put_string(DynBuf *out, const JSString *text, uint8_t atom_type, uint32_t next)
{
    static const uint8_t zeros[4];
    JSString head;
    memset(&head, 0, sizeof head);
    head.header.ref_count = JS_ROM_REF_COUNT;
    head.len = text->len;
    head.is_wide_char = text->is_wide_char;
    head.atom_type = atom_type;
    if (atom_type != 0) head.hash = text->hash;
    head.hash_next = next;
    size_t size = ((size_t)text->len << text->is_wide_char) + 1 - text->is_wide_char;
    dbuf_put(out, (const uint8_t *)&head, sizeof head);
    dbuf_put(out, text->u.str8, size);
    dbuf_put(out, zeros, -size & 3);
}

static void pad_to_word(DynBuf *out)
{
    while (out->size % 4 != 0) dbuf_putc(out, 0);
}

static const JSString *name_at(const struct name_list *list, uint32_t i)
{
    return js_atom(JS_GetRuntime(list->ctx), list->atoms[i]);
}

// Where names are, and then they: what follows the buckets of a struct name_table (native/quickjs/rom_names.h) that begins at `start`.
static void put_places(DynBuf *out, size_t start, const struct name_list *list, const uint32_t *next)
{
    size_t places = out->size;
    for (uint32_t i = 0; i < (list->count + NAME_GROUP - 1) / NAME_GROUP * (1 + NAME_GROUP); i++) dbuf_put_u16(out, 0);
    pad_to_word(out);
    for (uint32_t i = 0, base = 0; i < list->count; i++) {
        size_t place = (out->size - start) / 4, group = places + 2 * (i / NAME_GROUP * (1 + NAME_GROUP));
        if (dbuf_error(out) || place > UINT16_MAX) fail("too many names", NULL);
        if (i % NAME_GROUP == 0) {
            base = (uint32_t)place - 1;
            put_u16(out->buf + group, (uint16_t)base);
        }
        if (list->atoms[i] == JS_ATOM_NULL) continue;
        put_u16(out->buf + group + 2 * (1 + i % NAME_GROUP), (uint16_t)(place - base));
        const JSString *name = name_at(list, i);
        put_string(out, name, name->atom_type, next != NULL ? next[i + 1] : 0);
    }
}

// The engine's names, which have the numbers that they have.
static void put_engine_names(DynBuf *out, const struct name_list *list)
{
    uint32_t buckets = 1;
    while (buckets * 2 < list->count) buckets *= 2;
    uint32_t *next = calloc(list->count + 1, sizeof *next), *first = calloc(buckets, sizeof *first);
    if (next == NULL || first == NULL) fail("out of memory", NULL);
    for (uint32_t i = list->count; i > 0; i--) {
        const JSString *name = name_at(list, i - 1);
        next[i] = i; // of a symbol
        if (name->atom_type != JS_ATOM_TYPE_STRING) continue;
        uint32_t *bucket = &first[name->hash & (buckets - 1)];
        next[i] = *bucket;
        *bucket = i;
    }
    size_t start = out->size;
    dbuf_put_u32(out, list->count);
    dbuf_put_u32(out, buckets);
    for (uint32_t i = 0; i < buckets; i++) dbuf_put_u16(out, (uint16_t)first[i]);
    put_places(out, start, list, next);
    free(next);
    free(first);
}

// A program's names.
static void put_names(DynBuf *out, const struct name_list *list)
{
    size_t start = out->size;
    dbuf_put_u32(out, list->count);
    dbuf_put_u32(out, 0);
    put_places(out, start, list, NULL);
}

static int by_hash(const void *a, const void *b)
{
    const JSString *one = *(const JSString *const *)a, *other = *(const JSString *const *)b;
    if (one->hash != other->hash) return one->hash < other->hash ? -1 : 1;
    if (one->len != other->len) return one->len < other->len ? -1 : 1;
    return js_string_memcmp(one, 0, other, 0, (int)one->len);
}

// Gives each name the first free number from its hash on. In the order of hashes, so that it does not matter where in the program it comes first.
static void spread_names(struct name_list *list)
{
    uint32_t count = list->count, slots = NAME_SLOTS_MIN;
    while (slots / 4 * 3 < count) slots *= 2;
    const JSString **names = malloc((count + 1) * sizeof *names);
    JSAtom *spread = calloc(slots, sizeof *spread);
    if (names == NULL || spread == NULL) fail("out of memory", NULL);
    for (uint32_t i = 0; i < count; i++) names[i] = name_at(list, i);
    qsort(names, count, sizeof *names, by_hash);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = names[i]->hash & (slots - 1);
        while (spread[slot] != JS_ATOM_NULL) slot = (slot + 1) & (slots - 1);
        spread[slot] = js_get_atom_index(JS_GetRuntime(list->ctx), (JSString *)names[i]);
    }
    free(names);
    free(list->atoms);
    *list = (struct name_list){.ctx = list->ctx, .atoms = spread, .count = slots, .capacity = slots};
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
    fprintf(out, "[0,%d,%d]", line, column);
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
        fprintf(out, ",[%u,%d,%d]", pc, line, column);
    }
    fputc(']', out);
}

static void map_function(struct image_writer *w, const JSFunctionBytecode *b)
{
    const char *name = b->func_name != JS_ATOM_NULL ? JS_AtomToCString(w->ctx, b->func_name) : NULL;
    fprintf(w->map, "%s\n{\"length\":%d,\"name\":", w->mapped++ > 0 ? "," : "", b->byte_code_len);
    put_text(w->map, name != NULL ? name : "");
    if (name != NULL) JS_FreeCString(w->ctx, name);
    fprintf(w->map, ",\"constants\":%d,\"closures\":%d,\"lineBytes\":%d,\"lines\":", b->cpool_count, b->closure_var_count,
            b->debug.pc2line_len);
    put_lines(w->map, b);
    fputc('}', w->map);
}

// The line table, whose first line counts on from that of the function before (js_first_line). Its length.
static size_t put_line_table(struct image_writer *w, const JSFunctionBytecode *b)
{
    const uint8_t *p = b->debug.pc2line_buf, *end = p + b->debug.pc2line_len;
    size_t before = w->image.size;
    uint32_t line = 0;
    p += get_leb128(&line, p, end);
    int step = (int)line - w->last_line;
    w->last_line = (int)line;
    dbuf_put_leb128(&w->image, (uint32_t)step << 1 ^ (uint32_t)(step >> 31));
    dbuf_put(&w->image, p, (size_t)(end - p));
    return w->image.size - before;
}

// Writes a function behind those that it holds; returns where its fields are.
static uint32_t put_function(struct image_writer *w, const JSFunctionBytecode *b)
{
    DynBuf *out = &w->image;
    uint32_t *held = calloc((size_t)b->cpool_count + 1, sizeof *held);
    if (held == NULL) fail("out of memory", NULL);
    for (int i = 0; i < b->cpool_count; i++) {
        int tag = JS_VALUE_GET_NORM_TAG(b->cpool[i]);
        if (tag == JS_TAG_FUNCTION_BYTECODE) held[i] = put_function(w, JS_VALUE_GET_PTR(b->cpool[i]));
        if (tag != JS_TAG_STRING) continue;
        held[i] = (uint32_t)out->size;
        put_string(out, JS_VALUE_GET_STRING(b->cpool[i]), 0, 0);
    }
    for (int i = 0; i < ROM_HEADER_WORDS; i++) dbuf_put_u32(out, (uint32_t)JS_ROM_REF_COUNT);
    uint32_t at = (uint32_t)out->size;
    JSFunctionBytecode fields;
    memcpy(&fields, b, sizeof fields); // made of zeros, so the bytes between are the same each time
    fields.has_debug = 0; // the line table is reached another way
    fields.func_name = image_atom(w, b->func_name);
    fields.rom.cpool = ROM_FIELDS_SIZE;
    fields.rom.closure_var = fields.rom.cpool + 8 * (uint32_t)b->cpool_count;
    fields.rom.byte_code = fields.rom.closure_var + (uint32_t)sizeof(JSClosureVar) * (uint32_t)b->closure_var_count;
    fields.rom.before = 0;
    if (w->last != 0) {
        if ((at - w->last) / 4 > UINT16_MAX) fail("a function is too long", NULL);
        fields.rom.before = (uint16_t)((at - w->last) / 4);
    }
    w->last = at;
    dbuf_put(out, &fields.js_mode, ROM_FIELDS_SIZE);
    for (int i = 0; i < b->cpool_count; i++) {
        int tag = JS_VALUE_GET_NORM_TAG(b->cpool[i]);
        if (tag == JS_TAG_INT || tag == JS_TAG_FLOAT64) {
            double number = tag == JS_TAG_INT ? JS_VALUE_GET_INT(b->cpool[i]) : JS_VALUE_GET_FLOAT64(b->cpool[i]);
            if (isnan(number)) number = NAN; // others are tags
            dbuf_put(out, (const uint8_t *)&number, sizeof number);
        } else {
            dbuf_put_u32(out, held[i] - at);
            dbuf_put_u32(out, (uint32_t)tag);
        }
    }
    for (int i = 0; i < b->closure_var_count; i++) {
        const JSClosureVar *from = &b->closure_var[i];
        JSClosureVar variable;
        memset(&variable, 0, sizeof variable); // also the bits between, for the same bytes each time; the name is left out
        variable.is_local = from->is_local;
        variable.is_arg = from->is_arg;
        variable.is_const = from->is_const;
        variable.is_lexical = from->is_lexical;
        variable.var_kind = from->var_kind;
        variable.var_idx = from->var_idx;
        dbuf_put(out, (const uint8_t *)&variable, sizeof variable);
    }
    size_t code = out->size;
    dbuf_put(out, b->byte_code_buf, (size_t)b->byte_code_len);
    if (dbuf_error(out)) fail("out of memory", NULL);
    number_byte_code(w, out->buf + code, b->byte_code_len);
    size_t lines = put_line_table(w, b);
    if (dbuf_error(out)) fail("out of memory", NULL);
    put_u16(out->buf + at + offsetof(JSFunctionBytecode, rom.pc2line_len) - offsetof(JSFunctionBytecode, js_mode), (uint16_t)lines);
    pad_to_word(out);
    map_function(w, b);
    free(held);
    return at;
}

// The image of `function` for an engine with these names, to be freed with dbuf_free; `unfit` says why there is none.
static DynBuf write_image(JSContext *ctx, JSValueConst function, const struct name_list *engine, FILE *map, const char **unfit)
{
    struct image_writer w = {.ctx = ctx, .engine = engine, .names = {.ctx = ctx}, .map = map};
    struct program_image head = {.magic = {'I', 'M', 'G', '1'}, .first_atom = engine->count + 1};
    dbuf_init(&w.image);
    collect_names(&w, JS_VALUE_GET_PTR(function));
    spread_names(&w.names);
    *unfit = w.unfit;
    if (w.unfit == NULL) {
        dbuf_put(&w.image, (const uint8_t *)&head, sizeof head);
        put_names(&w.image, &w.names);
        head.main = put_function(&w, JS_VALUE_GET_PTR(function));
        if (dbuf_error(&w.image)) fail("out of memory", NULL);
        head.length = (uint32_t)w.image.size;
        memcpy(w.image.buf, &head, sizeof head);
    }
    free(w.names.atoms);
    return w.image;
}
