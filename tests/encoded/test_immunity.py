"""D1 to D5, N1, N2 of docs/immunity.md: encoded data sets whose bytes nobody can trust.

What a data set cannot answer for is an `EncodedDatasetError` that says where, or a value as pydicom has it.
"""

from __future__ import annotations

import random
import re
import struct
from io import BytesIO
from pathlib import Path
from time import process_time

import pytest
from by_hand import ITEM, ITEM_END, PIXELS, SEQUENCE, SEQUENCE_END, UNDEFINED, Encoder
from immunity.hostile import DEFLATED, NONSENSE, nested, nested_with_lengths
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from servers import DEADLINE

from fastdicom import EncodedDataset
from fastdicom._core.elements import Elements
from fastdicom.errors import EncodedDatasetError
from fastdicom.sop_class import CTImageStorage

TABLE = Path(__file__).parents[2] / "docs" / "immunity.md"
IDS = {"D1", "D2", "D3", "D4", "D5", "N1", "N2", "Z1", "B1", "B2"}

ENCODER = Encoder()
element, item = ENCODER.element, ENCODER.item
FRONT = element(0x00080016, "UI", CTImageStorage.encode() + b"\0") + element(0x00080018, "UI", b"1.2.3.4\0")
NAME = element(0x00100010, "PN", b"A^B ")


def explicit(*parts: bytes, **limits: int) -> EncodedDataset:
    return EncodedDataset(FRONT + b"".join(parts), ExplicitVRLittleEndian, **limits)


def read(dataset: EncodedDataset) -> None:
    """Ask for all values, those of items too."""
    for tag in dataset.keys():  # noqa: SIM118 - values come one by one, as some cannot be had
        try:
            value = dataset[tag]
        except EncodedDatasetError:
            continue
        if dataset.vr(tag) == "SQ":
            for item in value:
                read(item)


def use(dataset: EncodedDataset) -> str:
    """Do everything with a data set that there is to do; return "used", or the error that comes of it."""
    try:
        read(dataset)
        repr(dataset)
        assert dataset.to_bytes() == bytes(dataset)
        dataset.to_pydicom()
        dataset.set("PatientName", "Doe^Jane", "PN")
        dataset.remap_uids({"1.2.3.4": "1.2.3.5"})
        dataset.remove_private()
        again = EncodedDataset(dataset.to_bytes(), dataset.transfer_syntax)
        assert again["PatientName"] == "Doe^Jane"
        dataset.transcode(ExplicitVRBigEndian)
    except EncodedDatasetError as error:
        return str(error)
    return "used"


# --- D1: noise --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DEFLATED]
)
@pytest.mark.filterwarnings("ignore")
def test_d1_nonsense_is_used_or_an_error(syntax: str) -> None:
    outcomes = [use(EncodedDataset(encoded, syntax)) for encoded in NONSENSE.values()]
    assert all(outcomes) and set(outcomes) > {"used"} - {"used" if syntax == DEFLATED else ""}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.filterwarnings("ignore")
def test_d1_noise_is_used_or_an_error(seed: int) -> None:
    generator = random.Random(seed)
    whole = FRONT + NAME + element(SEQUENCE, "SQ", b"", UNDEFINED) + item(ITEM, len(FRONT)) + FRONT
    whole += item(SEQUENCE_END, 0) + element(0x00280010, "US", b"\1\0") + element(PIXELS, "OW", bytes(20))
    outcomes = []
    for _ in range(100):
        noisy = bytearray(whole)
        for _ in range(generator.randrange(1, 5)):
            noisy[generator.randrange(len(noisy))] = generator.choice([0, 1, 0xFE, 0xFF, *b"SQUN", 0x0D])
        outcomes.append(use(EncodedDataset(noisy, ExplicitVRLittleEndian)))
    assert 10 < outcomes.count("used") < 90


# --- D2: known tags that are not what they should be ------------------------------------------------------


