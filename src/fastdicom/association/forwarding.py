"""Passing an object on while it comes in: `forward`, for a handler of EVT_C_STORE_HEADER.

What has come goes out at once, re-fragmented to each peer's maximum length and else as it is; no more is kept
than what a destination has not taken yet. The sender is answered once as many destinations have confirmed as
is asked for. Where the sender ends in the middle, the associations with the destinations are aborted: nobody
stores half an object.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydicom.dataset import Dataset

from fastdicom._core.buffer import Buffer
from fastdicom.association.delivery import Delivered, Delivery, Lane, Slow
from fastdicom.errors import AssociationError
from fastdicom.events import StoreHeaderEvent
from fastdicom.log import get_logger
from fastdicom.services.storage import OUT_OF_RESOURCES

if TYPE_CHECKING:
    from fastdicom.association.association import Association

LOGGER = get_logger(__name__)

Answer = Literal["all", "any", "none"]
ANSWERS = get_args(Answer)
POLICIES = get_args(Slow)

# How much of an object is taken on at once, in bytes, when it comes fast: it stays in the processor's cache.
PIECE_LENGTH = 256 << 10

# What may wait for one destination, in bytes.
BUFFER = 4 << 20

SUCCESS = 0x0000


def forward(
    event: StoreHeaderEvent,
    destinations: list[Any] | tuple[Any, ...] | Any,
    *,
    answer: Answer = "all",
    slow: Slow = "wait",
    buffer: int = BUFFER,
    on_end: Callable[[Forwarding], object] | None = None,
) -> Forwarding:
    """Pass an object on to other associations while it comes in. The handler returns what this returns.

    The handler of EVT_C_STORE is not called for it, and it is not kept.

    Parameters
    ----------
    event
        Of EVT_C_STORE_HEADER.
    destinations
        One or several: associations on which this side is SCU, or pools, from which one is borrowed. Each
        must have accepted the SOP class of the object in the transfer syntax that it comes in; else that
        destination fails, and nothing is sent to it.
    answer
        When the sender is answered: once ``"all"`` destinations have confirmed, once ``"any"`` has, or once
        the object has come, for ``"none"``. Success, or the warning of a destination. When not enough have
        confirmed: the failure status of a destination, or 0xA700 where none has answered.
    slow
        What happens when a destination is slower than the sender, and more than `buffer` waits for it:
        ``"wait"``, the sender has to wait, and with it the other destinations; ``"spill"``, more goes to a
        temporary file; ``"fail"``, the association with that destination is aborted, and the others go on.
    buffer
        What may wait for one destination in memory, in bytes; 4 MiB. One piece always may.
    on_end
        Called with what this returns once each destination has confirmed or failed; in any thread.

    Returns
    -------
    Forwarding
        With `results`.

    Raises
    ------
    ValueError
        When there is no destination, one is there twice, or an option is not one of those above.
    TypeError
        When the event is another one, or a destination neither an association nor a pool.
    """
    if not isinstance(event, StoreHeaderEvent):
        raise TypeError(f"forward is for EVT_C_STORE_HEADER, not {type(event).__name__}")
    if answer not in ANSWERS:
        raise ValueError(f"answer is {answer!r}; {', '.join(map(repr, ANSWERS))} are allowed")
    if slow not in POLICIES:
        raise ValueError(f"slow is {slow!r}; {', '.join(map(repr, POLICIES))} are allowed")
    if buffer < 1:
        raise ValueError(f"buffer is {buffer}; it must be positive")
    return Forwarding(event, _checked(destinations, event.assoc), answer, slow, buffer, on_end)


def _checked(destinations: Any, incoming: Association) -> list[Any]:
    """Return a list of destinations."""
    each = list(destinations) if isinstance(destinations, list | tuple) else [destinations]
    if not each:
        raise ValueError("there is no destination")
    for destination in each:
        is_usable = hasattr(destination, "send_c_store") or hasattr(destination, "association")
        if not is_usable or hasattr(destination, "__aenter__"):
            raise TypeError(
                f"a {type(destination).__module__}.{type(destination).__name__} is neither an association of "
                "threads nor a pool"
            )
        if destination is incoming:
            raise ValueError("an object cannot be passed on to where it comes from")
    if len({id(destination) for destination in each}) < len(each):
        raise ValueError("a destination is there twice")
    return each


class Forwarding:
    """An object on its way through; `forward` makes it.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid
        Of the object, as the request names them.
    """

    piece_length = PIECE_LENGTH

    def __init__(
        self,
        event: StoreHeaderEvent,
        destinations: list[Any],
        answer: Answer,
        slow: Slow,
        buffer: int,
        on_end: Callable[[Forwarding], object] | None,
    ) -> None:
        request = event._message
        self.sop_class_uid: str = request.command.get(0x0002, "")
        self.sop_instance_uid: str = request.command.get(0x1000, "")
        self._incoming = event.assoc
        self._answer = answer
        self._on_end = on_end
        self._changed = threading.Condition()
        transfer_syntax = event.context.transfer_syntax
        self._deliveries = [
            Delivery(destination, request.command, transfer_syntax, self._take_end)
            for destination in destinations
        ]
        # One that is waited for needs no thread of its own.
        self._is_direct = slow == "wait" and len(destinations) == 1
        self._waits = slow == "wait"
        self._lanes: list[Lane] = []
        if not self._is_direct:
            self._lanes = [Lane(delivery, slow, buffer, self._changed) for delivery in self._deliveries]
        self._pieces: list[Any] = []
        self._length = 0
        self._ended = 0
        self._is_begun = self._is_whole = self._is_broken = False

    # For users.

    @property
    def results(self) -> list[Delivered]:
        """What has become of it at each destination so far, in their order."""
        return [delivery.result for delivery in self._deliveries]

    @property
    def is_over(self) -> bool:
        """Whether each destination has confirmed it, or failed."""
        return self._ended == len(self._deliveries)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; False when that has taken longer than so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.is_over, timeout)

    # For who receives the object.

    @property
    def has_pieces(self) -> bool:
        """Whether some have come that have not been passed on."""
        return bool(self._pieces)

    def add(self, piece: Buffer) -> None:
        """Take note of a piece that has come."""
        if len(piece) and not self._is_broken:
            self._pieces.append(piece)
            self._length += len(piece)

    def pass_on(self) -> None:
        """Send what has come, or give it to who does."""
        pieces, self._pieces = self._pieces, []
        self._begin()
        self._give(pieces, is_last=False)

    def break_off(self) -> None:
        """Take note that the rest does not come: nothing half-written is to be confirmed. From any thread."""
        with self._changed:
            if self._is_whole or self._is_broken:
                return
            self._is_broken = True
            self._pieces = []
        error = AssociationError("the association that the object comes on ended in the middle of it")
        for delivery in self._deliveries:
            delivery.break_off(error)

    # For the service that answers.

    def conclude(self, rest: Buffer | None) -> int | Dataset:
        """Pass on the rest, and return the status for the sender, once it is to be answered."""
        with self._changed:
            if self._is_broken:
                return OUT_OF_RESOURCES
            self._is_whole = True
        if rest is not None:
            self.add(rest)
        pieces, self._pieces = self._pieces, []
        if self._length == 0:
            for delivery in self._deliveries:
                delivery.break_off(ValueError("the data set is empty"))
        elif self._length % 2:
            pieces.append(b"\0")  # some peers abort for an odd one (PS3.8 E.1, PS3.5 A.5)
        self._begin()
        self._give(pieces, is_last=True)
        del pieces, rest
        if self._is_direct and self._answer != "none":
            self._deliveries[0].await_response()
            status = self._deliveries[0].result.status
            if status is not None and status.Status == SUCCESS:  # nearly always
                return SUCCESS
        if not self._may_answer():
            with self._changed:
                self._changed.wait_for(self._may_answer)
        return self._status()

    def wind_up(self) -> None:
        """After the answer: wait for who has not confirmed it yet, so that no more and more are under way."""
        if self._is_direct:
            self._deliveries[0].await_response()
        elif self._waits:
            self.wait()
        else:
            self._incoming.sinks.take_along(self)

    # How it is done.

    def _begin(self) -> None:
        if self._is_begun:
            return
        self._is_begun = True
        if self._is_direct:
            if not self._deliveries[0].is_over:
                self._deliveries[0].begin()
        elif self._waits:
            # In the same order for all: who waits for one destination holds none that comes later.
            for delivery in sorted(self._deliveries, key=lambda each: id(each.destination)):
                if not delivery.is_over:
                    delivery.begin()
        for lane in self._lanes:
            lane.start(is_begun=self._waits)

    def _give(self, pieces: list[Any], *, is_last: bool) -> None:
        if not (pieces or is_last):
            return
        if self._is_direct:
            self._deliveries[0].send(pieces, is_last=is_last)
            return
        for lane in self._lanes:
            for piece in pieces:
                lane.put(piece)
            if is_last:
                lane.end()

    def _take_end(self) -> None:
        with self._changed:
            self._ended += 1
            self._changed.notify_all()
            is_over = self.is_over
        if is_over and self._on_end is not None:
            try:
                self._on_end(self)
            except Exception:
                LOGGER.exception("on_end of an object that was passed on raised")

    def _may_answer(self) -> bool:
        is_enough = self._answer == "any" and any(result.is_stored for result in self.results)
        return is_enough or self._answer == "none" or self.is_over

    def _status(self) -> int | Dataset:
        """Return the status for the sender."""
        results = self.results
        stored = [result.status for result in results if result.status is not None and result.is_stored]
        is_enough = {
            "all": len(stored) == len(results),
            "any": bool(stored),
            "none": any(result.is_stored or not result.is_over for result in results),
        }[self._answer]
        if is_enough and self._answer == "none":
            return SUCCESS
        if is_enough:  # one with a warning, if there is one and all are asked for
            return next((status for status in stored if status.Status != SUCCESS), SUCCESS)
        failed = [result.status for result in results if not result.is_stored]
        return next((status for status in failed if status is not None), OUT_OF_RESOURCES)
