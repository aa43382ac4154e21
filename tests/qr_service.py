"""fastdicom as the archive of the tests: handlers for C-FIND, C-GET and C-MOVE, and servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import archive
from pydicom.uid import ExplicitVRLittleEndian

from fastdicom import AE, evt
from fastdicom.presentation import QueryRetrievePresentationContexts, StoragePresentationContexts
from fastdicom.server import AssociationServer
from fastdicom.sop_class import Verification

HOST = "127.0.0.1"


class Archive:
    """Handlers over the small archive, whose files it sends as they are.

    Attributes
    ----------
    cancelled
        For each C-FIND, C-GET and C-MOVE whether it was cancelled.
    """

    def __init__(self, files: Mapping[str, Path], destinations: Mapping[str, int] | None = None) -> None:
        self._files = files
        self._destinations = dict(destinations or {})
        self.cancelled: list[bool] = []

    def handlers(self) -> list[Any]:
        return [(evt.EVT_C_FIND, self.find), (evt.EVT_C_GET, self.get), (evt.EVT_C_MOVE, self.move)]

    def find(self, event: Any) -> Iterator[Any]:
        for answer in archive.find(event.identifier):
            if event.is_cancelled:
                self.cancelled.append(True)
                yield 0xFE00, None
                return
            yield 0xFF00, answer
        self.cancelled.append(False)

    def get(self, event: Any) -> Iterator[Any]:
        selected = archive.select(event.identifier)
        yield len(selected)
        for instance in selected:
            yield 0xFF00, self._files[instance.uid]

    def move(self, event: Any) -> Iterator[Any]:
        port = self._destinations.get(str(event.move_destination).strip())
        if port is None:
            yield None, None
            return
        yield HOST, port
        yield from self.get(event)


@contextmanager
def serving_archive(
    files: Mapping[str, Path], destinations: Mapping[str, int] | None = None, port: int = 0
) -> Iterator[tuple[AssociationServer, Archive]]:
    """Serve the archive for query and retrieval, on a free port unless one is given."""
    ae = AE("ARCHIVE")
    ae.add_supported_context(Verification)
    for context in QueryRetrievePresentationContexts:
        ae.add_supported_context(context.abstract_syntax)
    for context in StoragePresentationContexts:
        # That of its files, so that they can be sent as they are.
        ae.add_supported_context(
            context.abstract_syntax, ExplicitVRLittleEndian, scu_role=True, scp_role=True
        )
    handlers = Archive(files, destinations)
    server = ae.start_server((HOST, port), block=False, evt_handlers=handlers.handlers())
    try:
        yield server, handlers
    finally:
        server.shutdown()


class Received:
    """A handler of C-STORE that keeps what it gets to see.

    Attributes
    ----------
    objects
        The received data sets, by SOP Instance UID.
    originators
        Who moved them: AE title and Message ID.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.originators: set[tuple[str | None, int | None]] = set()

    @property
    def handler(self) -> Any:
        return evt.EVT_C_STORE, self._store

    def _store(self, event: Any) -> int:
        request = event.request
        self.objects[str(request.AffectedSOPInstanceUID)] = event.dataset
        originator = request.MoveOriginatorApplicationEntityTitle
        self.originators.add((originator, request.MoveOriginatorMessageID))
        return 0x0000


@contextmanager
def receiving(port: int = 0) -> Iterator[tuple[int, Received]]:
    """Serve as a destination of moves."""
    ae = AE("FASTDICOM")
    for context in StoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax)
    received = Received()
    server = ae.start_server((HOST, port), block=False, evt_handlers=[received.handler])
    try:
        yield int(server.server_address[1]), received
    finally:
        server.shutdown()
