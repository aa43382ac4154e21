from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastdicom._core.buffer cimport BufferPool, fd_block, fd_pool
from fastdicom._core.command cimport CommandSet, fd_span


cdef extern from "fd_pdu.h":
    const int FD_OK
    const int FD_NEED_DATA
    const int FD_E_PDU_TYPE
    const int FD_E_PDU_LENGTH
    const int FD_E_PDV_LENGTH
    const int FD_E_PDV_EMPTY
    const int FD_E_CONTEXT
    const int FD_E_CONTEXT_CHANGE
    const int FD_E_ORDER
    const int FD_E_COMMAND_LENGTH
    const int FD_E_COMMAND
    const int FD_E_MEMORY
    const int FD_E_PDV_COUNT


cdef extern from "fd_reader.h":
    const int FD_EVENT_PDU
    const int FD_EVENT_P_DATA
    const int FD_EVENT_COMMAND
    const int FD_EVENT_MESSAGE
    const int FD_EVENT_FULL
    const int FD_EVENT_SINK_FAILED
    const int FD_EVENT_SHOWN
    const int FD_EVENT_NO_ROOM
    const int FD_EVENT_LOOK
    const int FD_PREFIX

    enum fd_reader_mode:
        FD_MODE_ASSOCIATE
        FD_MODE_DATA
        FD_MODE_DISCARD

    enum fd_sink:
        FD_SINK_MEMORY
        FD_SINK_WRITE
        FD_SINK_DISCARD

    ctypedef int (*fd_sink_write)(int descriptor, const fd_span *spans, size_t count) nogil

    struct fd_reader:
        fd_reader_mode mode
        uint32_t data_limit
        size_t memory_limit
        int holds_commands
        int is_observed
        uint8_t is_accepted[256]
        fd_sink_write sink_write
        uint8_t message_context
        int is_in_data_set
        uint8_t *command_bytes
        size_t command_length
        fd_sink sink
        int sink_errno
        fd_block data
        uint64_t data_length
        size_t wanted
        fd_span pdu
        uint32_t error_value
        uint32_t error_limit

    struct fd_target:
        uint8_t *p
        size_t n

    int fd_reader_open(fd_reader *reader, fd_pool *pool, uint32_t data_limit, uint32_t other_limit,
                       size_t memory_limit) nogil
    void fd_reader_close(fd_reader *reader) nogil
    size_t fd_reader_targets(fd_reader *reader, fd_target *targets, size_t count) nogil
    size_t fd_reader_staging(fd_reader *reader, fd_target *target) nogil
    void fd_reader_commit(fd_reader *reader, size_t n) nogil
    int fd_reader_next(fd_reader *reader) nogil
    int fd_reader_is_mid_message(const fd_reader *reader) nogil
    size_t fd_reader_staged(const fd_reader *reader) nogil
    int fd_reader_write_to(fd_reader *reader, int descriptor) nogil
    void fd_reader_discard(fd_reader *reader) nogil
    void fd_reader_rest(fd_reader *reader) nogil
    size_t fd_reader_held(const fd_reader *reader) nogil
    bint fd_reader_has_piece(const fd_reader *reader) nogil
    int fd_reader_at_pause(const fd_reader *reader) nogil
    void fd_reader_look(fd_reader *reader, size_t length) nogil
    void fd_reader_cut(fd_reader *reader, size_t piece_length) nogil
    int fd_reader_take_piece(fd_reader *reader, fd_block *data, size_t *length) nogil
    void fd_reader_take(fd_reader *reader, fd_block *data, size_t *length) nogil


cdef extern from "fd_file.h":
    int fd_file_write(int descriptor, const fd_span *spans, size_t count) nogil


cdef extern from "fd_writer.h":
    const int FD_WRITER_HELD

    struct fd_writer:
        uint32_t fragment_maximum
        int is_command_sent
        int is_data_sent
        bint is_open

    uint32_t fd_writer_fragment_maximum(uint32_t peer_maximum_length) nogil
    void fd_writer_open(fd_writer *writer, uint8_t context_id, uint32_t fragment_maximum, fd_span command,
                        const fd_span *data, size_t data_count, int has_data_set) nogil
    void fd_writer_begin(fd_writer *writer, uint8_t context_id, uint32_t fragment_maximum,
                         fd_span command) nogil
    uint64_t fd_writer_left(const fd_writer *writer) nogil
    size_t fd_writer_copy_left(const fd_writer *writer, uint8_t *p) nogil
    void fd_writer_add(fd_writer *writer, const fd_span *data, size_t data_count, int is_last) nogil
    size_t fd_writer_fill(fd_writer *writer, uint8_t *headers, size_t header_room, fd_span *spans,
                          size_t span_room) nogil


cdef class Message:
    cdef readonly int context_id
    cdef readonly CommandSet command
    cdef readonly object data_set
    cdef readonly uint64_t data_set_length
    cdef readonly int sink_errno
    cdef readonly bint is_in_memory


cdef class Reader:
    cdef fd_reader reader
    cdef readonly BufferPool pool
    cdef size_t room
    cdef object translate(self, int code)
    cdef Message take_message(self)


cdef class MessageWriter:
    cdef fd_writer writer
    cdef readonly bytes command
    cdef readonly int context_id
    cdef Py_buffer *views
    cdef fd_span *spans
    cdef Py_ssize_t count
    cdef uint8_t left[2]
    cdef int lock(self, data_set) except -1
    cdef void unlock(self) noexcept
