"""Passes over a whole data set: every element, in sequences too, changed or deleted by a rule.

What does not change is not touched: a sequence in which nothing changes stays the bytes that it was. Items
are looked into one after the other; how deep, the limit of the data set says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from re import Pattern
from typing import TYPE_CHECKING, Any, TypeVar

from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from fastdicom._core.elements import Elements
from fastdicom.encoded.keys import name_of
from fastdicom.encoded.value_encoding import encode_header, encode_value, encodings_of
from fastdicom.encoded.values import decode_value

if TYPE_CHECKING:
    from fastdicom.encoded.editing import Editable

AnyEditable = TypeVar("AnyEditable", bound="Editable")

_CHARACTER_SET = 0x00080005
_TEXT_VRS = frozenset(str(vr) for vr in CUSTOMIZABLE_CHARSET_VR)
# UIDs that the standard defines begin with this: SOP classes, transfer syntaxes, well-known instances.
_STANDARD_ROOT = "1.2.840.10008."


class Action(Enum):
    """What a function given to `map_elements` may return instead of a value."""

    KEEP = "keep"
    REMOVE = "remove"


KEEP = Action.KEEP
REMOVE = Action.REMOVE


def _holders(dataset: AnyEditable) -> Iterator[AnyEditable]:
    """Yield a data set and all items in it; what has been removed before is not gone into."""
    yield dataset
    for tag in dataset.tags():
        if Elements.__contains__(dataset, tag) and dataset.is_sequence(tag):
            for item in dataset.sequence(tag):
                yield from _holders(item)


def map_elements(
    dataset: AnyEditable, function: Callable[[AnyEditable, int], Any], pattern: str | Pattern[str] = ""
) -> None:
    """Set each element to what a function makes of it.

    Parameters
    ----------
    dataset
        The data set.
    function
        Called with the data set or item that has the element, and its tag. Returns the new value, `KEEP` to
        leave it as it is, or `REMOVE`. It is called for a sequence first, and then, unless that is removed or
        set, for what is in its items.
    pattern
        A regular expression; only elements whose tag matches it from its beginning, as ``GGGGEEEE`` in
        hexadecimal digits, are given to the function.
    """
    matches = _matcher(pattern)
    for holder in _holders(dataset):
        for tag in holder.tags():
            if not matches(f"{tag:08X}"):
                continue
            value = function(holder, tag)
            if value is REMOVE:
                holder.replace(tag, None)
            elif value is not KEEP:
                holder.set(tag, value)


def keep(dataset: Editable, pattern: str | Pattern[str]) -> int:
    """Delete all elements but those whose tags match a regular expression.

    Parameters
    ----------
    dataset
        The data set.
    pattern
        A regular expression that is to match from the beginning of a tag, written as ``GGGGEEEE``. It holds
        in sequences as well: an element in an item stays if its tag matches and the sequence's does.

    Returns
    -------
    int
        How many elements have been deleted; a sequence is one.
    """
    matches = _matcher(pattern)
    return _remove(dataset, lambda tag: not matches(f"{tag:08X}"))


def remove(dataset: Editable, pattern: str | Pattern[str]) -> int:
    """Delete all elements whose tags match a regular expression, in sequences too.

    Parameters
    ----------
    dataset
        The data set.
    pattern
        A regular expression that is to match from the beginning of a tag, written as ``GGGGEEEE``.

    Returns
    -------
    int
        How many elements have been deleted; a sequence is one.
    """
    matches = _matcher(pattern)
    return _remove(dataset, lambda tag: bool(matches(f"{tag:08X}")))


def remove_private(dataset: Editable) -> int:
    """Delete all elements of odd groups (PS3.5 7.8), in sequences too.

    Returns
    -------
    int
        How many elements have been deleted; a sequence is one.
    """
    return _remove(dataset, lambda tag: bool(tag & 0x10000))


def _matcher(pattern: str | Pattern[str]) -> Callable[[str], Any]:
    return (re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern).match


def _remove(dataset: Editable, is_unwanted: Callable[[int], bool]) -> int:
    removed = 0
    for holder in _holders(dataset):
        unwanted = [tag for tag in holder.tags() if is_unwanted(tag)]
        for tag in unwanted:
            holder.replace(tag, None)
        removed += len(unwanted)
    return removed


def remap_uids(dataset: Editable, uids: Mapping[str, str] | Callable[[str], str]) -> int:
    """Replace UIDs in all elements of VR UI, in sequences too.

    Parameters
    ----------
    dataset
        The data set.
    uids
        New UIDs by old ones, what is not there stays; or a function from old to new ones, which is not called
        for the UIDs that the standard defines (those that begin with 1.2.840.10008).

    Returns
    -------
    int
        How many elements have been changed.

    Raises
    ------
    ValueError
        When a new UID cannot be encoded.
    """
    renew = _by_mapping(uids) if isinstance(uids, Mapping) else _by_function(uids)
    changed = 0
    for holder in _holders(dataset):
        for tag in holder.tags():
            if Elements.vr(holder, tag) != "UI":
                continue
            before = str(Elements.raw(holder, tag), "latin-1").rstrip("\0 ")
            after = "\\".join(map(renew, before.split("\\"))) if before else before
            if after != before:
                holder.set(tag, after, "UI")
                changed += 1
    return changed


def _by_mapping(uids: Mapping[str, str]) -> Callable[[str], str]:
    return lambda uid: uids.get(uid, uid)


def _by_function(renew: Callable[[str], str]) -> Callable[[str], str]:
    return lambda uid: uid if uid.startswith(_STANDARD_ROOT) or not uid else renew(uid)


def fix_group_lengths(dataset: Editable) -> int:
    """Set all group lengths (gggg,0000) that there are to what follows them in their group (PS3.5 7.2).

    Returns
    -------
    int
        How many were wrong.
    """
    wrong = 0
    # From the inside out: a group with a sequence is as long as what is in it.
    for holder in reversed(list(_holders(dataset))):
        tags = holder.tags()
        for tag in tags:
            if tag & 0xFFFF:
                continue
            length = sum(_length(holder, each) for each in tags if each >> 16 == tag >> 16 and each != tag)
            if holder.value_length(tag) != 4 or _number(holder, tag) != length:
                holder.set(tag, length, "UL")
                wrong += 1
    return wrong


def _length(holder: Editable, tag: int) -> int:
    """Return how many bytes an element has, header and all."""
    header, value, length = holder.offsets(tag)
    return value - header + length + (8 if holder.has_undefined_length(tag) else 0)


def _number(holder: Editable, tag: int) -> int:
    return int.from_bytes(Elements.raw(holder, tag), "big" if holder.is_big_endian else "little")


def recode(dataset: Editable, character_sets: Any) -> None:
    """Encode the texts of a data set anew, for the character sets that it is about to get.

    Texts of items are encoded anew, too, unless an item has character sets of its own.

    Parameters
    ----------
    dataset
        The data set, which still has (0008,0005) as it was.
    character_sets
        The new value of (0008,0005).

    Raises
    ------
    ValueError
        When the character sets are unknown, or have no way to write a text.
    """
    old, new = list(dataset.encodings()), list(encodings_of(character_sets))
    if old != new:
        for holder, tag, encoded in list(_recoded(dataset, old, new)):
            holder.replace(tag, encoded)


def _recoded(
    dataset: AnyEditable, old: list[str], new: list[str]
) -> Iterator[tuple[AnyEditable, int, list[bytes | memoryview]]]:
    """Yield the texts that are encoded otherwise in the new character sets."""
    for tag in dataset.tags():
        if dataset.is_sequence(tag):
            for item in dataset.sequence(tag):
                if not Elements.__contains__(item, _CHARACTER_SET):
                    yield from _recoded(item, old, new)
            continue
        vr = Elements.vr(dataset, tag)
        if vr not in _TEXT_VRS:
            continue
        raw = Elements.raw(dataset, tag)
        if bytes(raw).isascii() and b"\x1b" not in bytes(raw):
            continue
        value = decode_value(vr, raw, encodings=old, tag=tag)
        encoded = encode_value(tag, vr, value, encodings=new)
        if decode_value(vr, encoded, encodings=new, tag=tag) != value:
            raise ValueError(f"{name_of(tag)}: {str(value)[:60]!r} cannot be written in {', '.join(new)}")
        header = encode_header(tag, vr, len(encoded), dataset.is_implicit, dataset.is_big_endian)
        yield dataset, tag, [header, encoded]
