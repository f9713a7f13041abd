// Cuts the levels of a pin into bursts, and drops what the filter would not have seen.
#include "edge_burst.h"

enum { LEVEL_BIT = 0x8000, LENGTH_MAX = 0x7FFF };

void edge_burst_start(struct edge_burst *burst, uint32_t filter_us, uint32_t idle_us)
{
    *burst = (struct edge_burst){.filter_us = filter_us, .idle_us = idle_us, .silent = true};
}

static void keep(struct edge_burst *burst)
{
    if (burst->length >= sizeof burst->data) return; // the rest of a longer burst is dropped
    uint32_t value = (burst->level ? LEVEL_BIT : 0) | (burst->us < LENGTH_MAX ? burst->us : LENGTH_MAX);
    burst->data[burst->length++] = (uint8_t)value;
    burst->data[burst->length++] = (uint8_t)(value >> 8);
}

bool edge_burst_add(struct edge_burst *burst, int level, uint32_t us)
{
    if (burst->silent) burst->length = 0;
    if ((level != 0) == burst->level || us < burst->filter_us) {
        // The filter has seen no edge. Beyond the idle time the length does not matter: it must only not overflow.
        burst->us = us < burst->idle_us && burst->us < burst->idle_us ? burst->us + us : burst->idle_us;
    } else {
        if (!burst->silent) keep(burst);
        burst->silent = false;
        burst->level = level != 0;
        burst->us = us;
    }
    if (burst->us < burst->idle_us) return false;
    burst->us = burst->idle_us;
    burst->silent = true;
    return burst->length > 0;
}
