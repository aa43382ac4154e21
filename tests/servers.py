"""fastdicom servers for tests, and waiting with a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastdicom import AE, Association
from fastdicom.presentation import ALL_TRANSFER_SYNTAXES
from fastdicom.server import AssociationServer
from fastdicom.sop_class import Verification

DEADLINE = 20.0
"""Seconds after which a test that waits has failed."""

POLL = threading.Event()
"""Never set: waiting for it is waiting a moment."""


def wait_until(is_true: Callable[[], Any], what: str = "") -> None:
    """Wait until something that cannot notify is true."""
    for _ in range(int(DEADLINE / 0.005)):
        if is_true():
            return
        POLL.wait(0.005)
    raise AssertionError(f"not within {DEADLINE} s: {what or is_true}")


def await_event(event: threading.Event) -> None:
    """Wait for an event that must come."""
    assert event.wait(DEADLINE), f"not within {DEADLINE} s"


def await_end(event: threading.Event, progress: Callable[[], int]) -> None:
    """Wait for an event that comes when much has been done: as long as it gets on, however slowly."""
    before = -1
    while not event.wait(DEADLINE):
        now = progress()
        assert now != before, f"no progress within {DEADLINE} s, after {now}"
        before = now


@contextmanager
def serving(ae: AE, handlers: list[Any] | None = None, **options: Any) -> Iterator[AssociationServer]:
    """Serve on a free port of this machine; in the end everything has been cleaned up."""
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, **options)
    assert server is not None
    try:
        yield server
    finally:
        server.shutdown()


def port_of(server: AssociationServer) -> int:
    """Return the port that a server listens on."""
    return int(server.server_address[1])


def store_ae(sop_classes: set[str], transfer_syntaxes: list[str] | None = None) -> AE:
    """Return an AE that supports storage and verification."""
    ae = AE()
    ae.maximum_associations = 100
    ae.add_supported_context(Verification)
    for sop_class in sorted(sop_classes):
        ae.add_supported_context(sop_class, transfer_syntaxes or list(ALL_TRANSFER_SYNTAXES))
    return ae


def associate(ae: AE, server: AssociationServer, **options: Any) -> Association:
    """Request an association with a server of this test."""
    return ae.associate("127.0.0.1", port_of(server), **options)
