"""An encoded data set as people read it: a line an element, what nests indented, what is long shortened.

However long the data set is, this is not: at most 100 lines, of which none has all of a long value, and only
short values are decoded. A data set that is broken is shown up to where it breaks, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from fastdicom.encoded.keys import name_of

if TYPE_CHECKING:
    from fastdicom.encoded.dataset import EncodedDataset

LINES = 100
WIDTH = 64
# Longer values than these are not decoded, but counted.
TEXT_BYTES = 1024
BINARY_BYTES = 16

_BINARY = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW", "US or OW", "US or SS or OW"])


def represent(dataset: EncodedDataset) -> str:
    """Return a data set as text.

    Parameters
    ----------
    dataset
        The data set, or an item.
    """
    heading = f"<EncodedDataset in {dataset.transfer_syntax.name}"
    try:
        heading += f": {counted(len(dataset), 'element')}, {counted(dataset.encoded_length(), 'byte')}>"
    except ValueError as error:
        return f"{heading}: {error}>"
    lines = list(islice(_lines(dataset, ""), LINES + 1))
    if len(lines) > LINES:
        lines[LINES:] = ["…"]
    return "\n".join([heading, *lines])


def counted(number: int, word: str) -> str:
    """Return a number of things, in words."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _lines(dataset: EncodedDataset, indent: str) -> Iterator[str]:
    for tag in dataset.tags():
        yield from _element_lines(dataset, tag, indent)


def _element_lines(dataset: EncodedDataset, tag: int, indent: str) -> Iterator[str]:
    number, _, keyword = name_of(tag).partition(" ")
    head = " ".join(part for part in (f"{indent}{number}", dataset.vr(tag), keyword) if part)
    try:
        if dataset.vr(tag) != "SQ":
            yield f"{head}: {_value(dataset, tag)}"
            return
        items = dataset.sequence(tag)
        yield f"{head}: {counted(len(items), 'item')}"
        for position, item in enumerate(items):
            yield f"{indent}  [{position}]"
            yield from _lines(item, f"{indent}    ")
    except ValueError as error:
        yield f"{head}: <{error}>"


def _value(dataset: EncodedDataset, tag: int) -> str:
    """Return a value, shortened."""
    length = dataset.value_length(tag)
    vr = dataset.vr(tag)
    if vr in _BINARY:
        if dataset.has_undefined_length(tag):
            return counted(len(dataset.fragments(tag)) - 1, "fragment") + f", {length} bytes"
        return bytes(dataset.raw(tag)).hex(" ") if length <= BINARY_BYTES else f"{length} bytes"
    if length > TEXT_BYTES:
        return f"{length} bytes"
    text = repr(dataset[tag])
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
