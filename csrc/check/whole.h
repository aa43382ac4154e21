/* A data set walked over and transcoded at once, for the checks and the fuzz target: as the bindings do it, but
 * with as little room at a time as there may be. */
#ifndef FD_CHECK_WHOLE_H
#define FD_CHECK_WHOLE_H

#include "fd_swap.h"
#include "fd_transcode.h"

#include "check.h"

#define RECORDS_MOST 2048

struct whole {
    int walked; /* what fd_walk_on said */
    int code;   /* what fd_transcode_on said */
    uint8_t *p; /* what was written, to be freed */
    size_t n;
};

static inline void join(const struct fd_transcode *transcode, const uint8_t *p, struct whole *whole)
{
    size_t used = 0;
    whole->n = 0;
    whole->p = malloc((size_t)transcode->written + 1);
    CHECK(whole->p != NULL);
    for (size_t i = 0; i <= transcode->cut_count; i++) {
        const struct fd_cut *cut = i < transcode->cut_count ? &transcode->cuts[i] : NULL;
        size_t end = cut != NULL ? (size_t)cut->arena : transcode->used;
        CHECK(end >= used && end <= transcode->used && end - used <= transcode->written - whole->n);
        memcpy(whole->p + whole->n, transcode->arena + used, end - used);
        whole->n += end - used;
        used = end;
        if (cut == NULL)
            break;
        CHECK(cut->length <= transcode->written - whole->n);
        fd_swap(whole->p + whole->n, p + cut->offset, (size_t)cut->length, (unsigned)cut->unit);
        whole->n += (size_t)cut->length;
    }
    CHECK(whole->n == transcode->written);
}

static inline void write_whole(struct fd_transcode *transcode, const uint8_t *p, struct whole *whole)
{
    transcode->arena = NULL;
    transcode->room = 0;
    transcode->cuts = NULL;
    transcode->cut_room = 0;
    do {
        transcode->room = transcode->used + FD_TRANSCODE_ROOM;
        transcode->arena = realloc(transcode->arena, transcode->room);
        transcode->cut_room = transcode->cut_count + 1;
        transcode->cuts = realloc(transcode->cuts, transcode->cut_room * sizeof *transcode->cuts);
        CHECK(transcode->arena != NULL && transcode->cuts != NULL);
        whole->code = fd_transcode_on(transcode);
        CHECK(transcode->used <= transcode->room && transcode->cut_count <= transcode->cut_room);
    } while (whole->code == FD_TRANSCODE_FULL || whole->code == FD_TRANSCODE_FULL_CUTS);
    if (whole->code == FD_TRANSCODE_DONE)
        join(transcode, p, whole);
    free(transcode->arena);
    free(transcode->cuts);
}

/* Flags: FD_WALK_IS_IMPLICIT, FD_WALK_IS_BIG. */
static inline struct whole transcode_whole(const uint8_t *p, size_t n, int from, int to)
{
    static struct fd_walk walk;
    static struct fd_transcode transcode;
    static struct fd_record records[RECORDS_MOST];
    struct whole whole = {0, 0, NULL, 0};
    fd_walk_begin(&walk, p, 0, n, FD_WALK_DATA_SET, from);
    walk.maximum_depth = 64;
    walk.maximum_elements = RECORDS_MOST;
    walk.is_whole = 1;
    whole.walked = fd_walk_on(&walk, records, RECORDS_MOST);
    if (whole.walked != FD_WALK_DONE)
        return whole;
    fd_transcode_begin(&transcode, p, records, walk.count, to & FD_WALK_IS_IMPLICIT, to & FD_WALK_IS_BIG);
    write_whole(&transcode, p, &whole);
    return whole;
}

#endif
