"""`EncodedDataset` as a mapping: keys, values, items, views, and what it costs not to look."""

from __future__ import annotations

import gc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom import EncodedDataset
from fastdicom.encoded import dataset as dataset_module
from fastdicom.encoded import representation
from fastdicom.errors import EncodedDatasetError

ENCODINGS = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
SEQUENCE_END = bytes.fromhex("FEFF DDE0 00000000")


def path_of(name: str) -> str:
    return str(get_testdata_file(name, download=False))


def short(tag: int, vr: str, value: bytes) -> bytes:
    """Encode an element in explicit VR little endian, with a length of two bytes."""
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    return head + len(value).to_bytes(2, "little") + value


def sequence(tag: int, *items: bytes, undefined: bool = False) -> bytes:
    """Encode a sequence in explicit VR little endian."""
    content = b"".join(
        bytes.fromhex("FEFF 00E0") + len(item).to_bytes(4, "little") + item for item in items
    ) + (SEQUENCE_END if undefined else b"")
    length = b"\xff" * 4 if undefined else len(content).to_bytes(4, "little")
    return short(tag, "SQ", b"") + length + content


@pytest.fixture
def ct() -> EncodedDataset:
    return EncodedDataset.open(path_of("CT_small.dcm"))


@pytest.fixture
def made() -> Dataset:
    """A data set with most kinds of values, and items in items."""
    inner = Dataset()
    inner.CodeValue = "T-04000"
    inner.CodeMeaning = "Brüst"
    outer = [Dataset(), Dataset()]
    outer[0].PersonName = "Müller^Jürgen"
    outer[0].ConceptNameCodeSequence = [inner]
    outer[1].PersonName = "Doe^Jane"
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 100"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    made.PatientName = "Weiß^Anna"
    made.PatientComments = ""
    made.SliceThickness = "1.50"
    made.InstanceNumber = 12
    made.Rows, made.BitsAllocated, made.PixelRepresentation = 2, 16, 1
    made.SmallestImagePixelValue = -5
    made.GridFrameOffsetVector = [0.0, 1.5]
    made.ContentSequence = outer
    made.add_new(0x00090010, "LO", "ACME")
    made.add_new(0x00110010, "LO", "OTHER")
    made.add_new(0x00110020, "LO", "ACME")
    made.add_new(0x00112001, "SL", -7)
    made.add_new(0x00189089, "FD", [1.5, -2.5])
    return made


def test_values_are_those_of_pydicom(made: Dataset) -> None:
    for syntax in ENCODINGS:
        encoded = EncodedDataset.from_pydicom(made, syntax)
        for element in made:
            if element.VR == "SQ" or (element.tag == 0x00112001 and syntax.is_implicit_VR):
                continue
            value = encoded[element.tag]
            assert value == element.value, (syntax.name, element)
            assert encoded.vr(element.tag) == element.VR, (syntax.name, element)
            assert encoded.get(element.keyword or element.tag) == value
        assert type(encoded["SOPClassUID"]) is UID
        assert encoded["ContentSequence"][0]["PersonName"] == "Müller^Jürgen"


def test_the_names_of_an_element(made: Dataset) -> None:
    encoded = EncodedDataset.from_pydicom(made, ExplicitVRLittleEndian)
    meaning = "ContentSequence[0].ConceptNameCodeSequence[-1].CodeMeaning"
    for key in (meaning, (0x0040A730, -2, "ConceptNameCodeSequence", 0, (0x0008, 0x0104))):
        assert encoded[key] == encoded.get(key) == "Brüst"
        assert encoded.vr(key) == "LO"
        assert bytes(encoded.raw(key)) == "Brüst".encode("latin-1") + b" "
        assert key in encoded
    assert encoded["ContentSequence[1]"]["PersonName"] == "Doe^Jane"
    assert "ContentSequence[1]" in encoded
    assert encoded[0x0011, "ACME", 0x01] == -7
    assert (0x0011, "ACME", 0x01) in encoded


def test_what_is_not_there(ct: EncodedDataset) -> None:
    with pytest.raises(KeyError, match=r"\(0010,4000\) PatientComments"):
        ct["PatientComments"]
    assert ct.get("PatientComments") is None
    for key in (
        "PatientComments",
        0x00104000,
        (0x0009, "ACME", 1),
        (0x0009, "GEMS_IDEN_01", 0xFF),
        "OtherPatientIDsSequence[2]",
        "OtherPatientIDsSequence[0].PatientName",
        "OtherPatientIDsSequence[-3].PatientID",
        "ContentSequence[0].CodeValue",
    ):
        assert key not in ct
        assert ct.get(key, "default") == "default"
        with pytest.raises(LookupError):
            ct[key]
    for key in ("PatientNme", "(0010,0010", 1.5):
        with pytest.raises((ValueError, TypeError)):
            ct.get(key)
        with pytest.raises((ValueError, TypeError)):
            assert key in ct
    with pytest.raises(KeyError):
        ct.raw("PatientComments")
    with pytest.raises(KeyError):
        ct.vr("PatientComments")
    with pytest.raises(EncodedDatasetError, match=r"\(0010,0020\) is no sequence"):
        ct["PatientID[0].PatientID"]