@pytest.mark.parametrize("vr", ["US", "FD", "SQ", "OB", "UN", "IS", "AT", "ZZ"])
@pytest.mark.filterwarnings("ignore")
def test_d2_a_known_tag_in_another_vr(vr: str) -> None:
    """It is what its VR says; what cannot be that is an error of this element and no other."""
    encoded = element(0x00100010, vr, b"A^B C ") + element(0x00100020, "LO", b"17")
    dataset = explicit(encoded)
    theirs = read_dataset(BytesIO(FRONT + encoded), False, True)
    try:
        expected = theirs["PatientName"].value
    except Exception:
        with pytest.raises(EncodedDatasetError) as caught:
            dataset["PatientName"]
        assert vr == "SQ" or caught.value.tag == 0x00100010
    else:
        assert dataset["PatientName"] == expected and type(dataset["PatientName"]) is type(expected)
    assert dataset["PatientID"] == "17"
    assert dataset.raw("PatientName") == b"A^B C "
    dataset["PatientID"] = "18"
    assert element(0x00100010, vr, b"A^B C ") in dataset.to_bytes()


def test_d2_undefined_length_of_pixels_in_the_front() -> None:
    """Elements behind are found, items are no elements."""
    pixels = element(PIXELS, "OB", b"", UNDEFINED) + item(ITEM, 0) + item(ITEM, 4) + b"\xfe\xff\xdd\xe0"
    dataset = explicit(pixels, item(SEQUENCE_END, 0), element(0xFFFCFFFC, "OB", b"end "))
    assert list(map(bytes, dataset.fragments("PixelData"))) == [b"", b"\xfe\xff\xdd\xe0"]
    assert dataset[0xFFFCFFFC] == b"end "


@pytest.mark.parametrize("vr", ["UN", "OB"])
def test_d2_a_sequence_in_unknown_is_implicit(vr: str) -> None:
    """UN of undefined length (PS3.5 6.2.2); in OB there can be fragments only."""
    inside = item(0x00100020, 2) + b"17"
    encoded = element(SEQUENCE, vr, b"", UNDEFINED) + item(ITEM, len(inside)) + inside + item(SEQUENCE_END, 0)
    dataset = explicit(encoded, NAME)
    assert dataset["PatientName"] == "A^B"
    if vr == "UN":
        assert dataset["ReferencedImageSequence[0].PatientID"] == "17"
        dataset["ReferencedImageSequence[0].PatientID"] = "1234"
        again = EncodedDataset(dataset.to_bytes(), ExplicitVRLittleEndian)
        assert again["ReferencedImageSequence[0].PatientID"] == "1234" and again["PatientName"] == "A^B"
    else:
        assert dataset.raw(SEQUENCE) == item(ITEM, len(inside)) + inside


# --- D3: values that are not there ------------------------------------------------------------------------


@pytest.mark.parametrize("length", [5, 6, 0x7FFF, 0xFFFE])
@pytest.mark.parametrize("stop_tag", [None, 0x00100011])
def test_d3_a_value_beyond_the_end(length: int, stop_tag: int | None) -> None:
    dataset = explicit(element(0x00100010, "PN", b"", length), b"A^B ", stop_tag=stop_tag)
    with pytest.raises(
        EncodedDatasetError, match=rf"\(0010,0010\): the value length is {length}; 4 "
    ) as caught:
        len(dataset)
    assert (caught.value.offset, caught.value.tag) == (len(FRONT), 0x00100010)


@pytest.mark.parametrize("length", [0x80000000, 0xFFFFFFF0, 0xFFFFFFFE])
def test_d3_a_value_near_the_wrap(length: int) -> None:
    for encoded in (element(PIXELS, "OW", b"", length), element(SEQUENCE, "SQ", b"", length)):
        with pytest.raises(EncodedDatasetError, match=f"the value length is {length}; 4 bytes are left"):
            len(explicit(encoded, b"A^B "))


def test_d3_an_item_beyond_its_sequence() -> None:
    """It does not see what stands behind the sequence, although the bytes are there."""
    dataset = explicit(element(SEQUENCE, "SQ", b"", 8), item(ITEM, len(NAME)), NAME)
    assert dataset["PatientName"] == "A^B"
    for ask in (
        lambda: dataset["ReferencedImageSequence"],
        lambda: dataset["ReferencedImageSequence[0].PatientName"],
        lambda: dataset.transcode(ImplicitVRLittleEndian),
        lambda: dataset.remap_uids({}),
    ):
        with pytest.raises(EncodedDatasetError, match=f"the value length is {len(NAME)}; 0 bytes are left"):
            ask()


