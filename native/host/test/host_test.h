// What the host port's test files share: the table of cases and the check that ends a case with file and line.
#ifndef HEARTH_HOST_TEST_H
#define HEARTH_HOST_TEST_H

#include "../host.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

struct host_test {
    const char *name;
    void (*run)(void);
};
// Each ends with a NULL name.
extern const struct host_test host_board_tests[], host_firmware_tests[], host_console_tests[], host_air_tests[];

#define CHECK(condition)                                                                                              \
    do {                                                                                                              \
        if (!(condition)) {                                                                                           \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                             \
            exit(1);                                                                                                  \
        }                                                                                                             \
    } while (0)

#endif
