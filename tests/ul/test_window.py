"""The asynchronous operations window: what both sides count on, whatever is proposed and answered."""

from __future__ import annotations

import pytest

from fastdicom.ul.items import AsynchronousOperationsWindowNegotiation, MaximumLengthNotification
from fastdicom.ul.window import agreed_window, build_async_ops, smaller_window


def items(window):
    others = [MaximumLengthNotification(0)]
    return others if window is None else [*others, AsynchronousOperationsWindowNegotiation(*window)]


@pytest.mark.parametrize(
    ("proposed", "answered", "agreed"),
    [
        (None, None, (1, 1)),
        ((8, 4), None, (1, 1)),  # no answer
        (None, (8, 4), (1, 1)),  # no question
        ((8, 4), (8, 4), (8, 4)),
        ((8, 4), (2, 1), (2, 1)),
        ((8, 4), (9, 5), (8, 4)),  # more than asked for, which may not be
        ((8, 4), (0, 0), (8, 4)),  # without limit is more as well
        ((0, 0), (0, 0), (0, 0)),
        ((0, 0), (3, 0), (3, 0)),
        ((1, 0), (0, 65535), (1, 65535)),
    ],
)
def test_what_is_agreed_on(proposed, answered, agreed):
    assert agreed_window(items(proposed), items(answered)) == agreed


def test_the_first_of_several_items_counts():
    assert agreed_window(items((8, 8)), items((2, 2)) + items((5, 5))) == (2, 2)


@pytest.mark.parametrize(("one", "other", "smaller"), [((0, 1), (2, 3), (2, 1)), ((4, 0), (3, 0), (3, 0))])
def test_zero_is_no_limit(one, other, smaller):
    assert smaller_window(one, other) == smaller_window(other, one) == smaller


def test_an_item_to_propose():
    assert build_async_ops(8) == AsynchronousOperationsWindowNegotiation(8, 1)
    assert build_async_ops(invoked=2, performed=0) == AsynchronousOperationsWindowNegotiation(2, 0)


@pytest.mark.parametrize("numbers", [(-1, 1), (1, 65536)])
def test_numbers_that_do_not_fit(numbers):
    with pytest.raises(ValueError, match="0 to 65535 are allowed"):
        build_async_ops(*numbers)
