"""Groups C5 to C9: responses, cancels and requests at the wrong time (PS3.7 8.1, 9.3.2.3, D.3.3.3)."""

from __future__ import annotations

import model
import pytest
from immunity.commands import assert_aborted, assert_requestor_aborts, command_pdu, echo_pdu
from immunity.harness import (
    ABORT_BY_USER,
    Attack,
    Victim,
    attack,
    echo,
    final_pdus,
    release,
    send_anyway,
    store,
)
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    FIND,
    IMPLICIT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    acceptance,
    data_set,
    echo_rq,
    store_command,
    store_rq,
)
from servers import wait_until

DATA = data_set()

DUPLICATE_INVOCATION = 0x0210


# --- C5, C9: responses ------------------------------------------------------------------------------------


def answer_to(message_id: int, **changes: int) -> bytes:
    """A C-ECHO response."""
    elements = {0x0002: VERIFICATION, 0x0100: 0x8030, 0x0120: message_id, 0x0800: 0x0101, 0x0900: 0}
    return echo_pdu(elements | {int(name[1:], 16): value for name, value in changes.items()})


STRAY = {
    "C-ECHO response": answer_to(1),
    "C-STORE response": command_pdu(
        STORE_CONTEXT,
        model.command_set({0x0002: CT, 0x0100: 0x8001, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0, 0x1000: "1.2"}),
    ),
    "unknown response": answer_to(1, x0100=0x8666),
    "response to nothing": echo_pdu({0x0100: 0x8030, 0x0800: 0x0101}),
    "response with a data set": model.p_data_tf(
        [
            (STORE_CONTEXT, 3, model.command_set({0x0100: 0x8020, 0x0120: 1, 0x0800: 1, 0x0900: 0xFF00})),
            (STORE_CONTEXT, 2, DATA),
        ]
    ),
}


def test_c5_response_that_nobody_asked_for(victim: Victim) -> None:
    """To our acceptor, which has asked for nothing."""
    assert_aborted(victim, STRAY)


def store_response(asked: dict[int, object]) -> bytes:
    elements = {0x0002: CT, 0x0100: 0x8001, 0x0120: asked[0x0110], 0x0800: 0x0101, 0x0900: 0, 0x1000: "1.2"}
    return command_pdu(STORE_CONTEXT, model.command_set(elements))


WRONG_ANSWERS = {
    "another Message ID": lambda asked: answer_to(int(str(asked[0x0110])) ^ 0x100),
    "Message ID 0": lambda asked: answer_to(0),
    "no Message ID": lambda asked: echo_pdu(
        {0x0002: VERIFICATION, 0x0100: 0x8030, 0x0800: 0x0101, 0x0900: 0}
    ),
    "no Status": lambda asked: echo_pdu(
        {0x0002: VERIFICATION, 0x0100: 0x8030, 0x0120: asked[0x0110], 0x0800: 0x0101}
    ),
    "another Command Field": lambda asked: answer_to(asked[0x0110], x0100=0x8020),
    "another context": lambda asked: command_pdu(
        STORE_CONTEXT, model.read_p_data_tf(answer_to(asked[0x0110]))[0][2]
    ),
    "C-STORE response": store_response,  # C9: as it would come between those of a C-GET
}


def test_c5_response_to_something_else(victim: Victim) -> None:
    assert_requestor_aborts(victim, WRONG_ANSWERS)


@pytest.mark.parametrize("status", [0x0000, 0xFF00])
@pytest.mark.parametrize("comes", ["at once", "later"])
def test_c5_second_response(victim: Victim, status: int, comes: str) -> None:
    """Another final one, or a pending one after it: it answers nothing any more."""
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        asked = peer.receive_message()[1]
        first, second = answer_to(asked[0x0110]), answer_to(asked[0x0110], x0900=status)
        if comes == "at once":
            peer.send(first + second)
        else:
            peer.send(first)
            peer.receive_message()
            peer.send(second)
        heard.extend(peer.receive_all())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo", "echo"])
    assert outcome["did"][0] == 0x0000 and outcome["did"][1] != 0x0000
    assert outcome["aborted"] and heard[-1:] == [ABORT_BY_USER]


