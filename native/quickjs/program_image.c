// Takes a program image in (program_image.h). Included at the end of quickjs.c; nothing is copied.
#include "program_image.h"

int program_image_claimed(const uint8_t *body, size_t length)
{
    return length >= sizeof(struct program_image) && memcmp(body, "IMG1", 4) == 0;
}

// Whether a program's table of names lies within `length` bytes from its beginning, and so do its names; one place at least is free, where
// a search ends.
static BOOL is_name_table(const struct name_table *table, uint32_t length)
{
    if (length < sizeof *table || table->count == 0 || table->count > UINT16_MAX || table->bucket_count != 0) return FALSE;
    if ((table->count & (table->count - 1)) != 0) return FALSE;
    if (length - sizeof *table < js_name_data_count(table) * sizeof table->data[0]) return FALSE;
    uint32_t names = 0;
    for (uint32_t i = 1; i <= table->count; i++) {
        const JSString *name = js_name_in_table(table, i);
        if (name == NULL) continue;
        uint32_t place = (uint32_t)((const uint8_t *)name - (const uint8_t *)table);
        if (place > length || length - place < sizeof *name) return FALSE;
        if (!js_string_is_rom(name) || name->atom_type != JS_ATOM_TYPE_STRING) return FALSE;
        uint64_t size = ((uint64_t)name->len << name->is_wide_char) + 1 - name->is_wide_char;
        if (length - place - sizeof *name < size) return FALSE;
        names++;
    }
    return names < table->count;
}

int program_image_add_names(JSRuntime *rt, const uint8_t *image, size_t length)
{
    const struct program_image *head = (const struct program_image *)image;
    if (is_be() || ((uintptr_t)image & 3) != 0 || !program_image_claimed(image, length)) return -1;
    if (head->length != length || head->first_atom != rt->rom_atom_count + 1 || rt->atom_count != 0) return -1;
    if (head->main % 4 != 0 || head->main > length || length - head->main < ROM_FIELDS_SIZE) return -1;
    const struct name_table *table = (const struct name_table *)(head + 1);
    if (!is_name_table(table, head->length - sizeof *head)) return -1;
    rt->rom_names[1] = table;
    rt->rom_atom_count += table->count;
    return 0;
}

JSValue program_image_main(JSContext *ctx, const uint8_t *image)
{
    const struct program_image *head = (const struct program_image *)image;
    ctx->rt->rom_realm = ctx;
    return JS_MKPTR(JS_TAG_FUNCTION_BYTECODE, (void *)(image + head->main - sizeof(JSGCObjectHeader)));
}
