"""Passes over whole data sets: the same as doing it with pydicom, and nothing else is touched."""

from __future__ import annotations

import re
from typing import Any

import pytest
from encoded_data_sets import SYNTAXES, Syntax, data_sets, encoded_by_pydicom, read_by_pydicom
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fastdicom.encoded.editing import Editable
from fastdicom.encoded.mapping import KEEP, REMOVE

EXPLICIT: Syntax = (False, False)


def item_of(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def nested() -> Dataset:
    dataset = item_of(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID="1.2.3", PatientID="A", Rows=1)
    dataset.private_block(0x0009, "FASTDICOM TEST", create=True).add_new(1, "UI", "1.2.3")
    inner = item_of(ReferencedSOPInstanceUID="1.2.3", PatientID="B")
    inner.private_block(0x0011, "FASTDICOM TEST", create=True).add_new(1, "LO", "x")
    outer = item_of(ReferencedSOPInstanceUID="1.2.4", ReferencedImageSequence=Sequence([inner, item_of()]))
    dataset.ReferencedStudySequence = Sequence([outer, item_of(PatientID="C")])
    dataset.add_new(0x00080058, "UI", ["1.2.3", "1.2.5", "1.2.4"])
    return dataset


def all_of(dataset: Dataset) -> list[tuple[Dataset, Any]]:
    """Return all elements with the data set or item that has them."""
    found = []
    for element in dataset:
        found.append((dataset, element))
        if element.VR == "SQ":
            found += [each for item in element.value for each in all_of(item)]
    return found


@settings(max_examples=30, deadline=None)
@given(
    data_sets(),
    st.sampled_from(SYNTAXES),
    st.sampled_from(["0008", "00(10|28)", "0008.*0$", ".{7}[02468]", "7FE0"]),
)
def test_remove_as_with_pydicom(dataset: Dataset, syntax: Syntax, pattern: str) -> None:
    original = encoded_by_pydicom(dataset, syntax)
    theirs, ours = read_by_pydicom(original, syntax), Editable(original, *syntax)
    removed = 0
    for holder, element in all_of(theirs):
        if element.tag in holder and re.match(pattern, f"{element.tag:08X}"):
            del holder[element.tag]
    removed = ours.remove(pattern)
    assert ours.to_bytes() == encoded_by_pydicom(theirs, syntax)
    assert bool(removed) == ours.is_edited
    assert ours.remove(pattern) == 0


@settings(max_examples=30, deadline=None)
@given(data_sets(), st.sampled_from(SYNTAXES))
def test_remove_private_and_remap_uids_as_with_pydicom(dataset: Dataset, syntax: Syntax) -> None:
    original = encoded_by_pydicom(dataset, syntax)
    theirs, ours = read_by_pydicom(original, syntax), Editable(original, *syntax)
    for _, element in all_of(theirs):
        if element.VR == "UI" and element.value:
            element.value = f"{element.value}.99"
    changed = ours.remap_uids(lambda uid: f"{uid}.99")
    assert ours.to_bytes() == encoded_by_pydicom(theirs, syntax)
    assert bool(changed) == ours.is_edited
    theirs.remove_private_tags()
    ours.remove_private()
    assert ours.to_bytes() == encoded_by_pydicom(theirs, syntax)


def test_remap_uids_by_a_mapping() -> None:
    ours = Editable(encoded_by_pydicom(nested(), EXPLICIT), *EXPLICIT)
    assert ours.remap_uids({"1.2.3": "1.9", "1.2.840.10008.5.1.4.1.1.2": "1.2.840.10008.5.1.4.1.1.4"}) == 5
    theirs = read_by_pydicom(ours.to_bytes(), EXPLICIT)
    assert theirs.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert theirs.SOPInstanceUID == theirs[0x00091001].value == "1.9"
    assert theirs[0x00080058].value == ["1.9", "1.2.5", "1.2.4"]
    outer = theirs.ReferencedStudySequence[0]
    assert outer.ReferencedSOPInstanceUID == "1.2.4"
    assert outer.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.9"


def test_a_function_is_not_asked_for_uids_of_the_standard() -> None:
    asked = []
    ours = Editable(encoded_by_pydicom(nested(), EXPLICIT), *EXPLICIT)
    assert ours.remap_uids(lambda uid: asked.append(uid) or uid) == 0  # type: ignore[func-returns-value]
    assert set(asked) == {"1.2.3", "1.2.4", "1.2.5"}
    assert not ours.is_edited


def test_keep() -> None:
    ours = Editable(encoded_by_pydicom(nested(), EXPLICIT), *EXPLICIT)
    ours.keep(re.compile("00100020|0008(1110|1155)"))
    theirs = read_by_pydicom(ours.to_bytes(), EXPLICIT)
    assert [f"{element.tag:08X}" for _, element in all_of(theirs)] == [
        "00081110",
        "00081155",
        "00100020",
        "00100020",
    ]


def test_patterns_are_matched_in_either_case() -> None:
    ours = Editable(encoded_by_pydicom(nested(), EXPLICIT), *EXPLICIT)
    ours.set("PixelData", b"\0\0", "OW")
    assert ours.remove("7fe0") == 1


def test_map() -> None:
    seen = []

    def function(holder: Editable, tag: int) -> Any:
        seen.append(tag)
        if tag == 0x00100020:
            return bytes(holder.raw(tag)).decode().strip().lower()
        return REMOVE if tag == 0x00280010 else KEEP

    original = encoded_by_pydicom(nested(), EXPLICIT)
    ours = Editable(original, *EXPLICIT)
    ours.map(function)
    assert seen == [element.tag for _, element in sorted_by_level(nested())]
    theirs = read_by_pydicom(ours.to_bytes(), EXPLICIT)
    identifiers = [element.value for _, element in all_of(theirs) if element.tag == 0x00100020]
    assert identifiers == ["b", "c", "a"]
    assert "Rows" not in theirs
    again = Editable(original, *EXPLICIT)
    again.map(lambda holder, tag: REMOVE, "0008")
    assert not any(
        element.tag.group == 8 for _, element in all_of(read_by_pydicom(again.to_bytes(), EXPLICIT))
    )


def sorted_by_level(dataset: Dataset) -> list[tuple[Dataset, Any]]:
    """Return all elements, those of a data set before what is in its sequences."""
    found = [(dataset, element) for element in dataset]
    for element in dataset:
        if element.VR == "SQ":
            found += [each for item in element.value for each in sorted_by_level(item)]
    return found


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_group_lengths(syntax: Syntax) -> None:
    # pydicom writes none: they are put in here, and wrong.
    original = encoded_by_pydicom(nested(), syntax)
    ours = Editable(original, *syntax)
    for tag in (0x00080000, 0x00100000):
        ours.set(tag, 1, "UL")
    # Without a value: the item, and so the group around it, becomes longer.
    ours.set("ReferencedStudySequence[0].(0008,0000)", None, "UL")
    ours["PatientName"] = "somebody"
    assert ours.fix_group_lengths() == 3
    fixed = ours.to_bytes()
    assert ours.fix_group_lengths() == 0
    again = Editable(fixed, *syntax)
    order = "big" if syntax[1] else "little"
    for holder in (again, again.sequence(0x00081110)[0]):
        for tag in [tag for tag in holder.tags() if not tag & 0xFFFF]:
            _, value, length = holder.offsets(tag)
            behind = [each for each in holder.tags() if each >> 16 > tag >> 16]
            end = holder.offsets(behind[0])[0] if behind else holder.end
            assert int.from_bytes(holder.raw(tag), order) == end - value - length  # type: ignore[arg-type]
    assert ours.remove("....0000") == 3
    del ours["PatientName"]
    assert ours.to_bytes() == original


def test_nothing_is_touched_where_nothing_changes() -> None:
    original = encoded_by_pydicom(nested(), EXPLICIT)
    ours = Editable(original, *EXPLICIT)
    assert (
        ours.remap_uids({"9.9": "1"}) == ours.remove("FFFF") == ours.keep("") == ours.fix_group_lengths() == 0
    )
    ours.map(lambda holder, tag: KEEP)
    assert not ours.is_edited
    assert ours.buffers()[0].obj is original
