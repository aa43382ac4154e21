"""The peers that tests talk to: DCMTK's tools in processes of their own, and pynetdicom.

Where the environment says CI, a peer that is missing is a failure; elsewhere it is a skip.
"""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

DEADLINE = 60
"""Seconds that no command here needs."""

# Ports below those that a system gives to connections of its own accord, so none is taken between being
# looked up and being listened on. Each worker of pytest-xdist has its share; each run begins elsewhere in it.
LOWEST_PORT, SHARE_OF_PORTS, SHARES = 20_000, 1000, 12
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.count(os.getpid())


def missing(peer: str) -> NoReturn:
    """Fail or skip a test for want of a peer."""
    if os.environ.get("CI"):
        pytest.fail(f"{peer} is not installed")
    pytest.skip(f"{peer} is not installed")


@cache
def find_dcmtk(tool: str) -> str | None:
    """Return the path of DCMTK's tool; pynetdicom installs tools of the same names."""
    for directory in os.get_exec_path():
        path = shutil.which(tool, path=directory)
        if path is None:
            continue
        output = subprocess.run(
            [path, "--version"], capture_output=True, timeout=DEADLINE, check=False
        ).stdout
        if b"dcmtk" in output:
            return path
    return None


def require_dcmtk(tool: str) -> str:
    """Return the path of DCMTK's tool."""
    return find_dcmtk(tool) or missing(f"DCMTK's {tool}")


def require_pynetdicom() -> ModuleType:
    """Return pynetdicom, mended."""
    try:
        pynetdicom = importlib.import_module("pynetdicom")
    except ImportError:
        missing("pynetdicom")
    mend_race(pynetdicom)
    return pynetdicom


def mend_race(pynetdicom: ModuleType) -> None:
    """Have associations of pynetdicom's not lose responses: their own thread may take one from the queue.

    Who asks pauses that thread, but looks too early whether it has paused. It puts the response back.
    """
    serve = pynetdicom.association.Association._serve_request
    if serve.__name__ == "serve_requests":
        return

    def serve_requests(association: Any, message: Any, context_id: int) -> None:
        if getattr(message, "is_valid_response", False) and not message.is_valid_request:
            association.dimse.msg_queue.put((context_id, message))
        else:
            serve(association, message, context_id)

    pynetdicom.association.Association._serve_request = serve_requests


def run_dcmtk(tool: str, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of DCMTK's tools to its end."""
    # Without TCP_NODELAY each object waits 40 ms for an acknowledgement.
    return subprocess.run(
        [require_dcmtk(tool), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=DEADLINE,
        check=False,
        env=peer_environment(),
        cwd=cwd,
    )


def peer_environment() -> dict[str, str]:
    """Return the environment for programs that are not ours: without the sanitizers that ours run under."""
    ours = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    return ours | {"TCP_NODELAY": "1"}


def unused_port() -> int:
    """Return a port that nobody listens on, and that no other worker is given."""
    for number in itertools.islice(_PORTS, SHARE_OF_PORTS):
        port = LOWEST_PORT + _WORKER % SHARES * SHARE_OF_PORTS + number % SHARE_OF_PORTS
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("no port is free")


@contextmanager
def dcmtk_storescp(*arguments: object) -> Iterator[int]:
    """Run DCMTK's storescp on a free port, which is what comes out."""
    path = require_dcmtk("storescp")
    port = unused_port()  # it cannot choose one itself
    process = subprocess.Popen(
        [path, *map(str, arguments), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=peer_environment(),
    )
    try:
        await_listening(process, port)
        yield port
    finally:
        process.kill()
        process.wait(DEADLINE)


def await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(1000):  # it does not say when it listens
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02)
    pytest.fail(f"{process.args} does not listen")
