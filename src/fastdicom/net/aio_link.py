"""One connection of an event loop and its upper layer: what `connection` is for threads.

It calls back and is not waited on: what comes is told from within the transport's callbacks, so that an
idle association costs neither a task nor a queue. While nobody can take what comes, the transport is paused.
All of it belongs to the loop's thread.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable
from time import monotonic
from typing import Any

from fastdicom._core.pdata import Message, ObservedPdu, Reader, Signal
from fastdicom.errors import AbortSource, AssociationError, MessageError, ProtocolError
from fastdicom.log import get_logger
from fastdicom.net.aio_filing import GONE, Filing, Outcome
from fastdicom.net.aio_sending import HIGH_WATER, LOW_WATER
from fastdicom.net.aio_tasks import Starter
from fastdicom.net.attendants import Observer
from fastdicom.net.connection import Happening, OnTransition
from fastdicom.net.ending import ABORT_LINGER
from fastdicom.net.sinks import Sinks
from fastdicom.net.tls import describe
from fastdicom.net.visitor import DROPPED_LIMIT
from fastdicom.net.wires import STALLS
from fastdicom.ul.provider import Provider
from fastdicom.ul.states import State

LOGGER = get_logger(__name__)

# Bytes that a transport may receive at once, as far as the reader has room for them.
RECEIVED_AT_ONCE = 256 << 10


class Link(Filing):
    """A transport with its state machine, made within the running loop.

    Parameters
    ----------
    provider
        The state machine.
    reader
        What takes received bytes apart.
    observer
        Sees each PDU that is not P-DATA-TF, and those as well when `show` says so.
    sinks
        Chooses where data sets go.
    starter
        Runs the coroutines that work for the association.

    Attributes
    ----------
    on_happening
        Told of each thing that comes, as `Connection.receive` returns it: Message, Indication, or a Signal.
        TIMED_OUT when a timeout of `set_timeouts` has passed; COMMAND when `sinks.arrival` is to be chosen
        for, then nothing more comes until `settle`; CLOSED at the very end, once.
    on_open
        Called when the transport is there, before anything is received from it.
    on_first, on_part
        Called before the state machine is told of the first thing that comes, or that nothing came in time;
        and with the number of bytes when only a part of it has come.
    on_end, on_close, on_gone
        Called when there is no association any more, when the connection is closed for it, and when the
        transport is gone.
    first_deadline
        Until when the first thing has to come, while `on_first` waits for it.
    fault, timed_out : str or None
        Why this side aborted, when it was not asked to; which timeout of it that was.
    sees_off
        Whether it is over for the association when nothing is left but to wait for the peer to close (Sta13).
    """

    is_streaming = False  # an object is not sent while it comes in, which is for connections of threads

    def __init__(
        self,
        provider: Provider,
        reader: Reader,
        observer: Observer | None,
        sinks: Sinks | None,
        starter: Starter,
    ) -> None:
        super().__init__(provider, reader, sinks)
        self._starter = starter
        self.observer: Any = observer
        self.on_happening: Callable[[Happening], object] = bool
        self.on_open: Callable[[], object] = bool
        self.on_part: Callable[[int], object] = bool
        self.on_end: Callable[[], object] = bool
        self.on_close: Callable[[], object] = bool
        self.on_gone: Callable[[], object] = bool
        self.sees_off = False
        self.fault: str | None = None
        self.timed_out: str | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        self._dropped = 0
        self._is_pumping = False
        self._is_reading = True
        self._is_shut = False  # this side has closed the transport
        self._why_lost = ""
        self._gone: asyncio.Future[None] | None = None

    # The transport's.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a connected transport."""
        self._transport = transport  # type: ignore[assignment]
        self._is_made = True
        self._transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self._pace.moved_at = monotonic()
        self.on_open()
        self._pump()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where received bytes are to go."""
        return self.reader.get_buffer(RECEIVED_AT_ONCE)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        self._bytes_received += nbytes
        self._pace.moved_at = monotonic()
        self.reader.commit(nbytes)
        if self._is_over:
            self._drop(nbytes)
        elif self._is_writing:
            self._lend(self._work_off)
        else:
            self._pump()

    def eof_received(self) -> None:
        """Let the transport close: nothing more will come."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the transport is gone."""
        self._is_lost = True
        if isinstance(exc, ssl.SSLError):
            self._why_lost = describe(exc)
        self._wake_all_senders()
        if self._is_over:
            self._settle()
        else:
            self._pump()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self.on_gone()

    # Settings.

    def set_timeouts(
        self, idle: float | None, progress: float | None, throughput: float, window: float
    ) -> None:
        """Bound what follows, as `Wire.set_timeouts` and `set_minimum_throughput` do."""
        self._pace.set_limits(idle, progress, throughput, window)
        self._flows = False
        self._settle()

    def show(
        self, *, pdus: bool, received_data: bool, sent_data: bool, on_transition: OnTransition | None
    ) -> None:
        """Say what is to be shown: PDUs, each P-DATA-TF that is received or sent as well, each transition."""
        self.reader.is_observed = received_data
        self._shows_pdus = pdus
        self._shows_sent_data = sent_data
        self.provider.on_transition = on_transition
        self._flows = False

    def begin_data_transfer(self, context_ids: Iterable[int], *, holds_commands: bool) -> None:
        """Expect messages on these presentation contexts from now on."""
        self.reader.begin_data_transfer(context_ids, holds_commands)

    # For who works for the association.

    @property
    def is_open(self) -> bool:
        """Whether the connection has not been closed yet."""
        return not self._is_over

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it belongs to."""
        return self._loop

    def get_extra_info(self, name: str) -> Any:
        """Return what the transport knows of itself, as `asyncio.BaseTransport.get_extra_info`."""
        return self._transport.get_extra_info(name) if self._is_made else None

    def tell(self, primitive: Callable[[float], None]) -> None:
        """Apply a primitive of the local user to the state machine, and send what comes of it.

        Raises
        ------
        AssociationError
            When it is not possible in the current state; nothing has been sent.
        """
        primitive(monotonic())
        self._after_event()
        self._pump()

    def hold(self) -> None:
        """Tell nothing more until `go_on` has been called as often: nobody can take it now."""
        self._holds += 1
        self._flows = False
        self._settle()

    def go_on(self) -> None:
        """End what `hold` began."""
        if self._holds:  # the end of the association ends all of them
            self._holds -= 1
        if not self._holds:
            self._pace.moved_at = monotonic()
            self._pump()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine that works for the association: at once, and in a task from where it waits.

        What it raises ends the connection.
        """
        try:
            task = self._starter.start(coroutine, self._loop)
        except Exception:
            self._fail()
            return
        if task is not None:
            self.tasks.add(task)
            task.add_done_callback(self._take_task)

    def linger(self, seconds: float) -> None:
        """Bound all that follows together; after that the connection is closed."""
        self._limit = monotonic() + seconds
        self._flows = False
        self._settle()

    def abort(self, source: int = AbortSource.SERVICE_USER, reason: int = 0) -> None:
        """Abort the association, if there is one; the connection is closed soon after."""
        self._abort(source, reason)
        self._pump()

    def close(self) -> None:
        """Close the connection at once."""
        if self.provider.state is not State.Sta1:
            self.provider.transport_closed(monotonic())
        self._holds = 0
        self._shut(at_once=True)
        self._pump()

    async def wait_closed(self) -> None:
        """Wait until the transport is gone."""
        if not self._is_lost:
            if self._gone is None:
                self._gone = self._loop.create_future()
            await asyncio.shield(self._gone)

    # What has come.

    def _pump(self) -> None:
        """Tell all there is to tell."""
        if self._is_pumping or self._is_busy:
            return  # who does it already, or has the reader, goes on with it
        self._is_pumping = True
        try:
            while self._advance():
                pass
        except Exception:
            self._fail()
        finally:
            self._is_pumping = False
        if not self._flows:
            self._settle()

    def _advance(self) -> bool:
        """Take the next thing; False when there is nothing, or nobody can take it."""
        if not self._flows:
            is_told = self._tell_known()
            if is_told is not None:
                return is_told
        event, self._kept = self._kept, None
        is_kept = event is not None
        if event is None:
            try:
                event = self.reader.next_event()
            except ProtocolError as error:
                self._begin()
                self._blame(error)
                return True
        if self._flows and type(event) is Message:
            self._pace.window_begin = None
            self.on_happening(event)
            return True
        if event is not Signal.NEED_DATA:
            self._begin()
            self._digest(event, is_kept=is_kept)
            return not self._is_busy
        if self._is_lost:
            self.provider.transport_closed(monotonic(), self._why_lost)
            self._after_event()
            return True
        if self.on_first is not None:
            self.on_part(self._bytes_received)
        return False

    def _begin(self) -> None:
        if self.on_first is not None:
            begin, self.on_first = self.on_first, None
            begin()

    def _tell_known(self) -> bool | None:
        """Tell what is known without looking at what has come; None when that is next."""
        indication = self.provider.next_indication()
        if indication is not None:
            self.on_happening(indication)
            return True
        if self._is_over:
            return False
        if self.provider.closes_transport or (self._is_lost and self.provider.state is State.Sta1):
            self._shut(at_once=False)
            if self._is_lost:
                self._finish()
            return False
        if self.provider.state is State.Sta13 and self.sees_off and not self._is_lost:
            self._leave()
            return False
        return False if self._holds else None

    def _digest(self, event: Outcome, *, is_kept: bool) -> None:
        """Tell the state machine what came, and the association what it has to know of it."""
        now = monotonic()
        if isinstance(event, Message):
            if self._is_writing:
                self.sinks.attach(event, self.reader)
                self._is_writing = False
            self._pace.window_begin = None
            if self.provider.receive_p_data(now):
                self.on_happening(event)
            else:
                self._after_event()
        elif isinstance(event, ObservedPdu):
            self.observer.pdu_received(event.encoded)
        elif isinstance(event, bytes):
            if self._shows_pdus:
                self.observer.pdu_received(event)
            self.provider.receive_pdu(event, now)
            self._after_event()
        elif event is Signal.P_DATA:
            self.provider.receive_p_data(now)
            self._after_event()
        elif self.sinks.arrival is not None:
            self.hold()
            self.on_happening(event)
        elif event is Signal.NO_ROOM and not is_kept:
            self._await_room()
        else:
            self._lend(self._work_off, event)

    def _take_task(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            try:
                task.result()
            except Exception:
                self._fail()

    # What follows from it.

    def _after_event(self) -> None:
        self._flows = False
        if self.provider.state is State.Sta13:
            if not self._is_busy:
                self.reader.ignore_everything()
            self._holds = 0
            self.on_end()  # before the peer hears of it: it may associate again at once
        self._flush()
        if self._turns or self._room is not None:
            self._wake_all_senders()

    def _blame(self, error: ProtocolError) -> None:
        """Abort for what the peer sent."""
        self.fault = str(error)
        now = monotonic()
        if isinstance(error, MessageError) and self.provider.state not in GONE:
            self.provider.request_abort(now)
        else:
            self.provider.receive_invalid(error, now)
        self._after_event()

    def _stall(self, signal: Signal) -> None:
        """Abort, as the peer does not take or send what it has to."""
        self.timed_out, self.fault = STALLS[signal]
        self._abort()

    def _abort(self, source: int = AbortSource.SERVICE_USER, reason: int = 0) -> None:
        if self._is_over or self.provider.state in GONE:
            return
        self._limit = monotonic() + ABORT_LINGER
        try:
            self.provider.request_abort(monotonic(), source, reason)
        except AssociationError:  # nobody has asked for an association yet
            self.provider.transport_closed(monotonic())
            self._shut(at_once=True)
        self._after_event()

    def _fail(self) -> None:
        """End the connection for an error of this program."""
        LOGGER.exception("an association ended in an error of this program")  # noqa: LOG004
        self.close()

    # The end.

    def _shut(self, *, at_once: bool) -> None:
        """Close the transport: `connection_lost` follows. Nothing that it still keeps is of use."""
        self._flows = False
        if not self._is_made:
            self._is_lost = True
        elif self._transport.get_write_buffer_size():
            self._reset()
        elif at_once:
            self._transport.abort()
        elif not self._is_shut:
            self._transport.close()
            # The peer may not say good-bye, as TLS wants it.
            self._limit = monotonic() + ABORT_LINGER
        self._is_shut = True

    def _leave(self) -> None:
        """Be over for the association; only the peer's closing is waited for (AR-5, AA-2)."""
        now = monotonic()
        limits = [limit for limit in (self.provider.deadline, self._limit) if limit is not None]
        self._limit = min(limits, default=now + ABORT_LINGER)
        self.provider.transport_closed(now)
        transport = self._transport
        if transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()
        self._finish()

    def _finish(self) -> None:
        self._is_over = True
        self._flows = False
        self.reader.discard()
        self.on_close()
        self.on_happening(Signal.CLOSED)
        # An association and its link refer to each other.
        self.on_happening = self.on_end = self.on_close = bool

    def _drop(self, count: int) -> None:
        """Drop what a leaving peer still sends."""
        self.reader.next_event()
        self._dropped += count
        if self._dropped > DROPPED_LIMIT:
            self._shut(at_once=True)

    # What is waited for.

    def _settle(self) -> None:
        """Say whether more is to be received, and when to look at the time."""
        if self._is_pumping:
            return
        is_taken = not (self._holds or self._is_busy)
        self._flows = (
            is_taken
            and self.provider.state is State.Sta6
            and self.provider.on_transition is None
            and not (self._is_over or self._is_lost or self._is_shut)
        )
        if is_taken is not self._is_reading and self._is_made and not self._transport.is_closing():
            self._is_reading = is_taken
            (self._transport.resume_reading if is_taken else self._transport.pause_reading)()
        self._set_timer()

    @property
    def _is_receiving(self) -> bool:
        return not (self._holds or self._is_busy) and self.reader.is_mid_message

    @property
    def _is_watched(self) -> bool:
        return (
            self._is_made and not self._is_over and (self._is_blocked or not (self._holds or self._is_busy))
        )

    def _rest(self) -> None:
        self.reader.rest()

    def _time_out(self, now: float) -> None:
        if self._limit is not None and now >= self._limit:
            self._drop_what_is_not_taken()
            self.close()
            return
        self._begin()
        self.provider.expire(now)
        self._after_event()

    def _tell_limit(self, signal: Signal) -> None:
        if signal is Signal.TOO_SLOW or self._is_blocked:
            self._stall(signal)
            return
        try:
            self.on_happening(signal)
        except Exception:
            self._fail()
