"""Servers of several processes, as programs have them."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable

import pytest
from processes.conftest import Program, all_end
from servers import DEADLINE, wait_until

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are for POSIX systems only")

Run = Callable[..., Program]

WAYS = [
    pytest.param({}, id="a socket each"),
    pytest.param({"is_handed_over": True}, id="handed over"),
    pytest.param({"is_given": True}, id="a socket that was given"),
]


@pytest.mark.parametrize("way", WAYS)
def test_processes_share_a_port(way: dict[str, bool], run: Run) -> None:
    program = run(**way)
    pids = program.echo_until(2)
    assert program.process.pid not in pids
    with program.associate():
        expected = {"active_associations": 1, "active_processes": 2}
        wait_until(lambda: program.ask("statistics") == expected, str(expected))
    assert program.ask("shutdown", DEADLINE) == 0
    all_end(pids)
    socket.create_server(("127.0.0.1", program.port)).close()


def test_spawned_processes(run: Run) -> None:
    program = run(context="spawn", processes=1)
    program.echo()
    assert program.ask("shutdown") == 0


def test_a_process_that_dies_is_replaced(run: Run) -> None:
    program = run()
    first = program.echo_until(2)
    association = program.associate("KILL")
    association.send_c_echo()
    assert not association.is_established
    # Until it is gone, a connection may still come to it, and end with it.
    wait_until(lambda: "was ended by SIGKILL" in program.log, "its end")
    program.echo_until(3)
    (dead,) = [pid for pid in first if f"process {pid} of the server was ended by SIGKILL" in program.log]
    expected = {"active_associations": 0, "active_processes": 2, "processes_replaced": 1}
    wait_until(lambda: program.ask("statistics") == expected, str(expected))
    assert program.ask("shutdown") == 0
    all_end({*program.pids(), dead})


def test_sigterm_drains_all_processes(run: Run) -> None:
    program = run(serves_forever=True)
    program.echo_until(2)
    waiting = [program.associate("WAIT") for _ in range(3)]
    statuses: list[int] = []

    def ask(number: int) -> None:
        statuses.append(waiting[number].send_c_echo().Status)
        waiting[number].release()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    program.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not accepts(program.port), "the end of accepting")
    assert program.process.poll() is None
    (program.directory / "go").touch()
    for thread in threads:
        thread.join(DEADLINE)
    assert statuses == [0x0000] * 3
    assert program.hear() == "served"
    assert program.process.wait(DEADLINE) == 0
    all_end(program.pids())


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_second_sigterm_ends_the_drain(run: Run) -> None:
    program = run(serves_forever=True)
    association = program.associate()
    program.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not accepts(program.port), "the end of accepting")
    program.process.send_signal(signal.SIGTERM)
    assert program.hear() == "served"
    wait_until(lambda: not association.is_established)


def test_sigterm_at_once(run: Run) -> None:
    program = run(serves_forever=True, is_terminated=True)
    assert program.hear() == "served"
    assert program.process.wait(DEADLINE) == 0


def test_shutdown_says_how_many_were_aborted(run: Run) -> None:
    program = run()
    association = program.associate()
    program.say("shutdown", DEADLINE)
    wait_until(lambda: not accepts(program.port), "the end of accepting")
    assert association.send_c_echo().Status == 0x0000
    association.release()
    assert program.hear() == 0

    other = run()
    association = other.associate()
    assert other.ask("shutdown") == 1
    wait_until(lambda: not association.is_established)


@pytest.mark.parametrize("way", WAYS[:2])
def test_processes_end_with_a_program_that_is_killed(way: dict[str, bool], run: Run) -> None:
    program = run(**way)
    pids = program.echo_until(2)
    association = program.associate()
    program.end(signal.SIGKILL)
    wait_until(lambda: not accepts(program.port), "the end of accepting")
    assert association.send_c_echo().Status == 0x0000  # they drain
    association.release()
    all_end(pids)


def test_processes_end_with_a_program_that_forgets_them(run: Run) -> None:
    program = run()
    pids = program.echo_until(2)
    _, errors = program.process.communicate(timeout=DEADLINE)
    assert program.process.returncode == 0, errors
    all_end(pids)


def test_processes_that_cannot_begin(run: Run) -> None:
    program = run(is_broken=True)
    reason = "ended with exit status 1 (FileNotFoundError: no certificate) before it listened"
    assert program.port == f"a process of the server {reason}"
    assert program.process.wait(DEADLINE) == 0
