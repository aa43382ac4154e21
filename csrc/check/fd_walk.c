/* The walk over a data set: what nests is found, whatever it is cut at is refused, and limits hold. */
#include "fd_walk.h"

#include "check.h"

#define UNDEFINED FD_WALK_UNDEFINED_LENGTH
#define ROOM 4096

struct writer {
    uint8_t p[1 << 16];
    size_t n;
    int flags;
};

static void put_number(struct writer *w, uint32_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w->p[w->n + (w->flags & FD_WALK_IS_BIG ? n - 1 - i : i)] = (uint8_t)(value >> 8 * i);
    w->n += n;
}

static void put_item(struct writer *w, uint32_t tag, uint32_t length)
{
    put_number(w, tag >> 16, 2);
    put_number(w, tag & 0xFFFF, 2);
    put_number(w, length, 4);
}

/* A header; the value is for the caller. */
static void put(struct writer *w, uint32_t tag, const char *vr, uint32_t length)
{
    if (w->flags & FD_WALK_IS_IMPLICIT) {
        put_item(w, tag, length);
        return;
    }
    int is_long = strstr("OB OW SQ UN UT", vr) != NULL;
    put_number(w, tag >> 16, 2);
    put_number(w, tag & 0xFFFF, 2);
    memcpy(w->p + w->n, vr, 2);
    w->n += 2;
    put_number(w, is_long ? 0 : length, 2);
    if (is_long)
        put_number(w, length, 4);
}

static void put_text(struct writer *w, uint32_t tag, const char *vr, const char *text)
{
    size_t n = strlen(text);
    put(w, tag, vr, (uint32_t)n);
    memcpy(w->p + w->n, text, n);
    w->n += n;
}

static int walk_within(struct fd_walk *walk, const struct writer *w, size_t n, struct fd_record *records,
                       size_t room)
{
    uint8_t *copy = copy_of(w->p, n);
    uint32_t depth = walk->maximum_depth;
    uint32_t elements = walk->maximum_elements;
    uint32_t stop_tag = walk->stop_tag;
    int is_whole = walk->is_whole;
    fd_walk_begin(walk, copy, 0, n, FD_WALK_DATA_SET, w->flags);
    walk->maximum_depth = depth;
    walk->maximum_elements = elements;
    walk->stop_tag = stop_tag;
    walk->is_whole = is_whole;
    int code;
    /* One record more of room at a time: where it stops for want of room makes no difference. */
    for (size_t some = 0; (code = fd_walk_on(walk, records, some)) == FD_WALK_FULL && some < room; some++)
        CHECK(walk->count == some);
    CHECK(walk->count <= room && walk->offset <= n);
    free(copy);
    return code;
}

static void set(struct fd_walk *walk, int is_whole)
{
    walk->maximum_depth = 64;
    walk->maximum_elements = 1000000;
    walk->stop_tag = 0;
    walk->is_whole = is_whole;
}

/* A data set with every kind of nesting. */
static void put_everything(struct writer *w)
{
    put_text(w, 0x00080016, "UI", "1.2.");
    put(w, 0x00081140, "SQ", UNDEFINED);
    put_item(w, 0xFFFEE000, UNDEFINED);
    put_text(w, 0x00081150, "UI", "1.3.");
    put(w, 0x00081199, "SQ", UNDEFINED);
    put_item(w, 0xFFFEE000, 0);
    put_item(w, 0xFFFEE0DD, 0);
    put_item(w, 0xFFFEE00D, 0);
    size_t item = w->n;
    put_item(w, 0xFFFEE000, 0);
    put_text(w, 0x00081155, "UI", "1.4.");
    size_t end = w->n;
    w->n = item;
    put_item(w, 0xFFFEE000, (uint32_t)(end - item - 8));
    w->n = end;
    put_item(w, 0xFFFEE0DD, 0);
    put_text(w, 0x00100010, "PN", "A^B");
    put(w, 0x7FE00010, "OB", UNDEFINED);
    put_item(w, 0xFFFEE000, 0);
    put_item(w, 0xFFFEE000, 2);
    put_number(w, 0x1234, 2);
    put_item(w, 0xFFFEE0DD, 0);
}

