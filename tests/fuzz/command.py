"""Fuzz targets: a command set of any bytes against the model, and the elements at the front of a data set."""

from __future__ import annotations

from contextlib import suppress

import model

from fastdicom._core.command import CommandSet, encode_command
from fastdicom._core.element import find_texts
from fastdicom.dimse.messages import DimseMessage
from fastdicom.errors import MessageError

TAGS = (0x00020010, 0x00080016, 0x00080018, 0x0020000D)


def run(data: bytes) -> None:
    """Decode a command set, read it, answer it; `AssertionError` when something is wrong."""
    try:
        command = CommandSet(data)
    except MessageError:
        return
    check(command)


def check(command: CommandSet) -> None:
    """Compare a command set with the model, and its response."""
    read = model.read_command_set(command.encoded)
    values = {element: command[element] for element in command}
    assert set(values) == {element for element in read if element in model.COMMAND_VR}
    for element, value in values.items():
        expected = read[element]
        if model.COMMAND_VR[element] == "AT":
            assert value == (expected if isinstance(expected, list) else [expected])
        else:
            assert value == (expected.rstrip(" \0") if isinstance(expected, str) else expected)
    repr(command)
    repr(DimseMessage(command, 1))
    assert command.has_data_set == (read[0x0800] != model.NO_DATA_SET)
    response = model.read_command_set(command.encode_response(0xA700))
    assert response[0x0900] == 0xA700
    assert response[0x0100] == command.command_field | 0x8000
    assert response[0x0120] == (command.message_id or 0)
    with suppress(ValueError):  # what a peer may say is more than what we may
        again = CommandSet(encode_command({e: v for e, v in values.items() if e != 0}))
        assert {e: again[e] for e in again if e != 0} == {e: v for e, v in values.items() if e != 0}


def run_element(data: bytes) -> None:
    """Look for elements at the front of a data set; `AssertionError` when something is wrong."""
    if not data:
        return
    with suppress(ValueError):
        texts, offset = find_texts(data[1:], TAGS, bool(data[0] & 1), bool(data[0] & 2))
        assert len(texts) == len(TAGS)
        assert 0 <= offset <= len(data) - 1
        assert sum(len(text) for text in texts if text is not None) <= offset