# --- D4: VRs that are none --------------------------------------------------------------------------------


@pytest.mark.parametrize("vr", ["ZZ", "AA", "QS"])
def test_d4_unknown_letters_have_a_short_length(vr: str) -> None:
    dataset = explicit(element(0x00100010, vr, b"A^B "), element(0x00100020, "LO", b"17"))
    assert dataset["PatientID"] == "17" and dataset.vr("PatientName") == vr
    assert dataset.raw("PatientName") == b"A^B "
    with pytest.raises(EncodedDatasetError, match=f"Unknown Value Representation '{vr}'"):
        dataset["PatientName"]
    dataset["PatientID"] = "18"
    assert element(0x00100010, vr, b"A^B ") in dataset.to_bytes()


def test_d4_no_letters_are_implicit_vr() -> None:
    """As pydicom takes them: an element in implicit VR among others."""
    dataset = explicit(item(0x00100010, 4), b"A^B ", element(0x00100020, "LO", b"17"))
    assert dataset["PatientID"] == "17" and dataset["PatientName"] == "A^B"


# --- D5: lengths that are odd, or longer than their VR has room for ---------------------------------------


@pytest.mark.parametrize("vr", ["LO", "PN", "OB", "UN", "UI"])
def test_d5_odd_lengths_are_kept(vr: str) -> None:
    odd = element(0x00100010, vr, b"1.2")
    dataset = explicit(odd, element(0x00100020, "LO", b"17"))
    assert dataset["PatientID"] == "17" and dataset.raw("PatientName") == b"1.2"
    dataset["PatientID"] = "1"
    assert dataset.to_bytes() == FRONT + odd + element(0x00100020, "LO", b"1 ")


@pytest.mark.parametrize("vr", ["US", "SS", "UL", "FL", "FD"])
def test_d5_numbers_of_odd_length_are_an_error_of_theirs(vr: str) -> None:
    dataset = explicit(element(0x00280010, vr, b"123"), NAME)
    with pytest.raises(EncodedDatasetError, match=rf"\(0028,0010\) in VR '{vr}'") as caught:
        dataset["Rows"]
    assert caught.value.tag == 0x00280010
    with pytest.raises(ValueError, match="3"):
        dataset.array("Rows")
    assert dataset["PatientName"] == "A^B"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("length", [0xFFFE, 0x10000, 0x12345])
def test_d5_a_long_value_of_a_short_vr(length: int) -> None:
    """What two bytes cannot count becomes UN in explicit VR (PS3.5 6.2.2), and never another length."""
    text = b"A" * (length & ~1)
    encoded = item(0x00100020, len(text)) + text + item(0x00100030, 8) + b"20260101"
    dataset = EncodedDataset(encoded, ImplicitVRLittleEndian).transcode(ExplicitVRLittleEndian)
    assert Elements.vr(dataset, 0x00100020) == ("LO" if len(text) <= 0xFFFE else "UN")
    assert dataset.raw("PatientID") == text and dataset["PatientBirthDate"] == "20260101"
    back = dataset.transcode(ImplicitVRLittleEndian)
    assert back.to_bytes() == encoded


@pytest.mark.filterwarnings("ignore")
def test_d5_a_long_value_that_is_set() -> None:
    dataset = explicit(NAME)
    dataset["PatientID"] = "A" * 70_000
    again = EncodedDataset(dataset.to_bytes(), ExplicitVRLittleEndian)
    assert again.raw("PatientID") == b"A" * 70_000 and again["PatientName"] == "A^B"


# --- N1, N2: depth and number -----------------------------------------------------------------------------

DEPTH = 10_000


def test_n1_undefined_lengths_nest_to_a_limit() -> None:
    for is_closed in (True, False):
        dataset = EncodedDataset(nested(DEPTH, is_closed=is_closed), ImplicitVRLittleEndian)
        for _ in range(2):
            with pytest.raises(EncodedDatasetError, match="sequences nest 65 deep; the limit is 64"):
                len(dataset)
    assert use(EncodedDataset(nested(64), ImplicitVRLittleEndian)) == "used"


