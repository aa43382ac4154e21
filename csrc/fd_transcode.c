#include "fd_transcode.h"

#include <string.h>

#include "fd_swap.h"

#define ITEM UINT32_C(0xFFFEE000)
#define ITEM_DELIMITATION UINT32_C(0xFFFEE00D)
#define SEQUENCE_DELIMITATION UINT32_C(0xFFFEE0DD)

#define PIXEL_REPRESENTATION UINT32_C(0x00280103)
#define LUT_DESCRIPTOR UINT32_C(0x00283002)

enum {
    NOT_LOOKED_FOR = -1,
    NOT_THERE = -2
};

/* How many bytes of a value are swapped together, PS3.5 7.3. */
static unsigned unit_of(uint16_t vr)
{
    switch (vr) {
    case FD_VR('A', 'T'):
    case FD_VR('O', 'W'):
    case FD_VR('S', 'S'):
    case FD_VR('U', 'S'):
        return 2;
    case FD_VR('F', 'L'):
    case FD_VR('O', 'F'):
    case FD_VR('O', 'L'):
    case FD_VR('S', 'L'):
    case FD_VR('U', 'L'):
        return 4;
    case FD_VR('F', 'D'):
    case FD_VR('O', 'D'):
    case FD_VR('O', 'V'):
    case FD_VR('S', 'V'):
    case FD_VR('U', 'V'):
        return 8;
    default:
        return 1;
    }
}

static void store16(uint8_t *p, uint32_t value, int is_big)
{
    fd_store_le16(p, is_big ? (uint16_t)((value >> 8 & 0xFF) | (value & 0xFF) << 8) : (uint16_t)value);
}

static void store32(uint8_t *p, uint32_t value, int is_big)
{
    if (is_big)
        fd_store_be32(p, value);
    else
        fd_store_le32(p, value);
}

static uint32_t load16(const uint8_t *p, int is_big)
{
    return is_big ? (uint32_t)(p[0] << 8 | p[1]) : fd_load_le16(p);
}

/* Whether the header says UN: what is in its value is then little endian, PS3.5 6.2.2. */
static int is_unknown(const struct fd_transcode *transcode, const struct fd_record *record)
{
    const uint8_t *p = transcode->p + record->offset;
    return !(record->flags & FD_WALK_IS_IMPLICIT) && p[4] == 'U' && p[5] == 'N';
}

static int is_big_value(const struct fd_transcode *transcode, const struct fd_record *record)
{
    return (record->flags & FD_WALK_IS_BIG) && !is_unknown(transcode, record);
}

void fd_transcode_begin(struct fd_transcode *transcode, const uint8_t *p, const struct fd_record *records,
                        size_t record_count, int is_implicit, int is_big)
{
    transcode->p = p;
    transcode->records = records;
    transcode->record_count = record_count;
    transcode->is_implicit = is_implicit;
    transcode->is_big = is_big;
    transcode->next = 0;
    transcode->used = 0;
    transcode->cut_count = 0;
    transcode->written = 0;
    transcode->level = 0;
    transcode->problem = 0;
    transcode->problem_offset = 0;
    transcode->frames[0].first = 0;
    transcode->frames[0].pixel_representation = NOT_LOOKED_FOR;
    transcode->frames[0].lut_entries = 0;
}

static int fail(struct fd_transcode *transcode, int code, uint32_t tag, uint64_t offset)
{
    transcode->problem = tag;
    transcode->problem_offset = offset;
    return code;
}

static uint8_t *take(struct fd_transcode *transcode, size_t n)
{
    uint8_t *p = transcode->arena + transcode->used;
    transcode->used += n;
    transcode->written += n;
    return p;
}

static void write_tag(const struct fd_transcode *transcode, uint8_t *p, uint32_t tag)
{
    store16(p, tag >> 16, transcode->is_big);
    store16(p + 2, tag & 0xFFFF, transcode->is_big);
}

static void write_short(struct fd_transcode *transcode, uint32_t tag, uint32_t length)
{
    uint8_t *p = take(transcode, 8);
    write_tag(transcode, p, tag);
    store32(p + 4, length, transcode->is_big);
}

