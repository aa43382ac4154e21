"""Encoded data sets in another of the uncompressed transfer syntaxes, without being decoded (PS3.5 Annex A).

One pass finds the elements, one writes them: headers and short values to a block of their own. Long values
stay where they are until they are asked for, and then come as slices of the data, or piece by piece in the
other byte order.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from fastdicom._core.walking cimport (
    FD_WALK_DATA_SET,
    FD_WALK_DEPTH_MOST,
    FD_WALK_IS_BIG,
    FD_WALK_IS_IMPLICIT,
    fd_walk,
    fd_walk_begin,
    fd_walk_is_implicit,
    read_only_view,
    run,
    tag_name,
)

from fastdicom.errors import EncodedDatasetError

cdef enum:
    FEW_RECORDS = 128  # as many as `run` takes
    FIRST_ROOM = 64 << 10
    FIRST_CUTS = 16

cdef dict REASONS = {
    FD_TRANSCODE_E_FRAGMENTS: "encapsulated pixel data has no other byte order (PS3.5 A.4)",
    FD_TRANSCODE_E_LENGTH: f"its length becomes more than {0xFFFFFFFE} bytes",
}


cdef int write_all(fd_transcode *state) noexcept nogil:
    # Write to the end, with more room whenever it is needed; FULL or FULL_CUTS when there is no memory.
    cdef int code
    cdef void *more
    while True:
        if state.room - state.used < FD_TRANSCODE_ROOM:
            more = realloc(state.arena, max(2 * state.room, <size_t>FIRST_ROOM))
            if more == NULL:
                return FD_TRANSCODE_FULL
            state.arena = <uint8_t *>more
            state.room = max(2 * state.room, <size_t>FIRST_ROOM)
        if state.cut_count == state.cut_room:
            more = realloc(state.cuts, max(2 * state.cut_room, <size_t>FIRST_CUTS) * sizeof(fd_cut))
            if more == NULL:
                return FD_TRANSCODE_FULL_CUTS
            state.cuts = <fd_cut *>more
            state.cut_room = max(2 * state.cut_room, <size_t>FIRST_CUTS)
        code = fd_transcode_on(state)
        if code != FD_TRANSCODE_FULL and code != FD_TRANSCODE_FULL_CUTS:
            return code


cdef void join(const fd_transcode *state, const uint8_t *p, uint8_t *to) noexcept nogil:
    # All that has been written, with what was cut out.
    cdef uint64_t used = 0
    cdef size_t i
    cdef const fd_cut *cut
    for i in range(state.cut_count):
        cut = &state.cuts[i]
        memcpy(to, state.arena + used, cut.arena - used)
        to += cut.arena - used
        used = cut.arena
        fd_swap(to, p + cut.offset, cut.length, <unsigned>cut.unit)
        to += cut.length
    memcpy(to, state.arena + used, state.used - used)


cdef class Transcoding:
    """A data set in another encoding: what is written is small, large values are still where they were.

    A value that has no VR, or UN, gets the one that pydicom's dictionaries and `correct_ambiguous_vr` give
    it; one that is too long for its VR gets UN (PS3.5 6.2.2). Group lengths are left out (PS3.5 7.2),
    defined lengths of sequences and items are set anew, undefined ones stay, and so do odd lengths.

    Parameters
    ----------
    data : buffer
        The encoded data set. It must not change while this object lives.
    from_implicit, from_big_endian
        How it is encoded (PS3.5 7.1 and 7.3).
    to_implicit, to_big_endian
        How it is to be encoded. There is no implicit VR big endian.
    begin, end
        Where it is in the data; -1 is the end of the data.
    maximum_depth, maximum_elements
        How deep sequences may nest, and how many elements and items there may be.

    Raises
    ------
    EncodedDatasetError
        When the data set is not as PS3.5 says or goes beyond a limit, or has encapsulated pixel data and is
        to change its byte order.
    """

    def __cinit__(self, data, bint from_implicit, bint from_big_endian, bint to_implicit,
                  bint to_big_endian, *, Py_ssize_t begin=0, Py_ssize_t end=-1, uint32_t maximum_depth=64,
                  uint32_t maximum_elements=1_000_000):
        self.view = read_only_view(data)
        cdef Py_buffer *buffer = PyMemoryView_GET_BUFFER(self.view)
        self.p = <const uint8_t *>buffer.buf
        if end == -1:
            end = buffer.len
        if not 0 <= begin <= end <= buffer.len:
            raise ValueError(f"begin is {begin} and end is {end}; the data is {buffer.len} bytes long")
        if maximum_depth > FD_WALK_DEPTH_MOST:
            raise ValueError(f"maximum_depth is {maximum_depth}; the limit is {FD_WALK_DEPTH_MOST}")
        if to_implicit and to_big_endian:
            raise ValueError("no transfer syntax is implicit VR big endian")
        # Both are too large for some threads' stacks.
        cdef fd_walk *walk = <fd_walk *>PyMem_RawMalloc(sizeof(fd_walk))
        cdef fd_record few[FEW_RECORDS]
        cdef fd_record *many = NULL
        cdef int flags, code
        if walk == NULL:
            raise MemoryError("no memory for a walk over the data set")
        try:
            flags = FD_WALK_IS_BIG if from_big_endian else 0
            if fd_walk_is_implicit(self.p + begin, end - begin, from_implicit, False):
                flags |= FD_WALK_IS_IMPLICIT
            fd_walk_begin(walk, self.p, begin, end, FD_WALK_DATA_SET, flags)
            walk.maximum_depth = maximum_depth
            walk.is_whole = True
            run(walk, few, &many, maximum_elements)
            fd_transcode_begin(&self.state, self.p, &few[0] if many == NULL else many, walk.count,
                               to_implicit, to_big_endian)
            with nogil:
                code = write_all(&self.state)
        finally:
            PyMem_RawFree(walk)
            free(many)
        if code == FD_TRANSCODE_FULL or code == FD_TRANSCODE_FULL_CUTS:
            raise MemoryError(f"no memory for the data set that is written, after {self.state.written} bytes")
        if code != FD_TRANSCODE_DONE:
            raise EncodedDatasetError(
                f"at offset {self.state.problem_offset} of the data set, {tag_name(self.state.problem)}: "
                f"{REASONS[code]}", offset=self.state.problem_offset, tag=self.state.problem)

    def __dealloc__(self):
        free(self.state.arena)
        free(self.state.cuts)

    def __len__(self):
        return self.state.written

    def pieces(self, Py_ssize_t piece_length=1 << 20):
        """Yield what is written, in order, as buffers.

        Parameters
        ----------
        piece_length
            How long, in bytes, a buffer may be that is made for a value in the other byte order. A value that
            stays as it is comes as one slice of the data, however long it is.

        Yields
        ------
        bytes or memoryview
        """
        cdef uint64_t used = 0
        cdef uint64_t done, length
        cdef size_t i
        cdef fd_cut *cut
        length = max(piece_length, 8) // 8 * 8
        for i in range(self.state.cut_count):
            cut = &self.state.cuts[i]
            if cut.arena > used:
                yield PyBytes_FromStringAndSize(<char *>self.state.arena + used, cut.arena - used)
                used = cut.arena
            if cut.unit == 1:
                yield self.view[cut.offset:cut.offset + cut.length]
                continue
            done = 0
            while done < cut.length:
                yield self.swapped(cut, done, min(length, cut.length - done))
                done += length
        if self.state.used > used:
            yield PyBytes_FromStringAndSize(<char *>self.state.arena + used, self.state.used - used)

    cdef object swapped(self, const fd_cut *cut, uint64_t begin, uint64_t length):
        piece = PyBytes_FromStringAndSize(NULL, length)
        cdef uint8_t *to = <uint8_t *>PyBytes_AS_STRING(piece)
        with nogil:
            fd_swap(to, self.p + cut.offset + begin, length, <unsigned>cut.unit)
        return piece

    def __bytes__(self):
        joined = PyBytes_FromStringAndSize(NULL, self.state.written)
        cdef uint8_t *to = <uint8_t *>PyBytes_AS_STRING(joined)
        with nogil:
            join(&self.state, self.p, to)
        return joined
