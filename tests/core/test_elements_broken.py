"""Encoded data sets that are broken, too deep, too many or too large: errors that say where, no crash."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

import pytest
from by_hand import (
    ITEM,
    ITEM_END,
    NAME,
    PIXELS,
    SEQUENCE,
    SEQUENCE_END,
    UNDEFINED,
    Encoder,
    in_every_encoding,
    refused,
)

from fastdicom._core.elements import Elements
from fastdicom._core.walking import walk
from fastdicom.errors import EncodedDatasetError


@in_every_encoding
def test_cut_at_every_byte(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    parts = [
        e.element(0x00080016, "UI", b"1.2."),
        e.sequence(SEQUENCE, e.element(0x00081155, "UI", b"1.4."), b""),
        e.element(NAME, "PN", b"A^B "),
        e.element(0x00420011, "OB", b"12"),
    ]
    data = b"".join(parts)
    ends = {sum(map(len, parts[:n])) for n in range(5)}
    for cut in range(len(data)):
        end = max(end for end in ends if end <= cut)
        if not any(data[end:cut]):  # a zero byte behind a whole element may be there to make it even
            assert len(Elements(data[:cut], *encoding)) == sorted(ends).index(end)
        else:
            refused(data[:cut], *encoding)


def test_errors_say_where_and_what() -> None:
    e = Encoder()
    front = e.element(0x00080016, "UI", b"1.2.")
    rows = {
        e.element(NAME, "PN", b"12", 10): "(0010,0010): the value length is 10; 2 bytes are left",
        e.element(PIXELS, "OW", b"12", 0xFFFFFFFE): "the value length is 4294967294; 2 bytes are left",
        b"12345": "the header has 8 bytes; 5 are left",
        e.element(PIXELS, "OW")[:10]: "(7FE0,0010): the header has 12 bytes; 10 are left",
        e.item(ITEM_END): "(FFFE,E00D): an element must be here",
        e.item(ITEM, 4) + b"1234": "(FFFE,E000): an element must be here",
        e.item(SEQUENCE_END, 4) + b"1234": "(FFFE,E0DD): an element must be here",
    }
    for rest, text in rows.items():
        message = refused(front + rest)
        assert text in message and message.startswith("at offset 12 of the data set")


@in_every_encoding
def test_undefined_length_where_it_may_not_be(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    begin = e.element(PIXELS, "OB", b"", UNDEFINED)
    assert "a fragment has an undefined length" in refused(begin + e.item(ITEM, UNDEFINED), *encoding)
    assert "(0010,0010): an item or a delimitation item" in refused(
        e.element(SEQUENCE, "SQ", e.element(NAME, "PN"), UNDEFINED), *encoding
    )
    assert "(1234,5678): an item or a delimitation item" in refused(begin + e.item(0x12345678), *encoding)


@in_every_encoding
def test_undefined_length_that_is_never_closed(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    sequence = e.element(SEQUENCE, "SQ", b"", UNDEFINED)
    item = e.item(ITEM, UNDEFINED) + e.element(NAME, "PN", b"A^B ")
    for data in (sequence, sequence + item, e.element(PIXELS, "OB", b"", UNDEFINED) + e.item(ITEM)):
        assert "has no delimitation item" in refused(data, *encoding)
    # ... within an item that ends.
    closed = e.sequence(0x00400275, e.sequence(SEQUENCE, b"")[:-8], is_defined=True)
    assert len(Elements(closed, *encoding)) == 1
    with pytest.raises(EncodedDatasetError):
        walk(closed, *encoding)
    assert "delimitation item" in refused(sequence + item + e.item(SEQUENCE_END), *encoding)


@in_every_encoding
def test_nesting_has_a_limit(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    data = b""
    for _ in range(64):
        data = e.sequence(SEQUENCE, data)
    assert len(Elements(data, *encoding)) == 1 and walk(data, *encoding)[-1][0] == 64
    data = e.sequence(SEQUENCE, data)
    assert "sequences nest 65 deep; the limit is 64" in refused(data, *encoding)
    assert len(Elements(data, *encoding, maximum_depth=65)) == 1
    level = e.element(SEQUENCE, "SQ", b"", UNDEFINED) + e.item(ITEM, UNDEFINED)
    assert "limit is 64" in refused(level * 10_000, *encoding)
    assert "limit is 255" in refused(level * 10_000, *encoding, maximum_depth=255)
    for depth in (-1, 256):
        with pytest.raises(ValueError, match=f"maximum_depth is {depth}; the limit is 255"):
            Elements(b"", *encoding, maximum_depth=depth)


def test_nesting_of_defined_lengths_has_a_limit() -> None:
    levels = [
        struct.pack("<IIII", 0x11400008, n * 16 - 8, 0xE000FFFE, n * 16 - 16) for n in range(10_000, 0, -1)
    ]
    data = b"".join(levels)
    assert len(Elements(data, True, False)) == 1  # passed over
    with pytest.raises(EncodedDatasetError, match="sequences nest 65 deep; the limit is 64"):
        walk(data, True, False)


@in_every_encoding
def test_elements_have_a_limit(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    data = e.element(SEQUENCE, "SQ", b"", UNDEFINED) + e.item(ITEM) * 999_999
    assert "has no delimitation item" in refused(data, *encoding)
    data += e.item(ITEM)
    assert "there are 1000001 elements or more; the limit is 1000000" in refused(data, *encoding)
    data = e.sequence(SEQUENCE, e.element(NAME, "PN"))
    assert len(Elements(data, *encoding, maximum_elements=3)) == 1
    assert "there are 3 elements or more; the limit is 2" in refused(data, *encoding, maximum_elements=2)
    defined = e.element(SEQUENCE, "SQ", e.item(ITEM) * 3)
    with pytest.raises(EncodedDatasetError, match="the limit is 2"):
        Elements(defined, *encoding, maximum_elements=2).items_of(SEQUENCE)


@pytest.mark.parametrize("number", [128, 129, 512, 513, 5000])
def test_many_elements(number: int) -> None:
    data = b"".join(Encoder().element(0x00100000 + n, "LO", b"%04d" % n) for n in range(1, number + 1))
    elements = Elements(data, False, False)
    assert len(elements) == number and elements.raw(0x00100000 + number) == b"%04d" % number
    assert all(elements.raw(0x00100001 + n) == b"%04d" % (n + 1) for n in range(number))
    assert 0x00100000 not in elements and 0x00108000 not in elements
    sequence = Encoder().sequence(SEQUENCE, *[b""] * number)
    assert len(Elements(sequence, False, False).items_of(SEQUENCE)) == number
    assert len(walk(sequence, False, False)) == number + 1


def test_offsets_beyond_4_gib(tmp_path: Path) -> None:
    size = 5 << 30
    e = Encoder()
    path = tmp_path / "large"
    with path.open("w+b") as file:
        try:
            file.truncate(size)
        except OSError:
            pytest.skip("no sparse file of 5 GiB here")
        # Two fragments of 2.5 GiB, and an element behind them.
        half = size // 2 - 64
        file.write(e.element(PIXELS, "OB", b"", UNDEFINED) + e.item(ITEM, half))
        for part in (e.item(ITEM, half), e.item(SEQUENCE_END) + e.element(0xFFFCFFFC, "OB", b"end ")):
            file.seek(half, 1)
            file.write(part)
        end = file.tell()
        file.truncate(end)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            elements = Elements(data, False, False)
            assert (
                elements.raw(0xFFFCFFFC) == b"end " and elements.offsets(0xFFFCFFFC)[1] == end - 4 > 1 << 32
            )
            assert elements.value_length(PIXELS) == 2 * half + 16
            assert elements.fragments_of(PIXELS)[1][1] > 1 << 32
            elements.release()


def test_a_value_length_that_leads_beyond_4_gib() -> None:
    # In 32 bits the end of the value would come out as 4 bytes into the data.
    assert "4294967284" in refused(Encoder().element(PIXELS, "OW", b"1234", 0xFFFFFFF4))


@pytest.mark.parametrize("count", range(1, 8))
def test_bytes_behind_the_last_element_are_no_element(count: int) -> None:
    """What makes a message even (PS3.8 E.1), for instance."""
    encoded = Encoder(False, False).element(NAME, "PN", b"1234")
    elements = Elements(encoded + bytes(count), False, False)
    assert elements.tags() == [NAME]
    assert elements.end_offset == len(encoded) + count
    assert bytes(elements) == encoded + bytes(count)
