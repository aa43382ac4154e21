"""TLS alone: as many bytes to and fro as the messages have, over Python's `ssl`, in the same ping-pong.

Each message is handed to `SSLSocket.sendall` at once and received into one buffer that holds all of it, with
as much at a time as OpenSSL gives, which is a record of 16 KiB. Both ends have the settings of fastdicom's:
the same protocol and cipher.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading

from fastdicom.bench import limits
from fastdicom.bench.peers.limit import content, lengths
from fastdicom.bench.peers.side import Job, listen, serve_receiver, serve_sender


def receive_exactly(connection: ssl.SSLSocket, buffer: memoryview) -> bool:
    """Fill the buffer; False when the peer has closed before."""
    filled = 0
    while filled < len(buffer):
        n = connection.recv_into(buffer[filled:])
        if n == 0:
            return False
        filled += n
    return True


class LimitTlsSender:
    """Sends bytes over TLS."""

    def __init__(self, job: Job) -> None:
        self._job = job
        whole, at = memoryview(content(job)), 0
        self._messages: list[memoryview] = []
        for length in lengths(job):
            self._messages.append(whole[at : at + length])
            at += length
        self._response = memoryview(bytearray(limits.store_response_length(job.instances[0])))
        self._connection: ssl.SSLSocket | None = None

    def connect(self, port: int) -> None:
        context = self._job.client_context
        if context is None:
            raise ValueError("there are no certificates")
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = context.wrap_socket(plain)

    def run(self, port: int, n: int) -> None:
        if self._connection is None:
            raise ValueError("there is no connection")
        for i in self._job.cycle(n):
            self._connection.sendall(self._messages[i])
            if not receive_exactly(self._connection, self._response):
                raise ConnectionError("the receiver closed the connection")

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def respond(connection: socket.socket, job: Job) -> None:
    """Be the other end of one connection."""
    context = job.server_context
    if context is None:
        raise ValueError("there are no certificates")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    response = bytes(limits.store_response_length(job.instances[0]))
    buffer = memoryview(bytearray(max(lengths(job))))
    with context.wrap_socket(connection, server_side=True) as secured:
        while True:
            for length in lengths(job):
                if not receive_exactly(secured, buffer[:length]):
                    return
                secured.sendall(response)


def accept(listener: socket.socket, job: Job) -> None:
    """Accept connections as long as the process lives."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=respond, args=(connection, job), daemon=True).start()


def receive(job: Job) -> None:
    """Run the receiver."""
    listener = listen()
    threading.Thread(target=accept, args=(listener, job), daemon=True).start()
    # The sender has had an answer of the right length for every message: nothing is left to count.
    serve_receiver(listener.getsockname()[1], lambda: None)


if __name__ == "__main__":
    role, job = sys.argv[1], Job(sys.argv[2])
    if role == "receiver":
        receive(job)
    else:
        serve_sender(lambda way: LimitTlsSender(job))
