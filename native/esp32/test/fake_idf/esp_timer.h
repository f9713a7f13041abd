#pragma once

#include <stdint.h>

// The test's clock.
int64_t esp_timer_get_time(void);