@pytest.mark.parametrize("is_at_once", [True, False])
def test_c9_store_response_between_those_of_a_query(victim: Victim, is_at_once: bool) -> None:
    """What has come before it is told."""
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        asked = peer.receive_message()[1]
        elements = {0x0002: FIND, 0x0100: 0x8020, 0x0120: asked[0x0110], 0x0800: 1, 0x0900: 0xFF00}
        match = b"".join(model.message(ECHO_CONTEXT, model.command_set(elements), DATA, 16382))
        stray = store_response(asked)
        if is_at_once:
            peer.send(match + match + stray + match)
        else:
            peer.send(match + match)
            peer.send(stray)
        heard.extend(final_pdus(peer))

    contexts = [[FIND, [IMPLICIT]], [CT, [IMPLICIT]]]  # where the acceptor sees verification and CT
    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["find"], contexts=contexts)
    assert outcome["did"] == [[0xFF00, 0xFF00, "no status"]]
    assert outcome["aborted"] and heard == [ABORT_BY_USER]


def test_c9_store_response_in_the_middle_of_a_request(victim: Victim) -> None:
    """A response that answers nothing, in the middle of a data set: the PDVs are in disorder."""
    stray = model.read_p_data_tf(STRAY["C-STORE response"])[0]
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(model.p_data_tf([(STORE_CONTEXT, 3, store_command()), (STORE_CONTEXT, 0, DATA), stray]))
        assert final_pdus(peer) == [model.abort(2, 5)]
        assert attacker.stored() == []


# --- C6: C-CANCEL -----------------------------------------------------------------------------------------


def cancel(message_id: int, context_id: int = ECHO_CONTEXT) -> bytes:
    return command_pdu(context_id, model.command_set({0x0100: 0x0FFF, 0x0120: message_id, 0x0800: 0x0101}))


def test_c6_cancel_of_what_is_unknown_or_over(victim: Victim) -> None:
    with attack(victim) as attacker:
        peer = attacker.associate()
        echo(peer, 1)
        for context_id in (ECHO_CONTEXT, STORE_CONTEXT):
            for message_id in (0, 1, 77, 0xFFFF):
                peer.send(cancel(message_id, context_id))
                echo(peer, 2)  # which is the only answer
        store(peer, 3)
        release(peer)


def test_c6_cancel_without_a_message_id(victim: Victim) -> None:
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(echo_pdu({0x0100: 0x0FFF, 0x0800: 0x0101}))
        echo(peer)
        release(peer)


def test_c6_flood_of_cancels(victim: Victim) -> None:
    """However many: none is kept, none is logged."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        lines = victim.look().lines
        for _ in range(20):
            peer.send(b"".join(cancel(i) for i in range(500)))
        echo(peer)
        assert victim.look().lines - lines < 20
        release(peer)


def test_c6_cancels_while_a_handler_runs(victim: Victim) -> None:
    """They wait in the network, and are then ignored."""
    with attack(victim, behaviour="hang") as attacker:
        peer = attacker.associate(calling=b"MISBEHAVE")
        peer.send(echo_rq(1))
        await_hanging(victim, 1)
        peer.send(*(cancel(i % 3) for i in range(200)))
        victim.tell("open_gate")
        assert peer.receive_message()[1][0x0120] == 1
        with victim.set(behaviour="succeed"):
            echo(peer, 2)
        release(peer)


# --- C7, C8: several operations at once -------------------------------------------------------------------


def await_hanging(victim: Victim, count: int) -> None:
    wait_until(lambda: victim.look().hanging == count, f"{count} handlers that hang")


def windowed(attacker: Attack, window: tuple[int, int] = (8, 1)) -> Raw:
    """An association with a window of operations, on which handlers misbehave."""
    return attacker.associate(calling=b"MISBEHAVE", window=window)


WINDOW = {"window": [8, 1], "behaviour": "hang"}


def test_c7_message_id_twice_in_flight(victim: Victim) -> None:
    with attack(victim, **WINDOW) as attacker:
        peer = windowed(attacker)
        peer.send(echo_rq(5))
        await_hanging(victim, 1)
        peer.send(echo_rq(5))
        answer = peer.receive_message()[1]
        assert (answer[0x0120], answer[0x0900]) == (5, DUPLICATE_INVOCATION)
        victim.tell("open_gate")
        answer = peer.receive_message()[1]
        assert (answer[0x0120], answer[0x0900]) == (5, 0x0000)
        release(peer)


def test_c7_message_id_again_when_it_is_answered(victim: Victim) -> None:
    with attack(victim, window=[8, 1]) as attacker:
        peer = attacker.associate(window=(8, 1))
        for _ in range(20):
            echo(peer, 5)
        release(peer)


def test_c8_as_many_as_were_agreed_on(victim: Victim) -> None:
    """All of them run at once, and are answered in any order."""
    with attack(victim, **WINDOW) as attacker:
        peer = windowed(attacker)
        peer.send(*(echo_rq(i) for i in range(1, 9)))
        await_hanging(victim, 8)
        victim.tell("open_gate")
        answered = {peer.receive_message()[1][0x0120] for _ in range(8)}
        assert answered == set(range(1, 9))
        release(peer)


def test_c8_answers_out_of_order(victim: Victim) -> None:
    with attack(victim, window=[8, 1], behaviour="hang on odd") as attacker:
        peer = windowed(attacker)
        peer.send(*(echo_rq(i) for i in range(1, 9)))
        early = {peer.receive_message()[1][0x0120] for _ in range(4)}
        assert early == {2, 4, 6, 8}
        await_hanging(victim, 4)
        victim.tell("open_gate")
        assert {peer.receive_message()[1][0x0120] for _ in range(4)} == {1, 3, 5, 7}
        release(peer)


@pytest.mark.parametrize("further", [1, 100, 10_000])
def test_c8_more_than_were_agreed_on(victim: Victim, further: int) -> None:
    """The ninth is an abort, at once, and nothing is kept of it or of those that follow."""
    with attack(victim, **WINDOW) as attacker:
        peer = windowed(attacker)
        peer.send(*(echo_rq(i) for i in range(1, 9)))
        await_hanging(victim, 8)
        send_anyway(peer, *(echo_rq(9 + i) for i in range(further)))
        answers = peer.receive_all()
        assert answers in ([ABORT_BY_USER], [])  # a reset may overtake it
        assert answers or further > 1
        victim.tell("open_gate")
        attacker.await_freed()


def test_c8_more_than_one_without_a_window(victim: Victim) -> None:
    """PS3.7 D.3.3.3: nothing negotiated is one at a time; the second had come before the response left."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(echo_rq(1) + echo_rq(2))
        answers = peer.receive_all()
        assert answers[-1] == ABORT_BY_USER and len(answers) == 2


