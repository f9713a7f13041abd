// Reads a script for the PC programs that run scripts with the engine: engine_test.c and engine_batch.c.
#ifndef SCRIPT_FILE_H
#define SCRIPT_FILE_H

#include <stdio.h>
#include <stdlib.h>

// The file with a zero behind it, as JS_Eval wants it; the caller frees it. NULL: it cannot be read.
static inline char *script_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    rewind(file);
    char *text = size < 0 ? NULL : malloc((size_t)size + 1);
    if (text != NULL && fread(text, 1, (size_t)size, file) != (size_t)size) {
        free(text);
        text = NULL;
    }
    fclose(file);
    if (text == NULL) return NULL;
    text[size] = '\0';
    *length = (size_t)size;
    return text;
}

#endif
