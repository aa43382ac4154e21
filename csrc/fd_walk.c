#include "fd_walk.h"

#define NO_RECORD UINT32_MAX

#define ITEM UINT32_C(0xFFFEE000)
#define ITEM_DELIMITATION UINT32_C(0xFFFEE00D)
#define SEQUENCE_DELIMITATION UINT32_C(0xFFFEE0DD)

/* A header as it stands. */
struct header {
    uint32_t tag;
    uint16_t vr; /* 0: none there */
    uint8_t length;
    uint32_t value_length;
};

static inline uint32_t load16(const uint8_t *p, int is_big)
{
    return is_big ? (uint32_t)(p[0] << 8 | p[1]) : fd_load_le16(p);
}

static inline uint32_t load32(const uint8_t *p, int is_big)
{
    return is_big ? fd_load_be32(p) : fd_load_le32(p);
}

static inline uint32_t load_tag(const uint8_t *p, int is_big)
{
    return load16(p, is_big) << 16 | load16(p + 2, is_big);
}

static inline int are_letters(const uint8_t *p)
{
    return p[0] - 'A' >= 0 && p[0] <= 'Z' && p[1] - 'A' >= 0 && p[1] <= 'Z';
}

static int fail(struct fd_walk *walk, int code, uint32_t tag, uint64_t value, uint64_t limit)
{
    walk->problem.offset = walk->offset;
    walk->problem.tag = tag;
    walk->problem.value = value;
    walk->problem.limit = limit;
    return code;
}

int fd_walk_is_implicit(const uint8_t *p, size_t n, int is_implicit, int is_item)
{
    if (n < 6 || (is_implicit && is_item))
        return is_implicit;
    return !are_letters(p + 4);
}

int fd_walk_unknown_flags(const uint8_t *p, size_t n, int flags)
{
    if (n < 4)
        return FD_WALK_IS_IMPLICIT;
    int is_big = (load_tag(p, 1) >> 16) == 0xFFFE;
    /* The first item that is not empty shows it. */
    while (n >= 16 && load_tag(p, is_big) == ITEM && load32(p + 4, is_big) == 0) {
        p += 8;
        n -= 8;
    }
    int is_implicit = (flags & FD_WALK_IS_IMPLICIT) || n < 14 || !are_letters(p + 12);
    return (is_implicit ? FD_WALK_IS_IMPLICIT : 0) | (is_big ? FD_WALK_IS_BIG : 0);
}

void fd_walk_begin(struct fd_walk *walk, const uint8_t *p, uint64_t begin, uint64_t end,
                   enum fd_walk_kind kind, int flags)
{
    walk->stop_tag = 0;
    walk->is_whole = 0;
    walk->p = p;
    walk->offset = begin;
    walk->count = 0;
    walk->elements = 0;
    walk->level = 0;
    walk->creator_count = 0;
    walk->is_ascending = 1;
    walk->last_tag = 0;
    walk->frames[0].end = end;
    walk->frames[0].record = NO_RECORD;
    walk->frames[0].tag = 0;
    walk->frames[0].creators = 0;
    walk->frames[0].kind = (uint8_t)kind;
    walk->frames[0].flags = (uint8_t)flags;
}

/* The header of the element at p, which has 8 bytes at least; 0 when it has too few. */
static inline int load_header(const uint8_t *p, uint64_t left, int flags, struct header *header)
{
    int is_big = flags & FD_WALK_IS_BIG;
    header->tag = load_tag(p, is_big);
    header->length = 8;
    /* Some writers change to implicit VR within a data set: what is no VR is a length. */
    if ((flags & FD_WALK_IS_IMPLICIT) || !are_letters(p + 4) || header->tag >> 16 == 0xFFFE) {
        header->vr = 0;
        header->value_length = load32(p + 4, is_big);
        return 1;
    }
    header->vr = FD_VR(p[4], p[5]);
    if (!fd_vr_has_long_header(header->vr)) {
        header->value_length = load16(p + 6, is_big);
        return 1;
    }
    if (left < 12)
        return 0;
    header->length = 12;
    header->value_length = load32(p + 8, is_big);
    return 1;
}

static inline void record(struct fd_walk *walk, struct fd_record *records, const struct header *header,
                          uint16_t vr, int flags)
{
    struct fd_record *made = &records[walk->count++];
    made->offset = walk->offset;
    made->value_length = header->value_length;
    made->tag = header->tag;
    made->vr = vr;
    made->depth = (uint8_t)((walk->level + 1) / 2);
    made->flags = (uint8_t)(flags | (header->length == 12 ? FD_WALK_IS_LONG : 0));
}

