from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "fd_vr.h":
    enum:
        FD_VR_US_SS
        FD_VR_OB_OW
        FD_VR_US_SS_OW
        FD_VR_US_OW

    uint16_t FD_VR(int a, int b) nogil
    uint16_t fd_vr_of(uint32_t tag) nogil
    uint16_t fd_vr_private(const uint8_t *creator, size_t n, uint32_t tag) nogil


cdef extern from "fd_walk.h":
    const int FD_WALK_DEPTH_MOST
    const uint32_t FD_WALK_UNDEFINED_LENGTH

    enum:
        FD_WALK_DONE
        FD_WALK_FULL
        FD_WALK_STOPPED
        FD_WALK_E_HEADER
        FD_WALK_E_VALUE
        FD_WALK_E_UNCLOSED
        FD_WALK_E_NO_ITEM
        FD_WALK_E_STRAY
        FD_WALK_E_FRAGMENT
        FD_WALK_E_DEPTH
        FD_WALK_E_ELEMENTS
        FD_WALK_IS_LONG
        FD_WALK_IS_UNDEFINED
        FD_WALK_IS_SEQUENCE
        FD_WALK_IS_FRAGMENTS
        FD_WALK_IS_IMPLICIT
        FD_WALK_IS_BIG

    enum fd_walk_kind:
        FD_WALK_DATA_SET
        FD_WALK_SEQUENCE
        FD_WALK_ITEM
        FD_WALK_FRAGMENTS

    struct fd_record:
        uint64_t offset
        uint64_t value_length
        uint32_t tag
        uint16_t vr
        uint8_t depth
        uint8_t flags

    struct fd_walk_problem "":
        uint64_t offset
        uint32_t tag
        uint64_t value
        uint64_t limit

    struct fd_walk:
        uint32_t stop_tag
        uint32_t maximum_depth
        uint32_t maximum_elements
        int is_whole
        uint64_t offset
        size_t count
        uint32_t elements
        int is_ascending
        fd_walk_problem problem

    uint64_t fd_record_value(const fd_record *record) nogil
    uint64_t fd_record_end(const fd_record *record) nogil
    int fd_walk_is_implicit(const uint8_t *p, size_t n, int is_implicit, int is_item) nogil
    int fd_walk_unknown_flags(const uint8_t *p, size_t n, int flags) nogil
    void fd_walk_begin(fd_walk *walk, const uint8_t *p, uint64_t begin, uint64_t end, fd_walk_kind kind,
                       int flags) nogil
    int fd_walk_on(fd_walk *walk, fd_record *records, size_t room) nogil


cdef enum:
    # As many records as there is room for without asking for memory.
    FD_FEW_RECORDS = 128

cdef str tag_name(uint32_t tag)
cdef str vr_name(uint16_t vr)
cdef int syntax_flags(bint is_implicit, bint is_big_endian) noexcept
cdef object read_only_view(data)
cdef Py_ssize_t check(Py_ssize_t n, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t maximum_depth,
                      Py_ssize_t maximum_elements) except -1
cdef int run(fd_walk *walk, fd_record *few, fd_record **many, uint32_t maximum_elements) except -100
cdef const fd_record *made(const fd_record *few, const fd_record *many) noexcept
cdef list spans(const uint8_t *p, uint64_t begin, uint64_t end, fd_walk_kind kind, int flags,
                uint32_t maximum_depth, uint32_t maximum_elements)
