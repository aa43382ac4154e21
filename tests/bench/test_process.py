"""Processes of the benchmark: started, timed, and ended whatever happens."""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
from pathlib import Path

import pytest

from fastdicom.bench import process
from fastdicom.bench.peers.external import hold_port
from fastdicom.bench.process import Side, SideError

ECHO = """
import json, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps({"heard": json.loads(line)}), flush=True)
"""


def side(tmp_path: Path, program: str) -> Side:
    return Side("the side", [sys.executable, "-c", program], tmp_path / "log")


def test_commands_are_answered(tmp_path: Path) -> None:
    running = side(tmp_path, ECHO)
    try:
        running.wait_until_ready()
        assert running.ask(do="open", n=3) == {"heard": {"do": "open", "n": 3}}
    finally:
        running.close()


def test_an_error_is_raised_with_its_reason(tmp_path: Path) -> None:
    running = side(tmp_path, """print('{"error": "no such port"}', flush=True); input()""")
    try:
        with pytest.raises(SideError, match="the side: no such port"):
            running.hear()
    finally:
        running.close()


def test_a_side_that_ends_leaves_its_last_words(tmp_path: Path) -> None:
    running = side(tmp_path, "import sys; sys.exit('nothing to send')")
    try:
        with pytest.raises(SideError, match="ended with exit status 1: nothing to send"):
            running.wait_until_ready()
    finally:
        running.close()


def test_a_side_that_says_nothing(tmp_path: Path) -> None:
    running = side(tmp_path, "input()")
    try:
        with pytest.raises(SideError, match="did not answer within 0 s"):
            running.hear(timeout=0.01)
    finally:
        running.close()


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_what_a_side_has_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "END_TIMEOUT", 0.1)
    # Neither the side nor its child ends when its input does. Both hold the log open, which is a pipe.
    child = "import time; time.sleep(60)"
    program = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}])
print('{{"pid": %d}}' % child.pid, flush=True)
time.sleep(60)
"""
    os.mkfifo(tmp_path / "log")
    with open(os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK), "rb") as log:
        running = side(tmp_path, program)
        running.hear()
        assert not select.select([log], [], [], 0)[0]
        running.close()
        assert select.select([log], [], [], 10)[0], "the child is still there"
        assert log.read() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port cannot be held for another program")
def test_a_port_is_held_until_a_program_listens_there() -> None:
    with hold_port() as holder:
        address = holder.getsockname()
        with socket.socket() as probe:
            assert probe.connect_ex(address) == errno.ECONNREFUSED
        others = [socket.create_server(("127.0.0.1", 0)) for _ in range(50)]
        try:
            assert address not in [other.getsockname() for other in others]
        finally:
            for other in others:
                other.close()
        with socket.socket() as program:
            program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            program.bind(("", address[1]))
            program.listen()
            with socket.socket() as sender:
                assert sender.connect_ex(address) == 0
