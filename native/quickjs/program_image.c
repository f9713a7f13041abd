// Takes a program image in (program_image.h). Included at the end of quickjs.c; nothing is copied but the table of names.
#include "program_image.h"

int program_image_claimed(const uint8_t *body, size_t length)
{
    return length >= sizeof(struct program_image) && memcmp(body, "IMG1", 4) == 0;
}

// The constant string at *position, which moves on; NULL when it is none.
static JSString *take_name(const uint8_t *image, uint32_t length, uint32_t *position)
{
    JSString *name = (JSString *)(image + *position);
    if (length - *position < sizeof *name) return NULL;
    uint64_t size = ((uint64_t)name->len << name->is_wide_char) + 1 - name->is_wide_char;
    size = sizeof *name + ((size + 3) & ~(uint64_t)3);
    if (length - *position < size || !js_string_is_rom(name) || name->atom_type != JS_ATOM_TYPE_STRING) return NULL;
    *position += (uint32_t)size;
    return name;
}

int program_image_add_names(JSRuntime *rt, const uint8_t *image, size_t length)
{
    const struct program_image *head = (const struct program_image *)image;
    if (is_be() || ((uintptr_t)image & 3) != 0 || !program_image_claimed(image, length)) return -1;
    if (head->length != length || head->first_atom != JS_ATOM_END) return -1;
    if (head->main % 4 != 0 || head->main > length || length - head->main < ROM_FIELDS_SIZE) return -1;
    uint32_t position = sizeof *head;
    for (uint32_t i = 0; i < head->name_count; i++) {
        JSString *name = take_name(image, head->length, &position);
        // Another number means that it was there before: the functions would not find it.
        if (name == NULL || js_new_atom(rt, name, JS_ATOM_TYPE_STRING, TRUE) != head->first_atom + i) return -1;
    }
    return 0;
}

JSValue program_image_main(JSContext *ctx, const uint8_t *image)
{
    const struct program_image *head = (const struct program_image *)image;
    ctx->rt->rom_realm = ctx;
    return JS_MKPTR(JS_TAG_FUNCTION_BYTECODE, (void *)(image + head->main - sizeof(JSGCObjectHeader)));
}
