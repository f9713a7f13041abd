// What happens on a pin without the chip asking: the pulse counter and the edge receiver. The board tells what the pin saw; the
// filters and the cutting into bursts are the port's, as on a chip.
#include "host.h"

static struct {
    bool open;
    uint8_t pin;
    uint32_t filter_ns, count;
} pulses;

static struct {
    bool open, silent;
    uint8_t pin, level;      // level and length of what has not ended yet
    uint32_t us;
    uint32_t filter_us, idle_us;
    struct port_event burst; // its data grows until the silence
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
    edges.open = edges.silent = true;
    edges.pin = (uint8_t)pin;
    edges.level = 0;
    edges.us = 0;
    edges.filter_us = filter_us;
    edges.idle_us = idle_us;
    edges.burst.length = 0;
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

static void keep(uint8_t level, uint32_t us)
{
    struct port_event *burst = &edges.burst;
    if (burst->length >= 2 * PORT_EDGES_MAX) return;
    host_put_u16(burst->data + burst->length, (uint16_t)((level != 0) << 15 | (us < 0x7FFF ? us : 0x7FFF)));
    burst->length = (uint16_t)(burst->length + 2);
}

static void end_burst(void)
{
    if (edges.burst.length == 0) return;
    edges.burst.kind = PORT_EVENT_EDGES;
    edges.burst.number = edges.pin;
    edges.burst.time_us = port_now_us();
    port_post(&edges.burst);
    edges.burst.length = 0;
}

static void add_level(uint8_t level, uint32_t us)
{
    if (level == edges.level || us < edges.filter_us) {
        edges.us += us; // the filter has seen no edge
    } else {
        if (!edges.silent) keep(edges.level, edges.us);
        edges.silent = false;
        edges.level = level;
        edges.us = us;
    }
    if (edges.us < edges.idle_us) return;
    edges.silent = true;
    edges.us = edges.idle_us; // cannot overflow
    end_burst();
}

void host_edges(uint8_t pin, const uint8_t *levels, size_t length)
{
    if (!edges.open || pin != edges.pin) return;
    for (size_t i = 0; i + 4 <= length; i += 4) {
        uint32_t word = host_get_u32(levels + i);
        add_level(word >> 31, word & 0x7FFFFFFF);
    }
}
