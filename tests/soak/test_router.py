"""A router between all kinds of senders and a destination that dies and returns.

What was acknowledged to its sender is at the destination, whole; and in the end the router has the memory,
the threads and the descriptors that it had after a while. `FASTDICOM_SOAK_SECONDS` says how long `make soak`
does this; the usual tests do it for a moment.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
from peers import DEADLINE, unused_port
from servers import wait_until
from soak.senders import Aborter, Ledger, Sender, SlowReader, Trouble

SECONDS = float(os.environ.get("FASTDICOM_SOAK_SECONDS", "240"))

ROUTER = Path(__file__).with_name("router.py")

# How long the destination is there, and is not, in seconds.
UP, DOWN = 4.0, 0.5

# The Part 10 header that the destination writes before a data set is not longer.
HEADER_LIMIT = 1024

# What the router may have more in the end: memory that is kept for the next objects, a thread that lingers.
GROWTH = 48 << 20
THREADS = 8
DESCRIPTORS = 8

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process has is read from /proc")


@dataclass(frozen=True)
class Footprint:
    """What a process has at a moment."""

    memory: int
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        status = Path(f"/proc/{pid}/status").read_text()
        memory, threads = (
            int(re.findall(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[0]) for name in ("VmRSS", "Threads")
        )
        return cls(memory << 10, threads, len(os.listdir(f"/proc/{pid}/fd")))


class Destination:
    """storescp on one port, that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = unused_port()
        self.deaths = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Have it listen."""
        command = [sys.executable, "-m", "fastdicom", "storescp", "-v", "-ba", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "-od", str(self.directory), str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("listening on ")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=DEADLINE)
            self._process = None
            self.deaths += 1


@contextmanager
def running_router(port: int) -> Iterator[tuple[int, int]]:
    """Run the router: its port and its process are what comes out."""
    process = subprocess.Popen(
        [sys.executable, ROUTER, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        assert process.poll() is None, "the router has died"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=DEADLINE)


def all_kinds(port: int, ledger: Ledger, end: float) -> list[Trouble]:
    """Return who troubles the router."""
    return [
        Sender(port, ledger, end, length=12_000),
        Sender(port, ledger, end, length=12_000),
        Sender(port, ledger, end, length=500_000),
        Sender(port, ledger, end, length=2_000_000),
        Sender(port, ledger, end, length=12_000, window=8),
        Sender(port, ledger, end, length=500_000, window=3),
        Aborter(port, ledger, end),
        SlowReader(port, ledger, end),
    ]


def trouble(port: int, ledger: Ledger, seconds: float, destination: Destination) -> None:
    """Have everybody at it for so many seconds, while the destination dies and returns."""
    everybody = all_kinds(port, ledger, monotonic() + seconds)
    for each in everybody:
        each.start()
    while not everybody[0].is_over:
        everybody[0].wait(UP)
        destination.kill()
        everybody[0].wait(DOWN)
        destination.start()
    for each in everybody:
        each.join(4 * DEADLINE)


def check_stored(ledger: Ledger, directory: Path) -> None:
    """What has been acknowledged is there."""
    assert ledger.acknowledged
    for uid, length in ledger.acknowledged.items():
        stored = directory / f"{uid}.dcm"
        assert stored.is_file(), f"{uid} was acknowledged and is not there"
        assert length < stored.stat().st_size <= length + HEADER_LIMIT
    ledger.acknowledged.clear()
    for path in directory.iterdir():
        path.unlink()


def route(seconds: float, parts: int, directory: Path) -> None:
    """Trouble a router so many times, and compare what it has after each with what it had after the first."""
    directory.mkdir()
    destination, ledger = Destination(directory), Ledger()
    destination.start()
    try:
        with running_router(destination.port) as (port, pid):
            footprints: list[Footprint] = []
            for _ in range(parts):
                trouble(port, ledger, seconds / parts, destination)
                ledger.counts["acknowledged"] += len(ledger.acknowledged)
                check_stored(ledger, directory)
                footprints.append(at_rest(pid))
            print(
                f"\n{dict(ledger.counts)}, {destination.deaths} deaths of the destination",
                *footprints,
                sep="\n",
            )
            first, last = footprints[0], footprints[-1]
            assert last.memory <= first.memory + GROWTH
            assert last.threads <= first.threads + THREADS
            assert last.descriptors <= first.descriptors + DESCRIPTORS
    finally:
        destination.kill()


def at_rest(pid: int) -> Footprint:
    """Return what a process has when nobody has an association with it any more, and it has come to rest."""
    seen = [Footprint.of(pid)]

    def rests() -> bool:
        seen.append(Footprint.of(pid))
        return len(seen) > 20 and len({each.descriptors for each in seen[-20:]}) == 1

    wait_until(rests, "the router at rest")
    return seen[-1]


def test_what_is_acknowledged_is_stored(tmp_path: Path) -> None:
    route(2.0, 1, tmp_path / "received")


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_a_router_for_long(tmp_path: Path) -> None:
    route(SECONDS, 6, tmp_path / "received")
