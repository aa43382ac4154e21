"""The DIMSE operations that the peer invokes: its requests are served, and answered (PS3.7 9).

Requests are served by who has received them, one after the other unless more has been negotiated. One that
comes while it may not yet breaks the protocol, and aborts the association: nothing is queued.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from time import time
from types import MappingProxyType
from typing import Any

from fastdicom._core.exchange import Goal, Invocation
from fastdicom._core.pdata import Message
from fastdicom.association.arrivals import choose_for_whole
from fastdicom.association.composite import CompositeOperations
from fastdicom.association.destination import Destination
from fastdicom.association.handlers import Handlers
from fastdicom.association.operations import LOGGER
from fastdicom.association.outgoing import Outgoing, content_of, sop_instance_uid_of
from fastdicom.association.under_way import StoreUnderWay
from fastdicom.dimse.messages import C_CANCEL_RQ
from fastdicom.errors import AssociationError, MessageError
from fastdicom.events import EventType, Handler
from fastdicom.net.sinks import Choice
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.dispatch import serve
from fastdicom.services.performer import (
    DUPLICATE_INVOCATION,
    Answering,
    Bound,
    Pacing,
    Rest,
    Service,
    Step,
)

NO_SERVICES: Mapping[int, Service] = MappingProxyType({})


class Serving(CompositeOperations):
    """What an association needs to be an SCP, besides what it needs to be an SCU."""

    __slots__ = ("_answer", "_contexts", "_services")

    _handlers: Handlers

    def __init__(self) -> None:
        super().__init__()
        self._answer = Goal()  # to the request for an association: it is established
        self._contexts: dict[int, PresentationContextTuple] = {}
        self._services: dict[int, Mapping[int, Service]] = {}

    def _perform(self, message: Message) -> Rest:
        """Take a request on, and have its service answer it; what is left of that is to be awaited.

        Raises
        ------
        MessageError, AssociationError
            For `_end_performing`.
        """
        if self._observes_messages:
            self._tell_received(message)
        if not self._is_established:  # a handler may have aborted it
            self._check_established()
        command = message.command
        if command.command_field == C_CANCEL_RQ:
            self._cancel(command.message_id_being_responded_to)
            return None
        context = self._contexts[message.context_id]
        services = self._services.get(message.context_id, NO_SERVICES)
        message_id = command.message_id
        if message_id is not None:  # else it breaks the protocol, which is told by `serve`
            if self._is_ahead:
                self._is_ahead = False
                raise MessageError("a request has come before the response to the one before (PS3.7 D.3.3.3)")
            if not self._exchange.begin(message_id, self._performer()):
                # Not by `send_response`: the operation that has this Message ID goes on.
                return self.send_pending(message, command.encode_response(DUPLICATE_INVOCATION))
        return serve(self, message, context, services)

    def _performer(self) -> int:
        """Return who performs the operation that is begun."""
        return self._who()

    def _end_performing(self, message: Message, error: BaseException) -> None:
        """Take note that a request has not been answered; raise what is nobody's business here."""
        self._exchange.finish(message.command.message_id)
        if isinstance(error, MessageError):
            LOGGER.error("aborting: %s", error, extra=self.log_fields)
            self.abort()
        elif isinstance(error, AssociationError):
            # It ended while the handler ran; what comes next says how.
            self.log_unsent(error)
        else:
            raise error

    def log_unsent(self, error: AssociationError) -> None:
        """Take note that a response could not be sent."""
        LOGGER.info("the response was not sent: %s", error, extra=self.log_fields)

    def _cancel(self, message_id: int | None) -> None:
        # Nothing that the peer has to wait with: a request behind it may be early still, or in time.
        self._is_ahead = self._is_ahead and self._link.reader.has_more
        self._exchange.cancel(message_id)

    # What services need of it.

    def wall_clock(self) -> float:
        """Return the time for events."""
        return time()

    @property
    def places_objects(self) -> bool:
        """Whether an object may have gone to a file, or somebody have chosen where it goes."""
        return bool(self._sinks.received) or self._sinks.find_header is not None

    async def take_file(self, message: Message) -> Path | None:
        """Return the file that a data set went to."""
        return await self.apart(self._sinks.take_file, message) if self._sinks.received else None

    async def take_choice(self, message: Message) -> Choice | None:
        """Return what has been chosen for an object; None when nobody chooses."""
        if self._sinks.find_header is None:
            return None
        choice = self._sinks.take_choice(message) or await choose_for_whole(self, message, self._sinks)
        if not self._is_established:  # the handler may have aborted it
            if choice.taker is not None:
                choice.taker.break_off()
            self._check_established()
        return choice

    def context_of(self, context_id: int) -> PresentationContextTuple:
        """Return an accepted presentation context."""
        return self._contexts[context_id]

    async def has_cancelled(self, message: Message) -> bool:
        """Whether the peer has asked to cancel this operation; what has come is looked at first."""
        with suppress(AssociationError):
            await self.attend()
        return message.command.message_id in self._exchange.cancelled

    @property
    @abstractmethod
    def remote(self) -> dict[str, object]:
        """The AE title of the peer, and more."""

    content_of = staticmethod(content_of)
    sop_instance_uid_of = staticmethod(sop_instance_uid_of)

    def adapt_c_store(self, prepared: Outgoing) -> Outgoing:
        """Return what was prepared for another association; NoAcceptedContext when it does not fit."""
        return prepared.on(self._outgoing_contexts)

    async def begin_c_store(
        self,
        prepared: Outgoing,
        priority: int,
        originator_aet: str | None = None,
        originator_id: int | None = None,
    ) -> StoreUnderWay:
        """Send an object with C-STORE; the response is to be waited for."""
        if not self._is_established:
            self._check_established()
        elements = self._store_request(prepared, None, priority, originator_aet, originator_id)
        invocation: Invocation = await self._request(prepared.context_id, elements, prepared.data_set)
        self._unawaited[invocation.thread] = invocation
        return StoreUnderWay(self, invocation, prepared.sop_instance_uid)

    async def response_to(self, invocation: Invocation) -> Message | None:
        """Wait for the response to what `begin_c_store` has sent; None when the association is gone."""
        self._unawaited.pop(invocation.thread, None)
        return await self._response_to(invocation)

    def destination(self, address: Any, port: Any, options: Mapping[str, Any]) -> Destination:
        """Return where the objects of a C-MOVE go."""
        return Destination(self, address, port, options)

    # What the driver provides.

    @abstractmethod
    async def send_pending(
        self, message: Message, command: bytes, data_set: Sequence[Any] | None = None
    ) -> None:
        """Send a response that is not the last one.

        Raises
        ------
        AssociationError
            When the association has ended.
        MessageError
            When it is to be aborted, as the peer takes no PDV.
        """

    @abstractmethod
    def send_response(self, message: Message, command: bytes, data_set: Sequence[Any] | None = None) -> Rest:
        """Send the response, or the last one; what is left of that is to be awaited."""

    @abstractmethod
    def answer_by(self, message: Message, bound: Bound, event: Any, failure: Any, answer: Answering) -> Rest:
        """Have a handler say how a request is answered; what is left of that is to be awaited."""

    @abstractmethod
    async def call(self, handler: Handler, event: Any, arguments: tuple[Any, ...]) -> Any:
        """Call the handler of an intervention event."""

    @abstractmethod
    async def results_of(self, results: Any) -> Any:
        """Return an iterator over what a handler has returned, for `next_of`."""

    @abstractmethod
    async def next_of(self, results: Any, default: Any) -> Any:
        """Return what a handler yields next, or the default at its end."""

    @abstractmethod
    async def close_results(self, results: Any) -> None:
        """Close a handler's generator, so that what it holds is let go."""

    @abstractmethod
    async def attend(self) -> None:
        """Take note of what has come while an operation is performed; AssociationError at its end."""

    @abstractmethod
    def intervention_handler(self, event: EventType) -> tuple[Handler, tuple[Any, ...]] | None:
        """Return what decides on an event."""

    @abstractmethod
    def pacing(
        self, send: Step, look: Step, on_end: Callable[[], object] | None = None
    ) -> AbstractAsyncContextManager[Pacing]:
        """Have pending responses sent at a pace; with `on_end`, watch the association meanwhile."""

    @abstractmethod
    async def pass_on(self, association: Any, what: Any, transfer_syntax: str | None) -> Any:
        """Send an object on another association, and return the status."""

    @abstractmethod
    async def request_association(
        self, address: Any, port: Any, contexts: Any, options: Mapping[str, Any]
    ) -> Any:
        """Request an association with another peer, for a C-MOVE."""

    @abstractmethod
    async def release_association(self, association: Any) -> None:
        """Release such an association."""
