"""Values that are plainly in order: one short text in ASCII, one UID, one number. Most are.

They need no character set, no splitting and no checks but a look at each byte. Everything else is for
`fastdicom.encoded.values`, with which what is given here agrees.
"""

from cpython.object cimport PyTypeObject
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastdicom._core.elements cimport Elements
from fastdicom._core.walking cimport FD_VR, fd_record, fd_record_value

from pydicom.uid import UID

cdef enum:
    FD_NOT_TEXT = -1
    FD_LONGEST_UID = 64
    # Longer texts are decoded elsewhere, whatever their VR allows.
    FD_LONGEST_TEXT = 1024

cdef extern from *:
    """
    static PyObject *uid_of(PyTypeObject *type, PyObject *arguments) {
        return PyUnicode_Type.tp_new(type, arguments, NULL);
    }
    """
    object uid_of(PyTypeObject *type, object arguments)


cdef inline Py_ssize_t text_length(const uint8_t *p, Py_ssize_t n, Py_ssize_t longest) noexcept:
    # How long a text is without its padding, or FD_NOT_TEXT for one that is not plain.
    cdef Py_ssize_t i
    if n > longest:
        return FD_NOT_TEXT
    while n > 0 and (p[n - 1] == c" " or p[n - 1] == 0):
        n -= 1
    for i in range(n):
        if p[i] < c" " or p[i] > c"~" or p[i] == c"\\":
            return FD_NOT_TEXT
    return n


cdef inline bint is_uid(const uint8_t *p, Py_ssize_t n) noexcept:
    # PS3.5 9.1: numbers without leading zeros, between dots.
    cdef Py_ssize_t i
    cdef Py_ssize_t digits = 0
    cdef bint is_zero = False
    for i in range(n):
        if p[i] == c".":
            if digits == 0:
                return False
            digits = 0
        elif p[i] < c"0" or p[i] > c"9" or (digits == 1 and is_zero):
            return False
        else:
            is_zero = digits == 0 and p[i] == c"0"
            digits += 1
    return digits > 0


cdef inline Py_ssize_t longest_of(uint16_t vr) noexcept:
    # PS3.5 Table 6.2-1, for the VRs whose texts are in order when they are not too long; 0 for others.
    if vr == FD_VR(c"L", c"O"):
        return 64
    if vr == FD_VR(c"S", c"H"):
        return 16
    if vr == FD_VR(c"C", c"S") or vr == FD_VR(c"A", c"S") or vr == FD_VR(c"U", c"C"):
        return FD_LONGEST_TEXT
    if vr == FD_VR(c"S", c"T") or vr == FD_VR(c"L", c"T") or vr == FD_VR(c"U", c"T"):
        return FD_LONGEST_TEXT
    return 0


cdef inline object number_of(const uint8_t *p, uint64_t n, uint16_t vr):
    cdef uint32_t number
    if n == 2:
        number = <uint32_t>p[0] | <uint32_t>p[1] << 8
        if vr == FD_VR(c"U", c"S"):
            return number
        if vr == FD_VR(c"S", c"S"):
            return <int16_t>number
    elif n == 4:
        number = <uint32_t>p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24
        if vr == FD_VR(c"U", c"L"):
            return number
        if vr == FD_VR(c"S", c"L"):
            return <int32_t>number
    return NotImplemented


def plain_value(Elements elements not None, uint32_t tag):
    """Return the value of an element, if it is one that needs no thought.

    Parameters
    ----------
    elements
        The data set.
    tag
        The tag.

    Returns
    -------
    value
        As pydicom types it; None when there is no such element; NotImplemented when it has another value.

    Raises
    ------
    EncodedDatasetError
        When the data set is broken.
    """
    cdef const fd_record *record
    cdef const uint8_t *p
    cdef uint16_t vr
    cdef Py_ssize_t length
    cdef Py_ssize_t longest
    if elements.edits is not None and tag in elements.edits:
        return NotImplemented
    record = elements.locate(tag)
    if record == NULL:
        return None
    vr = elements.vr_of(record)
    p = elements.p + fd_record_value(record)
    if record.value_length == 0 or record.value_length > FD_LONGEST_TEXT:
        return NotImplemented
    if vr == FD_VR(c"U", c"I"):
        length = text_length(p, record.value_length, FD_LONGEST_UID)
        if length <= 0 or not is_uid(p, length):
            return NotImplemented
        return uid_of(<PyTypeObject *>UID, (PyUnicode_DecodeLatin1(<const char *>p, length, NULL),))
    longest = longest_of(vr)
    if longest:
        length = text_length(p, record.value_length, longest)
        return NotImplemented if length < 0 else PyUnicode_DecodeLatin1(<const char *>p, length, NULL)
    return NotImplemented if elements.is_big_endian else number_of(p, record.value_length, vr)
