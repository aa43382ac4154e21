"""Keys: every way to name an element means the same tag, and what is none is an error that says so."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.datadict import add_dict_entry, dictionary_keyword
from pydicom.tag import BaseTag, Tag

from fastdicom.encoded.keys import KEYWORDS, Path, PrivateElement, name_of, parse_key

PATIENT_ID = 0x00100020
CONTENT = 0x0040A730
CONCEPT = 0x0040A043
MEANING = 0x00080104
GEMS = PrivateElement(0x0009, "GEMS_IDEN_01", 0x02)


@pytest.mark.parametrize(
    "key",
    [
        PATIENT_ID,
        Tag(PATIENT_ID),
        BaseTag(PATIENT_ID),
        (0x0010, 0x0020),
        "PatientID",
        "00100020",
        "0010,0020",
        "(0010,0020)",
        "(0010, 0020)",
    ],
)
def test_names_of_one_element(key: Any) -> None:
    assert parse_key(key) == PATIENT_ID


def test_hexadecimal_digits_in_either_case() -> None:
    assert parse_key("7fe00010") == parse_key("(7FE0,0010)") == 0x7FE00010


def test_every_keyword_of_the_dictionary_is_a_key() -> None:
    assert len(KEYWORDS) > 4000
    assert all(dictionary_keyword(parse_key(keyword)) == keyword for keyword in KEYWORDS)  # type: ignore[arg-type]


def test_a_keyword_added_to_the_dictionary_of_pydicom_is_known() -> None:
    with pytest.raises(ValueError, match="'KeywordOfATest' is no keyword"):
        parse_key("KeywordOfATest")
    add_dict_entry(0x00109999, "LO", "KeywordOfATest", "Keyword of a Test")
    assert parse_key("KeywordOfATest") == 0x00109999


@pytest.mark.parametrize(
    "key",
    [
        "ContentSequence[1].ConceptNameCodeSequence[-1].CodeMeaning",
        "0040A730[1].(0040,A043)[-1].00080104",
        ("ContentSequence", 1, "ConceptNameCodeSequence", -1, "CodeMeaning"),
        (CONTENT, 1, CONCEPT, -1, MEANING),
        ((0x0040, 0xA730), 1, Tag(CONCEPT), -1, "(0008,0104)"),
    ],
)
def test_paths(key: Any) -> None:
    assert parse_key(key) == Path(((CONTENT, 1), (CONCEPT, -1)), MEANING)


@pytest.mark.parametrize("key", ["ContentSequence[0]", ("ContentSequence", 0), (CONTENT, 0)])
def test_a_path_to_an_item(key: Any) -> None:
    assert parse_key(key) == Path(((CONTENT, 0),), None)


def test_a_pair_of_small_numbers_is_a_tag_and_a_large_one_begins_a_path() -> None:
    assert parse_key((0x0040, 0xA730)) == CONTENT
    assert parse_key((0x0040A730, 2)) == Path(((CONTENT, 2),), None)


def test_private_elements() -> None:
    assert parse_key((0x0009, "GEMS_IDEN_01 ", 0x02)) == Path((), GEMS)
    assert parse_key((GEMS, 0, "PatientID")) == Path(((GEMS, 0),), PATIENT_ID)
    assert parse_key(("ContentSequence", 0, GEMS)) == Path(((CONTENT, 0),), GEMS)
    assert str(GEMS) == '(0009,"GEMS_IDEN_01",02)'


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ("PatientNme", ValueError, "did you mean PatientName"),
        ("zzz", ValueError, r"^'zzz' is no keyword of the DICOM dictionary$"),
        ("", ValueError, "'' is no keyword"),
        ("0010002", ValueError, "no keyword"),
        ("(0010,0020", ValueError, "no keyword"),
        ("ContentSequence.CodeMeaning", ValueError, "'ContentSequence' has no item number"),
        ("ContentSequence[x].CodeMeaning", ValueError, "has no item number"),
        ("ContentSequence[0]CodeMeaning", ValueError, "no keyword"),
        ("ContentSequence[0].", ValueError, "no keyword"),
        ("[0]", ValueError, "has no item number"),
        (-1, ValueError, "no tag"),
        (1 << 32, ValueError, "0x100000000 is no tag: it is outside of 0 to 0xffffffff"),
        ((0x0010, 0x10000), ValueError, "no element number"),
        ((-1, 2), ValueError, "no group"),
        ((0x0010, "ACME", 1), ValueError, "even"),
        ((0x0009, "ACME", 0x1001), ValueError, "no element number in a block"),
        ((0x10009, "ACME", 1), ValueError, "no group"),
        ((), ValueError, "empty tuple"),
        (("ContentSequence", "CodeMeaning"), TypeError, "item number"),
        (("ContentSequence", 0, "ContentSequence[0].CodeMeaning"), ValueError, "inside of a path"),
        (("ContentSequence", 0, ("ContentSequence", 0)), ValueError, "names no single element"),
        (None, TypeError, "not NoneType"),
        (1.5, TypeError, "not float"),
        (slice(None), TypeError, "not slice"),
    ],
)
def test_what_is_no_key(key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_key(key)


def test_names_for_people() -> None:
    assert name_of(PATIENT_ID) == "(0010,0020) PatientID"
    assert name_of(0x60023000) == "(6002,3000) OverlayData"
    assert name_of(0x00091002) == "(0009,1002)"
