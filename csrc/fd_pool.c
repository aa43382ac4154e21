#include "fd_pool.h"

#include <stdlib.h>

#include "fd_port.h"

/* In front of each block, so that a slot is a single pointer. 64 bytes keep the data on a cache line. */
#define FD_BLOCK_HEADER 64
#define FD_BLOCK_MOST ((size_t)(SIZE_MAX / 2 - FD_BLOCK_HEADER))

struct header {
    size_t capacity;
    int is_beyond; /* it may grow beyond the budget */
};

static size_t block_capacity(const void *memory)
{
    return ((const struct header *)memory)->capacity;
}

static struct header *header_of(const struct fd_block *block)
{
    return (struct header *)(void *)(block->p - FD_BLOCK_HEADER);
}

static void block_open(void *memory, size_t capacity, int is_beyond, struct fd_block *block)
{
    struct header *header = memory;
    header->capacity = capacity;
    header->is_beyond = is_beyond;
    block->p = (uint8_t *)memory + FD_BLOCK_HEADER;
    block->capacity = capacity;
}

void fd_pool_open(struct fd_pool *pool, int64_t limit)
{
    for (int i = 0; i < FD_POOL_SLOTS; i++)
        pool->slots[i] = NULL;
    pool->kept = 0;
    pool->limit = limit;
    pool->used = 0;
    pool->budget = 0;
    pool->beyond = NULL;
}

/* ---- the budget -------------------------------------------------------------------------------- */

/* Whether so many more may be used. */
static int has_room(struct fd_pool *pool, int64_t used, size_t n)
{
    int64_t budget = fd_atomic_get(&pool->budget);
    return budget == 0 || (used <= budget && n <= (uint64_t)(budget - used));
}

/* Count n bytes, if there is room for them; 1 when that was done. */
static int claim_room(struct fd_pool *pool, size_t n)
{
    for (;;) {
        int64_t used = fd_atomic_get(&pool->used);
        if (!has_room(pool, used, n))
            return 0;
        if (fd_atomic_swap(&pool->used, used, used + (int64_t)n))
            return 1;
    }
}

/* Count n bytes that are about to be used. FD_POOL_FULL when they are too many; *is_beyond says whether that
 * matters, and is set where it does not any more. n fits the memory of this machine. */
static int claim(struct fd_pool *pool, size_t n, int *is_beyond)
{
    if (!*is_beyond && claim_room(pool, n))
        return 0;
    if (!*is_beyond && !fd_atomic_fill(&pool->beyond, pool))
        return FD_POOL_FULL;
    *is_beyond = 1;
    fd_atomic_add(&pool->used, (int64_t)n);
    return 0;
}

/* What was claimed is not used any more. */
static void unclaim(struct fd_pool *pool, size_t n, int is_beyond)
{
    fd_atomic_add(&pool->used, -(int64_t)n);
    if (is_beyond)
        fd_atomic_exchange(&pool->beyond, NULL);
}

int fd_pool_has_room(struct fd_pool *pool, size_t n)
{
    return fd_atomic_load(&pool->beyond) == NULL || has_room(pool, fd_atomic_get(&pool->used), n);
}

/* ---- blocks ------------------------------------------------------------------------------------ */

/* Put memory into a free slot, or free it. */
static void keep_or_free(struct fd_pool *pool, void *memory)
{
    int64_t size = (int64_t)block_capacity(memory);
    if (fd_atomic_add(&pool->kept, size) <= pool->limit) {
        for (int i = 0; i < FD_POOL_SLOTS; i++) {
            if (fd_atomic_load(&pool->slots[i]) == NULL && fd_atomic_fill(&pool->slots[i], memory))
                return;
        }
    }
    fd_atomic_add(&pool->kept, -size);
    free(memory);
}

static void *take_slot(struct fd_pool *pool, int i)
{
    if (fd_atomic_load(&pool->slots[i]) == NULL)
        return NULL;
    void *memory = fd_atomic_exchange(&pool->slots[i], NULL);
    if (memory != NULL)
        fd_atomic_add(&pool->kept, -(int64_t)block_capacity(memory));
    return memory;
}

