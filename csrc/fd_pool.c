#include "fd_pool.h"

#include <stdlib.h>

#include "fd_port.h"

/* In front of each block, so that a slot is a single pointer. 64 bytes keep the data on a cache line. */
#define FD_BLOCK_HEADER 64
#define FD_BLOCK_MINIMUM ((size_t)16384)

static size_t block_capacity(const void *memory)
{
    return *(const size_t *)memory;
}

static void block_open(void *memory, size_t capacity, struct fd_block *block)
{
    *(size_t *)memory = capacity;
    block->p = (uint8_t *)memory + FD_BLOCK_HEADER;
    block->capacity = capacity;
}

void fd_pool_open(struct fd_pool *pool, int64_t limit)
{
    for (int i = 0; i < FD_POOL_SLOTS; i++)
        pool->slots[i] = NULL;
    pool->kept = 0;
    pool->limit = limit;
}

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

int fd_pool_take(struct fd_pool *pool, size_t n, struct fd_block *block)
{
    size_t capacity = n < FD_BLOCK_MINIMUM ? FD_BLOCK_MINIMUM : n;
    for (int i = 0; i < FD_POOL_SLOTS; i++) {
        void *memory = take_slot(pool, i);
        if (memory == NULL)
            continue;
        size_t found = block_capacity(memory);
        /* A block eight times too large is better left to whoever needs it. */
        if (found >= capacity && found / 8 <= capacity) {
            block_open(memory, found, block);
            return 0;
        }
        keep_or_free(pool, memory);
    }
    void *memory = capacity > SIZE_MAX - FD_BLOCK_HEADER ? NULL : malloc(FD_BLOCK_HEADER + capacity);
    if (memory == NULL)
        return -1;
    block_open(memory, capacity, block);
    return 0;
}

int fd_pool_grow(struct fd_block *block, size_t n)
{
    if (n <= block->capacity)
        return 0;
    size_t capacity = block->capacity > SIZE_MAX / 2 ? n : block->capacity * 2;
    if (capacity < n)
        capacity = n;
    if (capacity > SIZE_MAX - FD_BLOCK_HEADER)
        return -1;
    void *memory = realloc(block->p - FD_BLOCK_HEADER, FD_BLOCK_HEADER + capacity);
    if (memory == NULL)
        return -1;
    block_open(memory, capacity, block);
    return 0;
}

void fd_pool_fit(struct fd_block *block, size_t n)
{
    size_t capacity = n < FD_BLOCK_MINIMUM ? FD_BLOCK_MINIMUM : n;
    if (block->p == NULL || block->capacity / 8 <= capacity)
        return;
    void *memory = realloc(block->p - FD_BLOCK_HEADER, FD_BLOCK_HEADER + capacity);
    if (memory != NULL)
        block_open(memory, capacity, block);
}

void fd_pool_give(struct fd_pool *pool, struct fd_block *block)
{
    if (block->p != NULL)
        keep_or_free(pool, block->p - FD_BLOCK_HEADER);
    block->p = NULL;
    block->capacity = 0;
}
