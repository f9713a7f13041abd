#pragma once

#include "esp_err.h"
#include <stddef.h>
#include <sys/eventfd.h>

typedef struct {
    size_t max_fds;
} esp_vfs_eventfd_config_t;
#define ESP_VFS_EVENTD_CONFIG_DEFAULT() ((esp_vfs_eventfd_config_t){.max_fds = 5})
enum { EFD_SUPPORT_ISR = 0 };

static inline esp_err_t esp_vfs_eventfd_register(const esp_vfs_eventfd_config_t *config)
{
    (void)config;
    return ESP_OK;
}
