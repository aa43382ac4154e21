from libc.stdint cimport int64_t, uint8_t, uint64_t

from fastdicom._core.pdata cimport MessageWriter, Reader, fd_reader, fd_writer


cdef extern from "fd_socket.h":
    const int FD_SOCKET_TIMEOUT
    const int FD_SOCKET_CLOSED
    const int FD_SOCKET_FAILED
    const int FD_SOCKET_WOKEN
    const int FD_SOCKET_SIGNAL
    const int FD_SOCKET_SENT
    const int FD_SOCKET_TOO_SLOW
    const int FD_SOCKET_QUIET
    const int64_t FD_NO_DEADLINE

    struct fd_timeouts:
        int idle
        int progress
        int64_t deadline
        int window
        uint64_t window_least

    struct fd_socket:
        int wake_descriptor
        int failure
        size_t span_count
        size_t span_index
        uint64_t bytes_received
        uint64_t bytes_sent

    void fd_socket_open(fd_socket *s, int descriptor, int wake_descriptor) nogil
    void fd_socket_close(fd_socket *s) nogil
    void fd_socket_rest(fd_socket *s) nogil
    int fd_socket_receive(fd_socket *s, fd_reader *reader, const fd_timeouts *timeouts,
                          const volatile int64_t *linger) nogil
    int64_t fd_socket_due(const fd_socket *s, const fd_reader *reader, const fd_timeouts *timeouts) nogil
    int fd_socket_queue(fd_socket *s, const uint8_t *p, size_t n) nogil
    int fd_socket_has_news(const fd_socket *s) nogil
    void fd_socket_cut(fd_socket *s) nogil
    int fd_socket_send(fd_socket *s, fd_reader *reader, fd_writer *writer, const fd_timeouts *timeouts,
                       int listens) nogil
    int fd_socket_send_short(fd_socket *s, fd_reader *reader, fd_writer *writer) nogil


cdef class Wire:
    cdef fd_socket socket
    cdef fd_timeouts timeouts
    cdef readonly Reader reader
    # What the queued spans point into must outlive them, should a send end early.
    cdef object sending
    cdef list queued
    cdef int begin(self, MessageWriter message) except -1
    cdef void end_sending(self) noexcept
    cdef object send_all(self, fd_writer *writer, bint listens)
    cdef object outcome(self, int code)
