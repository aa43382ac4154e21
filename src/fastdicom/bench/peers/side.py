"""The conversation between the runner and one side of a contestant that is written in Python.

A side says ``{"ready": true}`` when it has imported and loaded what it needs. A receiver then answers
``open`` with its port and ``close`` with what it used in between, and so does what stands in the middle,
which is told the port to send to; a sender answers ``connect`` when its associations are established, and
``go`` with how long its messages took. A command that fails is answered with ``{"error": reason}``.
Everything that a library prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TextIO

from fastdicom.bench.inputs import Instance
from fastdicom.tls import client_context, server_context

# How often a sender among several comes back for more: the fast ones do more than the slow ones.
BATCHES = 8


class Job:
    """What a side shall do, read from the file that the runner names on the command line.

    Attributes
    ----------
    kind
        What one operation is, see `Scenario`.
    instances
        What a store sends, message i being instance i modulo their number.
    contexts
        The pairs of SOP class and transfer syntax that a store needs.
    directory
        Where the receiver writes files, or None.
    reads_files
        Whether a sender that can send a file as it is reads it for each message.
    is_encoded
        Whether a contestant that can takes and gives data sets as they are on the wire.
    target
        The UID of the transfer syntax that data sets are changed to.
    associations
        How many there are, where they are idle.
    delay
        Seconds from one end to the other.
    client_context, server_context
        The settings of TLS; None without it.
    """

    def __init__(self, path: str) -> None:
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        self.kind: str = fields["kind"]
        self.instances = [Instance(**instance) for instance in fields["instances"]]
        self.contexts = [(sop_class, transfer_syntax) for sop_class, transfer_syntax in fields["contexts"]]
        self.directory: str | None = fields["directory"]
        self.reads_files: bool = fields["reads_files"]
        self.is_encoded: bool = fields["is_encoded"]
        self.target: str = fields["target"]
        self.associations: int = fields["associations"]
        self.delay: float = fields["delay"]
        files: dict[str, Any] | None = fields["certificates"]
        self.client_context = None if files is None else client_context(**files, checks_host_name=False)
        self.server_context = None if files is None else server_context(**files)

    @property
    def is_store(self) -> bool:
        """Whether objects are sent."""
        return self.kind in ("store", "decode", "wan", "route", "first-byte")

    @cached_property
    def data_sets(self) -> list[bytes]:
        """The encoded data sets of the instances, in memory once for all senders of a process."""
        return [instance.data_set() for instance in self.instances]

    def cycle(self, n: int) -> Iterator[int]:
        """Return the index of the instance in each of n messages."""
        return (message % len(self.instances) for message in range(n))


@dataclass(frozen=True)
class Way:
    """How a sender sends, see `Variant`."""

    senders: int = 1
    window: int = 1
    pooled: int = 0


class Sender(Protocol):
    """What a contestant implements to send."""

    def connect(self, port: int) -> None:
        """Establish the association; for ``associate``, do nothing."""

    def run(self, port: int, n: int) -> None:
        """Do n operations and raise when one of them was not answered with success."""

    def disconnect(self) -> None:
        """Release the association."""


class Channel:
    """Lines of JSON in and out."""

    def __init__(self) -> None:
        self._replies: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def reply(self, **fields: object) -> None:
        """Send one line."""
        print(json.dumps(fields), file=self._replies, flush=True)

    def serve(self, answer: Callable[[dict[str, Any]], dict[str, object]]) -> None:
        """Answer commands until the input ends."""
        self.reply(ready=True)
        for line in sys.stdin:
            try:
                fields = answer(json.loads(line))
            except Exception as error:  # whatever it is, the runner is told and the others go on
                fields = {"error": f"{type(error).__name__}: {error}"}
            self.reply(**fields)


def serve_receiver(
    port: int,
    messages: Callable[[], int | None],
    begin: Callable[[dict[str, Any]], int] | None = None,
    end: Callable[[], None] | None = None,
) -> None:
    """Be the receiver that listens on port; messages tells how many it has got so far.

    With `begin`, which is given the command, it listens on another port each time; `end` is called then.
    """
    used, before = 0.0, messages()

    def answer(command: dict[str, Any]) -> dict[str, object]:
        nonlocal used, before
        if command["do"] == "open":
            opened = port if begin is None else begin(command)
            used, before = cpu_seconds(), messages()
            return {"port": opened, "rss_bytes": rss_bytes()}
        now = messages()
        if end is not None:
            end()
        return {
            "cpu_s": cpu_seconds() - used,
            "peak_rss_bytes": peak_rss_bytes(),
            "messages": None if now is None or before is None else now - before,
        }

    Channel().serve(answer)


class Middle(Protocol):
    """What a contestant implements to pass objects on."""

    port: int

    def open(self, port: int, way: str) -> None:
        """Connect to where objects go."""

    def close(self) -> None:
        """End that association."""


def serve_middle(middle: Middle) -> None:
    """Be what stands between the ends."""
    used = 0.0

    def answer(command: dict[str, Any]) -> dict[str, object]:
        nonlocal used
        if command["do"] == "open":
            middle.open(command["port"], command["way"])
            used = cpu_seconds()
            return {"port": middle.port}
        used = cpu_seconds() - used
        middle.close()
        return {"cpu_s": used, "peak_rss_bytes": peak_rss_bytes()}

    Channel().serve(answer)


def serve_sender(make: Callable[[Way], Sender]) -> None:
    """Be the sender, made for each run."""
    port = n = 0
    sender: Sender | None = None

    def answer(command: dict[str, Any]) -> dict[str, object]:
        nonlocal port, n, sender
        if command["do"] == "connect":
            port, n = command["port"], command["messages"]
            way = Way(command["senders"], command["window"], command["pooled"])
            sender = make(way) if way.senders == 1 else Together([make(way) for _ in range(way.senders)])
            sender.connect(port)
            return {}
        if sender is None:
            raise RuntimeError("go without connect")
        used, started = time.process_time(), time.monotonic()
        try:
            sender.run(port, n)
            ended = time.monotonic()
            used = time.process_time() - used
        finally:
            sender.disconnect()
        return {
            "started": started,
            "ended": ended,
            "cpu_s": used,
            "peak_rss_bytes": peak_rss_bytes(),
            "messages": n,
        }

    Channel().serve(answer)


class Together:
    """Several senders in one process, each in a thread: they take batches of what is to be sent in turn."""

    def __init__(self, senders: list[Sender]) -> None:
        self._senders = senders
        self._threads = ThreadPoolExecutor(len(senders))

    def connect(self, port: int) -> None:
        for sender in self._senders:
            sender.connect(port)
        # All threads are there before the clock starts.
        together = threading.Barrier(len(self._senders))
        for ready in [self._threads.submit(together.wait) for _ in self._senders]:
            ready.result()

    def run(self, port: int, n: int) -> None:
        batch = max(1, n // (len(self._senders) * BATCHES))
        batches = iter([min(batch, n - begun) for begun in range(0, n, batch)])
        lock = threading.Lock()

        def work(sender: Sender) -> None:
            while True:
                with lock:
                    count = next(batches, 0)
                if not count:
                    return
                sender.run(port, count)

        for done in [self._threads.submit(work, sender) for sender in self._senders]:
            done.result()

    def disconnect(self) -> None:
        self._threads.shutdown()
        for sender in self._senders:
            sender.disconnect()


def check(status: object) -> None:
    """Raise when an operation did not succeed."""
    code = getattr(status, "Status", None)
    if code != 0x0000:
        raise RuntimeError(f"answered with {'nothing' if code is None else f'0x{code:04X}'}")


def listen() -> socket.socket:
    """Return a socket that listens on a free port of the loopback interface."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def cpu_seconds() -> float:
    """Return what this process has used, and those of its children that have ended."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def rss_bytes() -> int | None:
    """Return the memory that this process has now, or None where the system does not tell."""
    if sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it may."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def peak_rss_bytes() -> int | None:
    """Return the most memory that this process has had, or None where the system does not tell.

    Linux hands ``ru_maxrss`` down from the parent through fork and exec, so its own record is read there.
    """
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
