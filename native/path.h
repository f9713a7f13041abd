// File names as port.h allows them.
#ifndef HEARTH_PATH_H
#define HEARTH_PATH_H

#include <stdbool.h>
#include <stddef.h>

// True for letters, digits and `._-` in parts joined by `/`, no part empty or starting with a dot, 1 to PORT_FILE_NAME_MAX bytes.
bool path_is_good(const char *name, size_t length);

#endif
