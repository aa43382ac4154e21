"""Data sets of pydicom, encoded: byte for byte as pydicom writes them (PS3.5 7).

One pass over the elements in the order of their tags, into one block that grows. Long values are not copied
into it, only their places are kept. What is rare (values of types that pydicom does not make, numbers out
of range, VRs that stay ambiguous) is left to pydicom's own writer, element by element; it also decides what
is an error. Elements that were read and not touched pass through while the encoding is the one that they
were read in; else pydicom decodes them first.
"""

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE

from io import BufferedIOBase

from pydicom.charset import encode_string
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.fileutil import buffer_length, reset_buffer_position
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.valuerep import DA, DT, IS, TM, DSdecimal, DSfloat, PersonName

from fastdicom._core.encode_level cimport ENCODED, LATIN_1, Level, failure
from fastdicom.errors import EncodedDatasetError

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)
    int PyUnicode_KIND(object)
    int PyUnicode_1BYTE_KIND
    void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    bint PyUnicode_Check(object)
    bint PyLong_Check(object)
    bint PyFloat_Check(object)
    long long PyLong_AsLongLongAndOverflow(object, int *) except? -1
    unsigned long long PyLong_AsUnsignedLongLong(object) except? 0xFFFFFFFFFFFFFFFF
    double PyFloat_AsDouble(object) except? -1
    int Py_EnterRecursiveCall(const char *) except -1
    void Py_LeaveRecursiveCall()
    int PyFloat_Pack4(double, char *, int) except -1
    int PyFloat_Pack8(double, char *, int) except -1

cdef enum:
    PIXEL_DATA = 0x7FE00010
    ITEM = 0xFFFEE000
    ITEM_DELIMITATION = 0xFFFEE00D
    SEQUENCE_DELIMITATION = 0xFFFEE0DD

cdef uint64_t UNDEFINED = 0xFFFFFFFF

# What becomes of a value: it has been written, or pydicom has to.
cdef enum:
    WRITTEN = 0
    LEFT = 1

# The groups of VRs that are encoded alike.
cdef enum Kind:
    UNKNOWN
    STRING
    DATE
    NUMBER_STRING
    TEXT
    NAME
    SIGNED
    UNSIGNED
    FLOATING
    TAG
    BYTES
    SEQUENCE

cdef struct Row:
    Kind kind
    uint8_t size      # of a number
    bint is_long      # whether Explicit VR has a length of four bytes, PS3.5 7.1.2
    int padding       # -1: none

cdef Row ROWS[26 * 26]


cdef int fill_rows() except -1:
    for kind, size, is_long, padding, vrs in (
        (STRING, 0, False, 32, "AE AS CS"),
        (STRING, 0, True, 32, "UR"),
        (STRING, 0, False, 0, "UI"),
        (DATE, 0, False, 32, "DA DT TM"),
        (NUMBER_STRING, 0, False, 32, "DS IS"),
        (TEXT, 0, False, 32, "LO LT SH ST"),
        (TEXT, 0, True, 32, "UC UT"),
        (NAME, 0, False, 32, "PN"),
        (SIGNED, 2, False, -1, "SS"),
        (SIGNED, 4, False, -1, "SL"),
        (SIGNED, 8, True, -1, "SV"),
        (UNSIGNED, 2, False, -1, "US"),
        (UNSIGNED, 4, False, -1, "UL"),
        (UNSIGNED, 8, True, -1, "UV"),
        (FLOATING, 4, False, -1, "FL"),
        (FLOATING, 8, False, -1, "FD"),
        (TAG, 4, False, -1, "AT"),
        (BYTES, 0, True, 0, "OB OD OF OL OV OW"),
        (BYTES, 0, True, -1, "UN"),
        (SEQUENCE, 0, True, -1, "SQ"),
    ):
        for vr in vrs.split():
            row = &ROWS[(ord(vr[0]) - 65) * 26 + ord(vr[1]) - 65]
            row.kind, row.size, row.is_long, row.padding = kind, size, is_long, padding
    return 0


fill_rows()

cdef Row NO_ROW = Row(UNKNOWN, 0, False, -1)


cdef inline const Row *row_of(uint16_t vr) noexcept:
    cdef uint32_t first = <uint32_t>(vr >> 8) - 65, second = <uint32_t>(vr & 0xFF) - 65
    return &ROWS[first * 26 + second] if first < 26 and second < 26 else &NO_ROW


