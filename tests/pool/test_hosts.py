"""Which host the next association goes to."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fastdicom.pool import BackOff
from fastdicom.pool.breaker import Breaker
from fastdicom.pool.hosts import CEILING_LASTS, Host, choose, retry_after

BACK_OFF = BackOff(failures=1, shortest=5, longest=5, jitter=0)


def hosts(*loads: int) -> list[Host]:
    return [Host((f"host{n}", 104), Breaker(BACK_OFF, Random()), open=load) for n, load in enumerate(loads)]


def names(chosen: Sequence[Host | None]) -> list[str | None]:
    return [None if host is None else str(host.address[0]) for host in chosen]


def test_the_least_loaded_one_and_of_equal_ones_each_in_turn() -> None:
    all_hosts = hosts(2, 1, 2)
    assert names([choose(all_hosts, 0)]) == ["host1"]
    chosen = []
    for _ in range(7):
        host = choose(all_hosts, 0)
        assert host is not None
        host.open += 1
        host.opened += 1
        chosen.append(host)
    assert names(chosen) == ["host1", "host0", "host2", "host1", "host0", "host2", "host1"]


def test_what_is_being_opened_counts() -> None:
    first, second = all_hosts = hosts(0, 1)
    first.opening = 2
    assert choose(all_hosts, 0) is second


def test_broken_ones_are_left_out_until_they_may_be_tried() -> None:
    first, second = all_hosts = hosts(0, 5)
    first.breaker.fail(100)
    assert choose(all_hosts, 104.9) is second
    assert choose(all_hosts, 105) is first
    first.breaker.begin(105)
    assert choose(all_hosts, 105) is second
    second.breaker.fail(105)
    assert choose(all_hosts, 105) is None
    assert retry_after(all_hosts, 106) == 4


def test_those_that_have_been_tried_are_left_out() -> None:
    first, second = all_hosts = hosts(0, 5)
    assert choose(all_hosts, 0, [first]) is second
    assert choose(all_hosts, 0, all_hosts) is None


def test_one_that_takes_no_more_is_left_out_for_a_while() -> None:
    (host,) = all_hosts = hosts(2)
    host.refuse_more(10)
    assert choose(all_hosts, 10) is None
    assert retry_after(all_hosts, 20) == CEILING_LASTS - 10
    host.open = 1
    assert choose(all_hosts, 10) is host
    host.open = 2
    assert choose(all_hosts, 10 + CEILING_LASTS) is host


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=6))
def test_nobody_has_less_to_do_than_the_one_that_is_chosen(rows: list[tuple[int, bool]]) -> None:
    all_hosts = hosts(*(load for load, _ in rows))
    for host, (_, is_broken) in zip(all_hosts, rows, strict=True):
        if is_broken:
            host.breaker.fail(0)
    well = [load for load, is_broken in rows if not is_broken]
    chosen = choose(all_hosts, 0)
    assert (chosen is None) == (not well)
    if chosen is not None:
        assert chosen.open == min(well)
        assert chosen.breaker.may_try(0)
