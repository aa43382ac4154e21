"""Group V: what a peer may not do with the PDVs of P-DATA-TF, to our acceptor and to our requestor.

PS3.8 9.3.5 and Annex E. A fault within an established association is Evt19 in Sta6: AA-8, an A-ABORT of the
service provider with its reason; what only DIMSE finds wrong is an A-ABORT of the service user.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    ABORT_INVALID_PARAMETER,
    ABORT_UNEXPECTED_PARAMETER,
    COMMAND_LIMIT,
    OUR_MAXIMUM_LENGTH,
    Attack,
    Victim,
    attack,
    echo,
    final_pdus,
    release,
    send_anyway,
)
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    IMPLICIT,
    STORE_CONTEXT,
    Raw,
    acceptance,
    data_set,
    echo_rq,
    response,
    store_command,
    user_information,
)

COMMAND = store_command()
DATA = data_set()
WHOLE_COMMAND = (STORE_CONTEXT, 3, COMMAND)
WHOLE_DATA = (STORE_CONTEXT, 2, DATA)
EMPTY = (STORE_CONTEXT, 0, b"")

REJECTED_CONTEXT = 5

SIDES = ["acceptor", "requestor"]


def pdv(length: int, context_id: int, control: int, fragment: bytes) -> bytes:
    """A PDV whose length field says anything."""
    return length.to_bytes(4, "big") + bytes([context_id, control]) + fragment


def associate_with_rejected_context(attacker: Attack) -> Raw:
    extra = model.context_rq(REJECTED_CONTEXT, "1.2.3.4.5", [IMPLICIT])
    peer = attacker.connect()
    items = [
        model.application_context(),
        model.context_rq(ECHO_CONTEXT, "1.2.840.10008.1.1", [IMPLICIT]),
        model.context_rq(STORE_CONTEXT, CT, [IMPLICIT]),
        extra,
        user_information(),
    ]
    peer.send(model.associate(1, b"CALLED", b"CALLING", items))
    pdu_type, _, _, _, answers = model.read_associate(peer.receive_pdu())
    assert pdu_type == 2
    results = {model.read_context_ac(content)[:2] for each, content in answers if each == 0x21}
    assert results == {(ECHO_CONTEXT, 0), (STORE_CONTEXT, 0), (REJECTED_CONTEXT, 3)}
    return peer


def assert_aborted(victim: Victim, side: str, sent: bytes, answer: bytes, **options: Any) -> None:
    """Send bytes within an association, instead of a request or a response: nothing but an abort comes."""
    if side == "acceptor":
        with attack(victim, **options) as attacker:
            peer = associate_with_rejected_context(attacker)
            send_anyway(peer, sent)
            assert final_pdus(peer) == [answer]
            assert attacker.stored() == []
        return

    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance(extra=model.context_ac(REJECTED_CONTEXT, 3, IMPLICIT)))
        assert peer.receive_message()[1][0x0100] == 0x0030
        send_anyway(peer, sent)
        heard.extend(final_pdus(peer))

    with attack(victim, as_requestor=True, **options) as attacker:
        contexts = [["1.2.840.10008.1.1", [IMPLICIT]], [CT, [IMPLICIT]], ["1.2.3.4.5", [IMPLICIT]]]
        outcome = attacker.face(script, ["echo"], contexts=contexts)
    assert heard == [answer]
    assert outcome["did"] == ["no status"]
    assert outcome["aborted"] and not outcome["still_established"] and not outcome["released"]
    assert (outcome["source"], outcome["reason"]) == (answer[8], answer[9])


def both_sides(cases: dict[str, Any]) -> Callable[[Any], Any]:
    """Parametrise by side and by the name of a case."""

    def mark(function: Any) -> Any:
        return pytest.mark.parametrize("side", SIDES)(pytest.mark.parametrize("case", cases)(function))

    return mark


TOO_SHORT = {
    f"{length} bytes, {position}": front + pdv(length, STORE_CONTEXT, 3, b"")
    for length in (0, 1)
    for position, front in (("the only one", b""), ("the second", pdv(4, STORE_CONTEXT, 1, COMMAND[:2])))
}


@both_sides(TOO_SHORT)
def test_v1_pdv_too_short_for_its_header(victim: Victim, side: str, case: str) -> None:
    assert_aborted(victim, side, model.pdu(4, TOO_SHORT[case]), ABORT_INVALID_PARAMETER)


WRAPPING = [0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC, 0xFFFFFFFA, 0x80000001, 0x80000000, 0x7FFFFFFF]


@both_sides({f"{length:08X}": length for length in WRAPPING})
@pytest.mark.parametrize("position", ["first", "second"])
def test_v2_pdv_length_near_the_wrap(victim: Victim, side: str, case: str, position: str) -> None:
    front = b"" if position == "first" else pdv(22, STORE_CONTEXT, 1, COMMAND[:20])
    sent = model.pdu(4, front + pdv(int(case, 16), STORE_CONTEXT, 3, COMMAND))
    assert_aborted(victim, side, sent, ABORT_INVALID_PARAMETER)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC])
def test_v2_pdv_length_near_the_wrap_without_a_maximum_length(victim: Victim, length: int) -> None:
    """The PDU may be as long as that, and the PDV still does not fit."""
    sent = b"\4\0\xff\xff\xff\xff" + pdv(length, STORE_CONTEXT, 3, COMMAND)
    assert_aborted(victim, "acceptor", sent, ABORT_INVALID_PARAMETER, maximum_pdu_size=0)


def test_v2_longest_pdv_there_is(victim: Victim) -> None:
    """A legal PDV of 4 GiB is taken as it comes, to a file, and its end is not waited for."""
    with attack(victim, maximum_pdu_size=0, dimse_timeout=0.3) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([WHOLE_COMMAND]))
        peer.send(b"\4\0\xff\xff\xff\xff" + pdv(0xFFFFFFFB, STORE_CONTEXT, 2, b""))
        for _ in range(64):
            peer.send(bytes(1 << 18))
        assert peer.receive_pdu() == ABORT_BY_USER
        assert attacker.stored() == []


BEYOND = {
    "one byte": pdv(len(COMMAND) + 3, STORE_CONTEXT, 3, COMMAND),
    "many bytes": pdv(16000, STORE_CONTEXT, 3, COMMAND),
    "the second": pdv(4, STORE_CONTEXT, 1, COMMAND[:2]) + pdv(400, STORE_CONTEXT, 1, b""),
    **{f"a header of {n} bytes": pdv(4, STORE_CONTEXT, 1, COMMAND[:2]) + bytes(n) for n in range(1, 6)},
}


@both_sides(BEYOND)
def test_v3_pdv_beyond_its_pdu(victim: Victim, side: str, case: str) -> None:
    assert_aborted(victim, side, model.pdu(4, BEYOND[case]), ABORT_INVALID_PARAMETER)


MANY_EMPTY = {
    "in one PDU": model.p_data_tf([WHOLE_COMMAND, *([EMPTY] * 2000)]),
    "in a command set": model.p_data_tf(
        [(STORE_CONTEXT, 1, COMMAND[:20]), *([(STORE_CONTEXT, 1, b"")] * 2000)]
    ),
    "before anything": model.p_data_tf([(STORE_CONTEXT, 1, b"")] * 17),
    "one a PDU": model.p_data_tf([WHOLE_COMMAND]) + model.p_data_tf([EMPTY]) * 5000,
}


@both_sides(MANY_EMPTY)
def test_v4_pdvs_without_data(victim: Victim, side: str, case: str) -> None:
    assert_aborted(victim, side, MANY_EMPTY[case], ABORT_INVALID_PARAMETER)


def test_v4_some_pdvs_without_data_do_no_harm(victim: Victim) -> None:
    with attack(victim) as attacker:
        peer = attacker.associate()
        pdvs = [(STORE_CONTEXT, 1, COMMAND), (STORE_CONTEXT, 3, b""), *([EMPTY] * 10)]
        peer.send(model.p_data_tf(pdvs), model.p_data_tf([(STORE_CONTEXT, 0, DATA), (STORE_CONTEXT, 2, b"")]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert attacker.stored() == [stored_row(DATA)]
        release(peer)


def test_v4_a_byte_between_pdvs_without_data(victim: Victim) -> None:
    """What is allowed without end costs the victim no more than the bytes that it takes."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([WHOLE_COMMAND]))
        sparse = model.p_data_tf(([EMPTY] * 15 + [(STORE_CONTEXT, 0, b"ab")]) * 160)
        for _ in range(100):
            peer.send(sparse)
        attacker.bystander.keep_on()
        peer.send(model.p_data_tf([(STORE_CONTEXT, 2, b"")]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert attacker.stored() == [stored_row(b"ab" * 16000)]


WRONG_CONTEXTS = {"0": 0, "2": 2, "254": 254, "not proposed": 7, "255": 255, "rejected": REJECTED_CONTEXT}


@both_sides(WRONG_CONTEXTS)
@pytest.mark.parametrize("control", [0, 1, 2, 3])
def test_v5_context_that_was_not_accepted(victim: Victim, side: str, case: str, control: int) -> None:
    sent = model.p_data_tf([(WRONG_CONTEXTS[case], control, COMMAND)])
    assert_aborted(victim, side, sent, ABORT_INVALID_PARAMETER)


CHANGES = {
    "in the command set": [(STORE_CONTEXT, 1, COMMAND[:20]), (ECHO_CONTEXT, 3, COMMAND[20:])],
    "before the data set": [WHOLE_COMMAND, (ECHO_CONTEXT, 2, DATA)],
    "in the data set": [WHOLE_COMMAND, (STORE_CONTEXT, 0, DATA[:20]), (ECHO_CONTEXT, 2, DATA[20:])],
    "at the last, empty fragment": [WHOLE_COMMAND, (STORE_CONTEXT, 0, DATA), (ECHO_CONTEXT, 2, b"")],
}


@both_sides(CHANGES)
@pytest.mark.parametrize("is_one_pdu", [True, False], ids=["one PDU", "a PDU each"])
def test_v6_context_changes_in_a_message(victim: Victim, side: str, case: str, is_one_pdu: bool) -> None:
    pdvs = CHANGES[case]
    sent = model.p_data_tf(pdvs) if is_one_pdu else b"".join(model.p_data_tf([each]) for each in pdvs)
    assert_aborted(victim, side, sent, ABORT_INVALID_PARAMETER)


DISORDER = {
    "a data set first": [WHOLE_DATA],
    "part of a data set first": [(STORE_CONTEXT, 0, DATA)],
    "a data set in a command set": [(STORE_CONTEXT, 1, COMMAND[:20]), WHOLE_DATA],
    "a command set in a data set": [WHOLE_COMMAND, (STORE_CONTEXT, 0, DATA), WHOLE_COMMAND],
    "part of a command set in a data set": [
        WHOLE_COMMAND,
        (STORE_CONTEXT, 0, DATA),
        (STORE_CONTEXT, 1, b"ab"),
    ],
    "two command sets": [WHOLE_COMMAND, WHOLE_COMMAND],
}


@both_sides(DISORDER)
@pytest.mark.parametrize("is_one_pdu", [True, False], ids=["one PDU", "a PDU each"])
def test_v7_command_and_data_set_in_disorder(victim: Victim, side: str, case: str, is_one_pdu: bool) -> None:
    pdvs = DISORDER[case]
    sent = model.p_data_tf(pdvs) if is_one_pdu else b"".join(model.p_data_tf([each]) for each in pdvs)
    assert_aborted(victim, side, sent, ABORT_UNEXPECTED_PARAMETER)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", [2, 1000, OUR_MAXIMUM_LENGTH - 6])
def test_v8_command_set_without_end(victim: Victim, side: str, size: int) -> None:
    """A command set is bounded, PS3.7 knows none that is as long as that."""
    one = model.p_data_tf([(STORE_CONTEXT, 1, bytes(size))] * max(1, 1000 // size))
    assert_aborted(victim, side, one * (2 * COMMAND_LIMIT // (len(one) - 6) + 80), ABORT_BY_USER)


def stored_row(encoded: bytes, instance: str = "1.2.3.4") -> tuple[str, int, str]:
    return instance, len(encoded), hashlib.sha256(encoded).hexdigest()


@pytest.mark.parametrize("sink", ["memory", "file", "directory"])
def test_v8_data_set_without_end(victim: Victim, sink: str) -> None:
    """It goes to a file, and no file is left when its end does not come for dimse_timeout."""
    settings = {"store_directory": str(victim.directory)} if sink == "directory" else {}
    pieces = 2 if sink == "memory" else 2000  # of 16 kB; the memory limit is 1 MiB
    with attack(victim, dimse_timeout=0.3, **settings) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([WHOLE_COMMAND]))
        piece = model.p_data_tf([(STORE_CONTEXT, 0, bytes(OUR_MAXIMUM_LENGTH - 6))])
        for _ in range(pieces // 2):
            peer.send(piece, piece)
        attacker.bystander.keep_on()
        assert peer.receive_all() == [ABORT_BY_USER]
        attacker.close()
        attacker.await_freed()
        assert attacker.stored() == []


LAST_MISSING = {
    "then the data set": (
        model.p_data_tf([(STORE_CONTEXT, 1, COMMAND), WHOLE_DATA]),
        ABORT_UNEXPECTED_PARAMETER,
    ),
    "then silence": (model.p_data_tf([(STORE_CONTEXT, 1, COMMAND)]), ABORT_BY_USER),
}


@pytest.mark.parametrize("case", LAST_MISSING)
def test_v8_last_flag_of_the_command_set_missing(victim: Victim, case: str) -> None:
    """All is there but the flag: the next PDV is out of order, and silence is ended by dimse_timeout."""
    sent, answer = LAST_MISSING[case]
    with attack(victim, dimse_timeout=0.3) as attacker:
        peer = attacker.associate()
        peer.send(sent)
        assert peer.receive_pdu() == answer
        assert final_pdus(peer) == []


TWICE = {
    "the data set, whole": [WHOLE_COMMAND, WHOLE_DATA, WHOLE_DATA],
    "the data set, empty": [WHOLE_COMMAND, WHOLE_DATA, (STORE_CONTEXT, 2, b"")],
}


@pytest.mark.parametrize("case", TWICE)
@pytest.mark.parametrize("is_one_pdu", [True, False], ids=["one PDU", "a PDU each"])
def test_v9_two_last_fragments(victim: Victim, case: str, is_one_pdu: bool) -> None:
    """The first ends the message, which is answered; the second is part of none."""
    pdvs = TWICE[case]
    with attack(victim) as attacker:
        peer = attacker.associate()
        sent = [model.p_data_tf(pdvs)] if is_one_pdu else [model.p_data_tf([each]) for each in pdvs]
        peer.send(*sent)
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert final_pdus(peer) == [ABORT_UNEXPECTED_PARAMETER]
        assert attacker.stored() == [stored_row(DATA)]


@both_sides({"whole": [WHOLE_COMMAND, WHOLE_COMMAND], "empty": [WHOLE_COMMAND, (STORE_CONTEXT, 3, b"")]})
def test_v9_two_last_fragments_of_the_command_set(victim: Victim, side: str, case: str) -> None:
    pdvs = [WHOLE_COMMAND, WHOLE_COMMAND if case == "whole" else (STORE_CONTEXT, 3, b"")]
    assert_aborted(victim, side, model.p_data_tf(pdvs), ABORT_UNEXPECTED_PARAMETER)


def test_v9_requestor_gets_a_second_last_fragment(victim: Victim) -> None:
    """The response counts; what follows it is found when the association is used next."""
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        command = peer.receive_message()[1]
        peer.send(response(command) + model.p_data_tf([(ECHO_CONTEXT, 2, b"")]))
        heard.extend(peer.receive_all())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo", "echo"])
    assert outcome["did"][0] == 0x0000 and outcome["did"][1] != 0x0000
    assert outcome["aborted"]
    assert heard[-1:] == [ABORT_UNEXPECTED_PARAMETER]
    assert all(pdu[:1] == b"\4" for pdu in heard[:-1])


@pytest.mark.parametrize("size", [1, 3, 7, 101])
@pytest.mark.parametrize("is_observed", [False, True], ids=["", "observed"])
def test_v10_fragments_of_odd_length(victims: Callable[..., Victim], size: int, is_observed: bool) -> None:
    """PS3.8 E.1 wants even ones; what comes is taken as it is, and nothing is put between."""
    with attack(victims(is_observed=True) if is_observed else victims()) as attacker:
        peer = attacker.associate()
        for control, whole in ((1, COMMAND), (0, DATA)):
            cuts = [*range(0, len(whole), size), len(whole)]
            pdvs = [(STORE_CONTEXT, control, whole[start:end]) for start, end in pairwise(cuts)]
            pdvs[-1] = (STORE_CONTEXT, control | 2, pdvs[-1][2])
            peer.send(*(model.p_data_tf([each]) for each in pdvs))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert attacker.stored() == [stored_row(DATA)]
        release(peer)


def test_v10_data_set_of_odd_length(victim: Victim) -> None:
    odd = DATA + b"\1"
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([WHOLE_COMMAND, (STORE_CONTEXT, 2, odd)]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert attacker.stored() == [stored_row(odd)]


ECHO = model.read_p_data_tf(echo_rq(2))[0]
INTERLEAVED = {
    "another context": ([WHOLE_COMMAND, (STORE_CONTEXT, 0, DATA), ECHO], ABORT_INVALID_PARAMETER),
    "another context, before the data set": ([WHOLE_COMMAND, ECHO, WHOLE_DATA], ABORT_INVALID_PARAMETER),
    "the same context": (
        [WHOLE_COMMAND, (STORE_CONTEXT, 0, DATA[:20]), (STORE_CONTEXT, 3, store_command(2)), WHOLE_DATA],
        ABORT_UNEXPECTED_PARAMETER,
    ),
    "in the command set": (
        [(STORE_CONTEXT, 1, COMMAND[:40]), ECHO, (STORE_CONTEXT, 3, COMMAND[40:]), WHOLE_DATA],
        ABORT_INVALID_PARAMETER,
    ),
}


@both_sides(INTERLEAVED)
def test_v11_two_messages_interleaved(victim: Victim, side: str, case: str) -> None:
    pdvs, answer = INTERLEAVED[case]
    assert_aborted(victim, side, b"".join(model.p_data_tf([each]) for each in pdvs), answer)


@both_sides({str(length): length for length in range(6)})
def test_v12_p_data_tf_without_a_pdv(victim: Victim, side: str, case: str) -> None:
    assert_aborted(victim, side, model.pdu(4, bytes(int(case))), ABORT_INVALID_PARAMETER)


def test_v12_p_data_tf_without_a_pdv_in_a_message(victim: Victim) -> None:
    sent = model.p_data_tf([WHOLE_COMMAND]) + model.pdu(4, b"") + model.p_data_tf([WHOLE_DATA])
    assert_aborted(victim, "acceptor", sent, ABORT_INVALID_PARAMETER)


def test_a_peer_without_errors_is_served(victim: Victim) -> None:
    """The aborts above are not what any peer gets."""
    with attack(victim) as attacker:
        peer = associate_with_rejected_context(attacker)
        echo(peer, 9)
        peer.send(model.p_data_tf([WHOLE_COMMAND, WHOLE_DATA]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert attacker.stored() == [stored_row(DATA)]
        release(peer)
