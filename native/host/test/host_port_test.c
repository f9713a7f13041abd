// Tests of the host port's storage, events and RTC memory: `host_port_test DIR CASE` runs one case in the empty folder DIR,
// `host_port_test --list` prints the cases. Power cuts jump out of the operation, so that a sweep needs no process per cut.
#include "host_test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static jmp_buf after_cut;

static void jump_out(void)
{
    longjmp(after_cut, 1);
}

static void mount(void)
{
    host_cut_reset();
    CHECK(host_flash_start() == PORT_OK);
    CHECK(host_nvs_start() == PORT_OK);
    CHECK(host_file_start() == PORT_OK);
}

static void unmount(void)
{
    host_flash_stop();
    host_nvs_stop();
}

// Runs `work` with the power cut at operation `cut`; returns true if it came to that.
static bool run_with_cut(void (*work)(void), uint32_t cut)
{
    host_options.cut = cut;
    host_cut_reset();
    bool was_cut = setjmp(after_cut) != 0;
    if (!was_cut) work();
    host_options.cut = 0;
    return was_cut;
}

// ---------------------------------------------------------------- flash

static void nor_semantics(void)
{
    mount();
    uint8_t bytes[8] = {0xF0, 1, 2, 3, 4, 5, 6, 7}, back[8];
    const uint8_t *map = port_flash_map(PORT_PART_APP_0);
    CHECK(map != NULL && map[0] == 0xFF);
    CHECK(port_flash_size(PORT_PART_APP_0) % PORT_FLASH_SECTOR == 0);
    CHECK(port_flash_write(PORT_PART_APP_0, 4096, bytes, 8) == PORT_OK);
    CHECK(memcmp(map + 4096, bytes, 8) == 0); // the mapping shows later writes
    bytes[0] = 0x30;                           // clears bits only
    CHECK(port_flash_write(PORT_PART_APP_0, 4096, bytes, 4) == PORT_OK);
    bytes[0] = 0x31; // sets one
    CHECK(port_flash_write(PORT_PART_APP_0, 4096, bytes, 4) == PORT_EINVAL);
    CHECK(port_flash_read(PORT_PART_APP_0, 4096, back, 8) == PORT_OK && back[0] == 0x30 && back[7] == 7);
    CHECK(port_flash_write(PORT_PART_APP_0, 2, bytes, 4) == PORT_EINVAL);
    CHECK(port_flash_write(PORT_PART_APP_0, 0, bytes, 3) == PORT_EINVAL);
    CHECK(port_flash_erase(PORT_PART_APP_0, 100, 4096) == PORT_EINVAL);
    CHECK(port_flash_erase(PORT_PART_APP_0, (uint32_t)port_flash_size(PORT_PART_APP_0), 4096) == PORT_EINVAL);
    CHECK(port_flash_size((enum port_partition)7) == PORT_ENOENT);
    CHECK(port_flash_erase(PORT_PART_APP_0, 4096, 4096) == PORT_OK);
    CHECK(map[4096] == 0xFF && map[4103] == 0xFF);
    unmount();
    mount();
    CHECK(port_flash_map(PORT_PART_APP_1)[0] == 0xFF);
    unmount();
}

// What the engine uses where it lies: a write to it ends the process here as it does on a chip.
static void mapping_is_read_only(void)
{
    mount();
    const uint8_t *maps[] = {port_flash_map(PORT_PART_APP_0), port_flash_map(PORT_PART_APP_1)};
    for (size_t i = 0; i < 2; i++) {
        volatile uint8_t *cell = (volatile uint8_t *)(uintptr_t)maps[i];
        pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL); // also where a sanitizer catches it
            *cell = 0;
            _exit(0);
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        CHECK(*cell == 0xFF);
    }
    unmount();
}

static uint8_t pattern[64];

static void program_pattern(void)
{
    CHECK(port_flash_write(PORT_PART_APP_1, 0, pattern, sizeof pattern) == PORT_OK);
}

static void torn_program(void)
{
    mount();
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i * 37 & 0x7E);
    bool partial = false, torn_word = false;
    for (host_options.cut_seed = 0; host_options.cut_seed < 200; host_options.cut_seed++) {
        CHECK(port_flash_erase(PORT_PART_APP_1, 0, PORT_FLASH_SECTOR) == PORT_OK);
        CHECK(run_with_cut(program_pattern, 1));
        const uint8_t *map = port_flash_map(PORT_PART_APP_1);
        size_t whole = 0;
        while (whole < sizeof pattern && memcmp(map + whole, pattern + whole, 4) == 0) whole += 4;
        if (whole > 0 && whole < sizeof pattern) partial = true;
        for (size_t i = whole; i < sizeof pattern; i++) {
            // In the next word any bit that is to be cleared may be; nothing behind it is touched.
            CHECK((map[i] & pattern[i]) == pattern[i]);
            if (i >= whole + 4) CHECK(map[i] == 0xFF);
            else if (map[i] != 0xFF) torn_word = true;
        }
    }
    CHECK(partial && torn_word);
    unmount();
}

