"""An association as a user of the library sees it, once it is established.

How it comes about is in `requestor` and `acceptor`. One association may be used from several threads:
its operations are done one after the other, and `abort` may be called at any time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fastdicom import events as evt
from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Message, Signal
from fastdicom.association.acse import ACSE
from fastdicom.association.handlers import Handlers
from fastdicom.association.observer import PduEvents
from fastdicom.association.operations import Operations
from fastdicom.association.service_user import ServiceUser
from fastdicom.dimse.messages import IS_RESPONSE, DimseMessage, message_name
from fastdicom.errors import (
    AssociationAborted,
    AssociationError,
    AssociationReleased,
    FastdicomError,
    MessageError,
)
from fastdicom.events import EventType, Handler
from fastdicom.net.connection import ABORT_LINGER, Connection
from fastdicom.net.sinks import Sinks
from fastdicom.part10 import encode_front
from fastdicom.presentation import PresentationContext, PresentationContextTuple
from fastdicom.services.dispatch import serve, services_for
from fastdicom.services.performer import Service
from fastdicom.sop_class import Verification
from fastdicom.ul.provider import (
    AbortIndication,
    Indication,
    ProviderAbortIndication,
    ReleaseConfirm,
    ReleaseIndication,
)
from fastdicom.ul.states import State

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity

LOGGER = logging.getLogger(__name__)


class Association(Operations):
    """An association with a peer, on either side of it.

    `AE.associate` and servers make them; `is_established` tells what came of it. Used as a context
    manager it raises when it was not established, is released at the end, and aborted on an exception.

    Attributes
    ----------
    ae
        The application entity that it belongs to.
    mode
        "requestor" or "acceptor": who this side is.
    requestor, acceptor
        What is known of both sides.
    accepted_contexts, rejected_contexts
        The presentation contexts with their results, in the order of their IDs.
    """

    def __init__(self, ae: ApplicationEntity, mode: str, handlers: Handlers) -> None:
        super().__init__()
        self.ae = ae
        self.mode = mode
        self.requestor = ServiceUser("requestor")
        self.acceptor = ServiceUser("acceptor")
        self.acse = ACSE(self)
        self.accepted_contexts: list[PresentationContext] = []
        self.rejected_contexts: list[PresentationContext] = []
        self.network_timeout_response = "A-ABORT"
        self._handlers = handlers
        self._observer = PduEvents(self)
        self._connection: Connection | None = None
        self._sinks = Sinks(ae.opened_store_directory, self._encode_front)
        self._failure: FastdicomError | None = None
        self._is_established = self._is_rejected = self._is_aborted = self._is_released = False
        self._contexts: dict[int, PresentationContextTuple] = {}
        self._services: dict[int, Mapping[int, Service]] = {}

    def __enter__(self) -> Self:
        if not self._is_established:
            raise self._failure or AssociationError("the association was not established")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    # What has become of it.

    @property
    def is_requestor(self) -> bool:
        """Whether this side asked for the association."""
        return self.mode == "requestor"

    @property
    def is_acceptor(self) -> bool:
        """Whether the peer asked for the association."""
        return self.mode == "acceptor"

    @property
    def is_established(self) -> bool:
        """Whether messages can be exchanged."""
        self._look()
        return self._is_established

    @property
    def is_rejected(self) -> bool:
        """Whether the acceptor refused it."""
        return self._is_rejected

    @property
    def is_aborted(self) -> bool:
        """Whether it was aborted by either side, or the connection broke or never came about."""
        self._look()
        return self._is_aborted

    @property
    def is_released(self) -> bool:
        """Whether it ended in good order."""
        self._look()
        return self._is_released

    @property
    def local(self) -> dict[str, object]:
        """AE title, address, port, mode and maximum length of this side."""
        return (self.requestor if self.is_requestor else self.acceptor).info

    @property
    def remote(self) -> dict[str, object]:
        """AE title, address, port, mode and maximum length of the peer."""
        return (self.acceptor if self.is_requestor else self.requestor).info

    # Events.

    def bind(self, event: EventType, handler: Handler, args: Sequence[Any] | None = None) -> None:
        """Bind a handler to an event of this association."""
        self._handlers.bind(event, handler, args)
        self._observe()

    def unbind(self, event: EventType, handler: Handler) -> None:
        """Take a handler away."""
        self._handlers.unbind(event, handler)
        self._observe()

    def get_events(self) -> list[EventType]:
        """Return the events that something is bound to."""
        return self._handlers.events()

    def get_handlers(self, event: EventType) -> Any:
        """Return what is bound: a list for a notification event, else one ``(handler, arguments)``."""
        return self._handlers.as_documented(event)

    def is_bound(self, event: EventType) -> bool:
        """Whether any handler is bound to an event."""
        return bool(self._handlers.get(event))

    def notify(self, event: EventType, **attributes: Any) -> None:
        """Tell the handlers of a notification event."""
        if self._handlers.get(event):
            self._handlers.notify(evt.Event(self, event, time(), **attributes))

    def _observe(self) -> None:
        if self._connection is not None:
            self._connection.show(
                received_data=self._observer.wants_received_data(),
                sent_data=self._observer.wants_sent_data(),
                on_transition=self._tell_transition if self.is_bound(evt.EVT_FSM_TRANSITION) else None,
            )
        self._observes_messages = self.is_bound(evt.EVT_DIMSE_RECV) or self.is_bound(evt.EVT_DIMSE_SENT)

    # What comes.

    def _check_established(self) -> None:
        if not self._is_established:
            raise self._failure or AssociationError("the association is not established")

    def serve(self, message: Message) -> None:
        """Answer a request of the peer; whatever else it is breaks the protocol."""
        if self._observes_messages:
            self._tell_received(message)
        command_field = message.command.command_field
        try:
            self._check_established()  # a handler may have aborted it
            if command_field & IS_RESPONSE:
                raise MessageError(
                    f"{message_name(command_field)} answers nothing that was asked (PS3.7 8.1)"
                )
            context = self._contexts[message.context_id]
            serve(self, message, context, self._services[message.context_id])
        except MessageError as error:
            LOGGER.error("aborting: %s", error)
            self.abort()
        except AssociationError as error:
            # It ended while the handler ran; what `receive` tells next says how.
            LOGGER.info("the response was not sent: %s", error)
        finally:
            if self._sinks.is_used:
                self._sinks.discard()

    def _tell_received(self, message: Message) -> None:
        self.notify(evt.EVT_DIMSE_RECV, message=DimseMessage(message.command, message.context_id))

    def _tell_sent(self, command: bytes, context_id: int) -> None:
        self.notify(evt.EVT_DIMSE_SENT, message=DimseMessage(CommandSet(command), context_id))

    def digest(self, happening: Indication | Signal) -> bool:
        """Take note of something that is no message; False when the connection is closed."""
        connection = self._connected
        if happening is Signal.CLOSED:
            self._end()
            return False
        if isinstance(happening, Signal):
            self._sinks.choose(happening, connection.reader)
        elif isinstance(happening, ReleaseIndication):
            if not happening.is_collision or self.is_requestor:
                self._agree_to_release()
        elif isinstance(happening, ReleaseConfirm):
            if connection.provider.state is State.Sta12:
                self._agree_to_release()
            self._mark_released()
        elif isinstance(happening, AbortIndication | ProviderAbortIndication):
            message = getattr(happening, "message", None)
            self._mark_aborted(AssociationAborted(happening.source, happening.reason, message))
        return True

    def _agree_to_release(self) -> None:
        connection = self._connected
        self.ae.dismiss(self)  # before the peer hears of it: it may associate again at once
        connection.tell(connection.provider.respond_release)
        if connection.provider.state is not State.Sta11:
            self._mark_released()

    def _settle(self) -> None:
        """Wait until the connection is closed, now that the association is over."""
        self._connected.linger(ABORT_LINGER)
        while True:
            happening = self._connected.receive()
            if (
                not isinstance(happening, Message)
                and happening is not Signal.TIMED_OUT
                and not self.digest(happening)
            ):
                return

    def _look(self) -> None:
        """Take note of what has come while nobody waited: an abort, a release, a request."""
        if not self._is_established or self.is_acceptor or not self._operation_lock.acquire(blocking=False):
            return
        try:
            if self._is_operating:
                return
            self._is_operating = True
            self._take_what_came()
        finally:
            self._is_operating = False
            self._operation_lock.release()

    def _take_what_came(self) -> None:
        while self._is_established:
            happening = self._connected.receive(waits=False)
            if happening is Signal.TIMED_OUT:
                return
            if isinstance(happening, Message):
                self.serve(happening)
            elif not self.digest(happening):
                return
        self._settle()

    # Ends.

    def release(self) -> None:
        """Release the association in good order (PS3.8 7.2); nothing happens when it is not established."""
        with self._operation_lock:
            if not self.is_established:
                return
            connection = self._connected
            self._is_operating = True
            try:
                connection.tell(connection.provider.request_release)
                happening: Any = None
                while happening is not Signal.CLOSED:
                    happening = connection.receive()
                    if not isinstance(happening, Message) and happening is not Signal.TIMED_OUT:
                        self.digest(happening)
            finally:
                self._is_operating = False

    def abort(self) -> None:
        """Abort the association at once (PS3.8 7.3), from any thread; nothing happens when it is over."""
        self.abort_as(0, 0)

    def abort_as(self, source: int, reason: int) -> None:
        """Abort with this source and reason (PS3.8 Table 9-26)."""
        if self._connection is None or not (self._is_established or self._connection.is_open):
            return
        self._mark_aborted(AssociationAborted(source, reason, "aborted by this side"))
        self._connection.abort(source, reason)
        if self.is_requestor and self._operation_lock.acquire(blocking=False):
            try:
                if not self._is_operating:
                    self._settle()
            finally:
                self._operation_lock.release()

    def _mark_released(self) -> None:
        if self._is_established:
            self._is_established = False
            self._is_released = True
            self.ae.dismiss(self)
            self._failure = AssociationReleased("the association has been released")
            LOGGER.info("association released")
            self.notify(evt.EVT_RELEASED)

    def _mark_aborted(self, error: FastdicomError) -> None:
        if not (self._is_aborted or self._is_released or self._is_rejected):
            self._is_established = False
            self._is_aborted = True
            self.ae.dismiss(self)
            self._failure = error
            LOGGER.info("association aborted: %s", error)
            self.notify(evt.EVT_ABORTED)

    def _end(self) -> None:
        if self._is_established:
            fault = self._connected.fault or "the connection was closed"
            self._mark_aborted(AssociationAborted(0, 0, fault))
        self._sinks.discard()
        self.ae.forget(self)

    # For `requestor` and `acceptor`, which bring it about, and for the services.

    @property
    def _connected(self) -> Connection:
        if self._connection is None:
            raise AssociationError("the association has no connection")
        return self._connection

    def attach(self, connection: Connection) -> None:
        """Take over a connection."""
        self._connection = connection
        connection.on_close = lambda: self.notify(evt.EVT_CONN_CLOSE, address=self._remote_address)
        self._observe()
        self.notify(evt.EVT_CONN_OPEN, address=self._remote_address)

    @property
    def observer(self) -> PduEvents:
        """Who turns PDUs into events."""
        return self._observer

    @property
    def _remote_address(self) -> tuple[object, object]:
        return self.remote["address"], self.remote["port"]

    def _tell_transition(self, action: str, current: State, event: Any, following: State) -> None:
        self.notify(
            evt.EVT_FSM_TRANSITION,
            action=action,
            current_state=current.name,
            fsm_event=event.name,
            next_state=following.name,
        )

    def establish(self, contexts: Sequence[PresentationContext]) -> None:
        """Begin the data transfer on what has been negotiated."""
        self.accepted_contexts = [context for context in contexts if context.result == 0]
        self.rejected_contexts = [context for context in contexts if context.result != 0]
        peer = self.acceptor if self.is_requestor else self.requestor
        self._peer_maximum_length = peer.maximum_length
        for context in self.accepted_contexts:
            row = context.as_tuple
            self._contexts[row.context_id] = row
            if context.as_scp:
                self._services[row.context_id] = services_for(row.abstract_syntax)
            if context.as_scu:
                self._outgoing_contexts.setdefault((row.abstract_syntax, row.transfer_syntax), row.context_id)
                if row.abstract_syntax == Verification:
                    self._verification_context = row.context_id
        self.apply_timeouts()
        self._connected.begin_data_transfer(self._contexts, holds_commands=self._sinks.directory is not None)
        self._is_established = True
        self.notify(evt.EVT_ESTABLISHED)

    def apply_timeouts(self) -> None:
        """Take over the timeouts of the AE."""
        if self._connection is not None:
            ae = self.ae
            idle = ae.dimse_timeout if self.is_requestor else ae.network_timeout
            bounds = [timeout for timeout in (ae.dimse_timeout, ae.network_timeout) if timeout is not None]
            self._connection.set_timeouts(idle, min(bounds, default=None))

    def fail(self, error: FastdicomError) -> None:
        """Take note that there is no connection."""
        self._is_aborted = True
        self._failure = error

    def end_idle(self) -> None:
        """Nothing has come for network_timeout seconds: do what `network_timeout_response` says."""
        LOGGER.error(
            "nothing received for network_timeout, %s s: ending the association", self.ae.network_timeout
        )
        connection = self._connected
        # A release is asked for once, and between messages; who does not answer it is aborted.
        may_release = connection.provider.state is State.Sta6 and not connection.reader.is_mid_message
        if self.network_timeout_response == "A-RELEASE" and may_release:
            connection.tell(connection.provider.request_release)
        else:
            self.abort()

    def mark_rejected(self, error: FastdicomError) -> None:
        """Take note that the acceptor refused."""
        self._is_rejected = True
        self._failure = error
        LOGGER.info("association rejected: %s", error)
        self.notify(evt.EVT_REJECTED)

    def intervention_handler(self, event: EventType) -> tuple[Handler, tuple[Any, ...]] | None:
        """Return what decides on an event."""
        rows = self._handlers.get(event)
        return rows[0] if rows else None

    def wall_clock(self) -> float:
        """Return the time for events."""
        return time()

    def take_file(self, message: Message) -> Path | None:
        """Return the file that a data set went to."""
        return self._sinks.take_file(message) if self._sinks.is_used else None

    def send_response(self, message: Message, command: bytes) -> None:
        """Send a response without a data set."""
        try:
            self._send(message.context_id, command, None)
        except ValueError as error:  # a peer that takes no PDV cannot be answered
            raise MessageError(str(error)) from error

    def _encode_front(self, command: CommandSet, context_id: int) -> bytes:
        return encode_front(
            sop_class_uid=command.get(0x0002, ""),
            sop_instance_uid=command.get(0x1000, ""),
            transfer_syntax=self._contexts[context_id].transfer_syntax,
            implementation_class_uid=self.ae.implementation_class_uid,
            implementation_version_name=self.ae.implementation_version_name,
            source_ae_title=str(self.remote["ae_title"]),
        )
