/* Swapping: as byte by byte, in place as elsewhere, at every address, and twice is not at all. */
#include "fd_swap.h"

#include "../check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n < 2)
        return 0;
    unsigned unit = 1U << (p[0] & 3);
    size_t shift = p[1] & 31;
    p += 2;
    n -= 2;
    uint8_t *to = malloc(n + shift + 1);
    CHECK(to != NULL);
    fd_swap(to + shift, p, n, unit);
    for (size_t i = 0; i < n; i++) {
        size_t begin = i / unit * unit;
        CHECK(to[shift + i] == (n - begin < unit ? p[i] : p[begin + unit - 1 - (i - begin)]));
    }
    fd_swap(to + shift, to + shift, n, unit);
    CHECK(n == 0 || memcmp(to + shift, p, n) == 0);
    free(to);
    return 0;
}
