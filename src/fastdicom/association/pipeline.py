"""The order of events when many objects are stored over one association, without any input or output.

A `Pipeline` says what to do next, and is told what came of it. Each item that it is given comes out once,
with what has become of it. At most as many objects are under way as the window has room for, and one more is
ready.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from enum import Enum
from typing import Any, Generic, TypeVar

from fastdicom.dimse.results import StatusDataset
from fastdicom.services.outcomes import Outcome, Stored, answered, unanswered

Item = TypeVar("Item")


class Step(Enum):
    """What to do next."""

    ASK = "ask for the next item: `add`, `fail`, `refuse` or `exhaust` follows"
    SEND = "send what `ready` is: `begin` follows, or `hold`"
    TELL = "tell what `take` returns"
    WAIT = "wait for a response: `answer` follows, or `break_off`"
    END = "nothing is left"


class Pipeline(Generic[Item]):
    """Items on their way.

    Parameters
    ----------
    window
        How many may be under way at once.

    Attributes
    ----------
    is_broken
        Whether nothing more can be sent.
    ready
        The next item to be sent, and what was prepared of it; None when there is none.
    """

    def __init__(self, window: int) -> None:
        self.is_broken = False
        self.ready: tuple[Item, Any] | None = None
        self._window = window
        self._under_way: dict[Hashable, Item] = {}
        self._told: deque[Stored[Item]] = deque()
        self._failure: Exception | None = None
        self._is_exhausted = False
        self._is_held = False

    @property
    def step(self) -> Step:
        """What to do next: the window is kept full, then results are told, then one object is made ready."""
        if not self.is_broken:
            is_full = self._is_held or len(self._under_way) >= self._window
            if self.ready is not None and not is_full:
                return Step.SEND
            if not (is_full or self._is_exhausted):
                return Step.ASK
        if self._told:
            return Step.TELL
        if self.ready is None and not self._is_exhausted:
            return Step.ASK
        return Step.WAIT if self._under_way else Step.END

    @property
    def under_way(self) -> list[Hashable]:
        """The keys of what has been sent and not been answered."""
        return list(self._under_way)

    # Items come.

    def add(self, item: Item, prepared: Any) -> None:
        """Take an item that is ready to be sent."""
        self.ready = item, prepared

    def fail(self, item: Item, error: Exception) -> None:
        """Take an item that cannot be sent, for a reason of its own."""
        self._told.append(unanswered(item, Outcome.FAILED, error))

    def turn_down(self, item: Item) -> None:
        """Take an item that is not to be sent: who prepared it was interrupted."""
        self._told.append(unanswered(item, Outcome.NOT_SENT, None))

    def refuse(self, item: Item) -> None:
        """Take an item after the association broke."""
        self._told.append(unanswered(item, Outcome.NOT_SENT, self._failure))

    def exhaust(self) -> None:
        """Take note that there are no more items."""
        self._is_exhausted = True

    def stop(self) -> None:
        """Take note that no more items are wanted; one that is ready is not sent."""
        self.exhaust()
        self._return_ready(None)

    # Items go.

    def hold(self) -> None:
        """Take note that others use what is left of the window: nothing is sent before the next response."""
        self._is_held = True

    def begin(self, key: Hashable) -> None:
        """Take note that what is ready is being sent; `key` is for its response."""
        if self.ready is not None:
            self._under_way[key] = self.ready[0]
            self.ready = None

    def fail_begun(self, key: Hashable, error: Exception) -> None:
        """Take note that it cannot be sent, for a reason of its own: nothing has been sent."""
        self.fail(self._under_way.pop(key), error)

    def lose(self, key: Hashable, error: Exception | None) -> None:
        """Take note that its response will not be known."""
        self._told.append(unanswered(self._under_way.pop(key), Outcome.UNKNOWN, error))

    def answer(self, key: Hashable, status: StatusDataset) -> None:
        """Take note of a response."""
        self._is_held = False
        self._told.append(answered(self._under_way.pop(key), status))

    def break_off(self, error: Exception, unsent: Hashable | None = None) -> None:
        """Take note that the association is over; of `unsent` not all had been sent."""
        self.is_broken = True
        self._failure = error
        partly_sent = [] if unsent is None else [self._under_way.pop(unsent)]
        for key in self.under_way:
            self.lose(key, error)
        for item in partly_sent:
            self.refuse(item)
        self._return_ready(error)

    def take(self) -> Stored[Item]:
        """Return what has become of an item, each of them once."""
        return self._told.popleft()

    def _return_ready(self, error: Exception | None) -> None:
        if self.ready is not None:
            self._told.append(unanswered(self.ready[0], Outcome.NOT_SENT, error))
            self.ready = None
