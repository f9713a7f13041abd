// Names that are constant data: those of the engine, which the firmware embeds, and those of a program's image. They have the first numbers of
// all, nothing of them is in the heap, and they are found by a table of their own. Included by quickjs.c behind JSString.

// Little-endian, at a multiple of 4. `data`: bucket_count entries, then groups of 1 + NAME_GROUP entries that say where names are. The engine's
// table has buckets: for each the index, from 1, of the first name whose hash ends in the bucket's number, 0 for none; a string's hash_next is
// the index of the next one in its bucket, a symbol's its number. A program's has none: a name's index follows from its hash, as the first that
// is free from there on, so that a name more or less leaves the others' numbers alone.
struct name_table {
    uint32_t count, bucket_count; // powers of two, but for the engine's count
    uint16_t data[];
};

// Names whose places are counted, in words, from the first number of their group, itself from the table's beginning; 0: there is no name.
enum { NAME_GROUP = 64 };

static inline uint32_t js_name_data_count(const struct name_table *table)
{
    return table->bucket_count + (table->count + NAME_GROUP - 1) / NAME_GROUP * (1 + NAME_GROUP);
}

// NULL when the table has no name with this index.
static inline JSAtomStruct *js_name_in_table(const struct name_table *table, uint32_t index)
{
    const uint16_t *group = table->data + table->bucket_count + (index - 1) / NAME_GROUP * (1 + NAME_GROUP);
    uint32_t place = group[1 + (index - 1) % NAME_GROUP];
    return place == 0 ? NULL : (JSAtomStruct *)((uint32_t *)table + group[0] + place);
}

// What the number of an atom stands for. The first entry of the table in the heap is no atom.
static inline JSAtomStruct *js_atom(JSRuntime *rt, JSAtom atom)
{
    static const JSAtomStruct null_atom = {.header = {JS_ROM_REF_COUNT}, .atom_type = JS_ATOM_TYPE_SYMBOL};
    if (atom == JS_ATOM_NULL) return (JSAtomStruct *)&null_atom;
    if (atom > rt->rom_atom_count) return rt->atom_array[atom - rt->rom_atom_count];
    uint32_t engine_count = rt->rom_names[0]->count;
    if (atom <= engine_count) return js_name_in_table(rt->rom_names[0], atom);
    return js_name_in_table(rt->rom_names[1], atom - engine_count);
}

// The number of a name in one of the tables; JS_ATOM_NULL when it is in none. Its characters are those of `str`, or `length` narrow ones.
static JSAtom js_find_rom_name(JSRuntime *rt, uint32_t hash, int atom_type, const JSString *str, const char *chars, uint32_t length)
{
    uint32_t first = 0;
    for (int i = 0; i < 2 && rt->rom_names[i] != NULL; i++) {
        const struct name_table *table = rt->rom_names[i];
        uint32_t slots = table->bucket_count == 0 ? table->count : 0, next;
        uint32_t index = slots != 0 ? 1 + (hash & (slots - 1)) : table->data[hash & (table->bucket_count - 1)];
        JSAtomStruct *p;
        for (; index != 0 && (p = js_name_in_table(table, index)) != NULL; index = next) {
            next = slots != 0 ? 1 + (index & (slots - 1)) : p->hash_next;
            if (p == str) return first + index;
            if (p->hash != hash || p->atom_type != atom_type || p->len != length) continue;
            if (str != NULL ? js_string_memcmp(p, 0, str, 0, length) != 0 : p->is_wide_char || memcmp(p->u.str8, chars, length) != 0) continue;
            return first + index;
        }
        first += table->count;
    }
    return JS_ATOM_NULL;
}
