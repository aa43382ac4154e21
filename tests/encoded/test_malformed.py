"""Files of all kinds, cut and changed: what pydicom makes of them, or an error that says where."""

from __future__ import annotations

import random
import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from storage_files import all_paths

from fastdicom import EncodedDataset
from fastdicom.errors import EncodedDatasetError

# Longer files have nothing but more pixels.
LONGEST = 1 << 20
FILES = [path for path in all_paths() if path.stat().st_size < LONGEST]
# Every second small one.
SMALL = [path for path in FILES if path.stat().st_size < 12_000 and path.suffix == ".dcm"][1::2][:30]
FRONT = 132
CUT_EVERY = 97
CHANGES = 12
TELLING = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, *b"SQUNOB"]

# Errors that belong to no element: there is no data set, or too little for a tag.
WITHOUT_A_TAG = (
    "is not a DICOM file",
    "no data set behind",
    "File Meta Information",
    "the header has 8 bytes",
    "cannot be inflated",
    "ends early",
)
SAME = "same"
# What is not compared, as pydicom guesses a byte order, does not read it, or takes for a VR what is none: of
# an element in implicit VR among others, it is the length.
OTHERWISE = "in another byte order"
UNREAD = "not read by pydicom"
NO_VR = "a VR that is none"


def contents(dataset: Dataset) -> list[Any]:
    """Touch everything: tag, VR and value of all elements, those of items too, or the error of it."""
    found: list[Any] = []
    for tag in dataset.keys():  # noqa: SIM118 - the elements themselves would be decoded
        try:
            element = dataset[tag]
            if element.VR == "SQ":
                found.append((tag, "SQ", list(map(contents, element.value))))
            else:
                # Its text, as NaN is not equal to itself.
                found.append((tag, element.VR, type(element.value), repr(element.value)))
        except Exception as error:
            # What pydicom raises when an element is touched, our Dataset raises too.
            found.append((tag, type(error)))
    return found


def by_pydicom(content: bytes) -> Dataset | Exception:
    try:
        return dcmread(BytesIO(content), force=True)
    except Exception as error:
        return error


def outcome(content: bytes) -> str:
    """Return what comes of a file: one of the words above, or the error's text."""
    try:
        ours = EncodedDataset.open(content).to_pydicom()
    except EncodedDatasetError as error:
        return text_of(error, content)
    theirs = by_pydicom(content)
    if not isinstance(theirs, Dataset):
        return UNREAD
    if theirs.original_encoding[1] != ours.original_encoding[1]:
        return OTHERWISE
    mine, expected = contents(ours), contents(theirs)
    different = [(a, b) for a, b in zip(mine, expected, strict=False) if a != b]
    if different and different[0][1][1] is NotImplementedError:
        raw = theirs.get_item(different[0][1][0], keep_deferred=True)
        assert not (raw.VR.isalpha() and raw.VR.isupper()), raw.VR
        return NO_VR
    # Not the values: pytest would print all of them.
    tags = [str(a[0]) for a, _ in different]
    assert not tags and len(mine) == len(expected), f"{tags}, {len(mine)} and {len(expected)}"
    return SAME


def text_of(error: EncodedDatasetError, content: bytes) -> str:
    """Return the error's text, which says where, and of which element if there is one."""
    text = str(error)
    if error.offset is None:
        assert error.tag is not None or "cannot be inflated" in text, text
        return text
    assert 0 <= error.offset <= len(content), text
    if error.tag is not None:
        assert f"({error.tag >> 16:04X},{error.tag & 0xFFFF:04X})" in text
    else:
        has_no_tag = content[error.offset :][:4] == bytes(4) or any(each in text for each in WITHOUT_A_TAG)
        assert has_no_tag, text
    return text


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_every_file() -> None:
    outcomes = {path.name: outcome(path.read_bytes()) for path in FILES}
    assert len([text for text in outcomes.values() if text == SAME]) > 100
    assert not {OTHERWISE, UNREAD, NO_VR} & set(outcomes.values())
    assert "(7FE0,0010): the value length is 8192" in outcomes["MR_truncated.dcm"]
    assert "(300A,00B0): the value length is 976" in outcomes["rtplan_truncated.dcm"]
    assert "no delimitation item" in outcomes["emri_small_jpeg_2k_lossless_too_short.dcm"]
    broken = {name for name, text in outcomes.items() if text != SAME and name.endswith(".dcm")}
    assert broken == BROKEN


BROKEN = {
    "MR_truncated.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
    "rtplan_truncated.dcm",
    # Behind File Meta Information that does not say in which transfer syntax it is.
    "meta_missing_tsyntax.dcm",
    "nested_priv_SQ.dcm",
    # Its first byte is missing.
    "no_meta.dcm",
}


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_cut(path: Path) -> None:
    content = path.read_bytes()
    cuts = range(CUT_EVERY, len(content), CUT_EVERY)
    outcomes = [outcome(content[:cut]) for cut in cuts]
    # What is cut between two elements is whole.
    assert len([text for text in outcomes if text == SAME]) <= 2 + len(cuts) // 8


def changed(path: Path, positions: range, number: int) -> Iterator[bytes]:
    """Yield a file again and again, each time with another byte changed."""
    content = path.read_bytes()
    generator = random.Random(path.name)
    for _ in range(number):
        one = bytearray(content)
        one[generator.choice(positions)] = generator.choice([*TELLING, generator.randrange(256)])
        yield bytes(one)


def data_set_offset(path: Path) -> int:
    opened = EncodedDataset.open(path)
    return path.stat().st_size - opened.encoded_length() if not opened._is_deflated else FRONT


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_a_byte_changed(path: Path) -> None:
    begin, length = data_set_offset(path) + 2, path.stat().st_size
    # The first bytes have the most headers.
    few = range(begin, min(length, begin + 800))
    outcomes = [
        outcome(each)
        for positions in (few, range(begin, length))
        for each in changed(path, positions, CHANGES // 2)
    ]
    assert len([text for text in outcomes if text in (OTHERWISE, UNREAD, NO_VR)]) <= 1


def test_a_byte_of_file_meta_information_changed() -> None:
    outcomes = [
        outcome(each)
        for path in SMALL
        if data_set_offset(path) > FRONT
        for each in changed(path, range(FRONT, data_set_offset(path)), 4)
    ]
    assert outcomes.count(SAME) > 40


def explicit(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, element, vr, len(value)) + value


def file_of(*elements: bytes) -> bytes:
    meta = explicit(0x0002, 0x0010, b"UI", b"1.2.840.10008.1.2.1\0")
    return bytes(128) + b"DICM" + meta + b"".join(elements)


def test_a_character_set_with_nul() -> None:
    assert "(0008,0005)" in outcome(file_of(explicit(0x0008, 0x0005, b"CS", b"\0ab ")))


def test_an_error_of_the_element_0000_0000() -> None:
    content = file_of(explicit(0x0008, 0x0005, b"CS", b""), bytes(4) + b"UL\4\0")
    assert "(0000,0000): the value length is 4" in outcome(content)


def test_the_changes_are_worth_it() -> None:
    """Some are errors, and some are not."""
    assert len(SMALL) == 30
    outcomes = [outcome(path.read_bytes()[:-9] + b"\xff" * 9) for path in SMALL]
    assert {text == SAME for text in outcomes} == {True, False}
