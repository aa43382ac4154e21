"""The identifier of a response: what was asked for, and nothing else (PS3.4 C.4.1.1.3.2).

An attribute without a value is empty. Of a sequence the items that match are returned, and of these what was
asked for; all of it when no item was given. An answer may be changed, and the record stays as it is.
"""

from __future__ import annotations

from typing import TypeAlias

from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from fastdicom.query.charsets import VRS, character_sets, character_sets_for, text_values
from fastdicom.query.matching import CHARACTER_SET, LEVEL, TIMEZONE, Asked, Item, Matcher, items_of
from fastdicom.query.models import Model, tag_of
from fastdicom.query.options import DEFAULT_OPTIONS, Options
from fastdicom.query.values import values_of

# PS3.4 C.4.1.1.3.2: these are answered unasked, when the record has them
UNASKED = tuple(
    tag_of(keyword)
    for keyword in (
        "RetrieveAETitle",
        "InstanceAvailability",
        "StorageMediaFileSetID",
        "StorageMediaFileSetUID",
    )
)

Answered: TypeAlias = dict[BaseTag, DataElement | RawDataElement]


class Answerer:
    """Makes answers to one identifier.

    Parameters
    ----------
    matcher
        The identifier, compiled.
    model
        The information model: the answer has the unique keys of the levels above the one asked for, when the
        record has them (C.4.1.3.1.1). None for what was asked for alone.
    """

    __slots__ = ("_copied", "_level", "_matcher", "_sets")

    def __init__(self, matcher: Matcher, model: Model | None = None) -> None:
        identifier = matcher.identifier
        unasked = [*UNASKED, *_higher_unique_keys(identifier, model)] if LEVEL in identifier else []
        if TIMEZONE in identifier or matcher.options.timezone:
            unasked.append(TIMEZONE)
        self._matcher = matcher
        self._level = identifier.get(LEVEL)
        self._sets = character_sets(identifier)
        asked = {one.tag for one in matcher.item.asked}
        self._copied = tuple(tag for tag in unasked if tag not in asked)

    def answer(self, record: Dataset) -> Dataset:
        """Return the identifier that answers a record.

        Parameters
        ----------
        record
            One that matches.
        """
        texts: list[str] = []
        answered = self._answered(self._matcher.item, record, texts, self._matcher.record_offset(record))
        for tag in self._copied:
            # PS3.4 C.4.1.1.3.2: a time zone is never sent empty
            if tag in record and (tag != TIMEZONE or record[tag].value):
                answered[tag] = _copy(record[tag], texts)
        if self._level is not None:
            answered[LEVEL] = _copy(self._level, texts)
        if texts:
            sets = list(character_sets_for(texts, (self._sets, character_sets(record))))
            answered[CHARACTER_SET] = DataElement(CHARACTER_SET, "CS", sets if len(sets) > 1 else sets[0])
        return Dataset(answered)

    def _answered(self, item: Item, record: Dataset, texts: list[str], offset: int) -> Answered:
        elements = dict(record.items())
        answered: Answered = {}
        for asked in item.asked:
            tag = asked.tag
            if asked.vr == "SQ":
                found = items_of(record, elements, tag)
                chosen = [one for one in found if self._matcher.any_matches(asked, one, offset)]
                items = [self._item(asked, one, texts, offset) for one in chosen]
                answered[tag] = DataElement(tag, "SQ", Sequence(items))
                continue
            element = elements.get(tag)
            if element is None:
                answered[tag] = DataElement(tag, asked.vr, empty_value_for_VR(asked.vr))
            else:
                answered[tag] = _copy(element if isinstance(element, DataElement) else record[tag], texts)
        return answered

    def _item(self, asked: Asked, found: Dataset, texts: list[str], offset: int) -> Dataset:
        wanted = next((one for one in asked.items if self._matcher.item_matches(one, found, offset)), None)
        if wanted is None or not wanted.asked:
            return _whole(found, texts)
        return Dataset(self._answered(wanted, found, texts, offset))


def _higher_unique_keys(identifier: Dataset, model: Model | None) -> list[BaseTag]:
    number = None if model is None else model.level(str(identifier.get("QueryRetrieveLevel", "")))
    if model is None or number is None:
        return []
    return [tag for level in model.levels[:number] for tag in level.unique]


def _whole(item: Dataset, texts: list[str]) -> Dataset:
    """Return a copy of an item, with everything but its own character set."""
    return Dataset({tag: _copy(item[tag], texts) for tag in sorted(item.keys()) if tag != CHARACTER_SET})


def _copy(element: DataElement, texts: list[str]) -> DataElement:
    """Return a copy of an element; what has other characters than ASCII in it goes to `texts`."""
    vr, value = element.VR, element.value
    if vr == "SQ":
        return DataElement(element.tag, "SQ", Sequence([_whole(item, texts) for item in value]))
    if vr in VRS:
        found = text_values(element)
        texts.extend(found)
        if found and vr == "PN":
            # A PersonName keeps the bytes that it came in; the answer may be in another character set.
            return DataElement(element.tag, "PN", values_of(element))
    if type(value) is MultiValue or type(value) is list:
        return DataElement(element.tag, vr, list(value), already_converted=True)
    # What copy.copy does, at a fifth of its time: most of the work of an answer is here.
    copied = DataElement.__new__(DataElement)
    copied.__dict__.update(element.__dict__)
    return copied


def answer(
    identifier: Dataset, record: Dataset, options: Options = DEFAULT_OPTIONS, model: Model | None = None
) -> Dataset:
    """Return the identifier of the response for a record that matches.

    For many records, make an `Answerer` once.

    Parameters
    ----------
    identifier, options
        As for `Matcher`.
    record, model
        As for `Answerer`.

    Raises
    ------
    ValueError
        As `Matcher` does.
    """
    return Answerer(Matcher(identifier, options), model).answer(record)
