"""One transport connection and its upper layer: here bytes, waits and the state machine come together.

`receive` and `send` belong to the thread that works for the association; `abort` may be called from any
thread at any time. A lock of its own guards the state machine and the wire, and is held during a wait:
whoever wants it meanwhile wakes the wait first.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Protocol, TypeAlias

from fastdicom._core.pdata import Message, MessageWriter, ObservedPdu, Reader, Signal
from fastdicom.errors import AbortSource, AssociationError, MessageError, ProtocolError
from fastdicom.net.waker import Waker
from fastdicom.ul.provider import Indication, Provider
from fastdicom.ul.states import Event, State

try:
    from fastdicom._core.wire import Wire
except ImportError:  # no POSIX
    from fastdicom.net.socket_wire import SocketWire as Wire  # type: ignore[assignment]

Happening: TypeAlias = Message | Indication | Signal
OnTransition: TypeAlias = Callable[[str, State, Event, State], None]

# How long an A-ABORT may take to leave, and the peer to close after it, before the connection is just closed.
ABORT_LINGER = 1.0

# States in which there is no association to abort.
_GONE = (State.Sta1, State.Sta13)


class Observer(Protocol):
    """Who wants to see each PDU, as bytes."""

    def pdu_received(self, pdu: bytes) -> None:
        """Take note of a received PDU."""

    def pdu_sent(self, pdu: bytes) -> None:
        """Take note of a PDU that has been sent."""


class Connection:
    """A connected socket with its state machine.

    Parameters
    ----------
    provider
        The state machine; it has been told of the connection already.
    sock
        The connected socket; it is closed by `close`.
    reader
        What takes received bytes apart.
    observer
        Sees each PDU that is not P-DATA-TF, and those as well when `show` says so.

    Attributes
    ----------
    fault : str or None
        Why this side aborted, when it was not asked to.
    """

    def __init__(self, provider: Provider, sock: socket.socket, reader: Reader, observer: Observer) -> None:
        self.provider = provider
        self.reader = reader
        self.observer = observer
        self.on_close: Callable[[], None] | None = None
        self._shows_sent_data = False
        self._socket = sock
        self._waker = Waker()
        self._wire = Wire(sock.fileno(), self._waker.fileno(), reader)
        # Reentrant: handlers of PDU events run with it held, and may abort or release.
        self._lock = threading.RLock()
        self._closing_lock = threading.Lock()
        self._is_closed = False
        self._is_abort_wanted = False
        self._abort_fields: tuple[int, int] = AbortSource.SERVICE_USER, 0
        self.fault: str | None = None
        # In Sta6 Evt9 and Evt10 change nothing (DT-1, DT-2): while this is so, the table is not asked.
        self._flows = False
        self._limit: float | None = None
        self._set_deadline: float | None = None

    # Settings.

    def set_timeouts(self, idle: float | None, progress: float | None) -> None:
        """Bound the waits that follow: for a message to begin, and without a byte moved once it has."""
        self._wire.set_timeouts(idle, progress)

    def show(self, *, received_data: bool, sent_data: bool, on_transition: OnTransition | None) -> None:
        """Say what is to be shown: each P-DATA-TF that is received or sent, each transition."""
        self.reader.is_observed = received_data
        self._shows_sent_data = sent_data
        self.provider.on_transition = on_transition
        self._flows = False

    def begin_data_transfer(self, context_ids: Iterable[int], *, holds_commands: bool) -> None:
        """Expect messages on these presentation contexts from now on."""
        self.reader.begin_data_transfer(context_ids, holds_commands)

    # For the thread that works for the association.

    @property
    def is_open(self) -> bool:
        """Whether the connection has not been closed yet."""
        return not self._is_closed

    def receive(self, *, waits: bool = True) -> Happening:
        """Wait for what happens next.

        Parameters
        ----------
        waits
            Whether to wait; otherwise TIMED_OUT when nothing has come.

        Returns
        -------
        Message
            A DIMSE message.
        Indication
            What the state machine tells.
        Signal
            COMMAND, FULL or SINK_FAILED of the reader; TIMED_OUT when a timeout of `set_timeouts` has
            passed; CLOSED when the connection has been closed, again and again.
        """
        with self._lock:
            while True:
                if not (self._flows and waits):
                    known = self._before_wait(waits=waits)
                    if known is not None:
                        return known
                try:
                    outcome = self._wire.receive()
                except ProtocolError as error:
                    self._blame(error)
                    continue
                if self._flows and type(outcome) is Message:
                    return outcome
                happening = self._digest(outcome)
                if happening is not None:
                    return happening

    def send(self, message: MessageWriter) -> bool:
        """Send a message; False when the association ended meanwhile: `receive` tells why.

        Raises
        ------
        AssociationError
            When the association is not in a state to send; nothing has been sent.
        """
        with self._lock:
            if not self._flows:
                self.provider.request_p_data()
                self._bound_wait()
            try:
                outcome = self._send_shown(message) if self._shows_sent_data else self._wire.send(message)
                while outcome is not Signal.SENT:
                    if outcome is Signal.TIMED_OUT:
                        self.fault = (
                            "the peer took nothing for as long as dimse_timeout and network_timeout allow"
                        )
                        self._abort()
                    else:
                        self._digest(outcome)
                    if outcome is not Signal.WOKEN or self.provider.state in _GONE:
                        return False
                    outcome = self._wire.send(message)
            except ProtocolError as error:
                self._blame(error)
                return False
            return True

    def tell(self, primitive: Callable[[float], None]) -> None:
        """Apply a primitive of the local user to the state machine, and send what comes of it.

        Raises
        ------
        AssociationError
            When it is not possible in the current state; nothing has been sent.
        """
        with self._lock:
            primitive(monotonic())
            self._after_event()

    def linger(self, seconds: float) -> None:
        """Bound all further waits together; after that the connection is closed."""
        self._limit = monotonic() + seconds
        self._flows = False

    # For any thread.

    def abort(self, source: int = AbortSource.SERVICE_USER, reason: int = 0) -> None:
        """Abort the association, if there is one. The connection is closed by whoever receives."""
        self._abort_fields = source, reason
        self._is_abort_wanted = True
        self._wake()
        # Who has the lock will see that it is wanted, and a wait for the peer to close is not ours to share.
        if self._lock.acquire(blocking=False):
            try:
                self._abort(source, reason)
            finally:
                self._lock.release()

    def close(self) -> None:
        """Close the connection at once."""
        self._is_abort_wanted = True
        self._wake()
        with self._lock:
            self._close()

    # With the lock held.

    def _before_wait(self, *, waits: bool) -> Indication | Signal | None:
        """Return what is to be told without waiting; None when there is nothing."""
        if self._is_abort_wanted:
            self._abort(*self._abort_fields)
        indication = self.provider.next_indication()
        if indication is not None:
            return indication
        if self._is_closed or self.provider.closes_transport:
            self._close()
            return Signal.CLOSED
        self._flows = waits and self.provider.state is State.Sta6 and self.provider.on_transition is None
        self._bound_wait(waits=waits)
        return None

    def _bound_wait(self, *, waits: bool = True) -> None:
        deadline = self.provider.deadline if waits else 0.0
        if waits and self._limit is not None:
            deadline = self._limit if deadline is None else min(deadline, self._limit)
        if deadline != self._set_deadline:
            self._wire.set_deadline(deadline)
            self._set_deadline = deadline

    def _digest(self, outcome: Message | ObservedPdu | Signal | bytes) -> Happening | None:
        """Tell the state machine what came; return what the caller is to know of it."""
        if isinstance(outcome, Signal):
            return self._digest_signal(outcome)
        if isinstance(outcome, ObservedPdu):
            self.observer.pdu_received(outcome.encoded)
            return None
        if isinstance(outcome, Message):
            if self.provider.receive_p_data(monotonic()):
                return outcome
        else:
            self.observer.pdu_received(outcome)
            self.provider.receive_pdu(outcome, monotonic())
        self._after_event()
        return None

    def _digest_signal(self, signal: Signal) -> Happening | None:
        now = monotonic()
        if signal is Signal.P_DATA:
            self.provider.receive_p_data(now)
        elif signal in (Signal.CLOSED, Signal.FAILED):
            self.provider.transport_closed(now)
            self._close()
        elif signal is Signal.WOKEN:
            self._waker.drain()
            if self._is_abort_wanted:
                self._abort(*self._abort_fields)
            return None
        elif signal is Signal.TIMED_OUT:
            return self._time_out(now)
        else:
            return signal
        self._after_event()
        return None

    def _time_out(self, now: float) -> Signal | None:
        if self._limit is not None and now >= self._limit:
            self.provider.transport_closed(now)
            self._close()
            return None
        if self.provider.deadline is None or now < self.provider.deadline:
            return Signal.TIMED_OUT
        self.provider.expire(now)
        self._after_event()
        return None

    def _after_event(self) -> None:
        self._flows = False
        self._flush()
        if self.provider.state is State.Sta13:
            self.reader.ignore_everything()

    def _blame(self, error: ProtocolError) -> None:
        """Abort for what the peer sent."""
        self.fault = str(error)
        now = monotonic()
        if isinstance(error, MessageError) and self.provider.state not in _GONE:
            self.provider.request_abort(now)
        else:
            self.provider.receive_invalid(error, now)
        self._after_event()

    def _abort(self, source: int = AbortSource.SERVICE_USER, reason: int = 0) -> None:
        if self._is_closed or self.provider.state in _GONE:
            return
        self._limit = monotonic() + ABORT_LINGER
        self._bound_wait()
        try:
            self.provider.request_abort(monotonic(), source, reason)
        except AssociationError:
            # Sta2: nobody has asked for an association yet.
            self.provider.transport_closed(monotonic())
            self._close()
            return
        self._after_event()

    def _flush(self) -> None:
        pdu = self.provider.data_to_send()
        if not pdu or self._is_closed:
            return
        self._bound_wait()
        try:
            outcome = self._wire.send_pdu(pdu)
        except RuntimeError:  # more of them wait to be sent than any peer needs to be told
            self._close()
            return
        while outcome is Signal.WOKEN:
            # Whoever woke us wants the lock: what is being sent is not interrupted by that.
            self._waker.drain()
            outcome = self._wire.flush()
        if outcome is Signal.SENT:
            self.observer.pdu_sent(pdu)
        elif outcome is Signal.TIMED_OUT or outcome in (Signal.CLOSED, Signal.FAILED):
            self.provider.transport_closed(monotonic())
            self._close()
        else:
            self._digest(outcome)

    def _send_shown(self, message: MessageWriter) -> Message | ObservedPdu | Signal | bytes:
        """Send one PDU at a time, for an observer."""
        while True:
            pdu = message.data_to_send(1)
            if not pdu:
                return Signal.SENT
            outcome = self._wire.send_pdu(pdu)
            if outcome is not Signal.SENT:
                return outcome
            self.observer.pdu_sent(pdu)

    def _wake(self) -> None:
        with self._closing_lock:
            if not self._is_closed:
                self._waker.wake()

    def _close(self) -> None:
        with self._closing_lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._waker.close()
        if self.provider.state is not State.Sta1:
            self.provider.transport_closed(monotonic())
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()
        if self.on_close is not None:
            self.on_close()