/* Go down into what the header is of. */
static void enter(struct fd_walk *walk, const struct header *header, enum fd_walk_kind kind, int flags,
                  int is_recorded)
{
    const struct fd_walk_frame *around = &walk->frames[walk->level];
    struct fd_walk_frame *frame = &walk->frames[++walk->level];
    walk->offset += header->length;
    int is_undefined = header->value_length == FD_WALK_UNDEFINED_LENGTH;
    frame->end = is_undefined ? around->end : walk->offset + header->value_length;
    frame->record = is_recorded ? (uint32_t)(walk->count - 1) : NO_RECORD;
    frame->tag = header->tag;
    frame->creators = (uint16_t)walk->creator_count;
    frame->kind = (uint8_t)kind;
    frame->flags = (uint8_t)(flags | (is_undefined ? FD_WALK_IS_UNDEFINED : 0));
}

/* Go up at the delimitation item at the offset. */
static void close(struct fd_walk *walk, struct fd_record *records)
{
    const struct fd_walk_frame *frame = &walk->frames[walk->level];
    if (frame->record != NO_RECORD && (frame->flags & FD_WALK_IS_UNDEFINED)) {
        struct fd_record *opened = &records[frame->record];
        opened->value_length = walk->offset - fd_record_value(opened);
    }
    walk->offset += 8;
    walk->creator_count = frame->creators;
    walk->level--;
}

/* Count what begins at the offset; there must be room for its record. */
static inline int count(struct fd_walk *walk, size_t room, int is_recorded, uint32_t tag)
{
    if (is_recorded && walk->count == room)
        return FD_WALK_FULL;
    if (walk->elements >= walk->maximum_elements)
        return fail(walk, FD_WALK_E_ELEMENTS, tag, (uint64_t)walk->elements + 1, walk->maximum_elements);
    walk->elements++;
    return FD_WALK_DONE;
}

static uint16_t vr_by_creator(const struct fd_walk *walk, uint32_t tag)
{
    uint32_t block = tag >> 16 << 8 | (tag >> 8 & 0xFF);
    for (uint32_t i = walk->creator_count; i > walk->frames[walk->level].creators; i--) {
        const struct fd_walk_creator *creator = &walk->creators[i - 1];
        if (creator->block == block)
            return fd_vr_private(creator->p, creator->n, tag);
    }
    return 0;
}

/* The VR of an element that says none, or UN, as the dictionaries know it. */
static uint16_t look_up(struct fd_walk *walk, const struct header *header)
{
    uint32_t element = header->tag & 0xFFFF;
    int is_private = header->tag >> 16 & 1;
    if (header->vr == FD_VR('U', 'N') && !is_private && header->value_length >= 0xFFFF)
        return header->vr;
    uint16_t vr = is_private && element >= 0x1000 ? vr_by_creator(walk, header->tag) : fd_vr_of(header->tag);
    return vr != 0 ? vr : FD_VR('U', 'N');
}

static void note_creator(struct fd_walk *walk, const struct header *header)
{
    uint32_t element = header->tag & 0xFFFF;
    if (!(header->tag >> 16 & 1) || element < 0x10 || element > 0xFF)
        return;
    if (walk->creator_count == FD_WALK_CREATORS_MOST)
        return;
    struct fd_walk_creator *creator = &walk->creators[walk->creator_count++];
    creator->block = header->tag >> 16 << 8 | element;
    creator->n = header->value_length;
    creator->p = walk->p + walk->offset + header->length;
}

static int enter_sequence(struct fd_walk *walk, struct fd_record *records, const struct header *header,
                          uint16_t vr, uint64_t left, int is_recorded)
{
    int around = walk->frames[walk->level].flags & (FD_WALK_IS_IMPLICIT | FD_WALK_IS_BIG);
    int inside = around;
    const uint8_t *value = walk->p + walk->offset + header->length;
    if ((walk->level + 1) / 2 >= walk->maximum_depth)
        return fail(walk, FD_WALK_E_DEPTH, header->tag, (walk->level + 1) / 2 + 1, walk->maximum_depth);
    if (header->vr == FD_VR('U', 'N'))
        inside = fd_walk_unknown_flags(value, (size_t)(left - header->length), around);
    int is_undefined = header->value_length == FD_WALK_UNDEFINED_LENGTH;
    if (is_recorded)
        record(walk, records, header, vr,
               around | (header->vr == 0 ? FD_WALK_IS_IMPLICIT : 0) |
                   (is_undefined ? FD_WALK_IS_UNDEFINED | FD_WALK_IS_SEQUENCE : 0));
    enter(walk, header, FD_WALK_SEQUENCE, inside, is_recorded);
    return FD_WALK_DONE;
}

