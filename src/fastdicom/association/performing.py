"""Performing several operations of one association at once, as many as have been negotiated.

Leader and followers, as in `net.listener`: the thread that has received a request passes the lead on and
serves the request itself. There is one thread more than operations may be in progress, so that somebody
sees what the peer says beyond them: an abort, a C-CANCEL, or one request too many.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fastdicom.log import get_logger

if TYPE_CHECKING:
    from fastdicom.association.waiting import Waiting

LOGGER = get_logger("fastdicom.association")

# Operations at once where no limit was agreed on; with more the peer has to wait.
WITHOUT_LIMIT = 16


class Team:
    """The threads that serve one association.

    Parameters
    ----------
    association
        The association.
    performed_limit
        How many operations may be in progress; 0 for no limit.
    """

    def __init__(self, association: Waiting, performed_limit: int) -> None:
        self._association = association
        self._size = performed_limit + 1 if performed_limit else WITHOUT_LIMIT
        self._lock = threading.Lock()  # for what follows
        self._threads: list[threading.Thread] = []
        self._idle = 0

    def work(self) -> None:
        """Serve the association until its connection is closed, and all requests are served."""
        self._take_turns()
        for thread in self._threads:
            thread.join()

    def _take_turns(self) -> None:
        association = self._association
        while not association.is_over:
            self._count_idle(1)
            request = association.next_request()
            self._count_idle(-1)
            if request is not None:
                self._find_follower()
                association.serve(request)

    def _count_idle(self, change: int) -> None:
        with self._lock:
            self._idle += change

    def _find_follower(self) -> None:
        """See to it that a thread waits for what comes next."""
        with self._lock:
            if self._idle or len(self._threads) + 1 >= self._size:
                return
            thread = threading.Thread(target=self._take_turns, name="fastdicom-operation", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # then who serves now receives afterwards
                LOGGER.error("no further thread can be had: %s", error)
            else:
                self._threads.append(thread)
