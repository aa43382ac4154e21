"""The circuit breaker of a host, with a clock of the test's."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastdicom.pool import BackOff, BreakerState
from fastdicom.pool.breaker import Breaker

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN

PLAIN = BackOff(failures=3, shortest=1, longest=10, jitter=0)


def broken(back_off: BackOff = PLAIN, at: float = 0.0) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(back_off, Random(1))
    for _ in range(back_off.failures):
        assert breaker.state(at) is CLOSED
        breaker.begin(at)
        breaker.fail(at)
    assert breaker.state(at) is OPEN
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker(PLAIN, Random(1))
    for _ in range(10):
        breaker.fail(0)
        breaker.fail(0)
        breaker.succeed()
    assert breaker.state(0) is CLOSED
    assert breaker.may_try(0)
    broken()


def test_open_nothing_is_tried_until_it_is_half_open_and_then_one_attempt() -> None:
    breaker = broken()
    assert not breaker.may_try(0.999)
    assert breaker.retry_after(0.25) == 0.75
    assert breaker.state(1.0) is HALF_OPEN
    assert breaker.may_try(1.0)
    breaker.begin(1.0)
    assert not breaker.may_try(5.0)
    assert breaker.retry_after(5.0) == 0.0


def test_an_attempt_that_says_nothing_makes_room_for_another() -> None:
    breaker = broken()
    breaker.begin(1)
    breaker.give_up()
    assert breaker.may_try(1)


def test_each_time_it_opens_for_twice_as_long_up_to_a_limit() -> None:
    breaker, now, lengths = broken(), 0.0, []
    for _ in range(6):
        lengths.append(breaker.retry_after(now))
        now += lengths[-1]
        breaker.begin(now)
        breaker.fail(now)
    assert lengths == [1, 2, 4, 8, 10, 10]


def test_a_success_forgets_everything() -> None:
    breaker = broken()
    for _ in range(3):
        breaker.begin(100)
        breaker.fail(100)
        breaker.begin(200)
        breaker.accept()
        breaker.succeed()
    for _ in range(PLAIN.failures):
        assert breaker.may_try(300)
        breaker.fail(300)
    assert breaker.retry_after(300) == 1


def test_a_host_that_accepts_and_breaks_at_once_is_left_alone_for_longer_and_longer() -> None:
    breaker, now, lengths = broken(), 0.0, []
    for _ in range(3):
        now += breaker.retry_after(now)
        breaker.begin(now)
        breaker.accept()
        assert breaker.state(now) is CLOSED
        breaker.fail(now)
        lengths.append(breaker.retry_after(now))
    assert lengths == [2, 4, 8]


def test_what_fails_while_it_is_open_changes_nothing() -> None:
    breaker = broken()
    for _ in range(5):
        breaker.fail(0.5)
    assert breaker.retry_after(0.5) == 0.5


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(0))
def test_the_jitter_is_a_part_and_comes_from_the_random_source(times: int, jitter: float, seed: int) -> None:
    back_off = BackOff(shortest=1, longest=60, jitter=jitter)
    whole = min(2.0 ** min(times, 100), 60)
    duration = back_off.duration(times, Random(seed))
    assert whole * (1 - jitter) <= duration <= whole
    assert duration == back_off.duration(times, Random(seed))


@pytest.mark.parametrize(
    "arguments", [{"failures": 0}, {"shortest": -1}, {"longest": -1}, {"jitter": 1.5}, {"jitter": -0.5}]
)
def test_what_cannot_be(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        BackOff(**arguments)  # type: ignore[arg-type]
