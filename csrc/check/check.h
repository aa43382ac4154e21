/* What the checks share: an assert that is always there, and numbers that look random and never change. */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                    \
    do {                                                                                                    \
        if (!(condition)) {                                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                        \
        }                                                                                                   \
    } while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

struct random_numbers {
    uint64_t state;
};

/* A number below limit (xorshift64*). */
static inline size_t random_below(struct random_numbers *numbers, size_t limit)
{
    uint64_t x = numbers->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    numbers->state = x;
    return (size_t)((x * UINT64_C(2685821657736338717)) >> 33) % limit;
}

/* The n bytes at p in a block of their own, so that the sanitizer sees a look beyond them. */
static inline uint8_t *copy_of(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n != 0 ? n : 1);
    CHECK(copy != NULL);
    if (n != 0)
        memcpy(copy, p, n);
    return copy;
}

#endif
