from libc.stdint cimport int64_t


cdef extern from "fd_port.h":
    int64_t fd_atomic_get(const volatile int64_t *total)
    void fd_atomic_put(volatile int64_t *total, int64_t value)


cdef class Linger:
    cdef int64_t moment  # in milliseconds; any thread may change it
