"""The PDUs of associations in a pcap file, while they are exchanged.

Associations put them into a queue, and a thread writes them: a slow disk delays nobody. When the queue is
full PDUs are left out and counted, and the file shows that bytes are missing.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fastdicom.log import get_logger
from fastdicom.ul.pdu import P_DATA_TF
from fastdicom.watching.pcap import FILE_HEADER, End, Segment, Stream

if TYPE_CHECKING:
    from fastdicom.association.life import Life

LOGGER = get_logger(__name__)

FILE_LIMIT = 1 << 30

# Bytes that wait to be written, each PDU counted with what it costs besides; one PDU always may.
QUEUE_LIMIT = 32 << 20
COST = 256

PDU_HEADER = 6
PDV_HEADER = 6  # length, presentation context ID, message control header


class Trace:
    """A pcap file that is being written; `AE.trace` makes them.

    Parameters
    ----------
    path, associations, with_data, limit
        As for `AE.trace`.
    on_end
        Called with the trace when it takes nothing more.

    Attributes
    ----------
    path
        The file.
    dropped
        How many PDUs are not in it, as the disk was too slow for them.
    is_full
        Whether it has ended at its limit.
    failure
        Why it could not be written on; None when it could.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        associations: Callable[[Any], bool] | None,
        *,
        with_data: bool,
        limit: int,
        on_end: Callable[[Trace], None],
    ) -> None:
        self.path = Path(path)
        self.dropped = 0
        self.is_full = False
        self.failure: OSError | None = None
        self._chooses = associations
        self._with_data = with_data
        self._limit = limit
        self._on_end = on_end
        self._file = open(self.path, "xb", opener=_for_owner_only)  # noqa: SIM115 - the thread closes it
        self._length = self._file.write(FILE_HEADER)
        self._file.flush()
        self._changed = threading.Condition()  # for what follows
        self._queue: deque[Segment] = deque()
        self._waiting = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="fastdicom-trace", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take nothing more, and write what is in the queue. It may be called more than once."""
        self._end()
        self._thread.join()

    def _end(self) -> None:
        self._on_end(self)
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    # For associations.

    def tap(self, association: Life) -> Tap:
        """Return where the PDUs of an association go in."""
        return Tap(self, association)

    def wants(self, association: Life) -> bool:
        """Whether an association is to be traced."""
        try:
            return self._chooses is None or bool(self._chooses(association))
        except Exception:
            LOGGER.exception("what chooses the associations of a trace raised")
            return False

    def open(self, stream: Stream, at: int) -> None:
        """Write that a connection has begun."""
        with self._changed:
            self._put(stream.open(at))

    def add(self, stream: Stream, at: int, pdu: bytes, *, is_from_requestor: bool) -> None:
        """Write a PDU."""
        if not self._with_data:
            pdu = without_data_sets(pdu)
        if pdu:
            with self._changed:
                segment = stream.data(at, pdu, is_from_requestor=is_from_requestor)
                self.dropped += not self._put([segment])

    def end(self, stream: Stream, at: int) -> None:
        """Write that a connection is closed."""
        with self._changed:
            self._put(stream.close(at))

    def _put(self, segments: list[Segment]) -> bool:
        """Put segments into the queue; False if there is no room."""
        if self._is_over:
            return True
        cost = sum(len(segment.payload) + COST for segment in segments)
        if self._waiting and self._waiting + cost > QUEUE_LIMIT:
            return False
        self._waiting += cost
        self._queue.extend(segments)
        self._changed.notify_all()
        return True

    # The thread.

    def _run(self) -> None:
        try:
            with self._file:
                while segments := self._next():
                    for segment in segments:
                        if not self._write(segment):
                            self._end()
                            return
                    self._file.flush()
                    with self._changed:
                        self._waiting -= sum(len(segment.payload) + COST for segment in segments)
        except OSError as error:
            LOGGER.error("a trace ends, as it cannot be written: %s", error)
            self.failure = error
            self._end()

    def _next(self) -> deque[Segment]:
        """Wait for what is to be written; nothing when it is all over."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_over)
            segments, self._queue = self._queue, deque()
            return segments

    def _write(self, segment: Segment) -> bool:
        """Write what carries a PDU, all of it or nothing; False when that would exceed the limit."""
        records = b"".join(segment.stream.records(segment))
        if self._length + len(records) > self._limit:
            self.is_full = True
            LOGGER.warning("a trace ends at its limit of %d bytes", self._limit)
            return False
        self._length += self._file.write(records)
        return True


class Tap:
    """Where the PDUs of one association are drawn off for a trace.

    Whether they are wanted is known once the first PDU has been answered; until then that one is kept.

    Parameters
    ----------
    trace
        Where they go.
    association
        Whose they are.
    """

    def __init__(self, trace: Trace, association: Life) -> None:
        self.trace = trace
        self._association = association
        self._stream: Stream | None = None
        self._first: tuple[int, bytes, bool] | None = None
        self._is_decided = False
        if association.accepted_contexts:
            self._decide()

    @property
    def is_open(self) -> bool:
        """Whether PDUs are wanted, or may be."""
        return self._stream is not None or not self._is_decided

    @property
    def wants_data(self) -> bool:
        """Whether P-DATA-TF PDUs are wanted."""
        return self._stream is not None

    def pdu_received(self, pdu: bytes) -> None:
        """Take a PDU that has come."""
        self._take(pdu, self._association.is_acceptor)

    def pdu_sent(self, pdu: bytes) -> None:
        """Take a PDU that has been sent."""
        self._take(pdu, self._association.is_requestor)

    def end(self) -> None:
        """Take note that the connection is closed."""
        if not self._is_decided and self._first is not None:
            self._decide()
        if self._stream is not None:
            self.trace.end(self._stream, time.time_ns())

    def _take(self, pdu: bytes, is_from_requestor: bool) -> None:
        now = time.time_ns()
        if not self._is_decided:
            if self._first is None:
                self._first = now, pdu, is_from_requestor
                return
            self._decide()
            self._association.observe()
        if self._stream is not None:
            self.trace.add(self._stream, now, pdu, is_from_requestor=is_from_requestor)

    def _decide(self) -> None:
        self._is_decided = True
        if not self.trace.wants(self._association):
            return
        requestor, acceptor = self._association.requestor, self._association.acceptor
        self._stream = Stream(
            End.of(requestor.address, requestor.port), End.of(acceptor.address, acceptor.port)
        )
        if self._first is None:
            self.trace.open(self._stream, time.time_ns())
            return
        at, pdu, is_from_requestor = self._first
        self.trace.open(self._stream, at)
        self.trace.add(self._stream, at, pdu, is_from_requestor=is_from_requestor)


def without_data_sets(pdu: bytes) -> bytes:
    """Return a PDU without fragments of data sets; nothing when nothing is left, or a PDV has no end."""
    if pdu[0] != P_DATA_TF.pdu_type:
        return pdu
    commands, at = [], PDU_HEADER
    while at < len(pdu):
        following = at + 4 + int.from_bytes(pdu[at : at + 4], "big")
        if not at + PDV_HEADER <= following <= len(pdu):
            return b""
        if pdu[at + PDV_HEADER - 1] & 1:
            commands.append(pdu[at:following])
        at = following
    body = b"".join(commands)
    return pdu[:2] + len(body).to_bytes(4, "big") + body if body else b""


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
