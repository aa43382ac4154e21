"""Edits: edit-then-parse is parse-then-edit with pydicom, and what is not edited stays where it was."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
from encoded_data_sets import (
    FILES,
    SEQUENCES,
    SYNTAXES,
    VALUES,
    Syntax,
    data_sets,
    encoded_by_pydicom,
    read_by_pydicom,
    rewritten,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fastdicom.encoded.editing import Editable
from fastdicom.errors import EncodedDatasetError

ITEM = {"PatientID": "AN ITEM", "Rows": 7}
EXPLICIT: Syntax = (False, False)


@st.composite
def edits(draw: st.DrawFn) -> Any:
    """Make an edit: what to do, on what way into sequences, to which element, and a value."""
    way = draw(st.lists(st.integers(0, 5), max_size=2))
    action = draw(st.sampled_from(["set", "set", "set", "delete", "append", "insert", "remove", "replace"]))
    keyword = draw(st.sampled_from(sorted(VALUES)))
    return action, way, keyword, draw(VALUES[keyword])


def item_of(values: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def edit_items(items: Any, item: Any, action: str, number: int) -> None:
    if action == "append":
        items.append(item)
    elif action == "insert":
        items.insert(number, item)
    elif action == "remove":
        del items[number]
    else:
        items[number] = item


def edit_both(editable: Any, dataset: Dataset, edit: Any) -> None:
    """Do the same to both."""
    action, way, keyword, value = edit
    for step in way:
        sequence = next((each for each in SEQUENCES if dataset.get(each)), None)
        if sequence is None:
            break
        theirs, ours = dataset[sequence].value, editable.sequence(dataset[sequence].tag)
        assert len(theirs) == len(ours)
        number = step % len(theirs)
        if action not in ("set", "delete"):
            edit_items(theirs, item_of(ITEM), action, number)
            edit_items(ours, ITEM, action, number)
            return
        dataset, editable = theirs[number], ours[number]
    needed = {"SmallestImagePixelValue": "PixelRepresentation", "PixelData": "BitsAllocated"}.get(keyword)
    if action == "delete" and keyword in dataset:
        del dataset[keyword], editable[keyword]
    elif action == "set" and (needed is None or dataset.get(needed) is not None):
        setattr(dataset, keyword, value)
        editable[keyword] = value


def written(dataset: Dataset, syntax: Syntax) -> bytes:
    """Return what pydicom writes of what has been edited, ambiguous VRs decided."""
    from pydicom.filewriter import correct_ambiguous_vr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return encoded_by_pydicom(correct_ambiguous_vr(dataset, not syntax[1]), syntax)


def ends(editable: Editable) -> list[tuple[int, int]]:
    """Return where in the original the slices of it are that go on, and check that they are in order."""
    original = np.frombuffer(editable.data, np.uint8)
    begin = original.ctypes.data
    found = []
    for buffer in editable.buffers():
        if len(buffer) and not isinstance(buffer, bytes):
            address = np.frombuffer(buffer, np.uint8).ctypes.data - begin
            if 0 <= address < len(original):
                found.append((address, address + len(buffer)))
    assert found == sorted(found)
    return found


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.lists(edits(), min_size=1, max_size=5), st.sampled_from(SYNTAXES))
def test_edit_then_parse_is_parse_then_edit(dataset: Dataset, todo: list[Any], syntax: Syntax) -> None:
    original = encoded_by_pydicom(dataset, syntax)
    theirs, ours = read_by_pydicom(original, syntax), Editable(original, *syntax)
    for edit in todo:
        edit_both(ours, theirs, edit)
    expected = written(theirs, syntax)
    assert ours.to_bytes().hex() == expected.hex()
    assert ours.encoded_length() == len(expected)
    # And again, from what has been kept.
    assert ours.to_bytes() == expected
    if not ours.is_edited:
        assert len(ours.buffers()) == 1


@settings(max_examples=30, deadline=None)
@given(data_sets(), st.lists(edits(), min_size=1, max_size=6), st.sampled_from(SYNTAXES))
def test_reading_between_edits(dataset: Dataset, todo: list[Any], syntax: Syntax) -> None:
    original = encoded_by_pydicom(dataset, syntax)
    theirs, ours = read_by_pydicom(original, syntax), Editable(original, *syntax)
    for edit in todo:
        edit_both(ours, theirs, edit)
        assert ours.to_bytes() == written(theirs, syntax)
        assert ours.tags() == sorted(theirs.keys())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files(path: Path) -> None:
    found = rewritten(path)
    if found is None:
        return
    original, syntax = found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = read_by_pydicom(original, syntax), Editable(original, *syntax)
        values = {
            "PatientName": "Edited^Name",
            "PatientID": "odd",
            "StudyInstanceUID": "1.2.3.4",
            "StudyDate": "20240506",
            "SeriesNumber": 77,
            "ReferencedStudySequence": [],
        }
        for keyword, value in values.items():
            setattr(theirs, keyword, value)
            ours[keyword] = value
        if "Modality" in theirs:
            del theirs.Modality, ours["Modality"]
        assert ours.to_bytes() == encoded_by_pydicom(theirs, syntax)
    assert b"".join(Editable(original, *syntax).buffers()) == original


def ct(pixels: int = 4096) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = "A^B"
    dataset.PatientID = "ID"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated = 16
    inner = item_of({"ReferencedSOPInstanceUID": "1.2.3.4"})
    dataset.ReferencedStudySequence = [item_of({"ReferencedSOPInstanceUID": "1.2.3", "PatientID": "X"})] * 3
    dataset.ReferencedStudySequence[1] = item_of({"PatientID": "Y"})
    dataset.ReferencedStudySequence[1].ReferencedImageSequence = Sequence([inner])
    dataset.add_new(0x7FE00010, "OW", bytes(range(256)) * (pixels // 128))
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixel_data_is_never_copied(syntax: Syntax) -> None:
    original = encoded_by_pydicom(ct(), syntax)
    ours = Editable(original, *syntax)
    header, value, length = ours.offsets(0x7FE00010)
    ours["PatientName"] = "Somebody^Else"
    ours["ReferencedStudySequence[1].ReferencedImageSequence[0].ReferencedSOPInstanceUID"] = "1.2.3.4.5"
    del ours["StudyInstanceUID"]
    ours["InstanceNumber"] = 3
    assert any(begin <= header and value + length <= end for begin, end in ends(ours))
    assert all(isinstance(buffer, bytes | memoryview) for buffer in ours.buffers())
    assert sum(len(each) for each in ours.buffers() if isinstance(each, bytes)) < 200


def test_untouched_runs_are_slices_as_long_as_can_be() -> None:
    original = encoded_by_pydicom(ct(), EXPLICIT)
    ours = Editable(original, *EXPLICIT)
    begin, _, _ = ours.offsets(0x00100020)
    end, _, _ = ours.offsets(0x0020000D)
    ours["PatientID"] = "another"
    assert ends(ours) == [(0, begin), (end, len(original))]


def test_untouched_items_are_slices() -> None:
    dataset = Dataset()
    dataset.ReferencedStudySequence = [item_of({"PatientID": f"{i:04}"}) for i in range(9)]
    original = encoded_by_pydicom(dataset, EXPLICIT)
    ours = Editable(original, *EXPLICIT)
    starts = [begin - 8 for begin, _ in ours.items_of(0x00081110)]
    ours["ReferencedStudySequence[4].PatientID"] = "longer than it was"
    runs = ends(ours)
    assert runs[0] == (starts[0], starts[4])
    assert runs[-1] == (starts[5], len(original))


def test_undefined_lengths_stay_undefined() -> None:
    dataset = Dataset()
    dataset.ReferencedStudySequence = [item_of({"PatientID": "A"})]
    dataset["ReferencedStudySequence"].is_undefined_length = True
    dataset.ReferencedStudySequence[0].is_undefined_length_sequence_item = True
    ours = Editable(encoded_by_pydicom(dataset, EXPLICIT), *EXPLICIT)
    ours["ReferencedStudySequence[0].PatientID"] = "ABC"
    edited = ours.to_bytes()
    assert edited[8:12] == edited[16:20] == b"\xff\xff\xff\xff"
    assert edited.endswith(b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0")
    dataset.ReferencedStudySequence[0].PatientID = "ABC"
    assert edited == encoded_by_pydicom(dataset, EXPLICIT)


def test_two_ways_to_one_item() -> None:
    ours = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
    first = ours.sequence(0x00081110)
    assert ours.sequence(0x00081110) is first
    item = first[1]
    item["PatientID"] = "one"
    ours.to_bytes()
    assert first[1] is item
    ours["ReferencedStudySequence[1].PatientName"] = "two"
    item["PatientBirthDate"] = "20240506"
    again = read_by_pydicom(ours.to_bytes(), EXPLICIT).ReferencedStudySequence[1]
    assert (again.PatientID, again.PatientName, again.PatientBirthDate) == ("one", "two", "20240506")


def test_edits_after_the_objects_are_gone() -> None:
    ours = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
    for text in ("one", "three", "four more"):
        ours["ReferencedStudySequence[1].ReferencedImageSequence[0].PatientID"] = text
        gc.collect()
        edited = read_by_pydicom(ours.to_bytes(), EXPLICIT)
        assert edited.ReferencedStudySequence[1].ReferencedImageSequence[0].PatientID == text
        assert edited.ReferencedStudySequence[0].PatientID == "X"


def test_what_is_replaced_has_no_say_any_more() -> None:
    ours = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
    old = ours.sequence(0x00081110)
    item = old[0]
    ours["ReferencedStudySequence"] = [{"PatientID": "NEW"}]
    item["PatientID"] = "OLD"
    old.append({"PatientID": "OLD"})
    theirs = read_by_pydicom(ours.to_bytes(), EXPLICIT)
    assert [each.PatientID for each in theirs.ReferencedStudySequence] == ["NEW"]
    removed = ours.sequence(0x00081110)
    del ours["ReferencedStudySequence"]
    removed[0]["PatientID"] = "OLD"
    assert 0x00081110 not in ours.tags()


def test_nothing_keeps_a_data_set_once_it_is_encoded() -> None:
    gc.disable()
    try:
        ours = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
        ours["ReferencedStudySequence[1].PatientID"] = "A"
        for item in ours.sequence(0x00081110):
            item.tags()
        ours.buffers()
        gone = ref(ours)
        del ours, item
        assert gone() is None
    finally:
        gc.enable()


def test_items_of_other_data_sets() -> None:
    source = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
    ours = Editable(b"", *EXPLICIT)
    ours["ReferencedStudySequence"] = source.sequence(0x00081110)
    ours.sequence(0x00081110)[1:1] = [source, Editable(b"", *EXPLICIT)]
    theirs = Dataset()
    theirs.ReferencedStudySequence = [*ct().ReferencedStudySequence]
    theirs.ReferencedStudySequence[1:1] = [ct(), Dataset()]
    assert ours.to_bytes() == encoded_by_pydicom(theirs, EXPLICIT)
    assert sum(isinstance(each, memoryview) for each in ours.buffers()) == 5
    with pytest.raises(ValueError, match="transcode"):
        Editable(b"", True, False).set("ReferencedStudySequence", [source])
    with pytest.raises(TypeError, match="not str"):
        ours.sequence(0x00081110).append("text")


def test_private_elements_by_creator() -> None:
    ours = Editable(b"", *EXPLICIT)
    ours.set((0x0009, "ACME", 1), "one", "LO")
    ours.set((0x0009, "OTHER", 1), b"two", "UN")
    ours.set((0x0009, "ACME", 2), "1.2", "UI")
    ours[0x0019, "GEMS_ACQU_01", 0x02] = 5  # as pydicom's private dictionary knows it
    theirs = Dataset()
    acme, other = (theirs.private_block(0x0009, name, create=True) for name in ("ACME", "OTHER"))
    acme.add_new(1, "LO", "one")
    other.add_new(1, "UN", b"two")
    acme.add_new(2, "UI", "1.2")
    theirs.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(2, "SL", 5)
    assert ours.to_bytes() == encoded_by_pydicom(theirs, EXPLICIT)
    del ours[0x0009, "OTHER", 1]
    assert 0x00091101 not in ours.tags()
    with pytest.raises(KeyError, match="NOBODY"):
        del ours[0x0009, "NOBODY", 1]
    with pytest.raises(ValueError, match="give its VR"):
        ours[0x0009, "ACME", 3] = "?"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_character_sets(syntax: Syntax) -> None:
    theirs = Dataset()
    theirs.SpecificCharacterSet = "ISO_IR 192"
    theirs.PatientName = "Yamada^Tarou=山田^太郎"
    theirs.ReferencedStudySequence = [Dataset(), item_of({"PatientID": "A"})]
    theirs.ReferencedStudySequence[0].SpecificCharacterSet = "ISO_IR 144"
    theirs.ReferencedStudySequence[0].PatientName = "Люк"
    original = encoded_by_pydicom(theirs, syntax)
    ours = Editable(original, *syntax)
    ours["InstitutionName"] = theirs.InstitutionName = "Zürich 東京"
    ours["ReferencedStudySequence[0].PatientID"] = theirs.ReferencedStudySequence[0].PatientID = "Ж"
    ours["ReferencedStudySequence[1].PatientID"] = theirs.ReferencedStudySequence[1].PatientID = "é"
    assert ours.to_bytes() == encoded_by_pydicom(theirs, syntax)


def with_texts(character_set: str, comments: str) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = character_set
    dataset.PatientName = "Ä^Ö"
    dataset.StudyDescription = "plain"
    dataset.PatientComments = comments
    dataset.ReferencedStudySequence = [Dataset(), item_of({"PatientName": "Ü"})]
    dataset.ReferencedStudySequence[0].SpecificCharacterSet = "ISO_IR 144"
    dataset.ReferencedStudySequence[0].PatientName = "Люк"
    return dataset


@pytest.mark.filterwarnings("ignore:Failed to encode value")
def test_a_new_character_set_encodes_the_texts_anew() -> None:
    ours = Editable(encoded_by_pydicom(with_texts("ISO_IR 100", "é"), EXPLICIT), *EXPLICIT)
    ours["SpecificCharacterSet"] = "ISO_IR 192"
    ours["PatientComments"] = "東京"
    before = ours.to_bytes()
    assert before == encoded_by_pydicom(with_texts("ISO_IR 192", "東京"), EXPLICIT)
    with pytest.raises(ValueError, match="PatientComments"):
        ours["SpecificCharacterSet"] = "ISO_IR 100"
    assert ours.to_bytes() == before


def test_encapsulated_pixel_data_stays_so() -> None:
    original = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    ours = Editable(original, *EXPLICIT)
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x02\0\0\0AB"
    ours["PixelData"] = fragments
    assert ours.to_bytes() == original[:12] + fragments + original[-8:]
    with pytest.raises(ValueError, match="encapsulated"):
        ours["PixelData"] = b"\0\0"


def test_a_vr_that_others_decide() -> None:
    for representation, bits, expected in [(0, 8, (b"US", b"OB")), (1, 16, (b"SS", b"OW"))]:
        ours = Editable(b"", *EXPLICIT)
        ours["PixelRepresentation"] = representation
        ours["BitsAllocated"] = bits
        ours["SmallestImagePixelValue"] = 3
        ours["PixelData"] = b"\1\2"
        ours["ReferencedStudySequence"] = [{"SmallestImagePixelValue": 3}]
        edited = ours.to_bytes()
        assert b"\x28\x00\x06\x01" + expected[0] in edited
        assert edited.count(expected[0]) >= 2
        assert b"\xe0\x7f\x10\x00" + expected[1] in edited


def test_paths() -> None:
    ours = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
    ours["ReferencedStudySequence", -1, "PatientID"] = "last"
    ours["ReferencedStudySequence[0]"] = {"PatientID": "new"}
    del ours["ReferencedStudySequence[1]"]
    theirs = read_by_pydicom(ours.to_bytes(), EXPLICIT)
    assert [each.PatientID for each in theirs.ReferencedStudySequence] == ["new", "last"]
    with pytest.raises(IndexError):
        ours["ReferencedStudySequence[5].PatientID"] = "x"
    with pytest.raises(KeyError):
        ours["ContentSequence[0].PatientID"] = "x"
    with pytest.raises(KeyError):
        del ours["PatientComments"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("NoSuchKeyword", "x", "NoSuchKeyword"),
        ("Rows", "many", r"Rows.*'many'"),
        ("Rows", 70000, r"\(0028,0010\) Rows.*70000"),
        (0x00090010 + 0xF1, "x", r"\(0009,0101\).*give its VR"),
        ("ReferencedStudySequence", "x", "list of items"),
        ("ReferencedStudySequence", {"PatientID": "x"}, "list of items"),
        ("SpecificCharacterSet", 7, "SpecificCharacterSet"),
    ],
)
def test_what_cannot_be_set(key: Any, value: Any, message: str) -> None:
    ours = Editable(encoded_by_pydicom(ct(), EXPLICIT), *EXPLICIT)
    with pytest.raises((ValueError, TypeError), match=message):
        ours[key] = value
    assert not ours.is_edited


def test_validation_and_other_vrs() -> None:
    ours = Editable(b"", *EXPLICIT)
    with pytest.raises(ValueError, match="Modality"):
        ours.set("Modality", "not a code", validate=True)
    ours.set("Modality", "not a code")
    ours.set("Modality", "text", "LO")
    assert ours.to_bytes() == b"\x08\x00\x60\x00LO\x04\x00text"


def test_behind_the_stop_tag_nothing_is_edited() -> None:
    original = encoded_by_pydicom(ct(), EXPLICIT)
    ours = Editable(original, *EXPLICIT, stop_tag=0x7FE00010)
    ours["PatientID"] = "x"
    assert len(ours.to_bytes()) == len(original)
    with pytest.raises(EncodedDatasetError, match="stop tag"):
        ours["PixelData"] = b"\0\0"
