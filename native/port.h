// port.h owns the seam between Hearth's common C code and a machine (esp32/ or host/). It holds plain C types only:
// a port never sees quickjs.h, and native/*.c never sees an IDF header.
//
// Unless a comment says otherwise every function is called from the one task that runs JavaScript, returns at once,
// and returns PORT_OK or a count (>= 0) on success and a negative code of enum port_error on failure.
// Nothing here throws, logs or exits, except the functions documented as not returning.
#ifndef HEARTH_PORT_H
#define HEARTH_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum port_error {
    PORT_OK = 0,
    PORT_EAGAIN = -1,   // nothing to read or no room to write right now; try again after port_wait
    PORT_EINVAL = -2,   // an argument is out of range (the caller's mistake)
    PORT_EIO = -3,      // the hardware or the medium failed
    PORT_ENOMEM = -4,   // no memory, or no room in a fixed table
    PORT_ENOENT = -5,   // no such file, key, partition or bus
    PORT_ETIMEOUT = -6, // no answer in time
    PORT_ENOTSUP = -7,  // this machine does not have the part at all
    PORT_EFULL = -8,    // no space left on the medium
    PORT_ECLOSED = -9,  // the other end has closed
    PORT_EBUSY = -10,   // somebody else uses it
    PORT_EBAD = -11,    // what was read does not verify (checksum, MAC, format)
    PORT_ENACK = -12,   // an I2C device did not acknowledge
};

// ---------------------------------------------------------------- life and time

enum port_reset {
    PORT_RESET_POWER_ON = 0, // also an external reset pin
    PORT_RESET_SOFTWARE = 1, // port_restart()
    PORT_RESET_WATCHDOG = 2,
    PORT_RESET_PANIC = 3, // the firmware crashed (signal, CPU exception, abort)
    PORT_RESET_DEEP_SLEEP = 4,
    PORT_RESET_BROWNOUT = 5,
};

// Why this boot happened. Constant during a boot.
enum port_reset port_reset_reason(void);

// Restarts the chip with reason PORT_RESET_SOFTWARE. Does not return.
void port_restart(void) __attribute__((noreturn));

// Sleeps deeply for `us` microseconds and then boots with PORT_RESET_DEEP_SLEEP. RTC memory survives, RAM does not.
// Does not return.
void port_deep_sleep(uint64_t us) __attribute__((noreturn));

// PORT_RTC_SIZE bytes that survive a restart, a crash and a deep sleep, but not a loss of power (then all zero).
enum { PORT_RTC_SIZE = 512 };
void *port_rtc_memory(void);

// Microseconds since this boot (deep sleep begins a new count). Monotonic. May be called from any task.
uint64_t port_now_us(void);

// Busy-waits; for bus timing only. us <= 10000.
void port_delay_us(uint32_t us);

// Tells the hardware watchdog to reset the chip (PORT_RESET_WATCHDOG) as soon as port_now_us() passes `deadline_us`,
// whatever the firmware is doing then. 0 disarms. On the chip a second task feeds the real watchdog until the deadline,
// because the hardware's own time-out is shorter than a declared blocking section. From the reset until the first call a watchdog of the
// boot loader's bounds the start to some seconds: who starts calls this in any case, so that a firmware which hangs before is reset.
void port_watchdog_set(uint64_t deadline_us);

// Called now and then while JavaScript runs long, so that a port can let other tasks of the chip run (idle task).
void port_yield(void);

// Fills `buf` from a cryptographically secure source. Never fails after port start-up.
void port_random(void *buf, size_t length);

// The chip's unique id (the factory MAC), 6 bytes.
void port_unique_id(uint8_t id[6]);

// Sets the CPU clock: 80, 160 or 240. PORT_EINVAL for others, PORT_ENOTSUP where it cannot be changed.
int port_cpu_mhz(int mhz);

// A name for the machine, e.g. "host", "esp32", "esp32c3". Constant string.
const char *port_machine(void);

// Writes one log line (no newline at the end) to the console. May be called from any task.
void port_log(const char *line);

// The other direction of the console, and what is no log line. The buffer holds all that the serial link lets its tool have
// on the way (docs/WIRE.md); what does not fit is lost. A chip's is filled by an interrupt that runs while flash is written.
enum { PORT_CONSOLE_BUFFER = 2304, PORT_CONSOLE_WRITE_MAX = 1152 };
// Copies at most `length` of the bytes that have come in; 0 when there are none.
int port_console_read(void *buf, size_t length);
// Queues all or nothing; PORT_EAGAIN when it does not fit now. No log line gets between these bytes. length is at most
// PORT_CONSOLE_WRITE_MAX (else PORT_EINVAL). PORT_ENOTSUP when the machine has no serial console.
int port_console_write(const void *data, size_t length);

