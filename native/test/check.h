// What all tests in C share: the table of cases, and the check that ends a case (or tells a fuzzer of a finding) with file and line.
#ifndef HEARTH_CHECK_H
#define HEARTH_CHECK_H

#include <stdio.h>
#include <stdlib.h>

struct c_test {
    const char *name; // NULL ends a table
    void (*run)(void);
};

#define CHECK(condition)                                                                                              \
    do {                                                                                                              \
        if (!(condition)) {                                                                                           \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                  \
        }                                                                                                             \
    } while (0)

#endif
