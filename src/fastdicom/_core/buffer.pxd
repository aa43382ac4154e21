from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef extern from "fd_pool.h":
    struct fd_pool:
        int64_t kept
        int64_t used
        int64_t budget

    struct fd_block:
        uint8_t *p
        size_t capacity

    void fd_pool_open(fd_pool *pool, int64_t limit) nogil
    void fd_pool_close(fd_pool *pool) nogil
    int fd_pool_take(fd_pool *pool, size_t n, fd_block *block) nogil
    int fd_pool_has_room(fd_pool *pool, size_t n) nogil
    void fd_pool_give(fd_pool *pool, fd_block *block) nogil


cdef extern from "fd_file.h":
    int fd_file_read(int descriptor, uint64_t offset, uint8_t *p, size_t n, size_t *done) nogil


cdef class BufferPool:
    cdef fd_pool pool
    cdef readonly object waiting
    cdef int tell_room(self) except -1


cdef class Buffer:
    cdef BufferPool owner
    cdef fd_block block
    cdef Py_ssize_t length

    @staticmethod
    cdef Buffer adopt(BufferPool owner, fd_block block, size_t length)
