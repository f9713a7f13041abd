#pragma once

#include <unistd.h>

static inline void vTaskDelay(unsigned ticks)
{
    usleep(1000 * ticks);
}
