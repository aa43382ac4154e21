"""The DIMSE operations that this side invokes: requests go out, their responses are awaited (PS3.7 9).

What is here is the same for every driver: it builds requests, matches responses, and bounds how long they may
take. Coroutines await what a driver provides; `waiting` has that for threads. As many operations are in
progress at once as have been negotiated; the others wait for their turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from fastdicom._core.command import encode_command
from fastdicom._core.exchange import Exchange, Goal, Inquiry, Invocation
from fastdicom._core.pdata import Message, Signal
from fastdicom.association import outgoing
from fastdicom.dimse.messages import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    HAS_DATA_SET,
    IS_RESPONSE,
    NO_DATA_SET,
)
from fastdicom.dimse.results import StatusDataset, no_answer, status_dataset
from fastdicom.errors import AssociationError, MessageError
from fastdicom.log import get_logger
from fastdicom.net.sinks import Sinks
from fastdicom.sop_class import Verification

if TYPE_CHECKING:
    from fastdicom.entity import Entity
    from fastdicom.ul.provider import Indication

LOGGER = get_logger("fastdicom.association")

# For who waits until the connection is closed.
NEVER = Goal()

VERIFICATION_UID = str(Verification)


def status_in(response: Message | None) -> StatusDataset:
    """Return the status in a response; an empty one for none."""
    return no_answer() if response is None else status_dataset(response.command)


Result = TypeVar("Result")


class Operations(ABC):
    """What an association needs to be an SCU."""

    # Attributes beyond some 30 would make all of an object's attributes slow to get at; these do not count.
    __slots__ = (
        "_exchange",
        "_is_ahead",
        "_is_closed",
        "_is_quiet",
        "_link",
        "_observes_messages",
        "_outgoing_contexts",
        "_patience",
        "_peer_maximum_length",
        "_unawaited",
        "_verification_context",
        "_waiting",
        "timed_out",
    )

    ae: Entity
    _is_established: bool
    _link: Any  # the connection, once there is one: the driver's
    _sinks: Sinks

    def __init__(self) -> None:
        self._exchange = Exchange()
        # The C-STORE of who has something else to do before it waits for the response.
        self._unawaited: dict[int, Invocation] = {}
        self._waiting = 0  # how many wait for something else than the network
        self._is_closed = False
        # The timeout that has ended it, unless it is one of the connection.
        self.timed_out: str | None = None
        self._is_quiet = False  # nothing has come, as far as `_receive` was to wait
        # The peer had sent more when our last response left: should that be a request, it came too early.
        self._is_ahead = False
        self._observes_messages = False
        self._verification_context: int | None = None
        self._peer_maximum_length = 0
        self._patience: float | None = None  # dimse_timeout, once it is established
        # (abstract syntax, transfer syntax) to the presentation context that we may be SCU on
        self._outgoing_contexts: dict[tuple[str, str], int] = {}

    def _echo_request(self, message_id: int | None) -> tuple[int, dict[int, Any]]:
        """Return the presentation context and the elements of a C-ECHO request."""
        if not self._is_established:
            self._check_established()
        if self._verification_context is None:
            raise ValueError(f"no accepted presentation context for Verification SOP Class ({Verification})")
        elements = {
            0x0002: VERIFICATION_UID,
            0x0100: C_ECHO_RQ,
            0x0110: message_id,
            0x0800: NO_DATA_SET,
        }
        return self._verification_context, elements

    def _store_request(
        self,
        prepared: outgoing.Outgoing,
        message_id: int | None,
        priority: int,
        originator_aet: str | None,
        originator_id: int | None,
    ) -> dict[int, Any]:
        """Return the elements of a C-STORE request."""
        return {
            0x0002: prepared.sop_class_uid,
            0x0100: C_STORE_RQ,
            0x0110: message_id,
            0x0700: priority,
            0x0800: HAS_DATA_SET,
            0x1000: prepared.sop_instance_uid,
            0x1030: originator_aet,
            0x1031: originator_id,
        }

    def _means(self) -> outgoing.Means:
        return outgoing.Means(self._outgoing_contexts, self.ae.buffer_pool, self.ae.transcoding)

    async def _begin(
        self, context_id: int, command_field: int, message_id: int | None, kind: type[Invocation]
    ) -> Any:
        """Begin an operation, of the given kind, once there is room for it."""
        while True:
            invocation = self._exchange.invoke(
                context_id, command_field, message_id, self._who(), monotonic(), kind
            )
            if invocation is not None:
                return invocation
            await self._make_room()
            self._check_established()

    async def _catch_up(self) -> bool:
        """Wait for the response that has been put off; tell whether there is one.

        A handler that is asked for the next object of a C-GET may ask the peer for something itself.
        """
        invocation = self._unawaited.pop(self._who(), None)
        if invocation is None:
            return False
        await self._response_to(invocation)  # which is kept
        return True

    def _finish(self, invocation: Invocation) -> None:
        """End an operation of ours, and tell those who wait for that."""
        self._exchange.end(invocation)
        if self._waiting:
            self._tell_all()

    async def _abandon(self, inquiry: Inquiry) -> None:
        """Ask the peer to cancel an operation whose responses nobody wants any more (PS3.7 9.3.2.3)."""
        inquiry.begun = monotonic()
        inquiry.is_abandoned = True
        inquiry.responses.clear()
        if inquiry.is_answered:
            self._finish(inquiry)
            return
        with suppress(AssociationError):  # the association has ended, and with it the operation
            await self._cancel_at_peer(inquiry.context_id, inquiry.message_id)

    async def _cancel_at_peer(self, context_id: int, message_id: int) -> None:
        elements = {0x0100: C_CANCEL_RQ, 0x0120: message_id, 0x0800: NO_DATA_SET}
        await self._send(context_id, encode_command(elements), None)

    async def _end_inquiries(self) -> None:
        """Have the peer cancel what has not been asked all responses of, and wait for that."""
        await self._catch_up()
        while True:
            inquiry = self._exchange.inquiry_of(self._who())
            if inquiry is None or self._is_closed:
                return
            if isinstance(inquiry, Inquiry) and not inquiry.is_abandoned:
                await self._abandon(inquiry)
            await self._reached(inquiry.ending)
            self._finish(inquiry)

    async def _ask(
        self, context_id: int, elements: dict[int, Any], data_set: Sequence[Any] | None
    ) -> Message | None:
        """Send a request and return its response; None when the association is gone."""
        return await self._response_to(await self._request(context_id, elements, data_set))

    async def _request(
        self,
        context_id: int,
        elements: dict[int, Any],
        data_set: Sequence[Any] | None,
        kind: type[Invocation] = Invocation,
    ) -> Any:
        """Send a request, once there is room for an operation of that kind.

        Its Message ID is chosen if the elements have none. When the association is gone there is nothing
        more to wait for.
        """
        invocation = await self._begin(context_id, elements[0x0100], elements[0x0110], kind)
        elements[0x0110] = invocation.message_id
        try:
            if not await self._send(context_id, encode_command(elements), data_set):
                await self._settled()
        except BaseException:
            self._finish(invocation)
            raise
        return invocation

    async def _response_to(self, invocation: Invocation) -> Message | None:
        """Return the response to a request that has been sent; None when the association is gone."""
        try:
            await self._reached(invocation)
        finally:
            self._finish(invocation)
        return invocation.response

    # What comes.

    def _take(self, happening: Message | Indication | Signal, *, waits: bool = True) -> Message | None:
        """Take note of what has happened on the connection; return it when it is a request."""
        if type(happening) is Message:
            if not happening.command.command_field & IS_RESPONSE:
                if self._exchange.is_invoking:
                    self._take_suboperation()
                return happening
            self._take_response(happening)
        elif happening is Signal.TIMED_OUT:
            self._is_quiet = not waits
            if waits:
                self.time_out()
        elif happening is Signal.QUIET:
            self._is_quiet = True
        elif not self.digest(happening):
            self._is_closed = True
            self._tell_all()
        return None

    def _take_response(self, message: Message) -> None:
        """Hand a response to who waits for it."""
        if self._observes_messages:
            self._tell_received(message)
        if self._sinks.received:  # what no response should have, and nobody asked for
            self._sinks.discard(message)
        self._is_ahead = False
        try:
            invocation = self._exchange.answer(message)
        except MessageError as error:
            LOGGER.error("aborting: %s", error, extra=self.log_fields)
            self._break_off()
            return
        if type(invocation) is Inquiry or len(self._exchange.invoked) > 1:
            self._note_progress(invocation)

    def _note_progress(self, invocation: Invocation) -> None:
        if not invocation.is_abandoned:  # that has to end, not to go on
            invocation.begun = monotonic()
            if len(self._exchange.invoked) == 1:
                return
        self._bound_patience()

    def _take_suboperation(self) -> None:
        """Take a request for progress of what the peer performs: a C-GET may show no other for long."""
        now = monotonic()
        for invocation in tuple(self._exchange.invoked.values()):
            if isinstance(invocation, Inquiry) and not invocation.is_abandoned:
                invocation.begun = now
        self._bound_patience()

    def _bound_patience(self) -> None:
        """Time out when something comes, but for one operation nothing has: that is no progress for it."""
        oldest = self._exchange.oldest()
        if self._patience is not None and oldest is not None and monotonic() - oldest > self._patience:
            self.time_out()

    def _is_in_time(self, begun: float) -> bool:
        return self._patience is None or monotonic() - begun < self._patience

    def time_out(self) -> None:
        """Do what is to be done when nothing has come for as long as may be."""
        if self._exchange.is_invoking:
            oldest = self._exchange.oldest()
            if self._link.is_streaming and oldest is not None and self._is_in_time(oldest):
                return  # it has not been asked for all of it yet
            text = "no response within dimse_timeout, %s s: aborting"
            LOGGER.error(text, self._patience, extra=self.log_fields)
            self.timed_out = "dimse"
            self._break_off()
        elif not self._exchange.performed and self._may_end_idle():  # who waits for us is not idle
            self.end_idle()

    # What the driver provides.

    @abstractmethod
    async def _send(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> bool:
        """Send a message; False when the association ended meanwhile."""

    @abstractmethod
    async def _reached(self, goal: Goal) -> None:
        """Wait until a goal is reached or the connection is closed."""

    @abstractmethod
    async def _settled(self) -> None:
        """Wait until the connection is closed, now that the association is over."""

    @abstractmethod
    async def _make_room(self) -> None:
        """Wait until an operation has ended, or may have."""

    @abstractmethod
    async def prepare_c_store(self, dataset: Any, transfer_syntax: str | None) -> outgoing.Outgoing:
        """Find out what is to be sent, for `begin_c_store`; raises what `send_c_store` does."""

    @abstractmethod
    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return what a function does that takes its time: it reads files, or decodes."""

    @abstractmethod
    def _who(self) -> int:
        """Return who waits: the thread, or the task."""

    @abstractmethod
    def _tell_all(self) -> None:
        """Have those who wait look whether what they wait for is so."""

    # What the association does for its operations.

    @property
    @abstractmethod
    def log_fields(self) -> dict[str, str]:
        """What log records say of the association."""

    @abstractmethod
    def _check_established(self) -> None:
        """Raise what ended the association, if something did."""

    @abstractmethod
    def _tell_sent(self, command: bytes, context_id: int) -> None:
        """Tell of a message that has been sent."""

    @abstractmethod
    def _tell_received(self, message: Message) -> None:
        """Tell of a message that has come."""

    @abstractmethod
    def digest(self, happening: Indication | Signal) -> bool:
        """Take note of something that is neither a message nor a timeout; False for a closed connection."""

    @abstractmethod
    def _may_end_idle(self) -> bool:
        """Whether it is for this side to end an association on which nothing comes."""

    @abstractmethod
    def end_idle(self) -> None:
        """End the association, as nothing has come for too long."""

    @abstractmethod
    def abort(self) -> None:
        """Abort the association."""

    @abstractmethod
    def _break_off(self) -> bool:
        """Abort the association, within `_take`: who has called that takes what comes until the end."""
