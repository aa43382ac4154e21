"""One face for associations of threads and of an event loop, so that one set of tests is for both.

Tests are coroutines, and so are the handlers in them. For the blocking driver each task has a thread that
does what the task awaits, and a handler is a plain function that waits for the coroutine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from inspect import isasyncgenfunction
from typing import Any
from weakref import WeakKeyDictionary

import fastdicom
from fastdicom import aio, evt
from fastdicom.association.driving import drive

LOCALHOST = "127.0.0.1"

# What a handler's generator has yielded when it has ended.
ENDED = object()


class Driver:
    """An AE of threads or of an event loop, and handlers that suit it.

    Parameters
    ----------
    loop
        The name of the event loop that the test runs on.
    is_blocking
        Whether associations are those of threads.
    has_plain_handlers
        Whether handlers are plain functions and generators: always so in threads.
    """

    def __init__(self, loop: str, *, is_blocking: bool, has_plain_handlers: bool) -> None:
        self.loop = loop
        self.is_blocking = is_blocking
        self.has_plain_handlers = has_plain_handlers

    def ae(self, title: str = "FASTDICOM", **settings: Any) -> Any:
        """Return an AE with these settings."""
        ae = fastdicom.AE(title) if self.is_blocking else aio.AE(title)
        for name, value in settings.items():
            setattr(ae, name, value)
        return ae

    def handlers(self, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return handlers that do what these coroutine functions and asynchronous generators do."""
        if not self.has_plain_handlers:
            return list(rows)
        loop = asyncio.get_running_loop()
        return [(event, plain(handler, loop), *further) for event, handler, *further in rows]

    @asynccontextmanager
    async def serving(self, ae: Any, handlers: Sequence[tuple[Any, ...]] = ()) -> AsyncIterator[Any]:
        """Serve on a free port; in the end everything has been cleaned up."""
        bound = self.handlers(handlers)
        if not self.is_blocking:
            async with await ae.start_server((LOCALHOST, 0), evt_handlers=bound) as server:
                yield server
            return
        server = ae.start_server((LOCALHOST, 0), block=False, evt_handlers=bound)
        try:
            yield server
        finally:
            await asyncio.to_thread(server.shutdown)

    async def associate(
        self, ae: Any, port: int, *arguments: Any, handlers: Sequence[tuple[Any, ...]] = (), **options: Any
    ) -> Any:
        """Request an association."""
        bound = self.handlers(handlers)
        if not self.is_blocking:
            return await ae.associate(LOCALHOST, port, *arguments, evt_handlers=bound, **options)
        threads = Threads()
        real = await threads.call(ae.associate, LOCALHOST, port, *arguments, evt_handlers=bound, **options)
        return InThreads(real, threads)

    @asynccontextmanager
    async def associated(self, ae: Any, server: Any, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        """Associate with a server; release in the end, if it is still there."""
        association = await self.associate(ae, server.server_address[1], *arguments, **options)
        assert association.is_established
        try:
            yield association
        finally:
            await association.release()


def plain(handler: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[..., Any]:
    """Return a function or generator function that does the same, in another thread than the loop's."""

    def done(coroutine: Coroutine[Any, Any, Any]) -> Any:
        if threading.current_thread() is here:  # told of something on the loop itself
            return drive(coroutine)
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    here = threading.current_thread()

    def function(event: Any, *arguments: Any) -> Any:
        return done(handler(event, *arguments))

    async def following(results: Any) -> Any:
        return await anext(results, ENDED)

    async def close(results: Any) -> None:
        await results.aclose()

    def generator(event: Any, *arguments: Any) -> Iterator[Any]:
        results = handler(event, *arguments)
        try:
            while (result := done(following(results))) is not ENDED:
                yield result
        finally:
            done(close(results))

    return generator if isasyncgenfunction(handler) else function


class Threads:
    """A thread for each task: an association knows its users by their threads."""

    def __init__(self) -> None:
        self._executors: WeakKeyDictionary[Any, ThreadPoolExecutor] = WeakKeyDictionary()

    async def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function in the thread of this task."""
        task = asyncio.current_task()
        executor = self._executors.get(task)
        if executor is None:
            executor = self._executors[task] = ThreadPoolExecutor(1)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, lambda: function(*arguments, **options))


class InThreads:
    """An association of threads, for tasks."""

    def __init__(self, real: Any, threads: Threads) -> None:
        self._real = real
        self._threads = threads

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not callable(value) or name in ("abort", "bind", "unbind"):
            return value

        async def call(*arguments: Any, **options: Any) -> Any:
            return await self._threads.call(value, *arguments, **options)

        return call

    def abort(self) -> None:
        """Abort the association."""
        self._real.abort(block=False)

    def send_c_find(self, *arguments: Any, **options: Any) -> ResponsesInThreads:
        """Query."""
        return ResponsesInThreads(self._threads, self._real.send_c_find, arguments, options)

    def send_c_get(self, *arguments: Any, **options: Any) -> ResponsesInThreads:
        """Retrieve."""
        return ResponsesInThreads(self._threads, self._real.send_c_get, arguments, options)

    def send_c_move(self, *arguments: Any, **options: Any) -> ResponsesInThreads:
        """Have objects sent elsewhere."""
        return ResponsesInThreads(self._threads, self._real.send_c_move, arguments, options)


class ResponsesInThreads:
    """The responses to a query or a retrieval, for tasks; the request goes out with the first."""

    def __init__(
        self, threads: Threads, send: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self._threads = threads
        self._send: Callable[[], Any] = lambda: send(*arguments, **options)
        self._real: Any = None
        self._is_encoded = False

    def encoded(self) -> ResponsesInThreads:
        """Have identifiers come as they are."""
        self._is_encoded = True
        return self

    def __aiter__(self) -> ResponsesInThreads:
        return self

    async def __anext__(self) -> Any:
        if self._real is None:
            self._real = await self._threads.call(self._send)
            if self._is_encoded:
                self._real.encoded()
        found = await self._threads.call(next, self._real, ENDED)
        if found is ENDED:
            raise StopAsyncIteration
        return found

    async def cancel(self) -> None:
        """Ask the peer to cancel the operation."""
        await self._threads.call(self._real.cancel)

    async def aclose(self) -> None:
        """Give up what is still to come."""
        await self._threads.call(self._real.close)


async def until(is_so: Callable[[], Any]) -> None:
    """Wait until something that cannot notify is so; the test has a deadline."""
    while not is_so():
        await asyncio.sleep(0.002)


NOTIFICATIONS = (
    evt.EVT_REQUESTED,
    evt.EVT_ACCEPTED,
    evt.EVT_ESTABLISHED,
    evt.EVT_REJECTED,
    evt.EVT_RELEASED,
    evt.EVT_ABORTED,
    evt.EVT_CONN_CLOSE,
)
