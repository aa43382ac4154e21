"""Who troubles the router of `make soak`: those that send, those that break off, those that do not listen."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from itertools import count
from time import monotonic

import model
from raw_peer import CT, IMPLICIT, associate_raw, data_set, echo_rq, store_rq

from fastdicom import AE, Association, build_async_ops
from fastdicom.errors import AssociationError

UID_ROOT = "1.2.826.0.1.3680043.8.498.77"


class Ledger:
    """What has been acknowledged, by anybody: the SOP Instance UIDs, and the length of each data set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self.acknowledged: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    def new_uid(self) -> str:
        """Return a SOP Instance UID that nobody has used."""
        with self._lock:
            return f"{UID_ROOT}.{next(self._numbers)}"

    def acknowledge(self, uid: str, length: int) -> None:
        """Take note that an object is stored."""
        with self._lock:
            self.acknowledged[uid] = length

    def add(self, what: str) -> None:
        """Count something."""
        with self._lock:
            self.counts[what] += 1


class Trouble(ABC):
    """Somebody who does one thing again and again, in a thread, until the time is over.

    Parameters
    ----------
    port
        Of the router.
    ledger
        Where it is written down what has come of it.
    end
        The monotonic time at which to end.
    """

    def __init__(self, port: int, ledger: Ledger, end: float) -> None:
        self.port = port
        self.ledger = ledger
        self.end = end
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=type(self).__name__, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for its end, and raise what it has met."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), f"{self._thread.name} has not ended"
        if self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        try:
            while not self.is_over:
                self.once()
        except BaseException as error:
            self.failure = error

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return monotonic() >= self.end

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until this one is over."""
        self._thread.join(min(seconds, max(0.0, self.end - monotonic())))

    @abstractmethod
    def once(self) -> None:
        """Do the one thing."""

    def ae(self) -> AE:
        """Return who asks for associations."""
        ae = AE("SENDER")
        ae.acse_timeout = ae.dimse_timeout = 30
        ae.add_requested_context(CT, IMPLICIT)
        return ae


class Sender(Trouble):
    """Sends objects of one size over an association, some at a time, and opens another when it has sent some.

    Parameters
    ----------
    length
        Of the pixel data, in bytes.
    window
        How many operations are under way at once.
    """

    OBJECTS = 40

    def __init__(self, port: int, ledger: Ledger, end: float, length: int, window: int = 1) -> None:
        super().__init__(port, ledger, end)
        self._length = length
        self._window = window

    def once(self) -> None:
        items = [build_async_ops(self._window, 1)] if self._window > 1 else []
        with_window = self.ae().associate("127.0.0.1", self.port, ext_neg=items)
        if not with_window.is_established:
            self.ledger.add("associations refused")
            return
        threads = [threading.Thread(target=self._send, args=(with_window,)) for _ in range(self._window)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with_window.release()

    def _send(self, association: Association) -> None:
        for _ in range(self.OBJECTS):
            if self.is_over:
                return
            uid = self.ledger.new_uid()
            encoded = data_set(self._length, uid)
            try:
                status = association.send_c_store(encoded, transfer_syntax=IMPLICIT)
            except AssociationError:
                self.ledger.add("broken off")
                return
            code = getattr(status, "Status", None)
            if code == 0x0000:
                self.ledger.acknowledge(uid, len(encoded))
            else:
                self.ledger.add("refused" if code is not None else "never answered")


class Aborter(Trouble):
    """Breaks off in the middle of an object: by A-ABORT, by a reset, or by closing the connection."""

    def __init__(self, port: int, ledger: Ledger, end: float) -> None:
        super().__init__(port, ledger, end)
        self._ways: Iterator[int] = count()

    def once(self) -> None:
        pdus = store_rq(data_set(300_000, self.ledger.new_uid()))
        with associate_raw(self.port) as peer:
            peer.send(*pdus[: len(pdus) // 2])
            way = next(self._ways) % 3
            if way == 0:
                peer.send(model.abort(0, 0))
                peer.receive_all()
            elif way == 1:
                peer.reset()
        self.ledger.add("broken off in the middle")


# Bytes of the answer to a C-ECHO, at least.
SHORTEST_ANSWER = 60


class SlowReader(Trouble):
    """Asks for echoes, and takes its time to read the answers: a few bytes at a time."""

    ECHOES = 200

    def once(self) -> None:
        with associate_raw(self.port) as peer:
            peer.send(*(echo_rq(number) for number in range(1, self.ECHOES + 1)))
            pause = threading.Event()
            received = 0
            while received < self.ECHOES * SHORTEST_ANSWER and not self.is_over:
                received += len(peer.socket.recv(2048))
                pause.wait(0.05)
            peer.send(model.abort(0, 0))
            peer.receive_all()
        self.ledger.add("read slowly")
