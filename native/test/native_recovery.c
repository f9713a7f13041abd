// Which recovery bundle runs, by config.txt and by what was good once.
#include "native_test.h"

#include "../recovery.h"

#include <string.h>

static bool chosen(const char *file, const char *good)
{
    fake_reset();
    if (file != NULL) CHECK(port_file_write("config.txt", 0, file, strlen(file)) == PORT_OK);
    if (good != NULL) CHECK(port_nvs_set("netgood", "config", good, strlen(good)) == PORT_OK);
    return recovery_is_espnow();
}

static const char peripheral[] = "espnowpsk k\nespnowgroup g\n", station[] = "ssid s\npassword p\n";

static void recovery_by_config(void)
{
    CHECK(chosen(peripheral, NULL));
    CHECK(!chosen(station, NULL));
    CHECK(!chosen("ssid s\nespnowpsk k\nespnowgroup g\n", NULL)); // a central
    CHECK(!chosen("espnowpsk k\n", NULL));
    CHECK(!chosen("espnowgroup g\n", NULL));
    CHECK(!chosen(NULL, NULL));
    CHECK(!chosen("", NULL));
}

static void recovery_by_what_was_good(void)
{
    CHECK(chosen(NULL, peripheral));
    CHECK(chosen("junk\n", peripheral));
    CHECK(!chosen("junk\n", station));
    // A device that has changed its role.
    CHECK(chosen(peripheral, station));
    CHECK(!chosen(station, peripheral));
}

// As device/config.ts reads it.
static void recovery_reads_lines_as_the_program(void)
{
    CHECK(chosen("  espnowpsk\t k \r\n\nespnowgroup g", NULL));
    CHECK(chosen("#ssid s\n# ssid\nssid a b\nssid\nespnowpsk k\nespnowgroup g\n", NULL));
    CHECK(chosen("ssid s\nssid None\nespnowpsk k\nespnowgroup g\n", NULL));
    CHECK(!chosen("espnowpsk k\nespnowgroup g\nespnowgroup None\n", NULL));
    CHECK(chosen("espnowpsk None2\nespnowgroup None\nespnowgroup g\n", NULL));
    CHECK(!chosen("espnowpskx k\nespnowgroup g\n", NULL));
    CHECK(!chosen("espnowpsk k\nespnowgroupe g\n", NULL));
    CHECK(!chosen("espnowpsk k x espnowgroup g\n", NULL));
}

// Wherever the pieces in which the file is read begin.
static void recovery_reads_long_files(void)
{
    char text[400];
    for (size_t before = 0; before < 300; before++) {
        memset(text, 'x', sizeof text);
        strcpy(text + before, before == 0 ? peripheral : "\nespnowpsk k\nespnowgroup g\n");
        CHECK(chosen(text, NULL));
    }
}

const struct c_test recovery_tests[] = {
    {"recovery_by_config", recovery_by_config},
    {"recovery_by_what_was_good", recovery_by_what_was_good},
    {"recovery_reads_lines_as_the_program", recovery_reads_lines_as_the_program},
    {"recovery_reads_long_files", recovery_reads_long_files},
    {NULL, NULL},
};
