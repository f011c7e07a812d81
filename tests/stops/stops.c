/* Stops a process at its n-th change to files below a folder, or has changes fail from the n-th on.

   Loaded with LD_PRELOAD; does nothing until stops_arm is called. It sees what goes through the C library: writing,
   syncing, truncating, renaming, unlinking and making files. Linux only. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT = 0, KILL = 1, TEAR = 2, FAIL = 3, READ_ONLY = 4, POWER = 5 };

static char under[PATH_MAX];
static size_t under_length;
static int mode = -1, failure;
static atomic_long calls, stop_at;

/* What a power cut would take: of each file that was written to since it was last synced, its bytes as they were then
   (or that it was not there). The files of `aside` are named by number; `list` says what each stands for. */
static char aside[PATH_MAX];
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;
enum { MOST = 512 };
static struct { dev_t device; ino_t inode; int used; } unsynced[MOST];

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void stops_arm(const char *folder, int what, long at, int error, const char *kept) {
    strncpy(under, folder, sizeof under - 1);
    under_length = strlen(under);
    strncpy(aside, kept ? kept : "", sizeof aside - 1);
    failure = error;
    atomic_store(&calls, 0);
    atomic_store(&stop_at, at);
    mode = what;
}

void stops_disarm(void) { mode = -1; }

long stops_count(void) { return atomic_load(&calls); }

static int is_ours(const char *path) {
    char here[PATH_MAX * 2];
    if (path[0] != '/') {
        if (!getcwd(here, PATH_MAX)) return 0;
        strcat(here, "/");
        strncat(here, path, PATH_MAX - 1);
        path = here;
    }
    return strncmp(path, under, under_length) == 0 && (path[under_length] == '/' || path[under_length] == 0);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return 1;
}

