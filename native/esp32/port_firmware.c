// The firmware slots as ESP-IDF's boot loader keeps them in otadata; port_flash.c writes the image.
#include "esp32.h"

#include <string.h>

#include "esp_app_desc.h"
#include "esp_ota_ops.h"

static int state_of(const esp_partition_t *partition)
{
    esp_ota_img_states_t state;
    if (esp_ota_get_state_partition(partition, &state) != ESP_OK) return PORT_FIRMWARE_UNDEFINED;
    switch (state) {
    case ESP_OTA_IMG_NEW: return PORT_FIRMWARE_NEW;
    case ESP_OTA_IMG_PENDING_VERIFY: return PORT_FIRMWARE_PENDING;
    case ESP_OTA_IMG_VALID: return PORT_FIRMWARE_VALID;
    case ESP_OTA_IMG_INVALID: return PORT_FIRMWARE_INVALID;
    case ESP_OTA_IMG_ABORTED: return PORT_FIRMWARE_ABORTED;
    default: return PORT_FIRMWARE_UNDEFINED;
    }
}

static void describe(const esp_partition_t *partition, struct port_firmware_slot *slot)
{
    esp_app_desc_t description;
    memset(slot, 0, sizeof *slot);
    slot->state = state_of(partition);
    if (esp_ota_get_partition_description(partition, &description) != ESP_OK) return; // no image
    memcpy(slot->hash, description.app_elf_sha256, sizeof slot->hash);
    memcpy(slot->version, description.version, sizeof description.version);
}

// The slot that does not run; NULL when the partition table has one only.
static const esp_partition_t *other_slot(void)
{
    const esp_partition_t *other = esp_ota_get_next_update_partition(NULL);
    return other == esp_ota_get_running_partition() ? NULL : other;
}

int port_firmware_info(struct port_firmware_info *out)
{
    const esp_partition_t *running = esp_ota_get_running_partition(), *other = other_slot();
    if (running == NULL || other == NULL) return PORT_ENOTSUP;
    out->slot = running->subtype == ESP_PARTITION_SUBTYPE_APP_OTA_1;
    describe(running, &out->running);
    describe(other, &out->other);
    return PORT_OK;
}

int port_firmware_activate(void)
{
    const esp_partition_t *running = esp_ota_get_running_partition(), *other = other_slot();
    if (running == NULL || other == NULL) return PORT_ENOTSUP;
    if (state_of(running) == PORT_FIRMWARE_PENDING) return PORT_EBUSY;
    esp_err_t error = esp_ota_set_boot_partition(other); // verifies the image, and that it is for this chip
    return error == ESP_ERR_OTA_VALIDATE_FAILED ? PORT_EBAD : esp32_error(error);
}

int port_firmware_confirm(void)
{
    const esp_partition_t *running = esp_ota_get_running_partition();
    if (running == NULL || other_slot() == NULL) return PORT_ENOTSUP;
    if (state_of(running) != PORT_FIRMWARE_PENDING) return PORT_OK;
    return esp32_error(esp_ota_mark_app_valid_cancel_rollback());
}

int port_firmware_reject(void)
{
    if (other_slot() == NULL) return PORT_ENOENT;
    esp_err_t error = esp_ota_mark_app_invalid_rollback_and_reboot();
    return error == ESP_ERR_OTA_ROLLBACK_FAILED ? PORT_ENOENT : PORT_EIO;
}