def test_c8_another_while_a_handler_runs_without_a_window(victim: Victim) -> None:
    """Nobody reads it meanwhile: it stays in the network, and two handlers never run at once."""
    with attack(victim, behaviour="hang") as attacker:
        peer = attacker.associate(calling=b"MISBEHAVE")
        peer.send(echo_rq(1))
        await_hanging(victim, 1)
        peer.send(echo_rq(2))
        attacker.bystander.keep_on()
        assert victim.look().hanging == 1
        with victim.set(behaviour="succeed"):
            victim.tell("open_gate")
            answers = final_pdus(peer)
        assert len(answers) == 2 and answers[0][:1] == b"\4"
        assert answers[1][:1] == b"\4" or answers[1] == ABORT_BY_USER


def test_c8_flood_without_a_window(victim: Victim) -> None:
    """Nothing is queued: what is too much stays in the network until the abort."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        burst = b"".join(echo_rq(1 + i % 60000) for i in range(5000))
        send_anyway(peer, burst, burst)
        answers = peer.receive_all()
        assert answers == [] or answers[-1] == ABORT_BY_USER
        assert len(answers) <= 100


def test_c8_window_of_data_sets(victim: Victim) -> None:
    """Data sets that are in progress are bounded, too: here by 8 files."""
    with attack(victim, growth=24 << 10, **WINDOW) as attacker:
        peer = windowed(attacker)
        encoded = data_set(2 << 20)  # twice memory_limit
        for i in range(1, 9):
            peer.send(*store_rq(encoded, i))
        await_hanging(victim, 8)
        assert victim.look().files == attacker.before.files + 8
        send_anyway(peer, *store_rq(encoded, 9))
        assert peer.receive_all() in ([ABORT_BY_USER], [])
        victim.tell("open_gate")
        attacker.await_freed()


def test_c8_requestor_gets_more_requests_than_it_agreed_to(victim: Victim) -> None:
    """Our requestor takes requests, too; it is idle here, and each is answered by itself."""
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        peer.receive_message()
        peer.send(*(echo_rq(i) for i in range(1, 50)))
        heard.extend(peer.receive_all())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"])
    assert outcome["did"] == ["no status"] and outcome["aborted"]
    assert heard[-1] == ABORT_BY_USER and len(heard) <= 3
