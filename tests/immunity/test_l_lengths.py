"""Group L: length fields that lie, and what they must not make us allocate.

Before an association (Sta2) what is wrong is answered by AA-1, an A-ABORT of the service user without a
reason; afterwards, and in our requestor (Sta5), by AA-8, an A-ABORT of the service provider with its reason
(PS3.8 Tables 9-9 and 9-10).
"""

from __future__ import annotations

from collections.abc import Iterator

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    ABORT_INVALID_PARAMETER,
    ASSOCIATE_LIMIT,
    OUR_MAXIMUM_LENGTH,
    Victim,
    attack,
    final_pdus,
    release,
    send_anyway,
)
from immunity.oracle import ACCEPTED
from immunity.probes import assert_answered, assert_message_is_answered, assert_requestor_copes
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    HEADER,
    IMPLICIT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    acceptance,
    data_set,
    store_command,
    store_rq,
)

# ---------------------------------------------------------------- L1, L2: PDUs

FIXED_LENGTH = 4

LIMITS = {
    1: ASSOCIATE_LIMIT,
    2: ASSOCIATE_LIMIT,
    3: FIXED_LENGTH,
    4: OUR_MAXIMUM_LENGTH,
    5: FIXED_LENGTH,
    6: FIXED_LENGTH,
    7: FIXED_LENGTH,
}
"""How long a PDU of each type may be without its header."""

TOO_LONG = [
    (pdu_type, length)
    for pdu_type, limit in LIMITS.items()
    for length in (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, limit + 1)
]

# Sent after the header, to be read and dropped: far more than `growth` allows to keep.
FILLING = bytes(1 << 20)
FILLINGS = 16


def header(pdu_type: int, length: int) -> bytes:
    return bytes([pdu_type, 0]) + length.to_bytes(4, "big")


def assert_aborted_at_the_header(peer: Raw, sent: bytes, answer: bytes) -> None:
    """The answer comes when six bytes have been sent; what is sent nevertheless goes nowhere."""
    peer.send(sent)
    assert peer.receive_pdu() == answer
    for _ in range(FILLINGS):
        send_anyway(peer, FILLING)
    assert final_pdus(peer) == []


@pytest.mark.parametrize(("pdu_type", "length"), TOO_LONG)
def test_l1_pdu_header_too_long_before_an_association(victim: Victim, pdu_type: int, length: int) -> None:
    with attack(victim) as attacker:
        assert_aborted_at_the_header(attacker.connect(), header(pdu_type, length), ABORT_BY_USER)


@pytest.mark.parametrize(("pdu_type", "length"), TOO_LONG)
def test_l1_pdu_header_too_long_within_an_association(victim: Victim, pdu_type: int, length: int) -> None:
    with attack(victim) as attacker:
        assert_aborted_at_the_header(attacker.associate(), header(pdu_type, length), ABORT_INVALID_PARAMETER)


@pytest.mark.parametrize(("pdu_type", "length"), TOO_LONG)
def test_l1_pdu_header_too_long_for_our_requestor(victim: Victim, pdu_type: int, length: int) -> None:
    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        assert_aborted_at_the_header(peer, header(pdu_type, length), ABORT_INVALID_PARAMETER)

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"])
    assert outcome["aborted"] and not outcome["established"]
    assert (outcome["source"], outcome["reason"]) == (2, 6)


def test_l1_many_of_them_at_once(victim: Victim) -> None:
    with attack(victim) as attacker:
        peers = [attacker.connect() for _ in range(50)]
        for peer in peers:
            peer.send(header(1, ASSOCIATE_LIMIT) + bytes(68))  # as long as may be, and never whole
        attacker.bystander.keep_on()
        for peer in peers:
            assert final_pdus(peer) == []


MAXIMUM_LENGTHS = [4096, OUR_MAXIMUM_LENGTH, 65536, 1 << 20]


@pytest.mark.parametrize("excess", ["by 1", "by 2", "twice", "2 GiB", "4 GiB"])
@pytest.mark.parametrize("maximum_length", MAXIMUM_LENGTHS)
def test_l2_p_data_tf_longer_than_our_maximum(victim: Victim, maximum_length: int, excess: str) -> None:
    lengths = {
        "by 1": maximum_length + 1,
        "by 2": maximum_length + 2,
        "twice": 2 * maximum_length,
        "2 GiB": 0x7FFFFFFF,
        "4 GiB": 0xFFFFFFFF,
    }
    with attack(victim, maximum_pdu_size=maximum_length) as attacker:
        peer = attacker.associate()
        assert_aborted_at_the_header(peer, header(4, lengths[excess]), ABORT_INVALID_PARAMETER)


