"""Reading fields from received bytes without ever looking past their end; writing text strictly.

`Reader` compares every length with what is left before it uses it. Text is read leniently, because
nothing that a peer calls itself may raise, and written strictly, because what we send is our own doing.
Lengths are in bytes; numbers are big endian (PS3.8 9.3.1).
"""

from __future__ import annotations

from pydicom.config import IGNORE
from pydicom.uid import UID

from fastdicom.errors import AbortReason, ProtocolError

__all__ = [
    "MAXIMUM_UID_LENGTH",
    "Reader",
    "decode_text",
    "decode_uid",
    "encode_counted",
    "encode_number",
    "encode_text",
    "encode_uid",
]

MAXIMUM_UID_LENGTH = 64  # PS3.5 9.1


class Reader:
    """A cursor over received bytes.

    Parameters
    ----------
    data
        The bytes to read, all of them and nothing else.
    thing
        What the bytes are, for messages: ``"Role Selection sub-item"``.
    """

    __slots__ = ("_data", "_offset", "_thing")

    def __init__(self, data: bytes | memoryview, thing: str) -> None:
        self._data = memoryview(data)
        self._offset = 0
        self._thing = thing

    @property
    def remaining(self) -> int:
        """How many bytes have not been read."""
        return len(self._data) - self._offset

    def take(self, length: int, field: str) -> memoryview:
        """Read the next `length` bytes, the value of `field`."""
        start = self._offset
        if length > len(self._data) - start:
            raise ProtocolError(
                f"{self._thing}: {field} is {length} bytes long; only {self.remaining} are left",
                AbortReason.INVALID_PARAMETER_VALUE,
            )
        self._offset = start + length
        return self._data[start : self._offset]

    def take_number(self, length: int, field: str) -> int:
        """Read an unsigned number of `length` bytes."""
        return int.from_bytes(self.take(length, field), "big")

    def take_counted(self, field: str) -> memoryview:
        """Read a value that is preceded by its length in two bytes."""
        return self.take(self.take_number(2, f"length of {field}"), field)

    def take_rest(self) -> memoryview:
        """Read all that is left."""
        return self.take(self.remaining, "rest")

    def finish(self) -> None:
        """Complain if anything is left."""
        if self.remaining:
            raise ProtocolError(
                f"{self._thing} is {len(self._data)} bytes long; its fields take {self._offset}",
                AbortReason.INVALID_PARAMETER_VALUE,
            )


def decode_text(data: bytes | memoryview) -> str:
    """Read text that a peer sent: any byte is a character, padding at the end goes."""
    return bytes(data).decode("latin-1").rstrip(" \0")


def decode_uid(data: bytes | memoryview) -> UID:
    """Read a UID that a peer sent, without judging it; padding at the end goes."""
    return UID(decode_text(data), validation_mode=IGNORE)


def encode_text(value: str, maximum_length: int, field: str) -> bytes:
    """Write text of 1 to `maximum_length` characters.

    Raises
    ------
    ValueError
        If the text is empty, too long, or has characters of more than one byte.
    """
    if not 0 < len(value) <= maximum_length:
        raise ValueError(f"{field} {value!r} has {len(value)} characters; 1 to {maximum_length} are allowed")
    # AE titles go back to a peer as they came (PS3.8 Table 9-17), hence not "ascii".
    return value.encode("latin-1")


def encode_uid(value: str | None, field: str) -> bytes:
    """Write a UID of 1 to 64 ASCII characters, without padding.

    Raises
    ------
    ValueError
        If it is missing, too long, or has other characters.
    """
    if value is None:
        raise ValueError(f"{field} has not been set")
    if not value.isascii():
        raise ValueError(f"{field} {value!r} has characters outside of ASCII")
    return encode_text(value, MAXIMUM_UID_LENGTH, field)


def encode_number(value: int, length: int, field: str) -> bytes:
    """Write an unsigned number of `length` bytes.

    Raises
    ------
    ValueError
        If it does not fit.
    """
    if not 0 <= value < 1 << 8 * length:
        raise ValueError(f"{field} is {value}; 0 to {(1 << 8 * length) - 1} are allowed")
    return value.to_bytes(length, "big")


def encode_counted(value: bytes, field: str) -> bytes:
    """Write a value preceded by its length in two bytes."""
    return encode_number(len(value), 2, f"length of {field}") + value