static void erase_once(void)
{
    CHECK(port_flash_erase(PORT_PART_APP_1, 0, 2 * PORT_FLASH_SECTOR) == PORT_OK);
}

static void torn_erase(void)
{
    mount();
    uint8_t zero[PORT_FLASH_SECTOR] = {0};
    bool mixed = false;
    for (host_options.cut_seed = 0; host_options.cut_seed < 40; host_options.cut_seed++) {
        erase_once();
        CHECK(port_flash_write(PORT_PART_APP_1, PORT_FLASH_SECTOR, zero, sizeof zero) == PORT_OK);
        CHECK(run_with_cut(erase_once, 2)); // the second sector of the range
        const uint8_t *sector = port_flash_map(PORT_PART_APP_1) + PORT_FLASH_SECTOR;
        if (sector[0] != sector[1] && sector[0] != 0) mixed = true;
        CHECK(sector[-1] == 0xFF); // the first one is done
    }
    CHECK(mixed);
    unmount();
}

// ---------------------------------------------------------------- NVS

enum { KEYS = 6, STEPS = 220 };

// The value of a key in a step: its length goes with the step too, so that records of many sizes are torn.
static size_t value_of(int key, int step, uint8_t out[PORT_NVS_VALUE_MAX])
{
    size_t length = key == 0 ? PORT_NVS_VALUE_MAX - (size_t)(step % 50) : (size_t)(step * 131 % 1700);
    for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(key * 89 + step * 7 + (int)i);
    return length;
}

static const char *key_name(int key)
{
    static const char *const names[KEYS] = {"program", "0", "1", "connlost", "a_key_of_15_chr", "x"};
    return names[key];
}

static int step_done[KEYS];  // the step whose value is stored for sure, -1: none
static int step_begun[KEYS]; // the step that may be stored already
enum { REMOVED = -1 };

static void nvs_workload(void)
{
    uint8_t value[PORT_NVS_VALUE_MAX];
    for (int step = 0; step < STEPS; step++) {
        int key = step * 5 % KEYS;
        if (step % 17 == 16) {
            step_begun[key] = REMOVED;
            CHECK(port_nvs_remove("switch", key_name(key)) == PORT_OK);
            step_done[key] = REMOVED;
            continue;
        }
        size_t length = value_of(key, step, value);
        step_begun[key] = step;
        CHECK(port_nvs_set("switch", key_name(key), value, length) == PORT_OK);
        step_done[key] = step;
    }
}

static bool holds(int key, int step)
{
    uint8_t expected[PORT_NVS_VALUE_MAX], got[PORT_NVS_VALUE_MAX];
    int length = port_nvs_get("switch", key_name(key), got, sizeof got);
    if (step == REMOVED) return length == PORT_ENOENT;
    return length == (int)value_of(key, step, expected) && memcmp(expected, got, (size_t)length) == 0;
}

static void remove_nvs_file(void)
{
    char path[1024];
    CHECK(host_path(path, sizeof path, "nvs.bin"));
    unlink(path);
}

static void nvs_from_blank(void)
{
    host_nvs_stop();
    CHECK(host_nvs_start() == PORT_OK);
    nvs_workload();
}

static void start_nvs(void)
{
    CHECK(host_nvs_start() == PORT_OK);
}

static void nvs_cut_sweep(void)
{
    uint32_t cut = 0, second_cuts = 0;
    for (;;) {
        cut++;
        host_options.cut_seed = cut * 3;
        unmount();
        remove_nvs_file();
        for (int key = 0; key < KEYS; key++) step_done[key] = step_begun[key] = REMOVED;
        mount();
        remove_nvs_file(); // the format itself is part of the sweep
        if (!run_with_cut(nvs_from_blank, cut)) break;
        // A second cut while mounting after the first: recovery itself must be safe too.
        host_nvs_stop();
        if (run_with_cut(start_nvs, 1 + cut % 3)) second_cuts++;
        host_nvs_stop();
        CHECK(host_nvs_start() == PORT_OK);
        for (int key = 0; key < KEYS; key++) CHECK(holds(key, step_done[key]) || holds(key, step_begun[key]));
        // And it goes on working.
        nvs_workload();
        host_nvs_stop();
        CHECK(host_nvs_start() == PORT_OK);
        for (int key = 0; key < KEYS; key++) CHECK(holds(key, step_done[key]));
    }
    unmount();
    CHECK(cut > STEPS && second_cuts > 0);
    printf("cut points: %u, of these %u with a second cut while mounting\n", (unsigned)cut - 1, (unsigned)second_cuts);
}

