"""The walk over an encoded data set: the kernel is run, its records get room, its errors become exceptions.

`walk` lists what is at every level. What is at one level is for `fastdicom._core.elements`.
"""

from cpython.buffer cimport PyBuffer_IsContiguous
from cpython.memoryview cimport PyMemoryView_FromObject, PyMemoryView_GET_BUFFER
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from fastdicom.errors import EncodedDatasetError

cdef enum:
    # As many elements as are walked over before it pays to give up the GIL and to ask for it again.
    FD_FEW_ELEMENTS = 512

cdef dict REASONS = {
    FD_WALK_E_HEADER: "the header has {limit} bytes; {value} are left",
    FD_WALK_E_VALUE: "the value length is {value}; {limit} bytes are left",
    FD_WALK_E_UNCLOSED: "the data ends in a value of undefined length that has no delimitation item",
    FD_WALK_E_NO_ITEM: "an item or a delimitation item must be here (PS3.5 7.5)",
    FD_WALK_E_STRAY: "an element must be here, not an item or a delimitation item; its length is {value}",
    FD_WALK_E_FRAGMENT: "a fragment has an undefined length (PS3.5 A.4)",
    FD_WALK_E_DEPTH: "sequences nest {value} deep; the limit is {limit}",
    FD_WALK_E_ELEMENTS: "there are {value} elements or more; the limit is {limit}",
}

cdef list LETTERS = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
# As pydicom spells them.
cdef dict AMBIGUOUS = {
    FD_VR_US_SS: "US or SS",
    FD_VR_OB_OW: "OB or OW",
    FD_VR_US_SS_OW: "US or SS or OW",
    FD_VR_US_OW: "US or OW",
}


cdef str vr_name(uint16_t vr):
    cdef int first = (vr >> 8) - c"A"
    if first < 0:
        return AMBIGUOUS[vr]
    return <str>LETTERS[26 * first + (vr & 0xFF) - c"A"]


cdef str tag_name(uint32_t tag):
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


cdef object error_of(int code, const fd_walk *walk):
    reason = REASONS[code].format(value=walk.problem.value, limit=walk.problem.limit)
    # Of less than a header there may be no tag.
    tag = walk.problem.tag if walk.problem.tag or code != FD_WALK_E_HEADER else None
    name = "" if tag is None else f", {tag_name(tag)}"
    return EncodedDatasetError(f"at offset {walk.problem.offset} of the data set{name}: {reason}",
                               offset=walk.problem.offset, tag=tag)


cdef int walk_all(fd_walk *walk, fd_record *few, fd_record **many) noexcept nogil:
    # Walk to the end; records go to *few while that suffices, then to *many, which the caller frees.
    cdef fd_record *records = few if many[0] == NULL else many[0]
    cdef size_t room = FD_FEW_RECORDS if many[0] == NULL else walk.count
    cdef fd_record *more
    cdef int code
    while True:
        code = fd_walk_on(walk, records, room)
        if code != FD_WALK_FULL:
            return code
        room *= 2
        more = <fd_record *>realloc(many[0], room * sizeof(fd_record))
        if more == NULL:
            return FD_WALK_FULL
        if many[0] == NULL:
            memcpy(more, few, walk.count * sizeof(fd_record))
        many[0] = records = more


cdef int run(fd_walk *walk, fd_record *few, fd_record **many, uint32_t maximum_elements) except -100:
    # Walk, without the GIL when that takes longer than a moment. DONE or STOPPED; errors are raised.
    cdef int code
    walk.maximum_elements = min(<uint32_t>FD_FEW_ELEMENTS, maximum_elements)
    code = fd_walk_on(walk, few, FD_FEW_RECORDS)
    if code == FD_WALK_FULL or (code == FD_WALK_E_ELEMENTS and maximum_elements > FD_FEW_ELEMENTS):
        walk.maximum_elements = maximum_elements
        with nogil:
            code = walk_all(walk, few, many)
    if code == FD_WALK_FULL:
        raise MemoryError(f"no memory for the index of {walk.count} elements")
    if code < 0:
        raise error_of(code, walk)
    return code


cdef const fd_record *made(const fd_record *few, const fd_record *many) noexcept:
    # Where the records are.
    return few if many == NULL else many


