// The memory of the firmware over restarts: RTC memory for the way a boot ended, NVS for what is reported later.
#include "life.h"
#include "text.h"
#include "vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RTC_MAGIC = 0x48525443, LOG_MAX = 256 };

// In RTC memory; written just before a restart, forgotten at the next boot.
struct rtc_note {
    uint32_t magic, crc;
    uint32_t end; // enum boot_end
    char why[LIFE_WHY_MAX + 1];
};

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

void life_restart(const char *why, enum boot_end end)
{
    if (why != NULL) (void)port_nvs_set(life_space, "reboot", why, strnlen(why, LIFE_WHY_MAX));
    leave_note(end, why);
    port_restart();
}

int life_store_exception(const char *message, const char *stack)
{
    static char json[PORT_NVS_VALUE_MAX]; // not on the stack of a task that may just have run out of it
    char hash[17];
    hex_text(hash, life.header.sha256, 8);
    struct exception_record record = {message, stack, hash, (uint32_t)(port_now_us() / 1000000), (uint32_t)vm_live()};
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

void life_trial_deadline(void)
{
    (void)slot_mark_rejected((enum port_partition)life.slot, WHY_DEADLINE);
    life_restart("trial not confirmed in time", BOOT_END_PLAIN);
}

int life_confirm(void)
{
    int result = PORT_OK;
    if (life.slot >= 0 && life.trial) result = slot_mark_confirmed((enum port_partition)life.slot);
    if (result < 0) return result;
    life.trial = false;
    if (life.slot >= 0 && life_crashes() != 0) life_set_crashes(0);
    return PORT_OK;
}
