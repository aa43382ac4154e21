from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastdicom._core.walking cimport fd_record


cdef extern from "fd_swap.h":
    void fd_swap(uint8_t *to, const uint8_t *from_, size_t n, unsigned unit) nogil


cdef extern from "fd_transcode.h":
    enum:
        FD_TRANSCODE_DONE
        FD_TRANSCODE_FULL
        FD_TRANSCODE_FULL_CUTS
        FD_TRANSCODE_E_FRAGMENTS
        FD_TRANSCODE_E_LENGTH
        FD_TRANSCODE_CUT
        FD_TRANSCODE_ROOM

    struct fd_cut:
        uint64_t arena
        uint64_t offset
        uint64_t length
        uint64_t unit

    struct fd_transcode:
        uint8_t *arena
        size_t room
        fd_cut *cuts
        size_t cut_room
        size_t used
        size_t cut_count
        uint64_t written
        uint32_t problem
        uint64_t problem_offset

    void fd_transcode_begin(fd_transcode *transcode, const uint8_t *p, const fd_record *records,
                            size_t record_count, int is_implicit, int is_big) nogil
    int fd_transcode_on(fd_transcode *transcode) nogil


cdef class Transcoding:
    cdef object view
    cdef const uint8_t *p
    cdef fd_transcode state

    cdef object swapped(self, const fd_cut *cut, uint64_t begin, uint64_t length)
