from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "fd_bytes.h" nogil:
    void fd_store_le16(uint8_t *p, uint16_t value)
    void fd_store_le32(uint8_t *p, uint32_t value)
    void fd_store_be32(uint8_t *p, uint32_t value)


cdef class Block:
    cdef uint8_t *block
    cdef size_t used
    cdef size_t capacity
    # Long values, how long the block was when each came, and their length together.
    cdef list values
    cdef list places
    cdef size_t aside
    cdef bint is_implicit
    cdef bint is_big_endian

    cdef list buffers(self)
    cdef bytes copy(self, size_t begin, size_t end)
    cdef uint8_t *reserve(self, size_t n) except NULL
    cdef int append(self, const void *p, size_t n) except -1
    cdef int append_bytes(self, bytes value) except -1
    cdef void store16(self, uint8_t *p, uint16_t value) noexcept
    cdef void store32(self, uint8_t *p, uint32_t value) noexcept
    cdef void store(self, uint8_t *p, uint64_t value, uint8_t size) noexcept
    cdef int mark(self, uint32_t tag, uint32_t length) except -1
    cdef int set_length(self, size_t header, size_t before) except -1
    cdef int leave(self, size_t used, size_t values, size_t aside) except -1
