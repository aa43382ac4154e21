/* What differs between compilers and platforms, and nothing else does.
 *
 * The rest of csrc/ is C11 that GCC, Clang and MSVC take alike. */
#ifndef FD_PORT_H
#define FD_PORT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER)

#include <intrin.h>

static inline void *fd_atomic_load(void *volatile *slot)
{
    return *slot; /* volatile is atomic for a pointer here */
}

static inline void *fd_atomic_exchange(void *volatile *slot, void *value)
{
    return _InterlockedExchangePointer(slot, value);
}

/* Put value where there was NULL; 1 when that was done. */
static inline int fd_atomic_fill(void *volatile *slot, void *value)
{
    return _InterlockedCompareExchangePointer(slot, value, NULL) == NULL;
}

static inline int64_t fd_atomic_add(volatile int64_t *total, int64_t amount)
{
    return _InterlockedExchangeAdd64(total, amount) + amount;
}

static inline int64_t fd_atomic_get(const volatile int64_t *total)
{
    return *total;
}

static inline void fd_atomic_put(volatile int64_t *total, int64_t value)
{
    _InterlockedExchange64(total, value);
}

/* Put value where there was expected; 1 when that was done. */
static inline int fd_atomic_swap(volatile int64_t *total, int64_t expected, int64_t value)
{
    return _InterlockedCompareExchange64(total, value, expected) == expected;
}

#else

static inline void *fd_atomic_load(void *volatile *slot)
{
    return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

static inline void *fd_atomic_exchange(void *volatile *slot, void *value)
{
    return __atomic_exchange_n(slot, value, __ATOMIC_ACQ_REL);
}

static inline int fd_atomic_fill(void *volatile *slot, void *value)
{
    void *empty = NULL;
    return __atomic_compare_exchange_n(slot, &empty, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static inline int64_t fd_atomic_add(volatile int64_t *total, int64_t amount)
{
    return __atomic_add_fetch(total, amount, __ATOMIC_SEQ_CST);
}

static inline int64_t fd_atomic_get(const volatile int64_t *total)
{
    return __atomic_load_n(total, __ATOMIC_SEQ_CST);
}

static inline void fd_atomic_put(volatile int64_t *total, int64_t value)
{
    __atomic_store_n(total, value, __ATOMIC_SEQ_CST);
}

/* Put value where there was expected; 1 when that was done. */
static inline int fd_atomic_swap(volatile int64_t *total, int64_t expected, int64_t value)
{
    return __atomic_compare_exchange_n(total, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

#endif

/* The type of msghdr.msg_iovlen: POSIX says int, glibc size_t. */
#if defined(__GLIBC__)
#define FD_IOVLEN(n) ((size_t)(n))
#else
#define FD_IOVLEN(n) ((int)(n))
#endif

#endif
