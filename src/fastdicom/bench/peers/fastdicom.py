"""fastdicom as its users write it: an AE with a handler, and an association that sends objects.

The receiver's handler looks at the length of the encoded data set and answers success; for ``store-write``
the AE writes files itself. The sender has the encoded data sets in memory, as a router has what it passes
on; for ``store-write`` and ``store-real`` it passes paths, so that each message reads its file, and so does
the receiver for ``get``.
"""

from __future__ import annotations

import sys
from typing import Any

from pydicom.uid import UID

import fastdicom
from fastdicom import AE, evt
from fastdicom.bench.peers.conversations import IMPLICIT, Conversation, handlers, match, support_contexts
from fastdicom.bench.peers.side import Job, check, serve_receiver, serve_sender
from fastdicom.bench.scenarios import MATCHES
from fastdicom.data_sets import encode_dataset


class FastdicomSender:
    """Sends files, asks for something, or makes associations."""

    def __init__(self, job: Job) -> None:
        self._job = job
        is_sent = job.kind == "store" and not job.reads_files
        self._data_sets = [instance.data_set() for instance in job.instances] if is_sent else []
        self._conversation = Conversation(fastdicom, job)
        self._ae = AE()
        self._conversation.request_contexts(self._ae)
        self._association: Any = None

    def connect(self, port: int) -> None:
        if self._job.kind == "associate":
            return
        context = self._job.client_context
        tls_args = None if context is None else (context, None)
        options = self._conversation.options()
        self._association = self._ae.associate("127.0.0.1", port, tls_args=tls_args, **options)
        if not self._association.is_established:
            raise ConnectionError("the association was not established")

    def run(self, port: int, n: int) -> None:
        if self._job.kind == "store":
            for i in self._job.cycle(n):
                check(self._send(i))
        elif self._job.kind == "associate":
            for _ in range(n):
                with self._ae.associate("127.0.0.1", port) as association:
                    check(association.send_c_echo())
        else:
            self._conversation.run(self._association, n)

    def _send(self, i: int) -> Any:
        instance = self._job.instances[i]
        if self._job.reads_files:
            return self._association.send_c_store(instance.path)
        return self._association.send_c_store(self._data_sets[i], transfer_syntax=instance.transfer_syntax)

    def disconnect(self) -> None:
        if self._association is not None:
            self._association.release()
            self._association = None


def encoded_matches() -> list[bytes]:
    """Return what a C-FIND answers with, as it is on the wire."""
    return [encode_dataset(match(number), UID(IMPLICIT)) for number in range(MATCHES)]


def receive(job: Job) -> None:
    """Run the receiver."""
    received: list[None] = []  # append is atomic, whatever the number of threads

    def on_store(event: Any) -> int:
        if job.directory is None and event.encoded.encoded_length() == 0:
            return 0xA900
        received.append(None)
        return 0x0000

    ae = AE()
    ae.maximum_associations = 16
    support_contexts(ae, job)
    if job.directory is not None:
        ae.store_directory = job.directory
    paths = [instance.path for instance in job.instances]
    matches = encoded_matches() if job.is_encoded else None
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        ssl_context=job.server_context,
        evt_handlers=[(evt.EVT_C_STORE, on_store), *handlers(fastdicom, job, paths, matches)],
    )
    if server is None:
        raise RuntimeError("no server was started")
    serve_receiver(server.server_address[1], lambda: len(received) if job.kind == "store" else None)
    ae.shutdown()


if __name__ == "__main__":
    role, job = sys.argv[1], Job(sys.argv[2])
    if role == "receiver":
        receive(job)
    else:
        serve_sender(FastdicomSender(job))
