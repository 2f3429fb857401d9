/* Makes system calls fail, or answer otherwise, as environment variables say:
 *
 *   FAULT_BUSY=PATH    opening "locked" files fails with EBUSY while PATH exists
 *   FAULT_WATCHES=N    after N watches inotify grants no more: ENOSPC
 *   FAULT_CLOCK=S    the clock is ahead by so many seconds
 *   FAULT_DEAF=1       inotify watches another folder than it is asked to: no event ever comes
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int busy(const char *path) {
    const char *flag = getenv("FAULT_BUSY");
    return flag && strstr(path, "locked") && access(flag, F_OK) == 0;
}

#define OPEN(name)                                                      \
    int name(const char *path, int flags, ...) {                        \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);  \
        mode_t mode = 0;                                                \
        if (flags & (O_CREAT | O_TMPFILE)) {                            \
            va_list rest;                                               \
            va_start(rest, flags);                                      \
            mode = va_arg(rest, mode_t);                                \
            va_end(rest);                                               \
        }                                                               \
        if (busy(path)) {                                               \
            errno = EBUSY;                                              \
            return -1;                                                  \
        }                                                               \
        return real(path, flags, mode);                                 \
    }
OPEN(open)
OPEN(open64)

int inotify_add_watch(int fd, const char *path, uint32_t mask) {
    static int granted = 0;
    int (*real)(int, const char *, uint32_t) = dlsym(RTLD_NEXT, "inotify_add_watch");
    const char *watches = getenv("FAULT_WATCHES");
    if (watches && ++granted > atoi(watches)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, getenv("FAULT_DEAF") ? "/proc/self/fdinfo" : path, mask);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    const char *ahead = getenv("FAULT_CLOCK");
    int result = real(clock, time);
    if (ahead && clock == CLOCK_REALTIME)
        time->tv_sec += atoi(ahead);
    return result;
}
