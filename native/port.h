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
// because the hardware's own time-out is shorter than a declared blocking section.
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
    PORT_EVENT_GPIO = 3,   // number = pin, value = level after the edge
    PORT_EVENT_INPUT = 4,  // the serial console has bytes
};
enum { PORT_EVENT_DATA_MAX = 256, PORT_EVENT_QUEUE_LENGTH = 32 };

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

enum port_partition { PORT_PART_APP_0 = 0, PORT_PART_APP_1 = 1, PORT_PART_COUNT };
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

#endif
