"""Where a data set goes while it is received, when that is not memory: a store directory, or a spool file.

Only objects go to files, those of C-STORE requests. One is written while it comes, so that its size does not
matter. What cannot be written is received and dropped: the association lives on, and the service answers that
it is out of resources. So is any other data set that memory has no room for: no peer fills the disk with
identifiers.

Somebody may choose for each object, once its first elements have come. Until then it is kept in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from fastdicom._core.buffer import Buffer
from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Message, Reader, Signal
from fastdicom.dimse.messages import C_STORE_RQ, message_name
from fastdicom.log import Named, get_logger
from fastdicom.net.store_directory import StoreDirectory, create_file

LOGGER = get_logger(__name__)

# What is waited for before the first elements are looked at, and how much more after each look.
FIRST_LOOK = 8 << 10
GROWTH = 4

# Objects of one association that are taken on after their answer, before the next one has to wait.
UNDER_WAY = 8

# A header that is longer is not waited for.
HEADER_LIMIT = 16 << 20

# Given the command set and the presentation context: preamble, prefix and File Meta Information.
FrontEncoder = Callable[[CommandSet, int], bytes]

# Given the presentation context and what has come of a data set: the elements waited for, or None.
HeaderFinder = Callable[[int, bytes], Any]


class Arrival(NamedTuple):
    """An object whose first elements have come.

    Attributes
    ----------
    command, context_id
        The request, and its presentation context.
    data_set
        What has come of its data set.
    is_complete
        Whether the elements that were waited for are among it.
    header
        These elements, when they have been looked for already; else None.
    """

    command: CommandSet
    context_id: int
    data_set: Any
    is_complete: bool
    header: Any = None


class PieceTaker(Protocol):
    """Who takes an object on in pieces, as it comes."""

    piece_length: int

    @property
    def has_pieces(self) -> bool:
        """Whether there are some that have not been taken on."""

    def add(self, piece: Buffer) -> None:
        """Keep a piece, until there is time to take it on."""

    def pass_on(self) -> None:
        """Take on what has been added; this may take its time."""

    def break_off(self) -> None:
        """Take note that the rest does not come."""


class UnderWay(Protocol):
    """An object that has been answered and is still being taken on."""

    @property
    def is_over(self) -> bool:
        """Whether it is not any more."""

    def wait(self) -> bool:
        """Wait until it is over."""


class Choice(NamedTuple):
    """Where an object is to go.

    Attributes
    ----------
    path
        The file, or the directory, that it is written to; None for no file of its own.
    is_for_memory
        Whether it stays in memory even where a store directory is set.
    verdict
        What is to become of it in place of the handler's judgement; None when the handler is asked.
    is_refused
        Whether the rest of it is to be dropped.
    taker
        Who takes it on in pieces while it comes; None for nobody.
    """

    path: Path | None = None
    is_for_memory: bool = False
    verdict: Any = None
    is_refused: bool = False
    taker: PieceTaker | None = None


AS_SET_UP = Choice()

_FULL = (Signal.FULL, Signal.NO_ROOM)


class _File(Protocol):
    def fileno(self) -> int: ...

    def commit(self) -> Path: ...

    def discard(self) -> None: ...


class SpoolFile:
    """A temporary file for an object that is too large for memory."""

    def __init__(self) -> None:
        self._descriptor, name = tempfile.mkstemp(prefix="fastdicom-", suffix=".dcm")
        self._path = Path(name)

    def fileno(self) -> int:
        """Return the descriptor to write to."""
        return self._descriptor

    def commit(self) -> Path:
        """Close the file and return its path; it stays until `discard`."""
        os.close(self._descriptor)
        self._descriptor = -1
        return self._path

    def discard(self) -> None:
        """Remove the file."""
        if self._descriptor >= 0:
            self.commit()
        self._path.unlink(missing_ok=True)


class Sinks:
    """The files of one association: that of the message which is being received, and of those received.

    Parameters
    ----------
    directory
        Where all objects go; None to keep them in memory as long as they fit.
    encode_front
        Makes what stands in front of the data set.
    whose
        The association, for log records.

    Attributes
    ----------
    find_header
        Finds what somebody who chooses wants to see first; None when nobody chooses.
    is_receiving
        Whether the data set that is being received goes to a file, or has been chosen for.
    received
        The files of whole messages that have not been answered yet.
    chosen
        The choices for whole messages that have not been answered yet.
    """

    def __init__(self, directory: StoreDirectory | None, encode_front: FrontEncoder, whose: Named) -> None:
        self.directory = directory
        self._whose = whose
        self.find_header: HeaderFinder | None = None
        self.is_receiving = False
        self._arrival: Arrival | None = None
        self.received: dict[Message, _File] = {}
        self.chosen: dict[Message, Choice] = {}
        self._encode_front = encode_front
        self._receiving: _File | None = None
        self._choice: Choice | None = None
        self._under_way: deque[UnderWay] = deque()

    @property
    def holds_commands(self) -> bool:
        """Whether to be asked before a data set is received."""
        return self.directory is not None or self.find_header is not None

    @property
    def arrival(self) -> Arrival | None:
        """What somebody is to choose for now; None while there is no such thing."""
        return self._arrival

    @property
    def taker(self) -> PieceTaker | None:
        """Who takes on pieces of the object that is being received."""
        return None if self._choice is None else self._choice.taker

    @property
    def is_held(self) -> bool:
        """Whether no more of the object should be received: there is something to be done about it."""
        if self._choice is None:
            return self._arrival is not None
        return self._choice.taker is not None and self._choice.taker.has_pieces

    def choose(self, signal: Signal, reader: Reader) -> bool:
        """Answer COMMAND, LOOK, FULL, NO_ROOM or SINK_FAILED of the reader.

        True when somebody is to `settle` that, or to take on a piece.
        """
        if signal is Signal.SINK_FAILED:
            LOGGER.error("an object could not be written; it is refused", extra=self._whose.log_fields)
            self._drop(reader)
            return False
        taker = self.taker
        if taker is not None:
            taker.add(reader.take_piece())
            return True
        command, context_id = reader.held_command
        if command.command_field != C_STORE_RQ:
            if signal in _FULL:
                LOGGER.error(
                    "the data set of a %s is longer than memory_limit or memory_budget allow; it is dropped",
                    message_name(command.command_field),
                    extra=self._whose.log_fields,
                )
                reader.discard()
            return False
        if self.find_header is not None and self._choice is None:
            return self._look(self.find_header, command, context_id, reader, signal)
        self._open(signal, reader)
        return False

    def _look(
        self, find: HeaderFinder, command: CommandSet, context_id: int, reader: Reader, signal: Signal
    ) -> bool:
        """Wait for the first elements; True when they are there, or too long."""
        if signal is Signal.COMMAND:  # nothing has come yet
            reader.look(FIRST_LOOK)
            return False
        data_set = reader.held_data_set
        header = find(context_id, data_set)
        if header is not None or signal is not Signal.LOOK or len(data_set) >= HEADER_LIMIT:
            self._arrival = Arrival(command, context_id, data_set, header is not None, header)
            return True
        reader.look(min(GROWTH * len(data_set), HEADER_LIMIT))
        return False

    def settle(self, choice: Choice, reader: Reader) -> None:
        """Go on as it has been chosen for `arrival`."""
        if self._arrival is None:  # the association has ended meanwhile
            if choice.taker is not None:
                choice.taker.break_off()
            return
        self._arrival = None
        self._choice = choice
        self.is_receiving = True
        reader.look(0)
        if choice.is_refused:
            reader.discard()
        elif choice.taker is not None:
            reader.cut(choice.taker.piece_length)
            choice.taker.add(reader.take_piece())
        elif choice.path is not None or (self.directory is not None and not choice.is_for_memory):
            self._open(Signal.COMMAND, reader)

    def _open(self, signal: Signal, reader: Reader) -> None:
        """Have the data set written from now on."""
        command, context_id = reader.held_command
        try:
            self._receiving = self._file(signal, command)
            self.is_receiving = True
            self._write(self._receiving, self._encode_front(command, context_id))
            reader.write_to(self._receiving.fileno())
        except OSError as error:
            LOGGER.error(
                "an object cannot be written, it is refused: %s", error, extra=self._whose.log_fields
            )
            self._drop(reader)

    def _report(self, error: OSError) -> None:
        text = "an object cannot be written, it is refused: %s"
        LOGGER.error(text, error, extra=self._whose.log_fields)

    def _file(self, signal: Signal, command: CommandSet) -> _File:
        choice = self._choice or AS_SET_UP
        sop_instance_uid = command.get(0x1000, "")
        if signal is Signal.COMMAND and choice.path is not None:
            if choice.path.is_dir():
                return StoreDirectory(choice.path).create(sop_instance_uid)
            return create_file(choice.path)
        if signal is Signal.COMMAND and self.directory is not None and not choice.is_for_memory:
            return self.directory.create(sop_instance_uid)
        return SpoolFile()

    def _write(self, file: _File, data: Any) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(file.fileno(), left) :]

    def _drop(self, reader: Reader) -> None:
        reader.discard()
        self._discard_file()

    def _discard_file(self) -> None:
        file, self._receiving = self._receiving, None
        self.is_receiving = self._choice is not None
        if file is not None:
            file.discard()

    def discard_incomplete(self) -> None:
        """Remove the file of the message that is being received; what is taken on is not completed."""
        choices = [self._choice, *list(self.chosen.values())]
        self._arrival = self._choice = None
        for choice in choices:
            if choice is not None and choice.taker is not None:
                choice.taker.break_off()
        self._discard_file()

    def attach(self, message: Message, reader: Reader) -> None:
        """Take note of the message that the file belongs to, now that it is whole."""
        file, self._receiving = self._receiving, None
        choice, self._choice = self._choice, None
        self.is_receiving = False
        if file is not None:
            self.received[message] = file
        if choice is not None:
            self.chosen[message] = choice

    def take_along(self, object_under_way: UnderWay) -> None:
        """Take note of an object that is being taken on after its answer; wait while there are too many."""
        self._under_way.append(object_under_way)
        while self._under_way and (self._under_way[0].is_over or len(self._under_way) > UNDER_WAY):
            self._under_way.popleft().wait()

    def take_choice(self, message: Message) -> Choice | None:
        """Return what has been chosen for a message; None when nobody was asked."""
        return self.chosen.pop(message, None)

    def keep(self, message: Message, choice: Choice) -> None:
        """Write a message that was whole before somebody chose, where it is to go."""
        if choice.is_refused or (choice.path is None and (self.directory is None or choice.is_for_memory)):
            return
        file: _File | None = None
        try:
            self._choice = choice
            file = self._file(Signal.COMMAND, message.command)
            self._write(file, self._encode_front(message.command, message.context_id))
            self._write(file, message.data_set or b"")
            self.received[message] = file
        except OSError as error:
            LOGGER.error(
                "an object cannot be written, it is refused: %s", error, extra=self._whose.log_fields
            )
            if file is not None:
                file.discard()
            raise
        finally:
            self._choice = None

    def take_file(self, message: Message) -> Path | None:
        """Complete the file of a message; None when there is none, or it could not be written."""
        file = self.received.get(message)
        if file is None:
            return None
        if message.sink_errno == 0:
            try:
                path = file.commit()
            except OSError as error:
                LOGGER.error(
                    "an object cannot be written, it is refused: %s", error, extra=self._whose.log_fields
                )
            else:
                if not isinstance(file, SpoolFile):  # it stays
                    del self.received[message]
                return path
        self.discard(message)
        return None

    def discard(self, message: Message) -> None:
        """Remove the file of a message, unless it is complete in the store directory."""
        choice = self.chosen.pop(message, None)
        if choice is not None and choice.taker is not None:  # it was answered without asking who takes it on
            choice.taker.break_off()
        file = self.received.pop(message, None)
        if file is not None:
            file.discard()
