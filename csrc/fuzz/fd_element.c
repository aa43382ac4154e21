/* The walk over elements: it ends, what it finds lies within what it walked over, and it finds the same whether
 * it looks for one tag or for several in a row. */
#include "fd_element.h"

#include "../check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const uint32_t tags[] = {0x00020010, 0x00080016, 0x00080018, 0x0020000D, 0x7FE00010, 0xFFFFFFFF};
    if (n == 0)
        return 0;
    struct fd_syntax syntax = {p[0] & 1, p[0] >> 1 & 1};
    size_t offset = 0;
    p++;
    n--;
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        struct fd_span value;
        struct fd_span alone;
        size_t was = offset;
        size_t offset_alone = 0;
        int code = fd_element_find(p, n, syntax, tags[i], &offset, &value);
        CHECK(offset >= was && offset <= n && (code == FD_ELEMENT_OK || value.p == NULL));
        CHECK(value.p == NULL || (value.p + value.n == p + offset && value.n <= offset - was));
        CHECK(fd_element_find(p, n, syntax, tags[i], &offset_alone, &alone) == code && offset_alone == offset);
        CHECK(alone.p == value.p && alone.n == value.n);
        if (code != FD_ELEMENT_OK)
            return 0;
    }
    return 0;
}
