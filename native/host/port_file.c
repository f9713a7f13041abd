// The files partition as a folder: names as in port.h, one cut point per change, and data that a cut may lose until it is synced.
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096, DIRTY_MAX = 8, DEPTH_MAX = 16, PATH_LENGTH = 1200 };

// A file whose bytes from `synced` on are not durable yet.
struct dirty {
    char name[PORT_FILE_NAME_MAX + 1];
    uint32_t synced;
};

static struct dirty dirty[DIRTY_MAX];
static int dirty_count;
static uint32_t used; // bytes of whole blocks

static int error_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return PORT_ENOENT;
    case ENOSPC:
        return PORT_EFULL;
    case EISDIR:
    case ENAMETOOLONG:
        return PORT_EINVAL;
    default:
        return PORT_EIO;
    }
}

static uint32_t blocks(uint32_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

// The name's path. Callers have checked the name; a part that begins with a dot is refused all the same, because here it
// would leave the folder.
static bool path_of(const char *name, char out[PATH_LENGTH])
{
    char inside[PORT_FILE_NAME_MAX + 8];
    size_t length = strlen(name);
    if (length == 0 || length > PORT_FILE_NAME_MAX || name[0] == '.' || name[0] == '/' || strstr(name, "/.") != NULL) {
        return false;
    }
    snprintf(inside, sizeof inside, "files/%s", name);
    return host_path(out, PATH_LENGTH, inside);
}

static struct dirty *find_dirty(const char *name)
{
    for (int i = 0; i < dirty_count; i++) {
        if (strcmp(dirty[i].name, name) == 0) return &dirty[i];
    }
    return NULL;
}

static void clean(const char *name)
{
    struct dirty *entry = find_dirty(name);
    if (entry != NULL) *entry = dirty[--dirty_count];
}

static void make_dirty(const char *name, uint32_t synced)
{
    struct dirty *entry = find_dirty(name);
    if (entry == NULL) {
        if (dirty_count == DIRTY_MAX) dirty[0] = dirty[--dirty_count]; // the file system flushes one by itself
        entry = &dirty[dirty_count++];
        snprintf(entry->name, sizeof entry->name, "%s", name);
        entry->synced = synced;
    }
    if (synced < entry->synced) entry->synced = synced;
}

void host_file_lose_unsynced(void)
{
    for (int i = 0; i < dirty_count; i++) {
        char path[PATH_LENGTH];
        int size = path_of(dirty[i].name, path) ? host_file_size(path) : -1;
        if (size < 0 || (uint32_t)size <= dirty[i].synced) continue;
        uint32_t kept = dirty[i].synced + (uint32_t)(host_cut_random() % ((uint32_t)size - dirty[i].synced + 1));
        if (truncate(path, kept) != 0) continue; // the process ends in a moment; nothing better can be done
    }
    dirty_count = 0;
}

static int walk(const char *folder, const char *prefix, int depth, void (*each)(void *, const char *, uint32_t),
                void *context)
{
    if (depth > DEPTH_MAX) return PORT_EIO;
    struct dirent **found;
    int count = scandir(folder, &found, NULL, alphasort); // sorted, so that runs repeat
    if (count < 0) return error_of(errno);
    int result = PORT_OK;
    for (int i = 0; i < count; i++) {
        char path[PATH_LENGTH], name[PORT_FILE_NAME_MAX + 1];
        bool fits = found[i]->d_name[0] != '.' &&
                    snprintf(path, sizeof path, "%s/%s", folder, found[i]->d_name) < (int)sizeof path &&
                    snprintf(name, sizeof name, "%s%s", prefix, found[i]->d_name) < (int)sizeof name;
        free(found[i]);
        if (!fits || result < 0) continue;
        int size = host_file_size(path);
        if (size >= 0) {
            each(context, name, (uint32_t)size);
        } else if (size == PORT_ENOENT && strlen(name) < PORT_FILE_NAME_MAX) { // a folder
            strcat(name, "/");
            result = walk(path, name, depth + 1, each, context);
            if (result == PORT_ENOENT) result = PORT_OK; // neither a file nor a folder: somebody else's
        }
    }
    free(found);
    return result;
}

int port_file_list(void (*each)(void *context, const char *name, uint32_t size), void *context)
{
    char folder[PATH_LENGTH];
    if (!host_path(folder, sizeof folder, "files")) return PORT_EIO;
    return walk(folder, "", 0, each, context);
}

static void add_size(void *context, const char *name, uint32_t size)
{
    (void)name;
    *(uint32_t *)context += blocks(size);
}

int host_file_start(void)
{
    char folder[PATH_LENGTH];
    if (!host_path(folder, sizeof folder, "files")) return PORT_EIO;
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) return PORT_EIO;
    dirty_count = 0;
    used = 0;
    return port_file_list(add_size, &used);
}

