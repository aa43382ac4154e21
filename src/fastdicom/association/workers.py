"""Who works for an AE: so many threads, for the associations of all its servers and its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fastdicom.association.performing import Lookout
from fastdicom.net.crew import RequestorCrew, Workforce
from fastdicom.net.parking import HAS_POLLER

if TYPE_CHECKING:
    from fastdicom.association.association import Association

DEFAULT_WORKERS = 128


class Workers:
    """The workers of an AE.

    Attributes
    ----------
    workforce
        How many there may be, shared by the crews of its servers and its requestors.
    """

    def __init__(self) -> None:
        self.workforce = Workforce(DEFAULT_WORKERS)
        self._crew: RequestorCrew | None = None
        self._crew_lock = threading.RLock()

    @property
    def workers(self) -> int:
        """How many threads may serve at once, over all servers of this AE and its requestors; 128.

        An association has one while there is something to do for it; a handler that takes its time keeps it.
        What there is none for waits. It may be changed at any time.

        Raises
        ------
        ValueError
            When set to less than 1.
        """
        return self.workforce.limit

    @workers.setter
    def workers(self, value: int) -> None:
        if value < 1:
            raise ValueError(f"workers is {value}; it must be 1 or more")
        self.workforce.set_limit(value)

    def look_after(self, association: Association) -> None:
        """Have workers see what comes on a requestor's association, if there is one, while nobody waits."""
        if not HAS_POLLER or not association._is_established:
            return
        with self._crew_lock:
            if self._crew is None:
                self._crew = RequestorCrew(self.workforce, self._retire)
            Lookout(association, self._crew)

    def _retire(self, crew: RequestorCrew) -> bool:
        with self._crew_lock:
            is_empty = not len(crew.lot)
            if is_empty:
                self._crew = None
        return is_empty
