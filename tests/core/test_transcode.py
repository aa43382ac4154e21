"""Data sets in another encoding: byte for byte as pydicom writes them, there and back, whole and broken."""

from __future__ import annotations

import random
import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import correct_ambiguous_vr, write_dataset
from pydicom.sequence import Sequence
from storage_files import all_paths

from fastdicom._core.elements import Elements
from fastdicom._core.transcode import Transcoding
from fastdicom.encoded.deflated import inflate
from fastdicom.encoded.opening import Contents, find_contents
from fastdicom.encoded.syntax import syntax_of
from fastdicom.errors import EncodedDatasetError

# (is implicit, is big endian)
IMPLICIT, LITTLE, BIG = (True, False), (False, False), (False, True)
ENCODINGS = [IMPLICIT, LITTLE, BIG]
OTHERS = [(one, other) for one in ENCODINGS for other in ENCODINGS if one != other]

UNDEFINED = 0xFFFFFFFF
WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def transcode(encoded: bytes, one: tuple[bool, bool], other: tuple[bool, bool]) -> bytes:
    return bytes(Transcoding(encoded, *one, *other))


def write(ds: Dataset, encoding: tuple[bool, bool]) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = encoding[0], not encoding[1]
    write_dataset(file, ds)
    return bytes(file.getvalue())


def read(encoded: bytes, encoding: tuple[bool, bool]) -> Dataset:
    ds = read_dataset(BytesIO(encoded), encoding[0], not encoding[1])
    ds.set_original_encoding(encoding[0], not encoding[1], ds._read_charset or "iso8859")
    return ds


def swapped(value: bytes, unit: int) -> bytes:
    whole = len(value) - len(value) % unit
    words = (value[at : at + unit][::-1] for at in range(0, whole, unit))
    return b"".join(words) + value[whole:]


def transcode_by_pydicom(encoded: bytes, one: tuple[bool, bool], other: tuple[bool, bool]) -> bytes:
    """Read in one encoding, and write in the other; pydicom leaves it to the caller to swap words."""
    ds = read(encoded, one)
    for _ in ds.iterall():
        pass  # each element gets its VR
    if one[1] != other[1]:
        correct_ambiguous_vr(ds, not one[1])
        for element in ds.iterall():
            if element.VR in WORDS and element.value:
                element._value = swapped(bytes(element.value), WORDS[element.VR])
    return write(ds, other)


def files() -> list[Path]:
    return [path for path in all_paths() if path.stat().st_size < 1 << 20]


def readable() -> Iterator[Path]:
    for path in files():
        try:
            if None not in dcmread(path, force=True).original_encoding:
                yield path
        except Exception:  # pydicom raises whatever it likes for a file that is none
            continue


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    FILES = list(readable())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_as_pydicom_writes_it(path: Path) -> None:
    """Files as pydicom would have written them: it mends what is odd in them on the way."""
    ds = dcmread(path, force=True)[0x00030000:]
    # Another encoding than the file's, so that pydicom encodes every value anew.
    one = LITTLE if ds.original_encoding != (False, True) else IMPLICIT
    try:
        encoded = write(ds, one)
        expected = {other: transcode_by_pydicom(encoded, one, other) for other in ENCODINGS if other != one}
    except ValueError as error:
        if "encapsulated" not in str(error):
            raise
        with pytest.raises(EncodedDatasetError, match="no other byte order"):
            transcode(encoded, one, BIG)
        expected = {}
    for other, bytes_ in expected.items():
        assert transcode(encoded, one, other) == bytes_


def contents() -> Iterator[tuple[Path, Contents]]:
    for path in files():
        try:
            yield path, find_contents(path.read_bytes(), path.name)
        except EncodedDatasetError:
            continue  # some files are of other kinds


CONTENTS = dict(contents())