static int is_our_file(int fd) {
    char path[PATH_MAX];
    return path_of(fd, path) && is_ours(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Whether the call that comes is to fail; does not come back where the process is to stop. */
static int comes(void) {
    if (mode < 0 || mode == READ_ONLY) return 0;
    long number = atomic_fetch_add(&calls, 1) + 1;
    long at = atomic_load(&stop_at);
    if (mode == FAIL && number >= at) {
        errno = failure;
        return 1;
    }
    if ((mode == KILL || mode == POWER) && number >= at) die();
    return 0;
}

static void copy(int from, const char *to) {
    ssize_t (*put)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    int (*make)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    int out = make(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char block[65536];
    off_t at = 0;
    ssize_t got;
    while ((got = pread(from, block, sizeof block, at)) > 0) {
        if (put(out, block, got) != got) abort();
        at += got;
    }
    close(out);
}

/* Before a file is changed: keeps it as it was when it was last synced. */
static void keep(int fd) {
    struct stat info;
    char path[PATH_MAX], name[PATH_MAX + 64];
    if (mode != POWER || fstat(fd, &info) || !S_ISREG(info.st_mode) || !path_of(fd, path)) return;
    pthread_mutex_lock(&keeping);
    int free_slot = -1, known = 0;
    for (int i = 0; i < MOST; i++) {
        if (unsynced[i].used && unsynced[i].device == info.st_dev && unsynced[i].inode == info.st_ino) known = 1;
        if (!unsynced[i].used && free_slot < 0) free_slot = i;
    }
    if (!known) {
        if (free_slot < 0) abort();
        unsynced[free_slot].device = info.st_dev;
        unsynced[free_slot].inode = info.st_ino;
        unsynced[free_slot].used = 1;
        /* Opened anew, since the descriptor may be for writing only. */
        int (*open_it)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
        int from = open_it(path, O_RDONLY);
        snprintf(name, sizeof name, "%s/%lu", aside, (unsigned long)info.st_ino);
        if (from >= 0) {
            copy(from, name);
            close(from);
        }
    }
    pthread_mutex_unlock(&keeping);
}

/* After a file was synced: what is in it stays. */
static void kept(int fd) {
    struct stat info;
    char name[PATH_MAX + 64];
    if (mode != POWER || fstat(fd, &info)) return;
    pthread_mutex_lock(&keeping);
    for (int i = 0; i < MOST; i++) {
        if (!unsynced[i].used || unsynced[i].device != info.st_dev || unsynced[i].inode != info.st_ino) continue;
        unsynced[i].used = 0;
        int (*forget)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
        snprintf(name, sizeof name, "%s/%lu", aside, (unsigned long)info.st_ino);
        forget(name);
    }
    pthread_mutex_unlock(&keeping);
}

#define OURS(fd) (mode >= 0 && is_our_file(fd))

/* The half of a write that a kill may leave. */
static int tears(void) {
    if (mode != TEAR) return 0;
    return atomic_fetch_add(&calls, 1) + 1 >= atomic_load(&stop_at);
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    if (OURS(fd)) {
        if (tears()) { real(fd, data, size / 2); die(); }
        if (mode != TEAR && comes()) return -1;
        keep(fd);
    }
    return real(fd, data, size);
}

#define PWRITE(name, type) \
    ssize_t name(int fd, const void *data, size_t size, type offset) { \
        REAL(name); \
        if (OURS(fd)) { \
            if (tears()) { real(fd, data, size / 2, offset); die(); } \
            if (mode != TEAR && comes()) return -1; \
            keep(fd); \
        } \
        return real(fd, data, size, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    if (OURS(fd)) {
        if (tears() || comes()) { if (mode == TEAR) die(); return -1; }
        keep(fd);
    }
    return real(fd, parts, count);
}

#define SYNC(name) \
    int name(int fd) { \
        REAL(name); \
        int ours = OURS(fd); \
        if (ours && mode == TEAR && tears()) die(); \
        if (ours && mode != TEAR && comes()) return -1; \
        int result = real(fd); \
        if (ours && result == 0) kept(fd); \
        return result; \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, type) \
    int name(int fd, type length) { \
        REAL(name); \
        if (OURS(fd)) { \
            if (mode == TEAR && tears()) die(); \
            if (mode != TEAR && comes()) return -1; \
            keep(fd); \
        } \
        return real(fd, length); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* Changes to folders: they count, but a power cut takes none of them back. */
static int refused(const char *path) {
    if (mode < 0 || !is_ours(path)) return 0;
    if (mode == READ_ONLY) {
        errno = failure;
        return 1;
    }
    if (mode == TEAR) {
        if (tears()) die();
        return 0;
    }
    return comes();
}

int unlink(const char *path) { REAL(unlink); return refused(path) ? -1 : real(path); }
int rmdir(const char *path) { REAL(rmdir); return refused(path) ? -1 : real(path); }
int rename(const char *from, const char *to) { REAL(rename); return refused(to) ? -1 : real(from, to); }
int link(const char *from, const char *to) { REAL(link); return refused(to) ? -1 : real(from, to); }

int mkdir(const char *path, mode_t bits) {
    REAL(mkdir);
    struct stat info;
    if (mode >= 0 && is_ours(path) && stat(path, &info) == 0) {
        errno = EEXIST; /* comes before a read-only disk, as in the kernel */
        return -1;
    }
    return refused(path) ? -1 : real(path, bits);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    char whole[PATH_MAX * 2];
    if (mode >= 0 && path[0] != '/' && folder != AT_FDCWD && path_of(folder, whole)) {
        strcat(whole, "/");
        strncat(whole, path, PATH_MAX - 1);
        if (refused(whole)) return -1;
    } else if (refused(path)) {
        return -1;
    }
    return real(folder, path, flags);
}

int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat);
    return refused(to) ? -1 : real(a, from, b, to);
}

static int makes(const char *path, int flags) {
    struct stat info;
    if (mode < 0 || !is_ours(path)) return 0;
    int there = stat(path, &info) == 0;
    if (mode == READ_ONLY) {
        if ((flags & O_ACCMODE) == O_RDONLY && (there || !(flags & O_CREAT))) return 0;
        errno = failure;
        return 1;
    }
    if (((flags & O_CREAT) && !there) || (flags & O_TRUNC)) return refused(path);
    return 0;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t bits = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return makes(path, flags) ? -1 : real(path, flags, bits); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t bits = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return makes(path, flags) ? -1 : real(folder, path, flags, bits); \
    }
OPENAT(openat)
OPENAT(openat64)

int access(const char *path, int how) {
    REAL(access);
    if (mode == READ_ONLY && (how & W_OK) && is_ours(path)) {
        errno = failure;
        return -1;
    }
    return real(path, how);
}
