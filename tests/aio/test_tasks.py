"""Coroutines that are run at once: each has a task and a context, whether it waits or not."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from fastdicom.net.aio_tasks import Starter

NAME = ContextVar("NAME", default="nobody")


async def wait_twice(found):
    async with asyncio.timeout(20) as timeout:  # which wants a task
        found.append(asyncio.current_task())
        await asyncio.sleep(0)
        found.append(asyncio.current_task())
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "came")
        found.append(await future)
        assert not timeout.expired()
    return "done"


async def do_not_wait(found):
    async with asyncio.timeout(20):
        found.append(asyncio.current_task())


def start_from_callback(starter, coroutine):
    """Start a coroutine as a transport's callback does; return what is left of it, or what it raises."""
    loop = asyncio.get_running_loop()
    result = loop.create_future()

    def call() -> None:
        try:
            result.set_result(starter.start(coroutine, loop))
        except Exception as error:
            result.set_exception(error)

    loop.call_soon(call)
    return result


def test_one_that_waits_goes_on_in_its_task(run):
    async def scenario():
        starter, found = Starter(), []
        task = await start_from_callback(starter, wait_twice(found))
        assert await task == "done"
        assert found == [task, task, "came"]
        starter.close()

    run(scenario())


def test_one_that_does_not_wait_needs_none(run):
    async def scenario():
        before = asyncio.all_tasks()
        starter, found = Starter(), []
        for _ in range(3):
            assert await start_from_callback(starter, do_not_wait(found)) is None
        assert None not in found
        starter.close()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    run(scenario())


def test_what_is_raised_before_and_after_it_waits(run):
    async def raise_after(turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        raise KeyError(turns)

    async def scenario():
        starter = Starter()
        with pytest.raises(KeyError, match="0"):
            await start_from_callback(starter, raise_after(0))
        for turns in (1, 2):
            task = await start_from_callback(starter, raise_after(turns))
            with pytest.raises(KeyError, match=str(turns)):
                await task
        starter.close()

    run(scenario())


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_cancelled_while_it_waits(run, turns):
    """However soon: before the task has had a turn, too."""

    async def scenario():
        starter, ended = Starter(), []

        async def wait():
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append(True)

        loop = asyncio.get_running_loop()
        started = loop.create_future()

        def call() -> None:
            task = starter.start(wait(), loop)
            if not turns:
                task.cancel()
            started.set_result(task)

        loop.call_soon(call)
        task = await started
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and ended == [True]
        starter.close()

    run(scenario())


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_cancelled_while_it_waits_for_another_task(run, turns):
    """Which is cancelled first, as ever."""

    async def scenario():
        starter, ended = Starter(), []

        async def inner():
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(0)
                ended.append("inner")

        async def outer(task):
            try:
                await task
            finally:
                ended.append("outer")

        inner_task = asyncio.create_task(inner())
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        started = loop.create_future()

        def call() -> None:
            task = starter.start(outer(inner_task), loop)
            if not turns:
                task.cancel()
            started.set_result(task)

        loop.call_soon(call)
        task = await started
        for _ in range(turns):
            await asyncio.sleep(0)
        if turns:  # a second time would interrupt the other task's cleaning up
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and inner_task.cancelled() and ended == ["inner", "outer"]
        starter.close()

    run(scenario())


def test_what_one_sets_in_its_context_is_its_own(run):
    async def scenario():
        starter, found = Starter(), []

        async def work(name, turns):
            found.append(NAME.get())
            token = NAME.set(name)
            for _ in range(turns):
                await asyncio.sleep(0)
            found.append(NAME.get())
            NAME.reset(token)  # which is an error in another context
            NAME.set(name)

        for name, turns in (("first", 0), ("second", 2), ("third", 0)):
            task = await start_from_callback(starter, work(name, turns))
            if task is not None:
                await task
        assert found == ["nobody", "first", "nobody", "second", "nobody", "third"]
        assert NAME.get() == "nobody"
        starter.close()

    run(scenario())


def test_within_another_task(run):
    """It has a task of its own: it must not be taken for the other one."""

    async def scenario():
        starter, found = Starter(), []
        task = starter.start(do_not_wait(found), asyncio.get_running_loop())
        if task is not None:
            await task
        assert found != [asyncio.current_task()]
        starter.close()

    run(scenario())
