"""Group L, continued: lengths that are true and must not hurt either, and where the network cuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    ASSOCIATE_LIMIT,
    COUNTS_MEMORY,
    IMMEDIATELY,
    Victim,
    attack,
    final_pdus,
    release,
    send_anyway,
)
from immunity.oracle import ACCEPTED
from raw_peer import CT, HEADER, IMPLICIT, Raw, acceptance, data_set, echo_rq, request, response, store_rq

# ---------------------------------------------------------------- L4: the peer's maximum length

PEER_MAXIMUM_LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 99, 16383, 2**31 - 1, 2**31, 2**32 - 1]


def check_fragments(pdus: list[bytes], maximum_length: int) -> None:
    """PS3.8 D.1: no PDU is longer than the peer takes; E.1: fragments are of even length."""
    if maximum_length:
        assert max(map(len, pdus)) <= HEADER + maximum_length
    fragments = [fragment for pdu in pdus for _, _, fragment in model.read_p_data_tf(pdu)]
    assert all(fragments)
    assert {len(fragment) % 2 for fragment in fragments} == {0}


@pytest.mark.parametrize("maximum_length", PEER_MAXIMUM_LENGTHS)
def test_l4_acceptor_answers_within_the_maximum_length_of_the_peer(
    victim: Victim, maximum_length: int
) -> None:
    with attack(victim) as attacker:
        peer = attacker.associate(maximum_length=maximum_length)
        for number, sent in ((5, [echo_rq(5)]), (6, store_rq(data_set(), 6))):
            peer.send(*sent)
            if 0 < maximum_length < 8:  # no room for a PDV header and two bytes
                assert final_pdus(peer) == [ABORT_BY_USER]
                return
            answers = receive_fragments(peer)
            check_fragments(answers, maximum_length)
            ((_, command, _),) = model.read_messages(answers)
            status = model.read_command_set(command)
            assert (status[0x0120], status[0x0900]) == (number, 0x0000)
        release(peer)


def receive_fragments(peer: Raw) -> list[bytes]:
    """Receive the PDUs of one command set."""
    pdus = [peer.receive_pdu()]
    while pdus[-1][:1] == b"\4" and not model.read_p_data_tf(pdus[-1])[-1][1] & 2:
        pdus.append(peer.receive_pdu())
    return pdus


@pytest.mark.parametrize("maximum_length", PEER_MAXIMUM_LENGTHS)
def test_l4_requestor_sends_within_the_maximum_length_of_the_peer(
    victim: Victim, maximum_length: int
) -> None:
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance(maximum_length=maximum_length))
        while True:
            heard.append(peer.receive_pdu())
            if heard[-1][:1] != b"\4":
                break
            if model.read_p_data_tf(heard[-1])[-1][1] == 2:
                ((_, command, encoded),) = model.read_messages(heard)
                assert encoded == data_set(1000)
                peer.send(response(model.read_command_set(command)))
        peer.send(model.release_rp())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["store:1000"])
    assert outcome["released"]
    assert heard.pop() == model.release_rq()
    if 0 < maximum_length < 8:
        assert outcome["did"][0].startswith("ValueError") and f" {maximum_length}" in outcome["did"][0]
        assert heard == []
        return
    assert outcome["did"] == [0x0000]
    check_fragments(heard, maximum_length)


# ---------------------------------------------------------------- L5: as many items as fit


def filled(item_type: int, content: bytes, limit: int = 0xFFFF) -> bytes:
    """One item, repeated until the limit."""
    item: bytes = model.item(item_type, content)
    return item * (limit // len(item))


def crowd(*items: bytes) -> bytes:
    pdu: bytes = model.associate(1, b"CALLED", b"CALLING", items)
    return pdu


def distinct_syntaxes(context_id: int) -> bytes:
    """As many transfer syntaxes as one context holds, each another one."""
    return b"".join(model.item(0x40, b"%03d%05d" % (context_id, number)) for number in range(5400))


ABSTRACT = model.item(0x30, CT.encode())
CONTEXTS = b"".join(model.context_rq(each, CT, [IMPLICIT]) for each in range(1, 256, 2))
INFORMATION = model.user_information(model.maximum_length(16384), model.implementation_class_uid("1.2.3"))
ROOM = ASSOCIATE_LIMIT - 68 - 3000


def context_of(context_id: int, items: bytes) -> bytes:
    item: bytes = model.item(0x20, bytes([context_id, 0, 0, 0]) + items)
    return item


ONE = model.context_rq(1, CT, [IMPLICIT])
NAME = model.application_context()
LARGE_INFORMATION = model.item(0x50, model.item(0x56, b"\0\x011" + bytes(0xFE00)))

# What is sent, and the answer.
CROWDS: dict[str, tuple[bytes, bytes]] = {
    "10,000 contexts": (crowd(NAME, ONE * 10_000, INFORMATION), ABORT_BY_USER),
    "all 128 contexts": (crowd(NAME, CONTEXTS, INFORMATION), ACCEPTED),
    "one context more": (crowd(NAME, CONTEXTS, ONE, INFORMATION), ABORT_BY_USER),
    "16 k transfer syntaxes in a context": (
        crowd(NAME, context_of(1, ABSTRACT + filled(0x40, b"", 0xFF00)), INFORMATION),
        ACCEPTED,
    ),
    "more than 64 k transfer syntaxes": (
        crowd(
            NAME,
            *(context_of(each, ABSTRACT + distinct_syntaxes(each)) for each in range(1, 30, 2)),
            INFORMATION,
        ),
        ACCEPTED,
    ),
    "13 k abstract syntaxes in a context": (
        crowd(NAME, context_of(1, filled(0x30, b"1", 0xFF00)), INFORMATION),
        ABORT_BY_USER,
    ),
    "250 k unknown items": (crowd(NAME, ONE, INFORMATION, filled(0x99, b"", ROOM)), ACCEPTED),
    "250 k unknown items that do not end": (
        crowd(NAME, ONE, INFORMATION, filled(0x99, b"", ROOM), b"\x99\0\0\1"),
        ABORT_BY_USER,
    ),
    "150 k application contexts": (crowd(filled(0x10, b"1.2", ROOM), ONE, INFORMATION), ABORT_BY_USER),
    "250 k user information items": (crowd(NAME, ONE, filled(0x50, b"", ROOM)), ABORT_BY_USER),
    **{
        f"user information full of {item_type:02X}H": (
            crowd(
                NAME, ONE, model.item(0x50, model.maximum_length(16384) + filled(item_type, content, 0xFF00))
            ),
            ACCEPTED,
        )
        for item_type, content in {
            0x51: bytes(4),
            0x52: b"",
            0x53: bytes(4),
            0x54: b"\0\x011\1\1",
            0x55: b"",
            0x56: b"\0\x011",
            0x57: bytes(6),
            0x99: b"",
        }.items()
    },
    "1 MiB of user information": (crowd(NAME, ONE, LARGE_INFORMATION * 16), ABORT_BY_USER),
    "more than 1 MiB of user information": (crowd(NAME, ONE, LARGE_INFORMATION * 17), ABORT_BY_USER),
}

CROWD_GROWTH = 20 << 10
"""What the longest A-ASSOCIATE-RQ may cost while it is looked at, in kB: 20 times its own length."""


@pytest.mark.parametrize("case", CROWDS)
def test_l5_crowds_of_items(victim: Victim, case: str) -> None:
    sent, expected = CROWDS[case]
    with attack(victim, growth=CROWD_GROWTH) as attacker:
        peer = attacker.connect()
        send_anyway(peer, sent)
        answers = final_pdus(peer)
        assert [answer[:1] if answer[:1] == ACCEPTED else answer for answer in answers] == [expected]
    assert attacker.bystander.slowest < IMMEDIATELY


# ---------------------------------------------------------------- L6: where the network cuts


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 13, 4096, 1 << 20])
@pytest.mark.parametrize("settings", [{}, {"is_observed": True}], ids=["", "observed"])
def test_l6_acceptor_and_the_cuts_of_the_network(
    victims: Callable[..., Victim], size: int, settings: dict[str, Any]
) -> None:
    encoded = data_set(1000)
    with attack(victims(**settings)) as attacker:
        peer = attacker.connect()
        send_in_pieces(peer, request(), size)
        assert peer.receive_pdu()[:1] == ACCEPTED
        for number in range(4):
            sent = store_rq(encoded, number, 300) if number % 2 else [echo_rq(number)]
            send_in_pieces(peer, b"".join(sent), size)
            status = peer.receive_message()[1]
            assert (status[0x0120], status[0x0900]) == (number, 0x0000)
        send_in_pieces(peer, model.release_rq(), size)
        assert peer.receive_pdu() == model.release_rp()
        assert [row[:2] for row in attacker.stored()] == [("1.2.3.4", len(encoded))] * 2


def send_in_pieces(peer: Raw, sent: bytes, size: int) -> None:
    for start in range(0, len(sent), size):
        peer.send(sent[start : start + size])


@pytest.mark.parametrize("count", [64, 1000])
@pytest.mark.parametrize("settings", [{}, {"is_observed": True}], ids=["", "observed"])
def test_l6_many_pdus_in_one_segment(
    victims: Callable[..., Victim], count: int, settings: dict[str, Any]
) -> None:
    encoded = data_set(count * 20)
    pdus = store_rq(encoded, 7, 26)  # 20 bytes of data in each
    assert len(pdus) > count
    with attack(victims(**settings)) as attacker:
        peer = attacker.associate()
        peer.send(b"".join(pdus))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert [row[:2] for row in attacker.stored()] == [("1.2.3.4", len(encoded))]
        release(peer)


def test_l6_pdus_of_all_kinds_in_one_segment(victim: Victim) -> None:
    """The last message and the release in one piece."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(b"".join([*store_rq(data_set(), 7), model.release_rq()]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert final_pdus(peer) == [model.release_rp()]


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
def test_l6_requestor_and_the_cuts_of_the_network(victim: Victim, size: int) -> None:
    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        send_in_pieces(peer, acceptance(), size)
        for _ in range(3):
            send_in_pieces(peer, response(peer.receive_message()[1]), size)
        assert peer.receive_pdu() == model.release_rq()
        send_in_pieces(peer, model.release_rp(), size)

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo", "store:1000", "echo"])
    assert outcome["did"] == [0, 0, 0]
    assert outcome["released"]


@pytest.mark.skipif(not COUNTS_MEMORY, reason="AddressSanitizer keeps what was freed")
def test_the_memory_check_sees_what_is_taken(victim: Victim) -> None:
    """The bound that these tests rely on is one: when 20 MB may be kept, it is exceeded."""

    def store_much() -> None:
        with attack(victim, memory_limit=64 << 20) as attacker:
            peer = attacker.associate()
            peer.send(*store_rq(data_set(20_000_000)))
            assert peer.receive_message()[1][0x0900] == 0x0000

    with pytest.raises(AssertionError, match="resident set grew"):
        store_much()
