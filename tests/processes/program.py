"""A program with a server of several processes, for the tests: lines of JSON in and out.

``python program.py OPTIONS``: a JSON object with arguments of `AE.start_server`, and beside them `directory`,
where each C-ECHO leaves a file named after the process that answered it; `is_handed_over`, to share the port
as other platforms do; `is_given`, to give it a socket; `is_broken`, for processes that cannot begin;
`drain`; `serves_forever`; `is_terminated`, for a SIGTERM as soon as that is handled; and `counts`, for
metrics. It prints the port, or why there is none, and then one line for each command: ``statistics``, or
``shutdown``, with its argument behind it, or ``count`` for what the metrics have counted.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

from fastdicom import AE, evt
from fastdicom.net import sharing
from fastdicom.sop_class import Verification
from fastdicom.watching import Metrics

NEVER = threading.Event()


def answer_echo(event: Any, directory: str) -> int:
    """Leave a file, and do what the requestor's AE title says."""
    title = event.assoc.requestor.ae_title
    if title == "KILL":
        os.kill(os.getpid(), signal.SIGKILL)
    Path(directory, str(os.getpid())).touch()
    while title == "WAIT" and not Path(directory, "go").exists():
        NEVER.wait(0.01)
    return 0x0000


def fail() -> ssl.SSLContext:
    """Make no settings of TLS."""
    raise FileNotFoundError("no certificate")


def terminate_early() -> None:
    """Have a SIGTERM come before the call that sets its handler has returned."""
    real = signal.signal

    def set_and_raise(number: int, handler: Any) -> Any:
        previous = real(number, handler)
        if number == signal.SIGTERM and callable(handler):
            signal.raise_signal(number)
        return previous

    signal.signal = set_and_raise  # type: ignore[assignment]


def tell(value: object) -> None:
    """Print a line."""
    print(json.dumps(value), flush=True)


def main() -> None:
    """Run the server."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    options: dict[str, Any] = json.loads(sys.argv[1])
    directory = options.pop("directory")
    drain = options.pop("drain", None)
    serves_forever = options.pop("serves_forever", False)
    is_terminated = options.pop("is_terminated", False)
    if options.pop("is_handed_over", False):
        sharing.SPREADS_CONNECTIONS = False
    address: Any = ("127.0.0.1", 0)
    if options.pop("is_given", False):
        address = socket.create_server(address)
    if options.pop("is_broken", False):
        options["ssl_context"] = fail
    ae = AE()
    ae.maximum_associations = 100
    ae.add_supported_context(Verification)
    metrics = ae.metrics = Metrics() if options.pop("counts", False) else None
    handlers = [(evt.EVT_C_ECHO, answer_echo, (directory,))]
    try:
        server = ae.start_server(address, block=False, evt_handlers=handlers, **options)
    except RuntimeError as error:
        tell(str(error))
        return
    if drain is not None:
        server.drain = drain
    tell(server.server_address[1])
    if is_terminated:
        terminate_early()
    if serves_forever:
        server.serve_forever()
        tell("served")
        return
    for line in sys.stdin:
        word, *arguments = json.loads(line)
        if word == "count" and metrics is not None:
            now = metrics.snapshot()
            tell([now.total("operations"), now.histogram().count, now.total("established_associations")])
        else:
            tell(getattr(server, word)(*arguments))


if __name__ == "__main__":
    main()
