// How many weak references each object has: a table of the runtime, because few programs have any and every object would have room for it.
// Included by quickjs.c behind JSObject. An object that is in the table has `is_weak_target` set; its structure stays until the count is 0.
typedef struct JSWeakCount {
    JSObject *object;
    uint32_t count;
} JSWeakCount;

// The newest are found first.
static JSWeakCount *js_weak_count(JSRuntime *rt, const JSObject *object)
{
    uint32_t i = rt->weak_count_used;
    while (rt->weak_counts[i - 1].object != object) i--;
    return &rt->weak_counts[i - 1];
}

// 0, or -1 when memory is out.
static int js_weak_count_increase(JSRuntime *rt, JSObject *object)
{
    if (object->is_weak_target) {
        js_weak_count(rt, object)->count++;
        return 0;
    }
    if (rt->weak_count_used == rt->weak_count_size) {
        uint32_t size = rt->weak_count_size * 3 / 2 + 4;
        JSWeakCount *larger = js_realloc_rt(rt, rt->weak_counts, size * sizeof *larger);
        if (larger == NULL) return -1;
        rt->weak_counts = larger;
        rt->weak_count_size = size;
    }
    rt->weak_counts[rt->weak_count_used++] = (JSWeakCount){object, 1};
    object->is_weak_target = 1;
    return 0;
}

static void js_weak_count_decrease(JSRuntime *rt, JSObject *object)
{
    JSWeakCount *found = js_weak_count(rt, object);
    if (--found->count > 0) return;
    object->is_weak_target = 0;
    *found = rt->weak_counts[--rt->weak_count_used];
    if (rt->weak_count_used > 0) return;
    js_free_rt(rt, rt->weak_counts);
    rt->weak_counts = NULL;
    rt->weak_count_size = 0;
}