def test_l2_p_data_tf_longer_than_our_maximum_in_a_data_set(victim: Victim) -> None:
    """Where fragments are received in place, the header that was predicted is looked at, too."""
    encoded = data_set(300_000)
    pdus = store_rq(encoded, maximum_length=OUR_MAXIMUM_LENGTH)
    for number in (1, 2, 10, len(pdus) - 1):
        with attack(victim) as attacker:
            peer = attacker.associate()
            longer = pdus[number] + b"\0"
            peer.send(*pdus[:number], longer[:2] + (OUR_MAXIMUM_LENGTH + 1).to_bytes(4, "big") + longer[6:])
            send_anyway(peer, *pdus[number:])
            assert final_pdus(peer) == [ABORT_INVALID_PARAMETER]
            assert attacker.stored() == []


@pytest.mark.parametrize("maximum_length", MAXIMUM_LENGTHS)
def test_l2_p_data_tf_as_long_as_our_maximum(victim: Victim, maximum_length: int) -> None:
    with attack(victim, maximum_pdu_size=maximum_length) as attacker:
        peer = attacker.associate()
        encoded = data_set(2 * maximum_length)
        pdus = store_rq(encoded, maximum_length=maximum_length)
        assert max(map(len, pdus)) == HEADER + maximum_length
        peer.send(*pdus)
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert [row[1] for row in attacker.stored()] == [len(encoded)]
        release(peer)


@pytest.mark.parametrize("maximum_length", [4096, 65536])
def test_l2_p_data_tf_longer_than_the_maximum_of_our_requestor(victim: Victim, maximum_length: int) -> None:
    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        peer.receive_message()
        assert_aborted_at_the_header(peer, header(4, maximum_length + 1), ABORT_INVALID_PARAMETER)

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"], max_pdu=maximum_length)
    assert outcome["did"] == ["no status"]
    assert (outcome["source"], outcome["reason"]) == (2, 6)


# ---------------------------------------------------------------- L3: every length field


def rich_items(pdu_type: int) -> list[bytes]:
    """The items of an A-ASSOCIATE-RQ (1) or -AC (2) with every sub-item that has a length in it."""
    uid = "1.2.840.10008.5.1.4.1.1.2"
    contexts = (
        [
            model.context_rq(ECHO_CONTEXT, VERIFICATION, [IMPLICIT]),
            model.context_rq(STORE_CONTEXT, CT, [IMPLICIT, "1.2.840.10008.1.2.1"]),
        ]
        if pdu_type == 1
        else [model.context_ac(ECHO_CONTEXT, 0, IMPLICIT), model.context_ac(STORE_CONTEXT, 0, IMPLICIT)]
    )
    information = [
        model.maximum_length(16384),
        model.implementation_class_uid("1.2.3"),
        model.implementation_version_name("MODEL"),
        model.asynchronous_operations(1, 1),
        model.role_selection(uid, 1, 0),
        model.extended(uid, b"\1\0\1"),
    ]
    if pdu_type == 1:
        information += [
            model.common_extended(uid, "1.2.840.10008.4.2", ["1.2.840.10008.5.1.4.1.1.88.22"]),
            model.user_identity(1, 0, b"user", b""),
        ]
    return [model.application_context(), *contexts, model.user_information(*information)]


def rich_pdu(pdu_type: int) -> bytes:
    pdu: bytes = model.associate(pdu_type, b"CALLED", b"CALLING", rich_items(pdu_type))
    return pdu


# The counted values within a sub-item: how far behind its header the first length is, and how many follow
# each other. The list of related general SOP classes of 0x57 is one more level.
INNER = {0x54: (0, 1), 0x56: (0, 1), 0x57: (0, 3), 0x58: (2, 2), 0x59: (0, 1)}


