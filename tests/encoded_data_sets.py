"""Data sets for tests: made by hypothesis, and pydicom's files; read and written by pydicom."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from storage_files import all_paths

# Whether it is implicit, and whether it is big endian.
Syntax = tuple[bool, bool]
SYNTAXES: list[Syntax] = [(True, False), (False, False), (False, True)]

_TEXT = st.text(st.characters(codec="latin-1", exclude_categories=["C"]), max_size=12)
_UID = st.lists(st.integers(0, 999), min_size=1, max_size=6).map(
    lambda parts: "1.2." + ".".join(map(str, parts))
)
# What may be set, to what.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "ImageType": st.sampled_from(["ORIGINAL", ["ORIGINAL", "PRIMARY"], ["A", "B", "C"], None]),
    "SOPInstanceUID": _UID,
    "StudyDate": st.dates().map(lambda date: f"{date:%Y%m%d}".zfill(8)),
    "StudyTime": st.times().map(lambda time: f"{time:%H%M%S.%f}"),
    "AccessionNumber": _TEXT,
    "StudyDescription": _TEXT,
    "InstitutionAddress": _TEXT,
    "PatientName": _TEXT.map(lambda text: text.replace("\\", "^")),
    "PatientID": _TEXT,
    "PatientWeight": st.one_of(st.integers(0, 300), st.floats(0, 300, width=16), st.just("70.50")),
    "SeriesNumber": st.one_of(st.integers(-99, 99), st.just("007")),
    "FrameIncrementPointer": st.sampled_from([0x00181063, [0x00181063, 0x00181065]]),
    "Rows": st.integers(0, 65535),
    "BitsAllocated": st.just(16),
    "PixelRepresentation": st.just(0),
    "SmallestImagePixelValue": st.integers(0, 65535),
    "RecommendedDisplayFrameRateInFloat": st.floats(width=32, allow_nan=False),
    "PixelData": st.binary(max_size=64).map(lambda data: data + bytes(len(data) % 2)),
}
SEQUENCES = ["ReferencedStudySequence", "ReferencedImageSequence", "ContentSequence"]


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """Make a data set, or an item with sequences in it, that are of defined or undefined length."""
    dataset = Dataset()
    for keyword in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=6, unique=True)):
        if keyword == "SmallestImagePixelValue":
            dataset.PixelRepresentation = 0
        if keyword == "PixelData":
            dataset.BitsAllocated = 16
        setattr(dataset, keyword, draw(VALUES[keyword]))
    for keyword in draw(st.lists(st.sampled_from(SEQUENCES), max_size=2, unique=True)) if depth else []:
        items = draw(st.lists(data_sets(depth=depth - 1), max_size=3))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        setattr(dataset, keyword, Sequence(items))
        dataset[keyword].is_undefined_length = draw(st.booleans())
    if draw(st.booleans()):
        block = dataset.private_block(0x0009, "FASTDICOM TEST", create=True)
        block.add_new(1, "LO", draw(_TEXT))
        block.add_new(2, "UI", draw(_UID))
    return dataset


def encoded_by_pydicom(dataset: Dataset, syntax: Syntax) -> bytes:
    """Return what pydicom writes."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax[0], not syntax[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_dataset(buffer, dataset)
    return buffer.getvalue()


def read_by_pydicom(encoded: bytes, syntax: Syntax) -> Dataset:
    """Return what pydicom reads."""
    dataset = read_dataset(BytesIO(encoded), syntax[0], not syntax[1])
    dataset.set_original_encoding(syntax[0], not syntax[1], dataset._character_set)
    return dataset


# Longer ones have nothing but more pixels.
FILE_LIMIT = 1 << 18
FILES = [path for path in all_paths() if path.suffix == ".dcm" and path.stat().st_size < FILE_LIMIT]


def rewritten(path: Path) -> tuple[bytes, Syntax] | None:
    """Return the data set of a file, as pydicom writes it once and again; None if it does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(path, force=True)
            is_implicit, is_little_endian = dataset.original_encoding
            syntax = bool(is_implicit), not is_little_endian
            encoded = encoded_by_pydicom(dataset, syntax)
            is_stable = encoded_by_pydicom(read_by_pydicom(encoded, syntax), syntax) == encoded
        except Exception:  # the broken ones are for other tests
            return None
    return (encoded, syntax) if encoded and is_stable else None
