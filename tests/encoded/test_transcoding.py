"""Data sets in another transfer syntax: the four uncompressed ones, compressed pixel data, memory, errors."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from fastdicom._core.encode import encode
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.encoded.transcoding import (
    UNCOMPRESSED,
    check_decoder,
    is_lossless_change,
    transcode,
    transcode_pieces,
)
from fastdicom.errors import EncodedDatasetError

FORMS = sorted(UNCOMPRESSED)
UNKNOWN_FORM = UID("1.2.840.10008.1.2.4.100")


def data_set(n: int = 5000) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = "1.2.3"
    ds.PatientName = "Doe^Jane"
    ds.Rows = 258
    ds.add_new(0x7FE00010, "OW", b"\1\2" * (n // 2))
    return ds


def encoded_in(form: str, n: int = 5000) -> EncodedDataset:
    little = EncodedDataset(encode(data_set(n), False, False), ExplicitVRLittleEndian)
    return transcode(little, form)


def bytes_of(encoded: EncodedDataset) -> bytes:
    return b"".join(encoded.buffers())


def what_it_says(encoded: EncodedDataset) -> list[Any]:
    return [(tag, encoded.vr(tag), encoded[tag]) for tag in encoded.tags() if tag != 0x7FE00010]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_there_and_back(form: str, other: str) -> None:
    encoded = encoded_in(form)
    there = transcode(encoded, other)
    assert there.transfer_syntax == other
    assert what_it_says(there) == what_it_says(encoded)
    back = transcode(there, form)
    assert back.transfer_syntax == form
    assert bytes_of(back) == bytes_of(encoded)
    assert (there is encoded) == (form == other)


def test_words_are_swapped() -> None:
    assert bytes_of(encoded_in(ExplicitVRBigEndian)).endswith(b"\2\1\2\1")
    assert bytes_of(encoded_in(ExplicitVRLittleEndian)).endswith(b"\1\2\1\2")


def test_deflated() -> None:
    deflated = bytes_of(encoded_in(DeflatedExplicitVRLittleEndian))
    assert len(deflated) % 2 == 0
    assert zlib.decompress(deflated, wbits=-15) == bytes_of(encoded_in(ExplicitVRLittleEndian))
    with pytest.raises(EncodedDatasetError, match="ends early"):
        transcode(EncodedDataset(deflated[:-4], DeflatedExplicitVRLittleEndian), ImplicitVRLittleEndian)


def test_what_was_edited_is_transcoded() -> None:
    encoded = encoded_in(ImplicitVRLittleEndian)
    encoded["PatientName"] = "Doe^John"
    there = transcode(encoded, ExplicitVRBigEndian)
    assert there["PatientName"] == "Doe^John"
    assert there["Rows"] == 258


@pytest.mark.parametrize("form", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_limits_of_the_data_set_hold(form: str) -> None:
    sequences = Dataset()
    for _ in range(3):
        outer = Dataset()
        outer.ReferencedStudySequence = [sequences]
        sequences = outer
    raw = encode(sequences, form == ImplicitVRLittleEndian, False)
    with pytest.raises(EncodedDatasetError, match="3 deep; the limit is 2"):
        transcode(EncodedDataset(raw, form, maximum_depth=2), ExplicitVRBigEndian)
    with pytest.raises(EncodedDatasetError, match="limit is 2"):
        transcode(EncodedDataset(raw, form, maximum_elements=2), ExplicitVRBigEndian)


# --- pieces ---


def test_pieces_are_slices_where_nothing_changes() -> None:
    encoded = encoded_in(ExplicitVRLittleEndian, 100_000)
    pieces = list(transcode_pieces(encoded, ImplicitVRLittleEndian))
    assert [memoryview(piece).obj is encoded.data for piece in pieces] == [False, True]
    assert b"".join(pieces) == bytes_of(transcode(encoded, ImplicitVRLittleEndian))


def test_errors_come_before_the_first_piece() -> None:
    broken = EncodedDataset(bytes_of(encoded_in(ExplicitVRLittleEndian))[:-1], ExplicitVRLittleEndian)
    with pytest.raises(EncodedDatasetError, match="4999 bytes are left") as caught:
        transcode_pieces(broken, ExplicitVRBigEndian)
    assert caught.value.tag == 0x7FE00010


def private_memory() -> int:
    """Return the bytes of this process that are not pages of files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise elsewhere")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="ASan keeps what was freed")
