from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastdicom._core.encode_block cimport Block


cdef extern from "fd_vr.h" nogil:
    enum:
        FD_VR_US_OW
    uint16_t fd_vr_of(uint32_t tag)
