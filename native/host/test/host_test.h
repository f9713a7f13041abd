// What the host port's test files share: their tables of cases.
#ifndef HEARTH_HOST_TEST_H
#define HEARTH_HOST_TEST_H

#include "../../test/check.h"
#include "../host.h"

#include <setjmp.h>

extern const struct c_test host_board_tests[], host_firmware_tests[], host_console_tests[], host_air_tests[];

#endif
