"""The counters and histograms of an application entity: those of its associations, added up.

Associations share a lock when they begin and when they end, and never in between: who asks goes to each of
them. Peers have a label of their own only up to a limit, as any AE title may call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from fastdicom.log import get_logger
from fastdicom.watching.counting import OTHER, AssociationMetrics, Operation
from fastdicom.watching.snapshot import Snapshot, Value

if TYPE_CHECKING:
    from fastdicom._core.command import CommandSet
    from fastdicom.association.life import Life

LOGGER = get_logger(__name__)

PEER_LIMIT = 100

# What is known elsewhere: the name of a family, its labels, the value.
Gauge: TypeAlias = tuple[str, tuple[str, ...], Value]
Gauges: TypeAlias = Callable[[], Iterable[Gauge]]


class Listener(Protocol):
    """Who is told of each association and operation, in the threads that work for it."""

    def association_began(self, metrics: AssociationMetrics) -> None:
        """Take note of an association that has a connection."""

    def request_received(self, metrics: AssociationMetrics, service: str, command: CommandSet) -> None:
        """Take note of what the peer has asked for; this thread serves it from now on."""

    def operation_ended(self, metrics: AssociationMetrics, operation: Operation) -> None:
        """Take note of an operation that has had its final response."""

    def association_ended(self, metrics: AssociationMetrics) -> None:
        """Take note of an association whose connection is closed, or never came about."""


class Metrics:
    """What an application entity counts, once it is its `AE.metrics`.

    Parameters
    ----------
    peer_limit
        How many peers have a label of their own: the first that this AE has accepted, or has turned to. All
        others are counted together, as "other".

    Attributes
    ----------
    listeners
        Who is told of each association and operation.
    """

    def __init__(self, peer_limit: int = PEER_LIMIT) -> None:
        self.listeners: tuple[Listener, ...] = ()
        self._peer_limit = peer_limit
        self._lock = threading.Lock()  # for the three that follow
        self._present: set[AssociationMetrics] = set()
        self._past = Snapshot()
        self._peers: set[str] = set()
        self._gauges: Gauges | None = None

    def __reduce__(self) -> tuple[type[Metrics], tuple[int]]:
        """Make copies, and what is pickled, for another AE: they have counted nothing, and nobody listens."""
        return Metrics, (self._peer_limit,)

    def snapshot(self) -> Snapshot:
        """Return what has been counted up to now. Any thread may ask, at any time."""
        with self._lock:
            total = Snapshot(self._past.values)
            # Before it is known who the peer is, there is no label to count it under.
            present = [(each, self._label(each)) for each in self._present if each.is_known]
        # Who ends meanwhile still has what it has counted, and is not in the copy of the past.
        for each, peer in present:
            each.add_to(total, peer)
        for name, labels, value in self._gauges() if self._gauges is not None else ():
            total.add(name, labels, value)
        return total

    def add_listener(self, listener: Listener) -> None:
        """Tell somebody of each association to come, and of operations."""
        with self._lock:
            self.listeners = (*self.listeners, listener)

    # For the application entity.

    def attach(self, gauges: Gauges) -> None:
        """Ask for what is so at the moment of a snapshot.

        Raises
        ------
        ValueError
            When there is somebody else to ask: another AE has these metrics.
        """
        if self._gauges is not None and self._gauges != gauges:
            raise ValueError("these metrics belong to another AE")
        self._gauges = gauges

    def begin(self, association: Life) -> AssociationMetrics:
        """Count for an association, from now on."""
        metrics = AssociationMetrics(self, association)
        with self._lock:
            self._present.add(metrics)
        self.tell("association_began", metrics)
        return metrics

    # For `counting`.

    def fold(self, ended: AssociationMetrics) -> bool:
        """Add what an association has counted to the past, once; tell whether this was it."""
        if ended not in self._present:
            return False
        ended.settle()
        with self._lock:
            if ended not in self._present:
                return False
            self._present.discard(ended)
            ended.add_to(self._past, self._label(ended))
        return True

    def tell(self, what: str, *arguments: object) -> None:
        """Call a method of each listener; what it raises is logged."""
        for listener in self.listeners:
            try:
                getattr(listener, what)(*arguments)
            except Exception:
                LOGGER.exception("a listener of the metrics raised")

    def label(self, of: AssociationMetrics) -> str:
        """Return the label that the peer of an association is counted under."""
        with self._lock:
            return self._label(of)

    def _label(self, of: AssociationMetrics) -> str:
        peer = of.peer
        if peer not in self._peers:
            if not (peer and of.is_known and len(self._peers) < self._peer_limit):
                return OTHER
            self._peers.add(peer)
        return peer
