"""What an element is called: its tag, its keyword, its private creator, or the path to it through sequences.

`parse_key` turns a key into a tag, an int, or into a `Path`. It knows nothing of data sets: whether an
element is there, and in which block of a private creator, its caller finds out.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeAlias

from pydicom.datadict import keyword_dict, keyword_for_tag

KEYWORDS: dict[str, int] = {keyword: tag for keyword, tag in keyword_dict.items() if keyword}
"""Keyword to tag, as pydicom's dictionary has it. What a program adds to that later is known, too."""

_HIGHEST_TAG = 0xFFFFFFFF
_HIGHEST_NUMBER = 0xFFFF
_HIGHEST_IN_BLOCK = 0xFF

_TAG = re.compile(r"([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})|\(([0-9A-Fa-f]{4}), ?([0-9A-Fa-f]{4})\)")
_STEP = re.compile(r"([^\[\]]+)\[(-?[0-9]{1,9})\]")


class PrivateElement(NamedTuple):
    """A private element, by its creator (PS3.5 7.8.1).

    Attributes
    ----------
    group
        The group, which is odd.
    creator
        The value of the private creator element, without padding.
    element
        The last two digits of the element number: where in the creator's block it stands.
    """

    group: int
    creator: str
    element: int

    def __str__(self) -> str:
        return f'({self.group:04X},"{self.creator}",{self.element:02X})'


Name: TypeAlias = int | PrivateElement


class Path(NamedTuple):
    """The way to an element or an item.

    Attributes
    ----------
    steps
        Which sequence, and which of its items, from the outside in. Negative numbers count from the end.
    last
        The element in the innermost item; None when the item itself is meant.
    """

    steps: tuple[tuple[Name, int], ...]
    last: Name | None


def parse_key(key: Any) -> int | Path:
    """Turn a key into a tag, or a path.

    Parameters
    ----------
    key
        One of: a tag as an int or a pydicom `BaseTag`; ``(group, element)``; a keyword; ``"GGGGEEEE"``,
        ``"GGGG,EEEE"`` or ``"(GGGG,EEEE)"`` in hexadecimal digits; ``(group, "CREATOR", element)`` for a
        private element; a path as ``"ContentSequence[0].ConceptNameCodeSequence[-1].CodeValue"`` or as
        ``("ContentSequence", 0, "ConceptNameCodeSequence", -1, "CodeValue")``, in which each element may be
        written in any of these ways. A path that ends with an item number means the item.

    Raises
    ------
    ValueError
        When a keyword is not in the dictionary, or a number or a text is no key.
    TypeError
        When it is of another type.
    """
    if isinstance(key, int):
        return _checked(key, _HIGHEST_TAG, "tag")
    if isinstance(key, str):
        tag = KEYWORDS.get(key)
        return _parse_text(key) if tag is None else tag
    if not isinstance(key, tuple):
        raise TypeError(f"an element's key is an int, a str or a tuple, not {type(key).__name__}")
    name = _parse_name(key)
    if name is None:
        return _parse_steps(key)
    return Path((), name) if isinstance(name, PrivateElement) else name


def _checked(number: int, limit: int, what: str) -> int:
    if not 0 <= number <= limit:
        raise ValueError(f"{number:#x} is no {what}: it is outside of 0 to {limit:#x}")
    return number


def _parse_text(text: str) -> int | Path:
    if not text.endswith("]") and "." not in text:
        return _parse_word(text)
    steps: list[Any] = []
    *outer, last = text.split(".")
    for step in (*outer, last) if last.endswith("]") else outer:
        match = _STEP.fullmatch(step)
        if match is None:
            raise ValueError(f"{text!r} is no path: {step!r} has no item number, as in Sequence[0]")
        steps.append((_parse_word(match[1]), int(match[2])))
    return Path(tuple(steps), None if last.endswith("]") else _parse_word(last))


def _parse_word(word: str) -> int:
    """Return the tag of a keyword, or of eight digits."""
    tag = KEYWORDS.get(word) or (word and keyword_dict.get(word))
    if tag:
        return tag
    match = _TAG.fullmatch(word)
    if match is not None:
        return int("".join(part for part in match.groups() if part), 16)
    near = get_close_matches(word, KEYWORDS, n=1, cutoff=0.8)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"{word!r} is no keyword of the DICOM dictionary{hint}")


def _parse_name(key: tuple[Any, ...]) -> Name | None:
    """Return what a tuple names, if it names one element; None for one that may be a path."""
    match key:
        # A group has four digits: a longer number is a tag, and what comes after it an item.
        case (int(group), int(element)) if group <= _HIGHEST_NUMBER:
            _checked(group, _HIGHEST_NUMBER, "group")
            return group << 16 | _checked(element, _HIGHEST_NUMBER, "element number")
        case (int(group), str(creator), int(element)):
            if not _checked(group, _HIGHEST_NUMBER, "group") % 2:
                raise ValueError(f"the group {group:#06x} of {creator!r} is even: no private one (PS3.5 7.8)")
            return PrivateElement(
                group, creator.strip(" "), _checked(element, _HIGHEST_IN_BLOCK, "element number in a block")
            )
    return None


def _parse_steps(key: tuple[Any, ...]) -> Path:
    if not key:
        raise ValueError("an empty tuple is no key")
    names = [_parse_step(name) for name in key[::2]]
    numbers = key[1::2]
    for number in numbers:
        if not isinstance(number, int):
            raise TypeError(f"{key!r} is no path: {number!r} stands where an item number belongs")
    last = names.pop() if len(names) > len(numbers) else None
    return Path(tuple(zip(names, numbers, strict=True)), last)


def _parse_step(key: Any) -> Name:
    """Return the element that one part of a path names."""
    if isinstance(key, tuple):
        name = _parse_name(key)
        if name is None:
            raise ValueError(f"{key!r} names no single element")
        return name
    parsed = parse_key(key)
    if isinstance(parsed, Path):
        raise ValueError(f"{key!r} is a path inside of a path")
    return parsed


def name_of(tag: int) -> str:
    """Return a tag as it is read by people: with its keyword if the dictionary has one."""
    keyword = keyword_for_tag(tag)
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})" + (f" {keyword}" if keyword else "")
