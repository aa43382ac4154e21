"""Waiting in threads: what the blocking driver provides for the coroutines that all drivers share.

Nothing in here suspends a coroutine: what is awaited blocks, and `drive` runs it to its end. C-ECHO and
C-STORE, in either direction, do without a coroutine: that would cost them a fifth. Any number of threads may
use one association. Of those that wait for something, one has the lead: it receives for all of them, and
serves what the peer asks for.
"""

from __future__ import annotations

import threading
from _thread import start_new_thread
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from fastdicom._core.command import encode_command
from fastdicom._core.exchange import Goal, Inquiry, Invocation
from fastdicom._core.linger import Linger
from fastdicom._core.pdata import Message, MessageWriter
from fastdicom.association import outgoing
from fastdicom.association.driving import drive
from fastdicom.association.handlers import Handlers
from fastdicom.association.life import Life
from fastdicom.association.operations import LOGGER, NEVER
from fastdicom.association.outgoing import Outgoing
from fastdicom.association.pacing import Pacing
from fastdicom.association.watchdog import watched
from fastdicom.errors import AssociationError, MessageError
from fastdicom.events import EventType, Handler
from fastdicom.net.connection import Connection
from fastdicom.net.ending import ABORT_LINGER
from fastdicom.services.performer import Answering, Bound, Rest, Step

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity
    from fastdicom.association.association import Association

Result = TypeVar("Result")