static void nvs_compaction(void)
{
    mount();
    char value[32], back[32];
    CHECK(port_nvs_set("netstats", "keep", "stays", 5) == PORT_OK);
    for (int i = 0; i < 6000; i++) {
        int length = snprintf(value, sizeof value, "%d", i);
        CHECK(port_nvs_set("netstats", i % 2 == 0 ? "connlost" : "mqttlost", value, (size_t)length) == PORT_OK);
    }
    for (int round = 0; round < 2; round++) {
        CHECK(port_nvs_get("netstats", "connlost", back, sizeof back) == 4 && memcmp(back, "5998", 4) == 0);
        CHECK(port_nvs_get("netstats", "mqttlost", back, sizeof back) == 4 && memcmp(back, "5999", 4) == 0);
        CHECK(port_nvs_get("netstats", "keep", back, 2) == 5 && memcmp(back, "st", 2) == 0);
        unmount();
        mount();
    }
    unmount();
}

static void nvs_limits(void)
{
    mount();
    static uint8_t big[PORT_NVS_VALUE_MAX + 1];
    uint8_t back[4];
    CHECK(port_nvs_set("s", "k", big, sizeof big) == PORT_EINVAL);
    CHECK(port_nvs_set("s", "a_key_of_16_char", big, 1) == PORT_EINVAL);
    CHECK(port_nvs_set("s", "", big, 1) == PORT_EINVAL);
    CHECK(port_nvs_set("s", "empty", NULL, 0) == PORT_OK && port_nvs_get("s", "empty", back, 4) == 0);
    char key[16];
    int stored = 0, result;
    for (;; stored++) {
        snprintf(key, sizeof key, "k%d", stored);
        big[0] = (uint8_t)stored;
        if ((result = port_nvs_set("s", key, big, PORT_NVS_VALUE_MAX)) < 0) break;
    }
    CHECK(result == PORT_EFULL && stored > 20);
    // A full store loses nothing and can be emptied.
    CHECK(port_nvs_get("s", "k3", back, 1) == PORT_NVS_VALUE_MAX && back[0] == 3);
    CHECK(port_nvs_remove("s", "k3") == PORT_OK && port_nvs_get("s", "k3", back, 1) == PORT_ENOENT);
    CHECK(port_nvs_set("s", key, big, PORT_NVS_VALUE_MAX) == PORT_OK);
    CHECK(port_nvs_set("other", "k", "v", 1) == PORT_EFULL || port_nvs_get("other", "k", back, 1) == 1);
    CHECK(port_nvs_remove("s", NULL) == PORT_OK && port_nvs_get("s", "k1", back, 1) == PORT_ENOENT);
    CHECK(port_nvs_remove("s", NULL) == PORT_OK && port_nvs_remove("s", "none") == PORT_OK);
    unmount();
    mount();
    CHECK(port_nvs_get("s", "k1", back, 1) == PORT_ENOENT);
    unmount();
}

// ---------------------------------------------------------------- files

static uint8_t old_text[5000], new_text[9000];

// How a file is replaced safely: a new one beside it, synced, renamed over it.
static void replace_config(void)
{
    CHECK(port_file_write("put/new.part", 0, new_text, 4000) == PORT_OK);
    CHECK(port_file_write("put/new.part", 4000, new_text + 4000, sizeof new_text - 4000) == PORT_OK);
    CHECK(port_file_sync("put/new.part") == PORT_OK);
    CHECK(port_file_rename("put/new.part", "config.txt") == PORT_OK);
    CHECK(port_file_remove("other.txt") == PORT_OK);
}

static bool file_is(const char *name, const uint8_t *text, size_t size)
{
    static uint8_t back[16384];
    return port_file_size(name) == (int)size && port_file_read(name, 0, back, sizeof back) == (int)size &&
           memcmp(back, text, size) == 0;
}

