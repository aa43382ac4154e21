"""A C-STORE request of ours whose data set is sent while it comes from somewhere else.

It goes out as it comes in: same SOP class, same transfer syntax, no byte changed. No other message leaves on
the association meanwhile; operations of other threads wait as they do for room in the window.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

from fastdicom._core.command import CommandSet, encode_command
from fastdicom._core.exchange import Invocation
from fastdicom._core.pdata import MessageWriter
from fastdicom.association.driving import drive
from fastdicom.association.outgoing import context_for
from fastdicom.dimse.messages import C_STORE_RQ, HAS_DATA_SET
from fastdicom.dimse.results import StatusDataset, status_dataset
from fastdicom.errors import AssociationAborted

if TYPE_CHECKING:
    from fastdicom.association.association import Association


class StoreStream:
    """A C-STORE on one association.

    It is begun, and its response awaited, by one thread at a time; `break_off` is for any thread.

    Parameters
    ----------
    association
        The association, of which we are SCU.
    command
        The request that is passed on: SOP class and instance, priority, and the C-MOVE that it is done for.
    transfer_syntax
        What the data set is encoded in.

    Raises
    ------
    NoAcceptedContext
        When the peer does not take such objects, encoded like this. Nothing is sent.
    """

    def __init__(self, association: Association, command: CommandSet, transfer_syntax: str) -> None:
        self._association = association
        self._command = command
        contexts = association._outgoing_contexts
        self._context_id = context_for(command.get(0x0002, ""), transfer_syntax, contexts)
        self._invocation: Invocation | None = None
        self._writer: MessageWriter | None = None
        self._turn = threading.RLock()  # for who sends, or cleans up
        self._is_broken = self._is_over = False

    def begin(self) -> None:
        """Wait until the association is free, and reserve it.

        Raises
        ------
        AssociationError
            When there is no association, or `break_off` has been called.
        ValueError
            When the peer's maximum length has no room for a byte.
        """
        with self._turn:
            try:
                self._reserve()
            except BaseException:
                self._is_broken = True
                raise
        self._look_whether_broken()

    def _reserve(self) -> None:
        association = self._association
        association._check_established()
        invocation = None
        while invocation is None:
            # Not in the name of this thread: another one may go on with it.
            invocation = association._exchange.invoke(self._context_id, C_STORE_RQ, None, self, monotonic())
            if invocation is None:
                association.await_room(self)
                association._check_established()
        self._invocation = invocation
        elements: dict[int, Any] = {
            0x0002: self._command.get(0x0002),
            0x0100: C_STORE_RQ,
            0x0110: invocation.message_id,
            0x0700: self._command.get(0x0700, 0),
            0x0800: HAS_DATA_SET,
            0x1000: self._command.get(0x1000),
            0x1030: self._command.get(0x1030),
            0x1031: self._command.get(0x1031),
        }
        command, maximum_length = encode_command(elements), association._peer_maximum_length
        writer = MessageWriter(self._context_id, command, None, maximum_length, is_open=True)
        association._link.begin_stream(writer)
        self._writer = writer

    def send(self, pieces: list[Any], *, is_last: bool) -> None:
        """Send what comes next of the data set.

        Raises
        ------
        AssociationError
            When the association has ended.
        """
        with self._turn:
            writer, invocation = self._writer, self._invocation
            if writer is not None and invocation is not None and not self._is_broken:
                writer.add(pieces, is_last)
                invocation.begun = monotonic()  # for who waits for responses: it has not been asked before
                if not self._association._link.send(writer):
                    self._lose(invocation)
                elif is_last:
                    self._end(writer)
                else:
                    writer.add((), is_last=False)  # which lets go of the pieces
        self._look_whether_broken()

    def _lose(self, invocation: Invocation) -> None:
        """Take note that the association is over, and of why."""
        self._is_broken = True
        self._association._finish(invocation)
        self._association._settle()

    def _end(self, writer: MessageWriter) -> None:
        self._is_over = True
        self._writer = None
        self._association._link.end_stream(writer)
        if self._association._observes_messages:
            self._association._tell_sent(writer.command, self._context_id)

    def response(self) -> StatusDataset:
        """Wait for the response, and return its status.

        Raises
        ------
        AssociationError
            When there is none: the association has ended.
        """
        invocation = self._invocation
        response = None if invocation is None else drive(self._association._response_to(invocation))
        if response is None:
            self._association._check_established()
            raise AssociationAborted(0, 0, "the association ended before the response")
        return status_dataset(response.command)

    def break_off(self) -> None:
        """Abort the association if the message has been begun: it cannot be completed. From any thread."""
        self._is_broken = True
        if self._writer is not None:
            self._association._break_off()
        if self._turn.acquire(blocking=False):
            try:
                self._clean_up()
            finally:
                self._turn.release()

    def _look_whether_broken(self) -> None:
        # After the turn: who broke it off meanwhile has left the rest to us.
        if self._is_broken:
            with self._turn:
                self._clean_up()
            self._association._check_established()
            raise AssociationAborted(0, 0, "the object was broken off")

    def _clean_up(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        association = self._association
        writer, self._writer = self._writer, None
        if writer is not None:
            association._break_off()
        if self._invocation is not None:
            association._finish(self._invocation)
        if writer is not None:
            association._link.end_stream(writer)
            if not association._is_closed:
                try:
                    association._wind_up(block=False)
                except RuntimeError:  # no thread is to be had
                    association._wind_up()
