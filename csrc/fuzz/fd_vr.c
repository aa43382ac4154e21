/* VRs: any tag and any creator have one that there is, or none, and padding of the creator does not count. */
#include "fd_vr.h"

#include "../check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_vr(uint16_t vr)
{
    uint8_t first = (uint8_t)(vr >> 8);
    uint8_t second = (uint8_t)vr;
    CHECK(vr <= FD_VR_US_OW || (first >= 'A' && first <= 'U' && second >= 'A' && second <= 'W'));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n < 4)
        return 0;
    uint32_t tag = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    uint16_t vr = fd_vr_private(p + 4, n - 4, tag);
    check_vr(fd_vr_of(tag));
    check_vr(vr);
    uint8_t *padded = malloc(n + 2);
    CHECK(padded != NULL);
    memcpy(padded, p + 4, n - 4);
    memcpy(padded + n - 4, " \0", 2);
    CHECK(fd_vr_private(padded, n - 2, tag) == vr);
    free(padded);
    return 0;
}
