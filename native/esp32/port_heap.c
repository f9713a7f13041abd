// Heap and stack of the JavaScript engine: ESP-IDF's heap with a bound of its own, counted by what the allocator reserved.
#include "esp32.h"

#include "esp_heap_caps.h"

// Internal memory only: what the garbage collector walks must not be in slow external memory by accident.
enum { CAPS = MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT };
#define LIMIT ((size_t)CONFIG_HEARTH_JS_HEAP_KB * 1024)

static size_t used; // only the task that runs JavaScript allocates here
static const uint8_t *stack_top;
static size_t stack_size;

void *port_heap_alloc(size_t size)
{
    if (size > LIMIT || used + size > LIMIT) return NULL;
    void *pointer = heap_caps_malloc(size, CAPS);
    if (pointer != NULL) used += heap_caps_get_allocated_size(pointer);
    return pointer;
}

void *port_heap_realloc(void *pointer, size_t size)
{
    if (pointer == NULL) return port_heap_alloc(size);
    size_t old_size = heap_caps_get_allocated_size(pointer);
    if (size > LIMIT || (size > old_size && used + (size - old_size) > LIMIT)) return NULL;
    void *moved = heap_caps_realloc(pointer, size, CAPS);
    if (moved != NULL) used = used - old_size + heap_caps_get_allocated_size(moved);
    return moved;
}

void port_heap_free(void *pointer)
{
    if (pointer == NULL) return;
    used -= heap_caps_get_allocated_size(pointer);
    heap_caps_free(pointer);
}

size_t port_heap_block_size(const void *pointer)
{
    return pointer == NULL ? 0 : heap_caps_get_allocated_size((void *)(uintptr_t)pointer);
}

void port_heap_stats(struct port_heap_stats *out)
{
    out->free = heap_caps_get_free_size(CAPS);
    out->largest_block = heap_caps_get_largest_free_block(CAPS);
    out->min_free = heap_caps_get_minimum_free_size(CAPS);
}

void esp32_heap_start(const void *top, size_t size)
{
    stack_top = top;
    stack_size = size;
}

size_t port_stack_limit(void)
{
    // Below JavaScript's limit C functions that are called at the deepest point (files, cryptography) and an interrupt's frame need room.
    enum { RESERVE = 4096 };
    const uint8_t here = 0;
    size_t gone = (size_t)(stack_top - &here);
    return gone + RESERVE < stack_size ? stack_size - gone - RESERVE : 0;
}