// ---------------------------------------------------------------- heap of the JavaScript engine

// Like malloc, realloc and free; `realloc(p, 0)` is never asked for. NULL when out of memory.
void *port_heap_alloc(size_t size);
void *port_heap_realloc(void *pointer, size_t size);
void port_heap_free(void *pointer);
// Bytes that the block at `pointer` accounts for (its requested size on the host; what the allocator reserved on a chip).
size_t port_heap_block_size(const void *pointer);

struct port_heap_stats {
    size_t free;          // bytes free in the whole heap, 0 if the port does not know
    size_t largest_block; // largest block that could be allocated, 0 if the port does not know
    size_t min_free;      // the least `free` has ever been, 0 if the port does not know
};
void port_heap_stats(struct port_heap_stats *out);

// Bytes of C stack that JavaScript may use on the calling task.
size_t port_stack_limit(void);

// ---------------------------------------------------------------- events and waiting

// Interrupts, Wi-Fi tasks and callbacks only copy into one bounded queue; loop.c hands its content to JavaScript.
enum port_event_kind {
    PORT_EVENT_NONE = 0,
    PORT_EVENT_NET = 1,    // the network's state changed; ask port_net_status
    PORT_EVENT_UART = 2,   // number = UART; bytes can be read
    PORT_EVENT_GPIO = 3,   // a watched pin: number = pin, value = level after the edge
    PORT_EVENT_INPUT = 4,  // the serial console has bytes; posted once until port_console_read is called
    PORT_EVENT_ESPNOW = 5, // number = channel, value = RSSI in dBm, data = MAC of the sender (6) and the frame
    PORT_EVENT_SENT = 6,   // the frame given to port_espnow_send is done: value 1 acknowledged (broadcast: sent), 0 not
    PORT_EVENT_EDGES = 7,  // a burst of edges: number = pin, data = u16 little-endian each, see port_edges_open
};
// The longest data: 6 + 250 bytes of an ESP-NOW frame, 2 * 128 of a burst. A port may keep less than QUEUE_LENGTH events
// of that length, but at least 4; an event without data always finds the whole queue.
enum { PORT_EVENT_DATA_MAX = 264, PORT_EVENT_QUEUE_LENGTH = 32 };

struct port_event {
    uint8_t kind;
    uint8_t number;
    int32_t value;
    uint64_t time_us;
    uint16_t length;
    uint8_t data[PORT_EVENT_DATA_MAX];
};

// Copies the event into the queue and wakes port_wait. From any task; an interrupt uses the port's own variant.
// Never blocks: a full queue drops the event, counts it, and returns PORT_EFULL.
int port_post(const struct port_event *event);
// Takes the oldest event. Returns 1, or 0 when there is none.
int port_next_event(struct port_event *out);
// Events dropped since boot because the queue was full.
uint32_t port_events_dropped(void);

struct port_wait_fd {
    int fd;
    bool want_read, want_write; // in
    bool readable, writable;    // out; an error or hang-up sets both
};
// Sleeps until a socket of `fds` is ready, an event is in the queue, or port_now_us() >= deadline_us
// (UINT64_MAX: no deadline). Returns the number of ready sockets.
int port_wait(struct port_wait_fd *fds, int count, uint64_t deadline_us);

// ---------------------------------------------------------------- flash: raw partitions with NOR semantics

enum port_partition {
    PORT_PART_APP_0 = 0,
    PORT_PART_APP_1 = 1,
    PORT_PART_FIRMWARE = 2, // the firmware slot that does not run; cannot be mapped
    PORT_PART_COUNT
};
enum { PORT_FLASH_SECTOR = 4096 };

