"""Who asks a server for associations with prepared bytes over bare sockets: the figure is the server's.

For ``associate-170``: an association, C-ECHO, release, one after the other. For idle associations: so many
are opened and then left alone. All are closed by a reset, so that their ports are free for the next run.

The A-ASSOCIATE-RQ is that of a fastdicom AE which proposes Verification in Implicit VR Little Endian.
"""

from __future__ import annotations

import socket
import statistics
import struct
import sys
import threading
import time
from typing import Any

from fastdicom import AE
from fastdicom.bench.limits import VERIFICATION
from fastdicom.bench.peers.conversations import IMPLICIT
from fastdicom.bench.peers.side import (
    Channel,
    Job,
    cpu_seconds,
    peak_rss_bytes,
    raise_descriptor_limit,
    serve_sender,
)

PDU_HEADER = 6
A_ASSOCIATE_AC = 2
P_DATA_TF = 4
A_RELEASE_RP = 6
RELEASE = struct.pack(">BxLxxxx", 5, 4)

# Ended by a reset.
AT_ONCE = struct.pack("ii", 1, 0)

# Associations whose times to open are looked at, in the beginning and in the end: a tenth, at most so many.
SAMPLE = 100

# Those before, which do not count.
WARMING = 10


def prepared_request() -> bytes:
    """Return an A-ASSOCIATE-RQ: an AE sends it to nobody."""
    ae = AE("KNOCK")
    ae.add_requested_context(VERIFICATION, IMPLICIT)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=lambda: ae.associate("127.0.0.1", port))
        thread.start()
        with listening.accept()[0] as connection:
            request = receive_pdu(connection)
        thread.join()
    return request


def echo_request() -> bytes:
    """Return a C-ECHO-RQ for the first context (PS3.7 Table 9.3-12), in one PDU."""

    def element(number: int, value: bytes) -> bytes:
        return struct.pack("<HHL", 0x0000, number, len(value)) + value

    uid = VERIFICATION.encode()
    rows = element(0x0002, uid + b"\0" * (len(uid) % 2))
    for number, value in ((0x0100, 0x0030), (0x0110, 1), (0x0800, 0x0101)):
        rows += element(number, struct.pack("<H", value))
    command_set = element(0x0000, struct.pack("<L", len(rows))) + rows
    return struct.pack(">BxLLBB", P_DATA_TF, len(command_set) + 6, len(command_set) + 2, 1, 3) + command_set


def receive_pdu(connection: socket.socket) -> bytes:
    """Return the next PDU.

    Raises
    ------
    ConnectionError
        When there is none.
    """
    received = b""
    wanted = PDU_HEADER
    while len(received) < wanted:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError(f"closed after {len(received)} bytes of a PDU")
        received += piece
        if len(received) >= PDU_HEADER:
            wanted = PDU_HEADER + int.from_bytes(received[2:PDU_HEADER], "big")
    return received


def expect(connection: socket.socket, kind: int) -> None:
    """Receive a PDU of that type."""
    pdu = receive_pdu(connection)
    if pdu[0] != kind:
        raise ConnectionError(f"a PDU of type {pdu[0]} has come in the place of one of type {kind}")


def open_association(port: int, request: bytes) -> socket.socket:
    """Return a connection with an association."""
    connection = socket.create_connection(("127.0.0.1", port))
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        connection.sendall(request)
        expect(connection, A_ASSOCIATE_AC)
    except BaseException:
        connection.close()
        raise
    return connection


class Knocker:
    """Makes associations, one after the other."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._echo = echo_request()

    def connect(self, port: int) -> None:
        """Do nothing: each association has a connection of its own."""

    def run(self, port: int, n: int) -> None:
        for _ in range(n):
            with open_association(port, self._request) as connection:
                connection.sendall(self._echo)
                expect(connection, P_DATA_TF)
                connection.sendall(RELEASE)
                expect(connection, A_RELEASE_RP)

    def disconnect(self) -> None:
        """Do nothing."""


class Holder:
    """Opens associations and leaves them alone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._sample = min(SAMPLE, max(1, count // 10))
        self._request = prepared_request()
        self._held: list[socket.socket] = []

    def answer(self, command: dict[str, Any]) -> dict[str, object]:
        """Do what the runner asks: ``warm``, ``hold``, ``sample``, ``wait``."""
        if command["do"] == "wait":
            time.sleep(command["seconds"])
            return {"cpu_s": cpu_seconds(), "peak_rss_bytes": peak_rss_bytes()}
        port: int = command["port"]
        if command["do"] == "hold":
            times = [self._open(port) for _ in range(self._count)]
            return {"seconds": statistics.median(times[: self._sample])}
        several = WARMING if command["do"] == "warm" else self._sample
        times = [self._open(port) for _ in range(several)]
        for _ in times:
            self._held.pop().close()
        return {"seconds": statistics.median(times)}

    def _open(self, port: int) -> float:
        started = time.perf_counter()
        self._held.append(open_association(port, self._request))
        return time.perf_counter() - started


if __name__ == "__main__":
    job = Job(sys.argv[2])
    raise_descriptor_limit()
    if job.kind == "idle":
        Channel().serve(Holder(job.associations).answer)
    else:
        request = prepared_request()
        serve_sender(lambda way: Knocker(request))
