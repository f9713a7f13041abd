// Partitions as NOR flash; the app partitions are also read in place through the memory mapping.
#include "esp32.h"

#include "esp_ota_ops.h"
#include "esp_partition.h"

enum { TYPE_HEARTH = 0x40 }; // partitions.csv

static const esp_partition_t *partitions[PORT_PART_COUNT];
static const void *maps[PORT_PART_COUNT];

void esp32_flash_start(void)
{
    static const char *const labels[] = {[PORT_PART_APP_0] = "app_0", [PORT_PART_APP_1] = "app_1"};
    // One that is missing is no reason not to start: the recovery bundle is in the firmware.
    for (int i = PORT_PART_APP_0; i <= PORT_PART_APP_1; i++) {
        partitions[i] = esp_partition_find_first((esp_partition_type_t)TYPE_HEARTH, ESP_PARTITION_SUBTYPE_ANY, labels[i]);
    }
    partitions[PORT_PART_FIRMWARE] = esp_ota_get_next_update_partition(NULL);
}

static const esp_partition_t *of(enum port_partition part)
{
    return (unsigned)part < PORT_PART_COUNT ? partitions[part] : NULL;
}

// PORT_OK, or why the range cannot be used.
static int check(enum port_partition part, uint32_t offset, uint32_t length, uint32_t unit)
{
    const esp_partition_t *partition = of(part);
    if (partition == NULL) return PORT_ENOENT;
    if (offset % unit != 0 || length % unit != 0) return PORT_EINVAL;
    return offset <= partition->size && length <= partition->size - offset ? PORT_OK : PORT_EINVAL;
}

int port_flash_size(enum port_partition part)
{
    const esp_partition_t *partition = of(part);
    return partition == NULL ? PORT_ENOENT : (int)(partition->size / PORT_FLASH_SECTOR * PORT_FLASH_SECTOR);
}

int port_flash_erase(enum port_partition part, uint32_t offset, uint32_t length)
{
    int result = check(part, offset, length, PORT_FLASH_SECTOR);
    return result < 0 ? result : esp32_error(esp_partition_erase_range(of(part), offset, length));
}

int port_flash_write(enum port_partition part, uint32_t offset, const void *data, uint32_t length)
{
    int result = check(part, offset, length, 4);
    return result < 0 ? result : esp32_error(esp_partition_write(of(part), offset, data, length));
}

int port_flash_read(enum port_partition part, uint32_t offset, void *data, uint32_t length)
{
    int result = check(part, offset, length, 1);
    return result < 0 ? result : esp32_error(esp_partition_read(of(part), offset, data, length));
}

const uint8_t *port_flash_map(enum port_partition part)
{
    const esp_partition_t *partition = of(part);
    if (partition == NULL || part == PORT_PART_FIRMWARE) return NULL;
    if (maps[part] == NULL) {
        // The flash driver invalidates the cache of mapped pages that it erases or writes: later writes show.
        esp_partition_mmap_handle_t handle;
        if (esp_partition_mmap(partition, 0, partition->size, ESP_PARTITION_MMAP_DATA, &maps[part], &handle) != ESP_OK) {
            maps[part] = NULL;
        }
    }
    return maps[part];
}
