"""Tools in processes of their own: ours, and DCMTK's as peers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import peers
import pytest
from peers import DEADLINE
from pydicom.data import get_testdata_file


class Server:
    """A server in a process of its own that says where it listens; its stderr is in a file."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self.log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fastdicom", *arguments],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on .*:(\d+)\n", line)
        assert match, f"{line!r}; {self.read_log()}"
        self.port = match[1]

    def read_log(self) -> str:
        return self.log.read_text()

    def stop(self, signal_number: int | None = None) -> int:
        """Send SIGTERM, or another signal; return the exit code."""
        if self.process.poll() is None:
            if signal_number is None:
                self.process.terminate()
            else:
                self.process.send_signal(signal_number)
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


RunTool = Callable[..., subprocess.CompletedProcess[str]]
StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def run_tool() -> RunTool:
    """Return a function that runs one of our tools to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fastdicom", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)

    return run


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Return a function that starts one of our servers on a free port."""
    with ExitStack() as stack:

        def start(tool: str, *arguments: object) -> Server:
            log = tmp_path / f"{tool}.log"
            server = Server([tool, "-ba", "127.0.0.1", *map(str, arguments), "0"], log)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def dcmtk() -> Callable[[str], str]:
    """Return a function that finds a tool of DCMTK. Without it: a failure in CI, a skip elsewhere."""
    return peers.require_dcmtk


@pytest.fixture
def start_dcmtk_storescp() -> Iterator[Callable[..., str]]:
    """Return a function that starts DCMTK's storescp and returns its port."""
    with ExitStack() as stack:

        def start(*arguments: object) -> str:
            return str(stack.enter_context(peers.dcmtk_storescp(*arguments)))

        yield start


@pytest.fixture
def unused_port() -> str:
    """A port that nobody listens on."""
    return str(peers.unused_port())


@pytest.fixture(scope="session")
def ct_path() -> Path:
    """A CT image, explicit VR little endian."""
    return Path(str(get_testdata_file("CT_small.dcm")))


@pytest.fixture(scope="session")
def mr_path() -> Path:
    """An MR image, explicit VR little endian."""
    return Path(str(get_testdata_file("MR_small.dcm")))


@pytest.fixture(scope="session")
def compressed_path() -> Path:
    """An image in JPEG 2000, which DCMTK's storescp does not accept unless told to."""
    return Path(str(get_testdata_file("JPEG2000.dcm")))
