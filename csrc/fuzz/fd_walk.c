/* The walk over a data set: it ends, its records lie within the data and within each other, room does not
 * matter, and an index and a look at everything agree on the top level. */
#include "fd_walk.h"

#include "../check/check.h"

#define ROOM ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct fd_record top[ROOM], again[ROOM], all[ROOM];
static struct fd_walk walk;

static int run(const uint8_t *p, size_t n, int choice, int is_whole, struct fd_record *records, size_t step)
{
    int flags = (choice & 1 ? FD_WALK_IS_IMPLICIT : 0) | (choice & 2 ? FD_WALK_IS_BIG : 0);
    enum fd_walk_kind kinds[] = {FD_WALK_DATA_SET, FD_WALK_DATA_SET, FD_WALK_SEQUENCE, FD_WALK_FRAGMENTS};
    fd_walk_begin(&walk, p, 0, n, kinds[choice >> 2 & 3], flags);
    walk.maximum_depth = choice & 16 ? 3 : 64;
    walk.maximum_elements = choice & 32 ? 20 : ROOM;
    walk.stop_tag = choice & 64 ? 0x00200000 : 0;
    walk.is_whole = is_whole;
    int code = FD_WALK_FULL;
    for (size_t room = step; code == FD_WALK_FULL && room <= ROOM; room += step)
        code = fd_walk_on(&walk, records, room);
    CHECK(walk.offset <= n && walk.elements <= walk.maximum_elements);
    CHECK(code >= 0 || walk.problem.offset <= n);
    return code;
}

static void check_records(const struct fd_record *records, size_t count, size_t n, int is_done)
{
    uint64_t ends[2 * FD_WALK_DEPTH_MOST + 3] = {n};
    for (size_t i = 0; i < count; i++) {
        /* items lie in the sequence before them, elements in the item before them or at the top */
        size_t level = 2 * (size_t)records[i].depth - (records[i].tag == 0xFFFEE000 && records[i].depth > 0);
        CHECK(records[i].offset < n && fd_record_value(&records[i]) <= n);
        if (!is_done && (records[i].flags & FD_WALK_IS_UNDEFINED))
            return; /* it may not have been closed */
        CHECK(records[i].value_length <= n && fd_record_end(&records[i]) <= ends[level]);
        ends[level + 1] = fd_record_end(&records[i]);
        CHECK(i == 0 || records[i].offset > records[i - 1].offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n == 0)
        return 0;
    int choice = p[0];
    p++;
    n--;
    int code = run(p, n, choice, 0, top, ROOM);
    size_t count = walk.count;
    uint64_t offset = walk.offset;
    check_records(top, count, n, code >= 0);
    CHECK(run(p, n, choice, 0, again, 1 + n % 3) == code && walk.count == count && walk.offset == offset);
    /* the last of a walk that failed may lack its length in both */
    CHECK(memcmp(top, again, count * sizeof *top) == 0);
    if ((choice >> 2 & 3) > 1)
        return 0; /* levels and depths go together where data sets begin */
    int whole_code = run(p, n, choice, 1, all, ROOM);
    check_records(all, walk.count, n, whole_code >= 0);
    if (code != FD_WALK_DONE || whole_code != FD_WALK_DONE)
        return 0;
    size_t found = 0;
    for (size_t i = 0; i < walk.count; i++)
        if (all[i].depth == 0) {
            CHECK(found < count && all[i].tag == top[found].tag && all[i].offset == top[found].offset);
            CHECK(all[i].value_length == top[found].value_length);
            found++;
        }
    CHECK(found == count);
    return 0;
}
