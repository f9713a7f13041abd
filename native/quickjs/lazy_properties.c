// Properties that are made on their first use. Included at the end of quickjs.c, where all tables of built-in functions are known.
// An object with `lazy_table` has the entries of that constant table, and a function with `lazy_function` has length, name and prototype,
// as own properties that are not in its shape yet. Whoever looks for an own property and finds none asks js_lazy_make; whoever lists or
// deletes properties, or forbids new ones, has all of them made before.

struct lazy_table {
    const JSCFunctionListEntry *entries;
    uint8_t count;
};

#define TABLE(name) {name, countof(name)}
// What is not here is defined at once (see JS_SetPropertyFunctionList).
static const struct lazy_table lazy_tables[] = {
    TABLE(js_object_funcs), TABLE(js_object_proto_funcs), TABLE(js_function_proto_funcs), TABLE(js_error_proto_funcs),
    TABLE(js_iterator_proto_funcs), TABLE(js_array_proto_funcs), TABLE(js_array_funcs), TABLE(js_array_iterator_proto_funcs),
    TABLE(js_global_funcs), TABLE(js_number_proto_funcs), TABLE(js_number_funcs), TABLE(js_boolean_proto_funcs),
    TABLE(js_string_funcs), TABLE(js_string_proto_funcs), TABLE(js_string_iterator_proto_funcs), TABLE(js_math_funcs),
    TABLE(js_reflect_funcs), TABLE(js_symbol_proto_funcs), TABLE(js_symbol_funcs), TABLE(js_generator_proto_funcs),
    TABLE(js_generator_function_proto_funcs), TABLE(js_bigint_proto_funcs), TABLE(js_bigint_funcs), TABLE(js_json_funcs),
    TABLE(js_map_funcs), TABLE(js_map_proto_funcs), TABLE(js_set_proto_funcs), TABLE(js_weak_map_proto_funcs),
    TABLE(js_weak_set_proto_funcs), TABLE(js_map_iterator_proto_funcs), TABLE(js_set_iterator_proto_funcs),
    TABLE(js_array_buffer_proto_funcs), TABLE(js_array_buffer_funcs), TABLE(js_typed_array_base_proto_funcs),
    TABLE(js_typed_array_base_funcs), TABLE(js_dataview_proto_funcs),
};
#undef TABLE
_Static_assert(countof(lazy_tables) < JS_LAZY_HOST_TABLES, "lazy_table has too few bits");

// True when the table's entries are made on their first use.
static BOOL js_lazy_set_table(JSContext *ctx, JSValueConst object, const JSCFunctionListEntry *entries)
{
    JSObject *p = JS_VALUE_GET_OBJ(object);
    (void)ctx;
    if (JS_VALUE_GET_TAG(object) != JS_TAG_OBJECT || p->lazy_table != 0) return FALSE;
    for (int i = 0; i < (int)countof(lazy_tables); i++) {
        if (lazy_tables[i].entries != entries) continue;
        p->lazy_table = i + 1;
        return TRUE;
    }
    return FALSE;
}

int JS_SetPropertyFunctionTables(JSContext *ctx, JSValueConst object, const JSFunctionTable *const *tables, int count)
{
    JSObject *p = JS_VALUE_GET_OBJ(object);
    if (JS_VALUE_GET_TAG(object) != JS_TAG_OBJECT || p->lazy_table != 0) return -1;
    ctx->rt->host_tables = tables;
    ctx->rt->host_table_count = count;
    p->lazy_table = JS_LAZY_HOST_TABLES;
    return 0;
}

// The tables of an object one after the other: entries and count of table `index`, NULL behind the last one.
static const JSCFunctionListEntry *lazy_entries(JSRuntime *rt, const JSObject *p, int index, int *count)
{
    if (p->lazy_table == JS_LAZY_HOST_TABLES) {
        if (index >= rt->host_table_count) return NULL;
        *count = rt->host_tables[index]->count;
        return rt->host_tables[index]->entries;
    }
    if (p->lazy_table == 0 || index > 0) return NULL;
    *count = lazy_tables[p->lazy_table - 1].count;
    return lazy_tables[p->lazy_table - 1].entries;
}

static BOOL is_called(const JSCFunctionListEntry *entry, const char *name, size_t length)
{
    return entry->name[0] == name[0] && strlen(entry->name) == length && memcmp(entry->name, name, length) == 0;
}

static const JSCFunctionListEntry *find_lazy_entry(JSRuntime *rt, const JSObject *p, JSAtom prop)
{
    char symbol[32]; // the longest is [Symbol.isConcatSpreadable]
    const JSCFunctionListEntry *entries;
    const JSAtomStruct *atom;
    const char *name;
    size_t length;
    int count = 0;

    if (p->lazy_table == 0 || __JS_AtomIsTaggedInt(prop)) return NULL;
    atom = js_atom(rt, prop);
    if (atom->is_wide_char) return NULL;
    name = (const char *)atom->u.str8;
    length = atom->len;
    if (atom->atom_type != JS_ATOM_TYPE_STRING) {
        if (prop >= JS_ATOM_END || length + 3 > sizeof symbol) return NULL;
        length = snprintf(symbol, sizeof symbol, "[%.*s]", (int)length, name);
        name = symbol;
    } else if (length == 0) {
        return NULL;
    }
    for (int i = 0; (entries = lazy_entries(rt, p, i, &count)) != NULL; i++) {
        for (int j = 0; j < count; j++) {
            if (is_called(&entries[j], name, length)) return &entries[j];
        }
    }
    return NULL;
}

