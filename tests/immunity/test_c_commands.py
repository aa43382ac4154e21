"""Group C: command sets that are wrong, or come when they must not (PS3.7 6.3, 9.3, Annex C and D.3.3.3).

What cannot be read, or has no Message ID to answer, is an A-ABORT of the service user: the user of the upper
layer is DIMSE. What can be answered is, with a failure, and the association lives on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import model
import pytest
from immunity.commands import (
    assert_aborted,
    assert_answered,
    assert_requestor_aborts,
    command_pdu,
    echo_pdu,
    raw_element,
    without,
)
from immunity.harness import (
    ABORT_BY_USER,
    COMMAND_LIMIT,
    Victim,
    attack,
    final_pdus,
    release,
    send_anyway,
)
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    acceptance,
    data_set,
    echo_rq,
    response,
    store_command,
    store_rq,
)

ECHO = {0x0002: VERIFICATION, 0x0100: 0x0030, 0x0110: 7, 0x0800: 0x0101}
STORE = {0x0002: CT, 0x0100: 0x0001, 0x0110: 7, 0x0700: 0, 0x0800: 1, 0x1000: "1.2.3.4"}
DATA = data_set()

SOP_CLASS_NOT_SUPPORTED = 0x0122
UNRECOGNIZED_OPERATION, MISTYPED_ARGUMENT = 0x0211, 0x0212


def store_pdus(elements: dict[int, Any], encoded: bytes | None = DATA) -> bytes:
    pdus: list[bytes] = model.message(STORE_CONTEXT, model.command_set(elements), encoded, 16382)
    return b"".join(pdus)


# --- C1: elements -----------------------------------------------------------------------------------------

DOUBLED = raw_element(0x0100, b"\x30\0") + raw_element(0x0100, b"\x30\0") + raw_element(0x0110, b"\7\0")
NO_DATA_SET = raw_element(0x0800, b"\1\1")

UNREADABLE = {
    "nothing": b"",
    "no Command Field": model.command_set(without(ECHO, 0x0100)),
    "no Command Data Set Type": model.command_set(without(ECHO, 0x0800)),
    "neither": model.command_set(without(ECHO, 0x0100, 0x0800)),
    "only a group length": raw_element(0x0000, bytes(4)),
    "no Message ID": model.command_set(without(ECHO, 0x0110)),
    "no Message ID in a C-STORE": model.command_set(without(STORE, 0x0110)),
    "no Message ID, unknown Command Field": model.command_set({0x0100: 0x0666, 0x0800: 0x0101}),
    "two Command Fields": DOUBLED + NO_DATA_SET,
    "two Message IDs": raw_element(0x0100, b"\x30\0") + raw_element(0x0110, b"\1\0") * 2 + NO_DATA_SET,
    "two Data Set Types": raw_element(0x0100, b"\x30\0") + raw_element(0x0110, b"\1\0") + NO_DATA_SET * 2,
    "two UIDs": raw_element(0x0002, b"1.2\0") * 2 + model.command_set(without(ECHO, 0x0002)),
    **{
        f"{name} of {length} bytes": b"".join(
            raw_element(each, bytes(length) if each == element else value)
            for each, value in ((0x0100, b"\x30\0"), (0x0110, b"\7\0"), (0x0800, b"\1\1"))
        )
        for name, element in (("Command Field", 0x0100), ("Message ID", 0x0110), ("Data Set Type", 0x0800))
        for length in (0, 1, 3, 4)
    },
    "Status of 4 bytes": raw_element(0x0900, bytes(4)) + model.command_set(ECHO),
}


def test_c1_command_set_that_cannot_be_answered(victim: Victim) -> None:
    cases = {}
    for case, command in UNREADABLE.items():
        context_id = STORE_CONTEXT if "C-STORE" in case else ECHO_CONTEXT
        data = [(STORE_CONTEXT, 2, DATA)] if "C-STORE" in case else []
        cases[case] = model.p_data_tf([(context_id, 3, command), *data])
    assert_aborted(victim, cases)


INCOMPLETE = {
    "C-ECHO without its SOP class": echo_pdu(without(ECHO, 0x0002)),
    "C-STORE without its SOP class": store_pdus(without(STORE, 0x0002)),
    "C-STORE without its instance": store_pdus(without(STORE, 0x1000)),
    "C-STORE without either": store_pdus(without(STORE, 0x0002, 0x1000)),
    "C-STORE with an empty instance": store_pdus(STORE | {0x1000: ""}),
}


def test_c1_mandatory_element_missing(victim: Victim) -> None:
    """PS3.7 C.5.15: an argument is missing, which is told."""
    assert_answered(victim, INCOMPLETE, MISTYPED_ARGUMENT)


UNKNOWN_FIELDS = [0x0000, 0x0002, 0x0031, 0x0666, 0x0FFE, 0x1FFF, 0x7FFF]


def test_c1_unknown_command_field(victim: Victim) -> None:
    cases = {f"{field:04X}": echo_pdu(ECHO | {0x0100: field}) for field in UNKNOWN_FIELDS}
    assert_answered(victim, cases, UNRECOGNIZED_OPERATION)


def test_c1_command_field_of_another_service(victim: Victim) -> None:
    """Known, but not for the SOP class of the presentation context."""
    command = model.command_set(STORE)
    cases = {
        "C-STORE": model.p_data_tf([(ECHO_CONTEXT, 3, command), (ECHO_CONTEXT, 2, DATA)]),
        "C-ECHO": command_pdu(STORE_CONTEXT, model.command_set(ECHO)),
    }
    assert_answered(victim, cases, SOP_CLASS_NOT_SUPPORTED)


HARMLESS = {
    "a Status": ECHO | {0x0900: 0xFE00},
    "a Message ID Being Responded To": ECHO | {0x0120: 3},
    "what is of other messages": ECHO | {0x1021: 5, 0x1008: 1, 0x0600: "ELSEWHERE", 0x1005: [0x00100010]},
    "an empty SOP class": ECHO | {0x0002: ""},
    "another SOP class": ECHO | {0x0002: CT},
    "a SOP class of 3000 characters": ECHO | {0x0002: "1." * 1500},
}


def test_c1_elements_that_do_not_matter(victim: Victim) -> None:
    """What the answer does not depend on is not judged."""
    assert_answered(victim, {case: echo_pdu(elements) for case, elements in HARMLESS.items()}, 0x0000)


@pytest.mark.parametrize("message_id", [0, 0xFFFF])
def test_c1_message_id_at_the_limit(victim: Victim, message_id: int) -> None:
    assert_answered(victim, {"": echo_pdu(ECHO | {0x0110: message_id})}, 0x0000, message_id)


STRANGE_UIDS = {
    "of 3000 characters": b"1." * 1500,
    "two": b"1.2.3\\1.2.4\0",
    "a path": b"../../etc/passwd",
    "bytes": bytes(range(128, 192)),
    "NUL within": b"1.2\x003.4",
}


def store_command_with(uid: bytes) -> bytes:
    front = model.command_set(without(STORE, 0x1000))
    return front + raw_element(0x1000, uid)


@pytest.mark.parametrize("sink", ["memory", "directory"])
def test_c1_instance_uid_that_is_none(victim: Victim, sink: str) -> None:
    """It is answered, with what fits of the UID; nothing leaves the store directory for it."""
    directory = victim.directory / "objects"
    directory.mkdir(exist_ok=True)
    settings = {"store_directory": str(directory)} if sink == "directory" else {}
    with attack(victim, **settings) as attacker:
        peer = attacker.associate()
        for case, uid in STRANGE_UIDS.items():
            command = store_command_with(uid)
            peer.send(model.p_data_tf([(STORE_CONTEXT, 3, command), (STORE_CONTEXT, 2, DATA)]))
            _, answer, _ = peer.receive_message()
            assert (answer[0x0120], answer[0x0900]) == (7, 0x0000), case
            assert len(str(answer[0x1000])) <= 64, case
        release(peer)
    files = list(directory.iterdir())
    assert len(files) == (len(STRANGE_UIDS) + 1 if sink == "directory" else 0)  # and of the bystander
    for file in files:
        file.unlink()
    directory.rmdir()


# --- C2: encoding -----------------------------------------------------------------------------------------


def explicit(element: int, vr: bytes, value: bytes) -> bytes:
    return b"\0\0" + element.to_bytes(2, "little") + vr + len(value).to_bytes(2, "little") + value


EXPLICIT = (
    explicit(0x0000, b"UL", b"\x38\0\0\0")
    + explicit(0x0002, b"UI", VERIFICATION.encode() + b"\0")
    + explicit(0x0100, b"US", b"\x30\0")
    + explicit(0x0110, b"US", b"\7\0")
    + explicit(0x0800, b"US", b"\1\1")
)
BIG_ENDIAN = b"".join(
    b"\0\0" + element.to_bytes(2, "big") + b"\0\0\0\2" + value.to_bytes(2, "big")
    for element, value in ((0x0100, 0x30), (0x0110, 7), (0x0800, 0x0101))
)
PLAIN = model.command_set(ECHO)

UNDECODABLE = {
    "explicit VR": EXPLICIT,
    "big endian": BIG_ENDIAN,
    "group 0008": raw_element(0x0018, b"1.2.3\0", group=8),
    "group 0008 at the end": PLAIN + raw_element(0x0018, b"1.2.3\0", group=8),
    "group 0001": raw_element(0x0000, bytes(4), group=1) + PLAIN,
    "an item": raw_element(0xE000, b"", group=0xFFFE) + PLAIN,
    "a Part 10 file": bytes(128) + b"DICM" + raw_element(0x0000, bytes(4), group=2),
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "undefined length": PLAIN + b"\0\0\2\x10\xff\xff\xff\xff",
    "value beyond the end": PLAIN + b"\0\0\0\x10\0\1\0\0" + b"1.2.3\0",
    "value one byte beyond": PLAIN + b"\0\0\0\x10\7\0\0\0" + b"1.2.3\0",
    "length near the wrap": b"\0\0\2\0\xf8\xff\xff\xff" + PLAIN,
    **{f"cut after {n} bytes": PLAIN[:n] for n in (1, 4, 7, 11, 13, 30, len(PLAIN) - 9, len(PLAIN) - 1)},
    **{f"{n} bytes after the end": PLAIN + bytes(n) for n in (1, 4, 7)},
}


def test_c2_encoding_that_cannot_be_read(victim: Victim) -> None:
    assert_aborted(
        victim, {case: command_pdu(ECHO_CONTEXT, command) for case, command in UNDECODABLE.items()}
    )


def test_c2_response_that_cannot_be_read(victim: Victim) -> None:
    pdus = {case: command_pdu(ECHO_CONTEXT, command) for case, command in UNDECODABLE.items()}
    assert_requestor_aborts(victim, {case: lambda asked, pdu=pdu: pdu for case, pdu in pdus.items()})


REST = PLAIN[12:]
GROUP_LENGTHS = {
    "absent": REST,
    "0": raw_element(0x0000, bytes(4)) + REST,
    "one too few": raw_element(0x0000, (len(REST) - 1).to_bytes(4, "little")) + REST,
    "one too many": raw_element(0x0000, (len(REST) + 1).to_bytes(4, "little")) + REST,
    "FFFFFFFF": raw_element(0x0000, b"\xff" * 4) + REST,
    "at the end": REST + PLAIN[:12],
}


def test_c2_group_length_is_not_relied_on(victim: Victim) -> None:
    cases = {case: command_pdu(ECHO_CONTEXT, command) for case, command in GROUP_LENGTHS.items()}
    assert_answered(victim, cases, 0x0000)


READABLE = {
    "descending": b"".join(
        model.command_element(element, ECHO[element]) for element in sorted(ECHO, reverse=True)
    ),
    "UID of odd length": raw_element(0x0002, b"1.2.840.10008.1.1") + model.command_set(without(ECHO, 0x0002)),
    "retired elements": raw_element(0x0001, bytes(4)) + raw_element(0x0010, b"ACR-NEMA") + PLAIN,
    "unknown elements": raw_element(0x7777, bytes(3)) * 20 + PLAIN,
}


def test_c2_encoding_that_can_be_read(victim: Victim) -> None:
    cases = {case: command_pdu(ECHO_CONTEXT, command) for case, command in READABLE.items()}
    assert_answered(victim, cases, 0x0000)


def filled(length: int) -> bytes:
    """A C-ECHO command set of so many bytes, by an element that nobody knows."""
    return PLAIN + raw_element(0x7777, bytes(length - len(PLAIN) - 8))


def pdus_of(command: bytes, size: int = 16000, context_id: int = ECHO_CONTEXT) -> bytes:
    cuts = [*range(0, len(command), size), len(command)]
    rows = [(start, end) for start, end in pairwise(cuts)]
    return b"".join(
        model.p_data_tf([(context_id, 3 if end == len(command) else 1, command[start:end])])
        for start, end in rows
    )


def test_c2_command_set_that_is_too_long(victim: Victim) -> None:
    beyond = (1, 2, 100, 1 << 20)
    assert_aborted(victim, {f"{n} bytes": pdus_of(filled(COMMAND_LIMIT + n)) for n in beyond})


def test_c2_longest_command_set(victim: Victim) -> None:
    assert_answered(victim, {"": pdus_of(filled(COMMAND_LIMIT))}, 0x0000)


# --- C3: fragments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_one_pdu", [True, False], ids=["one PDU", "a PDU each"])
def test_c3_command_set_in_fragments(victim: Victim, is_one_pdu: bool) -> None:
    """Fragments of any length, in PDUs in any way, are one command set."""
    cases = {}
    for count in (2, 3, 10, len(PLAIN)):
        ends = [len(PLAIN) * i // count for i in range(count + 1)]
        pdvs = [
            (ECHO_CONTEXT, 3 if end == len(PLAIN) else 1, PLAIN[start:end]) for start, end in pairwise(ends)
        ]
        pdus = [model.p_data_tf(pdvs)] if is_one_pdu else [model.p_data_tf([pdv]) for pdv in pdvs]
        cases[f"{count} fragments"] = b"".join(pdus)
    assert_answered(victim, cases, 0x0000)


def test_c3_requestor_gets_a_response_in_fragments(victim: Victim) -> None:
    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        answer = model.read_p_data_tf(response(peer.receive_message()[1]))[0][2]
        for i in range(len(answer)):
            control = 3 if i == len(answer) - 1 else 1
            peer.send(model.p_data_tf([(ECHO_CONTEXT, control, answer[i : i + 1])]))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"])
    assert outcome["did"] == [0x0000] and outcome["released"]


# --- C4: Command Data Set Type ----------------------------------------------------------------------------


def test_c4_data_set_announced_and_none_comes(victim: Victim) -> None:
    """It is awaited for as long as a message may stand still, and no longer."""
    with attack(victim, dimse_timeout=0.3) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([(STORE_CONTEXT, 3, store_command())]))
        assert peer.receive_pdu() == ABORT_BY_USER
        assert peer.receive_all() == []
        assert attacker.stored() == []


@pytest.mark.parametrize("follows", ["a C-ECHO", "a C-STORE", "a release"])
def test_c4_data_set_announced_and_something_else_comes(victim: Victim, follows: str) -> None:
    after = {"a C-ECHO": echo_rq(2), "a C-STORE": store_rq(DATA, 2)[0], "a release": model.release_rq()}
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([(STORE_CONTEXT, 3, store_command())]), after[follows])
        answers = final_pdus(peer)
        # a release in the middle of a message is the end of that
        assert answers == [model.release_rp()] if follows == "a release" else answers[0][:1] == b"\7"
        assert attacker.stored() == []


def test_c4_no_data_set_announced_and_one_comes(victim: Victim) -> None:
    """The request is refused; the data set belongs to nothing."""
    command = model.command_set(STORE | {0x0800: 0x0101})
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([(STORE_CONTEXT, 3, command)]))
        assert peer.receive_message()[1][0x0900] == MISTYPED_ARGUMENT
        send_anyway(peer, model.p_data_tf([(STORE_CONTEXT, 2, DATA)]))
        assert final_pdus(peer) == [model.abort(2, 5)]
        assert attacker.stored() == []


def test_c4_store_without_a_data_set(victim: Victim) -> None:
    assert_answered(victim, {"": store_pdus(STORE | {0x0800: 0x0101}, None)}, MISTYPED_ARGUMENT)


def test_c4_echo_with_a_data_set(victim: Victim) -> None:
    """It is received, and dropped; a long one takes no more memory than any."""
    command = model.command_set(ECHO | {0x0800: 0})
    cases = {
        f"{length} bytes": b"".join(model.message(ECHO_CONTEXT, command, bytes(length), 16382))
        for length in (100, 3 << 20)
    }
    assert_answered(victim, cases, 0x0000)


def test_c4_any_other_type_means_a_data_set(victim: Victim) -> None:
    """PS3.7 E.1: 0101H is none, anything else is one."""
    types = (0, 1, 2, 0x0100, 0x0102, 0xFFFF)
    with attack(victim) as attacker:
        peer = attacker.associate()
        for data_set_type in types:
            peer.send(store_pdus(STORE | {0x0800: data_set_type}))
            assert peer.receive_message()[1][0x0900] == 0x0000
        assert [row[1] for row in attacker.stored()] == [len(DATA)] * len(types)
        release(peer)


def test_c4_response_with_a_data_set(victim: Victim) -> None:
    """A C-ECHO response has none; one that comes is dropped, with a bound to it."""

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        asked = peer.receive_message()[1]
        answer = {0x0002: VERIFICATION, 0x0100: 0x8030, 0x0120: asked[0x0110], 0x0800: 0, 0x0900: 0}
        peer.send(*model.message(ECHO_CONTEXT, model.command_set(answer), bytes(3 << 20), 16382))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"])
    assert outcome["did"] == [0x0000] and outcome["released"]
