"""Group E2: what TCP and the system do to a connection: resets, half-closes, signals, bytes one at a time."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    GROWTH,
    OUR_MAXIMUM_LENGTH,
    Attack,
    Victim,
    attack,
    echo,
    final_pdus,
    release,
    store,
)
from immunity.states import ACCEPTOR, REQUESTOR, names
from raw_peer import (
    STORE_CONTEXT,
    Raw,
    acceptance,
    data_set,
    echo_rq,
    request,
    response,
    store_command,
    store_rq,
)

# --- the connection breaks --------------------------------------------------------------------------------


def in_request(attacker: Attack) -> Raw:
    peer = attacker.connect()
    peer.send(request()[:50])
    return peer


def in_command_set(attacker: Attack) -> Raw:
    peer = attacker.associate()
    peer.send(model.p_data_tf([(STORE_CONTEXT, 1, store_command()[:30])]))
    return peer


def in_pdu(attacker: Attack) -> Raw:
    peer = attacker.associate()
    peer.send(echo_rq()[:20])
    return peer


def in_data_set(attacker: Attack) -> Raw:
    peer = attacker.associate()
    peer.send(*store_rq(data_set(100_000))[:3])
    return peer


def in_file(attacker: Attack) -> Raw:
    """More of it has come than is kept in memory."""
    peer = attacker.associate()
    peer.send(*store_rq(data_set(3 << 20))[:-1])
    return peer


def unanswered(attacker: Attack) -> Raw:
    """It has asked, and does not take the answer."""
    peer = attacker.associate()
    peer.send(echo_rq())
    return peer


BROKEN: dict[str, Callable[[Attack], Raw]] = {
    "Sta2": ACCEPTOR["Sta2"],
    "in a request": in_request,
    "Sta6": ACCEPTOR["Sta6"],
    "in a command set": in_command_set,
    "in a PDU": in_pdu,
    "in a data set": in_data_set,
    "in a file": in_file,
    "unanswered": unanswered,
    "Sta7": ACCEPTOR["Sta7"],
    "Sta10": ACCEPTOR["Sta10"],
    "Sta13rj": ACCEPTOR["Sta13rj"],
    "Sta13rp": ACCEPTOR["Sta13rp"],
    "Sta13ab": ACCEPTOR["Sta13ab"],
}


@pytest.mark.parametrize("sink", ["memory", "directory"])
def test_e2_reset_of_our_acceptor(victim: Victim, sink: str) -> None:
    """RST at any moment: what there was is over, and nothing is left of it."""
    settings = {"store_directory": str(victim.directory)} if sink == "directory" else {}
    with attack(victim, **settings) as attacker:
        for bring in BROKEN.values():
            bring(attacker).reset()
            attacker.await_freed()
        assert attacker.stored() == []
    for file in victim.directory.iterdir():
        file.unlink()  # that of the bystander


HALF_CLOSED = {"unanswered": "DATA", "Sta2": "-", "Sta10": "-"}


def test_e2_half_close_of_our_acceptor(victim: Victim) -> None:
    """FIN at any moment: what has been asked is answered, and that is all."""
    with attack(victim) as attacker:
        for case, bring in BROKEN.items():
            assert names(final_pdus(bring(attacker))) == HALF_CLOSED.get(case, "-"), case
            attacker.await_freed()
        assert attacker.stored() == []


@pytest.mark.parametrize("manner", ["RST", "FIN"])
def test_e2_our_requestor(victim: Victim, manner: str) -> None:
    growth = 48 << 10  # the object that our user sends
    with attack(victim, as_requestor=True, growth=growth, network_timeout=30.0) as attacker:
        for state, (bring, operations) in REQUESTOR.items():

            def script(peer: Raw, bring: Any = bring) -> None:
                bring(peer)
                if manner == "RST":
                    peer.reset()
                else:
                    peer.socket.shutdown(socket.SHUT_WR)

            outcome = attacker.face(script, operations)
            assert outcome["aborted"] and not outcome["released"], state
            assert outcome["did"] in ([], ["no status"]), state


def test_e2_reset_in_a_long_send(victim: Victim) -> None:
    """While the peer takes what we send, and the next write finds the connection gone."""

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        for _ in range(20):
            peer.receive_pdu()
        peer.reset()

    with attack(victim, as_requestor=True, growth=48 << 10) as attacker:
        outcome = attacker.face(script, ["store:8000000", "echo"])
    assert outcome["aborted"] and outcome["did"][0] == "no status"
    assert outcome["did"][1] != 0x0000


# --- signals ----------------------------------------------------------------------------------------------


@contextmanager
def stormy(victim: Victim) -> Iterator[None]:
    """All threads of the victim are interrupted all the time."""
    victim.tell("storm", is_on=True)
    yield
    assert victim.tell("storm", is_on=False) > 0


def test_e2_signals_while_our_acceptor_works(victim: Victim) -> None:
    """EINTR is no error, and no byte is lost to it."""
    encoded = data_set(200_000)
    with attack(victim) as attacker, stormy(victim):
        for _ in range(3):
            peer = attacker.associate()
            for i in range(1, 11):
                peer.send(*store_rq(encoded, i))
                assert peer.receive_message()[1][0x0900] == 0x0000
                echo(peer, i + 100)
            release(peer)
            attacker.await_freed()
        digest = hashlib.sha256(encoded).hexdigest()
        assert attacker.stored() == [("1.2.3.4", len(encoded), digest)] * 30


def test_e2_signals_while_our_requestor_works(victim: Victim) -> None:
    sent = data_set(2 << 20)
    received: list[bytes | None] = []

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        for _ in range(4):
            _, command, data = peer.receive_message()
            received.append(data)
            peer.send(response(command))
        release_of_the_peer(peer)

    with attack(victim, as_requestor=True, growth=32 << 10) as attacker, stormy(victim):
        outcome = attacker.face(script, [f"store:{2 << 20}", "echo"] * 2)
    assert outcome["did"] == [0x0000] * 4 and outcome["released"]
    assert received == [sent, None] * 2


def test_e2_signals_while_nothing_comes(victim: Victim) -> None:
    """A wait that is interrupted does not begin anew: timeouts are as long as ever."""
    with attack(victim, acse_timeout=0.4, dimse_timeout=0.4) as attacker, stormy(victim):
        assert attacker.connect().receive_all() == []
        assert in_command_set(attacker).receive_all() == [ABORT_BY_USER]
        attacker.await_freed()


def release_of_the_peer(peer: Raw) -> None:
    assert peer.receive_pdu() == model.release_rq()
    peer.send(model.release_rp())


# --- reads and writes that do little ----------------------------------------------------------------------


def test_e2_our_acceptor_gets_a_byte_at_a_time(victim: Victim) -> None:
    """A whole association, a segment a byte; the end of each PDU is not waited for."""
    with attack(victim) as attacker:
        peer = attacker.connect()
        for pdu in (request(), echo_rq(3), b"".join(store_rq(data_set(300), 4)), model.release_rq()):
            for i in range(len(pdu)):
                peer.send(pdu[i : i + 1])
            assert peer.receive_pdu()[:1] in (b"\2", b"\4", b"\6")
        assert [row[1] for row in attacker.stored()] == [len(data_set(300))]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_e2_the_peer_of_our_requestor_takes_little_at_a_time(victim: Victim, size: int) -> None:
    """Writes are partial, and what arrives is what was sent."""
    length = {1: 20_000, 7: 100_000, 4096: 6 << 20}[size]
    received: list[bytes | None] = []

    def script(peer: Raw) -> None:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        peer.receive_pdu()
        peer.send(acceptance())
        slow = Slow(peer.socket, size)
        _, command, data = slow.receive_message()
        received.append(data)
        peer.send(response(command))
        release_of_the_peer(peer)

    settings = {"growth": GROWTH + 6 * length // 1024, "network_timeout": 30.0, "dimse_timeout": 15.0}
    with attack(victim, as_requestor=True, **settings) as attacker:
        outcome = attacker.face(script, [f"store:{length}"])
    assert outcome["did"] == [0x0000] and outcome["released"]
    assert received == [data_set(length)]


class Slow(Raw):
    """A peer that takes so many bytes at a time."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        super().__init__(sock)
        self._size = size

    def receive(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            more = self.socket.recv(min(self._size, length - len(received)))
            if not more:
                break
            received += more
        return bytes(received)


def test_e2_the_peer_of_our_acceptor_takes_a_byte_at_a_time(victim: Victim) -> None:
    with attack(victim) as attacker:
        peer = attacker.associate()
        slow = Slow(peer.socket, 1)
        for i in range(1, 30):
            slow.send(echo_rq(i))
            assert slow.receive_message()[1][0x0120] == i
        store(peer, 40, length=3 * OUR_MAXIMUM_LENGTH)
        release(slow)
