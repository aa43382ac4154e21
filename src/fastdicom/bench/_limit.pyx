"""Bytes over bare sockets, without the GIL: the loops of `csrc/fd_limit.c`.

They know numbers of bytes and nothing of DICOM; `fastdicom.bench.limits` says how many a message has.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc

import os


cdef extern from "fd_limit.h" nogil:
    struct fd_limit_messages:
        const size_t *length
        size_t count

    struct fd_limit_association:
        size_t associate_rq
        size_t associate_ac
        size_t echo_rq
        size_t echo_rsp
        size_t release

    int64_t fd_limit_request(int connection, const uint8_t *p, fd_limit_messages messages, int64_t n,
                             uint8_t *response, size_t response_length)
    int64_t fd_limit_respond(int connection, uint8_t *buffer, fd_limit_messages messages,
                             size_t response_length, const char *prefix)
    int64_t fd_limit_associate(uint16_t port, uint8_t *buffer, fd_limit_association bytes, int64_t n)
    int64_t fd_limit_accept(int listener, uint8_t *buffer, fd_limit_association bytes)


cdef int64_t checked(int64_t status) except -1:
    if status < 0:
        raise OSError(-status, os.strerror(-status))
    return status


cdef class Messages:
    cdef fd_limit_messages messages
    cdef size_t *lengths
    cdef size_t total
    cdef size_t response_length
    cdef bytearray buffer

    def __cinit__(self, lengths, size_t response_length):
        cdef size_t i
        cdef size_t count = len(lengths)
        if count == 0 or min(lengths) < 1 or response_length < 1:
            raise ValueError("a message has at least one byte, and there is at least one message")
        self.lengths = <size_t *>malloc(count * sizeof(size_t))
        if self.lengths == NULL:
            raise MemoryError
        for i in range(count):
            self.lengths[i] = lengths[i]
            self.total += self.lengths[i]
        self.messages.length = self.lengths
        self.messages.count = count
        self.response_length = response_length
        self.buffer = bytearray(max(max(lengths), response_length))

    def __dealloc__(self):
        free(self.lengths)

    def request(self, int connection, bytes content not None, int64_t n):
        cdef uint8_t *buffer = <uint8_t *>PyByteArray_AS_STRING(self.buffer)
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(content)
        cdef int64_t status
        if <size_t>len(content) != self.total:
            raise ValueError(f"the messages have {self.total} bytes together, not {len(content)}")
        with nogil:
            status = fd_limit_request(connection, p, self.messages, n, buffer, self.response_length)
        return checked(status)

    def respond(self, int connection, bytes prefix=None):
        cdef uint8_t *buffer = <uint8_t *>PyByteArray_AS_STRING(self.buffer)
        cdef const char *path = NULL
        cdef int64_t status
        if prefix is not None:
            path = prefix
        with nogil:
            status = fd_limit_respond(connection, buffer, self.messages, self.response_length, path)
        return checked(status)


cdef class Associations:
    cdef fd_limit_association bytes
    cdef bytearray buffer

    def __cinit__(self, size_t associate_rq, size_t associate_ac, size_t echo_rq, size_t echo_rsp,
                  size_t release):
        cdef size_t longest = max(associate_rq, associate_ac, echo_rq, echo_rsp, release)
        if min(associate_rq, associate_ac, echo_rq, echo_rsp, release) < 1:
            raise ValueError("each step of an association has at least one byte")
        self.bytes.associate_rq = associate_rq
        self.bytes.associate_ac = associate_ac
        self.bytes.echo_rq = echo_rq
        self.bytes.echo_rsp = echo_rsp
        self.bytes.release = release
        self.buffer = bytearray(longest)

    def request(self, uint16_t port, int64_t n):
        cdef uint8_t *buffer = <uint8_t *>PyByteArray_AS_STRING(self.buffer)
        cdef int64_t status
        with nogil:
            status = fd_limit_associate(port, buffer, self.bytes, n)
        return checked(status)

    def accept(self, int listener):
        cdef uint8_t *buffer = <uint8_t *>PyByteArray_AS_STRING(self.buffer)
        cdef int64_t status
        with nogil:
            status = fd_limit_accept(listener, buffer, self.bytes)
        return checked(status)
