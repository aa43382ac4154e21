"""The application entity: who we are, what we propose and support, and for how long we wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, overload

from fastdicom._core.buffer import BufferPool
from fastdicom._version import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastdicom.association import Association
from fastdicom.association.requestor import request_association
from fastdicom.checks import checked_ae_title, checked_requested_contexts
from fastdicom.context_lists import ContextLists
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host
from fastdicom.net.store_directory import StoreDirectory
from fastdicom.presentation import PresentationContext
from fastdicom.server import AssociationServer
from fastdicom.timeouts import Timeouts
from fastdicom.ul.items import Item
from fastdicom.ul.pdu import A_ASSOCIATE_RJ

DEFAULT_MAXIMUM_LENGTH = 16382

# Received data sets that are longer go to a temporary file.
DEFAULT_MEMORY_LIMIT = 256 << 20

# Memory kept for the next received data sets.
BUFFER_POOL_LIMIT = 512 << 20


class ApplicationEntity(ContextLists, Timeouts):
    """A DICOM application entity, requestor and acceptor of associations.

    Parameters
    ----------
    ae_title
        Its AE title: 1 to 16 characters of ASCII, not spaces only (PS3.5 6.2).

    Attributes
    ----------
    require_called_aet
        Whether a requestor must call this AE by its title; False. Refused: permanent, 1, 7.
    maximum_associations
        How many associations may be accepted at once; 10. Refused: transient, 3, 2.
    maximum_pdu_size
        The longest P-DATA-TF that acceptors take, in bytes without its header; 16382. 0 for no limit.
    implementation_class_uid, implementation_version_name
        How this implementation names itself; the name may be None.
    memory_limit
        The longest received data set that is kept in memory, in bytes; 256 MiB. A longer one is received
        into a temporary file, where `event.dataset_path` finds it.
    """

    def __init__(self, ae_title: str = "FASTDICOM") -> None:
        ContextLists.__init__(self)
        Timeouts.__init__(self)
        self.ae_title = ae_title
        self.require_called_aet = False
        self.maximum_associations = 10
        self.maximum_pdu_size = DEFAULT_MAXIMUM_LENGTH
        self.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.implementation_version_name: str | None = IMPLEMENTATION_VERSION_NAME
        self.memory_limit = DEFAULT_MEMORY_LIMIT
        self.buffer_pool = BufferPool(BUFFER_POOL_LIMIT)
        self._require_calling_aet: list[str] = []
        self._store_directory: StoreDirectory | None = None
        self._associations: set[Association] = set()
        self._admitted: set[Association] = set()
        self._servers: set[AssociationServer] = set()
        self._lock = threading.Lock()

    # Who we are.

    @property
    def ae_title(self) -> str:
        """The AE title, without padding."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, value: str) -> None:
        self._ae_title = checked_ae_title(value)

    @property
    def require_calling_aet(self) -> list[str]:
        """The AE titles that may request associations; anybody when empty. Refused: permanent, 1, 3."""
        return self._require_calling_aet

    @require_calling_aet.setter
    def require_calling_aet(self, value: Iterable[str]) -> None:
        self._require_calling_aet = [checked_ae_title(title) for title in value]

    def _apply_timeouts(self) -> None:
        for association in self.active_associations:
            association.apply_timeouts()

    # Where received objects go.

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

    # Associations.

    def associate(
        self,
        addr: Host,
        port: int,
        contexts: Sequence[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = DEFAULT_MAXIMUM_LENGTH,
        ext_neg: Sequence[Item] | None = None,
        bind_address: Address | None = None,
        *,
        evt_handlers: Sequence[EventHandler] | None = None,
    ) -> Association:
        """Request an association and wait for the answer.

        Parameters
        ----------
        addr, port
            The peer: a host name or address, IPv6 as well.
        contexts
            What to propose; `requested_contexts` unless given.
        ae_title
            The peer's AE title.
        max_pdu
            The longest P-DATA-TF that this side takes, in bytes without its header; 0 for no limit.
        ext_neg
            Further items to propose, `build_role` for instance.
        bind_address
            The local address to connect from.
        evt_handlers
            Handlers to bind, ``(event, handler)`` or ``(event, handler, arguments)`` each.

        Returns
        -------
        Association
            `is_established`, `is_rejected` or `is_aborted`. As a context manager it raises
            `AssociationRejected`, `AssociationAborted` or `ConnectionFailed` when it was not established.

        Raises
        ------
        RuntimeError
            When there is nothing to propose.
        ValueError
            When what is to be proposed is not possible; the message says why.
        """
        proposed = checked_requested_contexts(self._requested if contexts is None else contexts)
        if not proposed:
            raise RuntimeError("no presentation contexts are requested: use AE.add_requested_context first")
        return request_association(
            self,
            addr,
            port,
            contexts=proposed,
            called_ae_title=checked_ae_title(ae_title),
            maximum_length=max_pdu,
            negotiation_items=list(ext_neg or ()),
            bind_address=bind_address,
            handlers=list(evt_handlers or ()),
        )

    @overload
    def start_server(
        self,
        address: Address,
        block: Literal[True] = True,
        *,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> None: ...

    @overload
    def start_server(
        self,
        address: Address,
        block: Literal[False],
        *,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> AssociationServer: ...

    def start_server(
        self,
        address: Address,
        block: bool = True,
        *,
        evt_handlers: Sequence[EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> AssociationServer | None:
        """Listen for associations.

        Parameters
        ----------
        address
            Host and port; an empty host is all addresses of this machine, port 0 any free one.
        block
            Whether to serve in this thread, until interrupted; otherwise in another one.
        evt_handlers
            Handlers to bind, ``(event, handler)`` or ``(event, handler, arguments)`` each.
        ae_title
            The AE title here; that of the AE unless given.
        contexts
            What to accept; `supported_contexts` unless given.

        Returns
        -------
        AssociationServer or None
            The server when it does not block; end it with its `shutdown`.

        Raises
        ------
        OSError
            When the address cannot be had.
        ValueError
            When no presentation context is supported.
        """
        supported = list(self._supported if contexts is None else contexts)
        if not supported:
            raise ValueError("no presentation contexts are supported: use AE.add_supported_context first")
        title = self.ae_title if ae_title is None else checked_ae_title(ae_title)
        server = AssociationServer(self, address, title, supported, list(evt_handlers or ()))
        with self._lock:
            self._servers.add(server)
        if not block:
            server.start()
            return server
        try:
            server.serve_forever()
        finally:
            server.shutdown()
        return None

    def shutdown(self) -> None:
        """Abort all associations and stop all servers."""
        for association in self._all_associations():
            association.abort()
        with self._lock:
            servers = list(self._servers)
        for server in servers:
            server.shutdown()

    @property
    def active_associations(self) -> list[Association]:
        """The associations that are established at this moment."""
        return [association for association in self._all_associations() if association.is_established]

    def _all_associations(self) -> list[Association]:
        with self._lock:
            return list(self._associations)

    def remember(self, association: Association) -> None:
        """Take note of an association with a connection."""
        with self._lock:
            self._associations.add(association)

    def forget(self, association: Association) -> None:
        """Take note that an association is over."""
        with self._lock:
            self._associations.discard(association)
            self._admitted.discard(association)

    def dismiss(self, association: Association) -> None:
        """Take note that an association is not established any more: another may take its place."""
        with self._lock:
            self._admitted.discard(association)

    def forget_server(self, server: AssociationServer) -> None:
        """Take note that a server has stopped."""
        with self._lock:
            self._servers.discard(server)

    def admit(
        self, association: Association, refuse: Callable[[int], A_ASSOCIATE_RJ | None]
    ) -> A_ASSOCIATE_RJ | None:
        """Decide on an association, one at a time.

        Parameters
        ----------
        association
            It counts as accepted from now on, until it is forgotten, unless it is refused.
        refuse
            Given how many are accepted already, returns the refusal, or None.
        """
        with self._lock:
            rejection = refuse(len(self._admitted))
            if rejection is None:
                self._admitted.add(association)
            return rejection


AE = ApplicationEntity
