"""Whom a connection tells of PDUs, and asks where data sets go."""

from __future__ import annotations

from typing import Protocol

from fastdicom._core.pdata import Message, Reader, Signal


class Observer(Protocol):
    """Who wants to see each PDU, as bytes."""

    def pdu_received(self, pdu: bytes) -> None:
        """Take note of a received PDU."""

    def pdu_sent(self, pdu: bytes) -> None:
        """Take note of a PDU that has been sent."""


class DataSetSinks(Protocol):
    """Who chooses where data sets go while they are received.

    `is_receiving` tells whether the one that is being received goes to a file, or is taken on, and `is_held`
    whether no more of it should be received now.
    """

    is_receiving: bool

    @property
    def is_held(self) -> bool:
        """Whether something is to be done about what has come of it."""

    def choose(self, signal: Signal, reader: Reader) -> bool:
        """Answer COMMAND, LOOK, FULL, NO_ROOM or SINK_FAILED; True when somebody above is to."""

    def attach(self, message: Message, reader: Reader) -> None:
        """Take note of the message that the file belongs to, now that it is whole."""