// Size in bytes, a multiple of PORT_FLASH_SECTOR; PORT_ENOENT if the partition table lacks it.
int port_flash_size(enum port_partition part);
// offset and length are multiples of PORT_FLASH_SECTOR. All bits of the range become 1. A cut of power may leave any bits.
int port_flash_erase(enum port_partition part, uint32_t offset, uint32_t length);
// Bits can only go from 1 to 0. offset and length are multiples of 4. A cut of power may leave a prefix of whole words
// written and the next word with any of its bits cleared.
int port_flash_write(enum port_partition part, uint32_t offset, const void *data, uint32_t length);
int port_flash_read(enum port_partition part, uint32_t offset, void *data, uint32_t length);
// A read-only memory mapping of the whole partition, valid until restart; NULL on failure. It shows later writes.
const uint8_t *port_flash_map(enum port_partition part);

// ---------------------------------------------------------------- firmware slots: what the boot loader knows

// As in ESP-IDF's otadata. NEW: set to boot, not tried yet. PENDING: on trial; the boot loader makes it ABORTED at the next
// boot, whatever led there, and boots the other one. INVALID: taken back by port_firmware_reject.
enum port_firmware_state {
    PORT_FIRMWARE_UNDEFINED = -1,
    PORT_FIRMWARE_NEW = 0,
    PORT_FIRMWARE_PENDING = 1,
    PORT_FIRMWARE_VALID = 2,
    PORT_FIRMWARE_INVALID = 3,
    PORT_FIRMWARE_ABORTED = 4,
};
struct port_firmware_slot {
    int state;        // enum port_firmware_state
    uint8_t hash[8];  // names the image: on a chip the first bytes of app_elf_sha256, on the host of the image's own SHA-256
    char version[33]; // "" when there is no image
};
struct port_firmware_info {
    int slot; // 0 or 1: the one that runs
    struct port_firmware_slot running, other;
};
// PORT_ENOTSUP on a machine without two firmware slots. The image in the other slot is not verified.
int port_firmware_info(struct port_firmware_info *out);
// Verifies that PORT_PART_FIRMWARE holds an image for this machine from its first byte on and lets the next boot try it (NEW).
// PORT_EBAD when it does not verify, PORT_EBUSY while the running one is PENDING. May take a second on a chip.
int port_firmware_activate(void);
// Makes the running firmware VALID. PORT_OK also when it is.
int port_firmware_confirm(void);
// Makes the running firmware INVALID and restarts into the other one. Returns only on failure: PORT_ENOENT when there is none.
int port_firmware_reject(void);

// ---------------------------------------------------------------- NVS: small values by namespace and key

enum { PORT_NVS_NAME_MAX = 15, PORT_NVS_VALUE_MAX = 1900 };
// Copies at most `capacity` bytes and returns the value's length (it may be larger), or PORT_ENOENT.
int port_nvs_get(const char *space, const char *key, void *buf, size_t capacity);
// Durable when it returns; a cut of power leaves the old value or the new one.
int port_nvs_set(const char *space, const char *key, const void *data, size_t length);
// Removes one key, or the whole namespace when key is NULL. PORT_OK also when there was nothing.
int port_nvs_remove(const char *space, const char *key);

// ---------------------------------------------------------------- files

// Names are relative to the files partition: letters, digits, and `._-` in parts joined by `/`, no part starting with a
// dot, at most PORT_FILE_NAME_MAX bytes. Callers check with path.c; ports may assume it. Folders are made as needed.
enum { PORT_FILE_NAME_MAX = 63 };
int port_file_size(const char *name);
int port_file_read(const char *name, uint32_t offset, void *buf, size_t length);
// Writes at `offset`, which is at most the file's size; creates the file at offset 0. Not durable until port_file_sync.
int port_file_write(const char *name, uint32_t offset, const void *data, size_t length);
// Makes what was written durable.
int port_file_sync(const char *name);
// Atomic: after a cut of power `to` is the old file or the new one.
int port_file_rename(const char *from, const char *to);
int port_file_remove(const char *name);
// Calls `each` for every file with its name and size.
int port_file_list(void (*each)(void *context, const char *name, uint32_t size), void *context);
// Bytes free on the files partition.
int port_file_space(void);

// ---------------------------------------------------------------- network interface (sockets themselves are common code)

