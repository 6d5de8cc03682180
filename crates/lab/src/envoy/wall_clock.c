/*
 * Preloaded into a program: shifts its wall clock, and no other clock, by as many nanoseconds as the first eight bytes
 * of the file SHIFTED_CLOCK say at that moment.
 *
 * It calls the kernel, not the C library's own functions: finding those allocates, and allocators read clocks.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static const int64_t *shift;

__attribute__((constructor)) static void map_shift(void)
{
    const char *path = getenv("SHIFTED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED)
        shift = page;
}

static int64_t wall(clockid_t clock)
{
    struct timespec now = {0, 0};
    syscall(SYS_clock_gettime, clock, &now);
    int64_t by = shift ? __atomic_load_n(shift, __ATOMIC_RELAXED) : 0;
    return now.tv_sec * SECOND + now.tv_nsec + by;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, out);
    int64_t now = wall(clock);
    out->tv_sec = now / SECOND;
    out->tv_nsec = now % SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    int64_t now = wall(CLOCK_REALTIME);
    out->tv_sec = now / SECOND;
    out->tv_usec = now % SECOND / 1000;
    return 0;
}

time_t time(time_t *out)
{
    time_t now = wall(CLOCK_REALTIME) / SECOND;
    if (out)
        *out = now;
    return now;
}

int timespec_get(struct timespec *out, int base)
{
    if (base != TIME_UTC)
        return 0;
    return clock_gettime(CLOCK_REALTIME, out) == 0 ? base : 0;
}
