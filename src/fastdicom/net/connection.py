"""One transport connection and its upper layer: here bytes, waits and the state machine come together.

One thread at a time receives; any thread may send, and abort at any time. A lock of its own guards the
state machine and the wire, and is held during a wait: whoever wants it meanwhile wakes the wait first, and
is let in. What comes while a message is being sent is kept for the next `receive`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic
from typing import Any, TypeAlias

from fastdicom._core.linger import Linger
from fastdicom._core.pdata import Message, MessageWriter, ObservedPdu, Reader, Signal
from fastdicom.errors import AbortSource, AssociationError, MessageError, ProtocolError, TlsError
from fastdicom.net.attendants import DataSetSinks, Observer
from fastdicom.net.ending import ABORT_LINGER, Ending
from fastdicom.net.resetting import reset_what_is_not_taken
from fastdicom.net.shortage import Shortage
from fastdicom.net.tls_wire import TlsWire
from fastdicom.net.wires import STALLS
from fastdicom.ul.provider import Indication, Provider
from fastdicom.ul.states import Event, State

Happening: TypeAlias = Message | Indication | Signal
OnTransition: TypeAlias = Callable[[str, State, Event, State], None]

# States in which there is no association to abort.
_GONE = (State.Sta1, State.Sta13)

# Messages that are kept while one is sent. The peer has to wait with more: nothing else is received then.
ARRIVALS = 64
_CHOICES = (Signal.COMMAND, Signal.LOOK, Signal.FULL, Signal.SINK_FAILED)
_INTERRUPTIONS = (Signal.WOKEN, Signal.NO_ROOM)


class Connection(Ending):
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
    sinks
        Chooses where data sets go.

    Attributes
    ----------
    on_end
        Called when there is no association any more.
    fault, timed_out : str or None
        Why this side aborted, when it was not asked to; which timeout of it that was.
    """

    def __init__(
        self,
        provider: Provider,
        sock: socket.socket,
        reader: Reader,
        observer: Observer,
        sinks: DataSetSinks,
    ) -> None:
        super().__init__(provider, sock, reader)
        self.observer = observer
        self.sinks = sinks
        self.on_end: Callable[[], object] = bool
        self._shows_pdus = self._shows_sent_data = False
        self._shown = b""  # the P-DATA-TF that is being sent, for the observer
        self._abort_fields: tuple[int, int] = AbortSource.SERVICE_USER, 0
        self.fault: str | None = None
        self.timed_out: str | None = None
        self._shortage: Shortage | None = None  # while there is no memory for what is received
        self._is_short = False  # the same, while something is sent
        self._patience: float | None = None

    # Settings.

    def set_timeouts(
        self, idle: float | None, progress: float | None, throughput: float, window: float
    ) -> None:
        """Bound the waits that follow, as `Wire.set_timeouts` and `set_minimum_throughput` do."""
        self._patience = progress
        self._wire.set_timeouts(idle, progress)
        self._wire.set_minimum_throughput(throughput, window)

    def show(
        self, *, pdus: bool, received_data: bool, sent_data: bool, on_transition: OnTransition | None
    ) -> None:
        """Say what is to be shown: PDUs, each P-DATA-TF that is received or sent as well, each transition."""
        self.reader.is_observed = received_data
        self._shows_pdus = pdus
        self._shows_sent_data = sent_data
        self.provider.on_transition = on_transition and partial(self._show, on_transition)
        self._flows = False

    def begin_data_transfer(self, context_ids: Iterable[int], *, holds_commands: bool) -> None:
        """Expect messages on these presentation contexts from now on."""
        self.reader.begin_data_transfer(context_ids, holds_commands)

    # For who works for the association.

    def handshake(self, deadline: float | None) -> None:
        """Do the TLS handshake, if this is a TLS connection.

        Parameters
        ----------
        deadline
            When it is given up: time of the monotonic clock; None for never.

        Raises
        ------
        TlsError
            When it failed; the connection is closed.
        """
        wire = self._wire
        if not isinstance(wire, TlsWire):
            return
        self._turnstile.enter()
        try:
            wire.set_deadline(deadline)
            outcome = Signal.WOKEN
            while outcome is Signal.WOKEN and not self._is_abort_wanted:
                self._waker.drain()
                self._turnstile.give_way()
                outcome = wire.handshake()
            wire.set_deadline(None)
            if outcome is not Signal.SENT:
                self.provider.transport_closed(monotonic())
                self._close()
                self.timed_out = "handshake" if outcome is Signal.TIMED_OUT else None
                reason = "it was aborted" if self._is_abort_wanted else wire.failure_text
                raise TlsError(f"the TLS handshake failed: {reason}")
        finally:
            self._turnstile.leave()

    def receive(
        self, *, waits: bool = True, linger: Linger | None = None, first: MessageWriter | None = None
    ) -> Happening:
        """Wait for what happens next. One thread at a time.

        Parameters
        ----------
        waits
            Whether to wait; otherwise TIMED_OUT when nothing has come.
        linger
            For how long to wait here at most, then it is QUIET: somebody is to wait for `fileno` until `due`,
            or `on_news`, and to call again.
        first
            A message to be sent before.

        Returns
        -------
        Message, Indication or Signal
            A DIMSE message, or what the state machine tells; TIMED_OUT when a timeout of `set_timeouts` has
            passed; CLOSED when the connection has been closed, again and again.

        Raises
        ------
        AssociationError
            As for `send`, when there is something to be sent.
        """
        if not self._lock.acquire(False):
            self._turnstile.queue()
        try:
            if first is not None and (self._shows_sent_data or not (self._flows and waits)):
                self._send_before(first)
                first = None
            while True:
                if not (self._flows and waits):
                    known = self._before_wait(waits=waits)
                    if known is not None:
                        return known
                try:
                    message, first = first, None
                    outcome = self._wire.receive(linger, message)
                    if message is not None and self._wire.is_sending:
                        self._send_before(message, outcome)
                        continue
                    if not (self._flows and type(outcome) is Message):
                        happening = self._digest(outcome)
                        if happening is not None:
                            return happening
                        if outcome in _INTERRUPTIONS:
                            self._turnstile.give_way()
                        continue
                except ProtocolError as error:
                    self._blame(error)
                    continue
                if self.sinks.is_receiving:
                    self.sinks.attach(outcome, self.reader)
                return outcome
        finally:
            self._lock.release()

    def send(self, message: MessageWriter) -> bool:
        """Send a message; False when the association ended meanwhile: `receive` tells why.

        Raises
        ------
        AssociationError
            When the association is not in a state to send; nothing has been sent.
        """
        if not self._lock.acquire(False):
            self._turnstile.queue()
        try:
            if not (self._flows or self._may_go_on(message)):
                self._await_stream(message)
                self.provider.request_p_data()
                self._bound_wait()
            outcome = self._send_on(message) if self._shows_sent_data else self._wire.send(message)
            return self._send_rest(message, outcome)
        except ProtocolError as error:
            self._blame(error)
            self.on_news()
            return False
        finally:
            self._lock.release()

    def tell(self, primitive: Callable[[float], None]) -> None:
        """Apply a primitive of the local user to the state machine, and send what comes of it.

        Raises
        ------
        AssociationError
            When it is not possible in the current state; nothing has been sent.
        """
        self._turnstile.enter()
        try:
            primitive(monotonic())
            self._after_event()
        finally:
            self._turnstile.leave()

    # For any thread.

    def abort(self, source: int = AbortSource.SERVICE_USER, reason: int = 0) -> None:
        """Abort the association, if there is one. The connection is closed by whoever receives."""
        self._abort_fields = source, reason
        self._is_abort_wanted = True
        self._waker.wake()
        # Who has the lock will see that it is wanted, and a wait for the peer to close is not ours to share.
        if self._turnstile.try_to_enter():
            try:
                self._abort(source, reason)
            finally:
                self._turnstile.leave()
        self.on_news()

    def close(self) -> None:
        """Close the connection at once."""
        self._is_abort_wanted = True
        self._waker.wake()
        self._turnstile.enter()
        try:
            self._close()
        finally:
            self._turnstile.leave()

    # With the lock held.

    def _before_wait(self, *, waits: bool) -> Happening | None:
        """Return what is to be told without waiting; None when there is nothing."""
        if self._is_abort_wanted:
            self._abort(*self._abort_fields)
        if self._arrived:
            return self._arrived.popleft()
        indication = self.provider.next_indication()
        if indication is not None:
            return indication
        if self.provider.state is State.Sta13 and self.see_off is not None and not self._is_closed:
            self._leave(self.see_off)
        if self._is_closed or self.provider.closes_transport:
            self._close()
            return Signal.CLOSED
        is_plain = self.provider.on_transition is None and self._streamed is None and self._shortage is None
        self._flows = waits and self.provider.state is State.Sta6 and is_plain
        self._bound_wait(waits=waits)
        return None

    def _digest(self, outcome: Message | ObservedPdu | Signal | bytes) -> Happening | None:
        """Tell the state machine what came; return what the caller is to know of it."""
        if self._shortage is not None and outcome is not Signal.NO_ROOM:
            self._shortage.end()
            self._shortage = None
        if isinstance(outcome, Signal):
            return self._digest_signal(outcome)
        if isinstance(outcome, ObservedPdu):
            self._show(self.observer.pdu_received, outcome.encoded)
            return None
        if isinstance(outcome, Message):
            return outcome if self._is_delivered(outcome) else None
        if self._shows_pdus:
            self._show(self.observer.pdu_received, outcome)
        self.provider.receive_pdu(outcome, monotonic())
        self._after_event()
        return None

    def _is_delivered(self, message: Message) -> bool:
        """Ask the state machine whether a message is to be delivered."""
        if self.sinks.is_receiving:
            self.sinks.attach(message, self.reader)
        if self.provider.receive_p_data(monotonic()):
            return True
        self._after_event()
        return False

    def _digest_signal(self, signal: Signal) -> Signal | None:
        now = monotonic()
        if signal is Signal.WOKEN:
            self._waker.drain()
            if self._is_abort_wanted:
                self._abort(*self._abort_fields)
            return None
        if signal is Signal.QUIET:
            return signal
        if signal is Signal.NO_ROOM:
            return self._await_room()
        if signal in _CHOICES:
            return Signal.COMMAND if self.sinks.choose(signal, self.reader) else None
        if signal is Signal.TIMED_OUT:
            return self._time_out(now)
        if signal is Signal.TOO_SLOW:
            self._stall(signal)
            return None
        if signal is Signal.P_DATA:
            self.provider.receive_p_data(now)
        else:
            self.provider.transport_closed(now, getattr(self._wire, "failure_text", ""))
            self._close()
        self._after_event()
        return None

    def _await_room(self) -> Signal | None:
        """Wait until the budget has room for the data set that is being received."""
        shortage = self._shortage = self._shortage or Shortage(self.reader.pool, self._waker.wake)
        self._flows = False
        if shortage.wait(self.reader.wanted, self._waker.fileno(), self._patience, self._set_deadline):
            return self._digest_signal(Signal.WOKEN)
        now = monotonic()
        if self._set_deadline is not None and now >= self._set_deadline:
            return self._time_out(now)
        shortage.end()
        return Signal.COMMAND if self.sinks.choose(Signal.NO_ROOM, self.reader) else None

    def _send_rest(self, message: MessageWriter, outcome: Message | ObservedPdu | Signal | bytes) -> bool:
        """Go on with a message after what was told of it; False when the association has ended."""
        while outcome is not Signal.SENT:
            if not self._hear(outcome):
                return False
            outcome = self._send_on(message)
        return True

    def _send_before(
        self, message: MessageWriter, outcome: Message | ObservedPdu | Signal | bytes | None = None
    ) -> None:
        """Send a message, or its rest, before something is received."""
        is_sent = self.send(message) if outcome is None else self._send_rest(message, outcome)
        if not is_sent:
            self.linger(ABORT_LINGER)
        self._turnstile.give_way()  # who wanted to be let in meanwhile has woken the sending

    def _hear(self, outcome: Message | ObservedPdu | Signal | bytes) -> bool:
        """Take note of what came while a message is sent; False when the sending is over."""
        self._is_short = outcome is Signal.NO_ROOM
        if isinstance(outcome, Message):
            if self._is_delivered(outcome):
                self._arrived.append(outcome)
                self._flows = False
        elif isinstance(outcome, Signal) and outcome in STALLS:
            self._stall(outcome)
        elif not self._is_short:
            self._digest(outcome)
        if outcome is not Signal.WOKEN:
            self.on_news()
        return self._may_send()

    def _stall(self, signal: Signal) -> None:
        """Abort, as the peer does not take or send what it has to."""
        self.timed_out, self.fault = STALLS[signal]
        self._abort()

    def _show(self, tell: Callable[..., None], *what: Any) -> None:
        self._turnstile.stay()
        try:
            tell(*what)
        finally:
            self._turnstile.move_on()

    def _time_out(self, now: float) -> Signal | None:
        if self._limit is not None and now >= self._limit:
            reset_what_is_not_taken(self._socket)
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
        if self.provider.state is State.Sta13:
            self.reader.ignore_everything()
            self.on_end()  # before the peer hears of it: it may associate again at once
        self._flush()

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
        except AssociationError:  # Sta2: nobody has asked for an association yet
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
            while outcome is not Signal.SENT:
                if outcome in STALLS or outcome is Signal.NO_ROOM:
                    outcome = Signal.CLOSED  # who does not take a few bytes is as good as gone
                self._hear(outcome)
                if not self.is_open:
                    return
                outcome = self._wire.flush()
        except ProtocolError as error:
            self._blame(error)
        except RuntimeError:  # more of them wait to be sent than any peer needs to be told
            self._close()
            return
        if self._shows_pdus:
            self._show(self.observer.pdu_sent, pdu)

    def _send_on(self, message: MessageWriter) -> Message | ObservedPdu | Signal | bytes:
        """Send a message, or go on with it."""
        if not self._shows_sent_data:
            # Nothing of an object is taken while somebody chooses where it goes, or there is no room.
            may_listen = not (self.sinks.is_held or self._is_short)
            return self._wire.send(message, may_listen and len(self._arrived) < ARRIVALS)
        outcome = self._wire.flush()  # one PDU at a time, for an observer
        while outcome is Signal.SENT:
            if self._shown:
                self._show(self.observer.pdu_sent, self._shown)
            self._shown = message.data_to_send(1)
            if not self._shown:
                return Signal.SENT
            outcome = self._wire.send_pdu(self._shown)
        return outcome
