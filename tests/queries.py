"""Queries for tests: identifiers, servers that find, and peers that are only a socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import model
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from raw_peer import IMPLICIT, VERIFICATION, Raw, connect_raw, fake_acceptor
from servers import associate, serving

from fastdicom import AE, Association, build_async_ops, build_context, evt
from fastdicom.data_sets import encode_dataset
from fastdicom.presentation import PresentationContext
from fastdicom.sop_class import PatientRootQueryRetrieveInformationModelFind

MODEL = PatientRootQueryRetrieveInformationModelFind
FIND_CONTEXT = 1
ECHO_CONTEXT = 3

C_FIND_RQ = 0x0020
C_CANCEL_RQ = 0x0FFF
PENDING = 0xFF00
CANCELLED = 0xFE00

ABORT_BY_USER = model.abort(0, 0)


def identifier(number: int = 0) -> Dataset:
    """Return a query, or a match."""
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientID = f"P{number}"
    return dataset


def encoded(number: int = 0) -> bytes:
    """Return the same, encoded."""
    return encode_dataset(identifier(number), ImplicitVRLittleEndian)


def contexts() -> list[PresentationContext]:
    """Return what a requestor proposes: queries, and verification."""
    return [build_context(MODEL, IMPLICIT), build_context(VERIFICATION, IMPLICIT)]


@contextmanager
def finding(handler: Any, model: str = MODEL, window: int = 1, ae: AE | None = None) -> Iterator[Association]:
    """Associate with a server that has this handler of EVT_C_FIND; abort in the end if it is still there."""
    scp = ae or AE()
    scp.add_supported_context(model)
    scp.add_supported_context(VERIFICATION)
    handlers: list[Any] = [(evt.EVT_ASYNC_OPS, lambda event: (window, window))]
    if handler is not None:
        handlers.append((evt.EVT_C_FIND, handler))
    scu = AE()
    scu.requested_contexts = [build_context(model, IMPLICIT), build_context(VERIFICATION, IMPLICIT)]
    with serving(scp, handlers) as server:
        association = associate(scu, server, ext_neg=[build_async_ops(window, 1)] if window != 1 else [])
        assert association.is_established
        try:
            yield association
        finally:
            association.abort()


def outcome(association: Association, query: Any = None, model: str = MODEL) -> list[tuple[int, Any]]:
    """Query, and return all statuses with the Patient IDs, which is what is in a match."""
    responses = association.send_c_find(query or identifier(), model)
    return [(status.Status, match and match.PatientID) for status, match in responses]


# --- peers that are only a socket -------------------------------------------------------------------------


def items(window: tuple[int, int] | None) -> bytes:
    """Return user information."""
    further = [] if window is None else [model.asynchronous_operations(*window)]
    return model.user_information(
        model.maximum_length(16384), model.implementation_class_uid("1.2.3"), *further
    )


def accept(peer: Raw, window: tuple[int, int] | None = None) -> None:
    """Accept both contexts."""
    assert peer.receive_pdu()[:1] == b"\1"
    accepted = [model.context_ac(number, 0, IMPLICIT) for number in (FIND_CONTEXT, ECHO_CONTEXT)]
    peer.send(
        model.associate(2, b"CALLED", b"CALLING", [model.application_context(), *accepted, items(window)])
    )


def associate_raw(port: int, window: tuple[int, int] | None = None) -> Raw:
    """Have a server accept both contexts."""
    peer = connect_raw(port)
    proposed = [
        model.context_rq(FIND_CONTEXT, MODEL, [IMPLICIT]),
        model.context_rq(ECHO_CONTEXT, VERIFICATION, [IMPLICIT]),
    ]
    peer.send(
        model.associate(1, b"CALLED", b"CALLING", [model.application_context(), *proposed, items(window)])
    )
    assert peer.receive_pdu()[:1] == b"\2"
    return peer


def command(elements: dict[int, Any], data_set: bytes | None = None, context_id: int = FIND_CONTEXT) -> bytes:
    """Return the PDUs of a message."""
    elements = dict(sorted({**elements, 0x0800: 0x0101 if data_set is None else 1}.items()))
    return b"".join(model.message(context_id, model.command_set(elements), data_set, 16384))


def find_rq(message_id: int = 1, data_set: bytes | None = None, **changes: Any) -> bytes:
    """Return a C-FIND request."""
    elements = {0x0002: MODEL, 0x0100: C_FIND_RQ, 0x0110: message_id, 0x0700: 2}
    return command(elements | changed(changes), encoded() if data_set is None else data_set)


def find_rsp(message_id: Any, status: int, data_set: bytes | None = None, **changes: Any) -> bytes:
    """Return a C-FIND response; `x0120=7` changes an element."""
    elements = {0x0002: MODEL, 0x0100: C_FIND_RQ | 0x8000, 0x0120: message_id, 0x0900: status}
    context_id = changes.pop("context_id", FIND_CONTEXT)
    return command(elements | changed(changes), data_set, context_id)


def changed(changes: dict[str, Any]) -> dict[int, Any]:
    """Return elements that are named by keyword arguments."""
    return {int(name[1:], 16): value for name, value in changes.items()}


def cancel_rq(message_id: Any, context_id: int = FIND_CONTEXT) -> bytes:
    """Return a C-CANCEL request."""
    return command({0x0100: C_CANCEL_RQ, 0x0120: message_id}, None, context_id)


@contextmanager
def asking(
    script: Callable[[Raw], None], window: tuple[int, int] | None = None, **settings: Any
) -> Iterator[Association]:
    """Associate with a scripted SCP; settings are of our AE."""
    ae = AE()
    for name, value in settings.items():
        setattr(ae, name, value)

    def run(peer: Raw) -> None:
        accept(peer, window)
        script(peer)

    with fake_acceptor(run) as port:
        association = ae.associate(
            "127.0.0.1",
            port,
            contexts=contexts(),
            ext_neg=[build_async_ops(*window)] if window is not None else [],
        )
        assert association.is_established
        try:
            yield association
        finally:
            association.abort()


def receive_find(peer: Raw) -> int:
    """Return the Message ID of the C-FIND request that comes."""
    _, request, _ = peer.receive_message()
    assert request[0x0100] == C_FIND_RQ, request
    return int(str(request[0x0110]))


def receive_cancel(peer: Raw) -> int:
    """Return what the C-CANCEL request that comes is for."""
    _, request, _ = peer.receive_message()
    assert request[0x0100] == C_CANCEL_RQ, request
    return int(str(request[0x0120]))


def receive_abort(peer: Raw) -> None:
    """Take an abort of the user for the next PDU, and close."""
    assert peer.receive_pdu() == ABORT_BY_USER
    peer.close()


def end(peer: Raw) -> None:
    """Agree to the release that comes."""
    assert peer.receive_pdu() == model.release_rq()
    peer.send(model.release_rp())


# --- handlers, and what comes of them ----------------------------------------------------------------------


class Endless:
    """A handler that yields matches until it is stopped, and knows how many and how that was."""

    def __init__(self) -> None:
        self.count = 0
        self.is_closed = threading.Event()
        self.saw_cancel = False

    def __call__(self, event: Any) -> Iterator[Any]:
        try:
            while True:
                self.count += 1
                yield PENDING, encoded(self.count)
        finally:
            self.saw_cancel = event.is_cancelled
            self.is_closed.set()


def statuses(responses: Any) -> list[int | None]:
    return [status.get("Status") and status.Status for status, _ in responses]


def query_ae() -> AE:
    ae = AE()
    ae.add_supported_context(MODEL)
    ae.add_supported_context("1.2.840.10008.1.1")
    return ae


def three(event: Any) -> list[Any]:
    return [(PENDING, encoded(number)) for number in range(3)]


def some(event: Any) -> Iterator[Any]:
    start = int(event.identifier.PatientID[1:])
    for number in range(start, start + 20):
        yield PENDING, encoded(number)


def answer_echo(peer: Raw) -> None:
    _, request, _ = peer.receive_message()
    assert request[0x0100] == 0x0030
    peer.send(command({0x0100: 0x8030, 0x0120: request[0x0110], 0x0900: 0}, None, ECHO_CONTEXT))


def release(peer: Raw) -> None:
    """Release the association; what was on its way may still come."""
    peer.send(model.release_rq())
    while (pdu := peer.receive_pdu()) != model.release_rp():
        assert pdu[:1] == b"\4"
    peer.close()


ENDS = {
    "abort": lambda peer: peer.send(ABORT_BY_USER),
    "close": lambda peer: peer.close(),
    "reset": lambda peer: peer.reset(),
    "release": release,
}


def rows_of(association: Association) -> list[Any]:
    responses = association.send_c_find(identifier(), MODEL)
    return [(status.get("Status") and status.Status, match) for status, match in responses]