static void file_rename_cut_sweep(void)
{
    memset(old_text, 'o', sizeof old_text);
    memset(new_text, 'n', sizeof new_text);
    int cuts = 0, old_seen = 0, new_seen = 0;
    mount();
    int space = port_file_space();
    for (uint64_t seed = 0; seed < 12; seed++) {
        for (uint32_t cut = 1;; cut++) {
            host_options.cut_seed = seed;
            CHECK(port_file_write("other.txt", 0, "x", 1) == PORT_OK);
            (void)port_file_remove("config.txt");
            CHECK(port_file_write("config.txt", 0, old_text, sizeof old_text) == PORT_OK);
            CHECK(port_file_sync("config.txt") == PORT_OK);
            bool was_cut = run_with_cut(replace_config, cut);
            CHECK(host_file_start() == PORT_OK);
            bool is_old = file_is("config.txt", old_text, sizeof old_text);
            bool is_new = file_is("config.txt", new_text, sizeof new_text);
            CHECK(is_old || is_new);
            CHECK(was_cut || is_new);
            (void)port_file_remove("put/new.part");
            old_seen += is_old;
            new_seen += is_new && was_cut;
            if (!was_cut) break;
            cuts++;
        }
    }
    (void)port_file_remove("config.txt");
    CHECK(port_file_space() == space); // nothing leaks
    CHECK(cuts == 12 * 5 && old_seen > 0 && new_seen > 0);
    unmount();
    printf("cut points: %d\n", cuts);
}

static void write_unsynced(void)
{
    CHECK(port_file_write("a", 0, new_text, 3000) == PORT_OK);
    CHECK(port_file_write("a", 3000, new_text, 3000) == PORT_OK);
    CHECK(port_nvs_set("s", "k", "v", 1) == PORT_OK); // the cut comes here
}

static void file_unsynced_is_lost(void)
{
    mount();
    bool shorter = false;
    for (host_options.cut_seed = 0; host_options.cut_seed < 20; host_options.cut_seed++) {
        (void)port_file_remove("a");
        CHECK(run_with_cut(write_unsynced, 3));
        unmount();
        mount();
        int size = port_file_size("a");
        CHECK(size >= 0 && size <= 6000);
        if (size < 3000) shorter = true;
        CHECK(port_nvs_remove("s", NULL) == PORT_OK);
    }
    CHECK(shorter);
    unmount();
}

static char listed[256];

static void add_listed(void *context, const char *name, uint32_t size)
{
    (void)context;
    size_t length = strlen(listed);
    snprintf(listed + length, sizeof listed - length, "%s=%u ", name, (unsigned)size);
}

static void file_basics(void)
{
    host_options.files_size = 5 * 4096;
    mount();
    uint8_t back[8];
    CHECK(port_file_size("none") == PORT_ENOENT && port_file_read("none", 0, back, 8) == PORT_ENOENT);
    CHECK(port_file_write("a/b/c.txt", 0, "hello", 5) == PORT_OK);
    CHECK(port_file_write("a/b/c.txt", 6, "!", 1) == PORT_EINVAL); // a hole
    CHECK(port_file_write("a/b/c.txt", 3, "p!", 2) == PORT_OK);
    CHECK(port_file_read("a/b/c.txt", 1, back, 8) == 4 && memcmp(back, "elp!", 4) == 0);
    CHECK(port_file_read("a/b/c.txt", 9, back, 8) == 0);
    CHECK(port_file_write("a/b", 0, "x", 1) != PORT_OK && port_file_size("a/b") == PORT_ENOENT);
    CHECK(port_file_write("../out", 0, "x", 1) == PORT_EINVAL && port_file_size("a/../../x") == PORT_EINVAL);
    CHECK(port_file_write("b.txt", 0, "12", 2) == PORT_OK);
    CHECK(port_file_list(add_listed, NULL) == PORT_OK);
    CHECK(strcmp(listed, "a/b/c.txt=5 b.txt=2 ") == 0);
    CHECK(port_file_space() == 3 * 4096);
    CHECK(port_file_write("c", 0, new_text, 3 * 4096 > sizeof new_text ? sizeof new_text : 1) == PORT_OK);
    CHECK(port_file_write("d", 0, "x", 1) == PORT_EFULL && port_file_size("d") == PORT_ENOENT);
    CHECK(port_file_remove("a/b/c.txt") == PORT_OK && port_file_remove("a/b/c.txt") == PORT_ENOENT);
    CHECK(port_file_write("a", 0, "x", 1) == PORT_OK); // the folders went with their last file
    CHECK(port_file_rename("none", "b.txt") == PORT_ENOENT && port_file_rename("b.txt", "q/r") == PORT_OK);
    CHECK(port_file_size("q/r") == 2 && port_file_size("b.txt") == PORT_ENOENT);
    unmount();
}

// ---------------------------------------------------------------- events, RTC, heap

