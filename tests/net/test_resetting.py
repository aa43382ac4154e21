"""Connections whose peer takes nothing, and those whose peer has taken all."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from servers import DEADLINE

from fastdicom.net.resetting import reset_what_is_not_taken


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        here = socket.create_connection(listening.getsockname())
        there, _ = listening.accept()
    there.settimeout(DEADLINE)
    with here, there:
        yield here, there


def receive_all(sock: socket.socket) -> bytes:
    received = b""
    while piece := sock.recv(1 << 16):
        received += piece
    return received


def test_one_that_has_taken_all_sees_the_end_as_ever(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    here.sendall(b"the last")
    assert there.recv(16, socket.MSG_PEEK) == b"the last"
    reset_what_is_not_taken(here)
    here.close()
    assert receive_all(there) == b"the last"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not say what is not taken")
def test_one_that_has_not_is_told_that_nobody_is_here(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    here.setblocking(False)
    with suppress(BlockingIOError):  # in the end it is full
        while here.send(bytes(1 << 16)):
            pass
    reset_what_is_not_taken(here)
    here.close()
    with pytest.raises(ConnectionResetError):
        receive_all(there)


def test_one_that_is_closed_already_is_let_be(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    reset_what_is_not_taken(pair[0])
