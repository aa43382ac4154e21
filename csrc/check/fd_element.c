/* Elements of a data set: found in every encoding, refused wherever they are cut. */
#include "fd_element.h"

#include "check.h"

static const struct fd_syntax SYNTAXES[] = {{1, 0}, {0, 0}, {0, 1}, {1, 1}};

static size_t store_number(uint8_t *p, uint32_t value, size_t n, int is_big_endian)
{
    for (size_t i = 0; i < n; i++)
        p[is_big_endian ? n - 1 - i : i] = (uint8_t)(value >> 8 * i);
    return n;
}

static size_t store_element(uint8_t *p, struct fd_syntax syntax, uint32_t tag, const char *vr, uint32_t length)
{
    size_t n = store_number(p, tag >> 16, 2, syntax.is_big_endian);
    n += store_number(p + n, tag & 0xFFFF, 2, syntax.is_big_endian);
    if (syntax.is_implicit)
        return n + store_number(p + n, length, 4, syntax.is_big_endian);
    memcpy(p + n, vr, 2);
    n += 2;
    if (strcmp(vr, "OB") != 0 && strcmp(vr, "SQ") != 0)
        return n + store_number(p + n, length, 2, syntax.is_big_endian);
    n += store_number(p + n, 0, 2, 0);
    return n + store_number(p + n, length, 4, syntax.is_big_endian);
}

static int find(const uint8_t *p, size_t n, struct fd_syntax syntax, uint32_t tag, size_t *offset,
                struct fd_span *value)
{
    uint8_t *copy = copy_of(p, n);
    int code = fd_element_find(copy, n, syntax, tag, offset, value);
    CHECK(*offset <= n);
    if (value->p != NULL) {
        CHECK(value->p >= copy && value->n <= n - (size_t)(value->p - copy));
        value->p = p + (value->p - copy);
    }
    free(copy);
    return code;
}

static void check_syntax(struct fd_syntax syntax)
{
    uint8_t encoded[128];
    size_t ends[4] = {0};
    size_t n = store_element(encoded, syntax, 0x00080016, "UI", 4);
    memcpy(encoded + n, "1.2.", 4);
    ends[1] = n += 4;
    n += store_element(encoded + n, syntax, 0x00090010, "OB", 2);
    memcpy(encoded + n, "xy", 2);
    ends[2] = n += 2;
    n += store_element(encoded + n, syntax, 0x00100010, "PN", 0);
    ends[3] = n;
    const uint32_t tags[] = {0x00080016, 0x00090010, 0x00100010};
    for (size_t cut = 0; cut <= n; cut++) {
        size_t offset = 0;
        struct fd_span value;
        for (size_t i = 0; i < COUNT_OF(tags); i++) {
            int code = find(encoded, cut, syntax, tags[i], &offset, &value);
            if (cut >= ends[i + 1]) {
                CHECK(code == FD_ELEMENT_OK && value.p == encoded + ends[i + 1] - value.n);
                CHECK(offset == ends[i + 1]);
            } else if (cut == ends[i]) {
                CHECK(code == FD_ELEMENT_OK && value.p == NULL && offset == cut);
                break;
            } else {
                CHECK(code == FD_ELEMENT_TRUNCATED && value.p == NULL);
                break;
            }
        }
    }
    /* tags that are not there: the walk stops at what comes after them */
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        size_t offset = 0;
        struct fd_span value;
        CHECK(find(encoded, n, syntax, tags[i] - 1, &offset, &value) == FD_ELEMENT_OK);
        CHECK(value.p == NULL && offset == ends[i]);
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t was = encoded[i];
        for (unsigned value = 0; value < 256; value++) {
            size_t offset = 0;
            struct fd_span span;
            encoded[i] = (uint8_t)value;
            (void)find(encoded, n, syntax, 0xFFFFFFFF, &offset, &span);
        }
        encoded[i] = was;
    }
}

static void check_refused(void)
{
    const struct fd_syntax explicit_little = {0, 0};
    uint8_t encoded[32];
    struct fd_span value;
    size_t offset = 0;
    size_t n = store_element(encoded, explicit_little, 0x00081140, "SQ", FD_UNDEFINED_LENGTH);
    CHECK(find(encoded, n, explicit_little, 0x00100010, &offset, &value) == FD_ELEMENT_UNDEFINED);
    CHECK(offset == 0);
    n = store_element(encoded, explicit_little, 0x00081140, "SQ", FD_UNDEFINED_LENGTH - 1);
    CHECK(find(encoded, n, explicit_little, 0x00100010, &offset, &value) == FD_ELEMENT_TRUNCATED);
    n = store_element(encoded, explicit_little, 0x00080016, "u?", 0);
    CHECK(find(encoded, n, explicit_little, 0x00100010, &offset, &value) == FD_ELEMENT_VR);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(SYNTAXES); i++)
        check_syntax(SYNTAXES[i]);
    check_refused();
    return 0;
}
