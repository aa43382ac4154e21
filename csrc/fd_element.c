#include "fd_element.h"

#include <string.h>

#include "fd_vr.h"

static uint32_t load16(const uint8_t *p, int is_big_endian)
{
    return is_big_endian ? (uint32_t)(p[0] << 8 | p[1]) : fd_load_le16(p);
}

static uint32_t load32(const uint8_t *p, int is_big_endian)
{
    return is_big_endian ? fd_load_be32(p) : fd_load_le32(p);
}

static int is_upper_case(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static uint32_t load_tag(const uint8_t *p, int is_big_endian)
{
    return load16(p, is_big_endian) << 16 | load16(p + 2, is_big_endian);
}

int fd_element_peek(const uint8_t *p, size_t n, struct fd_syntax syntax, struct fd_element *element)
{
    if (n < 8)
        return FD_ELEMENT_TRUNCATED;
    element->tag = load_tag(p, syntax.is_big_endian);
    element->header_length = 8;
    memset(element->vr, 0, sizeof element->vr);
    if (syntax.is_implicit || element->tag >> 16 == 0xFFFE) {
        element->value_length = load32(p + 4, syntax.is_big_endian);
        return FD_ELEMENT_OK;
    }
    if (!is_upper_case(p[4]) || !is_upper_case(p[5]))
        return FD_ELEMENT_VR;
    memcpy(element->vr, p + 4, sizeof element->vr);
    if (!fd_vr_has_long_header(FD_VR(element->vr[0], element->vr[1]))) {
        element->value_length = load16(p + 6, syntax.is_big_endian);
        return FD_ELEMENT_OK;
    }
    if (n < 12)
        return FD_ELEMENT_TRUNCATED;
    element->header_length = 12;
    element->value_length = load32(p + 8, syntax.is_big_endian);
    return FD_ELEMENT_OK;
}

int fd_element_find(const uint8_t *p, size_t n, struct fd_syntax syntax, uint32_t tag, size_t *offset,
                    struct fd_span *value)
{
    value->p = NULL;
    value->n = 0;
    while (*offset < n) {
        struct fd_element element;
        /* What comes after may be in another encoding: the data set behind File Meta Information. */
        if (n - *offset >= 4 && load_tag(p + *offset, syntax.is_big_endian) > tag)
            return FD_ELEMENT_OK;
        int code = fd_element_peek(p + *offset, n - *offset, syntax, &element);
        if (code != FD_ELEMENT_OK)
            return code;
        if (element.value_length == FD_UNDEFINED_LENGTH)
            return FD_ELEMENT_UNDEFINED;
        if (element.value_length > n - *offset - element.header_length)
            return FD_ELEMENT_TRUNCATED;
        *offset += element.header_length;
        if (element.tag == tag) {
            value->p = p + *offset;
            value->n = element.value_length;
        }
        *offset += element.value_length;
        if (element.tag == tag)
            return FD_ELEMENT_OK;
    }
    return FD_ELEMENT_OK;
}