enum port_net_kind {
    PORT_NET_WIFI = 0,
    PORT_NET_WIRED = 1,  // MDC 23, MDIO 18, power pin 0, generic PHY address 1, clock out on 17
    PORT_NET_WIRED2 = 2, // MDC 23, MDIO 18, LAN8720 PHY address 1, power pin 16
    PORT_NET_QEMU = 3,   // open_eth of Espressif's QEMU
};
enum port_net_state {
    PORT_NET_OFF = 0,
    PORT_NET_ON = 1,         // radio or PHY on, not connected
    PORT_NET_CONNECTING = 2, // associating or waiting for DHCP
    PORT_NET_UP = 3,         // has an address
    PORT_NET_LOST = 4,       // was refused, or the link went down; stays until port_net_off
};
struct port_net_status {
    uint8_t state; // enum port_net_state
    uint8_t ip[4];
    uint8_t mac[6];
    int8_t rssi;     // dBm, 0 when unknown or wired
    uint8_t channel; // 0 when unknown or wired
};
int port_net_on(enum port_net_kind kind);
// Begins to connect; ssid and password are empty strings for a wired kind. Progress shows in port_net_status.
int port_net_connect(const char *ssid, const char *password);
int port_net_off(void);
void port_net_status(struct port_net_status *out);

// Resolves a host name to an IPv4 address. Blocks for up to 10 s on a chip: callers declare it to the watchdog.
int port_resolve(const char *name, uint8_t ip[4]);

// ---------------------------------------------------------------- pins and buses

enum port_gpio_mode {
    PORT_GPIO_INPUT = 0,
    PORT_GPIO_INPUT_PULLUP = 1,
    PORT_GPIO_INPUT_PULLDOWN = 2,
    PORT_GPIO_OUTPUT = 3,
    PORT_GPIO_OPEN_DRAIN = 4,
};
// `level` is applied before an output is enabled, so that it never glitches through the other level.
int port_gpio_mode(int pin, enum port_gpio_mode mode, int level);
int port_gpio_write(int pin, int level);
int port_gpio_read(int pin);
// Posts PORT_EVENT_GPIO at both edges of an input; port_gpio_mode ends it. An edge of a pin whose event has not been
// taken yet may renew that event (newest level and time) instead of making another, so that a pin that bounces cannot
// fill the queue. PORT_EINVAL for a pin that is not set up as an input.
int port_gpio_watch(int pin, bool on);

enum { PORT_UART_BUFFER = 512 };
// 8N1. A receive buffer of PORT_UART_BUFFER bytes; what does not fit is lost.
int port_uart_open(int uart, int tx_pin, int rx_pin, int baud);
// Queues all or nothing; PORT_EAGAIN when it does not fit.
int port_uart_write(int uart, const void *data, size_t length);
// Returns the number of bytes copied, 0 when there are none.
int port_uart_read(int uart, void *buf, size_t length);
int port_uart_close(int uart);

// I2C master, 7-bit addresses. A transfer writes, then reads after a repeated start; either length may be 0.
// Blocks until done (bounded by timeout_us). PORT_ENACK, PORT_ETIMEOUT (stuck bus).
int port_i2c_open(int bus, int sda_pin, int scl_pin, int hz);
int port_i2c_transfer(int bus, int address, const void *write, size_t write_length, void *read, size_t read_length,
                      uint32_t timeout_us);
int port_i2c_close(int bus);

// ---------------------------------------------------------------- parts with timing of their own

// 1-Wire at standard speed on one pin, as open drain with the chip's pull-up (a real bus has one of 4.7 kOhm besides).
// The pin needs no port_gpio_mode. Each call blocks for the time of its slots; interrupts are held off for a single
// slot's low and sampling phase only (at most 70 us in one piece, after a reset pulse 80 us).
enum { PORT_ONEWIRE_MAX = 64 };
// A reset pulse, 1 ms. 1: a device answered, 0: nobody did, PORT_EIO: the bus is low without us.
int port_onewire_reset(int pin);
// Bytes go least significant bit first, about 0.6 ms each; length <= PORT_ONEWIRE_MAX. PORT_EINVAL.
int port_onewire_write(int pin, const void *data, size_t length);
// On an empty bus all bits are 1.
int port_onewire_read(int pin, void *buf, size_t length);
// A step of a search: reads a bit and its complement, then writes `direction` where devices of both kinds are there
// (00), else the bit read. Returns bit 0 the bit, bit 1 the complement, bit 2 what was written; 3: nobody is there and
// nothing was written.
int port_onewire_triplet(int pin, int direction);

// One reading of an HX711: with the data line low, `pulses` (25..27) clock pulses, the first 24 of which shift the
// value out, most significant bit first; their number chooses input and gain of the next reading. Sets both pins up by
// itself (data: input, clock: output, low). Interrupts are held off so that no pulse is high for 60 us, which would
// power the part down. Blocks for at most 200 us. PORT_EAGAIN while the data line is high, PORT_EINVAL.
int port_hx711_read(int data_pin, int clock_pin, int pulses, int32_t *value);

