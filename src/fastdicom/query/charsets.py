"""Specific character sets of answers (PS3.3 C.12.1.1.2, PS3.4 C.4.1.1.3.2): which of several can hold a text.

Matching needs none: pydicom decodes both sides, and characters are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from fastdicom.query.models import tag_of
from fastdicom.query.values import values_of

UTF_8 = "ISO_IR 192"

# PS3.5 6.2: the VRs that (0008,0005) is about
VRS = frozenset(["SH", "LO", "ST", "LT", "UC", "UT", "PN"])

_DEFAULT_REPERTOIRE = frozenset(["", "ISO_IR 6", "ISO 2022 IR 6"])
# What pydicom calls ISO_IR 13, of which DICOM has the part that takes one byte
_JIS_X_0201 = "shift_jis"
_CHARACTER_SET = tag_of("SpecificCharacterSet")


def character_sets(dataset: Dataset) -> tuple[str, ...]:
    """Return the values of (0008,0005), the empty first one of several included."""
    if _CHARACTER_SET not in dataset:
        return ()
    value = dataset[_CHARACTER_SET].value
    if isinstance(value, str) or value is None:
        return (value,) if value else ()
    return tuple("" if one is None else str(one) for one in value)


def character_sets_for(texts: Sequence[str], choices: Iterable[Sequence[str]]) -> Sequence[str]:
    """Return the first choice that can hold all texts, and Unicode when none can.

    Parameters
    ----------
    texts
        What is to be encoded.
    choices
        Values of (0008,0005), the one that is liked best first.
    """
    for choice in choices:
        if all(_can_hold(choice, text) for text in texts):
            return choice
    return (UTF_8,)


def _can_hold(sets: Sequence[str], text: str) -> bool:
    """Whether each character of a text is in one of the sets."""
    if sets == (UTF_8,):
        return True
    encodings = {"ascii" if one in _DEFAULT_REPERTOIRE else python_encoding.get(one, "") for one in sets}
    if "" in encodings:
        return False
    others = encodings - {_JIS_X_0201}
    if all(c.isascii() or any(_has(one, c) for one in others) for c in text):
        return True
    # pydicom writes half-width katakana by themselves, and not together with Latin letters.
    return _JIS_X_0201 in encodings and all("\uff61" <= c <= "\uff9f" for c in text)


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def text_values(element: DataElement) -> list[str]:
    """Return the values of an element that have other characters than ASCII, names by their components."""
    texts = [value for value in values_of(element) if not value.isascii()]
    if element.VR != "PN":
        return texts
    return [part for text in texts for group in text.split("=") for part in group.split("^")]
