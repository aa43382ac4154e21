/* The walk over elements: it ends, and what it finds lies within what it walked over. */
#include "fd_element.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const uint32_t tags[] = {0x00020010, 0x00080016, 0x00080018, 0x0020000D, 0xFFFFFFFF};
    if (n == 0)
        return 0;
    struct fd_syntax syntax = {p[0] & 1, p[0] >> 1 & 1};
    size_t offset = 0;
    p++;
    n--;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct fd_span value;
        size_t was = offset;
        int code = fd_element_find(p, n, syntax, tags[i], &offset, &value);
        if (offset < was || offset > n || (code != FD_ELEMENT_OK && value.p != NULL))
            abort();
        if (value.p != NULL && (value.p + value.n != p + offset || value.n > offset - was))
            abort();
        if (code != FD_ELEMENT_OK)
            return 0;
    }
    return 0;
}
