/* Data elements: tag, VR and length, PS3.5 7.1. Values are skipped, never looked into. */
#ifndef FD_ELEMENT_H
#define FD_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "fd_bytes.h"

#define FD_UNDEFINED_LENGTH UINT32_C(0xFFFFFFFF)

enum {
    FD_ELEMENT_OK = 0,
    FD_ELEMENT_TRUNCATED = -1, /* the header or the value goes beyond the end */
    FD_ELEMENT_VR = -2,        /* no VR where explicit VR says there is one */
    FD_ELEMENT_UNDEFINED = -3  /* an undefined length */
};

struct fd_syntax {
    int is_implicit;
    int is_big_endian;
};

struct fd_element {
    uint32_t tag;         /* group in the upper half */
    uint8_t vr[2];        /* zero in implicit VR */
    size_t header_length; /* 8 or 12 */
    uint32_t value_length;
};

/* Look at the header of the element at p. */
int fd_element_peek(const uint8_t *p, size_t n, struct fd_syntax syntax, struct fd_element *element);

/* Walk on from *offset to the element with this tag, or to the first that comes after it.
 * FD_ELEMENT_OK with the value in *value (p is NULL when the tag is not there) and *offset behind it, or
 * at the first element that comes after. Elements are in ascending order (PS3.5 7.1). */
int fd_element_find(const uint8_t *p, size_t n, struct fd_syntax syntax, uint32_t tag, size_t *offset,
                    struct fd_span *value);

#endif
