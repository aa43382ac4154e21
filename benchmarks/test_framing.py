"""Framing: a data set as P-DATA-TF PDUs, as bytes."""

from __future__ import annotations

from typing import Any

import pytest

from fastdicom._core.command import encode_command
from fastdicom._core.pdata import MessageWriter

COMMAND = encode_command({0x0002: "1.2.840.10008.5.1.4.1.1.2", 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x0800: 1})


def frame(data_set: bytes, peer_maximum_length: int) -> int:
    writer = MessageWriter(1, COMMAND, [data_set], peer_maximum_length)
    length = 0
    while part := writer.data_to_send():
        length += len(part)
    return length


@pytest.mark.parametrize("peer_maximum_length", [16384, 0], ids=["16384", "unlimited"])
@pytest.mark.parametrize("size", [12_000, 528_000, 50_000_000], ids=["smallest", "ct", "large"])
def test_framing(benchmark: Any, size: int, peer_maximum_length: int) -> None:
    length = benchmark(frame, bytes(size), peer_maximum_length)
    assert length > size
