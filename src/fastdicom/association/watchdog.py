"""The limit for handlers, `AE.handler_timeout`: one that hangs ends its operation, and the association.

A handler cannot be stopped. Its operation is answered with the status for a handler that fails, the
association is aborted, and the thread that runs the handler is free once that returns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, C_STORE_RQ
from fastdicom.events import Handler, RequestEvent
from fastdicom.log import get_logger
from fastdicom.services import finding, getting, moving, storage

if TYPE_CHECKING:
    from fastdicom.association.waiting import Waiting

LOGGER = get_logger(__name__)

# What the services answer when a handler raises; all others say that processing has failed (PS3.7 C.5.21).
FAILURES = MappingProxyType(
    {
        C_STORE_RQ: storage.HANDLER_FAILED,
        C_FIND_RQ: finding.HANDLER_FAILED,
        C_GET_RQ: getting.GET.handler_failed,
        C_MOVE_RQ: moving.MOVE.handler_failed,
    }
)
PROCESSING_FAILURE = 0x0110


class Watchdog:
    """Knows until when the handlers of an AE have time; its thread is there as long as one of them runs."""

    def __init__(self) -> None:
        self._turns: dict[Turn, float] = {}
        self._changed = threading.Condition()
        self._wakes_at: float | None = None  # None: there is no thread

    def begin(self, turn: Turn, limit: float) -> None:
        """Look after a handler that is about to run, for so many seconds."""
        deadline = monotonic() + limit
        with self._changed:
            self._turns[turn] = deadline
            if self._wakes_at is None:
                self._wakes_at = deadline
                threading.Thread(target=self._run, name="fastdicom-watchdog", daemon=True).start()
            elif deadline < self._wakes_at:
                self._changed.notify()

    def end(self, turn: Turn) -> None:
        """Take note that it has returned. If that is too late, wait until its association has ended."""
        with self._changed:
            is_in_time = self._turns.pop(turn, None) is not None
        if not is_in_time:
            turn.has_ended.wait()

    def _run(self) -> None:
        while True:
            with self._changed:
                now = monotonic()
                for turn in [turn for turn, deadline in self._turns.items() if deadline <= now]:
                    del self._turns[turn]
                    # The peer may be slow to take the answer, and there are others to look after.
                    threading.Thread(target=turn.give_up, name="fastdicom-give-up", daemon=True).start()
                self._wakes_at = min(self._turns.values(), default=None)
                if self._wakes_at is None:
                    return
                self._changed.wait(self._wakes_at - now)


class Turn:
    """The handler's turn in one operation; over and over again where it is a generator.

    Attributes
    ----------
    has_ended
        Set when the association has ended because the handler took too long.
    """

    def __init__(self, association: Waiting, message: Message, limit: float) -> None:
        self.has_ended = threading.Event()
        self._association = association
        self._message = message
        self._limit = limit

    def __enter__(self) -> None:
        self._association.ae.watchdog.begin(self, self._limit)

    def __exit__(self, *exception: object) -> None:
        self._association.ae.watchdog.end(self)

    def give_up(self) -> None:
        """Answer in place of the handler, and end the association."""
        text = "a handler has taken longer than handler_timeout, %s s: aborting"
        LOGGER.error(text, self._limit, extra=self._association.log_fields)
        self._association.timed_out = "handler"
        try:
            status = FAILURES.get(self._message.command.command_field, PROCESSING_FAILURE)
            self._association.give_up(self._message, status)
        finally:
            self.has_ended.set()


def watched(association: Waiting, handler: Handler, limit: float) -> Handler:
    """Return a handler that does the same, with a limit for how long it takes.

    Parameters
    ----------
    association
        Whose requests it answers.
    handler
        The handler. Where it is a generator the limit is for each of its results.
    limit
        In seconds.
    """

    def call(event: Any, *arguments: Any) -> Any:
        if not isinstance(event, RequestEvent):  # there is no operation yet, and ARTIM runs
            return handler(event, *arguments)
        turn = Turn(association, event._message, limit)
        with turn:
            result = handler(event, *arguments)
        return _each_watched(result, turn) if hasattr(result, "__next__") else result

    return call


def _each_watched(results: Iterator[Any], turn: Turn) -> Iterator[Any]:
    close: Callable[[], object] = getattr(results, "close", bool)
    try:
        while True:
            with turn:
                try:
                    result = next(results)
                except StopIteration:
                    return
            yield result
    finally:
        with turn:
            close()
