from libc.stdint cimport uint32_t


# How text becomes bytes in a character set: ASCII as it is, and the rest of it, too, or by pydicom's encoder.
cdef enum Mode:
    ENCODED
    ASCII
    LATIN_1
    UTF_8

cdef struct Entry:
    uint32_t tag
    uint32_t index


cdef class Level:
    cdef object data_set
    cdef object working
    cdef list keys
    cdef list elements
    cdef Entry *entries
    cdef size_t n
    cdef uint32_t first
    cdef list encodings
    cdef Mode mode
    # Whether elements have another encoding or character set than when they were read.
    cdef bint is_changed
    # Whether pydicom has had the chance to correct ambiguous VRs, here and below.
    cdef bint is_clean

    cdef int gather(self, object data_set, uint32_t first) except -1
    cdef object own(self)
    cdef object element(self, size_t i)
    cdef object converted(self, size_t i)
    cdef int correct(self, list elements, list items, bint is_little_endian) except -1
    cdef int enter(self, Level parent, bint is_implicit, bint is_big_endian) except -1


cdef object failure(uint32_t tag, object element, object error)