static int step_undefined(struct fd_walk *walk, struct fd_record *records, const struct header *header,
                          uint64_t left, int is_recorded)
{
    int flags = walk->frames[walk->level].flags & (FD_WALK_IS_IMPLICIT | FD_WALK_IS_BIG);
    uint16_t vr = header->vr != 0 ? header->vr : fd_vr_of(header->tag);
    int is_sequence = vr == FD_VR('S', 'Q') || vr == FD_VR('U', 'N');
    if (vr == 0) {
        /* What is not known is a sequence when it has an item. */
        const uint8_t *value = walk->p + walk->offset + header->length;
        is_sequence = left - header->length < 4 || load_tag(value, flags & FD_WALK_IS_BIG) == ITEM;
        vr = FD_VR('U', 'N');
    }
    if (is_sequence)
        return enter_sequence(walk, records, header, walk->is_whole ? FD_VR('S', 'Q') : header->vr, left,
                              is_recorded);
    if (is_recorded)
        record(walk, records, header, walk->is_whole ? vr : header->vr,
               flags | (header->vr == 0 ? FD_WALK_IS_IMPLICIT : 0) | FD_WALK_IS_UNDEFINED |
                   FD_WALK_IS_FRAGMENTS);
    enter(walk, header, FD_WALK_FRAGMENTS, flags, is_recorded);
    return FD_WALK_DONE;
}

/* An item or delimitation item where elements are. */
static int step_delimitation(struct fd_walk *walk, struct fd_record *records, const struct header *header,
                             uint64_t left)
{
    const struct fd_walk_frame *frame = &walk->frames[walk->level];
    if (header->tag == ITEM_DELIMITATION && frame->kind == FD_WALK_ITEM &&
        ((frame->flags & FD_WALK_IS_UNDEFINED) || left == 8)) {
        close(walk, records);
        return FD_WALK_DONE;
    }
    if (header->tag != SEQUENCE_DELIMITATION || header->value_length != 0)
        return fail(walk, FD_WALK_E_STRAY, header->tag, header->value_length, 0);
    /* Some writers end a sequence of defined length with one; it is passed over. */
    walk->offset += 8;
    return FD_WALK_DONE;
}

/* No element, but what makes a message even (PS3.8 E.1). */
static int is_padding(const uint8_t *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0)
        n--;
    return n == 0;
}

static inline int step_element(struct fd_walk *walk, struct fd_record *records, size_t room)
{
    const struct fd_walk_frame *frame = &walk->frames[walk->level];
    const uint8_t *p = walk->p + walk->offset;
    uint64_t left = frame->end - walk->offset;
    int is_recorded = walk->level == 0 || walk->is_whole;
    struct header header;
    if (walk->level == 0 && walk->stop_tag != 0 && left >= 4) {
        uint32_t tag = load_tag(p, frame->flags & FD_WALK_IS_BIG);
        if (tag >= walk->stop_tag && tag >> 16 != 0xFFFE)
            return FD_WALK_STOPPED;
    }
    if (left < 8 && walk->level == 0 && frame->kind == FD_WALK_DATA_SET && is_padding(p, (size_t)left)) {
        walk->offset = frame->end;
        return FD_WALK_DONE;
    }
    if (left < 8 || !load_header(p, left, frame->flags, &header))
        return fail(walk, FD_WALK_E_HEADER, left < 4 ? 0 : load_tag(p, frame->flags & FD_WALK_IS_BIG), left,
                    left < 8 ? 8 : 12);
    if (header.tag >> 16 == 0xFFFE)
        return step_delimitation(walk, records, &header, left);
    int code = count(walk, room, is_recorded, header.tag);
    if (code != FD_WALK_DONE)
        return code;
    if (walk->level == 0) {
        if (header.tag <= walk->last_tag && walk->count != 0)
            walk->is_ascending = 0;
        walk->last_tag = header.tag;
    }
    if (header.value_length == FD_WALK_UNDEFINED_LENGTH)
        return step_undefined(walk, records, &header, left, is_recorded);
    if (header.value_length > left - header.length)
        return fail(walk, FD_WALK_E_VALUE, header.tag, header.value_length, left - header.length);
    uint16_t vr = header.vr;
    if (walk->is_whole) {
        if (vr == 0 || vr == FD_VR('U', 'N'))
            vr = look_up(walk, &header);
        if (vr == FD_VR('S', 'Q'))
            return enter_sequence(walk, records, &header, vr, (uint64_t)header.length + header.value_length,
                                  is_recorded);
        note_creator(walk, &header);
    }
    if (is_recorded)
        record(walk, records, &header, vr,
               (frame->flags & (FD_WALK_IS_IMPLICIT | FD_WALK_IS_BIG)) |
                   (header.vr == 0 ? FD_WALK_IS_IMPLICIT : 0));
    walk->offset += (uint64_t)header.length + header.value_length;
    return FD_WALK_DONE;
}

