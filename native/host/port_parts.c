// Parts on pins that the chip clocks itself: 1-Wire, HX711 and shift registers. One transaction is one question to the board,
// whose models answer bit by bit; without a board all lines float high, which is an empty bus and a part that is not ready.
#include "host.h"

#include <string.h>

enum { ONEWIRE_RESET = 0, ONEWIRE_WRITE = 1, ONEWIRE_READ = 2, ONEWIRE_TRIPLET = 3, ONEWIRE_NOBODY = 3 };

// Asks the board about the bus on `pin`. The answer is a port_error (or 0) and `length` bytes.
static int onewire(int pin, uint8_t operation, const void *body, size_t body_length, void *out, size_t length)
{
    uint8_t answer[1 + PORT_ONEWIRE_MAX];
    const uint8_t head[2] = {(uint8_t)pin, operation};
    host_board_send(BOARD_ONEWIRE, head, sizeof head, body, body_length);
    int got = host_board_answer(BOARD_IN_ONEWIRE, answer, sizeof answer);
    if (got < 1) return PORT_EIO;
    if ((int8_t)answer[0] < 0) return (int8_t)answer[0];
    if ((size_t)got != 1 + length) return PORT_EIO;
    if (length > 0) memcpy(out, answer + 1, length);
    return PORT_OK;
}

int port_onewire_reset(int pin)
{
    uint8_t present = 0;
    if (!host_pin_good(pin)) return PORT_EINVAL;
    if (!host_board_present()) return 0;
    int result = onewire(pin, ONEWIRE_RESET, NULL, 0, &present, 1);
    return result < 0 ? result : present != 0;
}

int port_onewire_write(int pin, const void *data, size_t length)
{
    if (!host_pin_good(pin) || length > PORT_ONEWIRE_MAX) return PORT_EINVAL;
    if (!host_board_present() || length == 0) return PORT_OK;
    return onewire(pin, ONEWIRE_WRITE, data, length, NULL, 0);
}

int port_onewire_read(int pin, void *buf, size_t length)
{
    if (!host_pin_good(pin) || length > PORT_ONEWIRE_MAX) return PORT_EINVAL;
    memset(buf, 0xFF, length);
    if (!host_board_present() || length == 0) return PORT_OK;
    const uint8_t count = (uint8_t)length;
    return onewire(pin, ONEWIRE_READ, &count, 1, buf, length);
}

int port_onewire_triplet(int pin, int direction)
{
    const uint8_t wanted = direction != 0;
    uint8_t bits = ONEWIRE_NOBODY;
    if (!host_pin_good(pin)) return PORT_EINVAL;
    if (!host_board_present()) return ONEWIRE_NOBODY;
    int result = onewire(pin, ONEWIRE_TRIPLET, &wanted, 1, &bits, 1);
    return result < 0 ? result : bits & 7;
}

int port_hx711_read(int data_pin, int clock_pin, int pulses, int32_t *value)
{
    if (!host_pin_good(data_pin) || !host_pin_good(clock_pin) || pulses < 25 || pulses > 27) return PORT_EINVAL;
    host_pin_take(data_pin, PORT_GPIO_INPUT, 0);
    host_pin_take(clock_pin, PORT_GPIO_OUTPUT, 0);
    if (!host_board_present()) return PORT_EAGAIN;
    const uint8_t body[3] = {(uint8_t)data_pin, (uint8_t)clock_pin, (uint8_t)pulses};
    uint8_t answer[5];
    host_board_send(BOARD_HX711, body, sizeof body, NULL, 0);
    if (host_board_answer(BOARD_IN_HX711, answer, sizeof answer) != (int)sizeof answer) return PORT_EIO;
    if (answer[0] == 0) return PORT_EAGAIN;
    uint32_t bits = host_get_u32(answer + 1) & 0xFFFFFF;
    *value = (bits & 0x800000) != 0 ? (int32_t)bits - 0x1000000 : (int32_t)bits;
    return PORT_OK;
}

int port_shift_exchange(int latch_pin, int clock_pin, int in_pin, int out_pin, int bits, uint32_t value, uint32_t *inputs)
{
    if (!host_pin_good(latch_pin) || !host_pin_good(clock_pin) || !host_pin_good(in_pin) || !host_pin_good(out_pin) ||
        bits < 1 || bits > 32) {
        return PORT_EINVAL;
    }
    uint32_t mask = bits == 32 ? UINT32_MAX : (UINT32_C(1) << bits) - 1;
    *inputs = mask;
    if (!host_board_present()) return PORT_OK;
    uint8_t body[9] = {(uint8_t)latch_pin, (uint8_t)clock_pin, (uint8_t)in_pin, (uint8_t)out_pin, (uint8_t)bits};
    uint8_t answer[4];
    host_put_u32(body + 5, value & mask);
    host_board_send(BOARD_SHIFT, body, sizeof body, NULL, 0);
    if (host_board_answer(BOARD_IN_SHIFT, answer, sizeof answer) != (int)sizeof answer) return PORT_EIO;
    *inputs = host_get_u32(answer) & mask;
    return PORT_OK;
}
