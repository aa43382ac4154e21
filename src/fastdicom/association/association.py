"""An association as a user of the library sees it, once it is established.

How it comes about is in `requestor` and `acceptor`. One association may be used from several threads, and
`abort` may be called at any time.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread, get_ident
from types import TracebackType
from typing import Self

from fastdicom._core.exchange import Inquiry
from fastdicom._core.pdata import Signal
from fastdicom.association.arrivals import choose
from fastdicom.association.driving import drive
from fastdicom.association.managing import Managing
from fastdicom.association.operations import NEVER
from fastdicom.errors import AssociationAborted, AssociationError


class Association(Managing):
    """An association with a peer, on either side of it.

    `AE.associate` and servers make them; `is_established` tells what came of it. Used as a context
    manager it raises when it was not established, is released at the end, and aborted on an exception. What
    it is and has is in `Life`.
    """

    def __enter__(self) -> Self:
        if not self._is_established:
            raise self._failure or AssociationError("the association was not established")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    def _choose_sink(self) -> None:
        """Have a handler choose where the object goes that is being received, or take it on."""
        arrival = self._sinks.arrival
        if arrival is not None:
            choice = drive(choose(self, arrival))
            self._connected.tell(lambda _: self._sinks.settle(choice, self._connected.reader))
        taker = self._sinks.taker
        if taker is not None and self._is_established:
            taker.pass_on()

    def _look(self) -> None:
        """Take note of what has come while nobody waited: an abort, a release, a request."""
        if not self._is_established or self.is_acceptor or not self._exchange.is_idle:
            return
        while self._lead.acquire(False):
            try:
                request = self._receive(waits=False)
            finally:
                self._lead.release()
                self._tell_all()
            if request is None:
                break
            self.serve(request)
        if self._is_gone():
            self._settle()

    def _is_gone(self) -> bool:
        return not self._is_established

    # Ends.

    def release(self) -> None:
        """Release the association in good order (PS3.8 7.2); nothing happens when it is not established.

        Operations of other threads that are in progress are waited for; those of this one whose responses
        have not all been asked for are cancelled.
        """
        if self._is_established:
            drive(self._end_inquiries())
        with self._guard:
            self._waiting += 1
            try:
                while self._exchange.is_invoking and self._is_established:
                    self._exchange.check_may_wait(get_ident())
                    self._turn.wait()
            finally:
                self._waiting -= 1
        if not self.is_established:
            return
        connection = self._connected
        with suppress(AssociationError):  # another thread did the same, or it has just ended
            connection.tell(connection.provider.request_release)
        self._wait_for(NEVER)

    def abort(self, block: bool = True) -> None:
        """Abort the association at once (PS3.8 7.3), from any thread; nothing happens when it is over.

        Parameters
        ----------
        block
            Whether to wait until the connection is closed, if that is for this thread to do; otherwise
            another one does.
        """
        if self._break_off():
            self._wind_up(block=block)

    def abort_as(self, source: int, reason: int) -> None:
        """Abort with this source and reason (PS3.8 Table 9-26)."""
        if self._break_off(source, reason):
            self._wind_up()

    def kill(self) -> None:
        """Close the connection at once, from any thread: the peer need not hear of an A-ABORT before."""
        if self._connection is not None and self._connection.is_open:
            self._mark_aborted(AssociationAborted(0, 0, "the connection was closed by this side"))
            self._connection.close()
            self._wind_up()

    def _wind_up(self, *, block: bool = True) -> None:
        """See to it that somebody waits until the connection is closed."""
        # Somebody does already for an acceptor that has nothing to do, and for a requestor's operations.
        if self._is_unattended() if self.is_requestor else not self._exchange.is_idle:
            if block:
                self._settle()
            else:
                Thread(target=self._settle, name=f"{self.name} ends", daemon=True).start()

    def _is_unattended(self) -> bool:
        """Whether no thread need be waiting: several responses are asked for at leisure."""
        invoked = tuple(self._exchange.invoked.values())
        is_at_leisure = all(type(each) is Inquiry or each.answers is not None for each in invoked)
        return is_at_leisure and not self._exchange.performed

    def end_connection(self) -> None:
        """Close the connection, if it is not, and take note that it is over."""
        if self._connection is None:
            self.ae.forget(self)
            return
        self._connection.close()
        self.digest(Signal.CLOSED)
