"""Reassembly: P-DATA-TF PDUs in reads of 256 KiB to one message."""

from __future__ import annotations

from typing import Any

import pytest

from fastdicom._core.buffer import BufferPool
from fastdicom._core.command import encode_command
from fastdicom._core.pdata import Message, MessageWriter, Reader, Signal

COMMAND = encode_command({0x0002: "1.2.840.10008.5.1.4.1.1.2", 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x0800: 1})
READ = 262_144


def reassemble(reader: Reader, data: memoryview) -> Message:
    while data:
        room = reader.get_buffer(-1)
        n = min(len(room), len(data), READ)
        room[:n] = data[:n]
        reader.commit(n)
        data = data[n:]
        outcome = reader.next_event()
        if outcome is not Signal.NEED_DATA:
            assert isinstance(outcome, Message)
            return outcome
    raise AssertionError("the message is not whole")


@pytest.mark.parametrize("peer_maximum_length", [16384, 0], ids=["16384", "unlimited"])
@pytest.mark.parametrize("size", [12_000, 528_000, 50_000_000], ids=["smallest", "ct", "large"])
def test_reassembly(benchmark: Any, size: int, peer_maximum_length: int) -> None:
    writer = MessageWriter(1, COMMAND, [bytes(size)], peer_maximum_length)
    data = b"".join(iter(writer.data_to_send, b""))
    reader = Reader(BufferPool(1 << 28), peer_maximum_length, 1 << 30)
    reader.begin_data_transfer([1])
    message = benchmark(reassemble, reader, memoryview(data))
    assert message.data_set_length == size
