"""What an association tells of: events for handlers, messages for the metrics, PDUs for traces.

Each costs something only if somebody wants to see it, which `observe` finds out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from time import time
from typing import TYPE_CHECKING, Any

from fastdicom import events as evt
from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Message
from fastdicom.association.handlers import Handlers
from fastdicom.association.limits import Limited
from fastdicom.association.observer import PduEvents
from fastdicom.dimse.messages import DimseMessage
from fastdicom.events import EventType, Handler
from fastdicom.ul.states import State

if TYPE_CHECKING:
    from fastdicom.watching.counting import AssociationMetrics


class Notifying(Limited):
    """What an association needs to tell of what happens, besides what it needs to keep to limits."""

    __slots__ = ()

    _handlers: Handlers
    _observer: PduEvents

    def bind(self, event: EventType, handler: Handler, args: Sequence[Any] | None = None) -> None:
        """Bind a handler to an event of this association."""
        self._handlers.bind(event, handler, args)
        self.observe()

    def unbind(self, event: EventType, handler: Handler) -> None:
        """Take a handler away."""
        self._handlers.unbind(event, handler)
        self.observe()

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

    async def tell(self, event: EventType) -> None:
        """Tell the handlers of a notification event, and wait until all have been told."""
        if self._handlers.get(event):
            await self._handlers.tell(evt.Event(self, event, time()))

    def observe(self) -> None:
        """Have that shown which somebody wants to see: a handler, a trace, the metrics."""
        if self._connection is not None:
            observer = self._observer
            self._connection.show(
                pdus=observer.wants_pdus(),
                received_data=observer.wants_received_data(),
                sent_data=observer.wants_sent_data(),
                on_transition=self._tell_transition if self.is_bound(evt.EVT_FSM_TRANSITION) else None,
            )
        is_bound = self.is_bound(evt.EVT_DIMSE_RECV) or self.is_bound(evt.EVT_DIMSE_SENT)
        self._observes_messages = is_bound or self.metrics is not None

    def count(self, metrics: AssociationMetrics) -> None:
        """Count messages from now on."""
        self.metrics = metrics
        self.observe()

    @property
    def observer(self) -> PduEvents:
        """Who turns PDUs into events."""
        return self._observer

    # What has happened.

    def _tell_received(self, message: Message) -> None:
        if self.metrics is not None:
            self.metrics.received(message, self._exchange)
        if self.is_bound(evt.EVT_DIMSE_RECV):
            self.notify(evt.EVT_DIMSE_RECV, message=DimseMessage(message.command, message.context_id))

    def _tell_sent(self, command: bytes, context_id: int) -> None:
        if self.metrics is not None:
            self.metrics.sent(command)
        if self.is_bound(evt.EVT_DIMSE_SENT):
            self.notify(evt.EVT_DIMSE_SENT, message=DimseMessage(CommandSet(command), context_id))

    def _tell_closed(self) -> None:
        self._observer.end()
        self.notify(evt.EVT_CONN_CLOSE, address=self._remote_address)

    @property
    def _remote_address(self) -> tuple[object, object]:
        peer = self.acceptor if self.is_requestor else self.requestor
        return peer.address, peer.port

    def _tell_transition(self, action: str, current: State, event: Any, following: State) -> None:
        self.notify(
            evt.EVT_FSM_TRANSITION,
            action=action,
            current_state=current.name,
            fsm_event=event.name,
            next_state=following.name,
        )

    @property
    @abstractmethod
    def remote(self) -> dict[str, object]:
        """AE title, address, port, mode and maximum length of the peer."""
