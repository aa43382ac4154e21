"""Groups R2 and M1: connections without number, each of which comes to nothing.

The usual test does some hundred of each; `make soak` as many as fit into SOAK_SECONDS, of a million.
"""

from __future__ import annotations

from collections.abc import Callable

import model
import pytest
from immunity.harness import COUNTS_MEMORY, Attack, Victim, attack, final_pdus, send_anyway
from immunity.soak import long, repeat, soak
from immunity.states import INVALID_PDU, UNKNOWN_PDU
from raw_peer import (
    CT,
    IMPLICIT,
    STORE_CONTEXT,
    Raw,
    connect_raw,
    data_set,
    echo_rq,
    request,
    store_command,
    store_rq,
    user_information,
)
from servers import wait_until

MILLION = 1_000_000

SPARE = 1 << 10
"""What the victim may take beyond what it had after the first rounds, in kB, however many follow."""


def accepted(port: int) -> Raw:
    peer = connect_raw(port)
    peer.send(request())
    assert peer.receive_pdu()[:1] == b"\2"
    return peer


def nothing(port: int) -> Raw:
    return connect_raw(port)


def begun(port: int) -> Raw:
    peer = connect_raw(port)
    peer.send(request()[:60])
    return peer


def asked(port: int) -> Raw:
    peer = connect_raw(port)
    peer.send(request())
    return peer


def aborted(port: int) -> Raw:
    peer = accepted(port)
    peer.send(model.abort(0, 0))
    return peer


def in_a_message(port: int) -> Raw:
    peer = accepted(port)
    peer.send(model.p_data_tf([(STORE_CONTEXT, 1, store_command()[:20])]))
    return peer


def in_a_data_set(port: int) -> Raw:
    peer = accepted(port)
    peer.send(*store_rq(data_set(40_000))[:2])
    return peer


def unanswered(port: int) -> Raw:
    peer = accepted(port)
    peer.send(echo_rq())
    return peer


ABORTED: dict[str, Callable[[int], Raw]] = {
    "nothing": nothing,
    "begun": begun,
    "asked": asked,
    "accepted": accepted,
    "aborted": aborted,
    "in a message": in_a_message,
    "in a data set": in_a_data_set,
    "unanswered": unanswered,
}

PRIVATE = [
    model.application_context(),
    model.context_rq(1, "1.2.3.4", [IMPLICIT]),
    model.context_rq(3, CT, ["1.2.3.4"]),
    user_information(),
]

REJECTED: dict[str, bytes] = {
    "its version": request(version=2),
    "its application context": request(application_context="1.2.3"),
    "no context": model.associate(1, b"CALLED", b"CALLING", PRIVATE),
    "its items": request(extra=b"\x20\0\0\4\2\0\0\0"),
    "its lengths": request()[:-4] + b"\0\xff\xff\xff",
    "an unknown PDU": UNKNOWN_PDU,
    "an invalid PDU": INVALID_PDU,
    "P-DATA-TF": echo_rq(),
    "a long PDU": b"\1\0\xff\xff\xff\xff",
}


def assert_flat(
    attacker: Attack, work: Callable[[int], object], count: int, what: str, **options: float
) -> None:
    """Do something often: after the first rounds nothing grows any more."""
    for i in range(count // 5 if count < MILLION else 2000):
        work(i)
    attacker.await_freed()
    before = attacker.victim.mark()
    repeat(work, count, what, **options)
    attacker.await_freed()
    wait_until(lambda: attacker.victim.look().descriptors <= before.descriptors, "descriptors are freed")
    now = attacker.victim.mark()
    assert now.threads <= before.threads + 8
    assert now.files == before.files
    if COUNTS_MEMORY:
        assert now.rss - before.rss <= SPARE, f"{now.rss - before.rss} kB"


def break_off(port: int, number: int) -> None:
    """Connect, come to a point, and go, by RST or by FIN."""
    point = list(ABORTED.values())[number % len(ABORTED)]
    peer = point(port)
    if number // len(ABORTED) % 2:
        peer.reset()
    else:
        peer.close()


def be_rejected(port: int, number: int) -> None:
    """Connect and ask for what cannot be, and hear that."""
    with connect_raw(port) as peer:
        send_anyway(peer, list(REJECTED.values())[number % len(REJECTED)])
        final_pdus(peer)


@pytest.mark.parametrize("point", ABORTED)
def test_r2_connect_and_go(victim: Victim, point: str) -> None:
    with attack(victim, room=50) as attacker:

        def work(number: int) -> None:
            peer = ABORTED[point](victim.port)
            if number % 2:
                peer.reset()
            else:
                peer.close()

        assert_flat(attacker, work, 60, "connections")


def test_r2_the_peer_aborts_our_requestor(victim: Victim) -> None:
    """As requestor: associations that the acceptor aborts at once, cuts off or refuses."""
    answers = [model.abort(0, 0), model.abort(2, 1), model.reject(1, 1, 1), b"", request()]
    with attack(victim, as_requestor=True) as attacker:

        def work(number: int) -> None:
            def script(peer: Raw) -> None:
                peer.receive_pdu()
                send_anyway(peer, answers[number % len(answers)])
                if number % 2:
                    peer.reset()
                else:
                    final_pdus(peer)

            assert not attacker.face(script, [])["established"]

        assert_flat(attacker, work, 40, "requests")


@pytest.mark.parametrize("why", REJECTED)
def test_m1_rejected(victim: Victim, why: str) -> None:
    with attack(victim, room=50) as attacker:

        def work(number: int) -> None:
            with connect_raw(victim.port) as peer:
                send_anyway(peer, REJECTED[why])
                final_pdus(peer)

        assert_flat(attacker, work, 50, "requests")


def test_m1_rejected_as_there_are_too_many(victim: Victim) -> None:
    """PS3.8 9.3.4: local limit exceeded, transient; as often as it is tried."""
    with attack(victim) as attacker:
        with attacker.associate():

            def work(number: int) -> None:
                with connect_raw(victim.port) as peer:
                    peer.send(request())
                    assert peer.receive_pdu() == model.reject(2, 3, 2)

            for i in range(100):
                work(i)
            assert victim.look().threads <= attacker.before.threads + 8
        wait_until(lambda: victim.look().established == attacker.before.established)


def test_m1_rejected_for_its_title(victim: Victim) -> None:
    """Each with another calling AE title: what is counted for each is forgotten."""
    with attack(victim, room=50) as attacker, victim.set(require_called_aet=True):

        def work(number: int) -> None:
            with connect_raw(victim.port) as peer:
                peer.send(request(calling=f"T{number}".encode()))
                assert peer.receive_pdu() == model.reject(1, 1, 7)

        assert_flat(attacker, work, 60, "requests")


def test_m1_titles_without_number(victim: Victim) -> None:
    """The same for those who are accepted."""
    with attack(victim, room=50) as attacker:

        def work(number: int) -> None:
            with connect_raw(victim.port) as peer:
                peer.send(request(calling=f"T{number}".encode()) + model.release_rq())
                assert len(final_pdus(peer)) == 2

        assert_flat(attacker, work, 60, "associations")


@soak
@long
def test_r2_a_million_connections(victim: Victim) -> None:
    with attack(victim, room=500) as attacker:
        assert_flat(
            attacker, lambda number: break_off(victim.port, number), MILLION, "connections broken off"
        )


@soak
@long
def test_m1_a_million_rejections(victim: Victim) -> None:
    with attack(victim, room=500) as attacker:
        assert_flat(attacker, lambda number: be_rejected(victim.port, number), MILLION, "requests rejected")
