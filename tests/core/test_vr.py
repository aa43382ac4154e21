"""VRs by tag, and by private creator: all of pydicom's dictionaries, and what lies beside them."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import (
    DicomDictionary,
    dictionary_VR,
    masks,
    private_dictionaries,
    private_dictionary_VR,
)
from pydicom.tag import BaseTag

from fastdicom._core.elements import Elements

TOP = Path(__file__).parents[2]
DICTIONARY_SLIP = {"OB_OW": "OB or OW"}


def standard_vr(tag: int) -> str:
    """Return the VR that pydicom gives an element in implicit VR, without a private creator."""
    name = BaseTag(tag)
    try:
        return dictionary_VR(name)
    except KeyError:
        if name.is_private_creator:
            return "LO"
        return "UL" if name.element == 0 and not name.is_private else "UN"


def private_vr(creator: str, tag: int) -> str:
    try:
        vr = private_dictionary_VR(BaseTag(tag), creator)
    except KeyError:
        return "UN"
    return DICTIONARY_SLIP.get(vr, vr)


def vrs(values: dict[int, bytes]) -> dict[int, str]:
    """Return the VRs of elements in implicit VR."""
    encoded = b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in sorted(values.items())
    )
    elements = Elements(encoded, True, False)
    return {tag: elements.vr(tag) for tag in values}


def standard_tags() -> set[int]:
    """Return every known tag, tags in each repeating group, their neighbours, and some of no meaning."""
    numbers = random.Random(5)
    tags = {int(tag) for tag in DicomDictionary}
    for value, mask in masks.values():
        tags |= {value | numbers.getrandbits(32) & ~mask & 0xFFFFFFFF for _ in range(20)}
    tags |= {(tag + step) & 0xFFFFFFFF for tag in list(tags) for step in (-1, 1, 0x10000, 0x20000)}
    tags |= {numbers.getrandbits(32) for _ in range(5000)}
    return {tag for tag in tags if tag >> 16 != 0xFFFE}


def test_standard_elements_have_the_vr_of_the_dictionary() -> None:
    tags = standard_tags()
    known = vrs(dict.fromkeys(tags, b""))
    assert {hex(tag): vr for tag, vr in known.items() if vr != standard_vr(tag)} == {}
    assert len(set(known.values())) > 30


@pytest.mark.parametrize("creator", sorted(private_dictionaries))
def test_private_elements_have_the_vr_of_their_creator(creator: str) -> None:
    numbers = random.Random(creator)
    tags: set[int] = set()
    for mask in private_dictionaries[creator]:
        digits = "".join(numbers.choice("0123456789ABCDEF") if digit == "x" else digit for digit in mask)
        tag = int(digits, 16)
        # In block 10, and in the block that it is in: a few entries name one.
        tags |= {tag & 0xFFFF00FF | 0x1000, tag}
    tags |= {tag + 1 for tag in tags if tag & 0xFF != 0xFF}
    tags = {tag for tag in tags if tag >> 16 & 1 and tag & 0xFFFF >= 0x1000}
    named = creator.encode("ascii")
    creators = {tag & 0xFFFF0000 | tag >> 8 & 0xFF: named + b" " * (len(named) % 2) for tag in tags}
    known = vrs(dict.fromkeys(tags, b"") | creators)
    wrong = {hex(tag): known[tag] for tag in tags if known[tag] != private_vr(creator, tag)}
    assert wrong == {}


def test_private_elements_of_others_are_unknown() -> None:
    known = vrs({0x00290010: b"SIEMENS CSA HEADER", 0x00291010: b"", 0x00291110: b"", 0x00310010: b"x"})
    assert known[0x00291010] == "OB"
    assert known[0x00291110] == "UN"


@pytest.mark.source_tree
def test_the_table_is_that_of_pydicom() -> None:
    table = (TOP / "csrc" / "fd_vr_table.c").read_text(encoding="utf-8")
    if f"pydicom {pydicom.__version__}:" not in table[:300]:
        pytest.skip("the table is from another pydicom")
    command = [sys.executable, TOP / "tools" / "make_vr_table.py", "--check"]
    subprocess.run(command, cwd=TOP, check=True)