def test_n1_defined_lengths_nest_to_a_limit() -> None:
    """The index passes over them; who goes in, goes to the limit."""
    encoded = nested_with_lengths(DEPTH)
    dataset = EncodedDataset(encoded, ImplicitVRLittleEndian)
    assert len(dataset) == 3 and dataset.to_bytes() == encoded
    items = [dataset]
    for _ in range(64):
        items.append(items[-1]["ReferencedImageSequence", 0])
    for ask in (
        lambda: items[-1]["ReferencedImageSequence", 0],
        lambda: dataset.transcode(ExplicitVRLittleEndian),
        lambda: dataset.remap_uids({"1.2.3.4": "1.2.3.5"}),
        dataset.remove_private,
        lambda: dataset["ReferencedImageSequence[0]." * 70 + "PatientName"],
    ):
        with pytest.raises(EncodedDatasetError, match="the limit is 64"):
            ask()
    assert len(repr(dataset)) < 20_000
    dataset["PatientName"] = "Doe^Jane"  # a router need not go in
    assert len(dataset.to_bytes()) == len(encoded) + 16


MANY = 1_000_000


def test_n2_a_million_items() -> None:
    """To the limit they are had, and beyond it they are an error, in the time of one pass."""
    begin = process_time()
    items = item(ITEM, 0) * (MANY - 3)
    dataset = explicit(element(SEQUENCE, "SQ", b"", UNDEFINED), items, item(SEQUENCE_END, 0))
    assert len(dataset) == 3
    more = explicit(element(SEQUENCE, "SQ", b"", UNDEFINED), items, item(ITEM, 0) * 8, item(SEQUENCE_END, 0))
    with pytest.raises(EncodedDatasetError, match="the limit is 1000000"):
        len(more)
    defined = explicit(element(SEQUENCE, "SQ", b"", 8 * (MANY + 1)), item(ITEM, 0) * (MANY + 1))
    with pytest.raises(EncodedDatasetError, match="the limit is 1000000"):
        defined["ReferencedImageSequence"]
    assert defined["SOPInstanceUID"] == "1.2.3.4"
    assert process_time() - begin < DEADLINE


def test_n2_a_million_elements() -> None:
    tag = struct.Struct("<HHI")
    encoded = b"".join(tag.pack(0x0010 + 2 * (n >> 16), n & 0xFFFF, 0) for n in range(MANY + 1))
    assert len(EncodedDataset(encoded[:-8], ImplicitVRLittleEndian)) == MANY
    with pytest.raises(EncodedDatasetError, match="1000001 elements or more; the limit is 1000000"):
        len(EncodedDataset(encoded, ImplicitVRLittleEndian))


@pytest.mark.parametrize("levels", [1, 2, 64])
def test_n2_undefined_lengths_that_are_never_closed(levels: int) -> None:
    begun = (element(SEQUENCE, "SQ", b"", UNDEFINED) + item(ITEM, UNDEFINED)) * levels
    for rest in (b"", NAME, (item(ITEM_END, 0) + item(SEQUENCE_END, 0)) * (levels - 1)):
        with pytest.raises(EncodedDatasetError, match="has no delimitation item"):
            len(explicit(begun, rest))
    with pytest.raises(EncodedDatasetError, match="has no delimitation item"):
        len(explicit(element(PIXELS, "OB", b"", UNDEFINED), item(ITEM, 0), item(ITEM, 4), b"1234"))


# --- the table --------------------------------------------------------------------------------------------


@pytest.mark.source_tree
def test_every_id_has_tests_and_is_documented() -> None:
    files = {file.name: file.read_text() for file in sorted(Path(__file__).parent.glob("test_immunity*.py"))}
    names = re.findall(r"^def test_([a-z]\d)_", "".join(files.values()), re.MULTILINE)
    named = {name.upper() for name in names}
    assert named == IDS
    text = TABLE.read_text(encoding="utf-8")
    section = text.partition("## Encoded data sets\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^- \*\*([A-Z]\d)\*\*", section, re.MULTILINE)) == IDS
    assert all(f"tests/encoded/{name}" in section for name in files)
