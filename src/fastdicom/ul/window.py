"""How many operations may be outstanding at once: the asynchronous operations window, PS3.7 D.3.3.3.

A window is a pair as in the sub-item: what the requestor may invoke, and what it performs; 0 is no limit.
Both A-ASSOCIATE PDUs speak of the requestor, so the acceptor sees the pair the other way round. Without a
question or without an answer the window is 1 and 1: synchronous.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from fastdicom.ul.items import AsynchronousOperationsWindowNegotiation, Item

__all__ = ["SYNCHRONOUS", "Window", "agreed_window", "build_async_ops", "smaller_window", "window_in"]

Window: TypeAlias = tuple[int, int]  # invoked and performed by the requestor

SYNCHRONOUS: Window = (1, 1)
MOST_OPERATIONS = 0xFFFF  # two bytes


def build_async_ops(invoked: int = 1, performed: int = 1) -> AsynchronousOperationsWindowNegotiation:
    """Return an item that proposes an asynchronous operations window, for ``ext_neg=``.

    Parameters
    ----------
    invoked
        How many operations this side wants to have outstanding at once; 0 for no limit.
    performed
        How many operations of the peer this side takes at once; 0 for no limit.

    Raises
    ------
    ValueError
        When a number is not one of 0 to 65535.
    """
    for name, number in (("invoked", invoked), ("performed", performed)):
        if not 0 <= number <= MOST_OPERATIONS:
            raise ValueError(f"{name} is {number}; 0 to {MOST_OPERATIONS} are allowed")
    return AsynchronousOperationsWindowNegotiation(invoked, performed)


def window_in(user_information: Iterable[Item]) -> Window | None:
    """Return the window that an A-ASSOCIATE PDU speaks of; None when it does not."""
    for item in user_information:
        if isinstance(item, AsynchronousOperationsWindowNegotiation):
            return item.maximum_number_operations_invoked, item.maximum_number_operations_performed
    return None


def smaller_window(one: Window, other: Window) -> Window:
    """Return the window that fits into both, each of its numbers for itself."""
    # 0 is no limit, so where one is 0 the other counts
    invoked, performed = (min(p) if all(p) else max(p) for p in zip(one, other, strict=True))
    return invoked, performed


def agreed_window(rq_information: Iterable[Item], ac_information: Iterable[Item]) -> Window:
    """Return the window that both sides count on.

    Parameters
    ----------
    rq_information, ac_information
        The sub-items of the two A-ASSOCIATE PDUs. An answer that nobody asked for is ignored; one that is
        larger than what was proposed, which it may not be (PS3.7 D.3.3.3), is cut.
    """
    proposed = window_in(rq_information)
    answered = window_in(ac_information) if proposed is not None else None
    if proposed is None or answered is None:
        return SYNCHRONOUS
    return smaller_window(proposed, answered)