cdef inline uint16_t code_of(object vr) noexcept:
    # The letters of a VR; 0 when there are not two of ASCII.
    if not PyUnicode_Check(vr) or PyUnicode_GET_LENGTH(vr) != 2 or not PyUnicode_IS_ASCII(vr):
        return 0
    cdef const uint8_t *letters = <const uint8_t *>PyUnicode_DATA(vr)
    return <uint16_t>(letters[0] << 8 | letters[1])


cdef frozenset LUT_DESCRIPTORS = frozenset([0x00281101, 0x00281102, 0x00281103, 0x00283002])


cdef bint is_encapsulated(object value, bint is_big_endian) except *:
    # PS3.5 A.4: fragments are items.
    item = b"\xff\xfe\xe0\x00" if is_big_endian else b"\xfe\xff\x00\xe0"
    return type(value) is bytes and value.startswith(item)


@cython.final
cdef class Encoder(Block):
    """A data set in one of the uncompressed forms."""

    cdef int head(self, uint32_t tag, uint16_t vr, bint is_long) except -1:
        """Append the header of an element of undefined length; `tail` gives it its length."""
        cdef bint has_long_length = is_long or self.is_implicit
        cdef uint8_t *p = self.reserve(12 if is_long and not self.is_implicit else 8)
        self.store16(p, <uint16_t>(tag >> 16))
        self.store16(p + 2, <uint16_t>tag)
        if not self.is_implicit:
            p[4], p[5] = <uint8_t>(vr >> 8), <uint8_t>vr
            p += 4
            if is_long:
                p[2] = p[3] = 0
        if has_long_length:
            self.store32(p + 4, <uint32_t>UNDEFINED)
        return 0

    cdef int tail(self, size_t value, size_t before, bint is_long, bint is_undefined) except -1:
        """End an element whose value began at `value` in the block; LEFT if it is too long for the length."""
        cdef size_t length = self.used + self.aside - before
        if is_undefined:
            self.mark(SEQUENCE_DELIMITATION, 0)
        elif is_long or self.is_implicit:
            self.set_length(value - 4, before)
        elif length > 0xFFFF:
            return LEFT
        else:
            self.store16(self.block + value - 2, <uint16_t>length)
        return WRITTEN

    cdef int raw(self, uint32_t tag, object raw_element) except -1:
        """Append an element as it was read."""
        cdef tuple element = <tuple>raw_element
        cdef object value = element[3]
        cdef uint16_t vr = code_of(element[1])
        cdef const Row *row = row_of(vr)
        cdef bint is_undefined = element[2] == UNDEFINED
        cdef size_t before, begin = self.used
        if not self.is_implicit and vr == 0:
            return LEFT
        if value is None and element[2] == 0 and element[1] != "UN":
            # Where the VR is ambiguous pydicom looks at other elements, and may raise.
            if row.kind != UNKNOWN or (self.is_implicit and vr == 0 and fd_vr_of(tag) > FD_VR_US_OW):
                value = b""
        if type(value) is not bytes:
            return LEFT
        if is_undefined and not (row.is_long or self.is_implicit):
            return LEFT
        if is_undefined and tag == PIXEL_DATA and not is_encapsulated(value, self.is_big_endian):
            return LEFT
        if not (row.is_long or self.is_implicit) and PyBytes_GET_SIZE(value) > 0xFFFF:
            return LEFT
        self.head(tag, vr, row.is_long)
        before, begin = self.used + self.aside, self.used
        self.append_bytes(value)
        return self.tail(begin, before, row.is_long, is_undefined)

    cdef int decoded(self, Level level, uint32_t tag, object element) except -1:
        """Append an element with its value."""
        cdef uint16_t vr = code_of(element.VR)
        cdef const Row *row = row_of(vr)
        cdef object value = element._value
        cdef bint is_undefined = element.is_undefined_length
        cdef size_t begin = self.used, aside = self.aside, values = <size_t>len(self.values), first
        cdef int code
        if row.kind == UNKNOWN or (is_undefined and row.kind != BYTES and row.kind != SEQUENCE):
            return LEFT
        if is_undefined and tag == PIXEL_DATA and not is_encapsulated(value, self.is_big_endian):
            return LEFT
        self.head(tag, vr, row.is_long)
        first = self.used
        code = self.value(level, row, tag, value)
        if code == WRITTEN:
            if row.padding >= 0 and (self.used + self.aside - first - aside) & 1:
                self.reserve(1)[0] = <uint8_t>row.padding
            code = self.tail(first, first + aside, row.is_long, is_undefined)
        if code != WRITTEN:
            self.leave(begin, values, aside)
        return code

    # Values

    cdef int value(self, Level level, const Row *row, uint32_t tag, object value) except -1:
        """Append a value."""
        if value is None or (PyUnicode_Check(value) and PyUnicode_GET_LENGTH(value) == 0):
            return WRITTEN
        if row.kind == SEQUENCE:
            return self.items(level, value)
        if row.kind == BYTES:
            return self.bytes_value(row, value)
        if type(value) is not MultiValue and type(value) is not list:
            if row.kind == TEXT and type(value) is bytes:
                return self.append_bytes(value)
            if row.kind == NAME and level.mode == ENCODED and not value:
                return WRITTEN
            return self.one(level, row, value)
        # A list's first value is always unsigned in the descriptors of lookup tables.
        if row.kind == SIGNED and tag in LUT_DESCRIPTORS:
            return LEFT
        cdef list values = value._list if type(value) is MultiValue else value
        cdef bint is_text = row.size == 0
        cdef bint is_first = True
        for each in values:
            if is_text and not is_first:
                self.reserve(1)[0] = 0x5C
            is_first = False
            if self.one(level, row, each) != WRITTEN:
                return LEFT
        return WRITTEN

    cdef int one(self, Level level, const Row *row, object value) except -1:
        """Append one of perhaps several values."""
        if row.kind == STRING:
            return self.latin(value)
        if row.kind == TEXT:
            return self.text(level, value) if type(value) is str else LEFT
        if row.kind == NUMBER_STRING:
            return self.number_string(value)
        if row.kind == NAME:
            return self.name(level, value) if type(value) is PersonName else LEFT
        if row.kind == DATE:
            if type(value) is DA or type(value) is TM or type(value) is DT:
                value = getattr(value, "original_string", None)
            return self.latin(value)
        if row.kind == FLOATING:
            return self.floating(value, row.size)
        return self.integer(value, row)

    cdef int latin(self, object value) except -1:
        """Append text of the default character repertoire, as pydicom takes it: any one-byte characters."""
        if not PyUnicode_Check(value) or PyUnicode_KIND(value) != PyUnicode_1BYTE_KIND:
            return LEFT
        return self.append(PyUnicode_DATA(value), <size_t>PyUnicode_GET_LENGTH(value))

    cdef int text(self, Level level, str value) except -1:
        """Append text in the character set of the data set."""
        if level.mode != ENCODED and PyUnicode_IS_ASCII(value):
            return self.latin(value)
        if level.mode == LATIN_1 and PyUnicode_KIND(value) == PyUnicode_1BYTE_KIND:
            return self.latin(value)
        return self.append_bytes(encode_string(value, level.encodings))

    cdef int number_string(self, object value) except -1:
        """Append a DS or IS: the text that it was made from, else what Python makes of the number."""
        kind = type(value)
        if kind is DSfloat or kind is IS or kind is DSdecimal:
            text = getattr(value, "original_string", None)
            if text is None:
                text = {DSfloat: float.__repr__, IS: int.__repr__}.get(kind, str)(value)
            value = text
        return self.latin(value)

    cdef int name(self, Level level, object name) except -1:
        """Append a person's name: its original bytes if they are in this character set, or its components."""
        encodings = name.encodings
        original = name.original_string
        if encodings is None or encodings == tuple(level.encodings):
            if original is not None:
                return self.append_bytes(original)
        elif name._components is None:
            name.components  # decodes them
        components = name._components
        if components is None:
            return LEFT
        encoded = [self.component(level, component) for component in components]
        while encoded and not encoded[len(encoded) - 1]:
            encoded.pop()
        return self.append_bytes(b"=".join(encoded))

    cdef bytes component(self, Level level, str component):
        if level.mode != ENCODED and PyUnicode_IS_ASCII(component):
            return component.encode("ascii")
        return b"^".join([encode_string(group, level.encodings) for group in component.split("^")])

    cdef int integer(self, object value, const Row *row) except -1:
        cdef int overflow = 0
        cdef long long number
        cdef int bits = row.size * 8
        if not PyLong_Check(value):
            return LEFT
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow:
            if overflow < 0 or row.kind != UNSIGNED or bits != 64 or value >> 64:
                return LEFT
            number = <long long>PyLong_AsUnsignedLongLong(value)
        elif row.kind == SIGNED:
            if bits < 64 and (number < -(1LL << (bits - 1)) or number >= 1LL << (bits - 1)):
                return LEFT
        elif number < 0 or (bits < 64 and number >= 1LL << bits):
            return LEFT
        cdef uint8_t *p = self.reserve(row.size)
        if row.kind == TAG:
            self.store16(p, <uint16_t>(number >> 16))
            self.store16(p + 2, <uint16_t>number)
        else:
            self.store(p, <uint64_t>number, row.size)
        return WRITTEN

    cdef int floating(self, object value, uint8_t size) except -1:
        cdef char number[8]
        if not PyFloat_Check(value) and not PyLong_Check(value):
            return LEFT
        try:
            if size == 4:
                PyFloat_Pack4(PyFloat_AsDouble(value), number, not self.is_big_endian)
            else:
                PyFloat_Pack8(PyFloat_AsDouble(value), number, not self.is_big_endian)
        except OverflowError:
            return LEFT
        return self.append(number, size)

    cdef int bytes_value(self, const Row *row, object value) except -1:
        if type(value) is bytes:
            return self.append_bytes(value)
        if type(value) is bytearray:
            return self.append_bytes(bytes(value))
        if row.padding >= 0 and isinstance(value, BufferedIOBase) and buffer_length(value):
            with reset_buffer_position(value):
                return self.append_bytes(value.read())
        return LEFT

    cdef int items(self, Level level, object sequence) except -1:
        """Append the items of a sequence."""
        cdef size_t header, before
        cdef Py_ssize_t number = 0
        for item in sequence:
            is_undefined = getattr(item, "is_undefined_length_sequence_item", False)
            self.mark(ITEM, <uint32_t>UNDEFINED)
            header, before = self.used - 4, self.used + self.aside
            try:
                self.data_set(item, level, 0, level.is_clean)
            except EncodedDatasetError as error:
                raise EncodedDatasetError(f"item {number}: {error}", tag=error.tag) from error
            if is_undefined:
                self.mark(ITEM_DELIMITATION, 0)
            else:
                self.set_length(header, before)
            number += 1
        return WRITTEN

    cdef int element(self, Level level, size_t i) except -1:
        """Append an element."""
        cdef uint32_t tag = level.entries[i].tag
        element = level.element(i)
        if type(element) is RawDataElement:
            if not level.is_changed:
                if self.raw(tag, element) == WRITTEN:
                    return 0
                if (<tuple>element)[3] is None:
                    element = level.converted(i)
            else:
                element = level.converted(i)
        if type(element) is DataElement and self.decoded(level, tag, element) == WRITTEN:
            return 0
        stream = DicomBytesIO()
        stream.is_implicit_VR, stream.is_little_endian = self.is_implicit, not self.is_big_endian
        write_data_element(stream, element, level.encodings)
        return self.append_bytes(stream.getvalue())

    cdef int data_set(self, object data_set, Level parent, uint32_t first, bint is_clean) except -1:
        """Append the elements of a data set or an item, from the tag `first` on."""
        cdef size_t i = 0
        cdef Level level = Level.__new__(Level)
        level.gather(data_set, first)
        level.enter(parent, self.is_implicit, self.is_big_endian)
        if level.is_changed and not is_clean:
            level.correct(level.elements, [], not self.is_big_endian)
        level.is_clean = is_clean or level.is_changed
        Py_EnterRecursiveCall(" while a sequence is encoded")
        try:
            for i in range(level.n):
                self.element(level, i)
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            raise failure(level.entries[i].tag, level.elements[level.entries[i].index], error) from error
        finally:
            Py_LeaveRecursiveCall()
        return 0


def encode_buffers(data_set, bint is_implicit, bint is_big_endian):
    """Encode a Dataset without copying its long values; group 0000 and 0002 are left out.

    Parameters
    ----------
    data_set
        The pydicom.Dataset.
    is_implicit, is_big_endian
        The encoding, PS3.5 7.1 and 7.3.

    Returns
    -------
    list of bytes
        The encoded data set, in pieces. Values of 16 KiB and more are the objects that the Dataset has.

    Raises
    ------
    EncodedDatasetError
        When an element cannot be encoded; it names the tag, the value and the reason.
    """
    cdef Encoder encoder = Encoder(is_implicit, is_big_endian)
    try:
        encoder.data_set(data_set, None, 0x00040000, False)
    except RecursionError as error:
        raise EncodedDatasetError(f"its sequences are nested too deeply: {error}") from None
    return encoder.buffers()


def encode(data_set, bint is_implicit, bint is_big_endian):
    """Encode a Dataset as `encode_buffers` does, into one bytes object."""
    return b"".join(encode_buffers(data_set, is_implicit, is_big_endian))