/* The next item of a sequence or fragment, or the delimitation item behind the last. */
static int step_item(struct fd_walk *walk, struct fd_record *records, size_t room)
{
    struct fd_walk_frame *frame = &walk->frames[walk->level];
    const uint8_t *p = walk->p + walk->offset;
    uint64_t left = frame->end - walk->offset;
    int flags = frame->flags & (FD_WALK_IS_IMPLICIT | FD_WALK_IS_BIG);
    int are_fragments = frame->kind == FD_WALK_FRAGMENTS;
    int is_recorded = walk->level == 0 || (walk->is_whole && !are_fragments);
    if (left < 8)
        return fail(walk, FD_WALK_E_HEADER, 0, left, 8);
    struct header header = {load_tag(p, flags & FD_WALK_IS_BIG), 0, 8, load32(p + 4, flags & FD_WALK_IS_BIG)};
    if (header.tag == SEQUENCE_DELIMITATION) {
        if (walk->level == 0) {
            frame->end = walk->offset;
            frame->flags = 0;
            return FD_WALK_DONE;
        }
        if (!(frame->flags & FD_WALK_IS_UNDEFINED))
            walk->offset = frame->end - 8; /* what is behind it in a defined length is nobody's */
        close(walk, records);
        return FD_WALK_DONE;
    }
    if (header.tag != ITEM)
        return fail(walk, FD_WALK_E_NO_ITEM, header.tag, header.value_length, 0);
    int code = count(walk, room, is_recorded, header.tag);
    if (code != FD_WALK_DONE)
        return code;
    int is_undefined = header.value_length == FD_WALK_UNDEFINED_LENGTH;
    if (is_undefined && are_fragments)
        return fail(walk, FD_WALK_E_FRAGMENT, header.tag, header.value_length, left - 8);
    if (!is_undefined && header.value_length > left - 8)
        return fail(walk, FD_WALK_E_VALUE, header.tag, header.value_length, left - 8);
    if (is_recorded)
        record(walk, records, &header, 0, flags | (is_undefined ? FD_WALK_IS_UNDEFINED : 0));
    if (!is_undefined && (are_fragments || !walk->is_whole)) {
        walk->offset += 8 + (uint64_t)header.value_length;
        return FD_WALK_DONE;
    }
    size_t n = (size_t)(is_undefined ? left - 8 : header.value_length);
    int is_implicit = fd_walk_is_implicit(p + 8, n, flags & FD_WALK_IS_IMPLICIT, 1);
    enter(walk, &header, FD_WALK_ITEM, (flags & FD_WALK_IS_BIG) | (is_implicit ? FD_WALK_IS_IMPLICIT : 0),
          is_recorded);
    return FD_WALK_DONE;
}

int fd_walk_on(struct fd_walk *walk, struct fd_record *records, size_t room)
{
    int code = FD_WALK_DONE;
    while (code == FD_WALK_DONE) {
        const struct fd_walk_frame *frame = &walk->frames[walk->level];
        if (walk->offset == frame->end) {
            if (frame->flags & FD_WALK_IS_UNDEFINED)
                return fail(walk, FD_WALK_E_UNCLOSED, frame->tag, walk->level, 0);
            if (walk->level == 0)
                return FD_WALK_DONE;
            walk->creator_count = frame->creators;
            walk->level--;
            continue;
        }
        if (frame->kind == FD_WALK_SEQUENCE || frame->kind == FD_WALK_FRAGMENTS)
            code = step_item(walk, records, room);
        else
            code = step_element(walk, records, room);
    }
    return code;
}
