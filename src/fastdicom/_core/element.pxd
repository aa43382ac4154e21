from libc.stdint cimport uint8_t, uint32_t

from fastdicom._core.command cimport fd_span


cdef extern from "fd_element.h":
    const int FD_ELEMENT_OK
    const int FD_ELEMENT_TRUNCATED
    const int FD_ELEMENT_VR
    const int FD_ELEMENT_UNDEFINED

    struct fd_syntax:
        int is_implicit
        int is_big_endian

    int fd_element_find(const uint8_t *p, size_t n, fd_syntax syntax, uint32_t tag, size_t *offset,
                        fd_span *value) nogil
