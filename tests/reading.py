"""Feeding a `Reader`: bytes in pieces in, everything that it tells out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fastdicom._core.buffer import BufferPool
from fastdicom._core.pdata import Message, ObservedPdu, Reader, Signal

Told = Message | ObservedPdu | Signal | bytes


def new_reader(
    contexts: Iterable[int] = (1,),
    *,
    pool: BufferPool | None = None,
    maximum_length: int = 16384,
    memory_limit: int = 1 << 30,
    holds_commands: bool = False,
) -> Reader:
    """A reader in data transfer."""
    reader = Reader(pool or BufferPool(0), maximum_length, memory_limit)
    reader.begin_data_transfer(contexts, holds_commands)
    return reader


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def feed(
    reader: Reader, parts: Iterable[bytes], answer: Callable[[Signal], None] | None = None
) -> list[Told]:
    """Hand the parts to the reader one after the other; `answer` is called for each of its signals."""
    return list(iterate(reader, parts, answer))


def iterate(
    reader: Reader, parts: Iterable[bytes], answer: Callable[[Signal], None] | None = None
) -> Iterator[Told]:
    for part in parts:
        rest = part
        while rest:
            room = reader.get_buffer(-1)
            n = min(len(room), len(rest))
            room[:n] = rest[:n]
            reader.commit(n)
            rest = rest[n:]
            while (told := reader.next_event()) is not Signal.NEED_DATA:
                if isinstance(told, Signal) and answer is not None:
                    answer(told)
                yield told


def summary(told: Told) -> tuple[int, bytes, bytes | None] | Signal | bytes:
    """What can be compared with the model: (context ID, command set, data set) of a message."""
    if isinstance(told, Message):
        data_set = None if told.data_set is None else bytes(told.data_set)
        return told.context_id, told.command.encoded, data_set
    if isinstance(told, ObservedPdu):
        return told.encoded
    return told
