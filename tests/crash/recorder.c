/* Writes down what a program does to the files of one folder: preloaded, by tests/tests/power_cut.rs.
 *
 * A record is one line, "W|T|S|U <path> <offset> <length>", and after W the bytes. RECORD_FOLDER says which files,
 * RECORD_TO where the records go. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void record(char kind, const char *path, long offset, const void *bytes, size_t length) {
    static int log = -1;
    const char *folder = getenv("RECORD_FOLDER"), *to = getenv("RECORD_TO");
    if (!folder || !to || strncmp(path, folder, strlen(folder)) != 0) return;
    /* SQLite's shared memory is rebuilt after a crash. */
    size_t end = strlen(path);
    if (end > 4 && strcmp(path + end - 4, "-shm") == 0) return;
    if (log < 0) log = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    char line[PATH_MAX + 64];
    int size = snprintf(line, sizeof line, "%c %s %ld %zu\n", kind, path, offset, length);
    struct iovec parts[2] = {{line, (size_t)size}, {(void *)bytes, kind == 'W' ? length : 0}};
    if (log < 0 || writev(log, parts, 2) != (ssize_t)(size + parts[1].iov_len)) abort();
}

static void record_fd(char kind, int fd, long offset, const void *bytes, size_t length) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return;
    path[size] = 0;
    record(kind, path, offset, bytes, length);
}

#define NEXT(result, name, parameters) static result (*next) parameters; if (!next) next = (result (*) parameters)dlsym(RTLD_NEXT, #name)

#define PWRITE(name)                                                                    \
    ssize_t name(int fd, const void *bytes, size_t length, off_t offset) {              \
        NEXT(ssize_t, name, (int, const void *, size_t, off_t));                        \
        ssize_t done = next(fd, bytes, length, offset);                                 \
        if (done > 0) record_fd('W', fd, offset, bytes, (size_t)done);                  \
        return done;                                                                    \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void *bytes, size_t length) {
    NEXT(ssize_t, write, (int, const void *, size_t));
    long offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = next(fd, bytes, length);
    if (done > 0 && offset >= 0) record_fd('W', fd, offset, bytes, (size_t)done);
    return done;
}

#define TRUNCATE(name)                                                                  \
    int name(int fd, off_t length) {                                                    \
        NEXT(int, name, (int, off_t));                                                  \
        int done = next(fd, length);                                                    \
        if (done == 0) record_fd('T', fd, length, NULL, 0);                             \
        return done;                                                                    \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(name)                                                                      \
    int name(int fd) {                                                                  \
        NEXT(int, name, (int));                                                         \
        int done = next(fd);                                                            \
        if (done == 0) record_fd('S', fd, 0, NULL, 0);                                  \
        return done;                                                                    \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    NEXT(int, unlink, (const char *));
    int done = next(path);
    if (done == 0) record('U', path, 0, NULL, 0);
    return done;
}