def test_it_is_a_mapping(ct: EncodedDataset) -> None:
    dataset = dcmread(path_of("CT_small.dcm"))
    assert len(ct) == len(dataset)
    assert list(ct) == ct.keys() == sorted(dataset.keys())
    assert all(type(tag) is BaseTag for tag in ct)
    assert [tag for tag, _ in ct.items()] == list(ct)
    for (tag, value), same in zip(ct.items(), ct.values(), strict=True):
        if ct.vr(tag) != "SQ":
            assert value == same == dataset[tag].value
    assert ct != EncodedDataset.open(path_of("CT_small.dcm"))
    assert {ct: 1}[ct] == 1


def test_items_are_data_sets_over_the_same_buffer(made: Dataset) -> None:
    encoded = EncodedDataset.from_pydicom(made, ExplicitVRLittleEndian)
    items = encoded["ContentSequence"]
    assert [item["PersonName"] for item in items] == ["Müller^Jürgen", "Doe^Jane"]
    assert items[-1]["PersonName"] == "Doe^Jane"
    assert items[0].data is encoded.data
    assert items[0].transfer_syntax == ExplicitVRLittleEndian
    assert list(items[0].around()) == [encoded]
    with pytest.raises(IndexError):
        items[2]


def test_raw_and_array_copy_nothing() -> None:
    for name, order in (("CT_small.dcm", "<"), ("MR_small_bigendian.dcm", ">")):
        data = bytearray(Path(path_of(name)).read_bytes())
        encoded = EncodedDataset.open(data)
        raw, array = encoded.raw("PixelData"), encoded.array("PixelData")
        assert raw.readonly and raw.obj is data
        assert array.dtype.str[0] == order or array.dtype.isnative == (order == "<")
        pixels = dcmread(path_of(name)).pixel_array
        assert np.array_equal(array.reshape(pixels.shape).astype(pixels.dtype), pixels)
        assert not array.flags.owndata and not array.flags.writeable
        _, value, length = encoded.offsets(0x7FE00010)
        data[value + length - 2 : value + length] = b"\x12\x34"
        assert array[-1] == int.from_bytes(b"\x12\x34", "little" if order == "<" else "big")


def test_arrays_of_all_kinds(made: Dataset) -> None:
    encoded = EncodedDataset.from_pydicom(made, ExplicitVRLittleEndian)
    assert encoded.array(0x00189089).tolist() == [1.5, -2.5]
    assert encoded.array("SmallestImagePixelValue").tolist() == [-5]
    assert encoded.array((0x0011, "ACME", 1)).tolist() == [-7]
    pointer = EncodedDataset(
        short(0x00280009, "AT", bytes.fromhex("1800 6310 1800 6510")), ExplicitVRLittleEndian
    )
    assert pointer.array("FrameIncrementPointer").tolist() == [[0x18, 0x1063], [0x18, 0x1065]]
    with pytest.raises(TypeError, match="VR PN is no array"):
        encoded.array("PatientName")
    odd = EncodedDataset(short(0x00280010, "US", b"\1\2\3"), ExplicitVRLittleEndian)
    with pytest.raises(ValueError, match="3 bytes is no array of VR US"):
        odd.array("Rows")


def test_fragments() -> None:
    name = path_of("JPEG2000.dcm")
    encoded = EncodedDataset.open(name)
    fragments = encoded.fragments("PixelData")
    assert b"".join(fragments) in dcmread(name).PixelData or len(fragments) > 2
    assert bytes(fragments[1][:4]) == bytes.fromhex("FF4FFF51")
    with pytest.raises(ValueError, match="encapsulated"):
        encoded.array("PixelData")
    with pytest.raises(EncodedDatasetError, match="not encapsulated"):
        encoded.fragments("PatientID")


def test_what_is_behind_a_stop_tag_is_not_looked_at() -> None:
    data = short(0x00080060, "CS", b"CT") + short(0x00100020, "LO", b"12") + b"anything at all"
    for stop_tag in ("Rows", 0x00100021, BaseTag(0x00280010), (0x0010, 0x0040)):
        # A header is read, and tells that the tag is beyond.
        encoded = EncodedDataset(data, ExplicitVRLittleEndian, stop_tag=stop_tag)
        assert [encoded["Modality"], encoded["PatientID"]] == ["CT", "12"]
        assert len(encoded) == 2
        assert encoded.to_bytes() == data
    with pytest.raises(EncodedDatasetError):
        len(EncodedDataset(data, ExplicitVRLittleEndian))
    with pytest.raises(ValueError, match="is no tag"):
        EncodedDataset(data, ExplicitVRLittleEndian, stop_tag="ContentSequence[0].CodeValue")


