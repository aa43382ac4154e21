"""Edits of an encoded data set: elements set, inserted and deleted by splicing, in sequences too.

An edit encodes one element and keeps it beside the data. What is not edited stays where it is: `buffers()`
gives slices of the original between the edits. An edit in an item makes the headers around it anew, where
they have a length, and nothing else. Passes over everything are in `fastdicom.encoded.mapping`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from fastdicom._core.elements import Elements
from fastdicom._core.plain_edits import set_plain
from fastdicom.encoded import mapping
from fastdicom.encoded.keys import KEYWORDS, Name, Path, PrivateElement, name_of, parse_key
from fastdicom.encoded.resolving import decided_vr
from fastdicom.encoded.sequences import EncodedSequence
from fastdicom.encoded.value_encoding import DEFAULT_ENCODINGS, encode_element, encodings_of
from fastdicom.encoded.values import decode_value
from fastdicom.encoded.writing import write

if TYPE_CHECKING:
    from os import PathLike
    from re import Pattern
    from typing import BinaryIO

    from pydicom.uid import UID

    from fastdicom.encoded.sequences import Entry

_CHARACTER_SET = 0x00080005
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF

# VRs of the elements that have been set, by tag.
_VRS: dict[int, str] = {}


class Editable(Elements):
    """The elements of a data set or an item, which can be changed.

    The keys are those of `fastdicom.encoded.keys.parse_key`. An item that is changed changes the data set
    that it is in.
    """

    transfer_syntax: UID

    _within: EncodedSequence[Any] | None = None
    _entry: Entry | None = None
    # The sequences that somebody refers to, by tag.
    _sequences: dict[int, ref[EncodedSequence[Any]]] | None = None

    @property
    def file_meta(self) -> Editable | None:
        """The File Meta Information of a data set that came with one."""
        return None

    # --- where it is ---

    def make_item(self, data: Any, begin: int, end: int, is_implicit: bool, is_big_endian: bool) -> Any:
        """Make an item of this data set, which is encoded in a part of `data`."""
        return type(self)(
            data,
            is_implicit,
            is_big_endian,
            begin=begin,
            end=end,
            is_item=True,
            maximum_depth=max(self.maximum_depth - 1, 0),
            maximum_elements=self.maximum_elements,
        )

    def belongs_to(self, within: EncodedSequence[Any], entry: Entry) -> None:
        """Make this an item of a sequence: that is told of changes, and asked for character sets."""
        self._within, self._entry = within, entry

    def around(self) -> Iterator[Self]:
        """Iterate over the data sets around this one, when it is an item, from the inside out."""
        within = self._within
        while within is not None:
            yield within.owner
            within = within.owner._within

    def encodings(self) -> Sequence[str]:
        """Return Python's encodings for the texts of this data set: (0008,0005), here or around.

        Returns
        -------
        sequence of str
            As pydicom's `convert_encodings` makes them.
        """
        for each in (self, *self.around()):
            if Elements.__contains__(each, _CHARACTER_SET):
                raw = Elements.raw(each, _CHARACTER_SET)
                return encodings_of(decode_value("CS", raw, tag=_CHARACTER_SET))
        return DEFAULT_ENCODINGS

    def sequence(self, tag: int) -> EncodedSequence[Self]:
        """Return the items of a sequence: the same list as long as somebody has it.

        Raises
        ------
        KeyError
            When the element is not there.
        EncodedDatasetError
            When it is no sequence, or a broken one.
        """
        kept = self._sequences.get(tag) if self._sequences is not None else None
        sequence = kept() if kept is not None else None
        if sequence is None:
            sequence = EncodedSequence(self, tag, self.source(tag))
            self._keep(tag, sequence)
        return sequence

    def _keep(self, tag: int, sequence: EncodedSequence[Self]) -> None:
        if self._sequences is None:
            self._sequences = {}
        self._sequences[tag] = ref(sequence)

    def locate(self, key: Any) -> tuple[Self, int]:
        """Find the data set or item that a key leads to, and the tag of the element in it.

        The element need not be there; what is around it must be.

        Raises
        ------
        KeyError, IndexError
            When a sequence, an item or a private creator is not there.
        ValueError
            When it is no key, or the path ends with an item.
        """
        parsed = parse_key(key)
        if isinstance(parsed, int):
            return self, parsed
        if parsed.last is None:
            raise ValueError(f"{key!r} is an item: an element is expected")
        holder = self._item_at(parsed)
        return holder, holder.tag_of(parsed.last)

    def _item_at(self, path: Path) -> Self:
        holder = self
        for name, number in path.steps:
            holder = holder.sequence(holder.tag_of(name))[number]
        return holder

    def tag_of(self, name: Name) -> int:
        """Return the tag of an element that may be named by its private creator (PS3.5 7.8.1).

        Raises
        ------
        KeyError
            When the creator has no block in this data set.
        """
        if isinstance(name, int):
            return name
        block = self._block_of(name)
        if block is None:
            raise KeyError(str(name))
        return name.group << 16 | block << 8 | name.element

    def _block_of(self, name: PrivateElement) -> int | None:
        first = name.group << 16
        for tag in self.tags():
            if first | _FIRST_BLOCK <= tag <= first | _LAST_BLOCK and self._creator_at(tag) == name.creator:
                return tag & 0xFF
        return None

    def _creator_at(self, tag: int) -> str:
        return str(decode_value("LO", Elements.raw(self, tag), encodings=self.encodings())).strip()

    # --- edits ---

    def replace(self, tag: int, encoded: Any) -> None:
        """Put an encoded element in the place of one with its tag, insert it, or delete that (None)."""
        Elements.replace(self, tag, encoded)
        if self._sequences:
            self._sequences.pop(tag, None)
        if self._within is not None and self._entry is not None:
            self._within.item_has_changed(self._entry, self)

    def sequence_has_changed(self, tag: int, sequence: EncodedSequence[Self]) -> None:
        """Note that a sequence or one of its items has been edited."""
        kept = self._sequences.get(tag) if self._sequences is not None else None
        if kept is None or kept() is not sequence:
            return  # another element is in its place
        Elements.replace(self, tag, sequence)
        if self._within is not None and self._entry is not None:
            self._within.item_has_changed(self._entry, self)

    def set(self, key: Any, value: Any, vr: str | None = None, *, validate: bool = False) -> None:
        """Set an element, whether or not it is there.

        Parameters
        ----------
        key
            Which one. A private creator that is not there gets a block. With a path that ends with an item
            number, the item is replaced.
        value
            What pydicom takes as its value; for a sequence a list of items (see `EncodedSequence`).
        vr
            Its VR; by default the one that it has, else the dictionary's.
        validate
            Whether a value that the standard does not allow for the VR is an error.

        Raises
        ------
        ValueError
            When it is no key, nothing tells its VR, or the value cannot be encoded. Nothing has changed.
        KeyError, IndexError
            When a sequence or an item on the path is not there.
        """
        tag = KEYWORDS.get(key) if type(key) is str else None
        if tag is None:
            parsed = parse_key(key)
            if isinstance(parsed, Path):
                self._set_at(parsed, value, vr, validate)
                return
            tag = parsed
        if vr is None:
            vr = self._vr_to_set(tag)
        if vr == "SQ":
            self._set_items(tag, value)
            return
        is_there = Elements.__contains__(self, tag)
        encoded = encode_element(
            tag,
            vr,
            value,
            self.is_implicit,
            self.is_big_endian,
            encodings=DEFAULT_ENCODINGS if _is_plain(value) else self.encodings(),
            validate=validate,
            has_undefined_length=is_there and self.has_undefined_length(tag) and self.is_encapsulated(tag),
        )
        if tag == _CHARACTER_SET:
            mapping.recode(self, value)
        self.replace(tag, encoded)

    def _set_at(self, path: Path, value: Any, vr: str | None, validate: bool) -> None:
        if path.last is None:
            *outer, (name, number) = path.steps
            holder = self._item_at(Path(tuple(outer), None))
            holder.sequence(holder.tag_of(name))[number] = value
            return
        holder = self._item_at(path)
        name = path.last
        if isinstance(name, PrivateElement) and holder._block_of(name) is None:
            holder._reserve_block(name)
        holder.set(holder.tag_of(name), value, vr, validate=validate)

    def _reserve_block(self, name: PrivateElement) -> None:
        """Insert a private creator in the first free block of its group."""
        first = name.group << 16
        for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1):
            if not Elements.__contains__(self, first | block):
                self.set(first | block, name.creator, "LO")
                return
        raise ValueError(f"{name}: all blocks of the group are taken")

    def _set_items(self, tag: int, value: Any) -> None:
        if isinstance(value, str | bytes | Mapping | Elements) or not hasattr(value or (), "__iter__"):
            raise ValueError(
                f"{name_of(tag)}: a sequence is set to a list of items, not {type(value).__name__}"
            )
        sequence = EncodedSequence(self, tag, None)
        sequence.extend(value or ())
        self.replace(tag, sequence)
        self._keep(tag, sequence)

    def _vr_to_set(self, tag: int) -> str:
        """Return the VR of an element that is to be set."""
        is_there = Elements.__contains__(self, tag)
        vr = Elements.vr(self, tag) if is_there else "UN"
        if vr == "UN":
            vr = _VRS.get(tag) or self._known_vr(tag, vr if is_there else None)
        return decided_vr(vr, self, tag, tuple(self.around())) if len(vr) > 2 else vr

    def _known_vr(self, tag: int, vr: str | None) -> str:
        """Return the VR that the dictionaries have for a tag, else the given one."""
        group, element = tag >> 16, tag & 0xFFFF
        try:
            if not group & 1:
                _VRS[tag] = dictionary_VR(tag)
                return _VRS[tag]
            if _FIRST_BLOCK <= element <= _LAST_BLOCK:
                return "LO"
            creator = group << 16 | element >> 8
            if Elements.__contains__(self, creator):
                return private_dictionary_VR(tag, self._creator_at(creator))
        except KeyError:
            pass
        if not element:
            return "UL"
        if vr is None:
            raise ValueError(f"{name_of(tag)} is not in the dictionary: give its VR")
        return vr

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set an element; see `set`."""
        tag = KEYWORDS.get(key) if type(key) is str else None
        if tag is None or not set_plain(self, tag, value):
            self.set(key, value)
        elif self._within is not None and self._entry is not None:
            self._within.item_has_changed(self._entry, self)

    def __delitem__(self, key: Any) -> None:
        """Delete an element, or the item that a path ends with."""
        parsed = parse_key(key)
        if isinstance(parsed, Path) and parsed.last is None:
            *outer, (name, number) = parsed.steps
            holder = self._item_at(Path(tuple(outer), None))
            del holder.sequence(holder.tag_of(name))[number]
            return
        holder, tag = self.locate(key)
        if not Elements.__contains__(holder, tag):
            raise KeyError(key)
        holder.replace(tag, None)

    # --- over everything ---

    def map(self, function: Callable[[Self, int], Any], pattern: str | Pattern[str] = "") -> None:
        """Set each element to what a function makes of it, in sequences too; see `mapping.map_elements`."""
        mapping.map_elements(self, function, pattern)

    def keep(self, pattern: str | Pattern[str]) -> int:
        """Delete all elements but those whose tags match; see `mapping.keep`."""
        return mapping.keep(self, pattern)

    def remove(self, pattern: str | Pattern[str]) -> int:
        """Delete all elements whose tags match, in sequences too; see `mapping.remove`."""
        return mapping.remove(self, pattern)

    def remove_private(self) -> int:
        """Delete all elements of odd groups, in sequences too; return how many."""
        return mapping.remove_private(self)

    def remap_uids(self, uids: Mapping[str, str] | Callable[[str], str]) -> int:
        """Replace UIDs everywhere, in sequences too; see `mapping.remap_uids`."""
        return mapping.remap_uids(self, uids)

    def fix_group_lengths(self) -> int:
        """Set all group lengths that there are to what they should be; see `mapping.fix_group_lengths`."""
        return mapping.fix_group_lengths(self)

    # --- results ---

    def to_bytes(self) -> bytes:
        """Return the data set in one piece, with its edits."""
        return b"".join(self.buffers())

    def write(self, target: str | PathLike[str] | BinaryIO) -> None:
        """Write a DICOM file with File Meta Information, by path or to an open file; see `writing.write`."""
        write(self, target)


def _is_plain(value: Any) -> bool:
    """Return whether a value is encoded alike in all character sets."""
    return value.isascii() if isinstance(value, str) else isinstance(value, int | float | bytes | None)
