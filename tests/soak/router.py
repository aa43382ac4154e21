"""A program in the middle, for `make soak`: an object is acknowledged when the destination has it.

``python router.py PORT-OF-DESTINATION``: prints its own port. What it is asked for, it does as users do: an
association with the destination is taken from those that are free, or opened; one that broke is forgotten,
and the object refused (0xA700), for its sender to send again.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

from fastdicom import AE, Association, evt
from fastdicom.errors import AssociationError
from fastdicom.sop_class import CTImageStorage, Verification

IMPLICIT = "1.2.840.10008.1.2"
OUT_OF_RESOURCES = 0xA700


class Router:
    """Passes objects on."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ae = AE("ROUTER")
        self._ae.acse_timeout = self._ae.dimse_timeout = 10
        self._ae.network_timeout = 5
        self._ae.maximum_associations = 200
        self._ae.add_requested_context(CTImageStorage, IMPLICIT)
        self._ae.add_supported_context(CTImageStorage, IMPLICIT)
        self._ae.add_supported_context(Verification)
        self._free: list[Association] = []
        self._lock = threading.Lock()
        self.server = self._ae.start_server(
            ("127.0.0.1", 0),
            block=False,
            evt_handlers=[
                (evt.EVT_C_STORE, self._on_store),
                (evt.EVT_ASYNC_OPS, lambda event: (event.nr_invoked, event.nr_performed)),
            ],
        )

    def _on_store(self, event: Any) -> int:
        with self._lock:
            association = self._free.pop() if self._free else None
        if association is None or not association.is_established:
            association = self._ae.associate("127.0.0.1", self._port)
        if not association.is_established:
            return OUT_OF_RESOURCES
        try:
            status = association.send_c_store(event.encoded)
        except AssociationError:
            return OUT_OF_RESOURCES
        with self._lock:
            self._free.append(association)
        return int(getattr(status, "Status", OUT_OF_RESOURCES))


if __name__ == "__main__":
    logging.getLogger("fastdicom").setLevel(logging.CRITICAL)
    router = Router(int(sys.argv[1]))
    print(router.server.server_address[1], flush=True)
    sys.stdin.read()
