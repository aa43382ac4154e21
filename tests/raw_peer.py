"""Peers that are only a socket: they send whatever bytes a test wants, whenever it wants."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import model
from servers import DEADLINE

from fastdicom.presentation import PresentationContext, build_context

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.1.1"  # Patient Root

ECHO_CONTEXT = 1
STORE_CONTEXT = 3

HEADER = 6

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"


class Raw:
    """A connected socket that speaks in PDUs, or does not."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.is_over = threading.Event()  # for a script that waits until its test is over
        sock.settimeout(DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def send(self, *pdus: bytes) -> None:
        self.socket.sendall(b"".join(pdus))

    def receive(self, length: int) -> bytes:
        """Return so many bytes, fewer at the end of the stream."""
        received = b""
        while len(received) < length:
            try:
                more = self.socket.recv(length - len(received))
            except ConnectionResetError:
                more = b""
            if not more:
                break
            received += more
        return received

    def receive_pdu(self) -> bytes:
        """Return the next PDU, b"" at the end of the stream."""
        header = self.receive(HEADER)
        if len(header) < HEADER:
            return header
        return header + self.receive(int.from_bytes(header[2:6], "big"))

    def receive_all(self) -> list[bytes]:
        """Return the PDUs up to the end of the stream, which must come."""
        return list(iter(self.receive_pdu, b""))

    def receive_message(self) -> tuple[int, dict[int, object], bytes | None]:
        """Return the next message: context ID, command set, data set or None."""
        pdus: list[bytes] = []
        while True:
            pdus.append(self.receive_pdu())
            assert pdus[-1][:1] == b"\4", f"P-DATA-TF was expected, not {pdus[-1][:16]!r}"
            _, control, _ = model.read_p_data_tf(pdus[-1])[-1]
            if control & 2:
                command = b"".join(
                    fragment for pdu in pdus for _, c, fragment in model.read_p_data_tf(pdu) if c & 1
                )
                if not control & 1 or not model.has_data_set(command):
                    ((context_id, command, data_set),) = model.read_messages(pdus)
                    return context_id, model.read_command_set(command), data_set

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def connect_raw(port: int) -> Raw:
    """Connect to a server of this test."""
    return Raw(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE))


@contextmanager
def fake_acceptor(script: Callable[[Raw], None], receive_buffer: int | None = None) -> Iterator[int]:
    """Listen, and run a script with the one connection that comes; the port is what comes out.

    What the script raises is raised in the end. The connection is closed when the test is done.
    """
    failures: list[BaseException] = []
    kept: list[Raw] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(DEADLINE)
    if receive_buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)

    def run() -> None:
        try:
            sock, _ = listener.accept()
            kept.append(Raw(sock))
            script(kept[0])
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(DEADLINE)
        is_done = not thread.is_alive()
        for raw in kept:
            raw.close()
        listener.close()
    assert is_done, "the script of the peer did not end"
    if failures:
        raise failures[0]


def user_information(maximum_length: int = 16384, window: tuple[int, int] | None = None) -> bytes:
    further = [] if window is None else [model.asynchronous_operations(*window)]
    return model.user_information(
        model.maximum_length(maximum_length), model.implementation_class_uid("1.2.3"), *further
    )


def request(
    *,
    version: int = 1,
    application_context: str = APPLICATION_CONTEXT,
    maximum_length: int = 16384,
    extra: bytes = b"",
    calling: bytes = b"CALLING",
    window: tuple[int, int] | None = None,
) -> bytes:
    """Return an A-ASSOCIATE-RQ for verification and CT storage."""
    items = [
        model.application_context(application_context),
        model.context_rq(ECHO_CONTEXT, VERIFICATION, [IMPLICIT]),
        model.context_rq(STORE_CONTEXT, CT, [IMPLICIT]),
        user_information(maximum_length, window),
        extra,
    ]
    return model.associate(1, b"CALLED", calling, items, version)


def acceptance(
    *, maximum_length: int = 16384, extra: bytes = b"", window: tuple[int, int] | None = None
) -> bytes:
    """Return an A-ASSOCIATE-AC that accepts both contexts of `request`, or of `contexts`."""
    items = [
        model.application_context(),
        model.context_ac(ECHO_CONTEXT, 0, IMPLICIT),
        model.context_ac(STORE_CONTEXT, 0, IMPLICIT),
        user_information(maximum_length, window),
        extra,
    ]
    return model.associate(2, b"CALLED", b"CALLING", items)


def contexts() -> list[PresentationContext]:
    """Return what our requestor proposes to such a peer."""
    return [build_context(VERIFICATION, IMPLICIT), build_context(CT, IMPLICIT)]


def data_set(pixel_length: int = 64, instance: str = "1.2.3.4") -> bytes:
    """Return a CT-like data set in Implicit VR Little Endian."""
    rows = [(0x0016, CT), (0x0018, instance)]
    encoded = b""
    for element, uid in rows:
        value = uid.encode() + b"\0" * (len(uid) % 2)
        encoded += b"\x08\0" + element.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value
    return encoded + b"\xe0\x7f\x10\0" + pixel_length.to_bytes(4, "little") + bytes(pixel_length)


def echo_rq(message_id: int = 1) -> bytes:
    """Return the P-DATA-TF of a C-ECHO request."""
    command = {0x0002: VERIFICATION, 0x0100: 0x0030, 0x0110: message_id, 0x0800: 0x0101}
    return model.p_data_tf([(ECHO_CONTEXT, 3, model.command_set(command))])


def store_command(message_id: int = 1, instance: str = "1.2.3.4") -> bytes:
    """Return the command set of a C-STORE request."""
    return model.command_set(
        {0x0002: CT, 0x0100: 0x0001, 0x0110: message_id, 0x0700: 0, 0x0800: 1, 0x1000: instance}
    )


def store_rq(encoded: bytes, message_id: int = 1, maximum_length: int = 16382) -> list[bytes]:
    """Return the P-DATA-TF PDUs of a C-STORE request."""
    pdus: list[bytes] = model.message(STORE_CONTEXT, store_command(message_id), encoded, maximum_length)
    return pdus


def response(request: dict[int, object], status: int = 0) -> bytes:
    """Return the P-DATA-TF of the response to a request."""
    command = {
        0x0002: request[0x0002],
        0x0100: int(str(request[0x0100])) | 0x8000,
        0x0120: request[0x0110],
        0x0800: 0x0101,
        0x0900: status,
    }
    context_id = STORE_CONTEXT if request[0x0100] == 1 else ECHO_CONTEXT
    return model.p_data_tf([(context_id, 3, model.command_set(command))])


def associate_raw(port: int, **options: Any) -> Raw:
    """Connect to a server of this test and have it accept an association."""
    peer = connect_raw(port)
    peer.send(request(**options))
    assert peer.receive_pdu()[:1] == b"\2"
    return peer
