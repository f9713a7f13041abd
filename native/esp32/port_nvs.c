// Small values by namespace and key: blobs of ESP-IDF's NVS, which writes the new value before it drops the old one.
#include "esp32.h"

#include <stdlib.h>
#include <string.h>

#include "nvs.h"
#include "nvs_flash.h"

int esp32_nvs_start(void)
{
    esp_err_t error = nvs_flash_init();
    if (error == ESP_ERR_NVS_NO_FREE_PAGES || error == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        // Written by another firmware or worn out; a device without its counters is better than none.
        if (nvs_flash_erase() == ESP_OK) error = nvs_flash_init();
    }
    return esp32_error(error);
}

static int error_of(esp_err_t error)
{
    switch (error) {
    case ESP_ERR_NVS_NOT_FOUND: return PORT_ENOENT;
    case ESP_ERR_NVS_NOT_ENOUGH_SPACE: return PORT_EFULL;
    case ESP_ERR_NVS_INVALID_NAME:
    case ESP_ERR_NVS_KEY_TOO_LONG:
    case ESP_ERR_NVS_VALUE_TOO_LONG: return PORT_EINVAL;
    default: return esp32_error(error);
    }
}

int port_nvs_get(const char *space, const char *key, void *buf, size_t capacity)
{
    nvs_handle_t handle;
    esp_err_t error = nvs_open(space, NVS_READONLY, &handle);
    if (error != ESP_OK) return error_of(error);
    size_t length = 0;
    error = nvs_get_blob(handle, key, NULL, &length);
    if (error == ESP_OK && length > 0 && capacity > 0) {
        if (length <= capacity) {
            error = nvs_get_blob(handle, key, buf, &length);
        } else {
            // NVS reads a blob whole or not at all.
            void *whole = malloc(length);
            error = whole == NULL ? ESP_ERR_NO_MEM : nvs_get_blob(handle, key, whole, &length);
            if (error == ESP_OK) memcpy(buf, whole, capacity);
            free(whole);
        }
    }
    nvs_close(handle);
    return error == ESP_OK ? (int)length : error_of(error);
}

int port_nvs_set(const char *space, const char *key, const void *data, size_t length)
{
    if (length > PORT_NVS_VALUE_MAX) return PORT_EINVAL;
    nvs_handle_t handle;
    esp_err_t error = nvs_open(space, NVS_READWRITE, &handle);
    if (error != ESP_OK) return error_of(error);
    error = nvs_set_blob(handle, key, length > 0 ? data : "", length);
    if (error == ESP_OK) error = nvs_commit(handle);
    nvs_close(handle);
    return error_of(error);
}

int port_nvs_remove(const char *space, const char *key)
{
    nvs_handle_t handle;
    esp_err_t error = nvs_open(space, NVS_READWRITE, &handle);
    if (error != ESP_OK) return error_of(error);
    error = key == NULL ? nvs_erase_all(handle) : nvs_erase_key(handle, key);
    if (error == ESP_OK) error = nvs_commit(handle);
    nvs_close(handle);
    return error == ESP_ERR_NVS_NOT_FOUND ? PORT_OK : error_of(error);
}
