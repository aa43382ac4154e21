"""One destination of an object that is passed on as it comes: what waits for it, and what becomes of it."""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Literal

from pydicom.dataset import Dataset

from fastdicom._core.command import CommandSet
from fastdicom.association.store_stream import StoreStream
from fastdicom.errors import AssociationError
from fastdicom.log import get_logger
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, code_to_category

LOGGER = get_logger(__name__)

Slow = Literal["wait", "spill", "fail"]

# What is read back from a spill file at once.
READ_BACK = 256 << 10


@dataclass(frozen=True, slots=True)
class Delivered:
    """What has become of an object at one destination.

    Attributes
    ----------
    destination
        The association or the pool, as `forward` was given it.
    status
        What the destination has answered; None when it has not.
    error
        Why it has not got the object, or it is not known whether it has; None when it has answered, or it is
        under way.
    """

    destination: Any
    status: Dataset | None = None
    error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status is not None or self.error is not None

    @property
    def is_stored(self) -> bool:
        """Whether the destination has confirmed it: success, or a warning."""
        if self.status is None:
            return False
        if self.status.Status == 0x0000:  # nearly always
            return True
        return code_to_category(self.status.Status) in (STATUS_SUCCESS, STATUS_WARNING)


class Delivery:
    """The way of an object to one destination. What goes wrong there is its result, and is not raised.

    Parameters
    ----------
    destination
        The association, or a pool.
    command
        The request.
    transfer_syntax
        What the data set is encoded in.
    on_end
        Called once there is a result; in any thread.
    """

    def __init__(
        self, destination: Any, command: CommandSet, transfer_syntax: str, on_end: Callable[[], None]
    ) -> None:
        self._destination = destination
        self._command = command
        self._transfer_syntax = transfer_syntax
        self._on_end = on_end
        self._lock = threading.Lock()
        self._borrowed: ExitStack | None = None  # from a pool
        self._stream: StoreStream | None = None
        self.result = Delivered(destination)

    @property
    def destination(self) -> Any:
        """The association or the pool."""
        return self._destination

    @property
    def is_over(self) -> bool:
        """Whether there is a result."""
        return self.result.is_over

    def begin(self) -> None:
        """Wait until the destination is free for it."""
        try:
            stream = StoreStream(self._association(), self._command, self._transfer_syntax)
            self._stream = stream
            stream.begin()
        except Exception as error:
            self._fail(error)
        if self.is_over:  # it may have been broken off meanwhile
            self.release()

    def _association(self) -> Any:
        if not hasattr(self._destination, "association"):
            return self._destination
        sop_class_uid = self._command.get(0x0002, "")
        self._borrowed = ExitStack()
        return self._borrowed.enter_context(
            self._destination.association(sop_class_uid, self._transfer_syntax)
        )

    def send(self, pieces: list[Any], *, is_last: bool) -> None:
        """Send what comes next."""
        if self._stream is None or self.is_over:
            return
        try:
            self._stream.send(pieces, is_last=is_last)
        except Exception as error:
            self._fail(error)
            self.release()

    def await_response(self) -> None:
        """Wait for the response, after the last piece."""
        if self._stream is None or self.is_over:
            return
        try:
            status = self._stream.response()
        except Exception as error:
            self._fail(error)
        else:
            self._end(Delivered(self._destination, status=status))
        self.release()

    def break_off(self, error: Exception) -> None:
        """Give it up; if it has been begun, the association is aborted. From any thread."""
        self._fail(error)
        self.release()

    def release(self) -> None:
        """Let go of the association, once there is a result."""
        error = self.result.error
        if error is not None and self._stream is not None:
            self._stream.break_off()
        if self._borrowed is None:
            return
        with suppress(Exception):  # a pool may raise again what it is told of
            self._borrowed.__exit__(type(error) if error else None, error, None)

    def _fail(self, error: Exception) -> None:
        error.__traceback__ = None  # else it would keep the pieces that were to be sent
        if self._end(Delivered(self._destination, error=error)):
            LOGGER.error("an object could not be passed on: %s", error)

    def _end(self, result: Delivered) -> bool:
        with self._lock:
            if self.is_over:
                return False
            self.result = result
        self._on_end()
        return True


