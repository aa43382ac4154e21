"""An identifier, compiled once and compared with many records (PS3.4 C.2.2.2).

Specific Character Set, Query/Retrieve Level and View, and Timezone Offset From UTC are never matched: they
say how the others are to be read. Group lengths are no keys, and private attributes are not supported.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from fastdicom.query.keys import BadKey, Key, Kind, compile_key, moment_test
from fastdicom.query.models import tag_of
from fastdicom.query.moments import parse_offset
from fastdicom.query.options import DEFAULT_LIMITS, DEFAULT_OPTIONS, Options
from fastdicom.query.pairs import Pair, pair_up
from fastdicom.query.values import Elements, values_of

CHARACTER_SET = tag_of("SpecificCharacterSet")
LEVEL = tag_of("QueryRetrieveLevel")
VIEW = tag_of("QueryRetrieveView")
TIMEZONE = tag_of("TimezoneOffsetFromUTC")

# PS3.4 C.4.1.1.3.1: these are in an identifier, but are no keys
NOT_KEYS = frozenset([CHARACTER_SET, LEVEL, VIEW, TIMEZONE])

# Keys that sort out most records at the least cost come first.
_ORDER = {kind: number for number, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Asked:
    """An attribute that the answer has: its tag, its VR, and what is asked of the items of a sequence."""

    tag: BaseTag
    vr: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What an identifier, or an item of a sequence in it, asks for."""

    asked: tuple[Asked, ...]
    keys: tuple[Key, ...]
    pairs: tuple[Pair, ...]
    sequences: tuple[Asked, ...]

    @property
    def is_universal(self) -> bool:
        """Whether everything matches."""
        return not (self.keys or self.pairs or self.sequences)


@dataclass(slots=True)
class Compiler:
    """Turns a Dataset of keys into an `Item`.

    Attributes
    ----------
    options
        How to match.
    offset
        Of the identifier, in minutes from UTC; None when it has none, or none was agreed on.
    unsupported
        What was left out.
    """

    options: Options
    offset: int | None
    unsupported: list[BaseTag] = field(default_factory=list)

    @property
    def default_offset(self) -> int:
        """Where moments are that do not say so."""
        return self.offset if self.offset is not None else self.options.local_offset or 0

    def compile(self, dataset: Dataset, supported: frozenset[BaseTag] | None = None, depth: int = 0) -> Item:
        """Compile an identifier, or an item of depth 1 and more in it.

        Raises
        ------
        BadKey
            When a key is not understood.
        """
        asked, keys, sequences = [], [], []
        for tag in sorted(dataset.keys()):
            if tag in NOT_KEYS or tag.element == 0 or (tag.is_private and tag.is_private_creator):
                continue
            if tag.is_private or (supported is not None and tag not in supported):
                self.unsupported.append(tag)
                continue
            element = read(dataset, tag)
            if element.VR == "SQ":
                sequence = self._sequence(element, depth)
                asked.append(sequence)
                if any(not item.is_universal for item in sequence.items):
                    sequences.append(sequence)
                continue
            asked.append(Asked(tag, str(element.VR)))
            key = compile_key(element, self.options, self.default_offset)
            if key is not None:
                keys.append(key)
        pairs, keys = pair_up(keys, self.options, has_offset=self.offset is not None)
        keys.sort(key=lambda key: _ORDER[key.kind])
        return Item(tuple(asked), tuple(keys), tuple(pairs), tuple(sequences))

    def _sequence(self, element: DataElement, depth: int) -> Asked:
        if depth >= DEFAULT_LIMITS.depth:
            raise BadKey(element.tag, f"Sequences nest deeper than {DEFAULT_LIMITS.depth}")
        return Asked(element.tag, "SQ", tuple(self.compile(item, None, depth + 1) for item in element.value))


def read(dataset: Dataset, tag: BaseTag) -> DataElement:
    """Return an element of a peer, decoded."""
    try:
        return dataset[tag]
    except Exception as error:
        raise BadKey(tag, f"The value of {tag} cannot be decoded: {error}") from error


