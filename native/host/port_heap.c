// Heap and stack of the JavaScript engine on a PC: malloc with the requested size kept in front of each block.
#include "host.h"

#include <stdlib.h>

// The requested size is what is counted, so that figures do not depend on this machine's allocator.
union header {
    size_t size;
    max_align_t align;
};

// Only the task that runs JavaScript allocates here.
static struct host_heap_figures figures;

// What a block takes of the heap of ESP-IDF: whole words, at least three, and a word before it.
static uint32_t gross(size_t size)
{
    enum { WORD = 4, BLOCK_MIN = 12 };
    size_t rounded = (size + WORD - 1) / WORD * WORD;
    return (uint32_t)((rounded < BLOCK_MIN ? BLOCK_MIN : rounded) + WORD);
}

static void took(size_t size)
{
    figures.live += (uint32_t)size;
    figures.gross += gross(size);
    if (figures.live > figures.peak) figures.peak = figures.live;
    if (size > figures.largest) figures.largest = (uint32_t)size;
}

static void gave(size_t size)
{
    figures.live -= (uint32_t)size;
    figures.gross -= gross(size);
}

// Whether `more` bytes fit below --heap-limit. As on a chip nothing lifts it, also not while a crash is recorded.
static bool fits(size_t more)
{
    return host_options.heap_limit == 0 || (more <= host_options.heap_limit && figures.live <= host_options.heap_limit - more);
}

struct host_heap_figures host_heap_figures(void)
{
    return figures;
}

void *port_heap_alloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(union header) || !fits(size)) return NULL;
    union header *block = malloc(sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = size;
    took(size);
    return block + 1;
}

void *port_heap_realloc(void *pointer, size_t size)
{
    if (pointer == NULL) return port_heap_alloc(size);
    if (size > SIZE_MAX - sizeof(union header)) return NULL;
    size_t before = port_heap_block_size(pointer);
    if (size > before && !fits(size - before)) return NULL;
    union header *block = realloc((union header *)pointer - 1, sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = size;
    gave(before);
    took(size);
    return block + 1;
}

void port_heap_free(void *pointer)
{
    if (pointer == NULL) return;
    gave(port_heap_block_size(pointer));
    free((union header *)pointer - 1);
}

size_t port_heap_block_size(const void *pointer)
{
    return pointer == NULL ? 0 : ((const union header *)pointer - 1)->size;
}

void port_heap_stats(struct port_heap_stats *out)
{
    *out = (struct port_heap_stats){0, 0, 0};
}

// A chip runs JavaScript on a task of 16 KB. The 32-bit build has frames of about the chip's size and is held to that, so
// that a recursion that is too deep for the chip is seen here. 64-bit frames take twice as much and are not what is
// measured; a sanitizer's frames are several times larger still.
size_t port_stack_limit(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return 512 * 1024;
#else
    return sizeof(void *) == 8 ? 64 * 1024 : 16 * 1024;
#endif
}
