from libc.stdint cimport uint16_t

from fastdicom._core.pdata cimport Message


cdef class Goal:
    cdef public bint is_reached


cdef class Answers(Goal):
    cdef readonly object answered
    cdef int note(self, object invocation) except -1


cdef class Invocation(Goal):
    cdef readonly int context_id
    cdef readonly uint16_t command_field
    cdef readonly int message_id
    cdef object key
    cdef public object thread
    cdef readonly double started
    cdef public double begun
    cdef readonly Message response
    cdef public bint is_abandoned
    cdef public Answers answers
    cdef bint has_last(self) noexcept
    cdef int add(self, Message message, uint16_t status) except -1


cdef class Inquiry(Invocation):
    cdef readonly object responses
    cdef Goal end
    cdef size_t waiting_length
    cdef int keep(self, Message message) except -1


cdef class Exchange:
    cdef public int invoked_limit
    cdef public int performed_limit
    cdef readonly dict invoked
    cdef readonly dict performed
    cdef readonly set cancelled
    cdef int last_message_id
    cdef Invocation latest
    cdef int forget(self, Invocation invocation) except -1
    cdef bint has_no_room(self) noexcept
    cdef int choose(self) except -1