cdef list spans(const uint8_t *p, uint64_t begin, uint64_t end, fd_walk_kind kind, int flags,
                uint32_t maximum_depth, uint32_t maximum_elements):
    # What each item or fragment holds, as (begin, end).
    cdef fd_record few[FD_FEW_RECORDS]
    cdef fd_record *many = NULL
    cdef const fd_record *found
    cdef fd_walk walk
    cdef size_t i
    fd_walk_begin(&walk, p, begin, end, kind, flags)
    walk.maximum_depth = maximum_depth
    try:
        run(&walk, few, &many, maximum_elements)
        found = made(few, many)
        return [(fd_record_value(found + i), fd_record_value(found + i) + found[i].value_length)
                for i in range(walk.count)]
    finally:
        free(many)


cdef int syntax_flags(bint is_implicit, bint is_big_endian) noexcept:
    return (FD_WALK_IS_IMPLICIT if is_implicit else 0) | (FD_WALK_IS_BIG if is_big_endian else 0)


cdef Py_ssize_t check(Py_ssize_t n, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t maximum_depth,
                      Py_ssize_t maximum_elements) except -1:
    # Check what callers say of n bytes of data, and return the end.
    if end == -1:
        end = n
    if not 0 <= begin <= end <= n:
        raise ValueError(f"begin is {begin} and end is {end}; the data is {n} bytes long")
    if not 0 <= maximum_depth <= FD_WALK_DEPTH_MOST:
        raise ValueError(f"maximum_depth is {maximum_depth}; the limit is {FD_WALK_DEPTH_MOST}")
    if not 0 <= maximum_elements <= 0x7FFFFFFF:
        raise ValueError(f"maximum_elements is {maximum_elements}; the limit is {0x7FFFFFFF}")
    return end


cdef object read_only_view(data):
    view = PyMemoryView_FromObject(data)
    cdef Py_buffer *buffer = PyMemoryView_GET_BUFFER(view)
    cdef bint are_bytes = buffer.ndim == 1 and buffer.format != NULL and buffer.format[0] == c"B"
    if not are_bytes or not PyBuffer_IsContiguous(buffer, c"C"):
        view = view.cast("B")  # which refuses what is not contiguous
    return view if PyMemoryView_GET_BUFFER(view).readonly else view.toreadonly()


def walk(data, bint is_implicit, bint is_big_endian, *, Py_ssize_t begin=0, Py_ssize_t end=-1,
         bint is_item=False, vrs=None, Py_ssize_t maximum_depth=64, Py_ssize_t maximum_elements=1_000_000):
    """List the elements of a data set at every level, in the order of the data.

    Parameters
    ----------
    data, is_implicit, is_big_endian, begin, end, is_item, maximum_depth, maximum_elements
        As for `fastdicom._core.elements.Elements`; the limits hold for every level.
    vrs
        The VRs to list, as str; None lists all. Items, whose tag is (FFFE,E000), go with "SQ".

    Returns
    -------
    list
        Rows of (depth, tag, vr, header_offset, value_offset, value_length, has_undefined_length). The depth
        is the number of sequences around. The VR is as the dictionaries know it where none or UN stands; it
        is "SQ" for everything whose items are listed, and "" for an item. Fragments are not listed.

    Raises
    ------
    EncodedDatasetError
        Where the data is not as PS3.5 7 says.
    """
    cdef fd_record few[FD_FEW_RECORDS]
    cdef fd_record *many = NULL
    cdef const fd_record *record
    cdef fd_walk walk
    cdef size_t i
    cdef list rows = []
    view = read_only_view(data)
    cdef const uint8_t *p = <const uint8_t *>PyMemoryView_GET_BUFFER(view).buf
    end = check(PyMemoryView_GET_BUFFER(view).len, begin, end, maximum_depth, maximum_elements)
    is_implicit = fd_walk_is_implicit(p + begin, end - begin, is_implicit, is_item)
    fd_walk_begin(&walk, p, begin, end, FD_WALK_DATA_SET, syntax_flags(is_implicit, is_big_endian))
    walk.maximum_depth = <uint32_t>maximum_depth
    walk.is_whole = True
    try:
        run(&walk, few, &many, <uint32_t>maximum_elements)
        for i in range(walk.count):
            record = made(few, many) + i
            vr = vr_name(record.vr) if record.vr else ""
            if vrs is None or (vr or "SQ") in vrs:
                rows.append((record.depth, record.tag, vr, record.offset, fd_record_value(record),
                             record.value_length, record.flags & FD_WALK_IS_UNDEFINED != 0))
    finally:
        free(many)
    return rows
