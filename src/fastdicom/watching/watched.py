"""What an application entity has to be watched: its metrics, and the traces of its associations."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastdicom._core.buffer import BufferPool
from fastdicom.watching.metrics import Gauge, Gauges, Metrics
from fastdicom.watching.trace import FILE_LIMIT, Trace

if TYPE_CHECKING:
    from fastdicom.association.life import Life


class Watched(ABC):
    """An application entity that can be watched.

    Attributes
    ----------
    traces
        The traces that are written.
    """

    buffer_pool: BufferPool

    def __init__(self) -> None:
        self._metrics: Metrics | None = None
        self._gauges: tuple[Gauges, ...] = ()
        self.traces: tuple[Trace, ...] = ()
        self._watching_lock = threading.RLock()  # who chooses associations for a trace may begin another one

    @property
    def metrics(self) -> Metrics | None:
        """What counts, from the next association on; None, which counts nothing and costs nothing.

        Raises
        ------
        ValueError
            When set to the metrics of another AE.
        """
        return self._metrics

    @metrics.setter
    def metrics(self, value: Metrics | None) -> None:
        if value is not None:
            value.attach(self.gauges)
        self._metrics = value

    def gauges(self) -> Iterator[Gauge]:
        """Yield what is so at this moment and no association of this process knows."""
        yield "buffer_pool", ("kept",), self.buffer_pool.kept
        yield "buffer_pool", ("used",), self.buffer_pool.used
        for gauges in self._gauges:
            yield from gauges()

    def add_gauges(self, gauges: Gauges) -> None:
        """Ask somebody else, too, what is so: a pool of associations for instance."""
        with self._watching_lock:
            self._gauges = (*self._gauges, gauges)

    def remove_gauges(self, gauges: Gauges) -> None:
        """Ask somebody no more; nothing happens when that is so already."""
        with self._watching_lock:
            self._gauges = tuple(each for each in self._gauges if each != gauges)

    def trace(
        self,
        path: str | os.PathLike[str],
        associations: Callable[[Any], bool] | None = None,
        *,
        with_data: bool = True,
        limit: int = FILE_LIMIT,
    ) -> Trace:
        """Write the PDUs of associations to a pcap file, for Wireshark's DICOM dissector.

        What is written is what the two sides say to each other: of TLS in the clear, without what TLS and TCP
        add to it. So the file holds patient data, and passwords of User Identity Negotiation.

        Parameters
        ----------
        path
            The file. It must not be there yet, and is for its owner only (0600).
        associations
            Which associations: called with each as soon as its first PDU has been answered, so that both AE
            titles are known. All unless given. Those that are established already are asked for, too.
        with_data
            Whether data sets are written; otherwise only what else there is: PDUs other than P-DATA-TF, and
            command sets.
        limit
            The longest that the file may become, in bytes; 1 GiB. Tracing ends before the PDU that would
            exceed it, and a warning is logged.

        Returns
        -------
        Trace
            End it with its `close`, or by using it as a context manager.

        Raises
        ------
        OSError
            When there is such a file, or it cannot be written.
        """
        trace = Trace(path, associations, with_data=with_data, limit=limit, on_end=self._end_trace)
        with self._watching_lock:
            self.traces = (*self.traces, trace)
            for association in self._all_associations():
                association.observer.add(trace)
        return trace

    @property
    @abstractmethod
    def ae_title(self) -> str:
        """The AE title, without padding."""

    @abstractmethod
    def _all_associations(self) -> Sequence[Life]:
        """Return the associations that there are."""

    def _end_trace(self, trace: Trace) -> None:
        with self._watching_lock:
            self.traces = tuple(each for each in self.traces if each is not trace)
            for association in self._all_associations():
                association.observer.remove(trace)

    # For associations.

    def watch(self, association: Life) -> None:
        """Take note of an association that has a connection."""
        if self._metrics is not None:
            association.count(self._metrics.begin(association))
        if self.traces:
            with self._watching_lock:
                for trace in self.traces:
                    association.observer.add(trace)

    def stop_watching(self, association: Life) -> None:
        """Take note that the connection of an association is closed, or never came about."""
        if association.metrics is not None:
            association.metrics.end()
