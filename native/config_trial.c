// Files and NVS notes of a configuration trial. At every moment config.txt is whole, and as long as the note `try` is there, either
// CONFIG_OLD is what was proven or config.txt is it again.
#include "config_trial.h"
#include "digest.h"

#include <string.h>

enum { CHUNK = 256 };

// NVS. `try`: boots so far (1), hash (8) of the new configuration; `back`: hash (8), why (1).
static const char space[] = "config", key_try[] = "try", key_back[] = "back", present[] = "config.txt";

static int copy_file(const char *from, const char *to)
{
    uint8_t chunk[CHUNK];
    uint32_t at = 0;
    int got, result = port_file_remove(to);
    if (result < 0 && result != PORT_ENOENT) return result;
    do {
        got = port_file_read(from, at, chunk, sizeof chunk);
        // An empty file is one, too.
        result = got < 0 ? got : got > 0 || at == 0 ? port_file_write(to, at, chunk, (size_t)got) : PORT_OK;
        if (result < 0) return result;
        at += (uint32_t)got;
    } while (got > 0);
    return port_file_sync(to);
}

int config_try(const char *from)
{
    uint8_t note[9] = {0}, sum[32];
    int result = digest_file(from, sum);
    if (result < 0) return result;
    memcpy(note + 1, sum, 8);
    bool going = config_state().trial; // then CONFIG_OLD is what was proven, and config.txt is not
    if (!going && port_file_size(present) >= 0) {
        result = copy_file(present, CONFIG_OLD);
        if (result < 0) return result;
        going = true;
    }
    if (going) result = port_nvs_set(space, key_try, note, sizeof note);
    if (result >= 0) result = port_file_rename(from, present);
    if (result >= 0) (void)port_nvs_remove(space, key_back);
    return result;
}

int config_confirm(void)
{
    if (!config_state().trial) return PORT_OK;
    int result = port_nvs_remove(space, key_try);
    if (result >= 0) (void)port_file_remove(CONFIG_OLD); // if it stays, nothing speaks of it any more
    return result;
}

void config_revert(enum slot_why why)
{
    uint8_t note[9], back[9];
    if (port_nvs_get(space, key_try, note, sizeof note) != (int)sizeof note) return;
    memcpy(back, note + 1, 8);
    back[8] = (uint8_t)why;
    // No CONFIG_OLD: the power was cut after this step the last time.
    int result = port_file_rename(CONFIG_OLD, present);
    if (result < 0 && result != PORT_ENOENT) return; // a medium that fails: the next boot tries again
    (void)port_nvs_set(space, key_back, back, sizeof back);
    (void)port_nvs_remove(space, key_try);
}

struct boot_config config_state(void)
{
    uint8_t note[9];
    bool trial = port_nvs_get(space, key_try, note, sizeof note) == (int)sizeof note;
    return (struct boot_config){.trial = trial, .tried = trial ? note[0] : 0};
}

void config_mark_tried(int tried)
{
    uint8_t note[9];
    if (port_nvs_get(space, key_try, note, sizeof note) != (int)sizeof note) return;
    note[0] = (uint8_t)(tried + 1);
    (void)port_nvs_set(space, key_try, note, sizeof note);
}

int config_last_rejected(uint8_t hash[8])
{
    uint8_t note[9];
    if (port_nvs_get(space, key_back, note, sizeof note) != (int)sizeof note) return WHY_NONE;
    memcpy(hash, note, 8);
    return note[8];
}
