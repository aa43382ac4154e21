"""Descriptors: those that a process is given, and that none is handed on to another program (F1)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from raw_peer import connect_raw
from servers import associate, port_of, serving, store_ae

from fastdicom import AE, build_context, evt, inherited_sockets
from fastdicom.sop_class import Verification

CONTEXTS = [build_context(Verification)]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")

LISTED = "import os; print(*(os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')))"


def listed() -> list[str]:
    return [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]


def sockets_of(names: list[str]) -> Counter[str]:
    """Return the sockets, event descriptors and pollers."""
    return Counter(name.rpartition("/")[2] for name in names if "socket:" in name or "anon_inode:" in name)


def test_no_descriptor_is_handed_on() -> None:
    """A handler executes a program while a server, an association and connections that wait are there."""
    seen: list[list[str]] = []

    def execute(event: evt.Event) -> int:
        command = [sys.executable, "-c", LISTED]
        done = subprocess.run(command, close_fds=False, stdout=subprocess.PIPE, text=True, check=True)
        seen.append(done.stdout.split())
        return 0x0000

    before = listed()
    with (
        serving(store_ae(set()), [(evt.EVT_C_ECHO, execute)]) as server,
        connect_raw(port_of(server)),
        associate(AE(), server, contexts=CONTEXTS) as association,
    ):
        assert association.send_c_echo().Status == 0x0000
        ours = sockets_of(listed())
        assert (ours - sockets_of(before)).total() > 8  # they are there, in this process
    assert sockets_of(seen[0]) <= sockets_of(before)


# What is executed as systemd does it: descriptors from 3 on, and LISTEN_PID is the process itself.
CHILD = """
import os, sys
os.environ.update({key: value.format(pid=os.getpid()) for key, value in ENVIRONMENT.items()})
from fastdicom import AE, inherited_sockets
from fastdicom.sop_class import Verification
try:
    sockets = inherited_sockets()
except ValueError as error:
    print("ValueError:", error, sorted(key for key in os.environ if key.startswith("LISTEN_")))
    sys.exit()
print([sock.getsockname()[:2] for sock in sockets], [sock.get_inheritable() for sock in sockets],
      sorted(key for key in os.environ if key.startswith("LISTEN_")), inherited_sockets(), flush=True)
ae = AE()
ae.add_supported_context(Verification)
servers = [ae.start_server(sock, block=False) for sock in sockets]
sys.stdin.readline()
ae.shutdown()
"""


class Child:
    """A process that has been given descriptors from 3 on."""

    def __init__(self, given: list[int], **environment: str) -> None:
        def place() -> None:
            # Out of the way first, in case that they lie in each other's place.
            kept = [os.dup2(descriptor, 100 + index) for index, descriptor in enumerate(given)]
            for index, descriptor in enumerate(kept):
                os.dup2(descriptor, 3 + index)
                os.close(descriptor)

        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD.replace("ENVIRONMENT", repr(environment))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            close_fds=False,
            preexec_fn=place,  # noqa: PLW1509 - nothing else does what systemd does
        )

    def __enter__(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def __exit__(self, *exception: object) -> None:
        self.process.communicate("\n", timeout=20)


def test_listening_sockets_that_were_passed() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as other,
        Child(
            [one.fileno(), other.fileno()], LISTEN_PID="{pid}", LISTEN_FDS="2", LISTEN_FDNAMES="a:b"
        ) as said,
    ):
        names = [sock.getsockname()[:2] for sock in (one, other)]
        assert said == f"{names} [False, False] [] []"
        ports = [name[1] for name in names]
        one.close()
        other.close()
        for host, port in zip(["127.0.0.1", "::1"], ports, strict=True):
            with AE().associate(host, port, contexts=CONTEXTS) as association:
                assert association.send_c_echo().Status == 0x0000


def passed(monkeypatch: pytest.MonkeyPatch, descriptor: int, **environment: str) -> list[socket.socket]:
    """Ask as if this process had been given a descriptor."""
    monkeypatch.setattr("fastdicom.net.inherited.FIRST_DESCRIPTOR", descriptor)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        return inherited_sockets()
    finally:
        assert not any(name.startswith("LISTEN_") for name in os.environ)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_nothing_was_passed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert passed(monkeypatch, sock.fileno(), **environment) == []
        sock.set_inheritable(True)
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        ((found),) = passed(monkeypatch, sock.fileno(), LISTEN_FDS="1")
        assert found.getsockname() == sock.getsockname() and not found.get_inheritable()
        found.detach()


def test_what_was_passed_is_no_listening_tcp_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(descriptor: int) -> str:
        with pytest.raises(ValueError, match=str(descriptor)) as caught:
            passed(monkeypatch, descriptor, LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        return str(caught.value)

    with open(os.devnull, "rb") as file, socket.socket() as not_listening:
        assert "is not a socket" in outcome(file.fileno())
        assert "does not listen" in outcome(not_listening.fileno())
    with socket.socket(socket.AF_UNIX) as local, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        assert "TCP socket over IPv4 or IPv6 is needed" in outcome(local.fileno())
        assert "TCP socket over IPv4 or IPv6 is needed" in outcome(datagrams.fileno())


@pytest.mark.parametrize("count", ["", "-1", "two", "99999", "²"])
def test_a_count_that_is_none(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", count)
    with pytest.raises(ValueError, match="LISTEN_FDS"):
        inherited_sockets()
    assert "LISTEN_FDS" not in os.environ


def test_a_socket_instead_of_an_address() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = store_ae(set()).start_server(bound, block=False)
        try:
            assert server.server_address == bound.getsockname()
            with associate(AE(), server, contexts=CONTEXTS) as association:
                assert association.send_c_echo().Status == 0x0000
        finally:
            server.shutdown()
        assert bound.fileno() == -1  # it belonged to the server


@pytest.mark.parametrize(
    "sock",
    [
        lambda: socket.socket(type=socket.SOCK_DGRAM),
        lambda: socket.socket(socket.AF_UNIX),
        socket.socket,
    ],
    ids=["UDP", "local", "not bound"],
)
def test_a_socket_that_cannot_be_listened_on(sock: Any) -> None:
    with sock() as unfit, pytest.raises(ValueError, match="socket"):
        store_ae(set()).start_server(unfit, block=False)