static void write_header(struct fd_transcode *transcode, uint32_t tag, uint16_t vr, uint32_t length)
{
    if (transcode->is_implicit) {
        write_short(transcode, tag, length);
        return;
    }
    int is_long = fd_vr_has_long_header(vr);
    uint8_t *p = take(transcode, is_long ? 12 : 8);
    write_tag(transcode, p, tag);
    p[4] = (uint8_t)(vr >> 8);
    p[5] = (uint8_t)vr;
    if (is_long) {
        store16(p + 6, 0, 0);
        store32(p + 8, length, transcode->is_big);
    } else {
        store16(p + 6, length, transcode->is_big);
    }
}

static void open_frame(struct fd_transcode *transcode, const struct fd_record *record)
{
    struct fd_transcode_frame *frame = &transcode->frames[++transcode->level];
    frame->arena = transcode->used - 4;
    frame->begin = transcode->written;
    frame->first = transcode->next + 1;
    frame->tag = record->tag;
    frame->is_undefined = record->flags & FD_WALK_IS_UNDEFINED;
    frame->pixel_representation = NOT_LOOKED_FOR;
    frame->lut_entries = 0;
}

/* End the sequences and items that the next record, or the end, is behind. */
static int close_frames(struct fd_transcode *transcode, uint32_t level)
{
    while (transcode->level > level) {
        const struct fd_transcode_frame *frame = &transcode->frames[transcode->level];
        uint64_t length = transcode->written - frame->begin;
        if (frame->is_undefined) {
            write_short(transcode, frame->tag == ITEM ? ITEM_DELIMITATION : SEQUENCE_DELIMITATION, 0);
        } else {
            if (length >= FD_WALK_UNDEFINED_LENGTH)
                return fail(transcode, FD_TRANSCODE_E_LENGTH, frame->tag,
                            transcode->records[frame->first - 1].offset);
            store32(transcode->arena + frame->arena, (uint32_t)length, transcode->is_big);
        }
        transcode->level--;
    }
    return FD_TRANSCODE_DONE;
}

/* (0028,0103) of the data set or item at this level, or NOT_THERE. The records are looked through once. */
static int pixel_representation_at(struct fd_transcode *transcode, uint32_t level)
{
    struct fd_transcode_frame *frame = &transcode->frames[level];
    if (frame->pixel_representation != NOT_LOOKED_FOR)
        return frame->pixel_representation;
    frame->pixel_representation = NOT_THERE;
    uint32_t depth = level / 2;
    for (size_t i = frame->first; i < transcode->record_count; i++) {
        const struct fd_record *record = &transcode->records[i];
        if (record->depth < depth || (record->depth == depth && record->tag == ITEM))
            break;
        if (record->depth == depth && record->tag == PIXEL_REPRESENTATION) {
            const uint8_t *value = transcode->p + fd_record_value(record);
            if (record->value_length >= 2)
                frame->pixel_representation = load16(value, is_big_value(transcode, record)) != 0;
            break;
        }
    }
    return frame->pixel_representation;
}

static uint16_t resolve_by_representation(struct fd_transcode *transcode)
{
    for (uint32_t level = transcode->level;; level -= 2) {
        int representation = pixel_representation_at(transcode, level);
        if (representation != NOT_THERE)
            return representation ? FD_VR('S', 'S') : FD_VR('U', 'S');
        if (level == 0)
            return FD_VR('U', 'S');
    }
}

/* The VR that is written. PS3.5 Annex A and the notes of PS3.6 Table 6-1 say what an ambiguous one is. */
static uint16_t resolve(struct fd_transcode *transcode, const struct fd_record *record)
{
    switch (record->vr) {
    case FD_VR_US_SS:
        return resolve_by_representation(transcode);
    case FD_VR_US_OW:
        return transcode->frames[transcode->level].lut_entries == 1 ? FD_VR('U', 'S') : FD_VR('O', 'W');
    case FD_VR_OB_OW:
    case FD_VR_US_SS_OW:
        if (is_unknown(transcode, record))
            return FD_VR('U', 'N'); /* nobody knows whether its bytes are words */
        return record->flags & FD_WALK_IS_FRAGMENTS ? FD_VR('O', 'B') : FD_VR('O', 'W');
    default:
        return record->vr;
    }
}

