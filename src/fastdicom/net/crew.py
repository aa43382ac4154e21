"""Workers: threads that look after connections and associations as long as there is something to do.

Leader and followers: one thread at a time, the leader, waits for something to do. Who gets it passes the lead
to the next thread and does it itself: nothing has to be handed to a thread that is waiting for it. How many
work at once over all crews of an AE is limited; what there is no worker for waits.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from fastdicom._core.linger import Linger
from fastdicom.log import get_logger
from fastdicom.net.parking import HAS_POLLER, ParkingLot
from fastdicom.net.readiness import Readiness

LOGGER = get_logger(__name__)

Job: TypeAlias = Callable[[], None]

# Threads that may wait for the lead; further ones end when they have worked.
FOLLOWERS = 4

# Milliseconds that a worker stays with an association on which nothing comes: one on which messages follow
# each other keeps its worker, and none waits for much longer.
LINGER = 20

# Workers beyond which a response leaves together with the wait for the next request: a thread that lets go of
# the GIL may have to wait for it then. Before that a response leaves sooner by itself.
CROWD = 1

# Jobs that a worker takes one after the other while others wait for a worker, before it is their turn.
JOBS_IN_A_ROW = 8

# Seconds until waiting is tried again after an error of this program.
PAUSE = 0.1

# What the threads are called that look after what requestors have asked for.
REQUESTORS = "fastdicom-requestor"

# Seconds after which a crew that has nothing to look after has no thread any more.
REST = 1.0


class Workforce:
    """How many threads may work at once, over several crews.

    Parameters
    ----------
    limit
        How many.

    Attributes
    ----------
    limit
        The same; `set_limit` changes it.
    linger
        For how long a worker may stay with an association on which nothing comes: not at all while something
        waits for a worker.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.linger = Linger(LINGER)
        self._lock = threading.RLock()
        self._busy = 0
        self._waiting: set[Crew] = set()

    def set_limit(self, limit: int) -> None:
        """Change the limit; threads that are too many by then finish what they do."""
        with self._lock:
            self.limit = limit
            waiting = tuple(self._waiting)
        for crew in waiting:
            crew.wake()

    def take(self, crew: Crew) -> bool:
        """Count one more thread that works; False when there may be no more: then the crew is woken later."""
        with self._lock:
            # Where associations keep their threads, others must not wait for those.
            if self._busy < self.limit or not HAS_POLLER:
                self._busy += 1
                return True
            self._waiting.add(crew)
            self.linger.milliseconds = 0
            return False

    def give_back(self) -> None:
        """Count one less, and wake who has been waiting for that."""
        with self._lock:
            self._busy -= 1
            waiting = tuple(self._waiting)
            self._waiting.clear()
            if waiting:
                self.linger.milliseconds = LINGER
        for crew in waiting:
            crew.wake()

    @property
    def is_crowded(self) -> bool:
        """Whether others work as well, who may have to wait for the GIL."""
        return self._busy > CROWD

    @property
    def is_short(self) -> bool:
        """Whether something waits for a worker."""
        return bool(self._waiting)


class Crew(ABC):
    """Threads that work for the associations of one parking lot.

    Parameters
    ----------
    workforce
        How many may work at once.
    name
        Of the threads.

    Attributes
    ----------
    lot
        Where associations wait that nobody works for.
    """

    def __init__(self, workforce: Workforce, name: str) -> None:
        self.lot = ParkingLot()
        self.workforce = workforce
        self._name = name
        self._lead = threading.Lock()
        # For what follows; reentrant, as a signal handler may stop us in the middle of it.
        self._changed = threading.Condition(threading.RLock())
        self._threads: set[threading.Thread] = set()
        self._working: set[threading.Thread] = set()

    @property
    def busy(self) -> int:
        """How many threads work just now."""
        return len(self._working)

    # What there is to do.

    @abstractmethod
    def wake(self) -> None:
        """End the leader's wait."""

    @abstractmethod
    def _wait(self) -> None:
        """Wait until there may be something to do."""

    @abstractmethod
    def _has_job(self) -> bool:
        """Whether there is something to do, or may be."""

    @abstractmethod
    def _take_job(self) -> Job | None:
        """Return something to do, as the leader; None when there is nothing."""

    @abstractmethod
    def _is_over(self) -> bool:
        """Whether there will be nothing to do any more."""

    # The threads.

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        with self._changed:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            with self._changed:
                self._threads.discard(thread)
            LOGGER.error("no further thread can be had: %s", error)

    def _run(self) -> None:
        """Lead, work, and follow again."""
        try:
            while self._is_needed():
                with self._lead:
                    job = self._next_job()
                if job is None:
                    return
                self._work(job)
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _is_needed(self) -> bool:
        with self._changed:
            return len(self._threads) - len(self._working) <= 1 + FOLLOWERS

    def _next_job(self) -> Job | None:
        """Wait for something to do; None when all is over."""
        while not self._is_over():
            job = None
            if self._has_job() and self.workforce.take(self):
                job = self._take_job()
                if job is None:
                    self.workforce.give_back()
            if job is None:
                self._wait_for_more()
                continue
            with self._changed:
                self._working.add(threading.current_thread())
                has_follower = len(self._threads) > len(self._working)
            if not has_follower:
                self._add_thread()
            return job
        return None

    def _wait_for_more(self) -> None:
        try:
            self._wait()
        except Exception:
            # Whatever it was, others want to be served.
            LOGGER.exception("waiting for connections has met an error of this program")
            with self._changed:
                self._changed.wait(PAUSE)

    def _work(self, job: Job) -> None:
        """Do something, and what waits for a worker by then."""
        next_job: Job | None = job
        done = 0
        try:
            while next_job is not None:
                _do(next_job)
                done += 1
                has_time = done < JOBS_IN_A_ROW and self.workforce.is_short
                next_job = self.lot.take() if has_time else None
        finally:
            with self._changed:
                self._working.discard(threading.current_thread())
                self._changed.notify_all()
            self.workforce.give_back()


def _do(job: Job) -> None:
    try:
        job()
    except Exception:
        LOGGER.exception("an association ended in an error of this program")


class RequestorCrew(Crew):
    """A crew for associations that this side has asked for: it accepts no connections.

    A while after there is nothing to look after any more its threads end.

    Parameters
    ----------
    workforce
        How many may work at once.
    retire
        Called with the crew when it may end; True when nothing is given to it any more.
    """

    def __init__(self, workforce: Workforce, retire: Callable[[RequestorCrew], bool]) -> None:
        super().__init__(workforce, REQUESTORS)
        self._retire = retire
        self._ends_at: float | None = None
        self._has_ended = False

    def start(self) -> None:
        """See to it that there is a thread, now that there is something to look after."""
        with self._changed:
            if not self._threads:
                self._add_thread()

    def wake(self) -> None:
        """End the leader's wait."""
        self.lot.wake()

    def _wait(self) -> None:
        times = [time for time in (self.lot.until(), self._ends_at) if time is not None]
        timeout = max(0.0, min(times) - monotonic()) if times else None
        Readiness(-1, self.lot.fileno()).wait(timeout, reading=False, writing=False)
        self.lot.collect()

    def _has_job(self) -> bool:
        return self.lot.has_ready

    def _take_job(self) -> Job | None:
        return self.lot.take()

    def _is_over(self) -> bool:
        if self._has_ended:
            return True
        if len(self.lot):
            self._ends_at = None
            return False
        now = monotonic()
        if self._ends_at is None:
            self._ends_at = now + REST
        if now < self._ends_at or not self._retire(self):
            return False
        self._has_ended = True
        self.lot.close()
        return True
