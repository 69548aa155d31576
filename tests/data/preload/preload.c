/* Stands between a program and the file system, for everything below one folder.
 *
 * Preloaded (LD_PRELOAD) into `heirloom` by tests/it/preload.rs, it counts the calls that
 * heirloom's disk.rs and SQLite make, fails the one it is told to, and records them with what
 * was written, so that a power cut can be played back. A call is counted before it is made;
 * one at a time, whatever threads there are.
 *
 *   PRELOAD_FOLDER       absolute, with symbolic links resolved; all else is passed through
 *   PRELOAD_LOG          where calls are recorded, outside of the folder
 *   PRELOAD_FAIL         the number of the call that fails, from 1
 *   PRELOAD_ERRNO        with which error
 *   PRELOAD_FOR_EVER     set: every later call fails too
 *   PRELOAD_IGNORE_SYNC  set: fsync answers that it is done, and does nothing
 *   PRELOAD_NO_FLOCK     the error with which every flock answers
 *
 * A record is a line, CALL TAB RESULT TAB OFFSET TAB LENGTH TAB PATH TAB PATH LF, followed by
 * LENGTH bytes where the call is `write`. RESULT is 0 or the error, with `!` where it was made
 * to fail. Of `open`, OFFSET is 1 for a file that was made, 2 for one that was emptied.
 *
 * Real calls are system calls, so that nothing here calls itself.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 1024
#define AT_ONCE (1 << 20)

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char *path_of[FILES]; /* of open files below the folder */
static const char *folder;
static int log_file = -1, error_number = EIO, for_ever, ignore_sync, no_flock;
static long calls, fail_at;

__attribute__((constructor)) static void begin(void) {
    const char *text;
    folder = getenv("PRELOAD_FOLDER");
    if ((text = getenv("PRELOAD_LOG")))
        log_file = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if ((text = getenv("PRELOAD_FAIL")))
        fail_at = atol(text);
    if ((text = getenv("PRELOAD_ERRNO")))
        error_number = atoi(text);
    for_ever = getenv("PRELOAD_FOR_EVER") != NULL;
    ignore_sync = getenv("PRELOAD_IGNORE_SYNC") != NULL;
    if ((text = getenv("PRELOAD_NO_FLOCK")))
        no_flock = atoi(text);
}

static const char *path_of_file(int file) {
    return file >= 0 && file < FILES ? path_of[file] : NULL;
}

/* The absolute path, where it is below the folder. */
static const char *below(int at, const char *path, char *buffer) {
    size_t length;
    if (!folder || !path)
        return NULL;
    if (path[0] != '/') {
        char here[PATH_MAX];
        const char *base = at == AT_FDCWD ? getcwd(here, sizeof here) : path_of_file(at);
        if (!base || snprintf(buffer, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
            return NULL;
        path = buffer;
    }
    length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]) ? path : NULL;
}

static void record(const char *call, const char *result, long long offset, size_t length,
                   const char *path, const char *other, const void *data) {
    char line[2 * PATH_MAX + 128];
    int size;
    if (log_file < 0)
        return;
    size = snprintf(line, sizeof line, "%s\t%s\t%lld\t%zu\t%s\t%s\n", call, result, offset,
                    data ? length : 0, path, other ? other : "");
    /* In one piece and past this library's own `write`. */
    struct iovec parts[2] = {{line, size}, {(void *)data, data ? length : 0}};
    syscall(SYS_writev, log_file, parts, data ? 2 : 1);
}

/* Counts a call. Whether it is to fail; then it is recorded already, and errno is set. */
static int fails(const char *call, const char *path) {
    char result[16];
    calls++;
    if (!fail_at || (calls != fail_at && !(for_ever && calls > fail_at)))
        return 0;
    snprintf(result, sizeof result, "!%d", error_number);
    record(call, result, 0, 0, path, NULL, NULL);
    errno = error_number;
    return 1;
}

