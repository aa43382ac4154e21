"""Groups T2, T3: a thousand TLS handshakes and ten thousand connections that do not go on.

The usual tests do with a tenth; `make soak` has all of them.
"""

from __future__ import annotations

import resource
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import model
import pytest
from immunity.harness import COUNTS_MEMORY, Victim, attack, echo, release
from immunity.soak import long, repeat, soak
from immunity.states import Act
from raw_peer import Raw, connect_raw, fake_acceptor, request
from servers import wait_until
from tls_files import Files, write

from fastdicom.tls import client_context

MEMORY_OF_ONE = 32
"""kB that a connection without an association may take in the victim."""

LATENCY = 0.25
"""Seconds that another client may wait for its association, in the median: a busy machine, not a timeout."""

LENT = 8
"""Descriptors that the victim may have had only because something had just happened."""

MARGIN = 300
"""Descriptors of this process, beside connections."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture
def tls_victim(victims: Callable[..., Victim], files: Files) -> Victim:
    return victims(tls=[str(files.certificate), str(files.key)])


@contextmanager
def descriptors(wanted: int) -> Iterator[int]:
    """Have so many descriptors, or as many as there may be; how many connections these are for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + MARGIN if hard == resource.RLIM_INFINITY else min(hard, wanted + MARGIN)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    yield min(wanted, most - MARGIN)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def crowd(port: int, size: int, said: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have said something, and say no more."""
    members: list[socket.socket] = []
    try:
        for _ in range(size):
            members.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            members[-1].sendall(said)
        yield members
    finally:
        for member in members:
            member.close()


def client_hello() -> bytes:
    """What a TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(verifies_peer=False).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def associate_with_tls(port: int) -> Raw:
    """Have an association over TLS, which has been used."""
    sock = client_context(verifies_peer=False).wrap_socket(
        socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="localhost"
    )
    peer = Raw(sock)
    peer.send(request())
    assert peer.receive_pdu()[:1] == b"\2"
    echo(peer)
    return peer


def latencies(associate: Callable[[], Raw], count: int) -> list[float]:
    """How long another client waits to be served, each time."""
    times = []
    for _ in range(count):
        start = monotonic()
        peer = associate()
        times.append(monotonic() - start)
        release(peer)
        peer.close()
    return times


HELLO = client_hello()
UNFINISHED = {"nothing": b"", "a byte": HELLO[:1], "half": HELLO[: len(HELLO) // 2], "a hello": HELLO}


def attack_handshakes(victim: Victim, said: bytes, size: int) -> None:
    port = victim.tell("tls_port")
    settings: dict[str, Any] = {"handshake_timeout": 60.0, "maximum_waiting_per_address": None}
    growth = size * 64 + (4 << 10)  # OpenSSL takes some, for one that has said hello
    with attack(victim, room=4, growth=growth, **settings) as attacker:
        usual = median(latencies(lambda: associate_with_tls(port), 5))
        with descriptors(size) as possible, crowd(port, possible, said) as members:
            # all of them have been accepted when the next one has
            busy = latencies(lambda: associate_with_tls(port), 7)
            plain = latencies(lambda: used(victim.port), 7)
            look = victim.look()
            assert look.descriptors >= attacker.before.descriptors + possible - LENT
            assert look.threads <= attacker.before.threads + 8
            per_one = (look.rss - attacker.before.rss) / possible
            print(f"\n{possible} handshakes: {per_one:.1f} kB each, {usual:.4f} s, then {median(busy):.4f} s")
            assert median(busy) < 3 * usual + LATENCY and median(plain) < LATENCY
            assert len(members) == possible
        attacker.await_freed()


def used(port: int) -> Raw:
    peer = connect_raw(port)
    peer.send(request())
    assert peer.receive_pdu()[:1] == b"\2"
    echo(peer)
    return peer


@pytest.mark.parametrize("said", UNFINISHED)
def test_t2_handshakes_that_stop(tls_victim: Victim, said: str) -> None:
    """They have no thread and do not hold up the others, neither on this port nor on another."""
    attack_handshakes(tls_victim, UNFINISHED[said], 100)


@pytest.mark.parametrize("said", UNFINISHED)
def test_t2_handshakes_end_by_their_deadline(tls_victim: Victim, said: str) -> None:
    port = tls_victim.tell("tls_port")
    with (
        attack(tls_victim, handshake_timeout=0.4) as attacker,
        crowd(port, 20, UNFINISHED[said]) as members,
    ):
        start = monotonic()
        for member in members:
            with suppress(ConnectionError):
                while member.recv(4096):  # our part of the handshake
                    pass
        assert monotonic() - start < 3
        attacker.await_freed()


def test_t2_handshake_a_byte_at_a_time(tls_victim: Victim) -> None:
    """The deadline is for all of it."""
    port = tls_victim.tell("tls_port")
    with attack(tls_victim, handshake_timeout=0.5) as attacker:
        with socket.create_connection(("127.0.0.1", port), timeout=0.05) as sock:
            start = monotonic()
            is_over = False
            for byte in HELLO:
                try:
                    sock.sendall(bytes([byte]))
                    is_over = sock.recv(1) == b""
                except TimeoutError:
                    continue
                except ConnectionError:
                    is_over = True
                if is_over:
                    break
            assert is_over and monotonic() - start < 3
        attacker.await_freed()


def test_r1_abort_of_our_requestor_during_the_tls_handshake(victim: Victim) -> None:
    """The peer does not answer a ClientHello: the handshake has a deadline of its own."""
    times: list[float] = []

    def script(peer: Raw) -> None:
        start = monotonic()
        assert peer.receive(1) == b"\x16"
        while peer.receive(4096):
            pass
        times.append(monotonic() - start)

    with attack(victim, as_requestor=True, handshake_timeout=0.4) as attacker:
        outcome = attacker.face(script, [], tls=True)
    assert not outcome["established"] and outcome["aborted"]
    assert outcome["error"][0] in ("ConnectionFailed", "TlsError") and times[0] < 3


def test_r1_abort_of_our_requestor_by_another_thread_during_the_tls_handshake(victim: Victim) -> None:
    times: list[float] = []

    def script(peer: Raw) -> None:
        assert peer.receive(1) == b"\x16"
        start = monotonic()
        assert Act(victim, "abort", "requestor").outcome()["error"] is None
        while peer.receive(4096):
            pass
        times.append(monotonic() - start)

    with attack(victim, as_requestor=True, handshake_timeout=15.0) as attacker, fake_acceptor(script) as port:
        outcome = victim.outcome(victim.start(port, [], tls=True))
        attacker.await_freed()
    assert not outcome["established"] and outcome["aborted"] and times[0] < 2


def test_r1_shutdown_during_tls_handshakes(tmp_path: Path, files: Files) -> None:
    victim = Victim(tmp_path, tls=[str(files.certificate), str(files.key)], handshake_timeout=60.0)
    try:
        with crowd(victim.tell("tls_port"), 50, HELLO[:100]) as members:
            wait_until(lambda: victim.look().descriptors > 50)
            aborted, seconds = victim.tell("shut_down")
            assert aborted == 0 and seconds < 3
            for member in members:
                with suppress(ConnectionError):
                    assert member.recv(1) == b""
        assert victim.look().fault_count == 0
    finally:
        victim.discard()


# --- T3 ---------------------------------------------------------------------------------------------------


def attack_idle(victim: Victim, said: bytes, size: int, per_one: int = MEMORY_OF_ONE) -> None:
    settings: dict[str, Any] = {"acse_timeout": 110.0, "maximum_waiting_per_address": None}
    growth = size * per_one + (4 << 10)
    with attack(victim, room=4, growth=growth, **settings) as attacker:
        usual = median(latencies(lambda: used(victim.port), 5))
        with descriptors(size) as possible, crowd(victim.port, possible, said):
            busy = latencies(lambda: used(victim.port), 7)
            attacker.bystander.keep_on()
            look = victim.look()
            assert look.descriptors >= attacker.before.descriptors + possible - LENT
            assert look.threads <= attacker.before.threads + 8
            each = (look.rss - attacker.before.rss) / possible
            print(f"\n{possible} connections: {each:.2f} kB each, {usual:.4f} s, then {median(busy):.4f} s")
            assert not COUNTS_MEMORY or each < per_one
            assert median(busy) < 3 * usual + LATENCY
        attacker.await_freed()


IDLE = {"nothing": b"", "a header": request()[:6], "all but a byte": request()[:-1]}


@pytest.mark.parametrize("said", IDLE)
def test_t3_idle_connections(victim: Victim, said: str) -> None:
    attack_idle(victim, IDLE[said], 1000 if said == "nothing" else 300)


def test_t3_idle_associations(victim: Victim) -> None:
    """Established ones have no thread, and hardly any memory; one more than may be is refused at once."""
    with attack(victim, room=40, growth=40 * MEMORY_OF_ONE + (4 << 10)) as attacker:
        peers = [attacker.associate() for _ in range(40)]
        start = monotonic()
        with connect_raw(victim.port) as refused:
            refused.send(request())
            assert refused.receive_pdu() == model.reject(2, 3, 2)
        assert monotonic() - start < LATENCY
        for peer in peers:
            release(peer)
        wait_until(lambda: victim.look().established == attacker.before.established)


def is_open(member: socket.socket) -> bool:
    member.setblocking(False)
    try:
        return member.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_t3_one_address_has_its_cap(victim: Victim) -> None:
    """Beyond it the one that has waited longest goes, and who asks for something is served."""
    with attack(victim, maximum_waiting_per_address=20, acse_timeout=60.0) as attacker:
        with crowd(victim.port, 100, b"") as members:
            peer = used(victim.port)
            # Some that a thread has just looked at come in a second time, and are the newest then.
            wait_until(lambda: sum(is_open(member) for member in members) <= 24)
            assert sum(is_open(member) for member in members) > 10
            assert victim.look().descriptors <= attacker.before.descriptors + 40
            release(peer)
            peer.close()
        attacker.await_freed()


# --- the full counts --------------------------------------------------------------------------------------


@soak
@long
def test_t2_a_thousand_handshakes(tls_victim: Victim) -> None:
    for said in UNFINISHED.values():
        attack_handshakes(tls_victim, said, 1000)


@soak
@long
def test_t3_ten_thousand_connections(victim: Victim) -> None:
    for said in IDLE.values():
        attack_idle(victim, said, 10_000)


@soak
@long
def test_t3_connections_that_come_and_go(victim: Victim) -> None:
    # What a hundred at once take is kept by the allocator; it does not become more with their number.
    with attack(victim, room=4, growth=16 << 10) as attacker:

        def work(number: int) -> None:
            with crowd(victim.port, 100, list(IDLE.values())[number % len(IDLE)]):
                pass

        repeat(work, 10_000, "crowds of 100 connections")
        attacker.await_freed()
