/* One data set in each encoding comes out as every other; each of them cut and changed everywhere is refused, or
 * transcoded without a look beyond it. */
#include "whole.h"

enum {
    IMPLICIT = FD_WALK_IS_IMPLICIT,
    LITTLE = 0,
    BIG = FD_WALK_IS_BIG
};

static const int ENCODINGS[] = {IMPLICIT, LITTLE, BIG};

struct data_set {
    uint8_t p[1024];
    size_t n;
    int encoding;
};

static void put(struct data_set *data_set, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        data_set->p[data_set->n + (data_set->encoding == BIG ? n - 1 - i : i)] = (uint8_t)(value >> 8 * i);
    data_set->n += n;
}

static void put_header(struct data_set *data_set, uint32_t tag, const char *vr, uint32_t length)
{
    put(data_set, tag >> 16, 2);
    put(data_set, tag & 0xFFFF, 2);
    if (data_set->encoding == IMPLICIT || vr == NULL) {
        put(data_set, length, 4);
        return;
    }
    memcpy(data_set->p + data_set->n, vr, 2);
    data_set->n += 2;
    if (fd_vr_has_long_header(FD_VR(vr[0], vr[1]))) {
        put(data_set, 0, 2);
        put(data_set, length, 4);
    } else {
        put(data_set, length, 2);
    }
}

static void put_number(struct data_set *data_set, uint32_t tag, const char *vr, uint64_t value, size_t n)
{
    put_header(data_set, tag, vr, (uint32_t)n);
    put(data_set, value, n);
}

static void put_text(struct data_set *data_set, uint32_t tag, const char *vr, const char *text)
{
    put_header(data_set, tag, vr, (uint32_t)strlen(text));
    memcpy(data_set->p + data_set->n, text, strlen(text));
    data_set->n += strlen(text);
}

static void set_length(struct data_set *data_set, size_t at)
{
    size_t end = data_set->n;
    data_set->n = at - 4;
    put(data_set, end - at, 4);
    data_set->n = end;
}

/* Sequences of both kinds, numbers of all lengths, what other elements decide, and private elements. */
static struct data_set make(int encoding)
{
    struct data_set made = {{0}, 0, encoding};
    put_text(&made, 0x00080005, "CS", "ISO_IR 100");
    put_header(&made, 0x00081115, "SQ", 0);
    size_t sequence = made.n;
    put_header(&made, 0xFFFEE000, NULL, 0);
    size_t item = made.n;
    put_number(&made, 0x00280106, "SS", 0xFFFE, 2);
    put_header(&made, 0x00081140, "SQ", FD_WALK_UNDEFINED_LENGTH);
    put_header(&made, 0xFFFEE000, NULL, FD_WALK_UNDEFINED_LENGTH);
    put_number(&made, 0x00280103, "US", 0, 2);
    put_number(&made, 0x00280106, "US", 0x0102, 2);
    put_header(&made, 0xFFFEE00D, NULL, 0);
    put_header(&made, 0xFFFEE0DD, NULL, 0);
    set_length(&made, item);
    put_header(&made, 0xFFFEE000, NULL, 0);
    set_length(&made, sequence);
    put_text(&made, 0x00090010, "LO", "GEMS_IDEN_01");
    put_text(&made, 0x00091002, "SH", "text");
    put_number(&made, 0x00189073, "FD", UINT64_C(0x0102030405060708), 8);
    put_number(&made, 0x00280009, "AT", UINT64_C(0x00180018), 4);
    put_number(&made, 0x00280103, "US", 1, 2);
    put_number(&made, 0x00280106, "SS", 0x8001, 2);
    put_number(&made, 0x00283002, "SS", 1, 2);
    put_number(&made, 0x00283006, "US", 0x0304, 2);
    put_number(&made, 0x00720076, "FL", 0x01020304, 4);
    put_number(&made, 0x7FE00010, "OW", 0x0506, 2);
    return made;
}

static void check_same(const struct data_set *from, const struct data_set *to)
{
    uint8_t *copy = copy_of(from->p, from->n);
    struct whole whole = transcode_whole(copy, from->n, from->encoding, to->encoding);
    CHECK(whole.walked == FD_WALK_DONE && whole.code == FD_TRANSCODE_DONE);
    CHECK(whole.n == to->n && memcmp(whole.p, to->p, to->n) == 0);
    free(whole.p);
    free(copy);
}

static void check_broken(struct data_set *from, int to)
{
    for (size_t cut = 0; cut < from->n; cut++) {
        uint8_t *copy = copy_of(from->p, cut);
        free(transcode_whole(copy, cut, from->encoding, to).p);
        free(copy);
    }
    for (size_t i = 0; i < from->n; i++) {
        uint8_t *copy = copy_of(from->p, from->n);
        for (unsigned value = 0; value < 256; value += 5) {
            copy[i] = (uint8_t)(from->p[i] + value);
            free(transcode_whole(copy, from->n, from->encoding, to).p);
        }
        free(copy);
    }
}

/* Encapsulated pixel data keeps its bytes, and has no other byte order. */
static void check_fragments(void)
{
    struct data_set from = {{0}, 0, LITTLE};
    put_header(&from, 0x7FE00010, "OB", FD_WALK_UNDEFINED_LENGTH);
    put_header(&from, 0xFFFEE000, NULL, 0);
    put_number(&from, 0xFFFEE000, NULL, 0x0102, 2);
    put_header(&from, 0xFFFEE0DD, NULL, 0);
    check_same(&from, &from);
    CHECK(transcode_whole(from.p, from.n, LITTLE, BIG).code == FD_TRANSCODE_E_FRAGMENTS);
}

/* A value is cut out from a length on; in a VR without the room for it, it is UN and keeps its byte order. */
static void check_long_value(void)
{
    static struct {
        struct data_set header;
        uint8_t value[0x10000];
    } from, to;
    from.header.encoding = IMPLICIT;
    to.header.encoding = BIG;
    put_header(&from.header, 0x00280106, "US", 0x10000);
    put_header(&to.header, 0x00280106, "UN", 0x10000);
    uint8_t *copy = malloc(from.header.n + 0x10000);
    CHECK(copy != NULL);
    memcpy(copy, from.header.p, from.header.n);
    for (size_t i = 0; i < 0x10000; i++)
        copy[from.header.n + i] = (uint8_t)(i * 3);
    struct whole whole = transcode_whole(copy, from.header.n + 0x10000, IMPLICIT, BIG);
    CHECK(whole.code == FD_TRANSCODE_DONE && whole.n == to.header.n + 0x10000);
    CHECK(memcmp(whole.p, to.header.p, to.header.n) == 0);
    CHECK(memcmp(whole.p + to.header.n, copy + from.header.n, 0x10000) == 0);
    free(whole.p);
    free(copy);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(ENCODINGS); i++)
        for (size_t j = 0; j < COUNT_OF(ENCODINGS); j++) {
            struct data_set from = make(ENCODINGS[i]);
            struct data_set to = make(ENCODINGS[j]);
            check_same(&from, &to);
            check_broken(&from, to.encoding);
        }
    check_fragments();
    check_long_value();
    return 0;
}
