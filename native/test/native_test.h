// What the tests of the common C code share: the tables of cases and the fake machine.
#ifndef HEARTH_NATIVE_TEST_H
#define HEARTH_NATIVE_TEST_H

#include "../port.h"
#include "check.h"

#include <setjmp.h>

extern const struct c_test boot_tests[], slots_tests[], staging_tests[], firmware_tests[], config_tests[], text_tests[], noise_tests[],
    edge_burst_tests[], recovery_tests[], trials_tests[], patch_tests[];

// ---------------------------------------------------------------- the fake machine (native_port.c)

enum { FAKE_SECTORS = 24, FAKE_SIZE = FAKE_SECTORS * PORT_FLASH_SECTOR };

struct fake {
    uint8_t cells[PORT_PART_COUNT][FAKE_SIZE];
    unsigned operations; // on flash, NVS and files since fake_count
    unsigned fail_at;    // this operation fails with PORT_EIO and does nothing; 0: none
    unsigned cut_at;     // the power is lost in this operation: `cut` is jumped to; 0: never
    uint64_t seed;       // what a cut leaves behind
    jmp_buf cut;
    bool unmapped; // flash cannot be mapped
    int forbidden; // a partition that must not be touched, or -1
    struct port_firmware_info firmware; // what the boot loader has
    bool no_firmware;                   // a machine without firmware slots
    // The last operation, for tests of the order.
    enum port_partition last_part;
    uint32_t last_offset, last_length;
};
extern struct fake fake;

// Blank flash, empty NVS, no files, no faults.
void fake_reset(void);
// Operations are counted from here on; no faults.
void fake_count(void);
uint64_t fake_random(void);
// A copy of everything that outlasts a reset, and its way back. The copy is freed by whoever made it.
struct fake_copy *fake_copy(void);
void fake_put_back(const struct fake_copy *copy);

#endif