static void done(const char *call, long got, long long offset, size_t length, const char *path,
                 const char *other, const void *data) {
    int saved = errno;
    char result[16];
    snprintf(result, sizeof result, "%d", got < 0 ? saved : 0);
    record(call, result, offset, length, path, other, got < 0 ? NULL : data);
    errno = saved;
}

#define ENTER pthread_mutex_lock(&one_at_a_time)
#define LEAVE(value)                                                                               \
    do {                                                                                           \
        int saved_errno = errno;                                                                   \
        pthread_mutex_unlock(&one_at_a_time);                                                      \
        errno = saved_errno;                                                                       \
        return value;                                                                              \
    } while (0)

/* A call on one path with nothing to remember of it. */
#define ON_PATH(call, at, given, real)                                                             \
    char buffer[PATH_MAX];                                                                         \
    const char *path = below(at, given, buffer);                                                   \
    long got;                                                                                      \
    if (!path)                                                                                     \
        return real;                                                                               \
    ENTER;                                                                                         \
    got = fails(call, path) ? -1 : (got = real, done(call, got, 0, 0, path, NULL, NULL), got);     \
    LEAVE(got)

#define ON_FILE(call, file, offset, real)                                                          \
    const char *path = path_of_file(file);                                                         \
    long got;                                                                                      \
    if (!path)                                                                                     \
        return real;                                                                               \
    ENTER;                                                                                         \
    got = fails(call, path) ? -1 : (got = real, done(call, got, offset, 0, path, NULL, NULL), got); \
    LEAVE(got)

static void remember(int file, const char *path) {
    if (file >= 0 && file < FILES) {
        free(path_of[file]);
        path_of[file] = path ? strdup(path) : NULL;
    }
}

static int open_file(int at, const char *given, int flags, mode_t mode) {
    char buffer[PATH_MAX];
    struct stat found;
    const char *path = below(at, given, buffer);
    int got = -1;
    if (!path) {
        got = syscall(SYS_openat, at, given, flags, mode);
        if (path_of_file(got))
            remember(got, NULL);
        return got;
    }
    ENTER;
    if (!fails("open", path)) {
        int there = syscall(SYS_newfstatat, AT_FDCWD, path, &found, 0) == 0;
        int created = (flags & O_CREAT) && !there;
        int emptied = (flags & O_TRUNC) && there;
        got = syscall(SYS_openat, at, given, flags, mode);
        done("open", got, created ? 1 : emptied ? 2 : 0, 0, path, NULL, NULL);
        remember(got, path);
    }
    LEAVE(got);
}

#define WITH_MODE(last)                                                                            \
    mode_t mode = 0;                                                                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                         \
        va_list more;                                                                              \
        va_start(more, last);                                                                      \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
    }

