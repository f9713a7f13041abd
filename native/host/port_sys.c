// The chip itself: reset and its reason, RTC memory, watchdog, random numbers, unique id and the console.
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WATCHDOG_LOOK_MS = 50, LOG_LINE_MAX = 4096 };

struct host_options host_options = {.version = "", .address = {127, 0, 0, 1}, .firmware_slot = -1, .files_size = 4 << 20};

static void *rtc;
static uint8_t unique_id[6];
static pthread_mutex_t watchdog_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t watchdog_us;
static bool watchdog_thread_runs;

bool host_path(char *out, size_t capacity, const char *name)
{
    int length = snprintf(out, capacity, "%s/%s", host_options.flash_dir, name);
    return length > 0 && (size_t)length < capacity;
}

int host_file_size(const char *path)
{
    int fd = open(path, O_RDWR); // refuses a folder
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EISDIR ? PORT_ENOENT : PORT_EIO;
    off_t size = lseek(fd, 0, SEEK_END);
    close(fd);
    return size < 0 || size > INT32_MAX ? PORT_EIO : (int)size;
}

static bool parse_id(const char *text)
{
    unsigned value;
    if (strlen(text) < 12 || strspn(text, "0123456789abcdefABCDEF") < 12) return false;
    for (int i = 0; i < 6; i++) {
        if (sscanf(text + 2 * i, "%2x", &value) != 1) return false;
        unique_id[i] = (uint8_t)value;
    }
    return true;
}

static int load_id(void)
{
    char path[1100], text[13] = {0};
    if (host_options.id != NULL) return parse_id(host_options.id) ? PORT_OK : PORT_EINVAL;
    if (!host_path(path, sizeof path, "id.txt")) return PORT_EIO;
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        bool good = fread(text, 1, 12, file) == 12 && parse_id(text);
        fclose(file);
        if (good) return PORT_OK;
    }
    if (getentropy(unique_id, sizeof unique_id) != 0) return PORT_EIO;
    unique_id[0] = (uint8_t)((unique_id[0] & 0xFC) | 0x02); // a locally administered, single address
    file = fopen(path, "w");
    if (file == NULL) return PORT_EIO;
    for (int i = 0; i < 6; i++) fprintf(file, "%02x", unique_id[i]);
    fputc('\n', file);
    return fclose(file) == 0 ? PORT_OK : PORT_EIO;
}

int host_sys_start(void)
{
    if (mkdir(host_options.flash_dir, 0755) != 0 && errno != EEXIST) return PORT_EIO;
    int result = load_id();
    if (result < 0) return result;
    char path[1100];
    if (!host_path(path, sizeof path, "rtc.bin")) return PORT_EIO;
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    if (fd < 0) return PORT_EIO;
    // A shared mapping: what was stored before a crash or a kill is in the file.
    bool good = ftruncate(fd, PORT_RTC_SIZE) == 0;
    rtc = good ? mmap(NULL, PORT_RTC_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (rtc == MAP_FAILED) return PORT_EIO;
    if (host_options.reset == PORT_RESET_POWER_ON) memset(rtc, 0, PORT_RTC_SIZE);
    return PORT_OK;
}

void host_sys_stop(void)
{
    munmap(rtc, PORT_RTC_SIZE);
    rtc = NULL;
}

enum port_reset port_reset_reason(void)
{
    return host_options.reset;
}

static void end_boot(int reason)
{
    fflush(stdout);
    _exit(HOST_EXIT_RESET + reason); // as on a chip nothing is tidied up
}

void port_restart(void)
{
    const uint8_t body[1] = {1};
    host_board_send(BOARD_RESET, body, sizeof body, NULL, 0);
    end_boot(PORT_RESET_SOFTWARE);
    for (;;) {
    }
}

void port_deep_sleep(uint64_t us)
{
    uint8_t body[9] = {4};
    host_put_u64(body + 1, us);
    host_board_send(BOARD_RESET, body, sizeof body, NULL, 0);
    end_boot(PORT_RESET_DEEP_SLEEP);
    for (;;) {
    }
}

void *port_rtc_memory(void)
{
    return rtc;
}

uint64_t host_watchdog_deadline(void)
{
    pthread_mutex_lock(&watchdog_lock);
    uint64_t deadline_us = watchdog_us;
    pthread_mutex_unlock(&watchdog_lock);
    return deadline_us;
}

void host_watchdog_expired(void)
{
    static const char text[] = "hearth: watchdog reset\n";
    if (write(STDOUT_FILENO, text, sizeof text - 1) < 0) _exit(HOST_EXIT_RESET + PORT_RESET_WATCHDOG);
    _exit(HOST_EXIT_RESET + PORT_RESET_WATCHDOG);
}

// Looks often instead of sleeping until the deadline, because in virtual time the clock does not run evenly.
static void *watch(void *unused)
{
    (void)unused;
    for (;;) {
        uint64_t deadline_us = host_watchdog_deadline();
        if (deadline_us != 0 && port_now_us() > deadline_us && host_watchdog_deadline() == deadline_us) {
            host_watchdog_expired();
        }
        nanosleep(&(struct timespec){.tv_nsec = WATCHDOG_LOOK_MS * 1000000L}, NULL);
    }
}

void port_watchdog_set(uint64_t deadline_us)
{
    pthread_mutex_lock(&watchdog_lock);
    watchdog_us = deadline_us;
    bool start = !watchdog_thread_runs && deadline_us != 0 && !host_board_present();
    if (start) watchdog_thread_runs = true;
    pthread_mutex_unlock(&watchdog_lock);
    uint8_t body[8];
    host_put_u64(body, deadline_us);
    host_board_send(BOARD_WATCHDOG, body, sizeof body, NULL, 0); // the board's launcher kills a chip that is late
    pthread_t thread;
    if (start && pthread_create(&thread, NULL, watch, NULL) == 0) pthread_detach(thread);
}

void port_random(void *buf, size_t length)
{
    uint8_t *out = buf;
    if (host_options.has_seed) {
        static uint64_t state;
        static bool seeded;
        if (!seeded) state = host_options.seed;
        seeded = true;
        for (size_t i = 0; i < length; i++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            out[i] = (uint8_t)(state >> 56);
        }
        return;
    }
    while (length > 0) {
        size_t part = length < 256 ? length : 256; // getentropy's bound
        if (getentropy(out, part) != 0) {
            fprintf(stderr, "hearth: no random numbers: %s\n", strerror(errno));
            _exit(1);
        }
        out += part;
        length -= part;
    }
}

void port_unique_id(uint8_t id[6])
{
    memcpy(id, unique_id, sizeof unique_id);
}

int port_cpu_mhz(int mhz)
{
    if (mhz != 80 && mhz != 160 && mhz != 240) return PORT_EINVAL;
    uint8_t body[2];
    host_put_u16(body, (uint16_t)mhz);
    host_board_send(BOARD_CPU, body, sizeof body, NULL, 0);
    return PORT_OK;
}

const char *port_machine(void)
{
    return "host";
}

void port_log(const char *line)
{
    size_t length = strlen(line);
    if (length > LOG_LINE_MAX) length = LOG_LINE_MAX;
    printf("%.*s\n", (int)length, line);
    fflush(stdout);
    host_console_log(line, length);
    host_board_send(BOARD_LOG, line, length, NULL, 0);
}

void host_logf(const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    port_log(line);
}