def in_file(path: Path) -> tuple[bytes, tuple[bool, bool]]:
    """Return the data set in a file, as it is, and its encoding."""
    syntax = syntax_of(CONTENTS[path].transfer_syntax)
    encoded = path.read_bytes()[CONTENTS[path].data_set_offset :]
    return inflate(encoded) if syntax.is_deflated else encoded, (syntax.is_implicit, syntax.is_big_endian)


def is_encapsulated(encoded: bytes) -> bool:
    elements = Elements(encoded, False, False)
    return 0x7FE00010 in elements and elements.has_undefined_length(0x7FE00010)


# Cut off, or with lengths that go too far.
BROKEN = {
    "DICOMDIR-nooffset",
    "MR_truncated.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
    "rtplan_truncated.dcm",
}


@pytest.mark.parametrize(
    "path", [path for path in CONTENTS if path.name not in BROKEN], ids=lambda path: path.name
)
def test_files_come_back(path: Path) -> None:
    """Once it has been transcoded, a data set comes back to the byte: what could not has been mended."""
    encoded, encoding = in_file(path)
    mended = transcode(encoded, encoding, LITTLE)
    assert transcode(mended, LITTLE, LITTLE) == mended
    implicit = transcode(mended, LITTLE, IMPLICIT)
    assert transcode(transcode(implicit, IMPLICIT, LITTLE), LITTLE, IMPLICIT) == implicit
    if is_encapsulated(mended):
        with pytest.raises(EncodedDatasetError, match="no other byte order"):
            transcode(mended, LITTLE, BIG)
    else:
        assert transcode(transcode(mended, LITTLE, BIG), BIG, LITTLE) == mended


@pytest.mark.parametrize(
    "path", [path for path in CONTENTS if path.name in BROKEN], ids=lambda path: path.name
)
def test_broken_files_are_refused(path: Path) -> None:
    encoded, encoding = in_file(path)
    with pytest.raises(
        EncodedDatasetError, match=r"^at offset \d+ of the data set, \([0-9A-F]{4},"
    ) as caught:
        transcode(encoded, encoding, LITTLE)
    assert caught.value.tag is not None


# --- data sets that are made ---

TEXTS = ["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"]
NUMBERS = {
    "US": (0, 0xFFFF), "SS": (-0x8000, 0x7FFF), "UL": (0, 0xFFFFFFFF), "SL": (-(1 << 31), (1 << 31) - 1),
    "UV": (0, (1 << 64) - 1), "SV": (-(1 << 63), (1 << 63) - 1),
}  # fmt: skip
STANDARD_TAGS: dict[str, list[int]] = {}
for tag, row in DicomDictionary.items():
    if 0x0008 < tag >> 16 < 0x7FE0 and tag not in (0x00280103, 0x00080005):
        STANDARD_TAGS.setdefault(row[0], []).append(tag)


def elements_of(vr: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[int, str, Any]]:
    return st.tuples(st.sampled_from(STANDARD_TAGS[vr]), st.just(vr), values)


words = st.binary(max_size=6).map(lambda value: value * 8)
plain = [elements_of(vr, st.text("ABC123", max_size=9)) for vr in TEXTS]
plain += [
    elements_of(vr, st.lists(st.integers(*limits), min_size=1, max_size=3)) for vr, limits in NUMBERS.items()
]
plain += [elements_of(vr, words) for vr in ("OB", "OW", "OF", "OD", "OL", "OV")]
plain += [
    elements_of("UI", st.just("1.2.840.10008.1")),
    elements_of("FL", st.floats(width=32, allow_nan=False)),
    elements_of("FD", st.floats(allow_nan=False)),
    elements_of("AT", st.integers(0, 0xFFFFFFFF)),
    st.tuples(st.just(0x00280106), st.just("US or SS"), st.integers(0, 0x7FFF)),
    st.tuples(st.just(0x00091002), st.just("SH"), st.text("ABC123", max_size=9)),
    st.tuples(st.just(0x00091077), st.just("UN"), words),
]


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    ds = Dataset()
    ds.add_new(0x00090010, "LO", "GEMS_IDEN_01")
    representation = draw(st.integers(0, 1))
    ds.PixelRepresentation = representation
    for tag, vr, value in draw(st.lists(st.one_of(plain), max_size=8)):
        ds.add_new(tag, ("US", "SS")[representation] if vr == "US or SS" else vr, value)
    for tag in draw(st.lists(st.sampled_from(STANDARD_TAGS["SQ"]), max_size=2)) if depth else []:
        items = draw(st.lists(data_sets(depth=depth - 1), max_size=2))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        ds.add_new(tag, "SQ", Sequence(items))
        ds[tag].is_undefined_length = draw(st.booleans())
    return ds


