"""Group S: what may be wrong with the items of A-ASSOCIATE-RQ and -AC.

A request that is no valid PDU is Evt19 in Sta2: AA-1, an A-ABORT of the service user. A valid one that is
refused gets A-ASSOCIATE-RJ with the values of PS3.8 Table 9-21, or is accepted with contexts that have a
result of Table 9-18. An acceptance that is no valid PDU is Evt19 in Sta5: AA-8, an A-ABORT of the service
provider.
"""

from __future__ import annotations

from collections.abc import Iterator

import model
import pytest
from immunity.harness import ABORT_BY_USER, Victim, attack, final_pdus, release
from immunity.oracle import ACCEPTED, APPLICATION_CONTEXT_NOT_SUPPORTED, NOTHING, Fate
from immunity.pdus import (
    ABSTRACT,
    CLASS,
    ECHO,
    ECHO_ACCEPTED,
    INFORMATION,
    MAXIMUM,
    NAME,
    STORE,
    TRANSFER,
    ac,
    context,
    rq,
)
from immunity.probes import (
    assert_ac,
    assert_answered,
    assert_message_is_answered,
    assert_requestor_copes,
    assert_rq,
)
from raw_peer import ECHO_CONTEXT, HEADER, IMPLICIT, echo_rq

# ---------------------------------------------------------------- S1

ALL_IDS = range(1, 256, 2)

S1_REQUESTS: dict[str, tuple[bytes, bytes]] = {
    "all 128 contexts": (rq(NAME, *(context(i, ABSTRACT, TRANSFER) for i in ALL_IDS), INFORMATION), ACCEPTED),
    "129 contexts": (
        rq(NAME, *(context(i, ABSTRACT, TRANSFER) for i in ALL_IDS), ECHO, INFORMATION),
        ABORT_BY_USER,
    ),
    "256 contexts": (
        rq(NAME, *(context(i, ABSTRACT, TRANSFER) for i in range(256)), INFORMATION),
        ABORT_BY_USER,
    ),
    **{
        f"context ID {i}": (rq(NAME, context(i, ABSTRACT, TRANSFER), INFORMATION), ABORT_BY_USER)
        for i in (0, 2, 128, 254)
    },
    "context ID 255": (rq(NAME, context(255, ABSTRACT, TRANSFER), INFORMATION), ACCEPTED),
    "an even context ID among odd ones": (
        rq(NAME, ECHO, context(4, ABSTRACT, TRANSFER), STORE, INFORMATION),
        ABORT_BY_USER,
    ),
    "a context twice": (rq(NAME, ECHO, ECHO, INFORMATION), ABORT_BY_USER),
    "a context ID twice": (
        rq(NAME, ECHO, context(ECHO_CONTEXT, ABSTRACT, TRANSFER), INFORMATION),
        ABORT_BY_USER,
    ),
    "no context": (rq(NAME, INFORMATION), ABORT_BY_USER),
    "a context without a transfer syntax": (rq(NAME, context(1, ABSTRACT), INFORMATION), ABORT_BY_USER),
    "a context without an abstract syntax": (rq(NAME, context(1, TRANSFER), INFORMATION), ABORT_BY_USER),
    "a context with two abstract syntaxes": (
        rq(NAME, context(1, ABSTRACT, ABSTRACT, TRANSFER), INFORMATION),
        ABORT_BY_USER,
    ),
    "an empty context": (rq(NAME, model.item(0x20, b""), INFORMATION), ABORT_BY_USER),
    "two application contexts": (rq(NAME, NAME, ECHO, INFORMATION), ABORT_BY_USER),
    "two application contexts, one wrong": (
        rq(NAME, ECHO, INFORMATION, model.application_context("1.2")),
        ABORT_BY_USER,
    ),
    "no application context": (rq(ECHO, INFORMATION), ABORT_BY_USER),
    "two user information items": (rq(NAME, ECHO, INFORMATION, INFORMATION), ABORT_BY_USER),
    "no user information": (rq(NAME, ECHO), ABORT_BY_USER),
    "empty user information": (rq(NAME, ECHO, model.item(0x50, b"")), ACCEPTED),
    "no items": (rq(b""), ABORT_BY_USER),
    "items in another order": (rq(INFORMATION, STORE, NAME, ECHO), ACCEPTED),
}


@pytest.mark.parametrize("case", S1_REQUESTS)
def test_s1_item_counts_and_ids_of_a_request(victim: Victim, case: str) -> None:
    assert_rq(victim, *S1_REQUESTS[case])


