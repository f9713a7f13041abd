// What the files of the host port share: options, the power-cut machinery, NOR storage, the clock and the board's client.
// Only native/host/ and its test include this; common code sees native/port.h alone.
#ifndef HEARTH_HOST_H
#define HEARTH_HOST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include "../port.h"

// ---------------------------------------------------------------- options (port_sys.c)

struct host_options {
    const char *version;     // of the firmware image
    const char *flash_dir;   // the chip's state
    const char *serial;      // terminal device that is the serial console, or NULL
    const char *board;       // Unix socket of the virtual board, or NULL
    const char *air;         // folder of the radios' sockets, or NULL: ESP-NOW frames go over the board
    const char *id;          // 12 hex digits, or NULL: kept in the flash folder
    enum port_reset reset;   // why this boot happens
    uint8_t address[4];      // the interface's address when no board decides
    uint32_t cut;            // power is lost at this storage operation (from 1); 0: never
    uint64_t cut_seed;       // what a cut leaves behind
    uint64_t seed;           // of port_random, if has_seed
    int firmware_slot;       // the one that this process was loaded from, -1: none
    uint32_t files_size;     // bytes of the files partition
    uint32_t heap_limit;     // bytes that the engine's blocks may take, as requested; 0: no limit
    bool has_seed;
    bool count_flash;        // report storage operations to the board
    bool count_heap;         // report the engine's heap to the board before each `idle`
    bool flash_times;        // erasing and writing take a chip's time
    bool fast_wait;          // virtual time without a board
};
extern struct host_options host_options;

enum { HOST_EXIT_RESET = 10, HOST_EXIT_CUT = 99 };

// Opens RTC memory and the unique id in the flash folder. PORT_OK or PORT_EIO.
int host_sys_start(void);
void host_sys_stop(void);
// The watchdog's deadline, 0 when disarmed.
uint64_t host_watchdog_deadline(void);
// Ends the process as the watchdog would end the boot.
void host_watchdog_expired(void) __attribute__((noreturn));
// A log line made as by printf, at most 255 characters.
void host_logf(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Size of the file at `path`, or PORT_ENOENT (also for a folder), PORT_EIO. Instead of stat(): the 32-bit build aligns
// doubles and 64-bit numbers to 8 bytes as the chips do, and then struct stat is not the one of the C library.
int host_file_size(const char *path);
// Writes the path of `name` in the flash folder; false when it does not fit.
bool host_path(char *out, size_t capacity, const char *name);

// ---------------------------------------------------------------- power cuts (port_cut.c)

enum host_cut_kind { HOST_CUT_ERASE = 1, HOST_CUT_PROGRAM = 2, HOST_CUT_FILE = 3 };
// Counts one storage operation; true when the power is to be lost in it: the caller leaves a torn state and calls host_cut_now.
bool host_cut_due(enum host_cut_kind kind);
// Operations since the process started (or since host_cut_reset).
uint32_t host_cut_count(void);
void host_cut_reset(void);
// Next number of the sequence that --cut-seed and --cut give.
uint64_t host_cut_random(void);
// Loses the power.
void host_cut_now(void) __attribute__((noreturn));
// What happens then: must not return. Default: _exit(99). A test in one process jumps out of the operation instead.
extern void (*host_cut_hook)(void);

// ---------------------------------------------------------------- NOR storage in a file (port_flash.c)

struct host_nor {
    const char *name;
    uint8_t *cells; // shared mapping of the file
    uint32_t size;
};
// Maps DIR/NAME.bin, made with all bits set when it is not there.
int host_nor_open(struct host_nor *nor, const char *name, uint32_t default_size);
// Maps DIR/NAME.bin, of any size, for reading only; it is not made. PORT_ENOENT.
int host_nor_view(struct host_nor *nor, const char *name);
void host_nor_close(struct host_nor *nor);
// As port_flash_erase and port_flash_write.
int host_nor_erase(struct host_nor *nor, uint32_t offset, uint32_t length);
int host_nor_program(struct host_nor *nor, uint32_t offset, const void *data, uint32_t length);

int host_flash_start(void);
void host_flash_stop(void);

// ---------------------------------------------------------------- firmware slots (port_firmware.c)

enum { HOST_FIRMWARE_SIZE = 8 << 20 };
int host_firmware_start(void);
void host_firmware_stop(void);
// The firmware slot that does not run, made blank when it is not there; NULL when there is none.
struct host_nor *host_firmware_other(void);

int host_nvs_start(void);
void host_nvs_stop(void);
int host_file_start(void);
// At a cut: what was written and not synced loses its tail.
void host_file_lose_unsynced(void);

// ---------------------------------------------------------------- time and events (port_time.c)

int host_time_start(void);
// The board moves the clock; an earlier time is ignored.
void host_time_set(uint64_t now_us);
// Real microseconds since the process started, whatever the device's clock says.
uint64_t host_real_us(void);
bool host_event_pending(void);

// ---------------------------------------------------------------- heap (port_heap.c)

struct host_heap_figures {
    uint32_t live;    // bytes that the engine has asked for and not given back
    uint32_t peak;    // the most since the process started
    uint32_t gross;   // live, with what the chips' allocator (ESP-IDF's TLSF) adds to each block
    uint32_t largest; // the largest block ever asked for
};
struct host_heap_figures host_heap_figures(void);

// ---------------------------------------------------------------- the serial console (port_console.c)

// Opens the terminal device, if one was given. PORT_OK or PORT_EIO.
int host_console_start(void);
void host_console_stop(void);
void host_console_log(const char *line, size_t length);
// What to poll for, -1 when there is no console; and what came of it.
int host_console_fd(short *events);
void host_console_ready(short got);

// ---------------------------------------------------------------- the board (port_board.c); see docs/BOARD.md

enum {
    BOARD_HELLO = 1,
    BOARD_IDLE = 2,
    BOARD_PIN_MODE = 3,
    BOARD_PIN_LEVEL = 4,
    BOARD_UART_OPEN = 5,
    BOARD_UART_BYTES = 6,
    BOARD_I2C_OPEN = 7,
    BOARD_I2C_TRANSFER = 8,
    BOARD_WATCHDOG = 9,
    BOARD_NET = 10,
    BOARD_LOG = 11,
    BOARD_RESET = 12,
    BOARD_CPU = 13,
    BOARD_PIN_READ = 14,
    BOARD_FLASH = 15,
    BOARD_UART_CLOSE = 16,
    BOARD_HEAP = 24,
    BOARD_HX711 = 25,
    BOARD_PULSE = 26,
    BOARD_EDGES = 27,
    BOARD_SHIFT = 28,
    BOARD_RADIO = 29,
    BOARD_ESPNOW = 30,
    BOARD_ONEWIRE = 31,
    BOARD_IN_TIME = 64,
    BOARD_IN_PIN = 65,
    BOARD_IN_UART = 66,
    BOARD_IN_NET = 68,
    BOARD_IN_I2C = 72,
    BOARD_IN_PIN_READ = 74,
    BOARD_IN_ONEWIRE = 80,
    BOARD_IN_HX711 = 81,
    BOARD_IN_PULSES = 82,
    BOARD_IN_EDGES = 83,
    BOARD_IN_SHIFT = 84,
    BOARD_IN_ESPNOW = 85,
    BOARD_IN_SENT = 86,
};
// Connects and says hello. PORT_OK also when there is no board; PORT_EIO.
int host_board_start(void);
bool host_board_present(void);
int host_board_fd(void);
// Sends one message of two parts; nothing happens without a board. From any task.
void host_board_send(uint8_t type, const void *head, size_t head_length, const void *body, size_t body_length);
// Hands out all messages that are here now. Returns true when one of them was `time`. Exits when the board has gone.
bool host_board_pump(void);
// Exits when the board has gone, without reading anything.
void host_board_check(void);
// Waits for a message of type `answer` (bounded by HOST_BOARD_ANSWER_MS of real time), handing out others meanwhile.
// Returns its body's length, copying at most `capacity` bytes, or PORT_EIO.
enum { HOST_BOARD_ANSWER_MS = 30000 };
int host_board_answer(uint8_t answer, void *buf, size_t capacity);

// splitmix64: the repeatable random numbers of cuts and of the air.
static inline uint64_t host_splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

// Little-endian helpers for messages.
static inline void host_put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}
static inline void host_put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> (8 * i));
}
static inline void host_put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(value >> (8 * i));
}
static inline uint32_t host_get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}
static inline uint64_t host_get_u64(const uint8_t *in)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)in[i] << (8 * i);
    return value;
}