class Waiting(Life):
    """What an association needs to be used by threads, and to serve in them."""

    __slots__ = ("_deferred", "_defers", "_guard", "_lead", "_turn")

    ae: ApplicationEntity
    _link: Connection

    def __init__(self, ae: ApplicationEntity, mode: str, handlers: Handlers) -> None:
        super().__init__(ae, mode, handlers)
        # For those who wait for something else than the network. Reentrant: what is thrown away while it is
        # held may be an iterator of responses that nobody wants any more.
        self._guard = threading.RLock()
        self._turn = threading.Condition(self._guard)
        # Who has it receives for all. Reentrant: what is told of may ask for something itself.
        self._lead = threading.RLock()
        # Whether the response may leave with what is received next, by who has asked for it to be served.
        self._defers = False
        self._deferred: MessageWriter | None = None

    # For what is shared.

    async def _send(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> bool:
        return self._send_now(context_id, command, data_set)

    def _send_now(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> bool:
        message = MessageWriter(context_id, command, data_set, self._peer_maximum_length)
        if not self._link.send(message):
            return False
        if self._observes_messages:
            self._tell_sent(command, context_id)
        return True

    def _ask_now(
        self, context_id: int, elements: dict[int, Any], data_set: Sequence[Any] | None
    ) -> Message | None:
        """Do what `_ask` does, without a coroutine: for C-ECHO and C-STORE, of which there are many."""
        invocation = self._exchange.invoke(
            context_id, elements[0x0100], elements[0x0110], get_ident(), monotonic()
        )
        if invocation is None:  # it has to wait for its turn, and it does not matter how
            return drive(self._ask(context_id, elements, data_set))
        elements[0x0110] = invocation.message_id
        try:
            self._converse(context_id, encode_command(elements), data_set)
            if not invocation.is_reached:
                self._wait_for(invocation)
        finally:
            self._finish(invocation)
        return invocation.response

    def _converse(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> None:
        """Send a request, and receive what comes next unless another thread has the lead."""
        # While something is streamed the request has to wait, and others receive meanwhile.
        is_plain = not (self._observes_messages or self._link.is_streaming)
        if not (is_plain and self._lead.acquire(False)):
            if not self._send_now(context_id, command, data_set):
                self._settle()
            return
        try:
            message = MessageWriter(context_id, command, data_set, self._peer_maximum_length)
            request = self._take(self._link.receive(first=message))
        finally:
            self._lead.release()
            if self._waiting:
                self._tell_all()
        if request is not None:
            self.serve(request)

    def _finish(self, invocation: Invocation) -> None:
        super()._finish(invocation)
        # What has come behind the response is in memory already: the descriptor does not tell a worker of it.
        if self._link.holds_bytes and not self._exchange.is_invoking:
            self._link.on_news()

    async def _reached(self, goal: Goal) -> None:
        self._wait_for(goal)

    async def _settled(self) -> None:
        self._settle()

    async def _make_room(self) -> None:
        if not await self._catch_up():
            self.await_room(get_ident())

    def await_room(self, who: Any) -> None:
        """Wait until an operation has ended, or may have, on behalf of a thread or of whatever else."""
        with self._guard:
            inquiry = self._exchange.inquiry_of(who)
            if inquiry is None:
                self._exchange.check_may_wait(who)
                self._waiting += 1
                try:
                    # Looked at once more: operations end without the guard, and tell those who wait.
                    if self._exchange.is_full:
                        self._turn.wait()
                finally:
                    self._waiting -= 1
        if inquiry is not None:  # its responses wait until they are asked for
            self._wait_for(inquiry.ending)
            self._finish(inquiry)

    async def prepare_c_store(self, dataset: Any, transfer_syntax: str | None) -> Outgoing:
        """Find out what is to be sent, for `begin_c_store`; raises what `send_c_store` does."""
        return outgoing.prepare(dataset, transfer_syntax, self._means())

    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that takes its time: it reads files, or decodes."""
        return function(*arguments)

    def _who(self) -> int:
        return get_ident()

    def _tell_all(self) -> None:
        """Have those who wait look whether what they wait for is so.

        After each change that matters to them, if anybody waits: who began to wait before the change is
        counted, and who begins after it sees the change.
        """
        if self._waiting:
            with self._guard:
                self._turn.notify_all()

    def _abandon_later(self, inquiry: Inquiry) -> None:
        """Abandon it in another thread: a finalizer runs in the middle of anything, with any lock held."""
        with suppress(RuntimeError):  # there is none to be had, as when the program ends
            start_new_thread(lambda: drive(self._abandon(inquiry)), ())

    # Receiving, by whoever has the lead.

    def _wait_for(self, goal: Goal) -> None:
        """Receive, or let another thread receive, until a goal is reached or the connection is closed."""
        while not self._is_closed:
            if not self._lead.acquire(False):
                if self._follow(goal):
                    return
                continue
            try:
                request = None if goal.is_reached else self._take(self._link.receive())
            finally:
                self._lead.release()
                if self._waiting:
                    self._tell_all()
            if request is not None:
                self.serve(request)
                # The data set's memory is free for the next one, which is about to come.
                del request
            if goal.is_reached:
                return

    def _follow(self, goal: Goal) -> bool:
        """Wait while another thread has the lead; tell whether the goal is reached."""
        with self._guard:
            self._waiting += 1
            try:
                if not (goal.is_reached or self._is_closed or self._is_free_to_lead()):
                    self._turn.wait()
            finally:
                self._waiting -= 1
            return goal.is_reached

    def _is_free_to_lead(self) -> bool:
        is_free = self._lead.acquire(False)
        if is_free:
            self._lead.release()
        return is_free

    def _receive(
        self, *, waits: bool = True, linger: Linger | None = None, first: MessageWriter | None = None
    ) -> Message | None:
        """Take note of what happens next; return it when it is a request. For who has the lead."""
        if self._sinks.is_receiving and self._sinks.taker is not None:
            # It is not parked in the middle of what is passed on: others may wait for that in all workers.
            linger = None
        return self._take(self._link.receive(waits=waits, linger=linger, first=first), waits=waits)

    def _settle(self) -> None:
        """Wait until the connection is closed, now that the association is over."""
        self._link.linger(ABORT_LINGER)
        self._wait_for(NEVER)

    # Serving, by who has received a request.

    def serve(self, message: Message, *, defers: bool = False) -> MessageWriter | None:
        """Answer a request of the peer.

        With `defers`, a response may be returned instead of being sent: for who receives next, to let both
        be done in one go.
        """
        self._defers = defers and not self._link.is_streaming
        try:
            rest = self._perform(message)
            self._defers = False
            if rest is not None:
                drive(rest)
        except BaseException as error:
            self._end_performing(message, error)
        finally:
            if self._sinks.received or self._sinks.chosen:
                self._sinks.discard(message)
        response, self._deferred = self._deferred, None
        return response

    def answer_by(self, message: Message, bound: Bound, event: Any, failure: Any, answer: Answering) -> Rest:
        """Have a handler say how a request is answered."""
        handler, arguments = bound
        try:
            result = handler(event, *arguments)
        except Exception:
            LOGGER.exception("the handler bound to %s raised", event.event)
            result = failure
        return answer(self, message, result)

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
        self._respond(message, command, data_set)

    def send_response(self, message: Message, command: bytes, data_set: Sequence[Any] | None = None) -> None:
        """Send the response, or the last one."""
        # Before it leaves: the peer's next request may follow at once.
        self._exchange.finish(message.command.message_id)
        self._is_ahead = self._exchange.performed_limit == 1 and self._link.reader.has_more
        self._respond(message, command, data_set, may_defer=self._defers and not self._observes_messages)

    def send_response_now(self, response: MessageWriter) -> None:
        """Send what `serve` has returned, as another thread receives."""
        try:
            self._link.send(response)
        except AssociationError as error:
            self.log_unsent(error)

    def _respond(
        self, message: Message, command: bytes, data_set: Sequence[Any] | None, *, may_defer: bool = False
    ) -> None:
        try:
            if may_defer:
                self._deferred = MessageWriter(
                    message.context_id, command, data_set, self._peer_maximum_length
                )
            else:
                self._send_now(message.context_id, command, data_set)
        except ValueError as error:
            raise MessageError(str(error)) from error

    def await_answer(self) -> None:
        """Negotiate: until the association is established, or the connection closed."""
        self._wait_for(self._answer)

    def intervention_handler(self, event: EventType) -> tuple[Handler, tuple[Any, ...]] | None:
        """Return what decides on an event."""
        rows = self._handlers.bound.get(event)
        if not rows:
            return None
        limit = self.ae.handler_timeout
        if limit is None:
            return rows[0]
        handler, arguments = rows[0]
        return watched(self, handler, limit), arguments

    async def call(self, handler: Handler, event: Any, arguments: tuple[Any, ...]) -> Any:
        """Call the handler of an intervention event."""
        return handler(event, *arguments)

    async def results_of(self, results: Any) -> Iterator[Any]:
        """Return an iterator over what a handler has returned."""
        return iter(results)

    async def next_of(self, results: Iterator[Any], default: Any) -> Any:
        """Return what a handler yields next, or the default at its end."""
        return next(results, default)

    async def close_results(self, results: Any) -> None:
        """Close a handler's generator, so that what it holds is let go."""
        getattr(results, "close", bool)()

    async def attend(self) -> None:
        """Take note of what has come while an operation is performed; AssociationError at its end."""
        self.look_around()

    def look_around(self) -> None:
        """Take note of what has come while an operation is performed: C-CANCEL, an abort, a release.

        Raises
        ------
        AssociationError
            When the association has ended.
        """
        if self._link.has_news():
            self._take_news()
        if not self._is_established:
            self._check_established()

    def _take_news(self) -> None:
        while self._exchange.performed_limit == 1 and self._lead.acquire(False):
            try:
                request = None if self._is_closed else self._receive(waits=False)
            finally:
                self._lead.release()
                if self._waiting:
                    self._tell_all()
            if request is None:
                break
            self.serve(request)

    def is_cancelled(self, message: Message) -> bool:
        """Whether the peer has asked to cancel this operation; what has come is looked at first."""
        with suppress(AssociationError):
            self.look_around()
        return message.command.message_id in self._exchange.cancelled

    def pacing(self, send: Step, look: Step, on_end: Callable[[], object] | None = None) -> Pacing:
        """Have pending responses sent at a pace; with `on_end`, watch the association meanwhile."""
        return Pacing(self, self.ae.pending_interval, send, look, on_end)

    @property
    def descriptor(self) -> int:
        """The descriptor that is readable when something has come; -1 when the connection is closed."""
        return self._link.fileno()

    @property
    def is_attended(self) -> bool:
        """Whether other threads receive while an operation is performed."""
        return self._exchange.performed_limit != 1

    def give_up(self, message: Message, status: int) -> None:
        """End an operation whose handler hangs, and the association with it. From any thread."""
        with suppress(AssociationError, MessageError):
            self._respond(message, message.command.encode_response(status), None)
        self.abort()
        if self._sinks.arrival is None:  # else who receives is the one that the handler keeps
            self._settle()

    async def request_association(
        self, address: Any, port: Any, contexts: Any, options: Mapping[str, Any]
    ) -> Association:
        """Request an association with another peer, for a C-MOVE."""
        return self.ae.associate(address, port, contexts, **options)

    async def release_association(self, association: Any) -> None:
        """Release such an association."""
        association.release()

    async def pass_on(self, association: Any, what: Any, transfer_syntax: str | None) -> Any:
        """Send an object on another association, and return the status."""
        return association.send_c_store(what, transfer_syntax=transfer_syntax)

    @abstractmethod
    def abort(self, block: bool = True) -> None:
        """Abort the association."""
