"""What both kinds of association have in common, the one of threads and the one of an event loop: its life.

What comes is digested here, from the answer to the request up to the end; who waits for it, and how, is a
matter of the driver.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastdicom import events as evt
from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Signal
from fastdicom.association.acse import ACSE
from fastdicom.association.agreements import Agreement, Results
from fastdicom.association.arrivals import whole_header_of
from fastdicom.association.handlers import Handlers
from fastdicom.association.notifying import Notifying
from fastdicom.association.observer import PduEvents
from fastdicom.association.service_user import ServiceUser
from fastdicom.errors import (
    AssociationAborted,
    AssociationError,
    AssociationReleased,
    FastdicomError,
)
from fastdicom.log import get_logger
from fastdicom.net.sinks import Sinks
from fastdicom.part10 import encode_front
from fastdicom.presentation import PresentationContext
from fastdicom.ul.pdu import A_ASSOCIATE_RJ
from fastdicom.ul.provider import (
    AbortIndication,
    AssociateConfirm,
    AssociateIndication,
    Indication,
    ProviderAbortIndication,
    RejectConfirm,
    ReleaseConfirm,
    ReleaseIndication,
)
from fastdicom.ul.states import State

if TYPE_CHECKING:
    from fastdicom.entity import Entity
    from fastdicom.tls import TlsDetails

LOGGER = get_logger(__name__)


ABORTS = (AbortIndication, ProviderAbortIndication)
NEGOTIATION = (AssociateIndication, AssociateConfirm, RejectConfirm)


class Life(Notifying):
    """An association with a peer, on either side of it.

    Attributes
    ----------
    ae
        The application entity that it belongs to.
    mode
        "requestor" or "acceptor": who this side is.
    requestor, acceptor
        What is known of both sides.
    tls
        What the TLS handshake has agreed on, the peer's certificate included; None without TLS.
    metrics
        What is counted of it; None unless `AE.metrics` had been set when it began.
    maximum_operations_invoked, maximum_operations_performed
        How many operations this side may have asked for, and be asked for, at once (PS3.7 D.3.3.3); 0 for no
        limit.
    """

    def __init__(self, ae: Entity, mode: str, handlers: Handlers) -> None:
        super().__init__(mode)
        self.ae = ae
        self.mode = mode
        self.requestor = ServiceUser("requestor", is_ours=mode == "requestor")
        self.acceptor = ServiceUser("acceptor", is_ours=mode == "acceptor")
        self._acse: ACSE | None = None
        self.tls: TlsDetails | None = None
        self._results: Results | None = None
        self.network_timeout_response = "A-ABORT"
        self.maximum_operations_invoked = 1
        self.maximum_operations_performed = 1
        self._handlers = handlers
        self._observer = PduEvents(self)
        self._connection: Any = None
        self._negotiate: Callable[[Indication], None]
        self._sinks = Sinks(ae.opened_store_directory, self._encode_front, self)
        self._failure: FastdicomError | None = None
        self._is_established = self._is_rejected = self._is_aborted = self._is_released = False

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
    def acse(self) -> ACSE:
        """Association control: to refuse, or abort, for a reason."""
        if self._acse is None:
            self._acse = ACSE(self)
        return self._acse

    @property
    def rejection(self) -> A_ASSOCIATE_RJ | None:
        """What a handler has had the request refused with."""
        return None if self._acse is None else self._acse.rejection

    @property
    def accepted_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that can be used, in the order of their IDs."""
        return [] if self._results is None else self._results.accepted

    @property
    def rejected_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that were rejected, with their results, in the order of their IDs."""
        return [] if self._results is None else self._results.rejected

    @property
    def local(self) -> dict[str, object]:
        """AE title, address, port, mode and maximum length of this side."""
        return (self.requestor if self.is_requestor else self.acceptor).info

    @property
    def remote(self) -> dict[str, object]:
        """AE title, address, port, mode and maximum length of the peer."""
        return (self.acceptor if self.is_requestor else self.requestor).info

    # What comes.

    def _check_established(self) -> None:
        if not self._is_established:
            raise self._failure or AssociationError("the association is not established")

    def digest(self, happening: Indication | Signal) -> bool:
        """Take note of something that is no message; False when the connection is closed."""
        connection = self._connected
        if happening is Signal.CLOSED:
            self._end()
            return False
        if happening is Signal.COMMAND:
            self._choose_sink()
        if isinstance(happening, ReleaseIndication):
            if not happening.is_collision or self.is_requestor:
                self._agree_to_release()
        elif isinstance(happening, ReleaseConfirm):
            if connection.provider.state is State.Sta12:
                self._agree_to_release()
            self._mark_released()
        elif isinstance(happening, ABORTS):
            message = getattr(happening, "message", None)
            self._mark_aborted(AssociationAborted(happening.source, happening.reason, message))
        elif isinstance(happening, NEGOTIATION):
            self._negotiate(happening)
        return True

    def _agree_to_release(self) -> None:
        connection = self._connected
        self.ae.dismiss(self)  # before the peer hears of it: it may associate again at once
        connection.tell(connection.provider.respond_release)
        if connection.provider.state is not State.Sta11:
            self._mark_released()

    # Ends.

    def _break_off(self, source: int = 0, reason: int = 0) -> bool:
        """Abort, and leave the rest to who receives; False when it is over."""
        if self._connection is None or not (self._is_established or self._connection.is_open):
            return False
        self._mark_aborted(AssociationAborted(source, reason, "aborted by this side"))
        self._connection.abort(source, reason)
        return True

    def _mark_released(self) -> None:
        if self._is_established:
            # Who sees that it is over, in another thread, asks why.
            self._failure = AssociationReleased("the association has been released")
            self._is_released = True
            self._is_established = False
            self.ae.dismiss(self)
            LOGGER.info("association released", extra=self.log_fields)
            self._tell_all()
            self.notify(evt.EVT_RELEASED)

    def _mark_aborted(self, error: FastdicomError) -> None:
        if not (self._is_aborted or self._is_released or self._is_rejected):
            self._failure = error
            self._is_aborted = True
            self._is_established = False
            self.ae.dismiss(self)
            LOGGER.info("association aborted: %s", error, extra=self.log_fields)
            self._tell_all()
            if self._sinks.taker is not None:
                self._sinks.taker.break_off()
            self.notify(evt.EVT_ABORTED)

    def _end(self) -> None:
        if self._is_established:
            fault = self._connected.fault or "the connection was closed"
            self._mark_aborted(AssociationAborted(0, 0, fault))
        self._sinks.discard_incomplete()
        self.ae.forget(self)

    # For `requestor` and `acceptor`, which bring it about, and for the services.

    @property
    def _connected(self) -> Any:
        if self._connection is None:
            raise AssociationError("the association has no connection")
        return self._connection

    def attach(self, connection: Any, negotiate: Callable[[Indication], None]) -> None:
        """Take over a connection; `negotiate` is told of what decides whether there is an association."""
        self._connection = self._link = connection
        self._negotiate = negotiate
        connection.on_end = lambda: self.ae.dismiss(self)
        connection.on_close = self._tell_closed
        if self._handlers.events():
            self.observe()
        self.notify(evt.EVT_CONN_OPEN, address=self._remote_address)

    @property
    def sinks(self) -> Sinks:
        """Who chooses where received data sets go."""
        return self._sinks

    def show_results(self, results: Results) -> None:
        """Have what was decided on the contexts looked at."""
        self._results = results

    def establish(self, agreement: Agreement, results: Results) -> None:
        """Begin the data transfer on what has been negotiated."""
        self.show_results(results)
        peer = self.acceptor if self.is_requestor else self.requestor
        self._peer_maximum_length = peer.maximum_length
        self._contexts = agreement.contexts
        self._services = agreement.services
        self._outgoing_contexts = agreement.outgoing
        self._verification_context = agreement.verification_context
        self._exchange.invoked_limit = self.maximum_operations_invoked
        self._exchange.performed_limit = self.maximum_operations_performed
        self.apply_timeouts()
        if self._handlers.get(evt.EVT_C_STORE_HEADER):
            self._sinks.find_header = self._find_header
        self._connected.begin_data_transfer(self._contexts, holds_commands=self._sinks.holds_commands)
        if self._is_aborted:  # by somebody else, meanwhile
            return
        self._is_established = True
        self._answer.is_reached = True
        self.notify(evt.EVT_ESTABLISHED)

    def fail(self, error: FastdicomError) -> None:
        """Take note that there is no connection."""
        self._is_aborted = True
        self._failure = error

    def _may_end_idle(self) -> bool:
        # Where the ARTIM timer runs, a requestor leaves it to that.
        return self.is_acceptor or self._connected.provider.deadline is None

    def end_idle(self) -> None:
        """Nothing has come for network_timeout seconds: do what `network_timeout_response` says."""
        LOGGER.error(
            "nothing received for network_timeout, %s s: ending the association",
            self.network_timeout,
            extra=self.log_fields,
        )
        self.timed_out = "network"
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
        LOGGER.info("association rejected: %s", error, extra=self.log_fields)
        self.notify(evt.EVT_REJECTED)

    def _find_header(self, context_id: int, data_set: Any) -> Any:
        return whole_header_of(data_set, self._contexts[context_id].transfer_syntax, self.ae.header_end)

    def _encode_front(self, command: CommandSet, context_id: int) -> bytes:
        return encode_front(
            sop_class_uid=command.get(0x0002, ""),
            sop_instance_uid=command.get(0x1000, ""),
            transfer_syntax=self._contexts[context_id].transfer_syntax,
            implementation_class_uid=self.ae.implementation_class_uid,
            implementation_version_name=self.ae.implementation_version_name,
            source_ae_title=str(self.remote["ae_title"]),
        )

    # What the driver provides.

    @abstractmethod
    def _look(self) -> None:
        """Take note of what has come while nobody waited."""

    @abstractmethod
    def _choose_sink(self) -> None:
        """Have a handler choose where the object goes that is being received."""

    @abstractmethod
    def abort_as(self, source: int, reason: int) -> None:
        """Abort with this source and reason (PS3.8 Table 9-26)."""
