"""Group S, continued: values that make no sense in items that are well formed, and items nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_INVALID_PARAMETER,
    ABORT_UNEXPECTED_PARAMETER,
    Attack,
    Victim,
    attack,
    echo,
    final_pdus,
    release,
)
from immunity.oracle import ACCEPTED, APPLICATION_CONTEXT_NOT_SUPPORTED, VERSION_NOT_SUPPORTED, Fate
from immunity.pdus import (
    ABSTRACT,
    CLASS,
    ECHO,
    ECHO_ACCEPTED,
    INFORMATION,
    MAXIMUM,
    NAME,
    STORE,
    STORE_ACCEPTED,
    TRANSFER,
    ac,
    context,
    rq,
)
from immunity.probes import assert_ac, assert_rq
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    IMPLICIT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    acceptance,
    request,
    response,
)

# ---------------------------------------------------------------- S5

TITLES = {
    "NUL": b"A\0B",
    "all NUL": bytes(16),
    "NUL at the end": b"AB\0\0",
    "a format": b"%n%n%s%x%p%d",
    "80 to 8F": bytes(range(0x80, 0x90)),
    "F0 to FF": bytes(range(0xF0, 0x100)),
    "control characters": bytes(range(1, 17)),
    "new line and escape": b"A\r\n\x1b[31mB",
    "all spaces": b"                ",
    "leading spaces": b"    A",
    "backslash": b"A\\B",
    "a path": b"../../../../etc/",
}


@pytest.mark.parametrize("title", TITLES)
def test_s5_ae_titles(victim: Victim, title: str) -> None:
    """Where any title is let in a strange one is, too; it comes back as it came (PS3.8 Table 9-17)."""
    sent = TITLES[title]
    with attack(victim) as attacker:
        peer = attacker.connect()
        peer.send(rq(called=sent, calling=sent))
        pdu_type, _, called, calling, _ = model.read_associate(peer.receive_pdu())
        assert pdu_type == 2
        assert called == calling == sent.rstrip(b" \0").ljust(16)  # NUL is no padding that the standard has
        echo(peer)
        release(peer)


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("whose", ["called", "calling"])
def test_s5_ae_titles_where_they_are_checked(victim: Victim, title: str, whose: str) -> None:
    titles = {"called": b"VICTIM", "calling": b"CALLING", whose: TITLES[title]}
    refusal = model.reject(1, 1, 7) if whose == "called" else model.reject(1, 1, 3)
    checks = {"require_called_aet": True, "require_calling_aet": ["CALLING"]}
    with attack(victim) as attacker, victim.set(**checks), attacker.connect() as peer:
        peer.send(rq(called=titles["called"], calling=titles["calling"]))
        assert final_pdus(peer) == [refusal]


@pytest.mark.parametrize("called", [b"VICTIM", b"  VICTIM", b"VICTIM\0\0"])
def test_s5_padding_of_a_title_that_is_checked(victim: Victim, called: bytes) -> None:
    with attack(victim) as attacker, victim.set(require_called_aet=True), attacker.connect() as peer:
        peer.send(rq(called=called))
        assert final_pdus(peer)[0][:1] == ACCEPTED


UIDS = {
    "empty": b"",
    "NUL": b"1.2\0.3",
    "a format": b"%n%n%n%n%s",
    "80 to FF": bytes(range(0x80, 0x100)),
    "all spaces": b"        ",
    "65 characters": b"1." + b"2" * 63,
    "64,000 characters": b"1." + b"2" * 64_000,
    "1..2": b"1..2",
    "leading zeros": b"1.2.840.010008.1.1",
    "a dot at the end": b"1.2.840.",
    "letters": b"one.two",
    "new line": b"1.2\n.3",
    "a path": b"../../etc/passwd",
}


@pytest.mark.parametrize("uid", UIDS)
def test_s5_application_context_name(victim: Victim, uid: str) -> None:
    sent = rq(model.item(0x10, UIDS[uid]), ECHO, INFORMATION)
    assert_rq(victim, sent, APPLICATION_CONTEXT_NOT_SUPPORTED)


@pytest.mark.parametrize("padding", [b"\0", b" ", b"\0\0"])
def test_s5_padded_uids(victim: Victim, padding: bytes) -> None:
    """PS3.8 Annex F has no padding; peers that pad mean the same."""
    items = [
        model.item(0x10, b"1.2.840.10008.3.1.1.1" + padding),
        context(
            1,
            model.item(0x30, VERIFICATION.encode() + padding),
            model.item(0x40, IMPLICIT.encode() + padding),
        ),
        INFORMATION,
    ]
    with attack(victim) as attacker:
        peer = attacker.connect()
        peer.send(rq(*items))
        assert peer.receive_pdu()[:1] == ACCEPTED
        echo(peer)
        release(peer)


def results(attacker: Attack, sent: bytes) -> dict[int, int]:
    """Propose; the results by context ID. The association is used and released."""
    peer = attacker.connect()
    peer.send(sent)
    pdu_type, *_, items = model.read_associate(peer.receive_pdu())
    assert pdu_type == 2
    echo(peer)
    release(peer)
    answers = [model.read_context_ac(content) for item_type, content in items if item_type == 0x21]
    return {context_id: result for context_id, result, _ in answers}


@pytest.mark.parametrize("uid", UIDS)
def test_s5_abstract_and_transfer_syntaxes(victim: Victim, uid: str) -> None:
    """A context that makes no sense is refused, and is not worth the others."""
    strange = UIDS[uid]
    sent = rq(
        NAME,
        ECHO,
        context(3, model.item(0x30, strange), TRANSFER),
        context(5, ABSTRACT, model.item(0x40, strange)),
        context(7, ABSTRACT, model.item(0x40, strange[:1000]), TRANSFER),
        INFORMATION,
    )
    with attack(victim) as attacker:
        assert results(attacker, sent) == {1: 0, 3: 3, 5: 4, 7: 0}


@pytest.mark.parametrize("uid", UIDS)
def test_s5_uids_in_sub_items(victim: Victim, uid: str) -> None:
    strange = UIDS[uid][:1000]
    counted = len(strange).to_bytes(2, "big") + strange
    sub_items = [
        MAXIMUM,
        model.item(0x52, strange),
        model.item(0x54, counted + b"\1\1"),
        model.item(0x55, strange),
        model.item(0x56, counted + b"\1"),
        model.item(0x57, counted * 2 + len(counted).to_bytes(2, "big") + counted),
    ]
    with attack(victim) as attacker:
        assert results(attacker, rq(NAME, ECHO, model.item(0x50, b"".join(sub_items)))) == {1: 0}


@pytest.mark.parametrize("uid", UIDS)
def test_s5_uids_of_an_acceptance(victim: Victim, uid: str) -> None:
    """What an acceptor calls itself does not matter; a syntax that was not proposed cannot be used."""
    strange = UIDS[uid]
    counted = len(strange[:1000]).to_bytes(2, "big") + strange[:1000]
    sub_items = [MAXIMUM, model.item(0x52, strange[:1000]), model.item(0x55, strange[:1000])]
    sub_items += [model.item(0x54, counted + b"\1\1"), model.item(0x56, counted)]
    answer = ac(
        NAME,
        ECHO_ACCEPTED,
        context(3, *([model.item(0x40, strange)] if strange.strip() else [TRANSFER]), item_type=0x21),
        model.item(0x50, b"".join(sub_items)),
    )
    outcome = face(victim, answer, ["echo"])
    assert outcome["did"] == [0x0000] and outcome["released"]


def face(victim: Victim, answer: bytes, operations: list[str], **options: Any) -> dict[str, Any]:
    """Let our requestor meet an acceptor that answers like this and then behaves."""

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(answer)
        for _ in operations:
            peer.send(response(peer.receive_message()[1]))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with attack(victim, as_requestor=True) as attacker:
        return attacker.face(script, operations, **options)


# ---------------------------------------------------------------- S6


@pytest.mark.parametrize("version", [0, 2, 4, 0x0100, 0x8000, 0xFFFE])
def test_s6_protocol_version_1_not_supported(victim: Victim, version: int) -> None:
    with attack(victim) as attacker:
        peer = attacker.connect()
        peer.send(rq(version=version))
        assert final_pdus(peer) == [VERSION_NOT_SUPPORTED]


@pytest.mark.parametrize("version", [1, 3, 0x8001, 0xFFFF])
def test_s6_protocol_version_1_among_others(victim: Victim, version: int) -> None:
    """PS3.8 Table 9-11: only bit 0 is tested."""
    assert_rq(victim, rq(version=version), ACCEPTED)


# ---------------------------------------------------------------- S7

UNKNOWN_TYPES = [0x00, 0x01, 0x11, 0x22, 0x5A, 0x7F, 0x99, 0xFF]
UNKNOWN_CONTENTS = {"empty": b"", "one byte": b"x", "an item": NAME, "as long as may be": bytes(0xFFFF)}


def surrounded(unknown: bytes, small: bytes, context_type: int) -> list[bytes]:
    """The items of an A-ASSOCIATE PDU with the unknown item on each level, first and last."""
    syntaxes = [ABSTRACT, TRANSFER] if context_type == 0x20 else [TRANSFER]
    return [
        unknown,
        NAME,
        unknown,
        context(ECHO_CONTEXT, small, *syntaxes, small, item_type=context_type),
        model.item(0x50, small + MAXIMUM + small + CLASS + small),
        unknown,
    ]


@pytest.mark.parametrize("content", UNKNOWN_CONTENTS)
@pytest.mark.parametrize("item_type", UNKNOWN_TYPES)
def test_s7_unknown_items_of_a_request_are_skipped(victim: Victim, item_type: int, content: str) -> None:
    unknown = model.item(item_type, UNKNOWN_CONTENTS[content])
    with attack(victim) as attacker:
        items = surrounded(
            unknown, unknown if len(unknown) < 1000 else unknown[:2] + b"\3\xe8" + bytes(1000), 0x20
        )
        assert results(attacker, rq(*items)) == {1: 0}


@pytest.mark.parametrize("item_type", UNKNOWN_TYPES)
def test_s7_unknown_items_of_an_acceptance_are_skipped(victim: Victim, item_type: int) -> None:
    unknown = model.item(item_type, b"abc")
    outcome = face(victim, ac(*surrounded(unknown, unknown, 0x21)), ["echo"])
    assert outcome["did"] == [0x0000] and outcome["released"]
    assert outcome["accepted"] == [[1, VERIFICATION, IMPLICIT]]


def test_s7_known_items_in_strange_places_are_skipped(victim: Victim) -> None:
    places = [NAME, context(1, ABSTRACT, TRANSFER, NAME, MAXIMUM), ABSTRACT, TRANSFER, MAXIMUM, ECHO_ACCEPTED]
    sent = rq(*places, model.item(0x50, MAXIMUM + NAME + TRANSFER + ECHO))
    with attack(victim) as attacker:
        assert results(attacker, sent) == {1: 0}


# ---------------------------------------------------------------- S8

PROPOSED = [[ECHO_CONTEXT, VERIFICATION, IMPLICIT], [STORE_CONTEXT, CT, IMPLICIT]]
BIG_ENDIAN = "1.2.840.10008.1.2.2"

# The answers for contexts, what of them is taken, and the results of the others.
DECISIONS: dict[str, tuple[Sequence[bytes], list[int], list[list[int]]]] = {
    "contexts never proposed": (
        [ECHO_ACCEPTED, STORE_ACCEPTED, *(model.context_ac(i, 0, IMPLICIT) for i in (5, 7, 255))],
        [1, 3],
        [],
    ),
    "all contexts there are": ([model.context_ac(i, 0, IMPLICIT) for i in range(1, 256, 2)], [1, 3], []),
    "an unknown result": ([ECHO_ACCEPTED, model.context_ac(3, 5, IMPLICIT)], [1], [[3, 5]]),
    "result 255": ([ECHO_ACCEPTED, model.context_ac(3, 255, IMPLICIT)], [1], [[3, 255]]),
    "refused without a transfer syntax": ([ECHO_ACCEPTED, model.context_ac(3, 3, None)], [1], [[3, 3]]),
    "a transfer syntax never proposed": ([ECHO_ACCEPTED, model.context_ac(3, 0, BIG_ENDIAN)], [1], [[3, 2]]),
    "a context not answered": ([ECHO_ACCEPTED], [1], [[3, 2]]),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_s8_decisions_on_contexts_that_make_no_sense(victim: Victim, case: str) -> None:
    """They cost the context they are about, and nothing that was never proposed can be used."""
    answers, accepted, rejected = DECISIONS[case]
    outcome = face(victim, ac(NAME, *answers, INFORMATION), ["echo"])
    assert outcome["did"] == [0x0000] and outcome["released"]
    assert [row[0] for row in outcome["accepted"]] == accepted
    assert all(row in PROPOSED for row in outcome["accepted"])
    assert outcome["rejected_contexts"] == rejected


USELESS = {
    "only contexts never proposed": [model.context_ac(i, 0, IMPLICIT) for i in (5, 7)],
    "only transfer syntaxes never proposed": [model.context_ac(i, 0, BIG_ENDIAN) for i in (1, 3)],
    "only refusals": [model.context_ac(i, 4, IMPLICIT) for i in (1, 3)],
    "proposals": [ECHO, STORE],
}


@pytest.mark.parametrize("case", USELESS)
def test_s8_nothing_that_can_be_used(victim: Victim, case: str) -> None:
    assert_ac(victim, ac(NAME, *USELESS[case], INFORMATION), Fate.UNUSABLE)


FAULTY = {
    "accepted without a transfer syntax": (model.context_ac(1, 0, None), ABORT_INVALID_PARAMETER),
    "accepted with an empty transfer syntax": (model.context_ac(1, 0, ""), ABORT_INVALID_PARAMETER),
    "accepted with two transfer syntaxes": (
        context(1, TRANSFER, TRANSFER, item_type=0x21),
        ABORT_UNEXPECTED_PARAMETER,
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_s8_acceptance_without_one_transfer_syntax(victim: Victim, case: str) -> None:
    answer, abort = FAULTY[case]
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(ac(NAME, answer, INFORMATION))
        heard.extend(final_pdus(peer))

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"])
    assert heard == [abort]
    assert outcome["aborted"] and (outcome["source"], outcome["reason"]) == (abort[8], abort[9])


def window_item(window: tuple[int, int] | None) -> bytes:
    return b"" if window is None else model.asynchronous_operations(*window)


# What was asked for, what is answered, and what both count on (PS3.7 D.3.3.3); 0 is no limit.
WINDOWS = [
    (None, None, (1, 1)),
    (None, (8, 8), (1, 1)),
    (None, (0, 0), (1, 1)),
    ((1, 1), (8, 8), (1, 1)),
    ((4, 2), (5, 3), (4, 2)),
    ((4, 2), (0, 0), (4, 2)),
    ((4, 2), (65535, 65535), (4, 2)),
    ((4, 2), (2, 1), (2, 1)),
    ((8, 8), None, (1, 1)),
    ((0, 0), None, (1, 1)),
]


@pytest.mark.parametrize(("asked", "answered", "agreed"), WINDOWS)
def test_s8_window_larger_than_asked_or_missing(
    victim: Victim, asked: tuple[int, int] | None, answered: tuple[int, int] | None, agreed: tuple[int, int]
) -> None:
    information = model.item(0x50, MAXIMUM + CLASS + window_item(answered))
    answer = ac(NAME, ECHO_ACCEPTED, STORE_ACCEPTED, information)
    outcome = face(victim, answer, ["echo", "store:100"], window=asked)
    assert outcome["did"] == [0x0000, 0x0000] and outcome["released"]
    assert outcome["window"] == list(agreed)


UNASKED = {
    "roles": model.role_selection(VERIFICATION, 0, 1) + model.role_selection("1.2.3", 1, 1),
    "extended negotiation": model.extended(CT, b"\1\2\3"),
    "common extended negotiation": model.common_extended(CT, "1.2", ["1.2.3"]),
    "a user identity": model.user_identity(1, 1, b"name", b""),
    "a response to no user identity": model.user_identity_response(b"ticket"),
}


@pytest.mark.parametrize("case", UNASKED)
def test_s8_answers_to_what_was_not_asked(victim: Victim, case: str) -> None:
    outcome = face(victim, acceptance_with(UNASKED[case]), ["echo", "store:100"])
    assert outcome["did"] == [0x0000, 0x0000] and outcome["released"]


def acceptance_with(sub_items: bytes) -> bytes:
    return ac(NAME, ECHO_ACCEPTED, STORE_ACCEPTED, model.item(0x50, MAXIMUM + CLASS + sub_items))


def test_s8_maximum_length_missing(victim: Victim) -> None:
    """PS3.8 D.1 wants it; without it there is no limit."""
    answer = ac(NAME, ECHO_ACCEPTED, STORE_ACCEPTED, model.item(0x50, CLASS))
    assert face(victim, answer, ["echo", "store:100000"])["did"] == [0x0000, 0x0000]


def test_a_request_and_an_acceptance_without_errors(victim: Victim) -> None:
    """The answers above are not what any peer gets."""
    assert_rq(victim, request(), ACCEPTED)
    assert face(victim, acceptance(), ["echo", "store:100"])["did"] == [0x0000, 0x0000]