def test_s1_all_contexts_are_answered(victim: Victim) -> None:
    with attack(victim) as attacker:
        peer = attacker.connect()
        peer.send(S1_REQUESTS["all 128 contexts"][0])
        *_, items = model.read_associate(peer.receive_pdu())
        answers = [model.read_context_ac(content) for item_type, content in items if item_type == 0x21]
        assert answers == [(i, 0, IMPLICIT) for i in ALL_IDS]
        release(peer)


S1_ACCEPTANCES: dict[str, tuple[bytes, str]] = {
    "a context twice": (ac(NAME, ECHO_ACCEPTED, ECHO_ACCEPTED, INFORMATION), Fate.FAULTY),
    "a context ID twice": (ac(NAME, ECHO_ACCEPTED, model.context_ac(1, 3, None), INFORMATION), Fate.FAULTY),
    **{
        f"context ID {i}": (
            ac(NAME, ECHO_ACCEPTED, model.context_ac(i, 0, IMPLICIT), INFORMATION),
            Fate.FAULTY,
        )
        for i in (0, 2, 254)
    },
    "256 contexts": (
        ac(NAME, *(model.context_ac(i, 0, IMPLICIT) for i in range(256)), INFORMATION),
        Fate.FAULTY,
    ),
    "two application contexts": (ac(NAME, NAME, ECHO_ACCEPTED, INFORMATION), Fate.FAULTY),
    "no application context": (ac(ECHO_ACCEPTED, INFORMATION), Fate.FAULTY),
    "two user information items": (ac(NAME, ECHO_ACCEPTED, INFORMATION, INFORMATION), Fate.FAULTY),
    "no user information": (ac(NAME, ECHO_ACCEPTED), Fate.FAULTY),
    "no context": (ac(NAME, INFORMATION), Fate.UNUSABLE),
    "no items": (ac(), Fate.FAULTY),
    "items in another order": (ac(INFORMATION, ECHO_ACCEPTED, NAME), Fate.ESTABLISHED),
}


@pytest.mark.parametrize("case", S1_ACCEPTANCES)
def test_s1_item_counts_and_ids_of_an_acceptance(victim: Victim, case: str) -> None:
    assert_ac(victim, *S1_ACCEPTANCES[case])


# ---------------------------------------------------------------- S2


def longer(item: bytes, by: int) -> bytes:
    """The item with a length that is not its own."""
    length = int.from_bytes(item[2:4], "big") + by
    return item[:2] + length.to_bytes(2, "big") + item[4:]


S2_REQUESTS: dict[str, bytes] = {
    "the last item beyond the PDU": rq(NAME, ECHO, longer(INFORMATION, 1)),
    "the last item far beyond the PDU": rq(NAME, ECHO, INFORMATION[:2] + b"\xff\xff" + INFORMATION[4:]),
    "the first item beyond the PDU": rq(NAME[:2] + b"\xff\xff" + NAME[4:], ECHO, INFORMATION),
    "an abstract syntax beyond its context": rq(NAME, context(1, TRANSFER, longer(ABSTRACT, 1)), INFORMATION),
    "a transfer syntax beyond its context": rq(
        NAME, context(1, ABSTRACT, longer(TRANSFER, 200)), INFORMATION
    ),
    "a context shorter than its children": rq(NAME, longer(context(1, ABSTRACT, TRANSFER), -1), INFORMATION),
    "a context shorter than its head": rq(NAME, model.item(0x20, b"\1\0\0"), INFORMATION),
    "a sub-item beyond the user information": rq(NAME, ECHO, model.item(0x50, MAXIMUM + longer(CLASS, 1))),
    "user information shorter than its children": rq(NAME, ECHO, longer(INFORMATION, -1)),
    "user information shorter than a sub-item's header": rq(
        NAME, ECHO, model.item(0x50, MAXIMUM + b"\x52\0\0")
    ),
    **{
        f"{count} bytes behind the {where}": sent
        for count in (1, 2, 3)
        for where, sent in {
            "items": rq(NAME, ECHO, INFORMATION, bytes(count)),
            "transfer syntax": rq(NAME, context(1, ABSTRACT, TRANSFER, bytes(count)), INFORMATION),
            "sub-items": rq(NAME, ECHO, model.item(0x50, MAXIMUM + CLASS + bytes(count))),
        }.items()
    },
    "a PDU shorter than its items": model.pdu(1, rq()[HEADER:-1]),
    "a PDU that ends between items": model.pdu(1, rq()[HEADER : -len(INFORMATION)]),
    **{
        f"a PDU of {count} bytes": model.pdu(1, rq()[HEADER : HEADER + count])
        for count in (0, 1, 4, 67, 68, 70)
    },
}