// The pulse counter: rising edges of one pin, by hardware. A level that lasts less than filter_ns is no pulse. Mode and
// pull of the pin stay as they are. PORT_EINVAL for a filter above PORT_PULSE_FILTER_MAX_NS (1023 periods of 80 MHz),
// PORT_EBUSY when it is open, PORT_ENOTSUP where the chip has no counter.
enum { PORT_PULSE_FILTER_MAX_NS = 12787 };
int port_pulse_open(int pin, uint32_t filter_ns);
// The count since port_pulse_open, modulo 2^32. PORT_ENOENT when it is not open.
int port_pulse_read(uint32_t *count);
// PORT_OK also when it was not open.
int port_pulse_close(void);

// The edge receiver (433 MHz OOK): one pin. A burst begins with the first edge after silence; the level that lasts
// idle_us ends it and is not part of it. A level shorter than filter_us never was (it belongs to the one around it). At
// the end of a burst PORT_EVENT_EDGES is posted with up to PORT_EDGES_MAX values: bit 15 the level, bits 0..14 how many
// microseconds it lasted; what follows in a longer burst is dropped. `hardware`: timed by the RMT peripheral, and
// PORT_ENOTSUP where there is none that receives; else by pin interrupts. Mode and pull of the pin stay as they are.
// 0 <= filter_us < idle_us <= PORT_EDGES_IDLE_MAX_US, else PORT_EINVAL. PORT_EBUSY when it is open.
enum { PORT_EDGES_MAX = 128, PORT_EDGES_IDLE_MAX_US = 32767 };
int port_edges_open(int pin, uint32_t filter_us, uint32_t idle_us, bool hardware);
// PORT_OK also when it was not open. What has not ended is dropped.
int port_edges_close(void);

// A 74HC165 (inputs) and a 74HC595 (outputs) on one latch line (165: SH/LD, 595: RCLK) and one clock, either of them
// possibly a chain: a low pulse on latch loads the inputs; then for each of `bits` (1..32) the input is read, the output
// set and the clock pulsed, least significant bit first; a last low pulse on latch shows the outputs. Sets all four
// pins up by itself when it is called first with them. The outputs change once, at the end. Blocks for at most 100 us.
// PORT_EINVAL.
int port_shift_exchange(int latch_pin, int clock_pin, int in_pin, int out_pin, int bits, uint32_t value,
                        uint32_t *inputs);

// ---------------------------------------------------------------- ESP-NOW

enum { PORT_ESPNOW_FRAME_MAX = 250, PORT_ESPNOW_PEERS_MAX = 20, PORT_ESPNOW_CHANNEL_MAX = 13 };
// Switches the radio on for ESP-NOW, on channel 1..13 or on that of the Wi-Fi station (0; 1 as long as there is none).
// While a station is up the radio is on the station's channel, whatever is asked for here. `long_range`: Espressif's
// long-range mode and its rate of 250 kbit/s; radios hear each other in the same mode only. Called again it changes
// channel and mode, and keeps peers and the frame on its way. Independent of port_net_on: the radio stays on as long as
// one of the two wants it. From here on received frames are posted as PORT_EVENT_ESPNOW by the Wi-Fi task, which only
// copies; a full queue drops and counts them. Blocks for at most 500 ms on a chip (the driver's start). PORT_EINVAL,
// PORT_ENOMEM, PORT_EIO, PORT_ENOTSUP on a machine without a radio.
int port_espnow_on(int channel, bool long_range);
// Also ends the frame on its way: no PORT_EVENT_SENT follows. PORT_OK also when it was off.
int port_espnow_off(void);
// The channel that the radio is on now; 0 when ESP-NOW is off.
int port_espnow_channel(void);
// Gives one frame of 1..250 bytes to the radio and returns at once; `mac` all 0xFF is a broadcast. Exactly one
// PORT_EVENT_SENT follows, within 1 s; until then PORT_EAGAIN. The port enters the peer into the driver's table of
// PORT_ESPNOW_PEERS_MAX; the one that was used longest ago leaves it. PORT_EINVAL (also for a group address that is not
// the broadcast), PORT_ENOENT when ESP-NOW is off, PORT_ENOMEM, PORT_EIO.
int port_espnow_send(const uint8_t mac[6], const void *frame, size_t length);

#endif