def test_a_part_of_a_buffer() -> None:
    element = short(0x00080060, "CS", b"CT")
    encoded = EncodedDataset(
        b"front" + element + b"rest", ExplicitVRLittleEndian, begin=5, end=5 + len(element)
    )
    assert encoded["Modality"] == "CT"
    assert bytes(encoded) == element


@pytest.mark.parametrize("undefined", [False, True])
def test_the_depth_of_sequences_is_limited(undefined: bool) -> None:
    data = b""
    for _ in range(70):
        data = sequence(0x0040A730, data, undefined=undefined)
    limited = EncodedDataset(data, ExplicitVRLittleEndian, maximum_depth=3)
    with pytest.raises(EncodedDatasetError, match=r"sequences nest . deep; the limit is [03]$"):
        limited["ContentSequence[0].ContentSequence[0].ContentSequence[0].ContentSequence[0]"]
    with pytest.raises(EncodedDatasetError, match=r"sequences nest \d+ deep; the limit is (0|64)$"):
        EncodedDataset(data, ExplicitVRLittleEndian)[("ContentSequence", 0) * 70]


def test_the_number_of_elements_is_limited() -> None:
    data = b"".join(short(0x00080060 + i, "CS", b"") for i in range(100))
    with pytest.raises(EncodedDatasetError, match="the limit is 99"):
        len(EncodedDataset(data, ExplicitVRLittleEndian, maximum_elements=99))
    assert len(EncodedDataset(data, ExplicitVRLittleEndian, maximum_elements=100)) == 100


# --- deflated ---------------------------------------------------------------------------------------------


