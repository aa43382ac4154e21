/* The pool: many threads take and give, no block is in two hands, and what is kept stays bounded. */
#include "fd_pool.h"

#include <pthread.h>

#include "check.h"

#define THREADS 4
#define ROUNDS 20000
#define HELD 3
#define LIMIT 1000000

static struct fd_pool pool;

static void *take_and_give(void *argument)
{
    uint8_t mark = *(const uint8_t *)argument;
    struct random_numbers numbers = {mark};
    struct fd_block held[HELD] = {{NULL, 0}};
    for (int round = 0; round < ROUNDS; round++) {
        struct fd_block *block = &held[random_below(&numbers, HELD)];
        if (block->p != NULL) {
            CHECK(block->p[0] == mark && block->p[block->capacity - 1] == mark);
            if (random_below(&numbers, 4) == 0) {
                CHECK(fd_pool_grow(block, block->capacity + 1) == 0 && block->p[0] == mark);
                block->p[block->capacity - 1] = mark;
            }
            fd_pool_give(&pool, block);
            CHECK(block->p == NULL && block->capacity == 0);
            continue;
        }
        size_t n = random_below(&numbers, 5) == 0 ? random_below(&numbers, 400000) : random_below(&numbers, 30000);
        CHECK(fd_pool_take(&pool, n, block) == 0 && block->capacity >= n);
        block->p[0] = block->p[block->capacity - 1] = mark;
    }
    for (int i = 0; i < HELD; i++)
        fd_pool_give(&pool, &held[i]);
    return NULL;
}

static void check_threads(void)
{
    pthread_t threads[THREADS];
    uint8_t marks[THREADS];
    fd_pool_open(&pool, LIMIT);
    for (int i = 0; i < THREADS; i++) {
        marks[i] = (uint8_t)(i + 1);
        CHECK(pthread_create(&threads[i], NULL, take_and_give, &marks[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    int64_t kept = 0;
    for (int i = 0; i < FD_POOL_SLOTS; i++)
        kept += pool.slots[i] == NULL ? 0 : (int64_t) * (size_t *)pool.slots[i];
    CHECK(kept == pool.kept && kept <= LIMIT);
    fd_pool_close(&pool);
    CHECK(pool.kept == 0);
}

static void check_bounds(void)
{
    struct fd_block blocks[FD_POOL_SLOTS + 1];
    fd_pool_open(&pool, INT64_MAX / 2);
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        CHECK(fd_pool_take(&pool, 1, &blocks[i]) == 0);
    int64_t capacity = (int64_t)blocks[0].capacity;
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        fd_pool_give(&pool, &blocks[i]);
    CHECK(pool.kept == FD_POOL_SLOTS * capacity);
    /* A block that is much too large stays for whoever needs it. */
    CHECK(fd_pool_take(&pool, 1000000, &blocks[0]) == 0 && blocks[0].capacity == 1000000);
    fd_pool_close(&pool);
    fd_pool_give(&pool, &blocks[0]);
    CHECK(pool.kept == 1000000);
    CHECK(fd_pool_take(&pool, 1, &blocks[0]) == 0 && blocks[0].capacity == (size_t)capacity);
    CHECK(fd_pool_take(&pool, 900000, &blocks[1]) == 0 && blocks[1].capacity == 1000000 && pool.kept == 0);
    CHECK(fd_pool_take(&pool, SIZE_MAX, &blocks[2]) == -1);
    CHECK(fd_pool_grow(&blocks[0], SIZE_MAX) == -1 && blocks[0].capacity == (size_t)capacity);
    fd_pool_close(&pool);
    /* A limit of 0 keeps nothing. */
    fd_pool_open(&pool, 0);
    fd_pool_give(&pool, &blocks[0]);
    fd_pool_give(&pool, &blocks[1]);
    CHECK(pool.kept == 0);
}

int main(void)
{
    check_threads();
    check_bounds();
    return 0;
}
