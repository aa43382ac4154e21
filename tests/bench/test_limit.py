"""The C loops over bare sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the limit is compiled on POSIX systems only")
if os.name == "posix":
    from fastdicom.bench._limit import Associations, Messages


def in_thread(function: Callable[[], int]) -> Callable[[], int]:
    """Start the function in a thread; return what waits for its result."""
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()

    def wait() -> int:
        thread.join(30)
        return results[0]

    return wait


def test_messages_have_their_lengths_and_answers() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wait = in_thread(lambda: Messages([5, 70_000, 1], 3).request(ours.fileno(), bytes(70_006), 4))
        for length in (5, 70_000, 1, 5):
            assert len(theirs.recv(length, socket.MSG_WAITALL)) == length
            theirs.setblocking(False)
            with pytest.raises(BlockingIOError):
                theirs.recv(1)  # the next message waits for the answer
            theirs.setblocking(True)
            theirs.sendall(b"abc")
        assert wait() == 4


def test_both_ends_together_write_files(tmp_path: Path) -> None:
    lengths = [10, 300_000]
    ours, theirs = socket.socketpair()
    prefix = os.fsencode(tmp_path / "7-")
    with theirs:
        wait = in_thread(lambda: Messages(lengths, 4).respond(theirs.fileno(), prefix))
        with ours:
            assert Messages(lengths, 4).request(ours.fileno(), bytes(300_010), 3) == 3
        assert wait() == 3
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {
        "7-0.dcm": 10,
        "7-1.dcm": 300_000,
    }


def test_a_message_that_is_cut_off() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(b"four")
        with pytest.raises(ConnectionResetError):
            Messages([5], 1).respond(theirs.fileno())


def test_an_answer_that_does_not_come() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            Messages([5], 1).request(ours.fileno(), b"12345", 1)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"12345")
        with pytest.raises(FileNotFoundError):
            Messages([5], 1).respond(theirs.fileno(), os.fsencode(tmp_path / "none" / "x"))


def test_a_prefix_that_is_too_long() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"12345")
        with pytest.raises(OSError, match="too long"):
            Messages([5], 1).respond(theirs.fileno(), b"x" * 5000)


@pytest.mark.parametrize(("lengths", "response"), [([], 1), ([0], 1), ([5], 0)])
def test_lengths_that_make_no_message(lengths: list[int], response: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Messages(lengths, response)


def test_associations() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        wait = in_thread(lambda: Associations(200, 150, 80, 90, 10).request(port, 3))
        server = Associations(200, 150, 80, 90, 10)
        assert [server.accept(listener.fileno()) for _ in range(3)] == [1, 1, 1]
        assert wait() == 3


def test_an_association_that_is_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            Associations(1, 1, 1, 1, 1).request(unused.getsockname()[1], 1)


def test_each_message_is_its_part_of_the_content() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wait = in_thread(lambda: Messages([2, 3], 1).request(ours.fileno(), b"abcde", 3))
        for expected in (b"ab", b"cde", b"ab"):
            assert theirs.recv(len(expected), socket.MSG_WAITALL) == expected
            theirs.sendall(b"x")
        assert wait() == 3


def test_content_of_another_length() -> None:
    with pytest.raises(ValueError, match="5 bytes together, not 4"):
        Messages([2, 3], 1).request(0, b"abcd", 1)
