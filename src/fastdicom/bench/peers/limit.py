"""The bare sockets: as many bytes to and fro as the messages have, moved by C loops without the GIL.

Sockets are blocking, with TCP_NODELAY and the system's buffers. The sender has the same objects in memory
as the other contestants and writes each message with one call; the receiver reads it into one buffer that
holds all of it, as a receiver that keeps an object must, and answers. For ``store-write`` it writes the
buffer to a temporary file and renames it.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import threading

from fastdicom.bench import limits
from fastdicom.bench._limit import Associations, Messages
from fastdicom.bench.peers.side import Job, listen, serve_receiver, serve_sender


def lengths(job: Job) -> list[int]:
    """Return the length of each message of a store or of echoes."""
    if job.kind == "echo":
        return [limits.echo_request_length()]
    return [limits.store_request_length(instance) for instance in job.instances]


def messages(job: Job) -> Messages:
    """Return the loops for a store or for echoes, with a buffer of their own."""
    if job.kind == "echo":
        return Messages(lengths(job), limits.echo_response_length())
    return Messages(lengths(job), limits.store_response_length(job.instances[0]))


def content(job: Job) -> bytes:
    """Return one of each message: the objects as they are, something of the right length for headers."""
    if job.kind == "echo":
        return bytes(lengths(job)[0])
    return b"".join(
        instance.data_set()[:length].ljust(length, b"\xff")
        for instance, length in zip(job.instances, lengths(job), strict=True)
    )


def associations() -> Associations:
    """Return the loops for associations, with a buffer of their own."""
    # pynetdicom's four default transfer syntaxes are proposed, one is accepted.
    proposed = ["1.2.840.10008.1.2", *(f"1.2.840.10008.1.2.{i}" for i in (1, 2))]
    proposed.insert(2, "1.2.840.10008.1.2.1.99")
    return Associations(
        limits.associate_length(proposed, limits.VERIFICATION),
        limits.associate_length(proposed[:1], None),
        limits.echo_request_length(),
        limits.echo_response_length(),
        limits.RELEASE,
    )


class LimitSender:
    """Sends bytes."""

    def __init__(self, job: Job, whole: bytes) -> None:
        self._job = job
        self._loops = associations() if job.kind == "associate" else messages(job)
        self._content = whole
        self._connection: socket.socket | None = None

    def connect(self, port: int) -> None:
        if self._job.kind != "associate":
            self._connection = socket.create_connection(("127.0.0.1", port))
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self, port: int, n: int) -> None:
        if isinstance(self._loops, Associations):
            self._loops.request(port, n)
        elif self._connection is not None:
            self._loops.request(self._connection.fileno(), self._content, n)

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


# Loops that no connection uses now: a buffer that is used again costs no page faults.
idle: list[Messages] = []


def respond(connection: socket.socket, job: Job, number: int) -> None:
    """Be the other end of one connection."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    prefix = None if job.directory is None else os.fsencode(os.path.join(job.directory, f"{number}-"))
    loops = idle.pop() if idle else messages(job)
    with connection:
        loops.respond(connection.fileno(), prefix)
    idle.append(loops)


def accept(listener: socket.socket, job: Job) -> None:
    """Accept connections as long as the process lives."""
    if job.kind == "associate":
        loops = associations()
        while True:
            loops.accept(listener.fileno())
    for number in itertools.count():
        connection, _ = listener.accept()
        threading.Thread(target=respond, args=(connection, job, number), daemon=True).start()


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
        whole = b"" if job.kind == "associate" else content(job)
        serve_sender(lambda way: LimitSender(job, whole))