void fd_pool_close(struct fd_pool *pool)
{
    for (int i = 0; i < FD_POOL_SLOTS; i++)
        free(take_slot(pool, i));
}

/* Find memory for a block of at least so many bytes, which have been claimed. */
static int take_claimed(struct fd_pool *pool, size_t capacity, int is_beyond, struct fd_block *block)
{
    for (int i = 0; i < FD_POOL_SLOTS; i++) {
        void *memory = take_slot(pool, i);
        if (memory == NULL)
            continue;
        size_t found = block_capacity(memory);
        /* One that is eight times too large, or beyond the budget, is better left to whoever needs it. */
        if (found >= capacity && found / 8 <= capacity && claim_room(pool, found - capacity)) {
            block_open(memory, found, is_beyond, block);
            return 0;
        }
        keep_or_free(pool, memory);
    }
    void *memory = malloc(FD_BLOCK_HEADER + capacity);
    if (memory == NULL) {
        unclaim(pool, capacity, is_beyond);
        return -1;
    }
    block_open(memory, capacity, is_beyond, block);
    return 0;
}

static int take(struct fd_pool *pool, size_t n, struct fd_block *block, int is_bounded)
{
    size_t capacity = n < FD_BLOCK_MINIMUM ? FD_BLOCK_MINIMUM : n;
    int is_beyond = !is_bounded;
    if (capacity > FD_BLOCK_MOST)
        return -1;
    if (claim(pool, capacity, &is_beyond) != 0)
        return FD_POOL_FULL;
    return take_claimed(pool, capacity, is_bounded && is_beyond, block);
}

int fd_pool_take(struct fd_pool *pool, size_t n, struct fd_block *block)
{
    return take(pool, n, block, 0);
}

int fd_pool_take_within(struct fd_pool *pool, size_t n, struct fd_block *block)
{
    return take(pool, n, block, 1);
}

static int grow(struct fd_pool *pool, struct fd_block *block, size_t n, int is_bounded)
{
    if (n <= block->capacity)
        return 0;
    size_t capacity = block->capacity > SIZE_MAX / 2 ? n : block->capacity * 2;
    if (capacity < n)
        capacity = n;
    if (capacity > FD_BLOCK_MOST)
        return -1;
    size_t more = capacity - block->capacity;
    int was_beyond = header_of(block)->is_beyond;
    int is_beyond = was_beyond || !is_bounded;
    if (claim(pool, more, &is_beyond) != 0)
        return FD_POOL_FULL;
    is_beyond = was_beyond || (is_bounded && is_beyond);
    void *memory = realloc(header_of(block), FD_BLOCK_HEADER + capacity);
    if (memory == NULL) {
        unclaim(pool, more, is_beyond && !was_beyond);
        return -1;
    }
    block_open(memory, capacity, is_beyond, block);
    return 0;
}

int fd_pool_grow(struct fd_pool *pool, struct fd_block *block, size_t n)
{
    return grow(pool, block, n, 0);
}

int fd_pool_grow_within(struct fd_pool *pool, struct fd_block *block, size_t n)
{
    return grow(pool, block, n, 1);
}

void fd_pool_fit(struct fd_pool *pool, struct fd_block *block, size_t n)
{
    size_t capacity = n < FD_BLOCK_MINIMUM ? FD_BLOCK_MINIMUM : n;
    if (block->p == NULL || block->capacity / 8 <= capacity)
        return;
    int is_beyond = header_of(block)->is_beyond;
    size_t less = block->capacity - capacity;
    void *memory = realloc(header_of(block), FD_BLOCK_HEADER + capacity);
    if (memory == NULL)
        return;
    block_open(memory, capacity, is_beyond, block);
    unclaim(pool, less, 0);
}

void fd_pool_give(struct fd_pool *pool, struct fd_block *block)
{
    if (block->p != NULL) {
        size_t capacity = block->capacity;
        int is_beyond = header_of(block)->is_beyond;
        keep_or_free(pool, header_of(block));
        unclaim(pool, capacity, is_beyond);
    }
    block->p = NULL;
    block->capacity = 0;
}
