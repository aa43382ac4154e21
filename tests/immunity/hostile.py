"""Data sets that are legal, or nearly so, and hard on who decodes them."""

from __future__ import annotations

import zlib

from raw_peer import CT, data_set

DEFLATED = "1.2.840.10008.1.2.1.99"

UNDEFINED = b"\xff\xff\xff\xff"


def element(group: int, number: int, value: bytes, length: bytes | None = None) -> bytes:
    """Encode an element in Implicit VR Little Endian; its length may say anything."""
    header = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    return header + (len(value).to_bytes(4, "little") if length is None else length) + value


FRONT = element(0x0008, 0x0016, CT.encode() + b"\0") + element(0x0008, 0x0018, b"1.2.3.4\0")

ITEM, END_OF_ITEM, END_OF_SEQUENCE = (
    b"\xfe\xff" + number for number in (b"\x00\xe0", b"\x0d\xe0", b"\xdd\xe0")
)
SEQUENCE = b"\x08\0\x40\x11"  # (0008,1140) Referenced Image Sequence


def nested(depth: int, *, is_closed: bool = True) -> bytes:
    """Sequences within sequences, of undefined length; their ends may be missing."""
    begun = (SEQUENCE + UNDEFINED + ITEM + UNDEFINED) * depth
    ends = (END_OF_ITEM + bytes(4) + END_OF_SEQUENCE + bytes(4)) * depth
    return FRONT + begun + (ends if is_closed else b"")


def nested_with_lengths(depth: int) -> bytes:
    """The same with lengths that are right."""
    begun = b"".join(
        SEQUENCE + (16 * level - 8).to_bytes(4, "little") + ITEM + (16 * level - 16).to_bytes(4, "little")
        for level in range(depth, 0, -1)
    )
    return FRONT + begun


def deflated(encoded: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    whole = compressor.compress(encoded) + compressor.flush()
    return whole + bytes(len(whole) % 2)


def bomb(length: int) -> bytes:
    """A deflated data set, in Explicit VR, that is a thousand times as long, and full of zeros."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    header = b"\xe0\x7f\x10\0OB\0\0" + length.to_bytes(4, "little")
    front = compressor.compress(header) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    whole = front + block * (length >> 20) + compressor.flush()  # a block refers to nothing before it
    return whole + bytes(len(whole) % 2)


WHOLE = data_set(200)

NONSENSE = {
    "nothing": b"",
    "a byte": b"\x08",
    "half a header": FRONT[:6],
    "zeros": bytes(10_000),
    "ones": b"\xff" * 10_000,
    "text": b"GET / HTTP/1.1\r\n\r\n" * 100,
    "a file": bytes(128) + b"DICM" + FRONT,
    "a command set": element(0, 0x0100, b"\1\0") + element(0, 0x0110, b"\1\0"),
    "length beyond the end": FRONT + element(0x0010, 0x0010, b"A^B ", b"\xf0\0\0\0"),
    "length near the wrap": FRONT + element(0x0010, 0x0010, b"A^B ", b"\xfe\xff\xff\xff"),
    "undefined length of text": FRONT + element(0x0010, 0x0010, b"A^B ", UNDEFINED),
    "undefined length of pixels": FRONT + element(0x7FE0, 0x0010, bytes(64), UNDEFINED),
    "descending": WHOLE[::-1],
    "the same element again and again": element(0x0008, 0x0018, b"1.2.3.4\0") * 1000,
    "odd lengths": FRONT + element(0x0010, 0x0010, b"A^B") + element(0x0010, 0x0020, b"1"),
    "unknown VRs": b"\x08\0\x16\0ZZ\x04\x001.2\0" * 100,
    "an item without a sequence": FRONT + ITEM + UNDEFINED,
    "ends without a beginning": FRONT + (END_OF_SEQUENCE + bytes(4)) * 100,
    "a sequence of many empty items": FRONT + SEQUENCE + UNDEFINED + (ITEM + bytes(4)) * 10_000,
    "cut": WHOLE[:-50],
}
"""No data sets, or such that no receiver likes (D1)."""
