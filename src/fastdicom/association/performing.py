"""What workers do for associations, which have no thread of their own.

An acceptor's association has a worker while there is something to do for it, and a little longer; then it is
parked until something comes, or its time is over. Where several operations may be in progress, who has
received a request hands the association on to another worker before it serves the request. A requestor's is
looked after in between: its operations receive for themselves, in the threads of who asked for them.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING

from fastdicom._core.linger import Linger
from fastdicom._core.pdata import MessageWriter
from fastdicom.errors import AssociationError
from fastdicom.log import working_for
from fastdicom.net.connection import Connection
from fastdicom.net.ending import ABORT_LINGER
from fastdicom.net.parking import HAS_POLLER

if TYPE_CHECKING:
    from fastdicom.association.association import Association
    from fastdicom.net.crew import Crew, RequestorCrew

# Operations at once where no limit was agreed on; with more the peer has to wait.
WITHOUT_LIMIT = 16

# Seconds until a worker looks again when another thread receives: at first, and at most. A requestor's
# association that is over by then has never been waited for.
LOOK_AGAIN = 0.05
LOOK_AGAIN_LIMIT = 1.0

NO_LINGER = Linger(0)


class Parked(ABC):
    """An association in the parking lot of a crew, whose workers look after it.

    Parameters
    ----------
    association
        The association.
    crew
        The crew.
    """

    __slots__ = ("_association", "_lot", "_pause", "_ticket")

    def __init__(self, association: Association, crew: Crew) -> None:
        self._association = association
        self._lot = crew.lot
        self._ticket = crew.lot.add(self._begin)
        self._pause = LOOK_AGAIN

    def _begin(self) -> None:
        with working_for(self._association):
            self._work()

    @abstractmethod
    def _work(self) -> None:
        """Look after it, as a worker."""

    def summon(self) -> None:
        """Have a worker look after it, and not wait for its descriptor any more. From any thread."""
        self._lot.summon(self._ticket)

    def _park(self, connection: Connection, deadline: float | None) -> None:
        """Have it wait until something comes."""
        self._pause = LOOK_AGAIN
        self._lot.park(self._ticket, connection.fileno(), deadline)

    def _look_again(self) -> None:
        """Leave it to the thread that receives just now, or sends, for a while."""
        self._lot.park(self._ticket, None, monotonic() + self._pause)
        self._pause = min(2 * self._pause, LOOK_AGAIN_LIMIT)


class Attendance(Parked):
    """The workers of an acceptor's association.

    Parameters
    ----------
    association, crew
        As for `Parked`.
    on_end
        Called once when the association is over and no worker is with it any more.
    """

    __slots__ = (
        "_has_ended",
        "_is_kept",
        "_is_over",
        "_linger",
        "_lock",
        "_on_end",
        "_workers",
        "_workforce",
    )

    def __init__(self, association: Association, crew: Crew, on_end: Callable[[], object]) -> None:
        super().__init__(association, crew)
        self._on_end = on_end
        self._workforce = crew.workforce
        self._linger = crew.workforce.linger if HAS_POLLER else None
        self._lock = threading.Lock()  # for what follows
        self._workers: tuple[int, ...] = ()
        self._is_over = self._has_ended = False
        self._is_kept = False  # who would receive what comes next serves a request itself

    def begin(self, bring_about: Callable[[], Connection]) -> None:
        """Do the first work, as the worker who has got the connection.

        Parameters
        ----------
        bring_about
            Answers the request, and returns the connection of the association.
        """
        with working_for(self._association):
            self._attend(bring_about)

    def is_here(self) -> bool:
        """Whether the current thread is one of the workers."""
        return get_ident() in self._workers

    def _work(self) -> None:
        self._attend(None)

    def _attend(self, bring_about: Callable[[], Connection] | None) -> None:
        ident = get_ident()
        with self._lock:
            self._workers += (ident,)
        try:
            if bring_about is not None:
                connection = bring_about()
                connection.on_news = connection.before_close = self.summon
            self._serve()
        except BaseException:
            self._is_over = True
            raise
        finally:
            with self._lock:
                self._workers = tuple(each for each in self._workers if each != ident)
                is_last = self._is_over and not (self._workers or self._has_ended)
                self._has_ended |= is_last
            if is_last:
                self._end()

    def _end(self) -> None:
        try:
            self._association.end_connection()
        finally:
            # Whatever went wrong, the slot and the socket are free again.
            self._lot.leave(self._ticket)
            self._on_end()

    def _serve(self) -> None:
        """Serve requests, until nothing comes for a while or another worker does so."""
        association, linger = self._association, self._linger
        lead = association._lead
        is_alone = association._exchange.performed_limit == 1
        response: MessageWriter | None = None
        while not association._is_closed:
            if not lead.acquire(False):
                if response is not None:
                    association.send_response_now(response)
                self._look_again()
                return
            try:
                association._is_quiet = False
                request = association._receive(linger=linger, first=response)
                is_quiet = association._is_quiet
            except AssociationError as error:
                if response is None:
                    raise
                association.log_unsent(error)
                request, is_quiet = None, False
            finally:
                response = None
                lead.release()
                if association._waiting:
                    association._tell_all()
            if request is not None:
                if not is_alone:
                    self._hand_on()
                response = association.serve(request, defers=is_alone and self._workforce.is_crowded)
                # The data set's memory is free for the next one, which is about to come.
                del request
                if not is_alone and not self._takes_back():
                    return
            elif is_quiet:
                self._rest(association._link)
                return
        self._is_over = True

    def _hand_on(self) -> None:
        """Have another worker receive what comes next, or the first who is done if there are enough.

        There may be one more than operations may be in progress, so that somebody sees what the peer says
        beyond them: an abort, a C-CANCEL, or one request too many.
        """
        limit = self._association._exchange.performed_limit
        with self._lock:
            self._is_kept = len(self._workers) >= (limit + 1 if limit else WITHOUT_LIMIT)
            if not self._is_kept:
                self._lot.hand_on(self._ticket)

    def _takes_back(self) -> bool:
        """Whether this worker is to receive what comes next, now that it has served: nobody else does yet."""
        with self._lock:
            was_kept, self._is_kept = self._is_kept, False
            return was_kept or self._lot.retake(self._ticket)

    def _rest(self, connection: Connection) -> None:
        if connection.rest():
            self._park(connection, connection.due)
        else:
            self._look_again()


class Lookout(Parked):
    """What workers do for an established association of a requestor: they see what comes in between.

    Nothing is done for it at first: it may be over soon.

    Parameters
    ----------
    association, crew
        As for `Parked`.
    """

    __slots__ = ("_idle_since", "_moved")

    def __init__(self, association: Association, crew: RequestorCrew) -> None:
        super().__init__(association, crew)
        connection = association._link
        self._idle_since = monotonic()
        self._moved = connection.bytes_moved
        connection.on_news = self.summon
        connection.before_close = self._leave
        self._look_again()
        crew.start()
        if not connection.is_open:
            self._leave()

    def _leave(self) -> None:
        self._lot.leave(self._ticket)

    def _work(self) -> None:
        try:
            self._look()
        except BaseException:
            self._leave()
            raise

    def _look(self) -> None:
        association = self._association
        connection = association._link
        while not association._is_closed:
            # What has been asked for is received by who has asked.
            if not association._exchange.is_idle or not association._lead.acquire(False):
                self._look_again()
                return
            try:
                association._is_quiet = False
                is_within = connection.reader.is_mid_message
                request = association._receive(waits=is_within, linger=NO_LINGER)
                is_quiet = association._is_quiet
            finally:
                association._lead.release()
                if association._waiting:
                    association._tell_all()
            if request is not None:
                association.serve(request)
            elif not is_quiet:
                if not association._is_established:
                    connection.linger(ABORT_LINGER)  # for the peer to close
            elif not self._ends_idle(connection):
                self._rest(connection)
                return
        self._leave()

    def _ends_idle(self, connection: Connection) -> bool:
        """End the association if nothing has come for too long; tell whether that was so."""
        moved, now = connection.bytes_moved, monotonic()
        if moved != self._moved:
            self._moved, self._idle_since = moved, now
        limit = self._idle_limit(connection)
        if limit is None or now < limit:
            return False
        self._association.time_out()
        return True

    def _idle_limit(self, connection: Connection) -> float | None:
        association = self._association
        timeout = association.network_timeout
        if timeout is None or not association._is_established or connection.ends_at is not None:
            return None
        return self._idle_since + timeout

    def _rest(self, connection: Connection) -> None:
        if not connection.rest():
            self._look_again()
        elif connection.reader.is_mid_message:
            self._park(connection, connection.due)
        else:
            times = (connection.ends_at, self._idle_limit(connection))
            self._park(connection, min((time for time in times if time is not None), default=None))
