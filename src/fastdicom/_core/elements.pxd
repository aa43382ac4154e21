from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastdicom._core.walking cimport fd_record, fd_walk_kind


cdef class Elements:
    cdef readonly object data
    cdef readonly bint is_implicit
    cdef readonly bint is_big_endian
    cdef readonly uint64_t begin
    cdef readonly uint64_t end
    cdef readonly uint32_t stop_tag
    cdef readonly uint32_t maximum_depth
    cdef readonly uint32_t maximum_elements
    cdef object view
    cdef const uint8_t *p
    cdef fd_record *records
    cdef size_t count
    cdef uint64_t walked
    cdef bint is_indexed
    cdef bint is_ascending
    cdef bint is_stopped
    cdef dict positions
    cdef dict edits
    cdef dict parsed
    cdef object inflate
    cdef object deflated

    cdef int index(self) except -1
    cdef int flags(self) noexcept
    cdef int inflate_data(self) except -1
    cdef object whole(self)
    cdef size_t lower_bound(self, uint32_t tag) noexcept
    cdef const fd_record *locate(self, uint32_t tag) except? NULL
    cdef Elements holder(self, uint32_t tag)
    cdef const fd_record *need(self, uint32_t tag) except NULL
    cdef uint16_t vr_of(self, const fd_record *record) except? 0
    cdef uint16_t vr_by_creator(self, uint32_t tag) except? 0
    cdef object slice(self, uint64_t begin, uint64_t end)
    cdef list spans_of(self, const fd_record *record, fd_walk_kind kind, int flags)
    cdef object edit_of(self, uint32_t tag)
    cdef uint64_t behind_last(self) noexcept
    cdef list places(self)
    cdef list unsorted_places(self)
