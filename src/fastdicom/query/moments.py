"""Dates, times and moments (PS3.4 C.2.2.2.5): values with a range each, compared by their meaning.

A value is as long as its precision: the time ``10`` in a key is the hour from 10:00 until 11:00, and a range
ends with the end of its last value. A value in a record is taken as its beginning. Times are in microseconds
since midnight, moments in microseconds since the year 1; dates stay text, because ``YYYYMMDD`` sorts.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_DATE = re.compile(r"[0-9]{8}", re.ASCII)
_TIME = re.compile(r"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?", re.ASCII)
_MOMENT = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})([0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?)?)?)?"
    r"([+-][0-9]{4})?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})", re.ASCII)


class Range(NamedTuple):
    """From the first to the last, both included; None for an open end."""

    first: str | None
    last: str | None
    is_range: bool = True


class Span(NamedTuple):
    """The first and the last microsecond; None for an open end."""

    first: int | None
    last: int | None
    is_range: bool = True

    def holds(self, value: int) -> bool:
        """Whether a value lies within."""
        return (self.first is None or self.first <= value) and (self.last is None or value <= self.last)


def is_date(text: str) -> bool:
    """Whether this is a date as PS3.5 6.2 writes it, ``YYYYMMDD``."""
    return _DATE.fullmatch(text) is not None


def parse_offset(text: str) -> int | None:
    """Return an offset from UTC in minutes, from ``-1200`` to ``+1400``; None when it is none."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    minutes = -minutes if match[1] == "-" else minutes
    return minutes if -12 * 60 <= minutes <= 14 * 60 else None


@lru_cache(maxsize=4096)  # the same times come again and again
def parse_time(text: str) -> tuple[int, int] | None:
    """Return the first and the last microsecond of a time of day; None when it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction = match.groups()
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        return None
    first = int(hour) * HOUR + int(minute or 0) * MINUTE + int(second or 0) * SECOND
    if fraction is not None:
        first += int(fraction.ljust(6, "0"))
        return first, first + 10 ** (6 - len(fraction)) - 1
    length = SECOND if second is not None else MINUTE if minute is not None else HOUR
    return first, first + length - 1


def parse_moment(text: str, offset: int) -> tuple[int, int] | None:
    """Return the first and the last microsecond, in UTC, of a DT; None when it is none.

    Parameters
    ----------
    text
        The value.
    offset
        Where it is when it does not say so itself, in minutes from UTC.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day, time, suffix = match.groups()
    own = offset if suffix is None else parse_offset(suffix)
    if own is None:
        return None
    try:
        first_day = date(int(year), int(month or 1), int(day or 1)).toordinal()
        if month is None:
            days = date(int(year), 12, 31).toordinal() - first_day + 1
        elif day is None:
            days = 31 if month == "12" else date(int(year), int(month) + 1, 1).toordinal() - first_day
        else:
            days = 1
    except ValueError:
        return None
    within = (0, days * DAY - 1) if time is None else parse_time(time)
    if within is None:
        return None
    start = first_day * DAY - own * MINUTE
    return start + within[0], start + within[1]


def date_range(key: str) -> Range | None:
    """Return what a key of VR DA matches; None when it is no date and no range of dates."""
    text = key.replace(" ", "")
    first, dash, last = text.partition("-")
    if not dash:
        return Range(text, text, is_range=False) if is_date(text) else None
    if not (first or last) or not all(is_date(end) for end in (first, last) if end):
        return None
    return Range(first or None, last or None)


def time_span(key: str) -> Span | None:
    """Return what a key of VR TM matches; None when it is no time and no range of times."""
    text = key.replace(" ", "")
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    ends = [parse_time(end) if end else (None, None) for end in (first, last)]
    if not (first or last) or ends[0] is None or ends[1] is None:
        return None
    return Span(ends[0][0], ends[1][1], is_range=bool(dash))


def moment_span(key: str, offset: int) -> Span | None:
    """Return what a key of VR DT matches, in UTC; None when it is no moment and no range of moments.

    A "-" may be that of a range or that of an offset from UTC: it is that of a range if both sides make
    sense.

    Parameters
    ----------
    key
        The value.
    offset
        Where it is when it does not say so itself, in minutes from UTC.
    """
    text = key.replace(" ", "")
    dashes = [place for place, character in enumerate(text) if character == "-"]
    if len(dashes) > 3:
        return None
    for place in dashes:
        first, last = text[:place], text[place + 1 :]
        start = parse_moment(first, offset) if first else (None, None)
        end = parse_moment(last, offset) if last else (None, None)
        if not (first or last) or start is None or end is None:
            continue
        if start[0] is None or end[1] is None or start[0] <= end[1]:
            return Span(start[0], end[1])
    moment = parse_moment(text, offset)
    return None if moment is None else Span(*moment, is_range=False)


def shift(day: str, time: int, minutes: int) -> tuple[str, int]:
    """Return date and time of day so many minutes later; a date that is none stays as it is."""
    days, time = divmod(time + minutes * MINUTE, DAY)
    return shift_date(day, days), time


def shift_date(day: str, days: int) -> str:
    """Return the date so many days later; one that is none, or leaves the calendar, stays as it is."""
    try:
        ordinal = date(int(day[:4]), int(day[4:6]), int(day[6:8])).toordinal() + days
        return date.fromordinal(ordinal).strftime("%Y%m%d").rjust(8, "0")
    except (ValueError, OverflowError):
        return day