static void check_everything(int flags)
{
    static const uint32_t top[] = {0x00080016, 0x00081140, 0x00100010, 0x7FE00010};
    static const struct {
        uint32_t tag;
        uint8_t depth;
    } all[] = {{0x00080016, 0}, {0x00081140, 0}, {0xFFFEE000, 1}, {0x00081150, 1}, {0x00081199, 1},
               {0xFFFEE000, 2}, {0xFFFEE000, 1}, {0x00081155, 1}, {0x00100010, 0}, {0x7FE00010, 0}};
    static struct fd_record records[ROOM];
    static struct fd_walk walk;
    static struct writer w;
    w.n = 0;
    w.flags = flags;
    put_everything(&w);
    set(&walk, 0);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.offset == w.n);
    CHECK(walk.count == COUNT_OF(top) && walk.is_ascending && walk.elements == 11);
    for (size_t i = 0; i < COUNT_OF(top); i++)
        CHECK(records[i].tag == top[i] && records[i].depth == 0);
    for (size_t i = 0; i + 1 < COUNT_OF(top); i++)
        CHECK(fd_record_end(&records[i]) == records[i + 1].offset);
    CHECK(fd_record_end(&records[3]) == w.n && records[3].value_length == 18);
    CHECK(records[1].flags & FD_WALK_IS_SEQUENCE && records[3].flags & FD_WALK_IS_FRAGMENTS);
    walk.stop_tag = 0x00081141;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_STOPPED && walk.count == 2);
    CHECK(walk.offset == fd_record_end(&records[1]));
    set(&walk, 1);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.count == COUNT_OF(all));
    for (size_t i = 0; i < COUNT_OF(all); i++)
        CHECK(records[i].tag == all[i].tag && records[i].depth == all[i].depth);
    CHECK(records[4].value_length == 8 && records[6].value_length == 12);
    CHECK(records[7].vr == FD_VR('U', 'I'));
    /* limits, at them and one below */
    walk.maximum_elements = 12;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE);
    walk.maximum_elements = 11;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_ELEMENTS && walk.problem.limit == 11);
    set(&walk, 0);
    walk.maximum_depth = 2;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE);
    walk.maximum_depth = 1;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_DEPTH && walk.problem.tag == 0x00081199);
    /* cut anywhere, and with any byte changed */
    set(&walk, 0);
    for (size_t cut = 0; cut < w.n; cut++) {
        int ends = 0;
        for (size_t i = 0; i < COUNT_OF(top); i++) {
            /* at an end, or behind it with zeros only, which are no element */
            size_t at = (size_t)records[i].offset;
            while (at < cut && w.p[at] == 0)
                at++;
            ends |= at == cut;
        }
        int code = walk_within(&walk, &w, cut, records, ROOM);
        CHECK(ends ? code == FD_WALK_DONE : code < 0);
        set(&walk, 0);
        CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE);
    }
    for (size_t i = 0; i < w.n; i++) {
        uint8_t was = w.p[i];
        for (unsigned value = 0; value < 256; value += 1 + value % 3) {
            w.p[i] = (uint8_t)value;
            set(&walk, 1);
            (void)walk_within(&walk, &w, w.n, records, ROOM);
        }
        w.p[i] = was;
    }
}

static void check_refused(void)
{
    static struct fd_record records[ROOM];
    static struct fd_walk walk;
    static struct writer w;
    set(&walk, 0);
    /* a fragment of undefined length */
    put(&w, 0x7FE00010, "OB", UNDEFINED);
    put_item(&w, 0xFFFEE000, UNDEFINED);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_FRAGMENT && walk.problem.offset == 12);
    /* an element where an item must be */
    w.n = 0;
    put(&w, 0x00081140, "SQ", UNDEFINED);
    put_text(&w, 0x00100010, "PN", "A^B");
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_NO_ITEM && walk.problem.tag == 0x00100010);
    /* a delimitation item of an item that is not open; that of a sequence is passed over */
    w.n = 0;
    put_item(&w, 0xFFFEE0DD, 0);
    put_text(&w, 0x00100010, "PN", "A^B");
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.count == 1);
    put_item(&w, 0xFFFEE00D, 0);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_STRAY && walk.problem.offset == w.n - 8);
    /* never closed */
    w.n = 0;
    put(&w, 0x00081140, "SQ", UNDEFINED);
    put_item(&w, 0xFFFEE000, UNDEFINED);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_UNCLOSED && walk.problem.tag == 0xFFFEE000);
    /* 1000 levels in a defined length: an index passes over them, a look at everything does not */
    w.n = 0;
    w.flags = FD_WALK_IS_IMPLICIT;
    for (uint32_t left = 1000; left > 0; left--) {
        put_item(&w, 0x00081140, left * 16 - 8);
        put_item(&w, 0xFFFEE000, left * 16 - 16);
    }
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.count == 1);
    set(&walk, 1);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_DEPTH && walk.problem.value == 65);
    CHECK(walk.problem.offset == 64 * 16);
    walk.maximum_depth = FD_WALK_DEPTH_MOST;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_E_DEPTH && walk.problem.value == 256);
}

