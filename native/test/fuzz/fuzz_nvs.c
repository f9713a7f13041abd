// Fuzz target: an NVS partition of the host port that begins with any bytes. It must open, hold what is set, and hold it still when it is
// opened again. Checksums are put right first, so that what lies behind them is reached.
#include "../../embedded.h"
#include "../../host/host.h"
#include "../check.h"

#include <string.h>
#include <unistd.h>

enum { SIZE = 128 * 1024, AREA_HEADER = 16, RECORD_HEADER = 12 };

// The port's other parts want one.
const struct firmware_descriptor embedded_descriptor = {.magic = "HEARTHF1"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static uint8_t image[SIZE];

static uint32_t crc(uint32_t sum, const uint8_t *bytes, size_t length)
{
    sum = ~sum;
    while (length-- > 0) {
        sum ^= *bytes++;
        for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (0xEDB88320u & (0u - (sum & 1)));
    }
    return ~sum;
}

// The area's header, and each record as far as one follows the other.
static void repair(size_t length)
{
    memcpy(image, "HNV1", 4);
    host_put_u32(image + 12, crc(0, image, 12));
    for (size_t at = AREA_HEADER; at + RECORD_HEADER < length;) {
        uint8_t *record = image + at;
        if (record[0] != 0x4E || record[1] != 0x5A) return;
        size_t content = (size_t)record[3] + record[4] + record[6] + 256u * record[7];
        size_t size = (RECORD_HEADER + content + 3) & ~(size_t)3;
        if (at + size > SIZE / 2) return;
        host_put_u32(record + 8, crc(crc(0, record, 8), record + RECORD_HEADER, size - RECORD_HEADER));
        at += size;
    }
}

static void write_image(const char *folder)
{
    char path[64];
    snprintf(path, sizeof path, "%s/nvs.bin", folder);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(image, 1, SIZE, file) == SIZE && fclose(file) == 0);
}

static void look(void)
{
    static const char *const keys[] = {"reboot", "crashes", "exception", "boots"};
    uint8_t value[PORT_NVS_VALUE_MAX];
    CHECK(host_nvs_start() == PORT_OK);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int got = port_nvs_get("hearth", keys[i], value, sizeof value);
        CHECK(got == PORT_ENOENT || (got >= 0 && got <= PORT_NVS_VALUE_MAX));
    }
    int set = port_nvs_set("hearth", "reboot", "because", 7);
    CHECK(set == PORT_OK || set == PORT_EFULL);
    CHECK(port_nvs_remove("hearth", "crashes") == PORT_OK && port_nvs_remove("netgood", NULL) == PORT_OK);
    for (int again = 0; again < 2; again++) {
        CHECK(port_nvs_get("hearth", "crashes", value, sizeof value) == PORT_ENOENT);
        if (set == PORT_OK) CHECK(port_nvs_get("hearth", "reboot", value, sizeof value) == 7 && memcmp(value, "because", 7) == 0);
        host_nvs_stop();
        CHECK(host_nvs_start() == PORT_OK);
    }
    host_nvs_stop();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static char folder[] = "/tmp/fuzz_nvs_XXXXXX";
    if (host_options.flash_dir == NULL) {
        CHECK(mkdtemp(folder) != NULL);
        host_options.flash_dir = folder;
    }
    if (length > SIZE) length = SIZE;
    for (int repaired = 0; repaired < 2; repaired++) {
        memset(image, 0xFF, SIZE);
        memcpy(image, data, length);
        if (repaired) repair(length);
        write_image(folder);
        look();
    }
    return 0;
}
