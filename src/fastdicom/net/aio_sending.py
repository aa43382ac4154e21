"""The sending half of a link: messages in bounded pieces, one message at a time, whole PDUs between them.

What the transport cannot hand to the network is bounded by its buffer: beyond that, who sends waits.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from time import monotonic
from typing import Any

from fastdicom._core.pdata import MessageWriter
from fastdicom.net.aio_pace import Pace
from fastdicom.net.resetting import reset_what_is_not_taken, reset_when_closed
from fastdicom.ul.provider import Provider
from fastdicom.ul.states import State

# Bytes that the transport may keep before who sends has to wait, and until who waits goes on.
HIGH_WATER = 256 << 10
LOW_WATER = 64 << 10

# Pieces of a message, of 128 KiB or a PDU, that are handed over before others of the loop have their turn.
PIECES_AT_ONCE = 8

# States in which messages may be sent.
SENDING = (State.Sta6, State.Sta8)


class Sending(asyncio.BufferedProtocol):
    """What a link has to send with.

    Attributes
    ----------
    provider
        The state machine.
    observer
        Sees what is sent, as far as it is to be shown.
    """

    observer: Any
    _transport: asyncio.Transport  # once there is one

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._loop = asyncio.get_running_loop()
        self._pace = Pace(monotonic())
        self._is_made = False  # there is a transport
        self._shows_pdus = self._shows_sent_data = False
        self._flows = False  # in Sta6, and nobody wants to know of transitions: the table is not asked
        self._bytes_sent = 0
        self._is_blocked = False  # the transport has all that it may keep
        self._is_sending = False  # a message is on its way
        self._turns: deque[asyncio.Future[None]] = deque()  # who wants to send another one
        self._room: asyncio.Future[None] | None = None  # for who is sending

    # The transport's.

    def pause_writing(self) -> None:
        """Take note that the transport has enough."""
        self._is_blocked = True
        self._settle()

    def resume_writing(self) -> None:
        """Take note that the transport takes more."""
        self._is_blocked = False
        self._pace.moved_at = monotonic()
        self._wake_sender()

    # For who works for the association.

    async def send(self, message: MessageWriter) -> bool:
        """Send a message; False when the association ended meanwhile, which has been told.

        It waits for other messages that are on their way, and while the transport has enough. Cancelled in
        the middle of the message, the association is aborted: half of it cannot be taken back.

        Raises
        ------
        AssociationError
            When the association is not in a state to send; nothing has been sent.
        """
        if self._is_sending or self._is_blocked:
            await self._turn()
        if not self._flows:
            self.provider.request_p_data()
        self._write(message)
        if not message.is_complete and not await self._send_rest(message):
            return False
        self._pace.moved_at = monotonic()
        return True

    def _write(self, message: MessageWriter) -> None:
        """Hand the next piece of a message to the transport."""
        piece = message.data_to_send(1 if self._shows_sent_data else 0)
        self._bytes_sent += len(piece)
        self._transport.write(piece)
        if self._shows_sent_data:
            self.observer.pdu_sent(piece)

    async def _send_rest(self, message: MessageWriter) -> bool:
        self._is_sending = True
        count = 1
        try:
            while self.provider.state in SENDING:
                if message.is_complete:
                    return True
                if self._is_blocked:
                    self._room = self._loop.create_future()
                    await self._room
                elif count % PIECES_AT_ONCE == 0:
                    await asyncio.sleep(0)
                    count += 1
                else:
                    self._write(message)
                    count += 1
            return False
        except BaseException:
            if not message.is_complete:
                self.abort()
            raise
        finally:
            self._is_sending = False
            self._room = None
            self._wake_sender()

    async def _turn(self) -> None:
        """Wait until a message may begin, or the association is over."""
        while (self._is_sending or self._is_blocked) and self.provider.state in SENDING:
            turn = self._loop.create_future()
            self._turns.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake_sender()
                raise

    def _wake_sender(self) -> None:
        """Let go on who sends, or else who has waited longest for it."""
        if self._is_sending:
            if self._room is not None and not self._room.done():
                self._room.set_result(None)
            return
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _wake_all_senders(self) -> None:
        """Have all of them notice that the association is over."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)

    def _flush(self) -> None:
        """Send what the state machine has to say."""
        pdu = self.provider.data_to_send()
        if not pdu or not self._is_made or self._transport.is_closing():
            return
        self._bytes_sent += len(pdu)
        self._transport.write(pdu)
        if self._shows_pdus:
            self.observer.pdu_sent(pdu)

    def _reset(self) -> None:
        """Abort the transport, with what it and the system have not sent."""
        reset_when_closed(self._transport.get_extra_info("socket"))
        self._transport.abort()

    def _drop_what_is_not_taken(self) -> None:
        """Have the system keep nothing, once the transport is closed, that the peer has not taken by now."""
        if self._is_made:
            reset_what_is_not_taken(self._transport.get_extra_info("socket"))

    # What the link does for it.

    @abstractmethod
    def abort(self) -> None:
        """Abort the association."""

    @abstractmethod
    def _settle(self) -> None:
        """Set the timer to what is waited for now."""
