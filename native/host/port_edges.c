// What happens on a pin without the chip asking: the pulse counter and the edge receiver. The board tells what the pin saw; the
// counter's filter is the port's, as on a chip, and ../edge_burst.c cuts edges into bursts.
#include "host.h"
#include "../edge_burst.h"

#include <string.h>

static struct {
    bool open;
    uint8_t pin;
    uint32_t filter_ns, count;
} pulses;

static struct {
    bool open;
    uint8_t pin;
    struct edge_burst burst;
} edges;

int port_pulse_open(int pin, uint32_t filter_ns)
{
    if (!host_pin_good(pin) || filter_ns > PORT_PULSE_FILTER_MAX_NS) return PORT_EINVAL;
    if (pulses.open) return PORT_EBUSY;
    pulses.open = true;
    pulses.pin = (uint8_t)pin;
    pulses.filter_ns = filter_ns;
    pulses.count = 0;
    const uint8_t body[2] = {(uint8_t)pin, 1};
    host_board_send(BOARD_PULSE, body, sizeof body, NULL, 0);
    return PORT_OK;
}

int port_pulse_read(uint32_t *count)
{
    *count = pulses.count;
    return pulses.open ? PORT_OK : PORT_ENOENT;
}

int port_pulse_close(void)
{
    if (!pulses.open) return PORT_OK;
    pulses.open = false;
    const uint8_t body[2] = {pulses.pin, 0};
    host_board_send(BOARD_PULSE, body, sizeof body, NULL, 0);
    return PORT_OK;
}

void host_pulses(uint8_t pin, uint32_t count, uint32_t width_ns)
{
    if (pulses.open && pin == pulses.pin && width_ns >= pulses.filter_ns) pulses.count += count;
}

int port_edges_open(int pin, uint32_t filter_us, uint32_t idle_us, bool hardware)
{
    (void)hardware; // the same here
    if (!host_pin_good(pin) || filter_us >= idle_us || idle_us > PORT_EDGES_IDLE_MAX_US) return PORT_EINVAL;
    if (edges.open) return PORT_EBUSY;
    edges.open = true;
    edges.pin = (uint8_t)pin;
    edge_burst_start(&edges.burst, filter_us, idle_us);
    uint8_t body[10] = {(uint8_t)pin, 1};
    host_put_u32(body + 2, filter_us);
    host_put_u32(body + 6, idle_us);
    host_board_send(BOARD_EDGES, body, sizeof body, NULL, 0);
    return PORT_OK;
}

int port_edges_close(void)
{
    if (!edges.open) return PORT_OK;
    edges.open = false;
    const uint8_t body[2] = {edges.pin, 0};
    host_board_send(BOARD_EDGES, body, sizeof body, NULL, 0);
    return PORT_OK;
}

static void post_burst(void)
{
    struct port_event event = {
        .kind = PORT_EVENT_EDGES, .number = edges.pin, .time_us = port_now_us(), .length = edges.burst.length};
    memcpy(event.data, edges.burst.data, event.length);
    port_post(&event);
}

void host_edges(uint8_t pin, const uint8_t *levels, size_t length)
{
    if (!edges.open || pin != edges.pin) return;
    for (size_t i = 0; i + 4 <= length; i += 4) {
        uint32_t word = host_get_u32(levels + i);
        if (edge_burst_add(&edges.burst, word >> 31, word & 0x7FFFFFFF)) post_burst();
    }
}