def test_a_deflated_data_set_is_inflated_when_something_is_asked(
    ct: EncodedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    inflate = dataset_module.inflate
    monkeypatch.setattr(dataset_module, "inflate", lambda data: calls.append(len(data)) or inflate(data))
    compressor = zlib.compressobj(wbits=-15)
    deflated = compressor.compress(bytes(ct)) + compressor.flush()
    encoded = EncodedDataset(b"front" + deflated, DeflatedExplicitVRLittleEndian, begin=5)
    assert bytes(encoded) == encoded.to_bytes() == deflated
    assert encoded.encoded_length() == len(deflated)
    assert calls == []
    assert encoded["PatientID"] == "1CT1"
    assert encoded["OtherPatientIDsSequence[1].PatientID"] == "1234ABCD"
    assert encoded.to_pydicom().PatientID == "1CT1"
    assert calls == [len(deflated)]
    # It has been looked at, and is handed on as it came all the same.
    assert bytes(encoded) == b"".join(encoded.buffers()) == deflated
    encoded["PatientID"] = "ANONYMOUS1"
    assert encoded.to_pydicom().PatientID == "ANONYMOUS1"
    again = EncodedDataset(encoded.to_bytes(), DeflatedExplicitVRLittleEndian)
    assert again["PatientID"] == "ANONYMOUS1"
    assert bytes(again.raw("PixelData")) == bytes(ct.raw("PixelData"))


def test_a_deflated_file() -> None:
    name = path_of("image_dfl.dcm")
    encoded = EncodedDataset.open(name)
    dataset = dcmread(name)
    assert encoded["PatientName"] == dataset.PatientName
    assert encoded["PixelData"] == dataset.PixelData


def test_inflating_is_bounded() -> None:
    compressor = zlib.compressobj(wbits=-15)
    bomb = b"".join([compressor.compress(bytes(1 << 20)) for _ in range(80)] + [compressor.flush()])
    encoded = EncodedDataset(bomb, DeflatedExplicitVRLittleEndian)
    with pytest.raises(EncodedDatasetError, match="inflates to more than 67108864 bytes"):
        len(encoded)
    assert encoded.to_bytes() == bomb
    with pytest.raises(EncodedDatasetError, match="ends early"):
        len(EncodedDataset(bomb[:100], DeflatedExplicitVRLittleEndian))
    with pytest.raises(EncodedDatasetError, match="cannot be inflated"):
        len(EncodedDataset(b"\xff" * 10, DeflatedExplicitVRLittleEndian))


# --- pydicom ----------------------------------------------------------------------------------------------


def test_to_pydicom_and_back(made: Dataset) -> None:
    for syntax in (*ENCODINGS, DeflatedExplicitVRLittleEndian):
        encoded = EncodedDataset.from_pydicom(made, syntax)
        assert encoded.transfer_syntax == syntax
        again = EncodedDataset.from_pydicom(encoded.to_pydicom(), syntax)
        assert bytes(again) == bytes(encoded)


def test_the_transfer_syntax_of_a_dataset(ct: EncodedDataset, made: Dataset) -> None:
    dataset = ct.to_pydicom()
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.pixel_array.shape == (128, 128)
    assert EncodedDataset.from_pydicom(dataset).transfer_syntax == ExplicitVRLittleEndian
    read = EncodedDataset.from_pydicom(made, ExplicitVRBigEndian).to_pydicom()
    assert EncodedDataset.from_pydicom(read).transfer_syntax == ExplicitVRBigEndian
    with pytest.raises(ValueError, match="give the transfer syntax"):
        EncodedDataset.from_pydicom(made)


def test_transcode(made: Dataset) -> None:
    encoded = EncodedDataset.from_pydicom(made, ImplicitVRLittleEndian)
    transcoded = encoded.transcode(ExplicitVRBigEndian)
    assert transcoded.transfer_syntax == ExplicitVRBigEndian
    assert transcoded["PatientName"] == "Weiß^Anna"


@pytest.mark.parametrize(
    ("uid", "message"),
    [
        ("", "the UID is empty"),
        ("1.2.840.10008.1.1", "no transfer syntax: it is the SOP Class Verification SOP Class"),
    ],
)
def test_what_is_no_transfer_syntax(uid: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncodedDataset(b"", uid)


def test_a_private_transfer_syntax_is_explicit_little_endian() -> None:
    encoded = EncodedDataset(short(0x00080060, "CS", b"CT"), "1.2.3.4")
    assert encoded["Modality"] == "CT"
    assert encoded.transfer_syntax == "1.2.3.4"


# --- the end ----------------------------------------------------------------------------------------------


def test_a_closed_data_set_is_empty_and_has_let_go() -> None:
    data = bytearray(short(0x00080060, "CS", b"CT"))
    with EncodedDataset(data, ExplicitVRLittleEndian) as encoded:
        assert encoded["Modality"] == "CT"
    assert len(encoded) == 0
    assert encoded.get("Modality") is None
    data.append(0)  # BufferError if anybody still had it
    repr(encoded)
    encoded.close()


def test_a_data_set_that_is_gone_has_let_go(ct: EncodedDataset) -> None:
    data = bytearray(bytes(ct))
    encoded: Any = EncodedDataset(data, ExplicitVRLittleEndian)
    assert encoded["OtherPatientIDsSequence"][0]["PatientID"] == "ABCD1234"
    gc.disable()
    try:
        del encoded
        data.append(0)
    finally:
        gc.enable()


# --- for people -------------------------------------------------------------------------------------------


def test_the_representation_is_readable(made: Dataset) -> None:
    made.PixelData = bytes(1000)
    made["PixelData"].VR = "OW"
    made.PatientComments = "a long comment " * 20
    lines = repr(EncodedDataset.from_pydicom(made, ExplicitVRLittleEndian)).splitlines()
    assert lines[0].startswith("<EncodedDataset in Explicit VR Little Endian: 19 elements, ")
    assert "(0010,0010) PN PatientName: 'Weiß^Anna'" in lines
    assert "(0040,A730) SQ ContentSequence: 2 items" in lines
    assert "  [0]" in lines
    assert "      [0]" in lines
    assert "        (0008,0100) SH CodeValue: 'T-04000'" in lines
    assert "(7FE0,0010) OW PixelData: 1000 bytes" in lines
    (comment,) = [line for line in lines if "PatientComments" in line]
    assert comment.endswith("…") and len(comment) < 100


def test_the_representation_is_short_and_bears_everything(ct: EncodedDataset) -> None:
    lines = repr(ct).splitlines()
    assert len(lines) == representation.LINES + 2
    assert lines[-1] == "…"
    data = b""
    for _ in range(60):
        data = sequence(0x0040A730, data)
    assert len(repr(EncodedDataset(data, ExplicitVRLittleEndian)).splitlines()) <= representation.LINES + 2
    broken = EncodedDataset(short(0x00080060, "CS", b"CT")[:-1], ExplicitVRLittleEndian)
    assert repr(broken).startswith("<EncodedDataset in Explicit VR Little Endian: at offset 0 ")
    inside = sequence(0x0040A730, short(0x00080060, "CS", b"CT")[:-1])
    assert "ContentSequence" in repr(EncodedDataset(inside, ExplicitVRLittleEndian))
    bad = EncodedDataset(short(0x00280010, "US", b"123"), ExplicitVRLittleEndian)
    assert "(0028,0010) US Rows: <the value of (0028,0010) in VR 'US': " in repr(bad)
