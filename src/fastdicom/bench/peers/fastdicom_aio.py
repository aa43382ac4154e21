"""fastdicom.aio on uvloop as the receiver; what sends is the blocking sender of `fastdicom`.

The event loop has a thread of its own, since the other one waits for what the benchmark says.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from fastdicom import evt
from fastdicom.aio import AE, AssociationServer
from fastdicom.bench.peers.conversations import support_contexts
from fastdicom.bench.peers.fastdicom import FastdicomSender
from fastdicom.bench.peers.side import Job, raise_descriptor_limit, serve_receiver, serve_sender


class Receiver:
    """A server of one event loop."""

    def __init__(self, job: Job) -> None:
        import uvloop

        self._received = 0
        self._ae = ae = AE()
        ae.maximum_associations = max(1024, 2 * job.associations)
        support_contexts(ae, job)
        if job.kind == "idle":
            ae.network_timeout = None
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    async def _on_store(self, event: Any) -> int:
        if event.encoded.encoded_length() == 0:
            return 0xA900
        self._received += 1
        return 0x0000

    def count(self) -> int:
        """Return how many objects have come."""
        return self._received

    def start(self) -> int:
        """Start the server; return its port."""
        serving = self._ae.start_server(("127.0.0.1", 0), evt_handlers=[(evt.EVT_C_STORE, self._on_store)])
        server: AssociationServer = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return int(server.server_address[1])

    def end(self) -> None:
        """End it."""
        asyncio.run_coroutine_threadsafe(self._ae.shutdown(), self._loop).result()


def receive(job: Job) -> None:
    """Run the receiver."""
    raise_descriptor_limit()
    receiver = Receiver(job)
    serve_receiver(receiver.start(), receiver.count if job.is_store else lambda: None)
    receiver.end()


if __name__ == "__main__":
    role, job = sys.argv[1], Job(sys.argv[2])
    if role == "receiver":
        receive(job)
    else:
        serve_sender(lambda way: FastdicomSender(job, way))
