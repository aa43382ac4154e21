/* VRs of the standard, of repeating groups and of private elements. tests/core/test_vr.py compares them all with
 * the dictionaries. */
#include "fd_vr.h"

#include "check.h"

static const struct {
    uint32_t tag;
    uint16_t vr;
} STANDARD[] = {
    {0x00080005, FD_VR('C', 'S')},
    {0x00100010, FD_VR('P', 'N')},
    {0x7FE00008, FD_VR('O', 'F')},
    {0x7FE00010, FD_VR_OB_OW},
    {0x00280106, FD_VR_US_SS},
    {0x00283006, FD_VR_US_OW},
    {0x60020010, FD_VR('U', 'S')}, /* repeating groups */
    {0x601E3000, FD_VR_OB_OW},
    {0x60F03000, FD_VR_OB_OW},
    {0x50FE0005, FD_VR('U', 'S')},
    {0x002031AB, FD_VR('C', 'S')},
    {0x10100001, FD_VR('U', 'S')},
    {0x00080000, FD_VR('U', 'L')}, /* group lengths */
    {0xFFFC0000, FD_VR('U', 'L')},
    {0x00090000, 0},
    {0x0009000F, 0}, /* private creators */
    {0x00090010, FD_VR('L', 'O')},
    {0x600100FF, FD_VR('L', 'O')},
    {0x00090100, 0},
    {0x60013000, 0},
    {0xFFFEE000, 0}, /* what is no element */
    {0x00001234, 0},
    {0xFFFFFFFF, 0},
};

static uint16_t of_creator(const char *creator, uint32_t tag)
{
    size_t n = strlen(creator);
    uint8_t *copy = copy_of((const uint8_t *)creator, n);
    uint16_t vr = fd_vr_private(copy, n, tag);
    free(copy);
    return vr;
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(STANDARD); i++)
        CHECK(fd_vr_of(STANDARD[i].tag) == STANDARD[i].vr);
    CHECK(of_creator("SIEMENS CSA HEADER", 0x00291010) == FD_VR('O', 'B'));
    CHECK(of_creator("SIEMENS CSA HEADER", 0x0029FF10) == FD_VR('O', 'B'));
    CHECK(of_creator("SIEMENS CSA HEADER ", 0x00291010) == FD_VR('O', 'B'));
    CHECK(of_creator(" SIEMENS CSA HEADER", 0x00291010) == 0);
    CHECK(of_creator("SIEMENS CSA HEADER", 0x00311010) == 0);
    CHECK(of_creator("SIEMENS CSA HEADE", 0x00291010) == 0);
    CHECK(of_creator("PAPYRUS 3.0", 0x60FF1010) != 0); /* any group from 60 on */
    CHECK(of_creator("", 0x00291010) == 0);
    CHECK(of_creator("    ", 0x00291010) == 0);
    struct random_numbers numbers = {5};
    uint8_t name[200];
    for (int i = 0; i < 20000; i++) {
        size_t n = random_below(&numbers, sizeof name);
        for (size_t j = 0; j < n; j++)
            name[j] = (uint8_t)random_below(&numbers, 256);
        uint8_t *copy = copy_of(name, n);
        (void)fd_vr_private(copy, n, (uint32_t)random_below(&numbers, UINT32_MAX));
        (void)fd_vr_of((uint32_t)random_below(&numbers, UINT32_MAX));
        free(copy);
    }
    return 0;
}