@pytest.mark.parametrize("case", S2_REQUESTS)
def test_s2_items_do_not_fit_into_each_other(victim: Victim, case: str) -> None:
    assert_rq(victim, S2_REQUESTS[case], ABORT_BY_USER)


def test_s2_garbage_behind_the_request(victim: Victim) -> None:
    """It is the beginning of a PDU of no known type, which comes too late to keep the association away."""
    with attack(victim) as attacker:
        peer = attacker.connect()
        peer.send(rq(), b"\x99" * 10)
        answers = final_pdus(peer)
        assert [answer[:1] for answer in answers] == [ACCEPTED, b"\7"]
        assert answers[1] == model.abort(2, 1)


S2_ACCEPTANCES: dict[str, bytes] = {
    "the last item beyond the PDU": ac(NAME, ECHO_ACCEPTED, longer(INFORMATION, 1)),
    "a transfer syntax beyond its context": ac(
        NAME, context(1, longer(TRANSFER, 1), item_type=0x21), INFORMATION
    ),
    "a context shorter than its child": ac(NAME, longer(ECHO_ACCEPTED, -1), INFORMATION),
    "a context shorter than its head": ac(NAME, model.item(0x21, b"\1\0\0"), INFORMATION),
    "a sub-item beyond the user information": ac(NAME, ECHO_ACCEPTED, model.item(0x50, longer(MAXIMUM, 1))),
    "bytes behind the items": ac(NAME, ECHO_ACCEPTED, INFORMATION, b"\0\0"),
    "bytes behind the transfer syntax": ac(NAME, context(1, TRANSFER, b"\0", item_type=0x21), INFORMATION),
}


@pytest.mark.parametrize("case", S2_ACCEPTANCES)
def test_s2_items_of_an_acceptance_do_not_fit_into_each_other(victim: Victim, case: str) -> None:
    assert_ac(victim, S2_ACCEPTANCES[case], Fate.FAULTY)


# ---------------------------------------------------------------- S3

COUNTED = b"\0\x03" + b"1.2"
BEYOND = b"\0\x04" + b"1.2"
FAR_BEYOND = b"\xff\xff" + b"1.2"

# The contents of sub-items of which an inner length, or the sub-item itself, is wrong.
INNER: dict[str, tuple[int, bytes]] = {
    "51H of 3 bytes": (0x51, bytes(3)),
    "51H of 5 bytes": (0x51, bytes(5)),
    "51H, empty": (0x51, b""),
    "53H of 2 bytes": (0x53, bytes(2)),
    "53H of 5 bytes": (0x53, bytes(5)),
    "54H, empty": (0x54, b""),
    "54H, half a length": (0x54, b"\0"),
    "54H, UID beyond": (0x54, BEYOND),
    "54H, UID takes the roles": (0x54, b"\0\x05" + b"1.2\1\0"),
    "54H, UID far beyond": (0x54, FAR_BEYOND + b"\1\0"),
    "54H, one role": (0x54, COUNTED + b"\1"),
    "54H, three roles": (0x54, COUNTED + b"\1\0\0"),
    "56H, empty": (0x56, b""),
    "56H, half a length": (0x56, b"\0"),
    "56H, UID beyond": (0x56, BEYOND),
    "56H, UID far beyond": (0x56, FAR_BEYOND),
    "57H, empty": (0x57, b""),
    "57H, SOP class beyond": (0x57, BEYOND),
    "57H, service class beyond": (0x57, COUNTED + BEYOND),
    "57H, no service class": (0x57, COUNTED),
    "57H, no related classes": (0x57, COUNTED * 2),
    "57H, related classes beyond": (0x57, COUNTED * 2 + b"\0\6" + COUNTED),
    "57H, related classes far beyond": (0x57, COUNTED * 2 + b"\xff\xff" + COUNTED),
    "57H, a related class beyond": (0x57, COUNTED * 2 + b"\0\5" + BEYOND),
    "57H, half a length of a related class": (0x57, COUNTED * 2 + b"\0\6" + COUNTED + b"\0"),
    "58H, empty": (0x58, b""),
    "58H, only a type": (0x58, b"\1"),
    "58H, no fields": (0x58, b"\1\0"),
    "58H, primary field beyond": (0x58, b"\1\0" + BEYOND),
    "58H, primary field takes the secondary": (0x58, b"\2\0\0\x08" + b"1.2" + COUNTED),
    "58H, primary field far beyond": (0x58, b"\2\0" + FAR_BEYOND + COUNTED),
    "58H, no secondary field": (0x58, b"\2\0" + COUNTED),
    "58H, secondary field beyond": (0x58, b"\2\0" + COUNTED + BEYOND),
    "58H, more behind": (0x58, b"\2\0" + COUNTED * 2 + b"\0"),
    "59H, empty": (0x59, b""),
    "59H, response beyond": (0x59, BEYOND),
    "59H, more behind": (0x59, COUNTED + b"\0"),
}


