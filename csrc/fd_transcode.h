/* An encoded data set in another of the uncompressed transfer syntaxes, PS3.5 7.1, 7.3 and Annex A.
 *
 * The data set has been walked over (fd_walk, is_whole): its records say where all elements are, so nothing is
 * checked here again. What is written goes to an arena that the caller owns; a large value is not copied but
 * noted as a cut, which says where in the arena it belongs and how it is to be swapped. When the arena or the
 * cuts have no room, the caller gives more and calls again. */
#ifndef FD_TRANSCODE_H
#define FD_TRANSCODE_H

#include "fd_walk.h"

enum {
    FD_TRANSCODE_DONE = 0,
    FD_TRANSCODE_FULL = 1,         /* no room in the arena for the next element */
    FD_TRANSCODE_FULL_CUTS = 2,    /* no room for the next cut */
    FD_TRANSCODE_E_FRAGMENTS = -1, /* fragments, which have no other byte order: PS3.5 A.4 */
    FD_TRANSCODE_E_LENGTH = -2     /* a sequence or item gets too long for a defined length */
};

/* Values that are shorter are copied to the arena. */
#define FD_TRANSCODE_CUT 4096

/* The room that the next element may need: its header and value, and delimitation items of all that it ends. */
#define FD_TRANSCODE_ROOM (12 + FD_TRANSCODE_CUT + 8 * (2 * FD_WALK_DEPTH_MOST + 2))

/* A value that is not in the arena. */
struct fd_cut {
    uint64_t arena;  /* it comes before this byte of the arena */
    uint64_t offset; /* where it is in the data set */
    uint64_t length;
    uint64_t unit; /* bytes of a number that is to be swapped; 1: as it is */
};

struct fd_transcode_frame {
    uint64_t arena; /* where the length of 4 bytes is */
    uint64_t begin; /* of the value, in what is written */
    size_t first;   /* the record behind the header */
    uint32_t tag;
    int is_undefined;
    int pixel_representation; /* of an item: 0 or 1, or one of those in fd_transcode.c */
    uint32_t lut_entries;     /* of an item: (0028,3002), first value; 0: not met */
};

struct fd_transcode {
    /* set by the caller, after fd_transcode_begin */
    uint8_t *arena;
    size_t room;
    struct fd_cut *cuts;
    size_t cut_room;

    const uint8_t *p;
    const struct fd_record *records;
    size_t record_count;
    int is_implicit, is_big;
    size_t next; /* record */
    size_t used; /* of the arena */
    size_t cut_count;
    uint64_t written; /* with cuts */
    uint32_t level;
    uint32_t problem; /* the tag of what cannot be written */
    uint64_t problem_offset;
    struct fd_transcode_frame frames[2 * FD_WALK_DEPTH_MOST + 2];
};

void fd_transcode_begin(struct fd_transcode *transcode, const uint8_t *p, const struct fd_record *records,
                        size_t record_count, int is_implicit, int is_big);

/* Write on. FD_TRANSCODE_DONE, one of the two FULL, or what cannot be written. */
int fd_transcode_on(struct fd_transcode *transcode);

#endif
