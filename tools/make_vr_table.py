"""Write `csrc/fd_vr_table.c`: the VR of each element of PS3.6, and of the private elements that are known.

Both come from pydicom's dictionaries. Run it from the top directory after a new pydicom; `--check` writes
nothing and fails when the file is not what would be written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pydicom
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._private_dict import private_dictionaries

TARGET = Path("csrc/fd_vr_table.c")

# Spellings of the dictionaries for what only other elements decide; one has a slip of the pen in it.
AMBIGUOUS = {
    "US or SS": "FD_VR_US_SS",
    "OB or OW": "FD_VR_OB_OW",
    "OB_OW": "FD_VR_OB_OW",
    "US or SS or OW": "FD_VR_US_SS_OW",
    "US or OW": "FD_VR_US_OW",
}

PAGE_BITS = 4  # elements of a page: they follow one another in a data set, so a page is met again at once
PAGE_SLOTS = 4096
CREATOR_SLOTS = 1024
MULTIPLIER = 0x9E3779B1  # as in fd_vr.c

HEAD = """/* The VR of each element of PS3.6, and of the private elements that are known.
 * Written by tools/make_vr_table.py from the dictionaries of pydicom {version}: change that, not this. */
#include "fd_vr.h"\
"""


def code(vr: str) -> str:
    """Return the C expression for a VR."""
    return AMBIGUOUS.get(vr) or f"FD_VR('{vr[0]}', '{vr[1]}')"


def array(declaration: str, values: Sequence[object]) -> Iterator[str]:
    """Yield the lines of one C array."""
    yield f"\nconst {declaration}[{len(values)}] = {{"
    line = "   "
    for value in values:
        if len(line) + len(str(value)) > 108:
            yield line
            line = "   "
        line += f" {value},"
    yield line
    yield "};"


def has_repeating_group(mask: str) -> bool:
    """Return whether a mask is for a repeating group: these are filed under 5000, 6000 and 7F00."""
    return mask[2:4] == "xx"


def standard_elements() -> dict[int, str]:
    """Return the VR of each tag that has a page."""
    elements = {tag: entry[0] for tag, entry in DicomDictionary.items() if entry[0] != "NONE"}
    for mask, entry in RepeatersDictionary.items():
        if has_repeating_group(mask):
            elements[int(mask.replace("x", "0"), 16)] = entry[0]
    return elements


def pages_of(elements: Mapping[int, str], names: Sequence[str]) -> dict[int, list[int]]:
    """Return the pages, which have a VR's index for each of their elements, by the upper bits of the tags."""
    pages: dict[int, list[int]] = {}
    for tag in sorted(elements):
        page = pages.setdefault(tag >> PAGE_BITS, [0] * (1 << PAGE_BITS))
        page[tag & ((1 << PAGE_BITS) - 1)] = names.index(code(elements[tag]))
    return pages


def slots_of(keys: Iterable[int], slots: int) -> list[int]:
    """Return a hash table that has, by linear probing, 1 more than the position of each key; 0 is free."""
    table = [0] * slots
    shift = 32 - (slots.bit_length() - 1)
    for position, key in enumerate(keys):
        slot = (key * MULTIPLIER & 0xFFFFFFFF) >> shift
        while table[slot]:
            slot = (slot + 1) % slots
        table[slot] = position + 1
    return table


def hash_of(creator: str) -> int:
    """Return the FNV-1a hash of a private creator."""
    value = 0x811C9DC5
    for byte in creator.encode("ascii"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def private_rows() -> Iterator[tuple[str, list[dict[int, str]]]]:
    """Yield each private creator and the VRs of its elements.

    The elements come in three dictionaries: by the whole tag, by the tag without its block, and by that
    without the lower half of the group.
    """
    for creator, entries in sorted(private_dictionaries.items()):
        kinds: list[dict[int, str]] = [{}, {}, {}]
        for mask, entry in sorted(entries.items()):
            if mask.endswith("xx"):
                continue  # nothing looks like this when it is looked up
            kind = mask.count("x") // 2
            kinds[kind][int(mask.replace("x", "0"), 16)] = entry[0]
        yield creator, kinds


def standard_lines(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines about the standard's elements."""
    pages = pages_of(standard_elements(), names)
    yield from array("uint16_t fd_vr_page_slots", slots_of(pages, PAGE_SLOTS))
    yield from array("uint32_t fd_vr_page_keys", [f"0x{key:07X}" for key in pages])
    yield from array("uint8_t fd_vr_pages", [vr for page in pages.values() for vr in page])
    rest = [
        f"{{0x{int(mask.replace('x', '0'), 16):08X}, "
        f"0x{int(''.join('0' if digit == 'x' else 'F' for digit in mask), 16):08X}, {code(entry[0])}}}"
        for mask, entry in RepeatersDictionary.items()
        if not has_repeating_group(mask)
    ]
    yield f"\nconst size_t fd_vr_mask_count = {len(rest)};"
    yield from array("struct fd_vr_mask fd_vr_masks", rest)


def private_lines(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines about private elements."""
    rows = list(private_rows())
    keys: list[str] = []
    vrs: list[int] = []
    creators: list[str] = []
    text = 0
    for creator, kinds in rows:
        starts = []
        for kind in kinds:
            starts.append(len(keys))
            keys += [f"0x{key:08X}" for key in sorted(kind)]
            vrs += [names.index(code(kind[key])) for key in sorted(kind)]
        creators.append(f"{{{text}, {{{', '.join(map(str, starts))}}}}}")
        text += len(creator)
    creators.append(f"{{{text}, {{{len(keys)}, {len(keys)}, {len(keys)}}}}}")
    yield from array(
        "uint16_t fd_vr_creator_slots", slots_of([hash_of(row[0]) for row in rows], CREATOR_SLOTS)
    )
    yield from array("struct fd_vr_creator fd_vr_creators", creators)
    yield from array("uint8_t fd_vr_creator_text", list("".join(row[0] for row in rows).encode("ascii")))
    yield from array("uint32_t fd_vr_private_keys", keys)
    yield from array("uint8_t fd_vr_private_vrs", vrs)


def table() -> str:
    """Return the text of the table."""
    private = [vr for _, kinds in private_rows() for kind in kinds for vr in kind.values()]
    names = ["0", *sorted({code(vr) for vr in [*standard_elements().values(), *private]})]
    lines = [
        HEAD.format(version=pydicom.__version__),
        *array("uint16_t fd_vr_codes", names),
        *standard_lines(names),
        *private_lines(names),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table, or compare it with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the file is out of date")
    is_check = parser.parse_args().check
    text = table()
    if not is_check:
        TARGET.write_text(text, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text:
        print(f"{TARGET} is out of date", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
