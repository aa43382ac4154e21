"""Values that are plainly encoded: a text in ASCII, a UID, a whole number. Most edits are of these.

They need no character set and no conversion. Everything else is for `fastdicom.encoded.value_encoding`, which
encodes what is encoded here in the same way.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from fastdicom._core.elements cimport Elements
from fastdicom._core.walking cimport fd_record, fd_vr_of

from pydicom.uid import UID

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)
    void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    long long PyLong_AsLongLongAndOverflow(object, int *) except? -1

cdef enum:
    FD_LONGEST_TEXT = 0xFFFE  # with padding, what two bytes of length can say
    FD_CHARACTER_SET = 0x00080005

cdef enum Kind:
    OTHER = 0
    TEXT
    LONG_TEXT
    UNIQUE_IDENTIFIER
    NAME
    SIGNED
    UNSIGNED

cdef struct Row:
    Kind kind
    uint8_t size  # of a number

cdef Row ROWS[26 * 26]


cdef int fill_rows() except -1:
    for kind, size, vrs in (
        (TEXT, 0, "AE AS CS DA DT LO LT SH ST TM"),
        (LONG_TEXT, 0, "UC UR UT"),
        (UNIQUE_IDENTIFIER, 0, "UI"),
        (NAME, 0, "PN"),
        (SIGNED, 2, "SS"),
        (SIGNED, 4, "SL"),
        (UNSIGNED, 2, "US"),
        (UNSIGNED, 4, "UL"),
    ):
        for vr in vrs.split():
            row = &ROWS[(ord(vr[0]) - 65) * 26 + ord(vr[1]) - 65]
            row.kind, row.size = kind, size
    return 0


fill_rows()


cdef inline void store(uint8_t *p, uint64_t value, int size, bint is_big_endian) noexcept:
    cdef int i
    for i in range(size):
        p[size - 1 - i if is_big_endian else i] = <uint8_t>(value >> 8 * i)


cdef bytes with_header(Elements elements, uint32_t tag, uint16_t vr, bint is_long, Py_ssize_t length,
                       uint8_t **value):
    # An element whose value is still to be written, to *value (PS3.5 7.1).
    cdef Py_ssize_t header = 12 if is_long and not elements.is_implicit else 8
    cdef bint is_big = elements.is_big_endian
    cdef bytes element = PyBytes_FromStringAndSize(NULL, header + length)
    cdef uint8_t *p = <uint8_t *>PyBytes_AS_STRING(element)
    store(p, tag >> 16, 2, is_big)
    store(p + 2, tag & 0xFFFF, 2, is_big)
    if elements.is_implicit:
        store(p + 4, length, 4, is_big)
    else:
        store(p + 4, vr, 2, True)
        if is_long:
            store(p + 6, 0, 2, is_big)
            store(p + 8, length, 4, is_big)
        else:
            store(p + 6, length, 2, is_big)
    value[0] = p + header
    return element


cdef bytes encode_text(Elements elements, uint32_t tag, uint16_t vr, Kind kind, text):
    cdef Py_ssize_t n = PyUnicode_GET_LENGTH(text)
    cdef const uint8_t *p
    cdef uint8_t *value = NULL
    cdef bytes element
    if n > FD_LONGEST_TEXT or not PyUnicode_IS_ASCII(text):
        return None
    p = <const uint8_t *>PyUnicode_DATA(text)
    if kind == NAME and memchr(p, c"=", n) != NULL:
        return None
    element = with_header(elements, tag, vr, kind == LONG_TEXT, n + (n & 1), &value)
    memcpy(value, p, n)
    if n & 1:
        value[n] = 0 if kind == UNIQUE_IDENTIFIER else c" "
    return element


cdef bytes encode_number(Elements elements, uint32_t tag, uint16_t vr, const Row *row, number):
    cdef int overflow = 0
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    cdef int bits = 8 * row.size
    cdef int64_t least = -(<int64_t>1 << (bits - 1)) if row.kind == SIGNED else 0
    cdef int64_t most = (<int64_t>1 << (bits - 1 if row.kind == SIGNED else bits)) - 1
    cdef uint8_t *p = NULL
    cdef bytes element
    if overflow or value < least or value > most:
        return None
    element = with_header(elements, tag, vr, False, row.size, &p)
    store(p, <uint64_t>value, row.size, elements.is_big_endian)
    return element


def set_plain(Elements elements not None, uint32_t tag, value):
    """Set an element to a plain value, by the VR that it has, or else the dictionary's.

    One that has been edited before is left to others. The data set around is not told.

    Parameters
    ----------
    elements
        The data set or item.
    tag
        The tag.
    value
        A str, a `UID` or an int; everything else is not plain.

    Returns
    -------
    bool
        Whether it has been set. When not, nothing has changed.
    """
    cdef const fd_record *record
    cdef const Row *row
    cdef uint16_t vr
    cdef int first
    cdef int second
    cdef bytes element
    if elements.stop_tag != 0 or tag == FD_CHARACTER_SET:
        return False
    if elements.edits is not None and tag in elements.edits:
        return False
    record = elements.locate(tag)
    vr = fd_vr_of(tag) if record == NULL else elements.vr_of(record)
    first, second = (vr >> 8) - c"A", (vr & 0xFF) - c"A"
    if not (0 <= first < 26 and 0 <= second < 26):
        return False
    row = &ROWS[26 * first + second]
    if row.kind == OTHER:
        return False
    kind = type(value)
    if row.kind >= SIGNED:
        element = encode_number(elements, tag, vr, row, value) if kind is int else None
    else:
        element = encode_text(elements, tag, vr, row.kind, value) if kind is str or kind is UID else None
    if element is None:
        return False
    if elements.edits is None:
        elements.edits = {}
        elements.parsed = {}
    elements.edits[tag] = element
    return True