@pytest.mark.parametrize("form", [form for form in FORMS if form != ExplicitVRLittleEndian])
def test_a_large_file_takes_little_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "sparse.dcm"
    length = 48 << 20
    front = encode(data_set(0), False, False)[:-4] + length.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(front)
        file.truncate(len(front) + length)
    encoded = EncodedDataset.open(path)
    before = private_memory()
    lengths, memory = [], []
    for piece in transcode_pieces(encoded, form):
        lengths.append(len(piece))
        memory.append(private_memory())
    assert max(memory) - before < 8 << 20
    assert sum(lengths) > (length if form != DeflatedExplicitVRLittleEndian else length >> 11)


# --- compressed pixel data ---


@pytest.mark.parametrize(
    "form",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_compressed_pixel_data_is_decoded(form: str) -> None:
    path = get_testdata_file("MR_small_RLE.dcm")
    encoded = transcode(EncodedDataset.open(path), form)
    expected = dcmread(path)
    expected.decompress(generate_instance_uid=False)
    little = transcode(encoded, ExplicitVRLittleEndian)
    assert little["PixelData"] == expected.PixelData
    assert little["SOPInstanceUID"] == expected.SOPInstanceUID
    assert little["Rows"] == expected.Rows
    assert not little.has_undefined_length(0x7FE00010)


def test_pixel_data_that_cannot_be_decoded() -> None:
    whole = Path(get_testdata_file("MR_small_RLE.dcm")).read_bytes()
    begin = whole.index(EncodedDataset.open(whole).fragments(0x7FE00010)[1])
    broken = bytearray(whole)
    broken[begin : begin + 64] = b"\xff" * 64
    with pytest.raises(
        EncodedDatasetError, match="the pixel data in RLE Lossless cannot be decoded"
    ) as caught:
        transcode(EncodedDataset.open(bytes(broken)), ExplicitVRLittleEndian)
    assert caught.value.tag == 0x7FE00010


def test_a_missing_plug_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = get_decoder(RLELossless)
    for name in decoder.available_plugins:
        monkeypatch.delitem(decoder._available, name)
    monkeypatch.setitem(decoder._unavailable, "pylibjpeg", ("pylibjpeg>=2.0", "pylibjpeg-rle>=2.0"))
    with pytest.raises(EncodedDatasetError, match=r"RLE Lossless cannot be decoded: install .*pylibjpeg-rle"):
        transcode(EncodedDataset.open(get_testdata_file("MR_small_RLE.dcm")), ExplicitVRLittleEndian)


def test_what_nobody_decodes() -> None:
    with pytest.raises(EncodedDatasetError, match="pydicom has no decoder for it"):
        check_decoder(UNKNOWN_FORM)


def test_compressed_data_sets_without_pixel_data() -> None:
    ds = data_set()
    del ds.PixelData
    raw = encode(ds, False, False)
    assert bytes_of(transcode(EncodedDataset(raw, UNKNOWN_FORM), ExplicitVRLittleEndian)) == raw


def test_nothing_is_compressed() -> None:
    with pytest.raises(ValueError, match="in Explicit VR Little Endian cannot be transcoded to JPEG 2000"):
        transcode(encoded_in(ExplicitVRLittleEndian), JPEG2000Lossless)


# --- what a change costs ---


@pytest.mark.parametrize(
    ("one", "other", "is_lossless"),
    [
        *((one, other, True) for one in FORMS for other in FORMS),
        (RLELossless, RLELossless, True),
        (RLELossless, ExplicitVRLittleEndian, False),
        (ExplicitVRLittleEndian, JPEGBaseline8Bit, False),
        (JPEGBaseline8Bit, JPEG2000Lossless, False),
    ],
)
def test_what_is_lossless(one: str, other: str, is_lossless: bool) -> None:
    assert is_lossless_change(one, other) is is_lossless