static void events_are_bounded(void)
{
    CHECK(host_time_start() == PORT_OK);
    struct port_event event = {.kind = PORT_EVENT_UART, .length = 1}, out;
    for (int i = 0; i < PORT_EVENT_QUEUE_LENGTH; i++) {
        event.value = i;
        CHECK(port_post(&event) == PORT_OK);
    }
    CHECK(port_post(&event) == PORT_EFULL && port_post(&event) == PORT_EFULL && port_events_dropped() == 2);
    CHECK(port_wait(NULL, 0, UINT64_MAX) == 0); // events are there: no wait
    for (int i = 0; i < PORT_EVENT_QUEUE_LENGTH; i++) CHECK(port_next_event(&out) == 1 && out.value == i);
    CHECK(port_next_event(&out) == 0);
    event.length = PORT_EVENT_DATA_MAX + 1;
    CHECK(port_post(&event) == PORT_EINVAL);
}

static void fast_wait_jumps(void)
{
    host_options.fast_wait = true;
    CHECK(host_time_start() == PORT_OK && port_now_us() == 0);
    CHECK(port_wait(NULL, 0, UINT64_C(3600000000)) == 0 && port_now_us() == UINT64_C(3600000000));
    CHECK(host_real_us() < 60000000);
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    struct port_wait_fd fd = {.fd = ends[0], .want_read = true};
    CHECK(port_wait(&fd, 1, UINT64_MAX) == 1 && fd.readable && port_now_us() == UINT64_C(3600000000));
}

static void rtc_survives_a_kill(void)
{
    pid_t child = fork();
    if (child == 0) {
        CHECK(host_sys_start() == PORT_OK);
        strcpy(port_rtc_memory(), "kept");
        raise(SIGKILL);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    host_options.reset = PORT_RESET_PANIC;
    CHECK(host_sys_start() == PORT_OK && strcmp(port_rtc_memory(), "kept") == 0);
    uint8_t first[6], second[6];
    port_unique_id(first);
    host_sys_stop();
    host_options.reset = PORT_RESET_POWER_ON;
    CHECK(host_sys_start() == PORT_OK && strcmp(port_rtc_memory(), "") == 0);
    port_unique_id(second);
    CHECK(memcmp(first, second, 6) == 0);
    host_sys_stop();
}

static void watchdog_ends_an_endless_loop(void)
{
    pid_t child = fork();
    if (child == 0) {
        CHECK(host_time_start() == PORT_OK);
        port_watchdog_set(20000);
        for (;;) port_yield();
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == HOST_EXIT_RESET + PORT_RESET_WATCHDOG);
}

static void heap_counts_requested_bytes(void)
{
    uint8_t *block = port_heap_alloc(13);
    CHECK(block != NULL && port_heap_block_size(block) == 13 && (uintptr_t)block % 8 == 0);
    block[12] = 7;
    block = port_heap_realloc(block, 5000);
    CHECK(block != NULL && port_heap_block_size(block) == 5000 && block[12] == 7);
    CHECK(port_heap_alloc(SIZE_MAX - 3) == NULL);
    port_heap_free(block);
    port_heap_free(NULL);
}

static const struct c_test tests[] = {
    {"nor_semantics", nor_semantics},
    {"mapping_is_read_only", mapping_is_read_only},
    {"torn_program", torn_program},
    {"torn_erase", torn_erase},
    {"nvs_cut_sweep", nvs_cut_sweep},
    {"nvs_compaction", nvs_compaction},
    {"nvs_limits", nvs_limits},
    {"file_basics", file_basics},
    {"file_rename_cut_sweep", file_rename_cut_sweep},
    {"file_unsynced_is_lost", file_unsynced_is_lost},
    {"events_are_bounded", events_are_bounded},
    {"fast_wait_jumps", fast_wait_jumps},
    {"rtc_survives_a_kill", rtc_survives_a_kill},
    {"watchdog_ends_an_endless_loop", watchdog_ends_an_endless_loop},
    {"heap_counts_requested_bytes", heap_counts_requested_bytes},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    const struct c_test *const tables[] = {tests, host_board_tests, host_firmware_tests, host_console_tests,
                                              host_air_tests};
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    if (argc != 3 && !list) return 2;
    if (!list) host_options.flash_dir = argv[1];
    host_cut_hook = jump_out;
    for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++) {
        for (const struct c_test *test = tables[table]; test->name != NULL; test++) {
            if (list) puts(test->name);
            else if (strcmp(test->name, argv[2]) == 0) return test->run(), 0;
        }
    }
    return list ? 0 : 2;
}
