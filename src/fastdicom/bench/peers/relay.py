"""A link that takes its time: whatever comes in goes out again so many seconds later, each way.

It has no limit of throughput and reads at once, so that nothing waits for what was before it: what it holds
is what is under way. The connections at its two ends are local, so that TCP's own windows play no part. An
end of a stream is passed on with the same delay.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastdicom.bench.peers.side import Channel, Job

# As fast loops as there are: what the link itself costs is no part of the figure.
LOOPS: Any = import_module("uvloop" if find_spec("uvloop") else "asyncio")

# Seconds between looks whether the other end has been connected.
CONNECTING = 0.001


class OneWay(asyncio.Protocol):
    """What one end says, to the other end.

    Parameters
    ----------
    delay
        Seconds.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.near: asyncio.Transport | None = None
        self.far: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.near = transport

    def data_received(self, data: bytes) -> None:
        self._under_way.append((self._loop.time() + self._delay, data))
        if self._timer is None:
            self._wait()

    def eof_received(self) -> bool:
        self.data_received(b"")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.data_received(b"")

    def _wait(self) -> None:
        self._timer = self._loop.call_at(self._under_way[0][0], self._arrive) if self._under_way else None

    def _arrive(self) -> None:
        now = self._loop.time()
        if self.far is None:  # it is being connected
            self._timer = self._loop.call_later(CONNECTING, self._arrive)
            return
        while self._under_way and self._under_way[0][0] <= now:
            _, data = self._under_way.popleft()
            if self.far.is_closing():
                continue
            if data:
                self.far.write(data)
            else:
                self.far.close()
        self._wait()


class Relay:
    """Relays connections to one port, in a thread with an event loop.

    Parameters
    ----------
    delay
        Seconds each way.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._target = 0
        self._loop: asyncio.AbstractEventLoop = LOOPS.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    async def _listen(self) -> int:
        server = await self._loop.create_server(self._accept, "127.0.0.1", 0, backlog=1024)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def _accept(self) -> OneWay:
        inward = OneWay(self._delay)
        task = self._loop.create_task(self._connect(inward))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return inward

    async def _connect(self, inward: OneWay) -> None:
        _, outward = await self._loop.create_connection(
            lambda: OneWay(self._delay), "127.0.0.1", self._target
        )
        inward.far, outward.far = outward.near, inward.near

    def answer(self, command: dict[str, Any]) -> dict[str, object]:
        """Do what the runner asks: it tells where to, and what this process used is no part of the figure."""
        if command["do"] == "open":
            self._target = command["port"]
            return {"port": self.port}
        return {"cpu_s": 0.0, "peak_rss_bytes": 0}


if __name__ == "__main__":
    Channel().serve(Relay(Job(sys.argv[2]).delay).answer)
