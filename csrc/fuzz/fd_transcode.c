/* Any data set in any encoding: what is written can be walked over again, is the same when it is written once
 * more, and comes back from the other byte order as it was. */
#include "../check/whole.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_same(const struct whole *first, const struct whole *second)
{
    CHECK(second->walked == FD_WALK_DONE && second->code == FD_TRANSCODE_DONE);
    CHECK(first->n == second->n && memcmp(first->p, second->p, first->n) == 0);
}

static void check_fragments(const struct whole *first, const struct whole *second)
{
    CHECK(second->walked == FD_WALK_DONE && second->code == FD_TRANSCODE_E_FRAGMENTS && first->p != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n == 0)
        return 0;
    int from = (p[0] & 1 ? FD_WALK_IS_IMPLICIT : 0) | (p[0] & 2 ? FD_WALK_IS_BIG : 0);
    int to = p[0] & 4 ? FD_WALK_IS_BIG : 0;
    struct whole implicit = transcode_whole(p + 1, n - 1, from, FD_WALK_IS_IMPLICIT);
    struct whole first = transcode_whole(p + 1, n - 1, from, to);
    if (first.p != NULL) {
        struct whole again = transcode_whole(first.p, first.n, to, to);
        struct whole turned = transcode_whole(first.p, first.n, to, to ^ FD_WALK_IS_BIG);
        check_same(&first, &again);
        if (turned.p != NULL) {
            struct whole back = transcode_whole(turned.p, turned.n, to ^ FD_WALK_IS_BIG, to);
            check_same(&first, &back);
            free(back.p);
        } else {
            check_fragments(&first, &turned);
        }
        free(again.p);
        free(turned.p);
    }
    free(implicit.p);
    free(first.p);
    return 0;
}
