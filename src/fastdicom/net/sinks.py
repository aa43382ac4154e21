"""Where a data set goes while it is received, when that is not memory: a store directory, or a spool file.

Only objects go to files, those of C-STORE requests. One is written while it comes, so that its size does not
matter. What cannot be written is received and dropped: the association lives on, and the service answers that
it is out of resources. So is any other data set that memory has no room for: no peer fills the disk with
identifiers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Message, Reader, Signal
from fastdicom.dimse.messages import C_STORE_RQ, message_name
from fastdicom.log import get_logger
from fastdicom.net.store_directory import StoreDirectory

LOGGER = get_logger(__name__)

# Given the command set and the presentation context: preamble, prefix and File Meta Information.
FrontEncoder = Callable[[CommandSet, int], bytes]


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

    Attributes
    ----------
    is_receiving
        Whether the data set that is being received goes to a file.
    received
        The files of whole messages that have not been answered yet.
    """

    def __init__(self, directory: StoreDirectory | None, encode_front: FrontEncoder) -> None:
        self.directory = directory
        self.is_receiving = False
        self._encode_front = encode_front
        self._receiving: _File | None = None
        self.received: dict[Message, _File] = {}

    def choose(self, signal: Signal, reader: Reader) -> None:
        """Answer COMMAND, FULL or SINK_FAILED of the reader."""
        if signal is Signal.SINK_FAILED:
            LOGGER.error("an object could not be written; it is refused")
            self._drop(reader)
            return
        command, context_id = reader.held_command
        if command.command_field != C_STORE_RQ:
            if signal is Signal.FULL:
                LOGGER.error(
                    "the data set of a %s is longer than memory_limit allows; it is dropped",
                    message_name(command.command_field),
                )
                reader.discard()
            return
        try:
            self._receiving = self._open(signal, command)
            self.is_receiving = True
            front = self._encode_front(command, context_id)
            if os.write(self._receiving.fileno(), front) < len(front):
                raise OSError("no room for File Meta Information")
            reader.write_to(self._receiving.fileno())
        except OSError as error:
            LOGGER.error("an object cannot be written, it is refused: %s", error)
            self._drop(reader)

    def _open(self, signal: Signal, command: CommandSet) -> _File:
        if signal is Signal.COMMAND and self.directory is not None:
            return self.directory.create(command.get(0x1000, ""))
        return SpoolFile()

    def _drop(self, reader: Reader) -> None:
        reader.discard()
        self.discard_incomplete()

    def discard_incomplete(self) -> None:
        """Remove the file of the message that is being received."""
        file, self._receiving = self._receiving, None
        self.is_receiving = False
        if file is not None:
            file.discard()

    def attach(self, message: Message) -> None:
        """Take note of the message that the file belongs to, now that it is whole."""
        file, self._receiving = self._receiving, None
        self.is_receiving = False
        if file is not None:
            self.received[message] = file

    def take_file(self, message: Message) -> Path | None:
        """Complete the file of a message; None when there is none, or it could not be written."""
        file = self.received.get(message)
        if file is None:
            return None
        if message.sink_errno == 0:
            try:
                path = file.commit()
            except OSError as error:
                LOGGER.error("an object cannot be written, it is refused: %s", error)
            else:
                if not isinstance(file, SpoolFile):  # it stays
                    del self.received[message]
                return path
        self.discard(message)
        return None

    def discard(self, message: Message) -> None:
        """Remove the file of a message, unless it is complete in the store directory."""
        file = self.received.pop(message, None)
        if file is not None:
            file.discard()
