"""Destinations that are only sockets, and take any number of associations: for pools."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import model
from raw_peer import VERIFICATION, Raw
from servers import DEADLINE

ABORT_OF_USER = model.abort(0, 0)


@dataclass
class Visit:
    """One association at a destination."""

    raw: Raw
    number: int
    contexts: dict[int, tuple[str, str]] = field(default_factory=dict)
    proposed: list[tuple[str, list[str]]] = field(default_factory=list)
    request: bytes = b""
    lengths: list[int] = field(default_factory=list)

    def next_pdus(self) -> list[bytes]:
        """Return the PDUs of the next message, or the next PDU of another kind; none at the end."""
        pdus: list[bytes] = []
        while pdu := self.raw.receive_pdu():
            pdus.append(pdu)
            if pdu[:1] != b"\4":
                break
            self.lengths.append(len(pdu) - 6)
            _, control, _ = model.read_p_data_tf(pdu)[-1]
            if control == 2 or (control == 3 and not model.has_data_set(model.read_p_data_tf(pdu)[0][2])):
                break
        return pdus

    def answer(self, pdus: list[bytes], status: int = 0) -> None:
        """Answer a request, whose command set is in its first PDU."""
        ((context_id, _, command),) = model.read_p_data_tf(pdus[0])
        request = model.read_command_set(command)
        answer = {
            0x0002: request[0x0002],
            0x0100: request[0x0100] | 0x8000,
            0x0120: request[0x0110],
            0x0800: 0x0101,
            0x0900: status,
        }
        self.raw.send(model.p_data_tf([(context_id, 3, model.command_set(answer))]))


Serve = Callable[[Visit], None]
Accepts = Callable[[str, str], bool]


def answer_all(visit: Visit) -> None:
    """Answer every request with success, until the association ends."""
    while pdus := visit.next_pdus():
        if pdus[-1] == model.release_rq():
            visit.raw.send(model.release_rp())
            return
        if pdus[-1][:1] != b"\4":
            return
        visit.answer(pdus)


class Destination:
    """A listening socket, and what has come to it.

    `refuses` is what is answered to a request for an association; None accepts it.
    """

    def __init__(
        self,
        serve: Serve = answer_all,
        accepts: Accepts = lambda uid, syntax: True,
        window: int = 1,
        maximum_length: int = 16384,
        receive_buffer: int | None = None,
    ) -> None:
        self.serve = serve
        self.accepts = accepts
        self.window = window
        self.maximum_length = maximum_length
        self.refuses: Callable[[int], bytes | None] = lambda number: None
        self.visits: list[Visit] = []
        self.failures: list[BaseException] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        if receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.address: tuple[str, int] = ("127.0.0.1", self.listener.getsockname()[1])
        self.threads = [threading.Thread(target=self.listen, daemon=True)]
        self.threads[0].start()

    def listen(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                visit = Visit(Raw(sock), len(self.visits))
                self.visits.append(visit)
                thread = threading.Thread(target=self.run, args=(visit,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def run(self, visit: Visit) -> None:
        try:
            with visit.raw:
                visit.request = visit.raw.receive_pdu()
                if not visit.request:
                    return
                refusal = self.refuses(visit.number)
                if refusal is not None:
                    visit.raw.send(refusal)
                    visit.raw.receive_all()
                    return
                self.accept(visit)
                self.serve(visit)
        except BaseException as error:
            self.failures.append(error)

    def accept(self, visit: Visit) -> None:
        *_, items = model.read_associate(visit.request)
        answers = []
        for item_type, content in items:
            if item_type != 0x20:
                continue
            context_id, uid, syntaxes = model.read_context_rq(content)
            visit.proposed.append((uid, syntaxes))
            chosen = next((each for each in syntaxes if self.accepts(uid, each)), None)
            if chosen is not None:
                visit.contexts[context_id] = uid, chosen
            answers.append(model.context_ac(context_id, 0 if chosen else 3, chosen or syntaxes[0]))
        information = [
            model.maximum_length(self.maximum_length),
            model.implementation_class_uid("1.2.3"),
        ]
        if self.window > 1:
            information.append(model.asynchronous_operations(self.window, 1))
        answer = [model.application_context(), *answers, model.user_information(*information)]
        visit.raw.send(model.associate(2, b"CALLED", b"CALLING", answer))

    def close(self) -> None:
        """Listen no more; the connections that there are go on."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def end(self) -> None:
        self.close()
        for visit in self.visits:
            with suppress(OSError):
                visit.raw.socket.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()


@contextmanager
def destination(
    serve: Serve = answer_all,
    accepts: Accepts = lambda uid, syntax: True,
    window: int = 1,
    maximum_length: int = 16384,
    receive_buffer: int | None = None,
) -> Iterator[Destination]:
    """Run a destination; what it raises is raised in the end."""
    running = Destination(serve, accepts, window, maximum_length, receive_buffer)
    try:
        yield running
    finally:
        running.end()
    if running.failures:
        raise running.failures[0]


def only(*uids: str) -> Accepts:
    """Accept these SOP classes, and verification."""
    return lambda uid, syntax: uid in (*uids, VERIFICATION)
