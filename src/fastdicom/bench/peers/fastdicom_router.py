"""A program in the middle on fastdicom: what comes with C-STORE goes out with C-STORE, not decoded.

On the way ``stored`` the handler has the whole object and sends it as it is encoded; ``cut-through`` passes
it on while it comes. Both over an association that is kept open, and answer with the status that came back.
"""

from __future__ import annotations

import sys
from typing import Any

import fastdicom
from fastdicom import AE, evt
from fastdicom.bench.peers.conversations import support_contexts
from fastdicom.bench.peers.side import Job, serve_middle


class Router:
    """Passes objects on."""

    def __init__(self, job: Job) -> None:
        self._ae = AE()
        support_contexts(self._ae, job)
        for sop_class, transfer_syntax in job.contexts:
            self._ae.add_requested_context(sop_class, transfer_syntax)
        self._server = self._ae.start_server(("127.0.0.1", 0), block=False)
        self.port = int(self._server.server_address[1])
        self._association: Any = None

    def _on_store(self, event: Any) -> Any:
        return self._association.send_c_store(event.encoded)

    def _on_header(self, event: Any) -> Any:
        return fastdicom.forward(event, [self._association])

    def open(self, port: int, way: str) -> None:
        """Connect to where objects go, and pass them on in this way."""
        self._association = self._ae.associate("127.0.0.1", port)
        if not self._association.is_established:
            raise ConnectionError("the association was not established")
        if way == "cut-through":
            self._server.bind(evt.EVT_C_STORE_HEADER, self._on_header)
        else:
            self._server.unbind(evt.EVT_C_STORE_HEADER, self._on_header)
            self._server.bind(evt.EVT_C_STORE, self._on_store)

    def close(self) -> None:
        """End that association."""
        self._association.release()


if __name__ == "__main__":
    serve_middle(Router(Job(sys.argv[2])))