// What the board's messages do (port_pins.c, port_edges.c, port_net.c).
void host_pins_level(uint8_t pin, uint8_t level);
void host_uart_bytes(uint8_t uart, const uint8_t *bytes, size_t length);
bool host_pin_good(int pin);
// A part takes its pins: as port_gpio_mode where they are not so already.
void host_pin_take(int pin, enum port_gpio_mode mode, int level);
void host_pulses(uint8_t pin, uint32_t count, uint32_t width_ns);
// Levels that `pin` had: 4 bytes each, bit 31 the level, bits 0..30 microseconds.
void host_edges(uint8_t pin, const uint8_t *levels, size_t length);
void host_net_message(const uint8_t *body, size_t length);

// ---------------------------------------------------------------- ESP-NOW (port_espnow.c, port_air.c)

// The station's channel may have changed.
void host_espnow_follow(void);
// From any task: a frame came; the frame that was given `sequence` is done.
void host_espnow_received(uint8_t channel, int8_t rssi, const uint8_t from[6], const uint8_t *frame, size_t length);
void host_espnow_sent(uint8_t sequence, bool acknowledged);

// The air of --air: a task of its own plays the radio on a datagram socket. Faults are `name=value` with commas between
// them, see docs/BOARD.md; false when that makes no sense.
bool host_air_faults(const char *text);
// PORT_OK, PORT_EINVAL (path too long), PORT_EIO.
int host_air_start(void);
void host_air_stop(void);
void host_air_tune(uint8_t channel, bool long_range);
// The fate of the frame comes as host_espnow_sent.
int host_air_send(uint8_t sequence, const uint8_t to[6], const void *frame, size_t length);

#endif
