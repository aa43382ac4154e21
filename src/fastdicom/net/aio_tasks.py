"""Coroutines that mostly need no waiting: they are run at once, and go on in a task only when they do wait.

A task costs a turn of the event loop before it begins. A request that came whole, and whose handler does not
wait, is answered without one. Python has that from 3.12 on, as eager tasks. Before, a spare task lends itself
to one coroutine after the other, so that each has a current task (`asyncio.timeout` wants one), and becomes
the task of the first one that waits.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, TypeAlias

Work: TypeAlias = Coroutine[Any, Any, Any]


class Starter:
    """Runs coroutines on one event loop after the other."""

    def __init__(self) -> None:
        self._spare: _Spare | None = None

    def start(self, coroutine: Work, loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
        """Run a coroutine up to where it waits.

        Parameters
        ----------
        coroutine
            The coroutine.
        loop
            The running loop.

        Returns
        -------
        asyncio.Task or None
            What runs the rest of it; None when it has ended. What it raises until then is raised.
        """
        if sys.version_info >= (3, 12):
            task = asyncio.Task(coroutine, loop=loop, eager_start=True)
            if not task.done():
                return task
            task.result()
            return None
        if asyncio.current_task(loop) is not None:  # of somebody else, whom it must not be taken for
            return loop.create_task(coroutine)
        spare = self._spare
        if spare is None or spare.loop is not loop or spare.task.done():
            spare = self._spare = _Spare(loop)
        context = copy_context()
        _enter_task(loop, spare.task)
        try:
            awaited = context.run(coroutine.send, None)
        except StopIteration:
            return None
        finally:
            _leave_task(loop, spare.task)
        self._spare = None
        return spare.take(coroutine, awaited, context)

    def close(self) -> None:
        """Keep no task any more."""
        if self._spare is not None and not self._spare.loop.is_closed():
            self._spare.task.cancel()
        self._spare = None


class _Spare(Coroutine[Any, Any, Any]):
    """What a spare task runs: nothing, until it has got a coroutine to run the rest of."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._is_taken = loop.create_future()
        self._work: Work | None = None
        self._awaited: Any = None
        self._is_awaited = False  # nobody waits for that yet
        self._context: Context
        self.task: asyncio.Task[Any] = loop.create_task(self)

    def take(self, work: Work, awaited: Any, context: Context) -> asyncio.Task[Any]:
        """Go on with a coroutine that awaits something already."""
        self._work, self._awaited, self._context = work, awaited, context
        self._is_awaited = True
        if not self._is_taken.done():
            self._is_taken.set_result(None)
        return self.task

    # What the task asks of it.

    def send(self, value: Any) -> Any:
        """Go on; return what is awaited next."""
        if self._work is None:
            self._is_taken._asyncio_future_blocking = True  # as by `await`
            return self._is_taken
        if self._is_awaited:
            self._is_awaited = False
            return self._awaited
        return self._context.run(self._work.send, value)

    def throw(self, error: Any, *more: Any) -> Any:
        """Go on with an exception."""
        if self._work is None:
            raise error
        if self._is_awaited:
            self._is_awaited = False
            # As when it is cancelled later: what is awaited is asked first.
            if isinstance(error, asyncio.CancelledError) and getattr(self._awaited, "cancel", bool)():
                return self._awaited
        return self._context.run(self._work.throw, error)

    def close(self) -> None:
        """End it."""
        if self._work is not None:
            self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("it is for a task only")
