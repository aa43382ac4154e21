"""What threads share below the GIL: a pool of memory, from which the readers of all associations take.

Here the outcome is looked at; `make sanitize` runs the same under ThreadSanitizer.
"""

from __future__ import annotations

import threading

import model
from reading import feed, new_reader, pieces

from fastdicom._core.buffer import BufferPool
from fastdicom._core.pdata import Message

THREADS = 4
ROUNDS = 100
COMMAND = model.command_set({0x0100: 0x0001, 0x0110: 7, 0x0800: 1})


def test_readers_in_many_threads_share_a_pool() -> None:
    pool = BufferPool(1 << 22)
    outcomes: list[bool] = []

    def receive(mark: int) -> None:
        lengths = [70_000, 0, 300_000, 1, 5_000]
        data_sets = [bytes((mark,)) * length for length in lengths]
        data = b"".join(b"".join(model.message(1, COMMAND, each, 16_384)) for each in data_sets)
        for _ in range(ROUNDS):
            told = feed(new_reader(pool=pool), pieces(data, 40_000))
            received = [bytes(each.data_set or b"") for each in told if isinstance(each, Message)]
            outcomes.append(received == data_sets)

    threads = [threading.Thread(target=receive, args=(mark,)) for mark in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * (THREADS * ROUNDS)
    assert 0 < pool.kept <= 1 << 22