static int write_fragments(struct fd_transcode *transcode, const struct fd_record *record, uint16_t vr)
{
    if (!(record->flags & FD_WALK_IS_BIG) != !transcode->is_big && record->value_length != 0)
        return fail(transcode, FD_TRANSCODE_E_FRAGMENTS, record->tag, record->offset);
    if (vr == FD_VR('U', 'N'))
        vr = FD_VR('S', 'Q'); /* PS3.5 6.2.2; there is no item in it */
    else if (!fd_vr_has_long_header(vr))
        vr = FD_VR('O', 'B'); /* nothing short has a place for an undefined length */
    write_header(transcode, record->tag, vr, FD_WALK_UNDEFINED_LENGTH);
    return FD_TRANSCODE_DONE;
}

static void write_value(struct fd_transcode *transcode, const struct fd_record *record, unsigned unit)
{
    if (record->value_length < FD_TRANSCODE_CUT) {
        uint8_t *to = take(transcode, (size_t)record->value_length);
        fd_swap(to, transcode->p + fd_record_value(record), (size_t)record->value_length, unit);
        return;
    }
    struct fd_cut *cut = &transcode->cuts[transcode->cut_count++];
    cut->arena = transcode->used;
    cut->offset = fd_record_value(record);
    cut->length = record->value_length;
    cut->unit = unit;
    transcode->written += record->value_length;
}

static int write_element(struct fd_transcode *transcode, const struct fd_record *record)
{
    uint16_t vr = resolve(transcode, record);
    unsigned unit = 1;
    if (record->tag == LUT_DESCRIPTOR && record->value_length >= 2)
        transcode->frames[transcode->level].lut_entries =
            load16(transcode->p + fd_record_value(record), is_big_value(transcode, record));
    if (record->flags & FD_WALK_IS_FRAGMENTS) {
        int code = write_fragments(transcode, record, vr);
        if (code != FD_TRANSCODE_DONE)
            return code;
    } else {
        uint16_t was = vr;
        /* PS3.5 6.2.2: a value that is too long for its VR is UN, and little endian */
        if (!transcode->is_implicit && record->value_length > 0xFFFF && !fd_vr_has_long_header(vr))
            vr = FD_VR('U', 'N');
        int is_big = transcode->is_big && vr != FD_VR('U', 'N');
        if (is_big_value(transcode, record) != is_big)
            unit = unit_of(was);
        write_header(transcode, record->tag, vr, (uint32_t)record->value_length);
    }
    write_value(transcode, record, unit);
    if (record->flags & FD_WALK_IS_FRAGMENTS)
        write_short(transcode, SEQUENCE_DELIMITATION, 0);
    return FD_TRANSCODE_DONE;
}

/* Retired group lengths (PS3.5 7.2) would be wrong; those of the groups 0 to 6 have a meaning. */
static int is_group_length(const struct fd_record *record)
{
    return (record->tag & 0xFFFF) == 0 && record->tag >> 16 > 6 && record->vr != FD_VR('S', 'Q');
}

int fd_transcode_on(struct fd_transcode *transcode)
{
    for (; transcode->next < transcode->record_count; transcode->next++) {
        const struct fd_record *record = &transcode->records[transcode->next];
        int is_item = record->tag == ITEM;
        if (transcode->room - transcode->used < FD_TRANSCODE_ROOM)
            return FD_TRANSCODE_FULL;
        if (transcode->cut_count == transcode->cut_room)
            return FD_TRANSCODE_FULL_CUTS;
        int code = close_frames(transcode, 2U * record->depth - (is_item ? 1 : 0));
        if (code != FD_TRANSCODE_DONE)
            return code;
        if (is_group_length(record))
            continue;
        if (is_item || record->vr == FD_VR('S', 'Q')) {
            uint32_t length = record->flags & FD_WALK_IS_UNDEFINED ? FD_WALK_UNDEFINED_LENGTH : 0;
            if (is_item)
                write_short(transcode, ITEM, length);
            else
                write_header(transcode, record->tag, FD_VR('S', 'Q'), length);
            open_frame(transcode, record);
            continue;
        }
        code = write_element(transcode, record);
        if (code != FD_TRANSCODE_DONE)
            return code;
    }
    if (transcode->room - transcode->used < FD_TRANSCODE_ROOM)
        return FD_TRANSCODE_FULL;
    return close_frames(transcode, 0);
}
