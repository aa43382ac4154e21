"""The elements of a data set as pydicom's raw elements: what its Dataset decodes when it is touched.

One tuple an element, in the order of the data; short values are copied, longer ones stay slices.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint32_t, uint64_t

from fastdicom._core.elements cimport Elements
from fastdicom._core.walking cimport (
    FD_WALK_IS_SEQUENCE,
    FD_WALK_IS_UNDEFINED,
    FD_WALK_UNDEFINED_LENGTH,
    fd_record,
    fd_record_value,
)

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t length)
    void PyTuple_SET_ITEM(object tuple, Py_ssize_t position, object value)

cdef enum:
    FD_MOST_TAGS = 1 << 16

cdef list LETTERS = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
# Those whose empty value is an empty text (pydicom: not DS and IS, which are numbers).
cdef frozenset TEXTS = frozenset(["AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC",
                                  "UI", "UR", "UT"])
# Tags that have been met: making one of these takes longer than all the rest.
cdef dict TAGS = {}


cdef inline object tag_of(uint32_t number):
    key = number
    tag = TAGS.get(key)
    if tag is None:
        tag = BaseTag(key)
        if len(TAGS) < FD_MOST_TAGS:
            TAGS[key] = tag
    return tag


cdef inline void put(object row, Py_ssize_t position, object value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(row, position, value)


cdef object known_vr(uint32_t tag):
    try:
        return dictionary_VR(tag)
    except KeyError:
        return None


def raw_elements(Elements elements not None, long_type, Py_ssize_t copied_at_most, empty_text):
    """Return the elements as pydicom's reader makes them; those that were edited as they are now.

    Parameters
    ----------
    elements
        The data set.
    long_type
        The class of the rows whose value is a memoryview, not bytes.
    copied_at_most
        The longest value that is copied, in bytes.
    empty_text
        What stands for an empty value of a VR that is a text.

    Returns
    -------
    rows
        A dict, BaseTag to RawDataElement. A sequence of undefined length is one of VR SQ whose value ends
        before its delimitation item.
    unknown
        A list of the tags of sequences in VR UN, which are left in it.

    Raises
    ------
    EncodedDatasetError
        When the data set is broken.
    """
    elements.index()
    cdef dict rows = {}
    cdef list unknown = []
    cdef size_t i
    cdef const fd_record *record
    cdef uint64_t begin
    cdef bint is_undefined, is_long
    cdef object is_implicit = elements.is_implicit
    cdef object is_little_endian = not elements.is_big_endian
    for i in range(elements.count):
        record = elements.records + i
        begin = fd_record_value(record)
        is_undefined = record.flags & FD_WALK_IS_UNDEFINED != 0
        is_long = record.value_length > <uint64_t>copied_at_most
        if record.vr:
            vr = LETTERS[26 * ((record.vr >> 8) - c"A") + (record.vr & 0xFF) - c"A"]
        elif record.flags & FD_WALK_IS_SEQUENCE:
            vr = "SQ"
        else:
            vr = known_vr(record.tag) if is_undefined else None
        if is_long:
            value = elements.slice(begin, begin + record.value_length)
        elif record.value_length or is_undefined or vr == "SQ":
            value = PyBytes_FromStringAndSize(<const char *>elements.p + begin, record.value_length)
        else:
            value = empty_text if vr in TEXTS else None
        tag = tag_of(record.tag)
        if record.flags & FD_WALK_IS_SEQUENCE and vr == "UN":
            unknown.append(tag)
        # As the class makes it, in a fifth of the time.
        row = PyType_GenericAlloc(<PyTypeObject *>(long_type if is_long else RawDataElement), 9)
        put(row, 0, tag)
        put(row, 1, vr)
        put(row, 2, FD_WALK_UNDEFINED_LENGTH if is_undefined else record.value_length)
        put(row, 3, value)
        put(row, 4, begin)
        put(row, 5, is_implicit)
        put(row, 6, is_little_endian)
        put(row, 7, True)
        put(row, 8, False)
        rows[tag] = row
    if elements.edits:
        for number in elements.edits:
            rows.pop(number, None)
        for number in list(elements.edits):
            if elements.edits[number] is not None:
                source = Elements.source(elements, number)
                edited, more = raw_elements(source, long_type, copied_at_most, empty_text)
                rows.update(edited)
                unknown.extend(more)
        rows = dict(sorted(rows.items()))
    return rows, [tag for tag in unknown if tag in rows] if unknown else unknown
