/* The VR of an element that is encoded without one: PS3.6, and the private elements that pydicom knows. */
#ifndef FD_VR_H
#define FD_VR_H

#include <stddef.h>
#include <stdint.h>

/* A VR is a number: its letters, the first in the upper half. */
#define FD_VR(a, b) ((uint16_t)((a) << 8 | (b)))

/* Other elements of the data set decide. These are below every pair of letters. */
enum {
    FD_VR_US_SS = 1,
    FD_VR_OB_OW = 2,
    FD_VR_US_SS_OW = 3,
    FD_VR_US_OW = 4
};

#define FD_VR_BIT(letter) (UINT32_C(1) << ((letter) - 'A'))

/* PS3.5 Table 7.1-1: whether two reserved bytes and a length of 32 bits follow the VR. */
static inline int fd_vr_has_long_header(uint16_t vr)
{
    /* second letters by the first */
    static const uint32_t seconds[26] = {
        ['O' - 'A'] = FD_VR_BIT('B') | FD_VR_BIT('D') | FD_VR_BIT('F') | FD_VR_BIT('L') | FD_VR_BIT('V') |
                      FD_VR_BIT('W'),
        ['S' - 'A'] = FD_VR_BIT('Q') | FD_VR_BIT('V'),
        ['U' - 'A'] = FD_VR_BIT('C') | FD_VR_BIT('N') | FD_VR_BIT('R') | FD_VR_BIT('T') | FD_VR_BIT('V'),
    };
    unsigned first = (unsigned)(vr >> 8) - 'A', second = (unsigned)(vr & 0xFF) - 'A';
    return first < 26 && second < 26 && (seconds[first] >> second & 1);
}

/* The VR of an element of the standard: group lengths are UL, private creators (gggg,0010-00FF) LO.
 * 0: it is not known, or private, which goes for the lengths of private groups as well. */
uint16_t fd_vr_of(uint32_t tag);

/* The VR of a private element (gggg,xxee) in a block that belongs to this creator; trailing padding of its
 * name does not count. 0: it is not known. */
uint16_t fd_vr_private(const uint8_t *creator, size_t n, uint32_t tag);

/* The table. */
struct fd_vr_mask {
    uint32_t tag, mask;
    uint16_t vr;
};

struct fd_vr_creator {
    uint16_t text;     /* where its name begins: it ends where the next begins */
    uint16_t first[3]; /* its keys: whole tags, tags without the block, and without half of the group */
};

extern const uint16_t fd_vr_codes[];
extern const uint16_t fd_vr_page_slots[];
extern const uint32_t fd_vr_page_keys[];
extern const uint8_t fd_vr_pages[];
extern const size_t fd_vr_mask_count;
extern const struct fd_vr_mask fd_vr_masks[];
extern const uint16_t fd_vr_creator_slots[];
extern const struct fd_vr_creator fd_vr_creators[];
extern const uint8_t fd_vr_creator_text[];
extern const uint32_t fd_vr_private_keys[];
extern const uint8_t fd_vr_private_vrs[];

#endif