@pytest.mark.parametrize("case", INNER)
def test_s3_inner_lengths_of_a_request(victim: Victim, case: str) -> None:
    assert_rq(
        victim, rq(NAME, ECHO, model.item(0x50, MAXIMUM + CLASS + model.item(*INNER[case]))), ABORT_BY_USER
    )


@pytest.mark.parametrize("case", INNER)
def test_s3_inner_lengths_of_an_acceptance(victim: Victim, case: str) -> None:
    sub_items = MAXIMUM + CLASS + model.item(*INNER[case])
    assert_ac(victim, ac(NAME, ECHO_ACCEPTED, model.item(0x50, sub_items)), Fate.FAULTY)


# ---------------------------------------------------------------- S4


def with_true_length(pdu: bytes, length: int) -> bytes:
    """The PDU cut to so many bytes, its own length field being right."""
    cut: bytes = model.pdu(pdu[0], pdu[HEADER:length])
    return cut


def corrupted(pdu: bytes, mask: int) -> Iterator[bytes]:
    """The PDU with one byte changed, for each byte."""
    for at in range(len(pdu)):
        yield pdu[:at] + bytes([pdu[at] ^ mask]) + pdu[at + 1 :]


MASKS = [0x01, 0x80, 0xFF]
SMALL_RQ = rq(NAME, ECHO, INFORMATION)
SMALL_AC = ac(NAME, ECHO_ACCEPTED, INFORMATION)


def test_s4_request_cut_at_every_offset(victim: Victim) -> None:
    with attack(victim) as attacker:
        for length in range(len(SMALL_RQ)):
            assert assert_answered(attacker, SMALL_RQ[:length]) == NOTHING


def test_s4_request_that_ends_at_every_offset(victim: Victim) -> None:
    with attack(victim) as attacker:
        for length in range(HEADER, len(SMALL_RQ)):
            assert assert_answered(attacker, with_true_length(SMALL_RQ, length)) == ABORT_BY_USER


@pytest.mark.parametrize("mask", MASKS)
def test_s4_request_corrupted_at_every_offset(victim: Victim, mask: int) -> None:
    with attack(victim) as attacker:
        answers = {assert_answered(attacker, sent) for sent in corrupted(SMALL_RQ, mask)}
    assert {ACCEPTED, ABORT_BY_USER, NOTHING, APPLICATION_CONTEXT_NOT_SUPPORTED} - answers == set()


def test_s4_acceptance_cut_or_ending_at_every_offset(victim: Victim) -> None:
    with attack(victim, as_requestor=True) as attacker:
        for length in range(HEADER, len(SMALL_AC)):
            assert assert_requestor_copes(attacker, with_true_length(SMALL_AC, length)) == Fate.FAULTY
        for length in (0, 1, 5, 6, 7, 73, 74, 80, len(SMALL_AC) - 1):
            assert assert_requestor_copes(attacker, SMALL_AC[:length]) == Fate.OVER


def test_s4_acceptance_corrupted_at_every_offset(victim: Victim) -> None:
    with attack(victim, as_requestor=True) as attacker:
        fates = {assert_requestor_copes(attacker, sent) for sent in corrupted(SMALL_AC, 0xFF)}
    assert {Fate.ESTABLISHED, Fate.FAULTY, Fate.UNUSABLE} <= fates


@pytest.mark.parametrize("mask", MASKS)
def test_s4_message_corrupted_at_every_offset(victim: Victim, mask: int) -> None:
    with attack(victim) as attacker:
        for sent in corrupted(echo_rq(), mask):
            assert_message_is_answered(attacker, sent)


def test_s4_message_cut_at_every_offset(victim: Victim) -> None:
    with attack(victim) as attacker:
        for length in range(len(echo_rq())):
            with attacker.associate() as peer:
                peer.send(echo_rq()[:length])
                assert final_pdus(peer) == []
            attacker.await_freed()
