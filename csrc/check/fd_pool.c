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
                CHECK(fd_pool_grow(&pool, block, block->capacity + 1) == 0 && block->p[0] == mark);
                block->p[block->capacity - 1] = mark;
            }
            fd_pool_give(&pool, block);
            CHECK(block->p == NULL && block->capacity == 0);
            continue;
        }
        int is_bounded = random_below(&numbers, 2) != 0;
        size_t n = random_below(&numbers, 5) == 0 ? random_below(&numbers, 400000) : random_below(&numbers, 30000);
        if (is_bounded && fd_pool_take_within(&pool, n, block) == FD_POOL_FULL)
            continue;
        CHECK(is_bounded || fd_pool_take(&pool, n, block) == 0);
        CHECK(block->capacity >= n);
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
    pool.budget = LIMIT;
    for (int i = 0; i < THREADS; i++) {
        marks[i] = (uint8_t)(i + 1);
        CHECK(pthread_create(&threads[i], NULL, take_and_give, &marks[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    int64_t kept = 0;
    for (int i = 0; i < FD_POOL_SLOTS; i++)
        kept += pool.slots[i] == NULL ? 0 : (int64_t) * (size_t *)pool.slots[i];
    CHECK(kept == pool.kept && kept <= LIMIT && pool.used == 0);
    fd_pool_close(&pool);
    CHECK(pool.kept == 0 && pool.beyond == NULL);
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
    CHECK(fd_pool_grow(&pool, &blocks[0], SIZE_MAX) == -1 && blocks[0].capacity == (size_t)capacity);
    fd_pool_close(&pool);
    /* A limit of 0 keeps nothing. */
    fd_pool_open(&pool, 0);
    fd_pool_give(&pool, &blocks[0]);
    fd_pool_give(&pool, &blocks[1]);
    CHECK(pool.kept == 0);
}

/* What is in use is counted; within a budget one block at a time goes beyond it. */
static void check_budget(void)
{
    struct fd_block blocks[4] = {{NULL, 0}};
    fd_pool_open(&pool, 0);
    CHECK(fd_pool_take(&pool, 100000, &blocks[0]) == 0 && pool.used == 100000);
    pool.budget = 300000;
    CHECK(fd_pool_has_room(&pool, 200000) && fd_pool_take_within(&pool, 150000, &blocks[1]) == 0);
    CHECK(pool.used == 250000 && pool.beyond == NULL && fd_pool_has_room(&pool, 900000));
    CHECK(fd_pool_grow_within(&pool, &blocks[1], 150001) == 0); /* to twice as much, and the only one */
    CHECK(pool.used == 400000 && pool.beyond != NULL && !fd_pool_has_room(&pool, 1));
    CHECK(fd_pool_take_within(&pool, 1, &blocks[2]) == FD_POOL_FULL && blocks[2].p == NULL);
    CHECK(fd_pool_grow_within(&pool, &blocks[0], 100001) == FD_POOL_FULL && blocks[0].capacity == 100000);
    CHECK(fd_pool_grow_within(&pool, &blocks[1], 700000) == 0 && pool.used == 800000);
    CHECK(fd_pool_take(&pool, 1, &blocks[2]) == 0 && pool.used == 800000 + 16384); /* who must have it */
    CHECK(fd_pool_grow(&pool, &blocks[2], 20000) == 0 && pool.used == 800000 + 32768);
    fd_pool_fit(&pool, &blocks[1], 1);
    CHECK(blocks[1].capacity == 16384 && pool.used == 100000 + 32768 + 16384 && pool.beyond != NULL);
    CHECK(fd_pool_has_room(&pool, 100000) && !fd_pool_has_room(&pool, 200000));
    fd_pool_give(&pool, &blocks[1]);
    CHECK(pool.beyond == NULL && fd_pool_has_room(&pool, 200000));
    CHECK(fd_pool_take_within(&pool, 200000, &blocks[3]) == 0 && pool.beyond != NULL);
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        fd_pool_give(&pool, &blocks[i]);
    CHECK(pool.used == 0 && pool.beyond == NULL);
    /* A block that is kept counts with what it has. */
    fd_pool_open(&pool, 1 << 20);
    CHECK(fd_pool_take(&pool, 100000, &blocks[0]) == 0);
    fd_pool_give(&pool, &blocks[0]);
    CHECK(pool.used == 0 && fd_pool_take(&pool, 50000, &blocks[0]) == 0 && pool.used == 100000);
    fd_pool_give(&pool, &blocks[0]);
    CHECK(pool.used == 0);
    fd_pool_close(&pool);
}

int main(void)
{
    check_threads();
    check_budget();
    check_bounds();
    return 0;
}
