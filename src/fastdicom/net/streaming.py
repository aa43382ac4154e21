"""A message that is sent while its data set comes in: until it has ended, no other message leaves.

A message is contiguous on an association (PS3.8 Annex E). What is not P-DATA, an A-ABORT for one, may leave
between its PDUs, and messages are received meanwhile.
"""

from __future__ import annotations

import socket
import threading

from fastdicom._core.pdata import MessageWriter, Reader
from fastdicom.net.endpoint import Endpoint
from fastdicom.ul.provider import Provider
from fastdicom.ul.states import State

# In which messages may be sent.
_SENDING = (State.Sta6, State.Sta8)


class Streaming(Endpoint):
    """What a connection needs to send such a message."""

    def __init__(self, provider: Provider, sock: socket.socket, reader: Reader) -> None:
        super().__init__(provider, sock, reader)
        self._streamed: MessageWriter | None = None
        self._stream_end = threading.Condition(self._lock)

    @property
    def is_streaming(self) -> bool:
        """Whether a message has been begun whose end is not known yet."""
        return self._streamed is not None

    def begin_stream(self, message: MessageWriter) -> None:
        """Reserve the connection for an open message, as soon as it is free.

        Raises
        ------
        AssociationError
            When the association is not in a state to send.
        """
        self._turnstile.enter()
        try:
            self._await_stream(message)
            self.provider.request_p_data()
            self._bound_wait()
            self._streamed = message
            self._flows = False
        finally:
            self._turnstile.leave()

    def end_stream(self, message: MessageWriter) -> None:
        """Let other messages pass again, once it has been sent whole or will not be."""
        self._turnstile.enter()
        try:
            if self._streamed is message:
                self._streamed = None
                self._stream_end.notify_all()
        finally:
            self._turnstile.leave()

    def _await_stream(self, message: MessageWriter) -> None:
        """Wait until no other message is streamed, or none may be sent any more. The lock is held."""
        while self._streamed is not None and self._streamed is not message and self._may_send():
            self._stream_end.wait()

    def _may_go_on(self, message: MessageWriter) -> bool:
        """Whether this is what is streamed, and nothing has happened that matters to it."""
        return self._streamed is message and self.provider.state is State.Sta6 and self._waker.is_there

    def _may_send(self) -> bool:
        return self.provider.state in _SENDING
