"""fastdicom as its users write it: an AE with a handler, and an association that sends objects.

The receiver's handler looks at the length of the encoded data set and answers success; for ``store-write``
the AE writes files itself. The sender has the encoded data sets in memory, as a router has what it passes
on; for ``store-write`` and ``store-real`` it passes paths, so that each message reads its file, and so does
the receiver for ``get``. Over a long link it keeps a window of operations full, or lends associations from a
pool to as many threads. For ``processes`` the handler decodes every value, in this process or in several.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

from pydicom.uid import UID

import fastdicom
from fastdicom import AE, AssociationPool, build_async_ops, build_context, evt
from fastdicom.bench.peers.conversations import (
    IMPLICIT,
    OTHER_CONTEXTS,
    Conversation,
    handlers,
    match,
    support_contexts,
)
from fastdicom.bench.peers.side import (
    Job,
    Way,
    check,
    raise_descriptor_limit,
    serve_receiver,
    serve_sender,
)
from fastdicom.bench.scenarios import MATCHES
from fastdicom.data_sets import encode_dataset


class FastdicomSender:
    """Sends files, asks for something, or makes associations."""

    def __init__(self, job: Job, way: Way) -> None:
        self._job = job
        self._way = way
        self._data_sets = job.data_sets if job.is_store and not job.reads_files else []
        self._conversation = Conversation(fastdicom, job)
        self._ae = AE()
        self._conversation.request_contexts(self._ae)
        self._association: Any = None
        self._pool: AssociationPool | None = None

    def connect(self, port: int) -> None:
        if self._job.kind == "associate":
            return
        context = self._job.client_context
        tls_args = None if context is None else (context, None)
        options = self._conversation.options()
        if self._way.pooled:
            self._open_pool(port)
            return
        if self._way.window > 1:
            options["ext_neg"] = [build_async_ops(self._way.window, 1)]
        self._association = self._ae.associate("127.0.0.1", port, tls_args=tls_args, **options)
        if not self._association.is_established:
            raise ConnectionError("the association was not established")

    def run(self, port: int, n: int) -> None:
        if self._way.pooled:
            self._send_many(self._pool, n, associations=self._way.pooled)
        elif self._way.window > 1:
            self._send_many(self._association, n)
        elif self._job.is_store:
            for i in self._job.cycle(n):
                check(self._send(i))
        elif self._job.kind == "associate":
            for _ in range(n):
                with self._ae.associate("127.0.0.1", port) as association:
                    check(association.send_c_echo())
        else:
            self._conversation.run(self._association, n)

    def _open_pool(self, port: int) -> None:
        """Open all associations of a pool, and give them back."""
        self._pool = AssociationPool(("127.0.0.1", port), self._ae, limit=self._way.pooled, window=1)
        instance = self._job.instances[0]
        with ExitStack() as lent:
            for _ in range(self._way.pooled):
                lent.enter_context(self._pool.association(instance.sop_class, instance.transfer_syntax))

    def _send_many(self, destination: Any, n: int, **options: Any) -> None:
        """Send n objects, which all have one transfer syntax, as a window or a pool has room for them."""
        items = (self._data_sets[i] for i in self._job.cycle(n))
        syntax = self._job.instances[0].transfer_syntax
        count = 0
        for _, status in destination.send_c_store_many(items, transfer_syntax=syntax, **options):
            check(status)
            count += 1
        if count != n:
            raise RuntimeError(f"{count} of {n} objects have been answered")

    def _send(self, i: int) -> Any:
        instance = self._job.instances[i]
        if self._job.reads_files:
            return self._association.send_c_store(instance.path)
        return self._association.send_c_store(self._data_sets[i], transfer_syntax=instance.transfer_syntax)

    def disconnect(self) -> None:
        if self._association is not None:
            self._association.release()
            self._association = None
        if self._pool is not None:
            self._pool.close()
            self._pool = None


def encoded_matches() -> list[bytes]:
    """Return what a C-FIND answers with, as it is on the wire."""
    return [encode_dataset(match(number), UID(IMPLICIT)) for number in range(MATCHES)]


def decode(event: Any) -> int:
    """Decode every value of an object."""
    for element in event.dataset.iterall():
        _ = element.value
    return 0x0000


class Receiver:
    """A server, which is another one in each run only where it has several processes."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._received: list[None] = []  # append is atomic, whatever the number of threads
        paths = [instance.path for instance in job.instances]
        matches = encoded_matches() if job.is_encoded else None
        on_store = decode if job.kind == "decode" else self._on_store
        self._handlers = [(evt.EVT_C_STORE, on_store), *handlers(fastdicom, job, paths, matches)]
        if job.kind == "wan":
            self._handlers.append((evt.EVT_ASYNC_OPS, allow_window))
        self._ae = ae = AE()
        ae.maximum_associations = max(1024, 2 * job.associations)
        support_contexts(ae, job)
        if job.kind == "knock":
            ae.supported_contexts = [*ae.supported_contexts, *map(build_context, OTHER_CONTEXTS)]
        if job.kind == "idle":
            ae.network_timeout = None
        if job.directory is not None:
            ae.store_directory = job.directory

    def _on_store(self, event: Any) -> int:
        if self._job.directory is None and event.encoded.encoded_length() == 0:
            return 0xA900
        self._received.append(None)
        return 0x0000

    def count(self) -> int | None:
        """Return how many objects have come; None where that is not counted here."""
        return len(self._received) if self._job.is_store and self._job.kind != "decode" else None

    def start(self, processes: int = 1) -> int:
        """Start a server; return its port."""
        options: dict[str, Any] = {} if processes == 1 else {"processes": processes, "context": "spawn"}
        server: Any = self._ae.start_server(
            ("127.0.0.1", 0),
            block=False,
            ssl_context=self._job.server_context,
            evt_handlers=self._handlers,
            **options,
        )
        return int(server.server_address[1])

    def begin(self, command: dict[str, Any]) -> int:
        """Start the server of a run."""
        return self.start(command["processes"])

    def end(self) -> None:
        """End it."""
        self._ae.shutdown()


def allow_window(event: Any) -> tuple[int, int]:
    """Grant what is proposed."""
    return event.nr_invoked, event.nr_performed


def receive(job: Job) -> None:
    """Run the receiver."""
    raise_descriptor_limit()
    receiver = Receiver(job)
    if job.kind == "decode":
        serve_receiver(0, receiver.count, receiver.begin, receiver.end)
    else:
        serve_receiver(receiver.start(), receiver.count)
        receiver.end()


if __name__ == "__main__":
    role, job = sys.argv[1], Job(sys.argv[2])
    if role == "receiver":
        receive(job)
    else:
        serve_sender(lambda way: FastdicomSender(job, way))
