"""Keys: what an element of an identifier asks for, compiled into a function of the values of a record.

A table by VR. A key whose value is no value of its VR is a `BadKey`; a key that matches everything is none
(PS3.4 C.2.2.2.3). Values of several are alternatives unless multiple value matching was agreed on: without it
PS3.4 leaves open what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import TypeVar

from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

from fastdicom.query.moments import Range, Span, date_range, moment_span, parse_moment, parse_time, time_span
from fastdicom.query.names import compile_fuzzy_name, compile_name
from fastdicom.query.options import Options
from fastdicom.query.values import values_of
from fastdicom.query.wildcards import compile_pattern, has_wildcard

Test = Callable[[str], bool]
T = TypeVar("T")

# PS3.4 C.2.2.2.4, without PN, whose wild cards are in `names`
WILDCARD_VRS = frozenset(["AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"])
# PS3.4 C.2.2.2.8
MULTIPLE_VALUE_VRS = frozenset(["AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"])
NUMBER_VRS = frozenset(["DS", "IS"])

# PS3.4 C.2.2.2.7
EMPTY = '""'


class BadKey(ValueError):
    """A key that cannot be matched.

    Attributes
    ----------
    tag
        Of the key.
    """

    def __init__(self, tag: BaseTag, message: str) -> None:
        super().__init__(message)
        self.tag = tag


class Kind(Enum):
    """The ways of matching, PS3.4 C.2.2.2, and that of person names."""

    SINGLE = "single value"
    UID = "list of UID"
    WILDCARD = "wild card"
    NAME = "person name"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    MOMENT = "date and time"
    EMPTY = "empty value"
    MULTIPLE = "multiple value"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that not everything matches.

    Attributes
    ----------
    tag, vr, kind
        What it is.
    values
        What it asks for.
    test
        Whether the values of a record match; there is at least one.
    dates, spans
        What each value stands for: those of VR DA, and those of VR TM and DT.
    """

    tag: BaseTag
    vr: str
    kind: Kind
    values: tuple[str, ...]
    test: Callable[[Sequence[str]], bool]
    dates: tuple[Range, ...] = ()
    spans: tuple[Span, ...] = ()


def compile_key(element: DataElement, options: Options, offset: int) -> Key | None:
    """Return the key that an element of an identifier is, None when everything matches it.

    Parameters
    ----------
    element
        No sequence.
    options
        How to match.
    offset
        Where moments are that do not say so, in minutes from UTC.

    Raises
    ------
    BadKey
        When its value is none of its VR.
    """
    vr, values = str(element.VR), tuple(values_of(element))
    if not values or any(not value.strip("*") for value in values):
        return None
    if options.empty_value and values == (EMPTY,):
        return Key(element.tag, vr, Kind.EMPTY, values, _never)
    if options.multiple_value and len(values) > 1 and vr in MULTIPLE_VALUE_VRS:
        tests = [_single(value, vr) for value in values]
        return Key(
            element.tag, vr, Kind.MULTIPLE, values, lambda found: all(any(map(t, found)) for t in tests)
        )
    compiler = _COMPILERS.get(vr)
    if compiler is not None:
        return compiler(element.tag, values, options, offset)
    if vr in WILDCARD_VRS and any(map(has_wildcard, values)):
        tests = [compile_pattern(value) for value in values]
        return Key(element.tag, vr, Kind.WILDCARD, values, _any(tests))
    # Numbers that are binary, tags and ages are compared as text; so are byte strings.
    return Key(element.tag, vr, Kind.SINGLE, values, _one_of(values))


def _never(_: Sequence[str]) -> bool:
    return False


def _single(value: str, vr: str) -> Test:
    return compile_name(value) if vr == "PN" else value.__eq__


def _any(tests: Sequence[Test]) -> Callable[[Sequence[str]], bool]:
    if len(tests) == 1:
        [test] = tests
        return lambda found: test(found[0]) if len(found) == 1 else any(map(test, found))
    return lambda found: any(test(value) for value in found for test in tests)


def _one_of(values: Sequence[str]) -> Callable[[Sequence[str]], bool]:
    wanted = frozenset(values)
    return lambda found: found[0] in wanted if len(found) == 1 else not wanted.isdisjoint(found)


def _uids(tag: BaseTag, values: tuple[str, ...], _: Options, __: int) -> Key:
    return Key(tag, "UI", Kind.UID, values, _one_of(values))


def _names(tag: BaseTag, values: tuple[str, ...], options: Options, _: int) -> Key:
    compiler = compile_fuzzy_name if options.fuzzy else compile_name
    return Key(tag, "PN", Kind.NAME, values, _any([compiler(value) for value in values]))


def _numbers(tag: BaseTag, values: tuple[str, ...], _: Options, __: int) -> Key:
    # PS3.4 C.2.2.2.1.4 leaves it open whether 7, 007 and +7 are the same; here they are.
    wanted = frozenset(map(_number, values))
    return Key(tag, "DS", Kind.NUMBER, values, lambda found: not wanted.isdisjoint(map(_number, found)))


def _number(value: str) -> float | str:
    try:
        number = float(value)
    except ValueError:
        return value
    return number if isfinite(number) else value


def _dates(tag: BaseTag, values: tuple[str, ...], _: Options, __: int) -> Key:
    ranges = tuple(_understood(tag, "DA", value, date_range(value)) for value in values)
    return Key(tag, "DA", Kind.DATE, values, _any([_date_test(one) for one in ranges]), dates=ranges)


def _date_test(wanted: Range) -> Test:
    first, last = wanted.first or "", wanted.last or "99999999"
    return lambda value: first <= value <= last and len(value) == 8 and value.isdecimal()


def _times(tag: BaseTag, values: tuple[str, ...], _: Options, __: int) -> Key:
    spans = tuple(_understood(tag, "TM", value, time_span(value)) for value in values)

    def test(found: Sequence[str]) -> bool:
        times = [time for time in map(parse_time, found) if time is not None]
        return any(span.holds(time[0]) for time in times for span in spans)

    return Key(tag, "TM", Kind.TIME, values, test, spans=spans)


def _moments(tag: BaseTag, values: tuple[str, ...], _: Options, offset: int) -> Key:
    spans = tuple(_understood(tag, "DT", value, moment_span(value, offset)) for value in values)
    return Key(tag, "DT", Kind.MOMENT, values, moment_test(spans, offset), spans=spans)


def moment_test(spans: Sequence[Span], offset: int) -> Callable[[Sequence[str]], bool]:
    """Return whether one of several DT values lies within one of the spans.

    Parameters
    ----------
    spans
        In UTC.
    offset
        Where values are that do not say so, in minutes from UTC.
    """

    def test(found: Sequence[str]) -> bool:
        moments = [
            moment for moment in (parse_moment(value, offset) for value in found) if moment is not None
        ]
        return any(span.holds(moment[0]) for moment in moments for span in spans)

    return test


def _understood(tag: BaseTag, vr: str, value: str, understood: T | None) -> T:
    if understood is None:
        raise BadKey(tag, f"{value[:40]!r} is neither a {vr} nor a range of them")
    return understood


_COMPILERS: dict[str, Callable[[BaseTag, tuple[str, ...], Options, int], Key]] = {
    "UI": _uids,
    "PN": _names,
    "IS": _numbers,
    "DS": _numbers,
    "DA": _dates,
    "TM": _times,
    "DT": _moments,
}