class SpillFile:
    """What waits for a slow destination, on disk. One thread writes, another one reads."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(  # noqa: SIM115, closed by `close`
            prefix="fastdicom-", buffering=0
        )
        self._lock = threading.Lock()
        self._written = 0
        self._read = 0

    @property
    def left(self) -> int:
        """How many bytes have been written and not been read."""
        return self._written - self._read

    def write(self, piece: Any) -> None:
        """Add a piece."""
        left = memoryview(piece)
        with self._lock:
            self._file.seek(self._written)
            while left:
                left = left[self._file.write(left) :]
            self._written += memoryview(piece).nbytes

    def read(self) -> bytes:
        """Return some of what has not been read."""
        with self._lock:
            self._file.seek(self._read)
            piece = self._file.read(min(READ_BACK, self.left))
            self._read += len(piece)
            return piece

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


class Lane:
    """The pieces that wait for one destination, and the thread that sends them.

    Parameters
    ----------
    delivery
        The destination.
    slow, buffer
        What happens when more than so many bytes wait.
    changed
        Is notified when there is room again.
    """

    def __init__(self, delivery: Delivery, slow: Slow, buffer: int, changed: threading.Condition) -> None:
        self._delivery = delivery
        self._slow = slow
        self._buffer = buffer
        self._changed = changed
        self._pieces: deque[Any] = deque()
        self._waiting = 0  # bytes in memory, of these and the one that is being sent
        self._spill: SpillFile | None = None
        self._is_ended = False

    def start(self, *, is_begun: bool) -> None:
        """Have a thread send what is put; it begins the delivery itself unless that has been done."""
        thread = threading.Thread(target=self._run, args=(is_begun,), name="fastdicom-forward", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # there is none to be had
            self._delivery.break_off(error)

    def put(self, piece: Any) -> None:
        """Add what comes next; wait for room if that is how it is to be."""
        size = getattr(piece, "capacity", len(piece))
        with self._changed:
            if self._slow == "wait":
                self._changed.wait_for(lambda: self._has_room(size))
            if self._delivery.is_over:
                return
            has_room = self._has_room(size)
            is_spilling = self._slow == "spill" and not (has_room and self._spilled == 0)
            if has_room and not is_spilling:
                self._pieces.append(piece)
                self._waiting += size
                self._changed.notify_all()
                return
        if is_spilling:
            self._write(piece)
        else:
            waiting = self._waiting + size
            text = f"{waiting} bytes wait for a destination; buffer is {self._buffer}"
            self._delivery.break_off(AssociationError(text))

    def end(self) -> None:
        """Take note that all has been put."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()

    @property
    def _spilled(self) -> int:
        return 0 if self._spill is None else self._spill.left

    def _has_room(self, size: int) -> bool:
        return self._delivery.is_over or self._waiting == 0 or self._waiting + size <= self._buffer

    def _write(self, piece: Any) -> None:
        try:
            if self._spill is None:
                self._spill = SpillFile()
            self._spill.write(piece)
        except OSError as error:
            self._delivery.break_off(error)
        with self._changed:
            self._changed.notify_all()

    def _run(self, is_begun: bool) -> None:
        delivery = self._delivery
        if not is_begun:
            delivery.begin()
        is_last = False
        while not (is_last or delivery.is_over):
            piece, is_last = self._next()
            delivery.send(piece, is_last=is_last)
            self._let_go(piece)
        delivery.await_response()
        delivery.release()
        self._let_go([])
        if self._spill is not None:
            self._spill.close()

    def _next(self) -> tuple[list[Any], bool]:
        """Wait for the next piece; whether it is the last one."""
        with self._changed:
            self._changed.wait_for(self._has_next)
            pieces = [self._pieces.popleft()] if self._pieces else []
            if not pieces and self._spill is not None and self._spilled and not self._delivery.is_over:
                pieces = [self._spill.read()]
            return pieces, self._is_ended and not self._pieces and self._spilled == 0

    def _has_next(self) -> bool:
        return bool(self._pieces) or self._spilled > 0 or self._is_ended or self._delivery.is_over

    def _let_go(self, pieces: list[Any]) -> None:
        with self._changed:
            self._waiting -= sum(getattr(piece, "capacity", 0) for piece in pieces)
            if self._delivery.is_over:
                self._pieces.clear()
                self._waiting = 0
            self._changed.notify_all()
