"""A thousand associations in one process, and ten thousand: memory, threads, CPU, time to open one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from time import monotonic

import pytest
from immunity.harness import COUNTS_MEMORY
from parked import (
    IDLE_THREADS,
)
from raw_peer import (
    associate_raw,
)
from servers import POLL, wait_until

from fastdicom.net.parking import HAS_POLLER

pytestmark = pytest.mark.skipif(not HAS_POLLER, reason="associations keep their threads here")

# --- thousands -------------------------------------------------------------------------------------------

SERVER = """
import os, resource, sys, threading
from fastdicom import AE
ae = AE()
ae.maximum_associations = 20000
ae.network_timeout = None
ae.add_supported_context("1.2.840.10008.1.1")
ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
server = ae.start_server(("127.0.0.1", 0), block=False)
print(server.server_address[1], flush=True)
for line in sys.stdin:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(open("/proc/self/statm").read().split()[1])
    parked = sum(each._ticket._descriptor is not None for each in server._associations.values())
    print(parked, pages * os.sysconf("SC_PAGE_SIZE"), threading.active_count(),
          used.ru_utime + used.ru_stime, flush=True)
"""


class Server:
    """A server in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def look(self) -> tuple[int, int, int, float]:
        """Parked associations, resident bytes, threads, and seconds of CPU."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        parked, resident, count, seconds = self.process.stdout.readline().split()
        return int(parked), int(resident), int(count), float(seconds)

    def await_parked(self, count: int) -> tuple[int, int, int, float]:
        wait_until(lambda: self.look()[0] == count)
        return self.look()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server_process() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def hold(server: Server, count: int, seconds: float) -> None:
    """Have so many associations, and look what they cost."""
    times: list[float] = []
    with ExitStack() as stack:
        for _ in range(100):  # what is taken once
            stack.enter_context(associate_raw(server.port))
        before = server.await_parked(100)
        for _ in range(count):
            start = monotonic()
            stack.enter_context(associate_raw(server.port))
            times.append(monotonic() - start)
        after = server.await_parked(100 + count)
        each = (after[1] - before[1]) / count / 1024
        first, last = median(times[:100]), median(times[-100:])
        POLL.wait(seconds)
        used = (server.look()[3] - after[3]) / seconds
        print(
            f"\n{count} associations: {each:.1f} kB each, {used:.2%} of a core; "
            f"the first {first * 1e3:.2f} ms, the last {last * 1e3:.2f} ms; "
            f"CPU to open one {(after[3] - before[3]) / count * 1e3:.2f} ms"
        )
        assert not COUNTS_MEMORY or each < 32
        assert after[2] <= 1 + IDLE_THREADS
        assert used < 0.01 + 0.05 / seconds  # looking costs something as well
        assert last < 3 * first + 0.01


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="there is no /proc")
def test_a_thousand(server_process: Server) -> None:
    hold(server_process, 1000, 0.5)


@pytest.mark.soak
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="there is no /proc")
def test_ten_thousand(server_process: Server) -> None:
    hold(server_process, 10_000, 10)