class Matcher:
    """An identifier that is compared with many records.

    Parameters
    ----------
    identifier
        Of a C-FIND, C-GET or C-MOVE; `check` has found nothing wrong with it.
    options
        What was agreed on.
    supported
        Keywords or tags of the attributes that are matched and returned; None for all. Others are left out
        (PS3.4 C.2.2.1.3).

    Raises
    ------
    ValueError
        When a key is no value of its VR, or sequences nest deeper than 8.

    Attributes
    ----------
    unsupported
        What is asked for and not supported; when there is any, answers have the status FF01.
    """

    __slots__ = ("_item", "_local_offset", "_offset", "_unknown", "identifier", "options", "unsupported")

    def __init__(
        self,
        identifier: Dataset,
        options: Options = DEFAULT_OPTIONS,
        supported: Collection[str | int] | None = None,
    ) -> None:
        self.identifier = identifier
        self.options = options
        compiler = Compiler(options, offset_of(identifier) if options.timezone else None)
        self._item = compiler.compile(identifier, None if supported is None else _tags(supported))
        self.unsupported = tuple(compiler.unsupported)
        self._offset = compiler.default_offset
        self._unknown = options.unknown_matches

    @property
    def item(self) -> Item:
        """What the identifier asks for, compiled."""
        return self._item

    def matches(self, record: Dataset) -> bool:
        """Return whether a record matches every key.

        Parameters
        ----------
        record
            An object, or what is known of an entity: with the attributes of the levels above, too.
        """
        return self.item_matches(self._item, record, self.record_offset(record))

    def record_offset(self, record: Dataset) -> int:
        """Return where the dates and times of a record are, in minutes from UTC."""
        if not self.options.timezone:
            return self._offset
        offset = offset_of(record)
        if offset is None:
            offset = self.options.local_offset
        return self._offset if offset is None else offset

    def item_matches(self, item: Item, record: Dataset, offset: int) -> bool:
        """Return whether a record, or an item in one, matches every key of an item."""
        elements = dict(record.items())
        for key in item.keys:
            if not self._key_matches(key, _values(record, elements, key.tag), offset):
                return False
        for pair in item.pairs:
            dates, times = _values(record, elements, pair.date_tag), _values(record, elements, pair.time_tag)
            if not pair.matches(dates, times, self._offset - offset, unknown_matches=self._unknown):
                return False
        for sequence in item.sequences:
            found = items_of(record, elements, sequence.tag)
            if not found:
                if not self._unknown:
                    return False
            elif not any(self.any_matches(sequence, one, offset) for one in found):
                return False
        return True

    def _key_matches(self, key: Key, values: Sequence[str], offset: int) -> bool:
        if not values:
            return self._unknown or key.kind is Kind.EMPTY
        if key.kind is Kind.MOMENT and offset != self._offset:
            return moment_test(key.spans, offset)(values)
        return key.test(values)

    def any_matches(self, sequence: Asked, record: Dataset, offset: int) -> bool:
        """Return whether an item in a record matches what is asked of items, or nothing is asked."""
        return not sequence.items or any(self.item_matches(item, record, offset) for item in sequence.items)


def _tags(supported: Collection[str | int]) -> frozenset[BaseTag]:
    return frozenset(tag_of(one) if isinstance(one, str) else Tag(one) for one in supported)


def _values(record: Dataset, elements: Elements, tag: BaseTag) -> Sequence[str]:
    element = elements.get(tag)
    if element is None:
        return ()
    return values_of(element if isinstance(element, DataElement) else record[tag])


def items_of(record: Dataset, elements: Elements, tag: BaseTag) -> Sequence[Dataset]:
    """Return the items of a sequence; none when there is no such sequence."""
    element = elements.get(tag)
    if element is None:
        return ()
    if not isinstance(element, DataElement):
        element = record[tag]
    return element.value if element.VR == "SQ" else ()


def offset_of(dataset: Dataset) -> int | None:
    """Return (0008,0201) Timezone Offset From UTC in minutes; None when there is none that makes sense."""
    values = values_of(dataset[TIMEZONE]) if TIMEZONE in dataset else []
    return parse_offset(values[0]) if len(values) == 1 else None


def matches(identifier: Dataset, record: Dataset, options: Options = DEFAULT_OPTIONS) -> bool:
    """Return whether a record matches every key of an identifier.

    For many records, make a `Matcher` once.

    Parameters
    ----------
    identifier, options
        As for `Matcher`.
    record
        As for `Matcher.matches`.

    Raises
    ------
    ValueError
        As `Matcher` does.
    """
    return Matcher(identifier, options).matches(record)
