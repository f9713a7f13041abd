// The firmware slots of the host port against otadata as ESP-IDF writes it. Images are this program itself with what stands behind an image.
#include "host_test.h"
#include "../../embedded.h"

#include <psa/crypto.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const struct firmware_descriptor embedded_descriptor = {
    {'H', 'E', 'A', 'R', 'T', 'H', 'F', '1'}, "host", "1.2.3", {1}, {2}};

// What IDF's own tools write for sequence 1 with state valid: number, label, state, CRC.
static const uint8_t first_entry[32] = {1,    0,    0,    0,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xFF, 0xFF, 2,    0,    0,    0,    0x9A, 0x98, 0x43, 0x47};

static uint8_t *read_all(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    *length = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*length);
    CHECK(bytes != NULL && fread(bytes, 1, *length, file) == *length);
    fclose(file);
    return bytes;
}

static void write_all(const char *name, const void *bytes, size_t length)
{
    char path[1024];
    CHECK(host_path(path, sizeof path, name));
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

static void start(int slot)
{
    host_options.firmware_slot = slot;
    CHECK(psa_crypto_init() == PSA_SUCCESS && host_firmware_start() == PORT_OK);
}

// Puts this program into the slot that does not run.
static void put_image(void)
{
    size_t length, sum_length;
    uint8_t *image = read_all("/proc/self/exe", &length), sum[32];
    length &= ~(size_t)3;
    CHECK(psa_hash_compute(PSA_ALG_SHA_256, image, length, sum, sizeof sum, &sum_length) == PSA_SUCCESS);
    CHECK(port_flash_erase(PORT_PART_FIRMWARE, 0, (uint32_t)(length + 32 + PORT_FLASH_SECTOR) / PORT_FLASH_SECTOR * PORT_FLASH_SECTOR) == 0);
    CHECK(port_flash_write(PORT_PART_FIRMWARE, 0, image, (uint32_t)length) == PORT_OK);
    CHECK(port_flash_write(PORT_PART_FIRMWARE, (uint32_t)length, sum, sizeof sum) == PORT_OK);
    free(image);
}

static void firmware_without_slots(void)
{
    struct port_firmware_info info;
    CHECK(port_firmware_info(&info) == PORT_ENOTSUP && port_firmware_activate() == PORT_ENOTSUP);
    CHECK(port_flash_size(PORT_PART_FIRMWARE) == PORT_ENOENT);
}

static void firmware_activates_and_confirms(void)
{
    struct port_firmware_info info;
    uint8_t two[2 * PORT_FLASH_SECTOR];
    memset(two, 0xFF, sizeof two);
    memcpy(two, first_entry, sizeof first_entry);
    write_all("otadata.bin", two, sizeof two);
    start(0);
    CHECK(port_firmware_info(&info) == PORT_OK && info.slot == 0 && info.running.state == PORT_FIRMWARE_VALID);
    CHECK(info.other.version[0] == '\0');
    CHECK(info.other.state == PORT_FIRMWARE_UNDEFINED);
    CHECK(port_firmware_activate() == PORT_EBAD); // nothing there
    put_image();
    CHECK(port_firmware_activate() == PORT_OK);
    CHECK(port_firmware_info(&info) == PORT_OK && info.other.state == PORT_FIRMWARE_NEW);
    CHECK(strcmp(info.other.version, "1.2.3") == 0);
    host_firmware_stop();
    // As the boot loader leaves it for the new one: sequence 2 in the second sector, now pending.
    char path[1024];
    size_t length;
    CHECK(host_path(path, sizeof path, "otadata.bin"));
    uint8_t *data = read_all(path, &length);
    CHECK(memcmp(data, first_entry, sizeof first_entry) == 0 && data[PORT_FLASH_SECTOR] == 2 && data[PORT_FLASH_SECTOR + 24] == 0);
    data[PORT_FLASH_SECTOR + 24] = PORT_FIRMWARE_PENDING;
    write_all("otadata.bin", data, length);
    free(data);
    start(1);
    CHECK(port_firmware_info(&info) == PORT_OK && info.running.state == PORT_FIRMWARE_PENDING);
    CHECK(port_firmware_activate() == PORT_EBUSY);
    CHECK(port_firmware_confirm() == PORT_OK && port_firmware_confirm() == PORT_OK);
    CHECK(port_firmware_info(&info) == PORT_OK && info.running.state == PORT_FIRMWARE_VALID);
    CHECK(port_firmware_reject() == PORT_ENOENT); // the other slot is empty here
}

static void firmware_rejects(void)
{
    uint8_t two[2 * PORT_FLASH_SECTOR];
    memset(two, 0xFF, sizeof two);
    memcpy(two, first_entry, sizeof first_entry);
    write_all("otadata.bin", two, sizeof two);
    start(0);
    put_image();
    CHECK(port_firmware_activate() == PORT_OK);
    host_firmware_stop();
    start(1);
    CHECK(port_firmware_reject() == PORT_ENOENT); // no image in slot 0
    put_image();
    // It ends the process as a restart does.
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)port_firmware_reject();
        _exit(7);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == HOST_EXIT_RESET + PORT_RESET_SOFTWARE);
    struct port_firmware_info info;
    CHECK(port_firmware_info(&info) == PORT_OK && info.running.state == PORT_FIRMWARE_INVALID);
    CHECK(info.other.state == PORT_FIRMWARE_VALID);
}

static void firmware_of_another_machine_or_broken_is_refused(void)
{
    start(0);
    put_image();
    CHECK(port_firmware_activate() == PORT_OK);
    struct host_nor *image = host_firmware_other();
    CHECK(image != NULL);
    image->cells[5000] ^= 1;
    CHECK(port_firmware_activate() == PORT_EBAD);
    image->cells[5000] ^= 1;
    CHECK(port_firmware_activate() == PORT_OK);
    image->cells[0] ^= 1;
    CHECK(port_firmware_activate() == PORT_EBAD);
}

const struct c_test host_firmware_tests[] = {
    {"firmware_without_slots", firmware_without_slots},
    {"firmware_activates_and_confirms", firmware_activates_and_confirms},
    {"firmware_rejects", firmware_rejects},
    {"firmware_of_another_machine_or_broken_is_refused", firmware_of_another_machine_or_broken_is_refused},
    {NULL, NULL},
};
