"""A date and the time that belongs to it, matched together (PS3.4 C.2.2.2.5.4, C.2.2.2.1.3).

They are when ranges of both are one range of moments, and when the identifier is in another time zone than
the record, so that a time may be of the day before or after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.tag import BaseTag, Tag

from fastdicom.query.keys import Key, Kind
from fastdicom.query.moments import DAY, MINUTE, Range, Span, is_date, parse_time, shift
from fastdicom.query.options import Options


@dataclass(frozen=True, slots=True)
class Pair:
    """A key of VR DA, one of VR TM, or both, and where the record has their values.

    Attributes
    ----------
    is_combined
        Whether both are one range of moments.
    """

    date_tag: BaseTag
    time_tag: BaseTag
    date: Key | None
    time: Key | None
    is_combined: bool

    def matches(
        self, dates: Sequence[str], times: Sequence[str], minutes: int, *, unknown_matches: bool
    ) -> bool:
        """Return whether a date and a time match.

        Parameters
        ----------
        dates, times
            The values of the record; of several, the first counts.
        minutes
            How much later it is where the identifier is.
        unknown_matches
            As in `Options`.
        """
        day = dates[0] if dates else None
        parsed = parse_time(times[0]) if times else None
        time = None if parsed is None else parsed[0]
        if minutes and time is not None:
            if day is not None:
                day, time = shift(day, time, minutes)
            else:
                time = (time + minutes * MINUTE) % DAY
        if (self.date is not None and day is None) or (self.time is not None and not times):
            if not unknown_matches or (self.is_combined and day is None):
                return unknown_matches
        elif self.is_combined:
            return self._holds(day, time)
        has_date = self.date is None or day is None or self.date.test([day])
        return has_date and (not times or self._has_time(time))

    def _has_time(self, time: int | None) -> bool:
        return self.time is None or (time is not None and any(span.holds(time) for span in self.time.spans))

    def _holds(self, day: str | None, time: int | None) -> bool:
        if day is None or time is None or not is_date(day) or self.date is None or self.time is None:
            return False
        dates, times = self.date.dates[0], self.time.spans[0]
        first, last = (dates.first or "", times.first or 0), (dates.last or "99999999", times.last or DAY)
        return first <= (day, time) <= last


def pair_up(keys: list[Key], options: Options, *, has_offset: bool) -> tuple[list[Pair], list[Key]]:
    """Return the pairs among keys, and the other keys.

    Parameters
    ----------
    keys
        Of one level of an identifier.
    options
        What was agreed on.
    has_offset
        Whether the identifier is in a time zone that was agreed to be minded: then every date and time has
        its other half.
    """
    by_tag = {key.tag: key for key in keys}
    pairs = []
    for key in keys:
        date_tag: BaseTag | None
        time_tag: BaseTag | None
        if key.kind is Kind.DATE:
            date_tag, time_tag = key.tag, partner(key.tag)
        elif key.kind is Kind.TIME:
            date_tag, time_tag = partner(key.tag), key.tag
        else:
            continue
        if date_tag is None or time_tag is None or (key.kind is Kind.TIME and date_tag in by_tag):
            continue  # the date has brought it
        date, time = by_tag.get(date_tag), by_tag.get(time_tag)
        is_combined = options.date_time and date is not None and time is not None and _same_form(date, time)
        if is_combined or has_offset:
            pairs.append(Pair(date_tag, time_tag, date, time, is_combined))
    paired = {key.tag for pair in pairs for key in (pair.date, pair.time) if key is not None}
    return pairs, [key for key in keys if key.tag not in paired]


def _same_form(date: Key, time: Key) -> bool:
    """Whether both are ranges that are open at the same end or at none; or both are values."""
    if len(date.dates) != 1 or len(time.spans) != 1:
        return False
    return _form(date.dates[0]) == _form(time.spans[0])


def _form(one: Range | Span) -> tuple[bool, bool, bool]:
    return one.first is None, one.last is None, one.is_range


@cache
def partner(tag: BaseTag) -> BaseTag | None:
    """Return the tag of the time that belongs to a date, or of the date that belongs to a time."""
    keyword = keyword_for_tag(tag)
    for own, other in (("Date", "Time"), ("Time", "Date")):
        if keyword.endswith(own):
            found = tag_for_keyword(keyword.removesuffix(own) + other)
            return None if found is None else Tag(found)
    return None
