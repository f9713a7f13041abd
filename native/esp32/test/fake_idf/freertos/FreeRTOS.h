#pragma once

#include <pthread.h>
#include <stdbool.h>

typedef int BaseType_t;
#define pdMS_TO_TICKS(ms) (ms)
typedef pthread_mutex_t portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED PTHREAD_MUTEX_INITIALIZER
#define portENTER_CRITICAL(lock) pthread_mutex_lock(lock)
#define portEXIT_CRITICAL(lock) pthread_mutex_unlock(lock)
#define portENTER_CRITICAL_SAFE(lock) pthread_mutex_lock(lock)
#define portEXIT_CRITICAL_SAFE(lock) pthread_mutex_unlock(lock)
