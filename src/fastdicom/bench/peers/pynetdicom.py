"""pynetdicom as its users write it, at both ends, with its default settings.

The receiver's handler answers success at once; for ``store-write`` it writes the encoded data set, as its
documentation shows. The sender reads its files with ``dcmread`` before the clock starts and calls
``send_c_store`` with the data sets: it is not charged for reading, but does encode each time. The receiver
does the same for ``get``. Encoded identifiers it neither takes nor gives. For idle associations the network
timeout is off, as they would end otherwise.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pynetdicom
from pydicom import Dataset, dcmread
from pynetdicom import AE, build_context, evt

from fastdicom.bench.peers.conversations import OTHER_CONTEXTS, Conversation, handlers, support_contexts
from fastdicom.bench.peers.side import Job, check, raise_descriptor_limit, serve_receiver, serve_sender


class PynetdicomSender:
    """Sends data sets, asks for something, or makes associations."""

    def __init__(self, job: Job, data_sets: list[Dataset]) -> None:
        self._job = job
        job.is_encoded = False
        self._data_sets = data_sets
        self._conversation = Conversation(pynetdicom, job)
        self._ae = AE()
        self._conversation.request_contexts(self._ae)
        self._association: Any = None

    def connect(self, port: int) -> None:
        if self._job.kind != "associate":
            self._association = self._associate(port)

    def _associate(self, port: int) -> Any:
        context = self._job.client_context
        tls_args = None if context is None else (context, "localhost")
        options = self._conversation.options()
        association = self._ae.associate("127.0.0.1", port, tls_args=tls_args, **options)
        if not association.is_established:
            raise ConnectionError("the association was not established")
        return association

    def run(self, port: int, n: int) -> None:
        if self._job.is_store:
            for i in self._job.cycle(n):
                check(self._association.send_c_store(self._data_sets[i]))
        elif self._job.kind == "associate":
            for _ in range(n):
                association = self._associate(port)
                check(association.send_c_echo())
                association.release()
        else:
            self._conversation.run(self._association, n)

    def disconnect(self) -> None:
        if self._association is not None:
            self._association.release()
            self._association = None


def receive(job: Job) -> None:
    """Run the receiver."""
    received: list[None] = []  # append is atomic, whatever the number of threads

    def on_store(event: Any) -> int:
        if job.directory is not None:
            path = Path(job.directory) / f"{event.request.AffectedSOPInstanceUID}.dcm"
            path.write_bytes(event.encoded_dataset())
        received.append(None)
        return 0x0000

    raise_descriptor_limit()
    ae = AE()
    ae.maximum_associations = max(16, 2 * job.associations)
    support_contexts(ae, job)
    if job.kind == "knock":
        ae.supported_contexts = [*ae.supported_contexts, *map(build_context, OTHER_CONTEXTS)]
    if job.kind == "idle":
        ae.network_timeout = None
    data_sets = [dcmread(instance.path) for instance in job.instances if job.kind == "get"]
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        ssl_context=job.server_context,
        evt_handlers=[(evt.EVT_C_STORE, on_store), *handlers(pynetdicom, job, data_sets, None)],
    )
    if server is None:
        raise RuntimeError("pynetdicom started no server")
    serve_receiver(server.server_address[1], lambda: len(received) if job.is_store else None)
    ae.shutdown()


if __name__ == "__main__":
    role, job = sys.argv[1], Job(sys.argv[2])
    if role == "receiver":
        receive(job)
    else:
        data_sets: list[Dataset] = [dcmread(each.path) for each in job.instances if job.is_store]
        serve_sender(lambda way: PynetdicomSender(job, data_sets))
