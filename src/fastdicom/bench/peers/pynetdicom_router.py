"""A program in the middle on pynetdicom: what comes with C-STORE goes out with C-STORE.

As its documentation has it: the handler sends `event.dataset` over an association that is kept open, and
answers with the status that came back.
"""

from __future__ import annotations

import sys
from typing import Any

from pynetdicom import AE, evt

from fastdicom.bench.peers.conversations import support_contexts
from fastdicom.bench.peers.side import Job, serve_middle


class Router:
    """Passes objects on as a whole, decoded and encoded again."""

    def __init__(self, job: Job) -> None:
        self._ae = AE()
        support_contexts(self._ae, job)
        for sop_class, transfer_syntax in job.contexts:
            self._ae.add_requested_context(sop_class, transfer_syntax)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._on_store)]
        server = self._ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        if server is None:
            raise RuntimeError("pynetdicom started no server")
        self.port = int(server.server_address[1])
        self._association: Any = None

    def _on_store(self, event: Any) -> Any:
        data_set = event.dataset
        data_set.file_meta = event.file_meta
        return self._association.send_c_store(data_set)

    def open(self, port: int, way: str) -> None:
        """Connect to where objects go."""
        self._association = self._ae.associate("127.0.0.1", port)
        if not self._association.is_established:
            raise ConnectionError("the association was not established")

    def close(self) -> None:
        """End that association."""
        self._association.release()


if __name__ == "__main__":
    serve_middle(Router(Job(sys.argv[2])))
