// The edge receiver's rules: levels with their lengths go in, bursts between two silences come out. Pure; each port feeds it from where
// its pin's edges come. The caller locks.
#ifndef HEARTH_EDGE_BURST_H
#define HEARTH_EDGE_BURST_H

#include "port.h"

struct edge_burst {
    uint32_t filter_us, idle_us;
    uint32_t us;   // length so far of the level that has not ended
    uint8_t level; // that level
    bool silent;   // no burst has begun
    uint16_t length;
    uint8_t data[2 * PORT_EDGES_MAX]; // what PORT_EVENT_EDGES carries
};

void edge_burst_start(struct edge_burst *burst, uint32_t filter_us, uint32_t idle_us);
// `level` lasted for `us` more. True when that ended a burst: take data and length before the next call, which begins anew.
bool edge_burst_add(struct edge_burst *burst, int level, uint32_t us);

#endif
