/* Swapping: every unit, length and address, in place and elsewhere. */
#include "fd_swap.h"

#include "check.h"

static void check_swap(size_t n, unsigned unit, size_t shift)
{
    uint8_t *from = malloc(n + shift + 1);
    uint8_t *to = malloc(n + 1);
    CHECK(from != NULL && to != NULL);
    for (size_t i = 0; i < n; i++)
        from[shift + i] = (uint8_t)(i * 7 + 1);
    fd_swap(to, from + shift, n, unit);
    size_t whole = n / unit * unit;
    for (size_t i = 0; i < n; i++)
        CHECK(to[i] == from[shift + (i < whole ? i / unit * unit + (unit - 1 - i % unit) : i)]);
    fd_swap(from + shift, from + shift, n, unit);
    CHECK(n == 0 || memcmp(from + shift, to, n) == 0);
    free(from);
    free(to);
}

int main(void)
{
    for (unsigned unit = 1; unit <= 8; unit *= 2)
        for (size_t n = 0; n < 300; n++)
            for (size_t shift = 0; shift < 9; shift++)
                check_swap(n, unit, shift);
    return 0;
}
