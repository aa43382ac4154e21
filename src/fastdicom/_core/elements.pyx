"""The elements of an encoded data set: where they stand, their values as slices, and edits by splicing.

`Elements` is one level: a data set, or an item of a sequence. It is indexed when it is first asked, in one
pass in C; values are never copied, and what is edited is kept beside the data until `buffers()` puts both
together. Several threads may read one; while one edits it, nobody else may read.
"""

cimport cython
from cpython.buffer cimport PyObject_GetBuffer
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdlib cimport free
from libc.string cimport memcpy

from fastdicom._core.walking cimport (
    FD_FEW_RECORDS, FD_VR, FD_WALK_DATA_SET, FD_WALK_FRAGMENTS, FD_WALK_IS_BIG, FD_WALK_IS_FRAGMENTS,
    FD_WALK_IS_IMPLICIT, FD_WALK_IS_SEQUENCE, FD_WALK_IS_UNDEFINED, FD_WALK_SEQUENCE, FD_WALK_STOPPED, check,
    fd_record_end, fd_record_value, fd_vr_of, fd_vr_private, fd_walk, fd_walk_begin, fd_walk_is_implicit,
    fd_walk_unknown_flags, made, read_only_view, run, spans, syntax_flags, tag_name, vr_name,
)

from fastdicom.errors import EncodedDatasetError

cdef uint16_t SQ = FD_VR(c"S", c"Q")
cdef uint16_t UN = FD_VR(c"U", c"N")


