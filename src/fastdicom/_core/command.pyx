"""Command sets, PS3.7 6.3.1: decoded on demand from the bytes that came, encoded from a mapping.

Elements of group 0000 go by their element number: `command[0x0110]` is the Message ID (0000,0110).
Only the elements of PS3.7 Table E.1-1 are known; retired ones are skipped.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsASCIIString

from fastdicom.errors import MessageError

# PS3.5 6.2: a UID has 64 characters at most. A response has two UIDs and the elements around them.
cdef enum:
    FD_UID_LIMIT = 64
    FD_RESPONSE_LIMIT = 256

cdef int MESSAGE_ID = fd_command_index(0x0110)
cdef int MESSAGE_ID_BEING_RESPONDED_TO = fd_command_index(0x0120)
cdef int STATUS = fd_command_index(0x0900)

cdef dict VR_NAMES = {
    FD_VR_UL: "UL", FD_VR_US: "US", FD_VR_UI: "UI", FD_VR_AE: "AE", FD_VR_AT: "AT", FD_VR_LO: "LO",
}


cdef str text_value(const uint8_t *p, size_t n):
    # Padding is a NUL or spaces; what peers send beside ASCII is kept, one character a byte.
    while n > 0 and (p[n - 1] == 0 or p[n - 1] == 32):
        n -= 1
    return (<const char *>p)[:n].decode("latin-1")


cdef object value_of(fd_command_vr vr, fd_span span):
    cdef size_t i
    if vr == FD_VR_US:
        return fd_load_le16(span.p)
    if vr == FD_VR_UL:
        return fd_load_le32(span.p)
    if vr == FD_VR_AT:
        return [
            <uint32_t>fd_load_le16(span.p + 4 * i) << 16 | fd_load_le16(span.p + 4 * i + 2)
            for i in range(span.n // 4)
        ]
    return text_value(span.p, span.n)


@cython.final
cdef class CommandSet:
    """The command set of a message.

    Parameters
    ----------
    encoded
        Implicit VR Little Endian, group 0000 only.

    Raises
    ------
    MessageError
        When it cannot be decoded, or lacks the Command Field or the Command Data Set Type.
    """

    def __init__(self, encoded not None):
        self.walk(bytes(encoded))

    cdef int walk(self, bytes encoded) except -1:
        self.encoded = encoded
        cdef size_t n = <size_t>PyBytes_GET_SIZE(self.encoded)
        if n > FD_COMMAND_LIMIT:
            raise MessageError(f"the command set is {n} bytes long; the limit is {FD_COMMAND_LIMIT}")
        if fd_command_walk(<const uint8_t *>PyBytes_AS_STRING(self.encoded), n, &self.command) != 0:
            raise MessageError(f"the command set of {n} bytes cannot be decoded (PS3.7 6.3.1)")
        return 0

    @staticmethod
    cdef CommandSet copy(const uint8_t *p, size_t n):
        cdef CommandSet self = CommandSet.__new__(CommandSet)
        self.walk(PyBytes_FromStringAndSize(<const char *>p, <Py_ssize_t>n))
        return self

    def get(self, uint16_t element, default=None):
        """Return the value of an element, `default` when it is absent.

        UI, AE and LO values are str without padding, US and UL int, AT a list of int.
        """
        cdef int index = fd_command_index(element)
        if index < 0 or self.command.values[index].p == NULL:
            return default
        return value_of(fd_command_get_vr(element), self.command.values[index])

    def __getitem__(self, uint16_t element):
        value = self.get(element)
        if value is None:
            raise KeyError(f"(0000,{element:04X})")
        return value

    def __contains__(self, uint16_t element):
        cdef int index = fd_command_index(element)
        return index >= 0 and self.command.values[index].p != NULL

    def __iter__(self):
        return (element for element in map(fd_command_element, range(FD_COMMAND_ELEMENTS)) if element in self)

    def __repr__(self):
        values = ", ".join(f"(0000,{element:04X}): {self[element]!r}" for element in self)
        return f"CommandSet({{{values}}})"

    @property
    def command_field(self):
        """(0000,0100)."""
        return fd_command_us(&self.command, 0x0100, 0)

    @property
    def message_id(self):
        """(0000,0110); None when absent."""
        if self.command.values[MESSAGE_ID].p == NULL:
            return None
        return fd_command_us(&self.command, 0x0110, 0)

    @property
    def message_id_being_responded_to(self):
        """(0000,0120); None when absent."""
        return self.get(0x0120)

    @property
    def status(self):
        """(0000,0900); None when absent."""
        return self.get(0x0900)

    @property
    def has_data_set(self):
        """Whether a data set follows: (0000,0800) is not 0101H."""
        return fd_command_us(&self.command, 0x0800, FD_NO_DATA_SET) != FD_NO_DATA_SET

    def answers(self, uint16_t command_field, uint16_t message_id):
        """Whether this is the response to the request with this Command Field and Message ID."""
        return self.is_answer(command_field, message_id)

    cdef bint is_answer(self, uint16_t command_field, uint16_t message_id) noexcept:
        return (
            fd_command_us(&self.command, 0x0100, 0) == (command_field | 0x8000)
            and self.command.values[MESSAGE_ID_BEING_RESPONDED_TO].p != NULL
            and fd_command_us(&self.command, 0x0120, 0) == message_id
            and self.command.values[STATUS].p != NULL
        )

    def has_all(self, elements):
        """Whether none of these elements is absent."""
        for element in elements:
            if element not in self:
                return False
        return True

    def encode_response(self, uint16_t status, bint has_data_set=False):
        """Encode a response to this request, with nothing but a status (PS3.7 9.3, 10.3).

        It names the SOP class and the instance that the request named, if it did.
        """
        cdef uint8_t encoded[FD_RESPONSE_LIMIT]
        cdef size_t length = FD_ELEMENT_HEADER + 4
        cdef uint16_t command_field = fd_command_us(&self.command, 0x0100, 0)
        cdef uint16_t kind = FD_HAS_DATA_SET if has_data_set else FD_NO_DATA_SET
        length += self.copy_uid(encoded + length, 0x0002, 0x0003)
        length += fd_command_store_us(encoded + length, 0x0100, command_field | 0x8000)
        length += fd_command_store_us(encoded + length, 0x0120, fd_command_us(&self.command, 0x0110, 0))
        length += fd_command_store_us(encoded + length, 0x0800, kind)
        length += fd_command_store_us(encoded + length, 0x0900, status)
        length += self.copy_uid(encoded + length, 0x1000, 0x1001)
        fd_command_store_ul(encoded, 0x0000, <uint32_t>(length - FD_ELEMENT_HEADER - 4))
        return PyBytes_FromStringAndSize(<const char *>encoded, <Py_ssize_t>length)

    cdef size_t copy_uid(self, uint8_t *p, uint16_t affected, uint16_t requested) noexcept:
        # A response says Affected what an N-request said Requested. A peer's UID that is too long is cut.
        cdef fd_span span = self.command.values[fd_command_index(affected)]
        if span.p == NULL:
            span = self.command.values[fd_command_index(requested)]
        if span.p == NULL:
            return 0
        return fd_command_store_text(p, affected, span.p, min(span.n, <size_t>FD_UID_LIMIT))


cdef size_t store_tags(uint8_t *p, uint16_t element, tags) except 0:
    cdef uint32_t values[1024]
    cdef size_t n = 0
    for tag in tags:
        if n == 1024:
            raise ValueError(f"(0000,{element:04X}) has more than 1024 tags")
        values[n] = <uint32_t>tag
        n += 1
    return fd_command_store_at(p, element, values, n)


cdef size_t store_text(uint8_t *p, uint16_t element, fd_command_vr vr, value) except 0:
    cdef bytes text
    cdef Py_ssize_t limit = 16 if vr == FD_VR_AE else 64
    if not isinstance(value, str):
        raise TypeError(f"(0000,{element:04X}) must be str, not {type(value).__name__}")
    try:
        text = PyUnicode_AsASCIIString(value)
    except UnicodeEncodeError:
        raise ValueError(f"(0000,{element:04X}) is {value!r}; it must be ASCII") from None
    if PyBytes_GET_SIZE(text) > limit:
        raise ValueError(f"(0000,{element:04X}) is {value!r}; the limit is {limit} characters")
    return fd_command_store_text(p, element, <const uint8_t *>PyBytes_AS_STRING(text),
                                 <size_t>PyBytes_GET_SIZE(text))


cdef size_t store(uint8_t *p, uint16_t element, value) except 0:
    cdef fd_command_vr vr = fd_command_get_vr(element)
    if vr == FD_VR_US or vr == FD_VR_UL:
        if not 0 <= value <= (0xFFFF if vr == FD_VR_US else 0xFFFFFFFF):
            raise ValueError(f"(0000,{element:04X}) is {value}; that does not fit {VR_NAMES[vr]}")
        if vr == FD_VR_US:
            return fd_command_store_us(p, element, value)
        return fd_command_store_ul(p, element, value)
    if vr == FD_VR_AT:
        return store_tags(p, element, value)
    if vr == FD_VR_NONE:
        raise ValueError(f"(0000,{element:04X}) is no element of a command set (PS3.7 Table E.1-1)")
    return store_text(p, element, vr, value)


def encode_command(elements):
    """Encode a command set; the group length is put in front.

    Parameters
    ----------
    elements
        Element number to value, in ascending order; an element whose value is None is left out.

    Raises
    ------
    ValueError
        An unknown element, a value that does not fit its VR, or elements out of order.
    """
    cdef uint8_t encoded[8192]
    cdef size_t length = FD_ELEMENT_HEADER + 4
    cdef int last = 0
    for element, value in elements.items():
        if value is None:
            continue
        if element <= last:
            raise ValueError(f"(0000,{element:04X}) stands behind (0000,{last:04X})")
        last = element
        # The longest element, a full list of tags, is half of what there is.
        if length > sizeof(encoded) - 4200:
            raise ValueError("the command set is too long")
        length += store(encoded + length, element, value)
    fd_command_store_ul(encoded, 0x0000, <uint32_t>(length - FD_ELEMENT_HEADER - 4))
    return PyBytes_FromStringAndSize(<const char *>encoded, <Py_ssize_t>length)