int port_file_space(void)
{
    return used >= host_options.files_size ? 0 : (int)(host_options.files_size - used);
}

int port_file_size(const char *name)
{
    char path[PATH_LENGTH];
    return path_of(name, path) ? host_file_size(path) : PORT_EINVAL;
}

int port_file_read(const char *name, uint32_t offset, void *buf, size_t length)
{
    char path[PATH_LENGTH];
    if (!path_of(name, path)) return PORT_EINVAL;
    if (length > INT32_MAX) return PORT_EINVAL;
    int fd = open(path, O_RDONLY);
    if (fd < 0) return error_of(errno);
    ssize_t count = pread(fd, buf, length, (off_t)offset);
    int result = count < 0 ? error_of(errno == EISDIR ? ENOENT : errno) : (int)count;
    close(fd);
    return result;
}

static void make_folders(const char *path_to_file, size_t from)
{
    char path[PATH_LENGTH];
    snprintf(path, sizeof path, "%s", path_to_file);
    for (char *at = path + from; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(path, 0755); // the open that follows reports what failed
        *at = '/';
    }
}

int port_file_write(const char *name, uint32_t offset, const void *data, size_t length)
{
    char path[PATH_LENGTH];
    if (!path_of(name, path)) return PORT_EINVAL;
    int size = port_file_size(name);
    if (size == PORT_ENOENT) size = 0;
    if (size < 0) return size;
    if (offset > (uint32_t)size || length > INT32_MAX - offset) return PORT_EINVAL;
    uint32_t after = offset + (uint32_t)length > (uint32_t)size ? offset + (uint32_t)length : (uint32_t)size;
    uint32_t growth = blocks(after) - blocks((uint32_t)size);
    if (growth > (uint32_t)port_file_space()) return PORT_EFULL;
    bool cut = host_cut_due(HOST_CUT_FILE);
    if (cut) length = (size_t)(host_cut_random() % (length + 1));
    make_folders(path, strlen(path) - strlen(name));
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0) return error_of(errno);
    ssize_t count = length == 0 ? 0 : pwrite(fd, data, length, (off_t)offset);
    int result = count == (ssize_t)length ? PORT_OK : count < 0 ? error_of(errno) : PORT_EFULL;
    close(fd);
    make_dirty(name, (uint32_t)size);
    if (cut) host_cut_now();
    if (result >= 0) used += growth;
    return result;
}

int port_file_sync(const char *name)
{
    int size = port_file_size(name);
    if (size < 0) return size;
    if (host_cut_due(HOST_CUT_FILE)) host_cut_now();
    clean(name);
    return PORT_OK;
}

// Removes the folders that a file leaves empty: folders are no things of their own in port.h.
static void prune(const char *path_of_file, size_t files_length)
{
    char path[PATH_LENGTH];
    snprintf(path, sizeof path, "%s", path_of_file);
    for (char *at; (at = strrchr(path, '/')) != NULL && (size_t)(at - path) > files_length;) {
        *at = '\0';
        if (rmdir(path) != 0) return;
    }
}

int port_file_rename(const char *from, const char *to)
{
    char old_path[PATH_LENGTH], new_path[PATH_LENGTH];
    if (!path_of(from, old_path) || !path_of(to, new_path)) return PORT_EINVAL;
    int size = port_file_size(from), replaced = port_file_size(to);
    if (size < 0) return size;
    if (strcmp(from, to) == 0) return PORT_OK;
    bool cut = host_cut_due(HOST_CUT_FILE);
    if (cut && host_cut_random() % 2 == 0) host_cut_now(); // before; else after
    make_folders(new_path, strlen(new_path) - strlen(to));
    if (rename(old_path, new_path) != 0) return error_of(errno);
    prune(old_path, strlen(old_path) - strlen(from) - 1);
    clean(to);
    struct dirty *entry = find_dirty(from);
    if (entry != NULL) snprintf(entry->name, sizeof entry->name, "%s", to);
    if (cut) host_cut_now();
    if (replaced >= 0) used -= blocks((uint32_t)replaced);
    return PORT_OK;
}

int port_file_remove(const char *name)
{
    char path[PATH_LENGTH];
    if (!path_of(name, path)) return PORT_EINVAL;
    int size = port_file_size(name);
    if (size < 0) return size;
    bool cut = host_cut_due(HOST_CUT_FILE);
    if (cut && host_cut_random() % 2 == 0) host_cut_now();
    if (unlink(path) != 0) return error_of(errno);
    prune(path, strlen(path) - strlen(name) - 1);
    clean(name);
    if (cut) host_cut_now();
    used -= blocks((uint32_t)size);
    return PORT_OK;
}
