"""Command sets: encoding one, and decoding all of its elements."""

from __future__ import annotations

from typing import Any

import pytest

from fastdicom._core.command import CommandSet, encode_command

ECHO_RQ = {0x0002: "1.2.840.10008.1.1", 0x0100: 0x0030, 0x0110: 1, 0x0800: 0x0101}
STORE_RQ = {
    0x0002: "1.2.840.10008.5.1.4.1.1.2",
    0x0100: 0x0001,
    0x0110: 1,
    0x0700: 0,
    0x0800: 0x0001,
    0x1000: "1.2.826.0.1.3680043.8.498.12345678901234567890",
    0x1030: "ORIGINATOR",
    0x1031: 1,
}
N_GET_RQ = ECHO_RQ | {0x1005: [0x00100000 + i for i in range(1000)]}

COMMANDS = pytest.mark.parametrize(
    "elements", [ECHO_RQ, STORE_RQ, N_GET_RQ], ids=["smallest", "store", "tags"]
)


def decode(encoded: bytes) -> dict[int, Any]:
    command = CommandSet(encoded)
    return {element: command[element] for element in command}


@COMMANDS
def test_encode(benchmark: Any, elements: dict[int, Any]) -> None:
    assert len(benchmark(encode_command, elements)) % 2 == 0


@COMMANDS
def test_decode(benchmark: Any, elements: dict[int, Any]) -> None:
    decoded = benchmark(decode, encode_command(elements))
    assert decoded.items() >= elements.items()
