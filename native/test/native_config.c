// A configuration's trial on files and NVS: at every power cut config.txt is whole, and what was proven comes back.
#include "native_test.h"

#include "../config_trial.h"

#include <string.h>

enum { SEEDS = 4, CUT = 1 };

static const char proven[] = "ssid a\nmqttbroker b\n", new_one[] = "ssid c\n", present[] = "config.txt", from[] = "staging";
// Longer than the pieces in which it is copied.
static char long_one[700];

static bool is(const char *name, const char *content)
{
    char text[1024];
    int length = port_file_read(name, 0, text, sizeof text);
    return length == (int)strlen(content) && memcmp(text, content, strlen(content)) == 0;
}

static void put(const char *name, const char *content)
{
    (void)port_file_remove(name);
    CHECK(port_file_write(name, 0, content, strlen(content)) == PORT_OK);
}

static void begin(void)
{
    fake_reset();
    memset(long_one, 'x', sizeof long_one - 1);
    put(present, long_one);
    put(from, new_one);
    fake_count();
}

static void config_trial_and_confirmation(void)
{
    begin();
    CHECK(!config_state().trial && config_try(from) == PORT_OK);
    CHECK(is(present, new_one) && is(CONFIG_OLD, long_one) && config_state().trial && config_state().tried == 0);
    config_mark_tried(0);
    config_mark_tried(1);
    CHECK(config_state().tried == 2 && config_confirm() == PORT_OK);
    CHECK(!config_state().trial && is(present, new_one) && port_file_size(CONFIG_OLD) == PORT_ENOENT);
    CHECK(config_confirm() == PORT_OK);
}

static void config_roll_back(void)
{
    uint8_t hash[8];
    begin();
    CHECK(config_last_rejected(hash) == WHY_NONE && config_try(from) == PORT_OK);
    config_revert(WHY_DEADLINE);
    CHECK(is(present, long_one) && !config_state().trial && config_last_rejected(hash) == WHY_DEADLINE);
    put(from, new_one);
    CHECK(config_try(from) == PORT_OK && config_last_rejected(hash) == WHY_NONE);
}

// Another one while one is on trial: what comes back is what was proven, not what was on trial.
static void config_trial_of_a_trial(void)
{
    begin();
    CHECK(config_try(from) == PORT_OK);
    config_mark_tried(0);
    put(from, proven);
    CHECK(config_try(from) == PORT_OK && is(present, proven) && config_state().tried == 0);
    config_revert(WHY_CRASH);
    CHECK(is(present, long_one));
}

// There is nothing to fall back to.
static void config_that_is_the_first(void)
{
    begin();
    CHECK(port_file_remove(present) == PORT_OK && config_try(from) == PORT_OK);
    CHECK(is(present, new_one) && !config_state().trial);
}

static void config_that_is_not_there(void)
{
    begin();
    CHECK(config_try("nothing") == PORT_ENOENT && is(present, long_one) && !config_state().trial);
}

// Tried, and then confirmed or taken back.
static void story(bool good)
{
    if (config_try(from) < 0) return;
    config_mark_tried(0);
    if (good) (void)config_confirm();
    else config_revert(WHY_CRASH);
}

static bool cut_in_story(bool good)
{
    if (setjmp(fake.cut) != 0) return true;
    story(good);
    return false;
}

// What the boot after a cut does: a trial that has run is taken back.
static void recover(void)
{
    if (config_state().trial) config_revert(WHY_POWER);
}

static bool cut_in_recovery(void)
{
    if (setjmp(fake.cut) != 0) return true;
    recover();
    return false;
}

static void sweep(bool good)
{
    unsigned points = 0;
    for (unsigned at = 1;; at++) {
        bool came = true;
        for (unsigned seed = 0; seed < SEEDS && came; seed++) {
            begin();
            fake.seed = at * 1000u + seed;
            fake.cut_at = at;
            came = cut_in_story(good);
            CHECK(is(present, long_one) || is(present, new_one));
            bool on_trial = config_state().trial;
            // A second cut in the boot that takes it back, and a third boot.
            fake_count();
            fake.cut_at = 1 + seed;
            (void)cut_in_recovery();
            CHECK(is(present, long_one) || is(present, new_one));
            fake_count();
            recover();
            CHECK(!config_state().trial);
            if (on_trial || !good) CHECK(is(present, long_one)); // the proven one
            put(from, proven);
            CHECK(config_try(from) == PORT_OK && is(present, proven) && config_state().trial);
        }
        if (!came) break;
        points++;
    }
    CHECK(points > 6);
    printf("cut points: %u\n", points);
}

static void config_cut_sweep_confirmed(void)
{
    sweep(true);
}

static void config_cut_sweep_taken_back(void)
{
    sweep(false);
}

const struct c_test config_tests[] = {
    {"config_trial_and_confirmation", config_trial_and_confirmation},
    {"config_roll_back", config_roll_back},
    {"config_trial_of_a_trial", config_trial_of_a_trial},
    {"config_that_is_the_first", config_that_is_the_first},
    {"config_that_is_not_there", config_that_is_not_there},
    {"config_cut_sweep_confirmed", config_cut_sweep_confirmed},
    {"config_cut_sweep_taken_back", config_cut_sweep_taken_back},
    {NULL, NULL},
};
