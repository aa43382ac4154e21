#include "fd_vr.h"

#include <string.h>

/* As in tools/make_vr_table.py. */
enum {
    PAGE_BITS = 4,
    PAGE_SLOT_BITS = 12,
    CREATOR_SLOT_BITS = 10,
    MAXIMUM_CREATOR = 128 /* a longer name is not in the table, and not worth a hash */
};

static uint32_t slot_of(uint32_t key, unsigned bits)
{
    return (uint32_t)(key * UINT32_C(0x9E3779B1)) >> (32 - bits);
}

static uint16_t in_pages(uint32_t tag)
{
    uint32_t key = tag >> PAGE_BITS;
    uint32_t slot = slot_of(key, PAGE_SLOT_BITS);
    uint16_t position;
    while ((position = fd_vr_page_slots[slot]) != 0) {
        if (fd_vr_page_keys[position - 1] == key) {
            size_t page = (size_t)(position - 1) << PAGE_BITS;
            return fd_vr_codes[fd_vr_pages[page + (tag & ((1U << PAGE_BITS) - 1))]];
        }
        slot = (slot + 1) & ((1U << PAGE_SLOT_BITS) - 1);
    }
    return 0;
}

uint16_t fd_vr_of(uint32_t tag)
{
    uint32_t group = tag >> 16;
    uint32_t element = tag & 0xFFFF;
    if (group & 1)
        return element >= 0x10 && element <= 0xFF ? FD_VR('L', 'O') : 0;
    uint16_t vr = in_pages(tag);
    if (vr != 0)
        return vr;
    /* PS3.5 7.6: repeating groups are in the table once */
    if (group >> 8 == 0x50 || group >> 8 == 0x60 || group >> 8 == 0x7F)
        vr = in_pages(tag & 0xFF00FFFF);
    for (size_t i = 0; vr == 0 && i < fd_vr_mask_count; i++)
        if ((tag & fd_vr_masks[i].mask) == fd_vr_masks[i].tag)
            vr = fd_vr_masks[i].vr;
    return vr == 0 && element == 0 ? FD_VR('U', 'L') : vr;
}

/* 1 more than the position of a private creator, 0 when it is not known. */
static uint16_t find_creator(const uint8_t *creator, size_t n)
{
    uint32_t hash = UINT32_C(0x811C9DC5);
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ creator[i]) * UINT32_C(0x01000193);
    uint32_t slot = slot_of(hash, CREATOR_SLOT_BITS);
    uint16_t position;
    while ((position = fd_vr_creator_slots[slot]) != 0) {
        const struct fd_vr_creator *row = fd_vr_creators + position - 1;
        if ((size_t)(row[1].text - row[0].text) == n && memcmp(fd_vr_creator_text + row->text, creator, n) == 0)
            return position;
        slot = (slot + 1) & ((1U << CREATOR_SLOT_BITS) - 1);
    }
    return 0;
}

static uint16_t in_keys(size_t begin, size_t end, uint32_t key)
{
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (fd_vr_private_keys[middle] == key)
            return fd_vr_codes[fd_vr_private_vrs[middle]];
        if (fd_vr_private_keys[middle] < key)
            begin = middle + 1;
        else
            end = middle;
    }
    return 0;
}

uint16_t fd_vr_private(const uint8_t *creator, size_t n, uint32_t tag)
{
    while (n > 0 && (creator[n - 1] == ' ' || creator[n - 1] == 0))
        n--;
    uint16_t position = n > 0 && n <= MAXIMUM_CREATOR ? find_creator(creator, n) : 0;
    if (position == 0)
        return 0;
    const struct fd_vr_creator *row = fd_vr_creators + position - 1;
    uint16_t vr = in_keys(row[0].first[0], row[0].first[1], tag);
    if (vr == 0)
        vr = in_keys(row[0].first[1], row[0].first[2], tag & 0xFFFF00FF);
    return vr != 0 ? vr : in_keys(row[0].first[2], row[1].first[0], tag & 0xFF0000FF);
}
