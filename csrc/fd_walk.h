/* The walk over an encoded data set: where its elements stand, PS3.5 7.1 and 7.5. Values are not looked into.
 *
 * Two walks in one: an index of the elements (or items, or fragments) at the level where it begins, in which
 * what has a defined length is skipped by it; or a record of every element at every level. What nests is on a
 * stack of fixed depth. A peer's mistakes end the walk with a code, and `problem` says where. */
#ifndef FD_WALK_H
#define FD_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "fd_bytes.h"
#include "fd_vr.h"

#define FD_WALK_UNDEFINED_LENGTH UINT32_C(0xFFFFFFFF)
#define FD_WALK_DEPTH_MOST 255
#define FD_WALK_CREATORS_MOST 256

enum {
    FD_WALK_DONE = 0,
    FD_WALK_FULL = 1,        /* no room for the next record: give more and call again */
    FD_WALK_STOPPED = 2,     /* the stop tag, or a higher one, is next */
    FD_WALK_E_HEADER = -1,   /* the end comes before the end of a header */
    FD_WALK_E_VALUE = -2,    /* the end comes before the end of a value */
    FD_WALK_E_UNCLOSED = -3, /* an undefined length has no delimitation item */
    FD_WALK_E_NO_ITEM = -4,  /* something else where an item must be */
    FD_WALK_E_STRAY = -5,    /* an item or a delimitation item where an element must be */
    FD_WALK_E_FRAGMENT = -6, /* a fragment of undefined length */
    FD_WALK_E_DEPTH = -7,    /* more levels than maximum_depth */
    FD_WALK_E_ELEMENTS = -8  /* more elements, items and fragments than maximum_elements */
};

/* What a level is made of. */
enum fd_walk_kind {
    FD_WALK_DATA_SET,
    FD_WALK_SEQUENCE,
    FD_WALK_ITEM,
    FD_WALK_FRAGMENTS
};

enum {
    FD_WALK_IS_LONG = 1,      /* of a record: a header of 12 bytes, not of 8 */
    FD_WALK_IS_UNDEFINED = 2, /* an undefined length: 8 bytes of delimitation item are behind the value */
    FD_WALK_IS_SEQUENCE = 4,  /* of a record: of undefined length, and it has items */
    FD_WALK_IS_FRAGMENTS = 8, /* of a record: of undefined length, and it has fragments */
    FD_WALK_IS_IMPLICIT = 16,
    FD_WALK_IS_BIG = 32
};

struct fd_record {
    uint64_t offset;       /* of the header */
    uint64_t value_length; /* without a delimitation item */
    uint32_t tag;          /* group in the upper half */
    uint16_t vr;           /* FD_VR, or 0: implicit, or an item; a record of everything has it looked up */
    uint8_t depth;         /* how many sequences it is in */
    uint8_t flags;
};

struct fd_walk_frame {
    uint64_t end;      /* behind the value, or of the frame around when its length is undefined */
    uint32_t record;   /* which record gets the length */
    uint32_t tag;
    uint16_t creators; /* how many private creators there were before */
    uint8_t kind;
    uint8_t flags;
};

struct fd_walk_creator {
    uint32_t block; /* group << 8 | block */
    uint32_t n;
    const uint8_t *p;
};

struct fd_walk {
    /* set by the caller, after fd_walk_begin */
    uint32_t stop_tag; /* an index ends before the first element with this tag or a higher one; 0: never */
    uint32_t maximum_depth;
    uint32_t maximum_elements;
    int is_whole; /* record every level */

    const uint8_t *p;
    uint64_t offset; /* how far the walk has come */
    size_t count;    /* records made */
    uint32_t elements;
    uint32_t level;
    uint32_t creator_count;
    int is_ascending; /* at level 0, no tag twice */
    uint32_t last_tag;
    struct {
        uint64_t offset;
        uint32_t tag; /* 0: not known */
        uint64_t value;
        uint64_t limit;
    } problem;
    struct fd_walk_frame frames[2 * FD_WALK_DEPTH_MOST + 2];
    struct fd_walk_creator creators[FD_WALK_CREATORS_MOST];
};

static inline uint64_t fd_record_value(const struct fd_record *record)
{
    return record->offset + (record->flags & FD_WALK_IS_LONG ? 12 : 8);
}

static inline uint64_t fd_record_end(const struct fd_record *record)
{
    return fd_record_value(record) + record->value_length + (record->flags & FD_WALK_IS_UNDEFINED ? 8 : 0);
}

/* Whether the data set at p is in implicit VR, whatever was said of it. Writers mix them up; an element with
 * less than two letters as its length tells. An item said to be implicit is. */
int fd_walk_is_implicit(const uint8_t *p, size_t n, int is_implicit, int is_item);

/* The encoding (FD_WALK_IS_IMPLICIT, FD_WALK_IS_BIG) of a sequence in UN, whose value is at p. PS3.5 6.2.2
 * says implicit little endian; some keep the encoding around it, which flags says. */
int fd_walk_unknown_flags(const uint8_t *p, size_t n, int flags);

/* Begin at p[begin]; the end is before p[end]. Flags: FD_WALK_IS_IMPLICIT, FD_WALK_IS_BIG. */
void fd_walk_begin(struct fd_walk *walk, const uint8_t *p, uint64_t begin, uint64_t end,
                   enum fd_walk_kind kind, int flags);

/* Walk on. FD_WALK_DONE, FD_WALK_STOPPED, FD_WALK_FULL, or what is wrong. When it is called again, the
 * records that were made are still the first in the array; only room may grow. */
int fd_walk_on(struct fd_walk *walk, struct fd_record *records, size_t room);

#endif