int open(const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_file(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_file(at, path, flags, mode);
}
int creat(const char *path, mode_t mode) {
    return open_file(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
int creat64(const char *path, mode_t mode) {
    return creat(path, mode);
}

/* A hurt `close` has no meaning for a reader of this file's promises, so it is not counted. */
int close(int file) {
    if (path_of_file(file)) {
        ENTER;
        remember(file, NULL);
        LEAVE(syscall(SYS_close, file));
    }
    return syscall(SYS_close, file);
}

/* Where a write that has no offset of its own goes. */
static long long place(int file) {
    int flags = syscall(SYS_fcntl, file, F_GETFL);
    return syscall(SYS_lseek, file, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
}

/* A write that fails with EIO has written half: that much the kernel may have done. */
static ssize_t write_file(int file, const void *data, size_t length, long long at) {
    const char *path = path_of_file(file);
    long long offset = at;
    ssize_t got = -1;
    if (!path)
        return at < 0 ? syscall(SYS_write, file, data, length)
                      : syscall(SYS_pwrite64, file, data, length, at);
    ENTER;
    if (at < 0)
        offset = place(file);
    if (fails("write", path)) {
        if (error_number == EIO && length > 1)
            syscall(SYS_pwrite64, file, data, length / 2, offset);
        errno = error_number;
    } else {
        got = at < 0 ? syscall(SYS_write, file, data, length)
                     : syscall(SYS_pwrite64, file, data, length, at);
        done("write", got, offset, got < 0 ? 0 : got, path, NULL, data);
    }
    LEAVE(got);
}

ssize_t write(int file, const void *data, size_t length) {
    return write_file(file, data, length, -1);
}
ssize_t pwrite(int file, const void *data, size_t length, off_t at) {
    return write_file(file, data, length, at);
}
ssize_t pwrite64(int file, const void *data, size_t length, off64_t at) {
    return write_file(file, data, length, at);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    int part = 0;
    if (!path_of_file(file))
        return syscall(SYS_writev, file, parts, count);
    while (part < count && !parts[part].iov_len)
        part++;
    /* A short write, which every caller must be able to take. */
    return part == count ? 0 : write_file(file, parts[part].iov_base, parts[part].iov_len, -1);
}

ssize_t read(int file, void *data, size_t length) {
    ON_FILE("read", file, 0, syscall(SYS_read, file, data, length));
}
ssize_t pread(int file, void *data, size_t length, off_t at) {
    ON_FILE("read", file, at, syscall(SYS_pread64, file, data, length, at));
}
ssize_t pread64(int file, void *data, size_t length, off64_t at) {
    ON_FILE("read", file, at, syscall(SYS_pread64, file, data, length, at));
}

/* Done by reading and writing, so that what is copied is recorded. Where both are not ours, or
 * it is asked for in another way, the caller falls back to that by itself. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length,
                        unsigned flags) {
    static char data[AT_ONCE];
    const char *path = path_of_file(to);
    ssize_t got = -1;
    if (!path && !path_of_file(from))
        return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
    if (!path || from_at || to_at) {
        errno = EINVAL;
        return -1;
    }
    ENTER;
    if (!fails("copy", path)) {
        long long offset = place(to);
        got = syscall(SYS_read, from, data, length < AT_ONCE ? length : AT_ONCE);
        if (got > 0) {
            got = syscall(SYS_write, to, data, got);
            done("write", got, offset, got < 0 ? 0 : got, path, NULL, data);
        } else {
            done("copy", got, 0, 0, path, NULL, NULL);
        }
    }
    LEAVE(got);
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) {
    if (path_of_file(to) || path_of_file(from)) {
        errno = EINVAL;
        return -1;
    }
    return syscall(SYS_sendfile, to, from, at, length);
}
ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
    if (path_of_file(to) || path_of_file(from)) {
        errno = EINVAL;
        return -1;
    }
    return syscall(SYS_splice, from, from_at, to, to_at, length, flags);
}

int ftruncate(int file, off_t length) {
    ON_FILE("truncate", file, length, syscall(SYS_ftruncate, file, length));
}
int ftruncate64(int file, off64_t length) {
    ON_FILE("truncate", file, length, syscall(SYS_ftruncate, file, length));
}
int fallocate(int file, int mode, off_t at, off_t length) {
    ON_FILE("allocate", file, at, syscall(SYS_fallocate, file, mode, at, length));
}
int fallocate64(int file, int mode, off64_t at, off64_t length) {
    ON_FILE("allocate", file, at, syscall(SYS_fallocate, file, mode, at, length));
}

static int sync_file(int file, long call) {
    if (ignore_sync && path_of_file(file))
        return 0;
    ON_FILE("sync", file, 0, syscall(call, file));
}
int fsync(int file) {
    return sync_file(file, SYS_fsync);
}
int fdatasync(int file) {
    return sync_file(file, SYS_fdatasync);
}

static int on_two(const char *call, int at, const char *given, int other_at, const char *other,
                  long number, unsigned flags) {
    char buffer[PATH_MAX], other_buffer[PATH_MAX];
    const char *from = below(at, given, buffer), *to = below(other_at, other, other_buffer);
    int got = -1;
    if (!from || !to)
        return syscall(number, at, given, other_at, other, flags);
    ENTER;
    if (!fails(call, from)) {
        got = syscall(number, at, given, other_at, other, flags);
        done(call, got, 0, 0, from, to, NULL);
    }
    LEAVE(got);
}
int rename(const char *from, const char *to) {
    return on_two("rename", AT_FDCWD, from, AT_FDCWD, to, SYS_renameat2, 0);
}
int renameat(int at, const char *from, int to_at, const char *to) {
    return on_two("rename", at, from, to_at, to, SYS_renameat2, 0);
}
int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags) {
    return on_two("rename", at, from, to_at, to, SYS_renameat2, flags);
}
int link(const char *from, const char *to) {
    return on_two("link", AT_FDCWD, from, AT_FDCWD, to, SYS_linkat, 0);
}
int linkat(int at, const char *from, int to_at, const char *to, int flags) {
    return on_two("link", at, from, to_at, to, SYS_linkat, flags);
}

int unlink(const char *given) {
    ON_PATH("unlink", AT_FDCWD, given, syscall(SYS_unlinkat, AT_FDCWD, given, 0));
}
int unlinkat(int at, const char *given, int flags) {
    ON_PATH(flags & AT_REMOVEDIR ? "rmdir" : "unlink", at, given,
            syscall(SYS_unlinkat, at, given, flags));
}
int rmdir(const char *given) {
    ON_PATH("rmdir", AT_FDCWD, given, syscall(SYS_unlinkat, AT_FDCWD, given, AT_REMOVEDIR));
}
int mkdir(const char *given, mode_t mode) {
    ON_PATH("mkdir", AT_FDCWD, given, syscall(SYS_mkdirat, AT_FDCWD, given, mode));
}
int chmod(const char *given, mode_t mode) {
    ON_PATH("mode", AT_FDCWD, given, syscall(SYS_fchmodat, AT_FDCWD, given, mode));
}
int fchmod(int file, mode_t mode) {
    ON_FILE("mode", file, 0, syscall(SYS_fchmod, file, mode));
}
int flock(int file, int how) {
    if (no_flock && path_of_file(file)) {
        errno = no_flock;
        return -1;
    }
    ON_FILE("lock", file, 0, syscall(SYS_flock, file, how));
}
int statx(int at, const char *restrict given, int flags, unsigned mask,
          struct statx *restrict found) {
    /* Rust asks with a null path whether there is such a call; the declaration forbids that. */
    const char *volatile name = given;
    if (!name)
        return syscall(SYS_statx, at, NULL, flags, mask, found);
    if (!given[0]) {
        ON_FILE("look", at, 0, syscall(SYS_statx, at, given, flags, mask, found));
    }
    ON_PATH("look", at, given, syscall(SYS_statx, at, given, flags, mask, found));
}
int stat64(const char *restrict given, struct stat64 *restrict found) {
    ON_PATH("look", AT_FDCWD, given, syscall(SYS_newfstatat, AT_FDCWD, given, found, 0));
}
int lstat64(const char *restrict given, struct stat64 *restrict found) {
    ON_PATH("look", AT_FDCWD, given,
            syscall(SYS_newfstatat, AT_FDCWD, given, found, AT_SYMLINK_NOFOLLOW));
}
int fstat64(int file, struct stat64 *found) {
    ON_FILE("look", file, 0, syscall(SYS_newfstatat, file, "", found, AT_EMPTY_PATH));
}

DIR *opendir(const char *given) {
    char buffer[PATH_MAX];
    const char *path = below(AT_FDCWD, given, buffer);
    DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    DIR *got = NULL;
    if (!path)
        return real(given);
    ENTER;
    if (!fails("list", path)) {
        got = real(given);
        done("list", got ? 0 : -1, 0, 0, path, NULL, NULL);
    }
    LEAVE(got);
}
