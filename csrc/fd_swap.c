#include "fd_swap.h"

#include <string.h>

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#include <immintrin.h>
#define HAS_VECTORS 1
#else
#define HAS_VECTORS 0
#endif

static uint16_t turn16(uint16_t value)
{
    return (uint16_t)(value << 8 | value >> 8);
}

static uint32_t turn32(uint32_t value)
{
    return value << 24 | (value << 8 & 0xFF0000) | (value >> 8 & 0xFF00) | value >> 24;
}

static uint64_t turn64(uint64_t value)
{
    return (uint64_t)turn32((uint32_t)value) << 32 | turn32((uint32_t)(value >> 32));
}

/* memcpy, because the arrays may be at any address; compilers make loads and stores of it. */
#define DEFINE_SWAP(bits)                                                                                        \
    static void swap##bits(uint8_t *to, const uint8_t *from, size_t n)                                           \
    {                                                                                                            \
        for (size_t i = 0; i < n; i += bits / 8) {                                                               \
            uint##bits##_t value;                                                                                \
            memcpy(&value, from + i, sizeof value);                                                              \
            value = turn##bits(value);                                                                           \
            memcpy(to + i, &value, sizeof value);                                                                \
        }                                                                                                        \
    }

DEFINE_SWAP(16)
DEFINE_SWAP(32)
DEFINE_SWAP(64)

#if HAS_VECTORS
/* Where each byte of a lane comes from, one row for units of 2, of 4 and of 8. */
static const uint8_t PLACES[3][16] = {
    {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14},
    {3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12},
    {7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8},
};

/* Returns how many bytes are done, a multiple of 64. */
__attribute__((target("avx2"))) static size_t swap_lanes(uint8_t *to, const uint8_t *from, size_t n,
                                                         const uint8_t *places)
{
    const __m256i lanes = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)places));
    size_t i = 0;
    for (; n - i >= 64; i += 64) {
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
        __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(from + i + 32));
        _mm256_storeu_si256((__m256i *)(void *)(to + i), _mm256_shuffle_epi8(first, lanes));
        _mm256_storeu_si256((__m256i *)(void *)(to + i + 32), _mm256_shuffle_epi8(second, lanes));
    }
    return i;
}
#endif

void fd_swap(uint8_t *to, const uint8_t *from, size_t n, unsigned unit)
{
    size_t whole = n - n % (unit > 1 ? unit : 1);
    size_t done = 0;
#if HAS_VECTORS
    if (whole >= 64 && unit > 1 && __builtin_cpu_supports("avx2"))
        done = swap_lanes(to, from, whole, PLACES[unit == 2 ? 0 : unit == 4 ? 1 : 2]);
#endif
    switch (unit) {
    case 2:
        swap16(to + done, from + done, whole - done);
        break;
    case 4:
        swap32(to + done, from + done, whole - done);
        break;
    case 8:
        swap64(to + done, from + done, whole - done);
        break;
    default:
        whole = 0;
        break;
    }
    if (to != from)
        memcpy(to + whole, from + whole, n - whole);
}
