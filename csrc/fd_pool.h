/* Memory for data sets, kept for the next data set instead of being given back page by page.
 *
 * A fresh block of the size of an image costs a page fault every 4 KiB; a used one costs none.
 * A pool is shared by the associations of an AE and has no lock: each slot is exchanged atomically.
 * What it keeps is bounded by a number of slots and a number of bytes.
 *
 * What is in use is counted, and may have a budget. Who asks for memory within it and is refused waits until some
 * is given back. One block at a time may grow beyond it, so that something is finished and given back even when
 * all of the budget is in blocks that want to grow. */
#ifndef FD_POOL_H
#define FD_POOL_H

#include <stddef.h>
#include <stdint.h>

#define FD_POOL_SLOTS 32
#define FD_POOL_FULL 1 /* there is memory, but no room in the budget */
#define FD_BLOCK_MINIMUM ((size_t)16384)

struct fd_pool {
    void *volatile slots[FD_POOL_SLOTS];
    volatile int64_t kept; /* bytes in the slots */
    int64_t limit;         /* bytes that may be in the slots */
    volatile int64_t used;   /* bytes in blocks that have been taken */
    volatile int64_t budget; /* for these; 0 for none */
    void *volatile beyond;   /* not NULL while there is a block that may grow beyond the budget */
};

/* A block of memory; p is NULL when there is none. */
struct fd_block {
    uint8_t *p;
    size_t capacity;
};

void fd_pool_open(struct fd_pool *pool, int64_t limit);

/* Free what the pool keeps. */
void fd_pool_close(struct fd_pool *pool);

/* A block of at least n bytes. -1: no memory. */
int fd_pool_take(struct fd_pool *pool, size_t n, struct fd_block *block);

/* Make room for at least n bytes, keeping what the block holds. -1: no memory, the block is as it was. */
int fd_pool_grow(struct fd_pool *pool, struct fd_block *block, size_t n);

/* The same two within the budget: FD_POOL_FULL when they have to wait. A block that is taken within it when
 * there is no room is the one that may go beyond it, if there is none yet. */
int fd_pool_take_within(struct fd_pool *pool, size_t n, struct fd_block *block);
int fd_pool_grow_within(struct fd_pool *pool, struct fd_block *block, size_t n);

/* Whether n bytes more may be had, as of now. */
int fd_pool_has_room(struct fd_pool *pool, size_t n);

/* Give up what a block has far beyond n bytes: whoever keeps them should not keep that as well. */
void fd_pool_fit(struct fd_pool *pool, struct fd_block *block, size_t n);

/* Hand the block back: kept if there is room, else freed. */
void fd_pool_give(struct fd_pool *pool, struct fd_block *block);

#endif
