"""The settings of an application entity: who it is, what it sends and accepts, and where objects go.

`AE` and `aio.AE` are this, and what they do with it: one with threads, the other on an event loop.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastdicom._core.buffer import BufferPool
from fastdicom._version import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastdicom.acceptance import Acceptance
from fastdicom.admission import AdmissionControl
from fastdicom.association.conversion import ALLOWED, Allowed
from fastdicom.checks import checked_ae_title, checked_requested_contexts
from fastdicom.context_lists import ContextLists
from fastdicom.net.socket_options import SocketOptions
from fastdicom.net.store_directory import StoreDirectory
from fastdicom.presentation import PresentationContext
from fastdicom.timeouts import Timeouts
from fastdicom.watching.watched import Watched

DEFAULT_MAXIMUM_LENGTH = 16382

# Received data sets that are longer go to a temporary file.
DEFAULT_MEMORY_LIMIT = 256 << 20
PIXEL_DATA = 0x7FE00010

# Memory kept for the next received data sets.
BUFFER_POOL_LIMIT = 512 << 20


def half_of_memory() -> int | None:
    """Return half of this machine's memory in bytes; None where that cannot be told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None


class Entity(ContextLists, Timeouts, Acceptance, AdmissionControl, Watched):
    """What an application entity is set to.

    Parameters
    ----------
    ae_title
        Its AE title: 1 to 16 characters of ASCII, not spaces only (PS3.5 6.2).

    Attributes
    ----------
    maximum_pdu_size
        The longest P-DATA-TF that acceptors take, in bytes without its header; 16382. 0 for no limit.
    implementation_class_uid, implementation_version_name
        How this implementation names itself; the name may be None.
    socket_options
        What is set on the sockets of connections and servers to come: keep-alive, buffers, backlog.
    memory_limit
        The longest received data set that is kept in memory, in bytes; 256 MiB. A longer one is received
        into a temporary file, where `event.dataset_path` finds it.
    header_end
        The tag that ends the header of an object, for EVT_C_STORE_HEADER: elements in front of it are waited
        for; (7FE0,0010) Pixel Data.
    """

    def __init__(self, ae_title: str = "FASTDICOM") -> None:
        ContextLists.__init__(self)
        Timeouts.__init__(self)
        AdmissionControl.__init__(self)
        Acceptance.__init__(self)
        Watched.__init__(self)
        self.ae_title = ae_title
        self.maximum_pdu_size = DEFAULT_MAXIMUM_LENGTH
        self.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.implementation_version_name: str | None = IMPLEMENTATION_VERSION_NAME
        self.memory_limit = DEFAULT_MEMORY_LIMIT
        self.header_end = PIXEL_DATA
        self.transcoding = "lossless"
        self.buffer_pool = BufferPool(BUFFER_POOL_LIMIT)
        self.memory_budget = half_of_memory()
        self._store_directory: StoreDirectory | None = None
        self.socket_options = SocketOptions()

    # Who we are.

    @property
    def ae_title(self) -> str:
        """The AE title, without padding."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, value: str) -> None:
        self._ae_title = checked_ae_title(value)

    # What is sent.

    @property
    def transcoding(self) -> Allowed:
        """In which other transfer syntaxes an object may be sent, when its own has not been accepted.

        ``"lossless"``, from one uncompressed transfer syntax to another (deflated and big endian included),
        is the default. ``"none"`` sends what there is or nothing; ``"any"`` also decodes compressed pixel
        data, with what pydicom finds installed.

        Raises
        ------
        ValueError
            When set to anything else.
        """
        return self._transcoding

    @transcoding.setter
    def transcoding(self, value: Allowed) -> None:
        if value not in ALLOWED:
            raise ValueError(f"transcoding is {value!r}; {', '.join(map(repr, ALLOWED))} are allowed")
        self._transcoding = value

    # Where received objects go.

    @property
    def memory_budget(self) -> int | None:
        """For the data sets of all associations together, in bytes; half of the machine's memory. None: all.

        It is for those in memory that are being received, or are with handlers. Past it sockets are not read:
        an association whose data set needs more waits, and its peer with it, until there is room. One data
        set at a time is received beyond it, so that something ends; so it may be exceeded by that one, and by
        16 KiB for each association, which can always be had. When `dimse_timeout` or `network_timeout` has
        passed, the object goes to a temporary file instead, as beyond `memory_limit`.

        Raises
        ------
        ValueError
            When set to less than 1.
        """
        return self.buffer_pool.budget or None

    @memory_budget.setter
    def memory_budget(self, value: int | None) -> None:
        if value is not None and value < 1:
            raise ValueError(f"memory_budget is {value}; it must be positive, or None")
        self.buffer_pool.budget = value or 0

    @property
    def store_directory(self) -> Path | None:
        """The directory that received objects are written to while they come; None to keep them in memory.

        An object becomes ``<SOP Instance UID>.dcm`` when it is whole, and replaces an earlier one. With a
        directory, C-STORE is a success unless a handler of EVT_C_STORE says otherwise; the file is then
        already there, at `event.dataset_path`.

        Raises
        ------
        OSError
            When set to what is not a directory.
        """
        return None if self._store_directory is None else self._store_directory.path

    @store_directory.setter
    def store_directory(self, value: str | os.PathLike[str] | None) -> None:
        opened = None if value is None else StoreDirectory(value)
        previous, self._store_directory = self._store_directory, opened
        if previous is not None:
            previous.close()

    @property
    def opened_store_directory(self) -> StoreDirectory | None:
        """The opened directory behind `store_directory`."""
        return self._store_directory

    # What is proposed and accepted.

    def _proposed(self, contexts: Sequence[PresentationContext] | None) -> list[PresentationContext]:
        """Return what an association proposes: these contexts, or those of the AE."""
        proposed = checked_requested_contexts(self._requested if contexts is None else contexts)
        if not proposed:
            raise RuntimeError("no presentation contexts are requested: use AE.add_requested_context first")
        return proposed

    def _offered(self, contexts: Sequence[PresentationContext] | None) -> list[PresentationContext]:
        """Return what a server accepts: these contexts, or those of the AE."""
        supported = list(self._supported if contexts is None else contexts)
        if not supported and not self.accepts_any_storage:
            raise ValueError("no presentation contexts are supported: use AE.add_supported_context first")
        return supported

    # The associations, for themselves.

    @abstractmethod
    def remember(self, association: Any) -> None:
        """Take note of an association with a connection."""

    @abstractmethod
    def forget(self, association: Any) -> None:
        """Take note that an association is over."""
