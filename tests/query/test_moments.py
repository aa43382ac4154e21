"""Dates, times and moments: the forms of ranges, precision, and offsets from UTC."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.query.moments import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Range,
    Span,
    date_range,
    moment_span,
    parse_moment,
    parse_offset,
    parse_time,
    shift,
    time_span,
)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("20060705", Range("20060705", "20060705", is_range=False)),
        ("20060705-20060707", Range("20060705", "20060707")),
        ("20060705 - 20060707", Range("20060705", "20060707")),
        ("-20060707", Range(None, "20060707")),
        ("20060705-", Range("20060705", None)),
        ("-", None),
        ("2006", None),
        ("20060705-2006", None),
        ("1-2-3", None),
        ("٢٠٠٦٠٧٠٥", None),
    ],
)
def test_dates(key: str, meant: Range | None) -> None:
    assert date_range(key) == meant


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("2230", Span(22 * HOUR + 30 * MINUTE, 22 * HOUR + 31 * MINUTE - 1, is_range=False)),
        ("10-12", Span(10 * HOUR, 13 * HOUR - 1)),
        ("100000.5-", Span(10 * HOUR + SECOND // 2, None)),
        ("-235960", Span(None, 23 * HOUR + 59 * MINUTE + 61 * SECOND - 1)),
        ("24", None),
        ("1060", None),
        ("100", None),
        ("-", None),
    ],
)
def test_times(key: str, meant: Span | None) -> None:
    assert time_span(key) == meant


def test_a_fraction_is_as_precise_as_it_is_long() -> None:
    assert parse_time("000000.5") == (500_000, 599_999)
    assert parse_time("000000.123456") == (123_456, 123_456)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("2020", "20200101000000", "20201231235959.999999"),
        ("202002", "20200201000000", "20200229235959.999999"),
        ("202012", "20201201000000", "20201231235959.999999"),
        ("20200101-20200102", "20200101000000", "20200102235959.999999"),
        ("2020010110-", "20200101100000", None),
        ("-2020010110", None, "20200101105959.999999"),
        ("20200101120000+0200", "20200101100000", "20200101100000.999999"),
        ("20200101120000-0500", "20200101170000", "20200101170000.999999"),
        ("20200101120000-0500-20200101130000-0500", "20200101170000", "20200101180000.999999"),
        ("20200101120000-0500-", "20200101170000", None),
        ("-20200101120000-0500", None, "20200101170000.999999"),
        ("2019-2020", "20190101000000", "20201231235959.999999"),
    ],
)
def test_moments(key: str, first: str | None, last: str | None) -> None:
    span = moment_span(key, 0)
    assert span is not None
    ends = [None if end is None else parse_moment(end, 0) for end in (first, last)]
    assert span[:2] == (ends[0] and ends[0][0], ends[1] and ends[1][1])


@pytest.mark.parametrize("key", ["", "-", "0000", "20201301", "20200230", "20200101+9900", "1-2-3-4-5", "x"])
def test_what_is_no_moment(key: str) -> None:
    assert moment_span(key, 0) is None


def test_a_moment_without_an_offset_is_where_it_is_said_to_be() -> None:
    assert parse_moment("20200101", 60) == parse_moment("20200101+0100", 0)


@pytest.mark.parametrize(
    ("text", "minutes"), [("+0000", 0), ("-0330", -210), ("+1400", 840), ("-1201", None), ("0100", None)]
)
def test_offsets(text: str, minutes: int | None) -> None:
    assert parse_offset(text) == minutes


@given(st.integers(0, DAY - 1), st.integers(-1560, 1560))
def test_shifting_there_and_back(time: int, minutes: int) -> None:
    day, later = shift("20200229", time, minutes)
    assert 0 <= later < DAY
    assert shift(day, later, -minutes) == ("20200229", time)
    assert shift("00010101", 0, -1)[0] == "00010101"


@given(st.text("0123456789-+. *x", max_size=30))
def test_any_text_is_understood_or_not(text: str) -> None:
    for parse in (date_range, time_span, lambda key: moment_span(key, 0)):
        parse(text)
