from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef extern from "fd_bytes.h":
    struct fd_span:
        const uint8_t *p
        size_t n

    uint16_t fd_load_le16(const uint8_t *p) nogil
    uint32_t fd_load_le32(const uint8_t *p) nogil


cdef extern from "fd_command.h":
    enum fd_command_vr:
        FD_VR_NONE
        FD_VR_UL
        FD_VR_US
        FD_VR_UI
        FD_VR_AE
        FD_VR_AT
        FD_VR_LO

    const size_t FD_COMMAND_LIMIT
    const int FD_COMMAND_ELEMENTS
    const int FD_ELEMENT_HEADER
    const int FD_NO_DATA_SET
    const int FD_HAS_DATA_SET

    struct fd_command:
        fd_span values[24]

    fd_command_vr fd_command_get_vr "fd_command_vr"(uint16_t element) nogil
    int fd_command_index(uint16_t element) nogil
    uint16_t fd_command_element(int index) nogil
    int fd_command_walk(const uint8_t *p, size_t n, fd_command *command) nogil
    uint16_t fd_command_us(const fd_command *command, uint16_t element, uint16_t absent) nogil
    size_t fd_command_store_us(uint8_t *p, uint16_t element, uint16_t value) nogil
    size_t fd_command_store_ul(uint8_t *p, uint16_t element, uint32_t value) nogil
    size_t fd_command_store_at(uint8_t *p, uint16_t element, const uint32_t *tags, size_t n) nogil
    size_t fd_command_store_text(uint8_t *p, uint16_t element, const uint8_t *text, size_t n) nogil


cdef class CommandSet:
    cdef readonly bytes encoded
    cdef fd_command command

    @staticmethod
    cdef CommandSet copy(const uint8_t *p, size_t n)

    cdef int walk(self, bytes encoded) except -1
    cdef size_t copy_uid(self, uint8_t *p, uint16_t affected, uint16_t requested) noexcept
    cdef bint is_answer(self, uint16_t command_field, uint16_t message_id) noexcept
