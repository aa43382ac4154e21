"""The elements of encoded data sets: found in every encoding, and edited by splicing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from by_hand import (
    ITEM,
    NAME,
    PIXELS,
    SEQUENCE,
    SEQUENCE_END,
    UNDEFINED,
    Encoder,
    in_every_encoding,
)
from hypothesis import given
from hypothesis import strategies as st

from fastdicom._core.elements import Elements
from fastdicom._core.walking import walk
from fastdicom.errors import EncodedDatasetError

# --- reading ---


@in_every_encoding
def test_the_facts_of_every_element(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    item = e.element(0x00081155, "UI", b"1.4.")
    parts = {
        0x00080016: e.element(0x00080016, "UI", b"1.2.3"),
        SEQUENCE: e.sequence(SEQUENCE, item, b"", item),
        NAME: e.element(NAME, "PN"),
        0x00400275: e.sequence(0x00400275, item, is_defined=True),
        PIXELS: e.element(PIXELS, "OB", b"", UNDEFINED)
        + b"".join(e.item(ITEM, n) + bytes(n) for n in (0, 4, 6))
        + e.item(SEQUENCE_END),
    }
    data = b"".join(parts.values())
    elements = Elements(data, *encoding)
    assert elements.tags() == list(parts) and len(elements) == 5 and elements.end_offset == len(data)
    assert NAME in elements and 0x00100020 not in elements
    assert elements.raw(0x00080016) == b"1.2.3" and elements.raw(NAME) == b""
    assert elements.element(0x00080016) == ("UI", b"1.2.3") and elements.element(0x00100020) is None
    assert [elements.vr(tag) for tag in parts][:4] == ["UI", "SQ", "PN", "SQ"]
    assert elements.vr(PIXELS) == ("OB or OW" if encoding[0] else "OB")
    assert [elements.has_undefined_length(tag) for tag in parts] == [False, True, False, False, True]
    assert [elements.is_sequence(tag) for tag in parts] == [False, True, False, True, False]
    assert [elements.is_encapsulated(tag) for tag in parts] == [False, False, False, False, True]
    spans = elements.items_of(SEQUENCE)
    assert [data[begin:end] for begin, end in spans] == [item, b"", item]
    (span,) = elements.items_of(0x00400275)
    inner = Elements(data, *elements.items_syntax(0x00400275), begin=span[0], end=span[1], is_item=True)
    assert inner.tags() == [0x00081155] and bytes(inner) == item
    assert [end - begin for begin, end in elements.fragments_of(PIXELS)] == [0, 4, 6]
    header, value, length = elements.offsets(SEQUENCE)
    assert header == len(parts[0x00080016]) and data[value : value + length] == elements.raw(SEQUENCE)
    assert elements.value_length(SEQUENCE) == length == 3 * 16 + 2 * len(item)
    assert bytes(elements) == data and elements.buffers() == [data] and elements.encoded_length() == len(data)


def test_what_is_not_there() -> None:
    elements = Elements(Encoder().element(NAME, "PN", b"A^B "), False, False)
    lookups: list[Callable[[int], Any]] = [
        elements.vr,
        elements.raw,
        elements.value_length,
        elements.has_undefined_length,
        elements.is_sequence,
        elements.source,
        elements.offsets,
        elements.items_of,
        elements.fragments_of,
    ]
    for lookup in lookups:
        with pytest.raises(KeyError):
            lookup(0x00100020)
    with pytest.raises(EncodedDatasetError, match=r"\(0010,0010\) is no sequence; its VR is PN"):
        elements.items_of(NAME)
    with pytest.raises(EncodedDatasetError, match=r"\(0010,0010\) is not encapsulated"):
        elements.fragments_of(NAME)


@in_every_encoding
def test_an_empty_data_set(encoding: tuple[bool, bool]) -> None:
    elements = Elements(b"", *encoding)
    assert len(elements) == 0 and elements.tags() == [] and NAME not in elements
    assert bytes(elements) == b"" and walk(b"", *encoding) == []


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda data: memoryview(data).cast("H")])
def test_any_contiguous_buffer(make: Callable[[bytes], Any]) -> None:
    data = make(Encoder().element(NAME, "PN", b"A^B "))
    elements = Elements(data, False, False)
    assert elements.raw(NAME) == b"A^B " and elements.raw(NAME).readonly and elements.data is data


def test_what_is_no_contiguous_buffer() -> None:
    with pytest.raises(TypeError):
        Elements(memoryview(b"1234")[::2], False, False)
    with pytest.raises(TypeError):
        Elements("text", False, False)  # type: ignore[arg-type]


def test_a_part_of_the_data() -> None:
    element = Encoder().element(NAME, "PN", b"A^B ")
    elements = Elements(b"12345" + element + b"678", False, False, begin=5, end=5 + len(element))
    assert elements.raw(NAME) == b"A^B " and bytes(elements) == element
    assert elements.offsets(NAME) == (5, 13, 4) and elements.buffers() == [element]
    for begin, end in ((-1, 4), (5, 4), (0, 5), (0, -2)):
        with pytest.raises(ValueError, match=f"begin is {begin} and end is {end}; the data is 4 bytes long"):
            Elements(b"1234", False, False, begin=begin, end=end)


def test_released() -> None:
    data = bytearray(Encoder().element(NAME, "PN", b"A^B "))
    elements = Elements(data, False, False)
    raw = elements.raw(NAME)
    elements.release()
    assert elements.data is None and len(elements) == 0 and NAME not in elements
    assert raw == b"A^B "  # still there: the data cannot go while a slice of it is
    with pytest.raises(BufferError):
        data.clear()
    raw.release()
    data.clear()


@in_every_encoding
def test_the_stop_tag(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    header = e.element(0x00080016, "UI", b"1.2.") + e.item(SEQUENCE_END) + e.element(NAME, "PN", b"A^B ")
    for rest in (e.element(PIXELS, "OW", b"12345678"), e.element(PIXELS, "OW", b"12", 500_000_000)):
        elements = Elements(header + rest, *encoding, stop_tag=0x00110000)
        assert elements.tags() == [0x00080016, NAME] and elements.end_offset == len(header)
        assert bytes(elements) == header + rest
        elements.replace(NAME, None)
        assert b"".join(elements.buffers()) == header[: -len(e.element(NAME, "PN", b"A^B "))] + rest
        with pytest.raises(
            EncodedDatasetError, match=r"\(7FE0,0010\) lies behind the stop tag \(0011,0000\)"
        ):
            elements.replace(PIXELS, None)
    # All is known when nothing is behind the stop tag.
    elements = Elements(header, *encoding, stop_tag=0x00110000)
    elements.replace(PIXELS, rest)
    assert b"".join(elements.buffers()) == header + rest
    assert Elements(header + rest, *encoding, stop_tag=0x00080016).tags() == []


@pytest.mark.parametrize("vr", ["ZZ", "QQ", "XX"])
def test_unknown_letters_have_a_short_length(vr: str) -> None:
    data = Encoder().element(NAME, vr, b"A^B ") + Encoder().element(0x00100020, "LO", b"1 ")
    elements = Elements(data, False, False)
    assert elements.vr(NAME) == vr and elements.raw(NAME) == b"A^B " and elements.raw(0x00100020) == b"1 "


@pytest.mark.parametrize("is_big_endian", [False, True])
@pytest.mark.parametrize("is_defined", [False, True])
def test_un_is_implicit_little_endian_inside(is_big_endian: bool, is_defined: bool) -> None:
    inside = Encoder(True)
    items = [inside.item(ITEM), inside.item(ITEM, 12) + inside.element(0x00081155, "UI", b"1.4.")]
    value = b"".join(items) + (b"" if is_defined else inside.item(SEQUENCE_END))
    outside = Encoder(False, is_big_endian)
    data = outside.element(SEQUENCE, "UN", value, None if is_defined else UNDEFINED)
    elements = Elements(data, False, is_big_endian)
    assert elements.vr(SEQUENCE) == "UN" and elements.is_sequence(SEQUENCE) is not is_defined
    assert elements.items_syntax(SEQUENCE) == (True, False)
    begin, end = elements.items_of(SEQUENCE)[1]
    assert Elements(data, True, False, begin=begin, end=end, is_item=True).raw(0x00081155) == b"1.4."
    assert [(row[1], row[2]) for row in walk(data, False, is_big_endian)] == [
        (SEQUENCE, "SQ"),
        (ITEM, ""),
        (ITEM, ""),
        (0x00081155, "UI"),
    ]


def test_private_elements_are_known_by_their_creator() -> None:
    e = Encoder(True)
    creator, other = e.element(0x00190010, "LO", b"SIEMENS CT VA0  COAD"), e.element(0x00190010, "LO", b"?!")
    element = e.element(0x001910B0, "DS", b"1 ")
    assert Elements(creator + element, True, False).vr(0x001910B0) == "DS"
    assert Elements(creator + element, True, False).vr(0x00190010) == "LO"
    assert Elements(other + element, True, False).vr(0x001910B0) == "UN"
    assert Elements(element, True, False).vr(0x001910B0) == "UN"
    edited = Elements(other + element, True, False)
    edited.replace(0x00190010, creator)
    assert edited.vr(0x001910B0) == "DS"
    # An item has creators of its own.
    data = creator + e.sequence(0x00400275, element, creator + element) + element
    rows = walk(data, True, False)
    assert [vr for _, tag, vr, *_ in rows if tag == 0x001910B0] == ["UN", "DS", "DS"]
    assert [vr for _, tag, vr, *_ in walk(creator + element * 2, True, False)] == ["LO", "DS", "DS"]
    data = e.sequence(SEQUENCE, creator + element, element) + element
    assert [vr for _, tag, vr, *_ in walk(data, True, False) if tag == 0x001910B0] == ["DS", "UN", "UN"]


def test_elements_out_of_order_and_twice() -> None:
    e = Encoder()
    one, two = e.element(NAME, "PN", b"A "), e.element(NAME, "PN", b"B ")
    first, new = e.element(0x00080016, "UI", b"1."), e.element(0x00080018, "UI", b"2.")
    elements = Elements(one + first + two, False, False)
    assert elements.tags() == [0x00080016, NAME] and len(elements) == 2 and elements.raw(NAME) == b"B "
    elements.replace(0x00080018, new)
    assert b"".join(elements.buffers()) == new + one + first + two
    elements.replace(NAME, [b"", one])
    assert b"".join(elements.buffers()) == new + first + one and elements.raw(NAME) == b"A "
    elements.replace(0x00200010, new)
    elements.replace(NAME, None)
    assert b"".join(elements.buffers()) == new + first + new and len(elements) == 3


# --- edits ---


@in_every_encoding
def test_edits_are_spliced_in(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    tags = [0x00080016, SEQUENCE, NAME, 0x00100020, PIXELS]
    parts = {tag: e.element(tag, "LO", b"%08X" % tag) for tag in tags}
    parts[SEQUENCE] = e.sequence(SEQUENCE, b"")
    data = b"".join(parts.values())
    elements = Elements(data, *encoding)
    name, study, padding = (e.element(tag, "LO", b"new value ") for tag in (NAME, 0x0020000D, 0xFFFCFFFC))
    elements.replace(padding_tag := 0xFFFCFFFC, padding)
    elements.replace(NAME, name)
    elements.replace(0x0020000D, [study[:3], memoryview(study)[3:]])
    elements.replace(SEQUENCE, None)
    elements.replace(0x00100020, None)
    elements.replace(0x00100030, None)
    assert elements.is_edited
    expected = parts[0x00080016] + name + study + parts[PIXELS] + padding
    buffers = elements.buffers()
    assert b"".join(buffers) == expected and elements.encoded_length() == len(expected)
    # What was not touched is a slice of the data, not a copy.
    assert [b.obj is data for b in buffers if isinstance(b, memoryview) and b.obj is not study] == [
        True,
        True,
    ]
    assert elements.tags() == [0x00080016, NAME, 0x0020000D, PIXELS, padding_tag] and len(elements) == 5
    assert NAME in elements and SEQUENCE not in elements and padding_tag in elements
    assert elements.raw(NAME) == b"new value " == elements.raw(0x0020000D)
    assert elements.element(SEQUENCE) is None and elements.raw(PIXELS) == b"%08X" % PIXELS
    assert elements.source(NAME).data == name and elements.source(PIXELS) is elements
    with pytest.raises(KeyError):
        elements.raw(SEQUENCE)
    with pytest.raises(BufferError, match="several buffers"):
        bytes(elements)


def test_an_edited_sequence_is_looked_into() -> None:
    e = Encoder()
    elements = Elements(e.element(NAME, "PN", b"A^B "), False, False)
    sequence = e.sequence(SEQUENCE, e.element(0x00081155, "UI", b"1.4."), is_defined=True)
    elements.replace(SEQUENCE, [sequence[:12], sequence[12:]])
    (span,) = elements.items_of(SEQUENCE)
    assert elements.is_sequence(SEQUENCE) and elements.items_syntax(SEQUENCE) == (False, False)
    assert elements.source(SEQUENCE).data[span[0] : span[1]] == e.element(0x00081155, "UI", b"1.4.")  # type: ignore[index]
    elements.replace(SEQUENCE, e.sequence(SEQUENCE))
    assert elements.items_of(SEQUENCE) == []


def test_an_edit_is_bytes_a_list_or_none() -> None:
    elements = Elements(b"", False, False)
    for wrong in ("text", bytearray(8), (b"",), 5):
        with pytest.raises(TypeError, match="encoded must be bytes, a list or None, not "):
            elements.replace(NAME, wrong)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        elements.replace(1 << 32, None)
    assert not elements.is_edited


ELEMENT = Encoder().element


@given(
    st.dictionaries(st.integers(1, 40), st.binary(max_size=5), max_size=12),
    st.dictionaries(st.integers(1, 40), st.none() | st.binary(max_size=5), max_size=8),
)
def test_edit_then_parse_is_parse_then_edit(before: dict[int, bytes], edits: dict[int, bytes | None]) -> None:
    elements = Elements(b"".join(ELEMENT(tag, "LO", before[tag]) for tag in sorted(before)), False, False)
    for tag, value in edits.items():
        elements.replace(tag, None if value is None else ELEMENT(tag, "LO", value))
    after = {tag: value for tag, value in (before | edits).items() if value is not None}
    again = Elements(b"".join(elements.buffers()), False, False)
    assert again.tags() == elements.tags() == sorted(after)
    for tag, value in after.items():
        assert again.raw(tag) == elements.raw(tag) == value


# --- every level ---


@in_every_encoding
def test_walk_lists_every_level(encoding: tuple[bool, bool]) -> None:
    e = Encoder(*encoding)
    leaf = e.element(0x00081155, "UI", b"1.4.")
    inner = e.sequence(0x00081199, leaf)
    outer = e.sequence(SEQUENCE, inner, is_defined=True)
    uid = e.element(0x0020000D, "UI", b"1.5.")
    rows = walk(outer + uid, *encoding)
    depths_and_tags = [(0, SEQUENCE), (1, ITEM), (1, 0x00081199), (2, ITEM), (2, 0x00081155), (0, 0x0020000D)]
    assert [row[:2] for row in rows] == depths_and_tags
    assert [row[2] for row in rows] == ["SQ", "", "SQ", "", "UI", "UI"]
    assert [row[6] for row in rows] == [False, False, True, True, False, False]
    data = outer + uid
    for _, tag, _, header, value, length, is_undefined in rows:
        end = value + length + 8 * is_undefined
        whole = {SEQUENCE: outer, 0x00081199: inner, 0x00081155: leaf, 0x0020000D: uid}
        assert tag == ITEM or data[header:end] == whole[tag]
    uids = walk(data, *encoding, vrs=("UI",))
    assert uids == [row for row in rows if row[2] == "UI"]
    assert walk(data, *encoding, vrs={"SQ"}) == rows[:4]
