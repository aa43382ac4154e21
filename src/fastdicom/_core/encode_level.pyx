"""A data set of pydicom on its way to be encoded: its elements in order, and what their encoding depends on.

That is its character set, and whether that or the transfer syntax is another one than it was read in: then
elements that are still as they were read have to be converted, and ambiguous VRs decided on, by pydicom.
"""

cimport cython
from libc.stdlib cimport free, malloc, qsort

import codecs
import reprlib

from pydicom.charset import convert_encodings, need_tail_escape_sequence_encodings, python_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.valuerep import AMBIGUOUS_VR

from fastdicom.errors import EncodedDatasetError

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char *) except -1
    void Py_LeaveRecursiveCall()

cdef enum:
    CHARACTER_SET = 0x00080005

cdef str ALL_ASCII = "".join(map(chr, range(128)))
cdef list DEFAULT_ENCODINGS = ["iso8859"]
cdef dict MODES = {}


cdef Mode mode_of(list encodings) except *:
    # encode_string tries the first encoding first; most are ASCII and more.
    name = encodings[0]
    mode = MODES.get(name)
    if mode is None:
        mode = ENCODED
        try:
            is_stateful = name in need_tail_escape_sequence_encodings
            if not is_stateful and ALL_ASCII.encode(name) == ALL_ASCII.encode("ascii"):
                mode = {"utf-8": UTF_8, "iso8859-1": LATIN_1}.get(codecs.lookup(name).name, ASCII)
        except (UnicodeError, LookupError):
            pass
        if len(MODES) < 256:  # any spelling of a codec's name is one
            MODES[name] = mode
    return mode


cdef list encodings_of(object value):
    # What pydicom makes of a Specific Character Set; a plain one without its loops.
    if type(value) is str:
        encoding = python_encoding.get(value)
        if encoding is not None:
            return [encoding]
    return convert_encodings(value) if value else DEFAULT_ENCODINGS


cdef object failure(uint32_t tag, object element, object error):
    """Return an error that names the element, its value and the reason, and where it is in sequences."""
    name = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".rstrip()
    if isinstance(error, EncodedDatasetError):
        return EncodedDatasetError(f"{name}, {error}", tag=error.tag)
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return EncodedDatasetError(f"{name} of {element.VR} {reprlib.repr(element.value)}: {reason}", tag=tag)


cdef object character_set_of(object element):
    if type(element) is not RawDataElement:
        return element.value
    if type(element[3]) is bytes and b"\\" not in element[3]:
        value = (<bytes>element[3]).decode("latin-1").rstrip("\0 ")
        if value in python_encoding:
            return value
    return convert_raw_data_element(element, encoding="iso8859").value


cdef int compare(const void *a, const void *b) noexcept nogil:
    cdef uint32_t first = (<const Entry *>a).tag, second = (<const Entry *>b).tag
    return (first > second) - (first < second)


@cython.final
cdef class Level:
    """A data set or an item on its way: its elements in order, and what their encoding depends on."""

    def __dealloc__(self):
        free(self.entries)

    cdef int gather(self, object data_set, uint32_t first) except -1:
        """Take the elements from the tag `first` on, in the order of their tags."""
        cdef size_t i, n = 0
        cdef uint32_t tag, last = 0
        cdef bint is_sorted = True
        mapping = data_set._dict
        if type(mapping) is not dict:
            mapping = {key: data_set.get_item(key) for key in mapping}
        self.data_set, self.first = data_set, first
        self.keys, self.elements = list(<dict>mapping), list((<dict>mapping).values())
        cdef size_t whole = min(len(self.keys), len(self.elements))
        self.entries = <Entry *>malloc(whole * sizeof(Entry) + 1)
        if self.entries == NULL:
            raise MemoryError
        for i in range(whole):
            tag = self.keys[i]
            # Group lengths are retired, PS3.5 7.2.
            if tag < first or (tag & 0xFFFF == 0 and tag >> 16 > 6):
                continue
            is_sorted = is_sorted and tag >= last
            last = tag
            self.entries[n].tag, self.entries[n].index = tag, <uint32_t>i
            n += 1
        if not is_sorted:
            qsort(self.entries, n, sizeof(Entry), compare)
        self.n = n
        return 0

    cdef object own(self):
        """Return a Dataset in which elements may be converted: not the user's, but an item itself."""
        if self.working is None:
            if self.first == 0:
                self.working = self.data_set
            else:
                elements = {self.keys[self.entries[i].index]: self.element(i) for i in range(self.n)}
                self.working = Dataset(elements)
                self.working.set_original_encoding(
                    *self.data_set.original_encoding, self.data_set.original_character_set
                )
        return self.working

    cdef object element(self, size_t i):
        """Return an element, read now if that has been deferred."""
        element = self.elements[self.entries[i].index]
        if type(element) is RawDataElement and (<tuple>element)[3] is None and (<tuple>element)[2] != 0:
            return self.data_set.get_item(self.keys[self.entries[i].index])
        return element

    cdef object converted(self, size_t i):
        """Return an element as a DataElement."""
        return self.own()[self.keys[self.entries[i].index]]

    cdef int correct(self, list elements, list items, bint is_little_endian) except -1:
        """Have pydicom correct ambiguous VRs in an item and below it; `items` is where it is, from it up."""
        found = None
        Py_EnterRecursiveCall(" while ambiguous VRs are corrected")
        try:
            for element in elements:
                vr = element.VR
                if vr == "SQ" and type(element) is DataElement:
                    for item in element._value or ():
                        self.correct(list(item._dict.values()), [item, *items], is_little_endian)
                elif vr in AMBIGUOUS_VR:
                    found = [*(found or ()), element]
            if found is not None:
                found.sort(key=lambda element: int(element.tag))
                ancestors = [*items, self.own()]
                for element in found:
                    try:
                        correct_ambiguous_vr_element(element, ancestors[0], is_little_endian, ancestors)
                    except Exception as error:
                        raise failure(element.tag, element, error) from error
        finally:
            Py_LeaveRecursiveCall()
        return 0

    cdef int enter(self, Level parent, bint is_implicit, bint is_big_endian) except -1:
        """Find the character set, and whether it or the encoding has changed since the data set was read."""
        cdef size_t i
        data_set = self.data_set
        own = None
        for i in range(self.n):
            if self.entries[i].tag >= CHARACTER_SET:
                if self.entries[i].tag == CHARACTER_SET:
                    own = encodings_of(character_set_of(self.element(i)))
                break
        if own is not None:
            self.encodings, self.mode = own, mode_of(own)
        elif parent is not None:
            self.encodings, self.mode = parent.encodings, parent.mode
        else:
            self.encodings, self.mode = DEFAULT_ENCODINGS, LATIN_1
        if own is None:
            own = data_set._parent_encoding if self.first == 0 else "iso8859"
        read = data_set._read_charset
        was_implicit, was_little_endian = data_set.original_encoding
        is_same_syntax = was_implicit == is_implicit and was_little_endian == (not is_big_endian)
        self.is_changed = not is_same_syntax or read != own
        return 0
