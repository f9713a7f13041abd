// The memory of the firmware over restarts: RTC memory for the way a boot ended, NVS for what is reported later.
#include "life.h"
#include "firmware.h"
#include "text.h"
#include "trials.h"
#include "vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RTC_MAGIC = 0x48525443, LOG_MAX = 256 };

// In RTC memory; written just before a restart, forgotten at the next boot.
struct rtc_note {
    uint32_t magic, crc;
    uint32_t end; // enum boot_end
    char why[LIFE_WHY_MAX + 1];
};
_Static_assert(sizeof(struct rtc_note) + LIFE_RTC_PROGRAM_SIZE <= PORT_RTC_SIZE, "the note reaches into the program's part");

static const char late[] = "trial not confirmed in time";

struct life life = {.slot = -1};

void life_log(const char *format, ...)
{
    char line[LOG_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    port_log(line);
}

static uint32_t note_crc(const struct rtc_note *note)
{
    return crc32_ieee(&note->end, sizeof *note - offsetof(struct rtc_note, end));
}

uint64_t life_now_us(void)
{
    return port_now_us() - life.began_us;
}

enum boot_end life_last_end(char why[LIFE_WHY_MAX + 1])
{
    struct rtc_note note;
    memcpy(&note, port_rtc_memory(), sizeof note);
    memset(port_rtc_memory(), 0, sizeof note);
    why[0] = '\0';
    if (note.magic != RTC_MAGIC || note.crc != note_crc(&note) || note.end > BOOT_END_RECOVER) return BOOT_END_PLAIN;
    memcpy(why, note.why, sizeof note.why);
    why[LIFE_WHY_MAX] = '\0';
    return (enum boot_end)note.end;
}

static void leave_note(enum boot_end end, const char *why)
{
    struct rtc_note note;
    memset(&note, 0, sizeof note);
    note.magic = RTC_MAGIC;
    note.end = end;
    snprintf(note.why, sizeof note.why, "%s", why != NULL ? why : "");
    note.crc = note_crc(&note);
    memcpy(port_rtc_memory(), &note, sizeof note);
}

int life_crashes(void)
{
    uint8_t count = 0;
    return port_nvs_get(life_space, "crashes", &count, 1) == 1 ? count : 0;
}

void life_set_crashes(int count)
{
    uint8_t value = (uint8_t)count;
    // A count that cannot be kept must not stop the boot.
    if (count == 0) (void)port_nvs_remove(life_space, "crashes");
    else (void)port_nvs_set(life_space, "crashes", &value, 1);
}

static void keep_reason(const char *why)
{
    if (why != NULL) (void)port_nvs_set(life_space, "reboot", why, strnlen(why, LIFE_WHY_MAX));
}

void life_end_program(const char *why)
{
    if (firmware_is_due()) life_restart(why, BOOT_END_ASKED);
    keep_reason(why);
    life.over = true;
}

void life_restart(const char *why, enum boot_end end)
{
    keep_reason(why);
    leave_note(end, why);
    port_restart();
}

int life_store_exception(const char *message, const char *stack)
{
    static char json[PORT_NVS_VALUE_MAX]; // not on the stack of a task that may just have run out of it
    char hash[17];
    hex_text(hash, life.header.sha256, 8);
    struct exception_record record = {message, stack, hash, (uint32_t)(life_now_us() / 1000000), (uint32_t)vm_live()};
    return port_nvs_set(life_space, "exception", json, exception_json(json, sizeof json, &record));
}

void life_crash(const char *message, const char *stack)
{
    life_log("exception: %s", message);
    if (stack[0] != '\0') port_log(stack);
    (void)life_store_exception(message, stack);
    life_restart("exception", BOOT_END_CRASH);
}

void life_recover(const char *why)
{
    life_restart(why, BOOT_END_RECOVER);
}

void life_count_boot(enum boot_end end)
{
    // The text's numbers: power on, brown-out, asked, other restart, exception, recovery, panic, watchdog. A deep sleep's end is no reboot.
    enum { POWER, BROWNOUT, ASKED, RESTART, EXCEPTION, RECOVERY, PANIC, WATCHDOG, CAUSES };
    static const uint8_t by_reset[] = {POWER, RESTART, WATCHDOG, PANIC, CAUSES, BROWNOUT};
    static const uint8_t by_end[] = {RESTART, ASKED, EXCEPTION, RECOVERY};
    unsigned long counts[CAUSES] = {0};
    char text[CAUSES * 11 + 1] = "", *at = text;
    enum port_reset reset = life.reset;
    int cause = reset == PORT_RESET_SOFTWARE ? by_end[end] : by_reset[reset];
    if (cause == CAUSES) return;
    int length = port_nvs_get(life_space, "boots", text, sizeof text - 1);
    text[length > 0 && (size_t)length < sizeof text ? length : 0] = '\0';
    for (int i = 0; i < CAUSES; i++) counts[i] = strtoul(at, &at, 10);
    counts[cause]++;
    at = text;
    for (int i = 0; i < CAUSES; i++) at += snprintf(at, 12, i == 0 ? "%lu" : " %lu", counts[i] & UINT32_MAX);
    (void)port_nvs_set(life_space, "boots", text, (size_t)(at - text)); // a count that is lost must not stop the boot
}

void life_trial_deadline(void)
{
    (void)port_nvs_set(life_space, "reboot", late, sizeof late - 1);
    trials_deadline(life.trial ? life.slot : -1, life.config_trial, life.firmware_trial);
    life_restart(late, BOOT_END_PLAIN);
}

int life_confirm(void)
{
    int result = PORT_OK;
    if (life.slot >= 0 && life.trial) result = slot_mark_confirmed((enum port_partition)life.slot);
    if (result < 0) return result;
    life.trial = false;
    // Also when recovery says so: the bundle that it gives way to has all its chances again.
    if (life_crashes() != 0) life_set_crashes(0);
    return PORT_OK;
}
