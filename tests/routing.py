"""A router between senders and destinations, for tests of what is passed on while it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import model
from pydicom.uid import ExplicitVRLittleEndian
from raw_peer import IMPLICIT, STORE_CONTEXT, Raw, acceptance, contexts
from servers import associate, await_event, serving, store_ae

from fastdicom import AE, Association, evt, forward
from fastdicom.sop_class import CTImageStorage


class Archive:
    """A destination, and what it has been given."""

    def __init__(self, stack: ExitStack, status: Any = 0x0000, maximum_length: int = 16382) -> None:
        self.objects: list[bytes] = []
        self.status = status
        self.ae = store_ae({CTImageStorage})
        self.ae.maximum_pdu_size = maximum_length
        self.server = stack.enter_context(serving(self.ae, [(evt.EVT_C_STORE, self._store)]))

    def _store(self, event: Any) -> Any:
        self.objects.append(bytes(event.encoded))
        return self.status

    def association(self, stack: ExitStack, transfer_syntax: str = ExplicitVRLittleEndian) -> Association:
        ae = AE()
        ae.add_requested_context(CTImageStorage, transfer_syntax)
        return stack.enter_context(associate(ae, self.server))


class Router:
    """Passes everything on to its destinations."""

    def __init__(self, stack: ExitStack, *destinations: Any, **options: Any) -> None:
        self.destinations: Any = list(destinations)
        self.options = options
        self.forwarded: list[Any] = []
        self.is_asked = threading.Event()
        self.ae = store_ae({CTImageStorage})
        self.server = stack.enter_context(serving(self.ae, [(evt.EVT_C_STORE_HEADER, self._choose)]))

    def _choose(self, event: Any) -> Any:
        self.forwarded.append(forward(event, self.destinations, **self.options))
        self.is_asked.set()
        return self.forwarded[-1]

    def association(self, stack: ExitStack, transfer_syntax: str = ExplicitVRLittleEndian) -> Association:
        ae = AE()
        ae.add_requested_context(CTImageStorage, transfer_syntax)
        return stack.enter_context(associate(ae, self.server))


@contextmanager
def routed(count: int = 1, statuses: tuple[Any, ...] = (), **options: Any) -> Iterator[Any]:
    """Yield a sender's association, the router and so many archives behind it."""
    with ExitStack() as stack:
        maxima = (16382, 0, 1000)
        archives = [
            Archive(stack, statuses[i] if statuses else 0x0000, maxima[i % len(maxima)]) for i in range(count)
        ]
        router = Router(stack, *(archive.association(stack) for archive in archives), **options)
        yield router.association(stack), router, archives


class Destination:
    """A raw peer that is a destination: it reads when it is told to, and as much."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.has_begun = threading.Event()
        self.pdus: list[bytes] = []

    def accept(self, peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())

    def idle(self, peer: Raw) -> None:
        """Read nothing until told to, then an object, and answer it."""
        self.accept(peer)
        await_event(self.may_go_on)
        self.answer(peer)

    def answer_early(self, peer: Raw) -> None:
        """Answer with a failure before the object is there; then read it."""
        self.accept(peer)
        first = peer.receive_pdu()
        message_id = int(str(model.read_command_set(model.read_p_data_tf(first)[0][2])[0x0110]))
        peer.send(store_response(message_id, 0xA702))
        await_event(self.may_go_on)
        while not model.read_p_data_tf(peer.receive_pdu())[-1][1] & 2:
            pass
        peer.receive_pdu()

    def die(self, peer: Raw) -> None:
        """Read a little, and be gone."""
        self.accept(peer)
        for _ in range(3):
            peer.receive_pdu()
        peer.reset()

    def answer(self, peer: Raw, status: int = 0x0000) -> None:
        _, command, data_set = peer.receive_message()
        self.pdus.append(data_set or b"")
        peer.send(store_response(int(str(command[0x0110])), status))
        peer.receive_pdu()

    def listen(self, peer: Raw) -> None:
        """Read everything up to the end, or an A-ABORT."""
        self.accept(peer)
        self.take_all(peer)

    def listen_late(self, peer: Raw) -> None:
        """The same, but nothing until told to."""
        self.accept(peer)
        await_event(self.may_go_on)
        self.take_all(peer)

    def take_all(self, peer: Raw) -> None:
        while pdu := peer.receive_pdu():
            self.pdus.append(pdu)
            if is_data(pdu):
                self.has_begun.set()
            if pdu[:1] == b"\7":
                break


def is_data(pdu: bytes) -> bool:
    """Whether a PDU has a fragment of a data set."""
    return pdu[:1] == b"\4" and not model.read_p_data_tf(pdu)[0][1] & 1


def store_response(message_id: int, status: int = 0x0000) -> bytes:
    command = {0x0100: 0x8001, 0x0120: message_id, 0x0800: 0x0101, 0x0900: status}
    pdu: bytes = model.p_data_tf([(STORE_CONTEXT, 3, model.command_set(command))])
    return pdu


def raw_association(port: int) -> Association:
    """Request an association with a raw peer: Implicit VR Little Endian."""
    ae = AE()
    ae.dimse_timeout = 15
    return ae.associate("127.0.0.1", port, contexts=contexts())


def raw_store_ae(sop_class: str = CTImageStorage) -> AE:
    return store_ae({sop_class}, [IMPLICIT])


Script = Callable[[Raw], None]