cdef class Elements:
    """The elements of a data set or an item, in the order of their tags.

    Parameters
    ----------
    data
        Any contiguous buffer. It must not change while it is in use.
    is_implicit, is_big_endian
        The encoding (PS3.5 7.1, 7.3). `is_implicit` becomes what the first element shows, as in pydicom.
    begin, end
        Where in `data`, in bytes; -1 is its end. All offsets are offsets in `data`.
    stop_tag
        The index ends before the first element with this tag or a higher one; 0: never. The rest goes along.
    is_item
        Whether this is an item: implicit VR is then never mistaken.
    maximum_depth
        How deep sequences may nest, at most 255.
    maximum_elements
        How many elements, items and fragments there may be, those in sequences of undefined length included.
    inflate
        What makes the data set of a deflated one, called when the elements are first looked at. From then on
        `data` is what it has returned, and offsets are offsets in that; but as long as nothing is edited, the
        bytes of this object and `buffers()` are the deflated ones.

    Raises
    ------
    EncodedDatasetError
        By whatever looks at the elements first: where the data is not as PS3.5 7 says.
    ValueError
        When a parameter is out of its limits.
    """

    def __init__(self, data, bint is_implicit, bint is_big_endian, *, Py_ssize_t begin=0, Py_ssize_t end=-1,
                 uint32_t stop_tag=0, bint is_item=False, Py_ssize_t maximum_depth=64,
                 Py_ssize_t maximum_elements=1_000_000, inflate=None):
        if self.view is not None:
            raise TypeError("Elements is initialised once")
        view = read_only_view(data)
        cdef Py_buffer *buffer = PyMemoryView_GET_BUFFER(view)
        end = check(buffer.len, begin, end, maximum_depth, maximum_elements)
        self.data = data
        self.view = view
        self.p = <const uint8_t *>buffer.buf
        self.begin = begin
        self.end = end
        self.stop_tag = stop_tag
        self.maximum_depth = <uint32_t>maximum_depth
        self.maximum_elements = <uint32_t>maximum_elements
        self.is_big_endian = is_big_endian
        self.is_implicit = is_implicit
        self.inflate = inflate
        if end - begin >= 6 and inflate is None:
            self.is_implicit = fd_walk_is_implicit(self.p + begin, end - begin, is_implicit, is_item)

    def __dealloc__(self):
        PyMem_RawFree(self.records)

    def release(self):
        """Let go of the data; what was sliced from it stays. Afterwards only a new Elements can look into it.

        Raises
        ------
        BufferError
            When the buffer of this object is in use.
        """
        if self.view is not None:
            self.view.release()
        self.data = self.inflate = self.deflated = None
        self.p = NULL
        self.begin = self.end = self.walked = 0
        self.count = 0
        self.edits = self.parsed = self.positions = None
        self.is_indexed = self.is_ascending = True

    # --- the index ---

    cdef int flags(self) noexcept:
        return syntax_flags(self.is_implicit, self.is_big_endian)

    cdef int index(self) except -1:
        if self.is_indexed:
            return 0
        cdef fd_record few[FD_FEW_RECORDS]
        cdef fd_record *many = NULL
        cdef fd_record *records = NULL
        cdef fd_walk walk
        cdef int code
        if self.view is None:
            raise TypeError("Elements.__init__ was not called")
        if self.inflate is not None:
            self.inflate_data()
        fd_walk_begin(&walk, self.p, self.begin, self.end, FD_WALK_DATA_SET, self.flags())
        walk.stop_tag = self.stop_tag
        walk.maximum_depth = self.maximum_depth
        try:
            code = run(&walk, few, &many, self.maximum_elements)
            records = <fd_record *>PyMem_RawMalloc(walk.count * sizeof(fd_record))
            if records == NULL:
                raise MemoryError(f"no memory for the index of {walk.count} elements")
            memcpy(records, made(few, many), walk.count * sizeof(fd_record))
        finally:
            free(many)
        with cython.critical_section(self):
            if self.is_indexed:  # by another thread meanwhile
                PyMem_RawFree(records)
            else:
                self.records = records
                self.count = walk.count
                self.walked = walk.offset
                self.is_ascending = walk.is_ascending
                self.is_stopped = code == FD_WALK_STOPPED
                if not self.is_ascending:
                    self.positions = {records[i].tag: i for i in range(walk.count)}
                self.is_indexed = True
        return 0

    cdef int inflate_data(self) except -1:
        inflate = self.inflate
        deflated = self.slice(self.begin, self.end)
        data = inflate(deflated)
        view = read_only_view(data)
        with cython.critical_section(self):
            if self.inflate is not None:  # not by another thread meanwhile
                self.deflated = deflated
                self.data = data
                self.view = view
                self.p = <const uint8_t *>PyMemoryView_GET_BUFFER(view).buf
                self.begin = 0
                self.end = PyMemoryView_GET_BUFFER(view).len
                self.inflate = None
        return 0

    cdef object whole(self):
        # The bytes as they came.
        return self.slice(self.begin, self.end) if self.deflated is None else self.deflated

    cdef size_t lower_bound(self, uint32_t tag) noexcept:
        # The position of the first record with this tag or a higher one; for ascending records.
        cdef const fd_record *base = self.records
        cdef size_t n = self.count
        cdef size_t half
        while n > 1:
            half = n // 2
            base = base + half if base[half - 1].tag < tag else base
            n -= half
        return <size_t>(base - self.records) + (1 if n == 1 and base.tag < tag else 0)

    cdef const fd_record *locate(self, uint32_t tag) except? NULL:
        # The record of the last element with this tag, or NULL. Edits are not looked at.
        cdef size_t i
        self.index()
        if not self.is_ascending:
            position = self.positions.get(tag)
            return NULL if position is None else self.records + <size_t>position
        i = self.lower_bound(tag)
        return self.records + i if i < self.count and self.records[i].tag == tag else NULL

    cdef Elements holder(self, uint32_t tag):
        # Where the element stands: here, or in what replaces it.
        cdef Elements parsed
        if self.edits is None or tag not in self.edits:
            return self
        encoded = self.edit_of(tag)
        if encoded is None:
            raise KeyError(tag)
        parsed = self.parsed.get(tag)
        if parsed is None:
            if type(encoded) is list:
                encoded = b"".join(encoded)
            parsed = Elements(encoded, self.is_implicit, self.is_big_endian, is_item=True,
                              maximum_depth=self.maximum_depth, maximum_elements=self.maximum_elements)
            self.parsed[tag] = parsed
        return parsed

    cdef const fd_record *need(self, uint32_t tag) except NULL:
        cdef const fd_record *record = self.locate(tag)
        if record == NULL:
            raise KeyError(tag)
        return record

    cdef object slice(self, uint64_t begin, uint64_t end):
        return self.view[begin:end]

    @property
    def end_offset(self):
        """Where the index ended: at `end`, or at the first element that `stop_tag` leaves out."""
        self.index()
        return self.walked

    @property
    def is_edited(self):
        """Whether anything was replaced or deleted."""
        return bool(self.edits)

    def __len__(self):
        self.index()
        return self.count if self.is_ascending and not self.edits else len(Elements.tags(self))

    def __contains__(self, uint32_t tag):
        if self.edits is not None and tag in self.edits:
            return self.edits[tag] is not None
        return self.locate(tag) != NULL

    def tags(self):
        """Return the tags as int, ascending, edits included."""
        cdef size_t i
        self.index()
        cdef list tags = [self.records[i].tag for i in range(self.count)]
        if self.is_ascending and not self.edits:
            return tags
        present = set(tags)
        for tag, encoded in (self.edits or {}).items():
            if encoded is None:
                present.discard(tag)
            else:
                present.add(tag)
        return sorted(present)

    # --- one element ---

    cdef uint16_t vr_by_creator(self, uint32_t tag) except? 0:
        cdef uint32_t creator = (tag & 0xFFFF0000) | (tag >> 8 & 0xFF)
        cdef Elements holder
        cdef const fd_record *record
        if tag & 0xFFFF < 0x1000 or not Elements.__contains__(self, creator):
            return 0
        holder = self.holder(creator)
        record = holder.need(creator)
        return fd_vr_private(holder.p + fd_record_value(record), record.value_length, tag)

    cdef uint16_t vr_of(self, const fd_record *record) except? 0:
        cdef uint16_t vr = record.vr
        if vr == 0 and record.flags & FD_WALK_IS_SEQUENCE:
            return SQ
        if vr == 0:
            vr = fd_vr_of(record.tag)
        if vr == 0 and record.tag >> 16 & 1:
            vr = self.vr_by_creator(record.tag)
        return vr if vr != 0 else UN

    def vr(self, uint32_t tag):
        """Return the VR of an element.

        In explicit VR as it stands; otherwise as the dictionaries know it, by private creators too, "SQ" for
        what is unknown and has items, or "UN". "US or SS" and the like are for the caller to decide.

        Raises
        ------
        KeyError
            When it is not there.
        """
        return vr_name(self.vr_of(self.holder(tag).need(tag)))

    def raw(self, uint32_t tag):
        """Return the value of an element as it is encoded, without a sequence delimitation item.

        Raises
        ------
        KeyError
            When it is not there.
        """
        cdef Elements holder = self.holder(tag)
        cdef const fd_record *record = holder.need(tag)
        cdef uint64_t begin = fd_record_value(record)
        return holder.slice(begin, begin + record.value_length)

    def element(self, uint32_t tag):
        """Return (vr, raw) of an element, as those methods do; None when it is not there."""
        if not Elements.__contains__(self, tag):
            return None
        cdef Elements holder = self.holder(tag)
        cdef const fd_record *record = holder.need(tag)
        cdef uint64_t begin = fd_record_value(record)
        return vr_name(self.vr_of(record)), holder.slice(begin, begin + record.value_length)

    def value_length(self, uint32_t tag):
        """Return how long the value of an element is, in bytes, without a delimitation item."""
        return self.holder(tag).need(tag).value_length

    def has_undefined_length(self, uint32_t tag):
        """Return whether the length of an element is undefined."""
        return self.holder(tag).need(tag).flags & FD_WALK_IS_UNDEFINED != 0

    def is_sequence(self, uint32_t tag):
        """Return whether an element has items: its VR is SQ, or it is unknown and of undefined length."""
        cdef const fd_record *record = self.holder(tag).need(tag)
        return record.flags & FD_WALK_IS_SEQUENCE != 0 or self.vr_of(record) == SQ

    def is_encapsulated(self, uint32_t tag):
        """Return whether an element has fragments (PS3.5 A.4)."""
        return self.holder(tag).need(tag).flags & FD_WALK_IS_FRAGMENTS != 0

    def source(self, uint32_t tag):
        """Return where an element stands: this object, or another over what replaces the element."""
        cdef Elements holder = self.holder(tag)
        holder.need(tag)
        return holder

    def offsets(self, uint32_t tag):
        """Return (header, value, value_length): where an element stands in `source(tag).data`."""
        cdef const fd_record *record = self.holder(tag).need(tag)
        return record.offset, fd_record_value(record), record.value_length

    # --- sequences and fragments ---

    cdef list spans_of(self, const fd_record *record, fd_walk_kind kind, int flags):
        cdef uint64_t begin = fd_record_value(record)
        return spans(self.p, begin, begin + record.value_length, kind, flags, self.maximum_depth,
                     self.maximum_elements)

    def items_of(self, uint32_t tag):
        """Return [(begin, end)]: where in `source(tag).data` what each item of a sequence holds stands.

        Raises
        ------
        KeyError
            When the element is not there.
        EncodedDatasetError
            When it is no sequence, or a broken one.
        """
        cdef Elements holder = self.holder(tag)
        cdef const fd_record *record = holder.need(tag)
        cdef uint16_t vr = self.vr_of(record)
        if vr != SQ and vr != UN:
            raise EncodedDatasetError(f"{tag_name(tag)} is no sequence; its VR is {vr_name(vr)}",
                                      offset=record.offset, tag=tag)
        is_implicit, is_big_endian = Elements.items_syntax(holder, tag)
        return holder.spans_of(record, FD_WALK_SEQUENCE, syntax_flags(is_implicit, is_big_endian))

    def items_syntax(self, uint32_t tag):
        """Return (is_implicit, is_big_endian) of the items of a sequence.

        That of UN is implicit little endian (PS3.5 6.2.2), unless the first item shows another.
        """
        cdef Elements holder = self.holder(tag)
        cdef const fd_record *record = holder.need(tag)
        cdef int flags = holder.flags()
        if record.vr == UN:
            flags = fd_walk_unknown_flags(holder.p + fd_record_value(record), record.value_length, flags)
        return flags & FD_WALK_IS_IMPLICIT != 0, flags & FD_WALK_IS_BIG != 0

    def fragments_of(self, uint32_t tag):
        """Return [(begin, end)]: where in `source(tag).data` fragments stand, the offset table first.

        Raises
        ------
        KeyError
            When the element is not there.
        EncodedDatasetError
            When it is not encapsulated, or broken.
        """
        cdef Elements holder = self.holder(tag)
        cdef const fd_record *record = holder.need(tag)
        if not record.flags & FD_WALK_IS_FRAGMENTS:
            raise EncodedDatasetError(f"{tag_name(tag)} is not encapsulated", offset=record.offset, tag=tag)
        return holder.spans_of(record, FD_WALK_FRAGMENTS, holder.flags())

    # --- edits ---

    def replace(self, uint32_t tag, encoded):
        """Put an element in the place of the one with the same tag, insert it, or delete that.

        Parameters
        ----------
        tag
            The tag.
        encoded
            The whole element as it is to be sent, its header first: bytes, or a list of bytes-like objects
            that are kept, not copied; or an object whose `encode_element()` returns such a list, and is
            called when that is needed. None deletes the element.

        Raises
        ------
        EncodedDatasetError
            When the tag lies behind `stop_tag`, so that it is not known what is there.
        """
        if not (type(encoded) is bytes or type(encoded) is list or encoded is None
                or hasattr(encoded, "encode_element")):
            raise TypeError(f"encoded must be bytes, a list or None, not {type(encoded).__name__}")
        if self.stop_tag != 0 and tag >= self.stop_tag:
            self.index()
            if self.is_stopped:
                raise EncodedDatasetError(
                    f"{tag_name(tag)} lies behind the stop tag {tag_name(self.stop_tag)}",
                    offset=self.walked, tag=tag)
        if self.edits is None:
            self.edits = {}
            self.parsed = {}
        self.edits[tag] = encoded
        self.parsed.pop(tag, None)

    cdef object edit_of(self, uint32_t tag):
        encoded = self.edits[tag]
        if type(encoded) is not bytes and type(encoded) is not list and encoded is not None:
            encoded = self.edits[tag] = encoded.encode_element()
        return encoded

    cdef uint64_t behind_last(self) noexcept:
        # Padding may follow, and that stays the last.
        return fd_record_end(self.records + self.count - 1) if self.count else self.begin

    cdef list places(self):
        # What edits take the place of, and by what, as (begin, end, encoded), in the order of the data.
        cdef list places = []
        cdef uint64_t cut
        cdef uint64_t behind
        cdef size_t i
        cdef uint32_t tag
        if not self.is_ascending:
            return self.unsorted_places()
        for key in sorted(self.edits):
            tag = key
            i = self.lower_bound(tag)
            cut = behind = self.records[i].offset if i < self.count else self.behind_last()
            if i < self.count and self.records[i].tag == tag:
                behind = fd_record_end(self.records + i)
            places.append((cut, behind, self.edit_of(tag)))
        return places

    cdef list unsorted_places(self):
        # A tag may be there several times, and new ones go before the first element with a higher tag.
        cdef list places = []
        cdef size_t i
        for tag in self.edits:
            last = self.positions.get(tag)
            cut = self.behind_last()
            for i in range(self.count):
                if self.records[i].tag == tag:
                    places.append((self.records[i].offset, fd_record_end(self.records + i), tag, i == last))
                elif self.records[i].tag > tag and last is None:
                    cut = min(cut, self.records[i].offset)
            if last is None:
                places.append((cut, cut, tag, True))
        return [(cut, behind, self.edit_of(tag) if is_kept else None)
                for cut, behind, tag, is_kept in sorted(places)]

    def buffers(self):
        """Return what is to be sent or written, as a list of bytes-like objects.

        Between edits stand slices of the data, as long as can be.
        """
        if not self.edits:
            return [self.whole()]
        self.index()
        cdef list buffers = []
        cdef uint64_t position = self.begin
        cdef uint64_t cut
        for begin, end, encoded in self.places():
            cut = begin
            if cut > position:
                buffers.append(self.slice(position, cut))
            if type(encoded) is list:
                buffers.extend(encoded)
            elif encoded is not None:
                buffers.append(encoded)
            position = end
        if self.end > position:
            buffers.append(self.slice(position, self.end))
        return buffers

    def encoded_length(self):
        """Return how many bytes `buffers` has."""
        if not self.edits:
            return self.end - self.begin if self.deflated is None else len(self.deflated)
        return sum([len(buffer) for buffer in Elements.buffers(self)])

    def __getbuffer__(self, Py_buffer *view, int flags):
        if self.edits:
            raise BufferError("what was edited has several buffers: see buffers()")
        PyObject_GetBuffer(self.whole(), view, flags)

    def __releasebuffer__(self, Py_buffer *view):
        pass
