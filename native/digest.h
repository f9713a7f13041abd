// SHA-256 over what storage holds, read in small pieces.
#ifndef HEARTH_DIGEST_H
#define HEARTH_DIGEST_H

#include "port.h"

// Of a file. PORT_OK, or what reading it or the cryptography says.
int digest_file(const char *name, uint8_t sum[32]);
// Of `length` bytes of a partition from `offset`, a multiple of 4.
int digest_flash(enum port_partition part, uint32_t offset, uint32_t length, uint8_t sum[32]);

#endif