static void check_dictionaries(void)
{
    static struct fd_record records[ROOM];
    static struct fd_walk walk;
    static struct writer w;
    /* private creators, one a data set and another an item */
    w.flags = FD_WALK_IS_IMPLICIT;
    put_text(&w, 0x00190010, "LO", "SIEMENS CT VA0  COAD");
    put_text(&w, 0x001910B0, "DS", "1");
    put(&w, 0x00191140, "UN", 2);
    put_number(&w, 0, 2);
    set(&walk, 1);
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.count == 3);
    CHECK(records[0].vr == FD_VR('L', 'O') && records[2].vr == FD_VR('U', 'N'));
    CHECK(records[1].vr == fd_vr_private((const uint8_t *)"SIEMENS CT VA0  COAD", 20, 0x001910B0));
    CHECK(records[1].vr != 0 && records[1].vr != FD_VR('U', 'N'));
    /* what an item's creator says holds in that item */
    w.n = 0;
    put(&w, 0x00081140, "SQ", UNDEFINED);
    put_item(&w, 0xFFFEE000, UNDEFINED);
    put_text(&w, 0x00190010, "LO", "SIEMENS CT VA0  COAD");
    put_item(&w, 0xFFFEE00D, 0);
    put_item(&w, 0xFFFEE0DD, 0);
    put_text(&w, 0x001910B0, "DS", "1");
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.count == 4);
    CHECK(records[3].vr == FD_VR('U', 'N') && records[2].vr == FD_VR('L', 'O'));
    /* UN in big endian explicit VR has implicit little endian inside */
    w.n = 0;
    w.flags = FD_WALK_IS_BIG;
    put(&w, 0x00081140, "UN", UNDEFINED);
    w.flags = FD_WALK_IS_IMPLICIT;
    put_item(&w, 0xFFFEE000, 12);
    put_text(&w, 0x00081155, "UI", "1.4.");
    put_item(&w, 0xFFFEE0DD, 0);
    w.flags = FD_WALK_IS_BIG;
    CHECK(walk_within(&walk, &w, w.n, records, ROOM) == FD_WALK_DONE && walk.count == 3);
    CHECK(records[0].vr == FD_VR('S', 'Q') && records[2].vr == FD_VR('U', 'I'));
    CHECK(records[2].tag == 0x00081155);
    CHECK(records[2].flags == FD_WALK_IS_IMPLICIT);
    /* which is mistaken for which, and how is it told */
    w.n = 0;
    put(&w, 0x00100010, "PN", 0);
    CHECK(!fd_walk_is_implicit(w.p, w.n, 1, 0) && fd_walk_is_implicit(w.p, w.n, 1, 1));
    CHECK(!fd_walk_is_implicit(w.p, w.n, 0, 1) && fd_walk_is_implicit(w.p, 5, 1, 0));
    w.n = 0;
    put_item(&w, 0x00100010, 2);
    CHECK(fd_walk_is_implicit(w.p, w.n, 0, 0) && fd_walk_is_implicit(w.p, w.n, 0, 1));
}

int main(void)
{
    static const int flags[] = {0, FD_WALK_IS_IMPLICIT, FD_WALK_IS_BIG, FD_WALK_IS_IMPLICIT | FD_WALK_IS_BIG};
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        check_everything(flags[i]);
    check_refused();
    check_dictionaries();
    return 0;
}