def inner_fields(pdu: bytes, item_type: int, start: int) -> Iterator[tuple[str, int]]:
    """Where the lengths within the sub-item are whose content starts at `start`."""
    skipped, count = INNER.get(item_type, (0, 0))
    at = start + skipped
    for number in range(count):
        yield f"value {number} of {item_type:02X}H", at
        if item_type == 0x57 and number == 2:
            yield "related class of 57H", at + 2
        at += 2 + int.from_bytes(pdu[at : at + 2], "big")


def length_fields(pdu: bytes) -> list[tuple[str, str, int, int]]:
    """Every length field of an A-ASSOCIATE PDU: level, name, offset, size."""
    found = [("PDU", "PDU", 2, 4)]
    at = HEADER + 68
    while at < len(pdu):
        item_type, length = pdu[at], int.from_bytes(pdu[at + 2 : at + 4], "big")
        found.append(("item", f"{item_type:02X}H at {at}", at + 2, 2))
        inner = at + 4 + (4 if item_type in (0x20, 0x21) else 0)
        while item_type != 0x10 and inner < at + 4 + length:
            sub_type = pdu[inner]
            found.append(("sub-item", f"{sub_type:02X}H at {inner}", inner + 2, 2))
            found += [("value", name, place, 2) for name, place in inner_fields(pdu, sub_type, inner + 4)]
            inner += 4 + int.from_bytes(pdu[inner + 2 : inner + 4], "big")
        at += 4 + length
    return found


def lies(pdu: bytes, at: int, size: int) -> Iterator[bytes]:
    """The PDU with other values in one length field."""
    true = int.from_bytes(pdu[at : at + size], "big")
    most = (1 << 8 * size) - 1
    for value in {true - 1, true + 1, 0, 1, most, most - 1, 0xFFFF, true + 256} - {true, -1}:
        yield pdu[:at] + value.to_bytes(size, "big") + pdu[at + size :]


LEVELS = ["PDU", "item", "sub-item", "value"]


@pytest.mark.parametrize("level", LEVELS)
def test_l3_each_length_field_of_a_request(victim: Victim, level: str) -> None:
    pdu = rich_pdu(1)
    fields = [(at, size) for each, _, at, size in length_fields(pdu) if each == level]
    assert fields
    with attack(victim) as attacker:
        assert assert_answered(attacker, pdu) == ACCEPTED
        answers = [assert_answered(attacker, lie) for at, size in fields for lie in lies(pdu, at, size)]
    assert answers.count(ACCEPTED) < len(answers) / 4  # a lie may make another PDU that is right


@pytest.mark.parametrize("level", LEVELS)
def test_l3_each_length_field_of_an_acceptance(victim: Victim, level: str) -> None:
    pdu = rich_pdu(2)
    fields = [(at, size) for each, _, at, size in length_fields(pdu) if each == level]
    assert fields
    with attack(victim, as_requestor=True) as attacker:
        for at, size in fields:
            for lie in lies(pdu, at, size):
                assert_requestor_copes(attacker, lie)


def command_lengths(command: bytes) -> list[int]:
    """Where the length fields of a command set are."""
    found, at = [], 0
    while at < len(command):
        found.append(at + 4)
        at += 8 + int.from_bytes(command[at + 4 : at + 8], "little")
    return found


def test_l3_each_length_field_of_p_data_tf(victim: Victim) -> None:
    pdus = model.p_data_tf([(STORE_CONTEXT, 3, store_command()), (STORE_CONTEXT, 2, data_set())])
    second = HEADER + 4 + int.from_bytes(pdus[HEADER : HEADER + 4], "big")
    with attack(victim) as attacker:
        for at in (2, HEADER, second):
            for lie in lies(pdus, at, 4):
                assert_message_is_answered(attacker, lie)


def test_l3_each_length_field_of_a_command_set(victim: Victim) -> None:
    command = store_command()
    with attack(victim) as attacker:
        for at in command_lengths(command):
            true = int.from_bytes(command[at : at + 4], "little")
            for value in {true - 1, true + 1, true + 2, 0, 1, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF} - {
                true
            }:
                lie = command[:at] + value.to_bytes(4, "little") + command[at + 4 :]
                pdvs = [(STORE_CONTEXT, 3, lie), (STORE_CONTEXT, 2, data_set())]
                assert_message_is_answered(attacker, model.p_data_tf(pdvs))
