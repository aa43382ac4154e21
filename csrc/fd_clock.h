/* The monotonic clock. Who includes it asks for POSIX.1-2008 first. */
#ifndef FD_CLOCK_H
#define FD_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t fd_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t fd_clock_ms(void)
{
    return fd_clock_ns() / 1000000;
}

#endif
