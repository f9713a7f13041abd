// Files on LittleFS through its VFS. One file stays open between calls, because opening and closing costs flash writes.
#include "esp32.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "esp_littlefs.h"

#define BASE "/files"
#define LABEL "files"
enum { PATH_MAX_BYTES = sizeof BASE + 1 + PORT_FILE_NAME_MAX };

static char open_name[PORT_FILE_NAME_MAX + 1];
static int open_fd = -1;
static bool open_writable;

int esp32_file_start(void)
{
    // A partition that cannot be mounted is new or destroyed; in both cases an empty one leads to the recovery bundle.
    const esp_vfs_littlefs_conf_t config = {
        .base_path = BASE, .partition_label = LABEL, .format_if_mount_failed = true, .grow_on_mount = true};
    return esp32_error(esp_vfs_littlefs_register(&config));
}

static int error_now(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR: return PORT_ENOENT;
    case ENOSPC: return PORT_EFULL;
    case ENOMEM: return PORT_ENOMEM;
    default: return PORT_EIO;
    }
}

static bool path_of(char path[PATH_MAX_BYTES], const char *name)
{
    const int length = snprintf(path, PATH_MAX_BYTES, BASE "/%s", name);
    return length > 0 && length < PATH_MAX_BYTES;
}

// Closing makes durable what was written.
static int close_open(void)
{
    if (open_fd < 0) return PORT_OK;
    const int result = close(open_fd) == 0 ? PORT_OK : error_now();
    open_fd = -1;
    return result;
}

// Makes the folders on the way to `path`.
static void make_folders(char *path)
{
    for (char *slash = strchr(path + sizeof BASE, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777); // one that is there already is fine; any other failure shows when the file is opened
        *slash = '/';
    }
}

static int open_file(const char *name, bool writable)
{
    if (open_fd >= 0 && strcmp(open_name, name) == 0 && (open_writable || !writable)) return PORT_OK;
    const int closed = close_open();
    if (closed != PORT_OK) return closed;
    char path[PATH_MAX_BYTES];
    if (!path_of(path, name)) return PORT_EINVAL;
    if (writable) make_folders(path);
    open_fd = open(path, writable ? O_RDWR | O_CREAT : O_RDONLY, 0666);
    if (open_fd < 0) return error_now();
    strcpy(open_name, name);
    open_writable = writable;
    return PORT_OK;
}

int port_file_size(const char *name)
{
    const int closed = close_open();
    if (closed != PORT_OK) return closed;
    char path[PATH_MAX_BYTES];
    struct stat info;
    if (!path_of(path, name)) return PORT_EINVAL;
    if (stat(path, &info) != 0) return error_now();
    return S_ISREG(info.st_mode) ? (int)info.st_size : PORT_ENOENT;
}

int port_file_read(const char *name, uint32_t offset, void *buf, size_t length)
{
    const int opened = open_file(name, false);
    if (opened != PORT_OK) return opened;
    if (lseek(open_fd, (off_t)offset, SEEK_SET) < 0) return error_now();
    const ssize_t got = read(open_fd, buf, length);
    return got < 0 ? error_now() : (int)got;
}

int port_file_write(const char *name, uint32_t offset, const void *data, size_t length)
{
    const int opened = open_file(name, true);
    if (opened != PORT_OK) return opened;
    const off_t size = lseek(open_fd, 0, SEEK_END);
    if (size < 0) return error_now();
    if ((off_t)offset > size) return PORT_EINVAL;
    if (lseek(open_fd, (off_t)offset, SEEK_SET) < 0) return error_now();
    const ssize_t written = write(open_fd, data, length);
    if (written < 0) return error_now();
    return (size_t)written == length ? (int)written : PORT_EFULL;
}

int port_file_sync(const char *name)
{
    if (open_fd < 0 || strcmp(open_name, name) != 0) return port_file_size(name) < 0 ? PORT_ENOENT : PORT_OK;
    return close_open();
}

int port_file_rename(const char *from, const char *to)
{
    const int closed = close_open();
    if (closed != PORT_OK) return closed;
    char from_path[PATH_MAX_BYTES], to_path[PATH_MAX_BYTES];
    if (!path_of(from_path, from) || !path_of(to_path, to)) return PORT_EINVAL;
    make_folders(to_path);
    return rename(from_path, to_path) == 0 ? PORT_OK : error_now();
}

int port_file_remove(const char *name)
{
    const int closed = close_open();
    if (closed != PORT_OK) return closed;
    char path[PATH_MAX_BYTES];
    if (!path_of(path, name)) return PORT_EINVAL;
    return unlink(path) == 0 ? PORT_OK : error_now();
}

// `path` is the folder; its text is extended in place while one of its entries is looked at. The length of a name bounds
// the depth.
static int list(char path[PATH_MAX_BYTES], void (*each)(void *context, const char *name, uint32_t size), void *context)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return error_now();
    const size_t length = strlen(path);
    int result = PORT_OK;
    for (struct dirent *entry; result == PORT_OK && (entry = readdir(folder)) != NULL;) {
        const size_t name_length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || length + 1 + name_length >= PATH_MAX_BYTES) continue;
        path[length] = '/';
        memcpy(path + length + 1, entry->d_name, name_length + 1);
        static struct stat info; // not on the stack of every level
        if (entry->d_type == DT_DIR) {
            result = list(path, each, context);
        } else if (stat(path, &info) == 0) {
            each(context, path + sizeof BASE, (uint32_t)info.st_size);
        }
        path[length] = '\0';
    }
    closedir(folder);
    return result;
}

int port_file_list(void (*each)(void *context, const char *name, uint32_t size), void *context)
{
    const int closed = close_open();
    if (closed != PORT_OK) return closed;
    char path[PATH_MAX_BYTES] = BASE;
    return list(path, each, context);
}

int port_file_space(void)
{
    size_t total = 0, used = 0;
    esp_err_t error = esp_littlefs_info(LABEL, &total, &used);
    if (error != ESP_OK) return esp32_error(error);
    return used > total ? 0 : (int)(total - used);
}
