// Keeps file names inside the files partition; what a good name is stands in port.h.
#include "path.h"
#include "port.h"

bool path_is_good(const char *name, size_t length)
{
    bool part_begins = true;
    if (length == 0 || length > PORT_FILE_NAME_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (c == '/') {
            if (part_begins) return false;
            part_begins = true;
            continue;
        }
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                    (c == '.' && !part_begins);
        if (!good) return false;
        part_begins = false;
    }
    return !part_begins;
}