// Whether `prop` has been made; an exception when not.
static int made(JSObject *p, JSAtom prop)
{
    return find_own_property1(p, prop) != NULL ? TRUE : -1;
}

static int make_entry(JSContext *ctx, JSObject *p, JSAtom prop, const JSCFunctionListEntry *entry)
{
    uint8_t table = p->lazy_table;
    int result = 0;

    if (entry->def_type == JS_DEF_ALIAS && entry->u.alias.base == -1) {
        // What it is another name of has to be there.
        JSAtom base = find_atom(ctx, entry->u.alias.name);
        if (find_own_property1(p, base) == NULL) result = js_lazy_make(ctx, p, base);
        JS_FreeAtom(ctx, base);
        if (result < 0) return -1;
    }
    p->lazy_table = 0; // while it is defined, there is nothing to ask for
    result = JS_InstantiateFunctionListItem(ctx, JS_MKPTR(JS_TAG_OBJECT, p), prop, entry);
    p->lazy_table = table;
    return result < 0 ? -1 : made(p, prop);
}

static JSAtom lazy_function_name(const JSObject *p)
{
    JSAtom name = p->class_id == JS_CLASS_C_FUNCTION ? p->u.cfunc.name : p->u.func.function_bytecode->func_name;
    return name == JS_ATOM_NULL ? JS_ATOM_empty_string : name;
}

static int make_of_function(JSContext *ctx, JSObject *p, JSAtom prop)
{
    BOOL is_c = p->class_id == JS_CLASS_C_FUNCTION;
    const JSFunctionBytecode *b = is_c ? NULL : p->u.func.function_bytecode;
    JSValue function = JS_MKPTR(JS_TAG_OBJECT, p);
    int result = 0;

    p->lazy_function = 0;
    if (prop == JS_ATOM_length) {
        int length = is_c ? p->u.cfunc.length : b->defined_arg_count;
        result = JS_DefinePropertyValue(ctx, function, prop, JS_NewInt32(ctx, length), JS_PROP_CONFIGURABLE);
    } else if (prop == JS_ATOM_name) {
        JSValue name = js_get_function_name(ctx, lazy_function_name(p));
        result = JS_IsException(name) ? -1 : JS_DefinePropertyValue(ctx, function, prop, name, JS_PROP_CONFIGURABLE);
    } else if (prop == JS_ATOM_prototype && !is_c && b->has_prototype && !(b->func_kind & JS_FUNC_GENERATOR)) {
        result = JS_DefineAutoInitProperty(ctx, function, prop, JS_AUTOINIT_ID_PROTOTYPE, NULL, JS_PROP_WRITABLE);
    }
    p->lazy_function = 1;
    return result;
}

// Called when `p` has something to be made on its first use and `prop` is not among its own properties: TRUE when it is now,
// FALSE when it is not to be there, -1 for an exception.
static int js_lazy_make(JSContext *ctx, JSObject *p, JSAtom prop)
{
    if (p->lazy_function && (prop == JS_ATOM_length || prop == JS_ATOM_name || prop == JS_ATOM_prototype)) {
        int result = make_of_function(ctx, p, prop);
        if (result != 0) return result;
    }
    const JSCFunctionListEntry *entry = find_lazy_entry(ctx->rt, p, prop);
    return entry == NULL ? FALSE : make_entry(ctx, p, prop, entry);
}

// Makes all that is not there yet. -1 for an exception.
static int js_lazy_make_all(JSContext *ctx, JSObject *p)
{
    static const uint8_t of_function[] = {JS_ATOM_length, JS_ATOM_name, JS_ATOM_prototype};
    const JSCFunctionListEntry *entries;
    int count = 0;

    for (int i = 0; p->lazy_function && i < (int)countof(of_function); i++) {
        if (find_own_property1(p, of_function[i]) == NULL && make_of_function(ctx, p, of_function[i]) < 0) return -1;
    }
    p->lazy_function = 0;
    for (int i = 0; (entries = lazy_entries(ctx->rt, p, i, &count)) != NULL; i++) {
        for (int j = 0; j < count; j++) {
            JSAtom prop = find_atom(ctx, entries[j].name);
            if (prop == JS_ATOM_NULL) return -1;
            int result = find_own_property1(p, prop) != NULL ? 0 : make_entry(ctx, p, prop, &entries[j]);
            JS_FreeAtom(ctx, prop);
            if (result < 0) return -1;
        }
    }
    p->lazy_table = 0;
    return 0;
}
