"""Fuzz target: a data set of any bytes, and a script of what is done with it.

A byte of settings (transfer syntax, limits), the length of the script, the script, and the data set. What is
wrong with the data set is an `EncodedDatasetError`, what cannot be done to it a `ValueError` or, where
something is not there, a `LookupError`. After each step the buffers are as long as they are said to be, and
read again they say the same; and what has been transcoded once goes there and back as the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom import EncodedDataset
from fastdicom.encoded.deflated import deflate
from fastdicom.encoded.mapping import KEEP, REMOVE
from fastdicom.encoded.transcoding import transcode_pieces
from fastdicom.errors import EncodedDatasetError

SETTINGS = 2
SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
IS_LIMITED = 4
LIMITS = {"maximum_depth": 3, "maximum_elements": 40}
LONGEST_SCRIPT = 12  # steps

# What is set, beside elements that are there: key, value, and a VR where no dictionary has one.
EDITS: tuple[tuple[Any, Any, str | None], ...] = (
    ("PatientName", "Doe^Jane", None),
    ("PatientName", "Müller^Jürgen", None),
    ("SpecificCharacterSet", "ISO_IR 192", None),
    ("SpecificCharacterSet", ["", "ISO 2022 IR 87"], None),
    ("SOPInstanceUID", "1.2.3", None),
    ("Rows", 258, None),
    ("PixelRepresentation", 1, None),
    ("BitsAllocated", 8, None),
    ("SmallestImagePixelValue", -1, None),
    ("SmallestImagePixelValue", 1, None),
    ("PixelData", b"\1\2\3\4", None),
    ("PatientWeight", 70.5, None),
    ("PatientID", "", None),
    ("PatientID", None, None),
    ("PatientComments", "x" * 70_000, None),
    ("ReferencedStudySequence", [], None),
    ("ReferencedStudySequence", [{"ReferencedSOPInstanceUID": "1.2.3.4"}], None),
    ((0x0009, "FASTDICOM TEST", 1), "text", "LO"),
    (0x00090011, b"\1\2\3", "UN"),
    (0x00080000, 0, None),
    (0x7FE00010, b"\xfe\xff\0\xe0\0\0\0\0", "OB"),
    (0xFFFCFFFC, b"\0\0", None),
    ("ReferencedStudySequence[0].PatientName", "Doe^John", None),
    ("ReferencedStudySequence[-1]", {"PatientID": "1"}, None),
)


def run(data: bytes) -> None:
    """Run a script over a data set; `AssertionError` when something is wrong."""
    if len(data) < SETTINGS:
        return
    script, encoded = data[SETTINGS : SETTINGS + data[1]], data[SETTINGS + data[1] :]
    syntax = SYNTAXES[data[0] % len(SYNTAXES)]
    if syntax == DeflatedExplicitVRLittleEndian:
        encoded = deflate([encoded])
    limits = LIMITS if data[0] & IS_LIMITED else {}
    Editing(EncodedDataset(encoded, syntax, **limits), script).run()


def says(dataset: EncodedDataset) -> list[Any] | None:
    """Return all elements as they are encoded, with the items of sequences; None for broken ones."""
    try:
        return [(tag, *said_by(dataset, tag)) for tag in dataset.tags()]
    except EncodedDatasetError:
        return None


def said_by(dataset: EncodedDataset, tag: int) -> tuple[str, Any]:
    vr, raw = dataset.element(tag) or ("", b"")
    if not dataset.is_sequence(tag):
        return vr, bytes(raw)
    return vr, [says(item) for item in dataset.sequence(tag)]


def reread(dataset: EncodedDataset) -> EncodedDataset:
    """Return the same data set, read from what would be sent of it; edits may go beyond limits of reading."""
    return EncodedDataset(contents(dataset), dataset.transfer_syntax)


def holders(dataset: EncodedDataset) -> Iterator[EncodedDataset]:
    """Yield a data set and its items, as far as they can be read."""
    yield dataset
    with suppress(EncodedDatasetError):
        for tag in dataset.tags():
            if dataset.is_sequence(tag):
                for item in dataset.sequence(tag):
                    yield from holders(item)


class Editing:
    """A script in its run."""

    def __init__(self, dataset: EncodedDataset, script: bytes) -> None:
        self.dataset = dataset
        self.script = iter(script)

    def run(self) -> None:
        """Do one step after the other, and look at what has become of the data set after each."""
        self.check()
        for _ in range(LONGEST_SCRIPT):
            step = next(self.script, None)
            if step is None:
                break
            with suppress(ValueError, LookupError):  # EncodedDatasetError is a ValueError
                STEPS[step % len(STEPS)](self)
            self.check()
        self.transcode_there_and_back()

    def check(self) -> None:
        """What is sent can be read again, and says what the data set says."""
        said = says(self.dataset)
        if said is None:
            return
        again = reread(self.dataset)
        with suppress(EncodedDatasetError):
            again.tags()
        if again.is_implicit == self.dataset.is_implicit:  # mixed ones are in what the first element is in
            assert says(again) == said
        if self.dataset.transfer_syntax != DeflatedExplicitVRLittleEndian:
            assert self.dataset.encoded_length() == len(bytes(again))

    def argument(self) -> int:
        return next(self.script, 0)

    def holder(self) -> EncodedDataset:
        """Return the data set, or one of its items."""
        found = list(holders(self.dataset))
        return found[self.argument() % len(found)]

    def element(self) -> tuple[EncodedDataset, int]:
        """Return an element, and what has it."""
        holder = self.holder()
        tags = holder.tags() or [0x00100010]
        return holder, tags[self.argument() % len(tags)]

    # --- steps ---

    def set(self) -> None:
        key, value, vr = EDITS[self.argument() % len(EDITS)]
        self.holder().set(key, value, vr)

    def set_plain(self) -> None:
        key, value, _ = EDITS[self.argument() % len(EDITS)]
        self.holder()[key] = value

    def set_again(self) -> None:
        """Set an element to its own value, or to that of another."""
        holder, tag = self.element()
        other, source = self.element()
        with suppress(TypeError):  # a list of numbers for a sequence
            holder[tag] = other[source]

    def delete(self) -> None:
        holder, tag = self.element()
        del holder[tag]

    def pop(self) -> None:
        holder, tag = self.element()
        holder.pop(tag, None)

    def insert(self) -> None:
        """Insert an item: a mapping, a Dataset, or one that is there."""
        holder, tag = self.element()
        sequence = holder.sequence(tag)
        number = self.argument()
        plain = Dataset()
        plain.PatientID = "1"
        item = ({"PatientID": "1"}, plain, {}, sequence[-1] if sequence else {})[number % 4]
        sequence.insert(number // 4 % (len(sequence) + 1), item)

    def delete_item(self) -> None:
        holder, tag = self.element()
        sequence = holder.sequence(tag)
        del sequence[self.argument() % (len(sequence) or 1)]

    def remap(self) -> None:
        kept = self.argument() % 2
        self.dataset.remap_uids(lambda uid: uid if kept else "2.25.1")

    def remove(self) -> None:
        pattern = ("0008", "....0010", "(?!0010)", "FFFC|7FE0")[self.argument() % 4]
        (self.holder().remove if self.argument() % 2 else self.holder().keep)(pattern)

    def remove_private(self) -> None:
        self.dataset.remove_private()
        said = says(self.dataset)
        assert said is None or not any(tag & 0x10000 for tag, *_ in said)

    def map(self) -> None:
        chosen = self.argument()
        values: tuple[Any, ...] = (KEEP, REMOVE, None)
        self.dataset.map(lambda _, tag: values[(tag ^ chosen) % 3], re.compile("00[0-2]"))

    def fix_group_lengths(self) -> None:
        self.dataset.fix_group_lengths()
        assert self.dataset.fix_group_lengths() == 0

    def transcode(self) -> None:
        syntax = SYNTAXES[self.argument() % len(SYNTAXES)]
        pieces = b"".join(transcode_pieces(self.dataset, syntax))
        self.dataset = self.dataset.transcode(syntax)
        assert pieces == b"".join(self.dataset.buffers())

    def reread(self) -> None:
        self.dataset = reread(self.dataset)

    def look(self) -> None:
        """Read everything as it is given to users."""
        for holder in holders(self.dataset):
            repr(holder)
            for tag in holder.tags():
                with suppress(EncodedDatasetError):
                    assert holder.vr(tag)
                    repr(holder[tag])
                with suppress(ValueError, TypeError):
                    assert holder.array(tag).nbytes <= len(holder.raw(tag))
                with suppress(EncodedDatasetError):
                    assert sum(map(len, holder.fragments(tag))) <= len(holder.raw(tag))

    def to_pydicom(self) -> None:
        """The Dataset has the elements, and is encoded again where pydicom can decode it."""
        dataset = self.dataset.to_pydicom()
        assert sorted(map(int, dataset.keys())) == self.dataset.tags()

    # --- there and back ---

    def transcode_there_and_back(self) -> None:
        """What has been in big endian once loses nothing any more, but its VRs in implicit VR."""
        with suppress(EncodedDatasetError):
            little = through(reread(self.dataset), ExplicitVRBigEndian, ExplicitVRLittleEndian)
            little.remove("....0000")  # a sequence may have the tag of a group length, which is left out
            for other in SYNTAXES[2:]:
                assert contents(through(little, other, ExplicitVRLittleEndian)) == contents(little), other
            implicit = little.transcode(ImplicitVRLittleEndian)
            for other in SYNTAXES[1:]:
                assert contents(through(implicit, other, ImplicitVRLittleEndian)) == contents(implicit), other


def through(dataset: EncodedDataset, *syntaxes: UID) -> EncodedDataset:
    for syntax in syntaxes:
        dataset = dataset.transcode(syntax)
    return dataset


def contents(dataset: EncodedDataset) -> bytes:
    return b"".join(dataset.buffers())


STEPS: tuple[Callable[[Editing], None], ...] = (
    Editing.set,
    Editing.set_plain,
    Editing.set_again,
    Editing.delete,
    Editing.pop,
    Editing.insert,
    Editing.delete_item,
    Editing.remap,
    Editing.remove,
    Editing.remove_private,
    Editing.map,
    Editing.fix_group_lengths,
    Editing.transcode,
    Editing.reread,
    Editing.look,
    Editing.to_pydicom,
)
