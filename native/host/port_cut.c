// Counts storage operations and loses the power in the one that --cut names; what a torn operation leaves is the storage's own.
#include "host.h"

#include <unistd.h>

static uint32_t operations;
static uint64_t random_state;
static bool random_seeded;

static void end_process(void)
{
    _exit(HOST_EXIT_CUT);
}

void (*host_cut_hook)(void) = end_process;

bool host_cut_due(enum host_cut_kind kind)
{
    operations++;
    if (host_options.count_flash) {
        uint8_t body[5] = {(uint8_t)kind};
        host_put_u32(body + 1, operations);
        host_board_send(BOARD_FLASH, body, sizeof body, NULL, 0);
    }
    return host_options.cut != 0 && operations == host_options.cut;
}

uint32_t host_cut_count(void)
{
    return operations;
}

void host_cut_reset(void)
{
    operations = 0;
    random_seeded = false;
}

uint64_t host_cut_random(void)
{
    if (!random_seeded) {
        // The cut's number takes part, so that a sweep with one seed tears each operation in its own way.
        random_state = host_options.cut_seed ^ ((uint64_t)host_options.cut << 32);
        random_seeded = true;
    }
    return host_splitmix64(&random_state);
}

void host_cut_now(void)
{
    host_file_lose_unsynced();
    host_cut_hook();
    _exit(HOST_EXIT_CUT); // a hook that returns would let the firmware run on without power
}
