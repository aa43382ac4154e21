"""The DIMSE operations that this side invokes: requests go out, their responses are awaited (PS3.7 9).

Any number of threads may invoke operations of one association. As many are in progress at once as have been
negotiated; the others wait for their turn. Of the threads that wait for something, one has the lead: it
receives for all of them, and serves what the peer asks for.
"""

from __future__ import annotations

import threading
from _thread import start_new_thread
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any

from fastdicom._core.command import encode_command
from fastdicom._core.exchange import Exchange, Goal, Inquiry, Invocation
from fastdicom._core.pdata import Message, MessageWriter, Signal
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
from fastdicom.net.connection import ABORT_LINGER, Connection
from fastdicom.net.sinks import Sinks
from fastdicom.sop_class import Verification

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity
    from fastdicom.ul.provider import Indication

LOGGER = get_logger("fastdicom.association")

# For who waits until the connection is closed.
NEVER = Goal()

VERIFICATION_UID = str(Verification)


class Operations(ABC):
    """What an association needs to be an SCU."""

    # Attributes beyond some 30 would make all of an object's attributes slow to get at; these do not count.
    __slots__ = (
        "_exchange",
        "_guard",
        "_is_ahead",
        "_is_closed",
        "_lead",
        "_link",
        "_observes_messages",
        "_outgoing_contexts",
        "_patience",
        "_peer_maximum_length",
        "_turn",
        "_unawaited",
        "_verification_context",
        "_waiting",
    )

    ae: ApplicationEntity
    _is_established: bool
    _link: Connection  # once there is one
    _sinks: Sinks

    def __init__(self) -> None:
        self._exchange = Exchange()
        # The C-STORE of a thread that has something else to do before it waits for the response.
        self._unawaited: dict[int, Invocation] = {}
        # For those who wait for something else than the network. Reentrant: what is thrown away while it is
        # held may be an iterator of responses that nobody wants any more.
        self._guard = threading.RLock()
        self._turn = threading.Condition(self._guard)
        self._waiting = 0
        # Who has it receives for all. Reentrant: what is told of may ask for something itself.
        self._lead = threading.RLock()
        self._is_closed = False
        # The peer had sent more when our last response left: should that be a request, it came too early.
        self._is_ahead = False
        self._observes_messages = False
        self._verification_context: int | None = None
        self._peer_maximum_length = 0
        self._patience: float | None = None  # dimse_timeout, once it is established
        # (abstract syntax, transfer syntax) to the presentation context that we may be SCU on
        self._outgoing_contexts: dict[tuple[str, str], int] = {}

    def send_c_echo(self, msg_id: int | None = None) -> StatusDataset:
        """Send a C-ECHO request and wait for the response (PS3.7 9.1.5).

        Parameters
        ----------
        msg_id
            The Message ID, 1 to 65535; chosen when None.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the peer did not answer: the association is then gone.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When the Verification SOP Class was not accepted.
        """
        if not self._is_established:
            self._check_established()
        if self._verification_context is None:
            raise ValueError(f"no accepted presentation context for Verification SOP Class ({Verification})")
        invocation = self._begin(self._verification_context, C_ECHO_RQ, msg_id)
        elements = {
            0x0002: VERIFICATION_UID,
            0x0100: C_ECHO_RQ,
            0x0110: invocation.message_id,
            0x0800: NO_DATA_SET,
        }
        response = self._ask(invocation, elements, None)
        return no_answer() if response is None else status_dataset(response.command)

    def send_c_store(
        self,
        dataset: Any,
        msg_id: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> StatusDataset:
        """Send an object with C-STORE and wait for the response (PS3.7 9.1.1).

        Parameters
        ----------
        dataset
            The path of a DICOM file, which goes out as its bytes are; a pydicom Dataset, which is
            encoded; or any buffer with an encoded data set.
        msg_id
            The Message ID, 1 to 65535; chosen when None.
        priority
            0 medium, 1 high, 2 low.
        originator_aet, originator_id
            The AE title and the Message ID of the C-MOVE that this is done for, if any.
        transfer_syntax
            The transfer syntax of an encoded data set. Not needed for a buffer with a whole DICOM file.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the peer did not answer: the association is then gone.

        Raises
        ------
        RuntimeError
            When the association is not established.
        OSError
            When a file cannot be read.
        AttributeError
            When a Dataset lacks its SOP class, instance or transfer syntax.
        ValueError
            When it is no DICOM object, or fits no accepted presentation context. Nothing was sent.
        """
        if not self._is_established:
            self._check_established()
        prepared = outgoing.prepare(dataset, transfer_syntax, self._means())
        invocation = self._send_store(prepared, msg_id, priority, originator_aet, originator_id)
        response = self._response_to(invocation)
        return no_answer() if response is None else status_dataset(response.command)

    def _means(self) -> outgoing.Means:
        return outgoing.Means(self._outgoing_contexts, self.ae.buffer_pool, self.ae.transcoding)

    def _send_store(
        self,
        prepared: outgoing.Outgoing,
        message_id: int | None,
        priority: int,
        originator_aet: str | None,
        originator_id: int | None,
    ) -> Invocation:
        """Send a C-STORE request; `_response_to` has to follow."""
        invocation: Invocation = self._begin(prepared.context_id, C_STORE_RQ, message_id)
        elements = {
            0x0002: prepared.sop_class_uid,
            0x0100: C_STORE_RQ,
            0x0110: invocation.message_id,
            0x0700: priority,
            0x0800: HAS_DATA_SET,
            0x1000: prepared.sop_instance_uid,
            0x1030: originator_aet,
            0x1031: originator_id,
        }
        self._request(invocation, elements, prepared.data_set)
        return invocation

    def _begin(
        self, context_id: int, command_field: int, message_id: int | None, kind: type[Invocation] = Invocation
    ) -> Any:
        """Begin an operation, of the given kind, once there is room for it."""
        while True:
            thread = get_ident()
            invocation = self._exchange.invoke(
                context_id, command_field, message_id, thread, monotonic(), kind
            )
            if invocation is not None:
                return invocation
            self._make_room(thread)
            self._check_established()

    def _make_room(self, thread: int) -> None:
        """Wait until an operation has ended, or may have."""
        if self._catch_up(thread):
            return
        with self._guard:
            inquiry = self._exchange.inquiry_of(thread)
            if inquiry is None:
                self._exchange.check_may_wait(thread)
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

    def _catch_up(self, thread: int) -> bool:
        """Wait for the response that this thread has put off; tell whether there is one.

        A handler that is asked for the next object of a C-GET may ask the peer for something itself.
        """
        invocation = self._unawaited.pop(thread, None)
        if invocation is None:
            return False
        self._response_to(invocation)  # which is kept
        return True

    def _finish(self, invocation: Invocation) -> None:
        """End an operation of ours, and tell those who wait for that."""
        self._exchange.end(invocation)
        if self._waiting:
            self._tell_all()

    def _abandon(self, inquiry: Inquiry) -> None:
        """Ask the peer to cancel an operation whose responses nobody wants any more (PS3.7 9.3.2.3)."""
        inquiry.begun = monotonic()
        inquiry.is_abandoned = True
        inquiry.responses.clear()
        if inquiry.is_answered:
            self._finish(inquiry)
            return
        with suppress(AssociationError):  # the association has ended, and with it the operation
            self._cancel_at_peer(inquiry.context_id, inquiry.message_id)

    def _abandon_later(self, inquiry: Inquiry) -> None:
        """Do so in another thread: a finalizer runs in the middle of anything, with any lock held."""
        with suppress(RuntimeError):  # there is none to be had, as when the program ends
            start_new_thread(self._abandon, (inquiry,))

    def _cancel_at_peer(self, context_id: int, message_id: int) -> None:
        elements = {0x0100: C_CANCEL_RQ, 0x0120: message_id, 0x0800: NO_DATA_SET}
        self._send(context_id, encode_command(elements), None)

    def _end_inquiries(self) -> None:
        """Have the peer cancel what this thread has not asked all responses of, and wait for that."""
        thread = get_ident()
        self._catch_up(thread)
        while True:
            with self._guard:
                inquiry = self._exchange.inquiry_of(thread)
            if inquiry is None or self._is_closed:
                return
            if not inquiry.is_abandoned:
                self._abandon(inquiry)
            self._wait_for(inquiry.ending)
            self._finish(inquiry)

    def _ask(
        self, invocation: Invocation, elements: dict[int, Any], data_set: Sequence[Any] | None
    ) -> Message | None:
        """Send a request and return its response; None when the association is gone."""
        self._request(invocation, elements, data_set)
        return self._response_to(invocation)

    def _request(
        self, invocation: Invocation, elements: dict[int, Any], data_set: Sequence[Any] | None
    ) -> None:
        """Send a request. When the association is gone there is nothing more to wait for."""
        try:
            if not self._send(invocation.context_id, encode_command(elements), data_set):
                self._settle()
        except BaseException:
            self._finish(invocation)
            raise

    def _response_to(self, invocation: Invocation) -> Message | None:
        """Return the response to a request that has been sent; None when the association is gone."""
        try:
            self._wait_for(invocation)
        finally:
            self._exchange.end(invocation)
            if self._waiting:
                self._tell_all()
        return invocation.response

    def _send(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> bool:
        message = MessageWriter(context_id, command, data_set, self._peer_maximum_length)
        if not self._link.send(message):
            return False
        if self._observes_messages:
            self._tell_sent(command, context_id)
        return True

    # Receiving, by whoever has the lead.

    def _wait_for(self, goal: Goal) -> None:
        """Receive, or let another thread receive, until a goal is reached or the connection is closed."""
        while not self._is_closed:
            if not self._lead.acquire(False):
                if self._follow(goal):
                    return
                continue
            try:
                request = None if goal.is_reached else self._receive()
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

    def _tell_all(self) -> None:
        """Have those who wait look whether what they wait for is so.

        After each change that matters to them, if anybody waits: who began to wait before the change is
        counted, and who begins after it sees the change.
        """
        with self._guard:
            self._turn.notify_all()

    def _receive(self, *, waits: bool = True) -> Message | None:
        """Take note of what happens next; return it when it is a request. For who has the lead."""
        happening = self._link.receive(waits=waits)
        if type(happening) is Message:
            if not happening.command.command_field & IS_RESPONSE:
                if self._exchange.is_invoking:
                    self._take_suboperation()
                return happening
            self._take_response(happening)
        elif happening is Signal.TIMED_OUT:
            if waits:
                self._time_out()
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
            LOGGER.error("aborting: %s", error)
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
        with self._guard:
            oldest = self._exchange.oldest()
        if self._patience is not None and oldest is not None and monotonic() - oldest > self._patience:
            self._time_out()

    def _time_out(self) -> None:
        if self._exchange.is_invoking:
            LOGGER.error("no response within dimse_timeout, %s s: aborting", self._patience)
            self._break_off()
        elif not self._exchange.performed and self._may_end_idle():  # who waits for us is not idle
            self.end_idle()

    def _settle(self) -> None:
        """Wait until the connection is closed, now that the association is over."""
        self._link.linger(ABORT_LINGER)
        self._wait_for(NEVER)

    # What the association does for its operations.

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
    def serve(self, message: Message) -> None:
        """Answer a request of the peer."""

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
        """Abort the association, within `_receive`: who has called that receives until the end."""