@settings(max_examples=25)
@given(data_sets(), st.sampled_from(OTHERS))
def test_made_data_sets_as_pydicom_writes_them(ds: Dataset, change: tuple[Any, Any]) -> None:
    one, other = change
    encoded = write(ds, one)
    assert transcode(encoded, one, other) == transcode_by_pydicom(encoded, one, other)


@settings(max_examples=25)
@given(data_sets(), st.sampled_from(OTHERS))
def test_made_data_sets_come_back(ds: Dataset, change: tuple[Any, Any]) -> None:
    one, other = change
    encoded = write(ds, one)
    assert transcode(transcode(encoded, one, other), other, one) == encoded


def rich() -> Dataset:
    """Return a data set with something of everything."""
    inner, outer, ds = Dataset(), Dataset(), Dataset()
    inner.PixelRepresentation = 0
    inner.SmallestImagePixelValue = 5
    outer.ReferencedImageSequence = Sequence([inner, Dataset()])
    outer["ReferencedImageSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    ds.ReferencedStudySequence = Sequence([outer])
    ds.add_new(0x00090010, "LO", "GEMS_IDEN_01")
    ds.add_new(0x00091002, "SH", "text")
    ds.add_new(0x00091077, "UN", b"abcd")
    ds.PixelRepresentation = 1
    ds.add_new(0x00280106, "SS", -5)
    ds.add_new(0x7FE00010, "OW", b"\0\1\2\3")
    return ds


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_broken_data_sets_are_refused_or_transcoded(one: Any, other: Any) -> None:
    numbers = random.Random(5)
    whole = write(rich(), one)
    for _ in range(200):
        encoded = bytearray(whole)
        for _ in range(numbers.randint(1, 4)):
            encoded[numbers.randrange(len(encoded))] = numbers.choice((0, 1, 0xFF, numbers.randrange(256)))
        check_refused_or_transcoded(bytes(encoded[: numbers.randint(0, len(encoded))]), one, other)


def check_refused_or_transcoded(cut: bytes, one: Any, other: Any) -> None:
    try:
        transcode(cut, one, other)
    except EncodedDatasetError as refused:
        error = refused
    else:
        return
    assert error.offset is not None
    assert 0 <= error.offset <= len(cut)


# --- what is decided on the way ---


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return an element in explicit VR little endian."""
    n = len(value) if length is None else length
    header = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return header + vr + struct.pack("<HI", 0, n) + value
    return header + vr + struct.pack("<H", n) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    n = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, n) + value


def vr_of(encoded: bytes, tag: int) -> bytes:
    at = encoded.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    return encoded[at + 4 : at + 6]


LUT = implicit(0x00283002, struct.pack("<HHH", 1, 0, 16))


@pytest.mark.parametrize(
    ("encoded", "tag", "vr"),
    [
        (implicit(0x7FE00010, b"\0\0"), 0x7FE00010, b"OW"),
        (implicit(0x00280106, b"\0\0"), 0x00280106, b"US"),
        (implicit(0x00280103, b"\1\0") + implicit(0x00280106, b"\0\0"), 0x00280106, b"SS"),
        # (0028,0103) comes behind what it decides
        (implicit(0x00189810, b"\0\0") + implicit(0x00280103, b"\1\0"), 0x00189810, b"SS"),
        (implicit(0x00283006, b"\0\0"), 0x00283006, b"OW"),
        (LUT + implicit(0x00283006, b"\0\0"), 0x00283006, b"US"),
        (implicit(0x60003000, b"\0\0"), 0x60003000, b"OW"),
        (implicit(0x60F03000, b"\0\0"), 0x60F03000, b"OW"),  # pydicom gives up on this one
        (implicit(0x54001010, b"\0\0"), 0x54001010, b"OW"),
        (implicit(0x00091010, b"\0\0"), 0x00091010, b"UN"),
        (implicit(0x00111010, b"", UNDEFINED) + implicit(0xFFFEE0DD, b""), 0x00111010, b"SQ"),
        (implicit(0x00081190, b"\0" * 0xFFFE), 0x00081190, b"UR"),
        (implicit(0x00080005, b"\0" * 0xFFFE), 0x00080005, b"CS"),
        (implicit(0x00080005, b"\0" * 0x10000), 0x00080005, b"UN"),
    ],
)  # fmt: skip
def test_vrs(encoded: bytes, tag: int, vr: bytes) -> None:
    explicit = transcode(encoded, IMPLICIT, LITTLE)
    assert vr_of(explicit, tag) == vr
    assert transcode(explicit, LITTLE, IMPLICIT) == encoded


def test_the_nearest_pixel_representation_decides() -> None:
    unsigned = implicit(0x00280103, b"\0\0")
    smallest = implicit(0x00280106, b"\1\0")
    inside = implicit(0xFFFEE000, smallest) + implicit(0xFFFEE000, unsigned + smallest)
    encoded = implicit(0x00081115, inside) + implicit(0x00280103, b"\1\0")
    explicit = transcode(encoded, IMPLICIT, LITTLE)
    first = explicit.index(b"\x28\0\x06\x01") + 4
    second = explicit.index(b"\x28\0\x06\x01", first) + 4
    assert (explicit[first : first + 2], explicit[second : second + 2]) == (b"SS", b"US")


def test_unknown_of_undefined_length_is_a_sequence_in_implicit_vr() -> None:
    item = implicit(0xFFFEE000, implicit(0x00080060, b"CT"))
    encoded = element(0x00111010, b"UN", item + implicit(0xFFFEE0DD, b""), UNDEFINED)
    item = implicit(0xFFFEE000, element(0x00080060, b"CS", b"CT"))
    expected = element(0x00111010, b"SQ", item + implicit(0xFFFEE0DD, b""), UNDEFINED)
    assert transcode(transcode(encoded, LITTLE, BIG), BIG, LITTLE) == expected


def test_group_lengths_are_left_out() -> None:
    modality = implicit(0x00080060, b"CT")
    inside = implicit(0x00080000, b"\x0a\0\0\0") + modality
    encoded = inside + implicit(0x00081115, implicit(0xFFFEE000, inside))
    explicit = transcode(encoded, IMPLICIT, LITTLE)
    expected = modality + implicit(0x00081115, implicit(0xFFFEE000, modality))
    assert transcode(explicit, LITTLE, IMPLICIT) == expected


def test_odd_lengths_stay() -> None:
    encoded = implicit(0x00080060, b"CTX") + implicit(0x00280010, b"\1\2\3")
    explicit = element(0x00080060, b"CS", b"CTX") + element(0x00280010, b"US", b"\1\2\3")
    assert transcode(encoded, IMPLICIT, LITTLE) == explicit
    big = transcode(encoded, IMPLICIT, BIG)
    assert big.endswith(b"\2\1\3")
    assert transcode(big, BIG, LITTLE) == explicit


# --- pieces, limits, errors ---


def image(n: int) -> bytes:
    return element(0x00280010, b"US", b"\1\2") + element(0x7FE00010, b"OW", bytes(range(256)) * (n // 256))


def test_a_long_value_that_stays_as_it_is_is_not_copied() -> None:
    encoded = image(1 << 20)
    transcoding = Transcoding(encoded, False, False, True, False)
    pieces = list(transcoding.pieces())
    assert [type(piece) for piece in pieces] == [bytes, memoryview]
    assert pieces[1].obj is encoded
    assert len(transcoding) == len(encoded) - 4
    assert b"".join(pieces) == bytes(transcoding)


@pytest.mark.parametrize("piece_length", [1, 1000, 1 << 18, 1 << 30])
def test_a_long_value_that_is_swapped_comes_in_pieces(piece_length: int) -> None:
    transcoding = Transcoding(image(1 << 18), False, False, False, True)
    pieces = list(transcoding.pieces(piece_length))
    assert max(map(len, pieces[1:])) <= max(piece_length, 8)
    assert b"".join(pieces) == bytes(transcoding)
    assert bytes(transcoding)[-4:] == b"\xfd\xfc\xff\xfe"


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: memoryview(data).cast("H")])
def test_any_buffer(kind: Any) -> None:
    encoded = image(4096)
    assert bytes(Transcoding(kind(encoded), False, False, True, False)) == transcode(
        encoded, LITTLE, IMPLICIT
    )


def test_a_part_of_a_buffer() -> None:
    encoded = image(4096)
    part = Transcoding(b"xyz" + encoded + b"xyz", False, False, True, False, begin=3, end=3 + len(encoded))
    assert bytes(part) == transcode(encoded, LITTLE, IMPLICIT)
    with pytest.raises(ValueError, match="begin is 5 and end is 4"):
        Transcoding(encoded, False, False, True, False, begin=5, end=4)


def test_nothing() -> None:
    assert transcode(b"", IMPLICIT, BIG) == b""


def test_no_implicit_vr_big_endian() -> None:
    with pytest.raises(ValueError, match="implicit VR big endian"):
        Transcoding(b"", False, False, True, True)


def nested(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = implicit(0x00081115, implicit(0xFFFEE000, inner))
    return inner


def test_the_depth_has_a_limit() -> None:
    assert len(Transcoding(nested(64), True, False, False, False)) == 64 * 20
    with pytest.raises(EncodedDatasetError, match="65 deep; the limit is 64"):
        Transcoding(nested(65), True, False, False, False)
    with pytest.raises(EncodedDatasetError, match="3 deep; the limit is 2"):
        Transcoding(nested(3), True, False, False, False, maximum_depth=2)
    with pytest.raises(ValueError, match="maximum_depth is 300"):
        Transcoding(b"", True, False, False, False, maximum_depth=300)


def test_elements_have_a_limit() -> None:
    encoded = b"".join(implicit(0x00091000 + i, b"") for i in range(3000))
    assert len(Transcoding(encoded, True, False, False, False, maximum_elements=3000)) == 3000 * 12
    with pytest.raises(EncodedDatasetError, match="limit is 2999") as caught:
        Transcoding(encoded, True, False, False, False, maximum_elements=2999)
    assert caught.value.offset == 2999 * 8


def test_an_error_says_where() -> None:
    with pytest.raises(
        EncodedDatasetError, match=r"offset 10 of the data set, \(0008,0070\).*is 6; 2 bytes"
    ) as caught:
        transcode(implicit(0x00080060, b"CT") + implicit(0x00080070, b"AB", 6), IMPLICIT, LITTLE)
    assert (caught.value.offset, caught.value.tag) == (10, 0x00080070)


def test_encapsulated_pixel_data_has_no_other_byte_order() -> None:
    fragments = implicit(0xFFFEE000, b"") + implicit(0xFFFEE000, b"abcd") + implicit(0xFFFEE0DD, b"")
    encoded = element(0x00080060, b"CS", b"CT") + element(0x7FE00010, b"OB", fragments, UNDEFINED)
    assert transcode(transcode(encoded, LITTLE, IMPLICIT), IMPLICIT, LITTLE) == encoded
    with pytest.raises(EncodedDatasetError, match=r"offset 10 .*\(7FE0,0010\): encapsulated") as caught:
        transcode(encoded, LITTLE, BIG)
    assert (caught.value.offset, caught.value.tag) == (10, 0x7FE00010)
