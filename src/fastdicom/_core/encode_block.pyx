"""Where an encoded data set grows: one block of bytes, and long values that are not copied into it."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

cdef enum:
    BLOCK = 4096
    # From this length on a value is not copied into the block.
    LONG_VALUE = 16384

cdef uint64_t UNDEFINED = 0xFFFFFFFF


cdef class Block:
    """What has been encoded so far, in one of the uncompressed forms."""

    def __cinit__(self, bint is_implicit, bint is_big_endian):
        self.is_implicit, self.is_big_endian = is_implicit, is_big_endian
        self.values, self.places = [], []
        self.block = <uint8_t *>malloc(BLOCK)
        if self.block == NULL:
            raise MemoryError
        self.capacity = BLOCK

    def __dealloc__(self):
        free(self.block)

    cdef list buffers(self):
        """Return all in pieces, long values as they are in the Dataset."""
        cdef size_t begin = 0, end
        pieces = []
        for value, place in zip(self.values, self.places):
            end = place
            if begin < end:
                pieces.append(self.copy(begin, end))
            pieces.append(value)
            begin = end
        if begin < self.used or not pieces:
            pieces.append(self.copy(begin, self.used))
        return pieces

    cdef bytes copy(self, size_t begin, size_t end):
        return PyBytes_FromStringAndSize(<const char *>self.block + begin, <Py_ssize_t>(end - begin))

    cdef uint8_t *reserve(self, size_t n) except NULL:
        """Return where the next n bytes go."""
        cdef size_t capacity = self.capacity
        cdef void *block
        if n > capacity - self.used:
            while n > capacity - self.used:
                capacity *= 2
            block = realloc(self.block, capacity)
            if block == NULL:
                raise MemoryError
            self.block, self.capacity = <uint8_t *>block, capacity
        cdef uint8_t *place = self.block + self.used
        self.used += n
        return place

    cdef int append(self, const void *p, size_t n) except -1:
        memcpy(self.reserve(n), p, n)
        return 0

    cdef int append_bytes(self, bytes value) except -1:
        """Append a value, or, if it is long, only keep its place."""
        cdef size_t n = <size_t>PyBytes_GET_SIZE(value)
        if n < LONG_VALUE:
            return self.append(PyBytes_AS_STRING(value), n)
        self.values.append(value)
        self.places.append(self.used)
        self.aside += n
        return 0

    cdef void store16(self, uint8_t *p, uint16_t value) noexcept:
        if self.is_big_endian:
            p[0], p[1] = <uint8_t>(value >> 8), <uint8_t>value
        else:
            fd_store_le16(p, value)

    cdef void store32(self, uint8_t *p, uint32_t value) noexcept:
        if self.is_big_endian:
            fd_store_be32(p, value)
        else:
            fd_store_le32(p, value)

    cdef void store(self, uint8_t *p, uint64_t value, uint8_t size) noexcept:
        if size == 2:
            self.store16(p, <uint16_t>value)
        elif size == 4:
            self.store32(p, <uint32_t>value)
        else:
            self.store32(p + (4 if self.is_big_endian else 0), <uint32_t>value)
            self.store32(p + (0 if self.is_big_endian else 4), <uint32_t>(value >> 32))

    cdef int mark(self, uint32_t tag, uint32_t length) except -1:
        """Append the header of an item or a delimitation item, PS3.5 7.5."""
        cdef uint8_t *p = self.reserve(8)
        self.store16(p, <uint16_t>(tag >> 16))
        self.store16(p + 2, <uint16_t>tag)
        self.store32(p + 4, length)
        return 0

    cdef int set_length(self, size_t header, size_t before) except -1:
        """Fill in the four bytes of a length whose value began at `before`, where the header ended."""
        cdef uint64_t length = self.used + self.aside - before
        if length >= UNDEFINED:
            raise ValueError(f"its value is {length} bytes long; the limit is {UNDEFINED - 1}")
        self.store32(self.block + header, <uint32_t>length)
        return 0

    cdef int leave(self, size_t used, size_t values, size_t aside) except -1:
        """Go back to where an element began."""
        self.used, self.aside = used, aside
        del self.values[values:]
        del self.places[values:]
        return 0
