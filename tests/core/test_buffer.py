"""Buffers of received data sets: where their memory comes from, and how long it lives."""

from __future__ import annotations

import gc
import threading

import model
import pytest
from reading import feed, new_reader

from fastdicom._core.buffer import Buffer, BufferPool
from fastdicom._core.pdata import Message

COMMAND = model.command_set({0x0100: 1, 0x0110: 1, 0x0800: 1})


def receive(pool: BufferPool, data_set: bytes) -> Buffer:
    reader = new_reader(pool=pool)
    (message,) = feed(reader, model.message(1, COMMAND, data_set, 16384))
    assert isinstance(message, Message)
    assert message.data_set is not None
    return message.data_set


@pytest.mark.parametrize("length", [0, 1, 16384, 300_001])
def test_holds_the_data_set(length: int) -> None:
    data_set = bytes(i % 251 for i in range(length))
    buffer = receive(BufferPool(0), data_set)
    assert len(buffer) == length
    assert bytes(buffer) == data_set
    assert memoryview(buffer)[:10] == data_set[:10]


def test_is_read_only() -> None:
    view = memoryview(receive(BufferPool(0), b"ab"))
    assert view.readonly
    with pytest.raises(TypeError):
        view[0] = 0


def test_outlives_its_reader_and_its_pool() -> None:
    data_set = bytes(range(256)) * 1000
    view = memoryview(receive(BufferPool(1 << 30), data_set))
    gc.collect()
    assert view == data_set


def test_goes_back_to_the_pool() -> None:
    pool = BufferPool(1 << 30)
    buffer = receive(pool, bytes(500_000))
    assert pool.kept == 0
    view = memoryview(buffer)
    del buffer
    assert pool.kept == 0
    del view
    assert pool.kept >= 500_000
    kept = pool.kept
    again = receive(pool, bytes(500_000))
    assert pool.kept < kept
    del again
    assert pool.kept == kept


def test_pool_keeps_no_more_than_its_limit() -> None:
    pool = BufferPool(1_000_000)
    buffers = [receive(pool, bytes(300_000)) for _ in range(10)]
    kept = 0
    while buffers:
        buffers.pop()
        assert pool.kept <= 1_000_000
        kept = max(kept, pool.kept)
    assert kept > 0


@pytest.mark.parametrize("limit", [0, 1000])
def test_a_small_limit_keeps_nothing(limit: int) -> None:
    pool = BufferPool(limit)
    receive(pool, bytes(20_000))
    assert pool.kept == 0


def test_limit_must_not_be_negative() -> None:
    with pytest.raises(ValueError, match="limit is -1"):
        BufferPool(-1)


def test_given_back_from_another_thread() -> None:
    pool = BufferPool(1 << 30)
    buffers = [receive(pool, bytes([i]) * 100_000) for i in range(8)]
    results: list[bool] = []

    def drop(buffer: Buffer, i: int) -> None:
        results.append(memoryview(buffer) == bytes([i]) * 100_000)

    threads = [threading.Thread(target=drop, args=(buffers.pop(), 7 - i)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del threads, thread
    assert results == [True] * 8
    assert pool.kept >= 800_000
