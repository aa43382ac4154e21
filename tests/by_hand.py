"""Elements put together by hand, right or wrong, and what refuses them."""

from __future__ import annotations

import struct

import pytest

from fastdicom._core.elements import Elements
from fastdicom.errors import EncodedDatasetError

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
NAME, SEQUENCE, PIXELS = 0x00100010, 0x00081140, 0x7FE00010
_LONG = ("OB", "OW", "SQ", "UN", "UT")

# (is implicit, is big endian)
ENCODINGS = [(True, False), (False, False), (False, True), (True, True)]
in_every_encoding = pytest.mark.parametrize("encoding", ENCODINGS, ids=["IL", "EL", "EB", "IB"])


class Encoder:
    """Puts elements together, right or wrong."""

    def __init__(self, is_implicit: bool = False, is_big_endian: bool = False) -> None:
        self.encoding = (is_implicit, is_big_endian)
        self.byte_order = ">" if is_big_endian else "<"

    def item(self, tag: int, length: int = 0) -> bytes:
        return struct.pack(self.byte_order + "HHI", tag >> 16, tag & 0xFFFF, length)

    def element(self, tag: int, vr: str, value: bytes = b"", length: int | None = None) -> bytes:
        n = len(value) if length is None else length
        if self.encoding[0]:
            return self.item(tag, n) + value
        head = struct.pack(self.byte_order + "HH", tag >> 16, tag & 0xFFFF) + vr.encode("latin-1")
        return head + struct.pack(self.byte_order + ("xxI" if vr in _LONG else "H"), n) + value

    def sequence(self, tag: int, *items: bytes, is_defined: bool = False) -> bytes:
        if is_defined:
            return self.element(tag, "SQ", b"".join(self.item(ITEM, len(item)) + item for item in items))
        inside = [self.item(ITEM, UNDEFINED) + item + self.item(ITEM_END) for item in items]
        return self.element(tag, "SQ", b"".join(inside) + self.item(SEQUENCE_END), UNDEFINED)


def refused(data: bytes, is_implicit: bool = False, is_big_endian: bool = False, **limits: int) -> str:
    """The error's text, which names the offset that the error has."""
    with pytest.raises(EncodedDatasetError) as caught:
        len(Elements(data, is_implicit, is_big_endian, **limits))
    assert str(caught.value).startswith(f"at offset {caught.value.offset} of the data set")
    if caught.value.tag is not None:
        assert f"({caught.value.tag >> 16:04X},{caught.value.tag & 0xFFFF:04X})" in str(caught.value)
    return str(caught.value)
