// Functions that are constant data (program_image.h): how the engine reaches their parts. Included by quickjs.c behind JSFunctionBytecode.
// All distances are counted from the first field behind the header, whose size is not the same on 32 and 64 bits: so the same bytes work
// on both, at any address that is a multiple of 4.

// Words before the first field, each JS_ROM_REF_COUNT: wherever the machine's header begins it has a negative reference count, so that dup,
// free and mark leave it alone. Fields end with those of `rom`.
enum { ROM_HEADER_WORDS = 6, ROM_FIELDS_SIZE = 28 + 16 };
_Static_assert(sizeof(JSGCObjectHeader) <= ROM_HEADER_WORDS * 4 && sizeof(JSGCObjectHeader) % 4 == 0, "the header has no room");
_Static_assert(offsetof(JSFunctionBytecode, js_mode) == sizeof(JSGCObjectHeader), "fields do not follow the header");
_Static_assert(offsetof(JSFunctionBytecode, rom) == sizeof(JSGCObjectHeader) + 28, "fields are not alike on 32 and 64 bits");
_Static_assert(sizeof(JSClosureVar) == 8, "closure variables are not alike on 32 and 64 bits");

static inline BOOL js_is_rom(const JSFunctionBytecode *b)
{
    return b->header.ref_count < 0;
}

static inline uint8_t *js_rom_at(const JSFunctionBytecode *b, uint32_t distance)
{
    return (uint8_t *)&b->js_mode + (int32_t)distance;
}

static inline uint8_t *js_byte_code(const JSFunctionBytecode *b)
{
    return js_is_rom(b) ? js_rom_at(b, b->rom.byte_code) : b->byte_code_buf;
}

static inline JSClosureVar *js_closure_var(const JSFunctionBytecode *b)
{
    return js_is_rom(b) ? (JSClosureVar *)js_rom_at(b, b->rom.closure_var) : b->closure_var;
}

// The line table, which follows the byte code; NULL when there is none.
static inline const uint8_t *js_pc2line(const JSFunctionBytecode *b, const uint8_t **end)
{
    const uint8_t *start = NULL;
    if (js_is_rom(b)) {
        start = js_rom_at(b, b->rom.byte_code) + b->byte_code_len;
        *end = start + b->rom.pc2line_len;
    } else if (b->has_debug && b->debug.pc2line_buf) {
        start = b->debug.pc2line_buf;
        *end = start + b->debug.pc2line_len;
    }
    return start;
}

static int get_leb128(uint32_t *pval, const uint8_t *buf, const uint8_t *buf_end);

// The line that a function begins in, from 0, of what its line table says. That of constant data counts on from the function that lies before it,
// `before` words away, so that a line more leaves those of other functions alone; the sign is the lowest bit.
static inline int js_first_line(const JSFunctionBytecode *b, uint32_t value)
{
    int line = (int)value;
    if (!js_is_rom(b)) return line;
    line = 0;
    for (;;) {
        const uint8_t *end, *p = js_pc2line(b, &end);
        if (get_leb128(&value, p, end) < 0) return line;
        line += (int)(value >> 1) ^ -(int)(value & 1);
        if (b->rom.before == 0) return line;
        b = (const JSFunctionBytecode *)((const uint8_t *)b - 4u * b->rom.before);
    }
}

// Constants are 8 bytes: a double, or a NaN that the engine never makes, with a tag in the upper word and a distance in the lower one.
static inline JSValue js_constant(const JSFunctionBytecode *b, uint32_t index)
{
    if (!js_is_rom(b)) return b->cpool[index];
    const uint32_t *word = (const uint32_t *)js_rom_at(b, b->rom.cpool) + 2 * index;
    if (word[1] == (uint32_t)JS_TAG_STRING) return JS_MKPTR(JS_TAG_STRING, js_rom_at(b, word[0]));
    if (word[1] == (uint32_t)JS_TAG_FUNCTION_BYTECODE) {
        return JS_MKPTR(JS_TAG_FUNCTION_BYTECODE, js_rom_at(b, word[0]) - sizeof(JSGCObjectHeader));
    }
    double number;
    memcpy(&number, word, sizeof number);
    return __JS_NewFloat64(NULL, number);
}

// There is one program, so one context that its functions belong to.
static inline JSContext *js_function_realm(JSRuntime *rt, const JSFunctionBytecode *b)
{
    return js_is_rom(b) ? rt->rom_realm : b->realm;
}
