"""Group R1, R3, R4: the ends of an association, whoever wants them, whenever, and however often."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    GROWTH,
    IMMEDIATELY,
    Attack,
    Victim,
    attack,
    check_admission,
    echo,
    established,
    final_pdus,
    release,
    send_anyway,
)
from immunity.states import (
    ACCEPTOR,
    RELEASE_RP,
    RELEASE_RQ,
    Act,
    acceptor_in_sta6,
    acceptor_in_sta7,
    names,
    requestor_in_sta8,
)
from raw_peer import STORE_CONTEXT, Raw, acceptance, data_set, echo_rq, request, store_command, store_rq
from servers import wait_until

MISBEHAVE = b"MISBEHAVE"

# --- R1: abort --------------------------------------------------------------------------------------------

IN_A_HANDLER = ["abort", "abort twice", "abort elsewhere", "abort everywhere", "abort and raise"]


@pytest.mark.parametrize("what", IN_A_HANDLER)
def test_r1_abort_in_a_handler(victim: Victim, what: str) -> None:
    """Nothing is sent after the A-ABORT, and nothing before the handler has returned hangs."""
    with attack(victim, behaviour=what, allows_faults=what == "abort and raise") as attacker:
        for sent in ([echo_rq()], store_rq(data_set()), store_rq(data_set(2 << 20))):
            peer = attacker.associate(calling=MISBEHAVE)
            peer.send(*sent)
            assert peer.receive_all() == [ABORT_BY_USER]
            peer.close()
            attacker.await_freed()


CALLBACKS = {
    "EVT_DATA_RECV": "- or ABORT-0-0",  # the request is not known yet to who aborts at once
    "EVT_CONN_OPEN": "-",
    "EVT_REQUESTED": "ABORT-0-0",
    "EVT_ACCEPTED": "AC ABORT-0-0",
    "EVT_ESTABLISHED": "AC ABORT-0-0",
    "EVT_PDU_SENT": "AC ABORT-0-0",
    "EVT_DIMSE_RECV": "AC ABORT-0-0",
    "EVT_DIMSE_SENT": "AC DATA ABORT-0-0",
}
"""Where the calling AE title is known, only the attacker is aborted; EVT_CONN_OPEN comes before it is."""

AT_THE_END = ["EVT_ABORTED", "EVT_RELEASED", "EVT_CONN_CLOSE"]


@pytest.mark.parametrize("at", CALLBACKS)
def test_r1_abort_in_a_callback(victims: Any, at: str) -> None:
    victim = victims(is_observed=True)
    with attack(victim) as attacker:
        for what in ("abort", "abort twice", "abort elsewhere"):
            with victim.set(behaviour=what, behaves_at=[at]):
                peer = attacker.connect()
                send_anyway(peer, request(calling=MISBEHAVE), echo_rq())
                heard = names(peer.receive_all())
                peer.close()
                attacker.await_freed()
            assert heard in CALLBACKS[at].split(" or "), what


@pytest.mark.parametrize("at", AT_THE_END)
def test_r1_abort_in_a_callback_of_the_end(victims: Any, at: str) -> None:
    """There is nothing left to end."""
    victim = victims(is_observed=True)
    ends = {"EVT_ABORTED": model.abort(0, 0), "EVT_RELEASED": RELEASE_RQ, "EVT_CONN_CLOSE": model.abort(0, 0)}
    with attack(victim) as attacker:
        for what in ("abort", "release", "abort everywhere"):
            with victim.set(behaviour=what, behaves_at=[at]):
                peer = attacker.associate(calling=MISBEHAVE)
                peer.send(ends[at])
                assert names(peer.receive_all()) == ("RELEASE-RP" if at == "EVT_RELEASED" else "-"), what
                peer.close()
                attacker.await_freed()


def test_r1_abort_in_every_transition(victims: Any) -> None:
    """The handler is told of the transitions that its own aborts cause."""
    victim = victims(is_observed=True)
    with attack(victim) as attacker:
        for what in ("abort", "abort twice", "abort elsewhere"):
            with victim.set(behaviour=what, behaves_at=["EVT_FSM_TRANSITION", "EVT_PDU_RECV"]):
                peer = attacker.connect()
                send_anyway(peer, request(calling=MISBEHAVE))
                assert names(peer.receive_all()) in ("-", "ABORT-0-0"), what
                peer.close()
                attacker.await_freed()


@pytest.mark.parametrize("what", ["abort", "abort twice", "abort everywhere"])
def test_r1_abort_in_another_thread(victim: Victim, what: str) -> None:
    """While our acceptor waits, receives a command set, a data set, a file."""
    moments: list[list[bytes]] = [
        [],
        [model.p_data_tf([(STORE_CONTEXT, 1, store_command()[:20])])],
        store_rq(data_set(100_000))[:3],
        store_rq(data_set(2 << 20))[:-1],
    ]
    with attack(victim, dimse_timeout=10.0) as attacker:
        for sent in moments:
            peer = acceptor_in_sta6(attacker)
            peer.send(*sent)
            start = monotonic()
            assert Act(victim, what).outcome()["error"] is None
            assert peer.receive_pdu() == ABORT_BY_USER
            assert monotonic() - start < IMMEDIATELY
            assert peer.receive_all() == []
            peer.close()
            attacker.await_freed()


def test_r1_abort_in_another_thread_while_a_handler_runs(victim: Victim) -> None:
    """The peer hears of it at once; what the handler returns goes nowhere."""
    with attack(victim, behaviour="hang") as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        peer.send(echo_rq())
        wait_until(lambda: victim.look().hanging == 1)
        assert Act(victim, "abort").outcome()["error"] is None
        assert peer.receive_pdu() == ABORT_BY_USER
        victim.tell("open_gate")
        assert peer.receive_all() == []


@pytest.mark.parametrize("what", ["abort", "abort twice", "abort everywhere"])
def test_r1_abort_in_the_middle_of_a_long_send(victim: Victim, what: str) -> None:
    """The peer takes nothing: the abort returns at once, and the connection is closed soon after."""
    times: list[float] = []

    def script(peer: Raw) -> None:
        requestor_in_sta8(peer)  # without the release
        start = monotonic()
        assert Act(victim, what, "requestor").outcome()["error"] is None
        times.append(monotonic() - start)
        wait_until(lambda: victim.tell("state", mode="requestor") == "Sta1")
        times.append(monotonic() - start)

    settings = {"growth": 48 << 10, "network_timeout": 30.0, "dimse_timeout": 10.0}
    with attack(victim, as_requestor=True, **settings) as attacker:
        outcome = attacker.face(script, ["store:8000000"])
    assert outcome["aborted"] and outcome["did"] == ["no status"]
    assert times[0] < 0.5 and times[1] < IMMEDIATELY


def test_r1_abort_of_a_peer_in_the_middle_of_our_long_send(victim: Victim) -> None:
    def script(peer: Raw) -> None:
        requestor_in_sta8(peer)
        peer.send(model.abort(0, 0))
        wait_until(lambda: victim.tell("state", mode="requestor") == "Sta1")

    with attack(victim, as_requestor=True, growth=48 << 10, network_timeout=30.0) as attacker:
        outcome = attacker.face(script, ["store:8000000"])
    assert outcome["aborted"] and outcome["did"] == ["no status"]


@pytest.mark.parametrize("operation", ["abort", "release"])
def test_r1_the_socket_is_shut_down_beneath_us(victim: Victim, operation: str) -> None:
    """By whoever has its descriptor: the association ends like one whose connection broke."""
    with attack(victim) as attacker:
        peer = acceptor_in_sta6(attacker)
        assert Act(victim, "shut down the socket").outcome()["error"] is None
        assert peer.receive_all() == []
        assert Act(victim, operation).outcome()["error"] is None
        attacker.await_freed()


def test_r1_release_in_a_handler(victim: Victim) -> None:
    """A release from within an operation: the peer agrees, and there is no response any more."""
    with attack(victim, behaviour="release") as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        peer.send(echo_rq())
        assert peer.receive_pdu() == RELEASE_RQ
        peer.send(RELEASE_RP)
        assert peer.receive_all() == []


def test_r1_release_in_a_handler_of_a_peer_that_does_not_answer(victim: Victim) -> None:
    with attack(victim, behaviour="release", acse_timeout=0.3) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        peer.send(echo_rq())
        assert peer.receive_pdu() == RELEASE_RQ
        assert peer.receive_all() in ([], [ABORT_BY_USER])


# --- R1: shutdown -----------------------------------------------------------------------------------------


@pytest.fixture
def mortal(tmp_path: Path) -> Any:
    """A victim that this test may shut down."""
    victim = Victim(tmp_path)
    yield victim
    victim.discard()


def test_r1_shutdown_with_peers_in_every_state(mortal: Victim) -> None:
    """It aborts all, and waits for none: those before their request, and in Sta13, are just closed."""
    mortal.tell("set", maximum_associations=100)
    attacker = SimpleAttack(mortal)
    silent = [attacker.connect() for _ in range(10)]
    begun = [attacker.connect() for _ in range(10)]
    for peer in begun:
        peer.send(request()[:30])
    idle = [attacker.associate() for _ in range(10)]
    receiving = [attacker.associate() for _ in range(10)]
    for peer in receiving:
        peer.send(*store_rq(data_set(100_000))[:3])
    done = [ACCEPTOR["Sta13rj"](attacker) for _ in range(10)]
    aborted, seconds = mortal.tell("shut_down")
    assert aborted == 20 and seconds < IMMEDIATELY + 1
    for peer in idle + receiving:
        assert peer.receive_all() in ([ABORT_BY_USER], [])  # a reset may overtake it
    for peer in silent + begun + done:
        assert peer.receive_all() == []
    look = mortal.look()
    assert (look.established, look.active, look.files, look.fault_count) == (0, 0, 0, 0)


class SimpleAttack:
    """What the fixtures of states need of an attack."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim
        self._peers: list[Raw] = []

    connect = Attack.connect
    associate = Attack.associate


# --- R3: release ------------------------------------------------------------------------------------------


def test_r3_collision_as_acceptor(victim: Victim) -> None:
    """Sta7, Sta10, Sta12, Sta13: the requestor answers first."""
    with attack(victim) as attacker:
        peer = acceptor_in_sta7(attacker)
        peer.send(RELEASE_RQ)
        peer.send(RELEASE_RP)
        assert peer.receive_pdu() == RELEASE_RP
        assert peer.receive_all() == []


def test_r3_collision_as_requestor(victim: Victim) -> None:
    """Sta7, Sta9, Sta11: we answer first."""

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        assert peer.receive_pdu() == RELEASE_RQ
        peer.send(RELEASE_RQ)
        assert peer.receive_pdu() == RELEASE_RP
        peer.send(RELEASE_RP)
        assert peer.receive_all() == []

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, [])
    assert outcome["released"] and not outcome["aborted"]


def test_r3_both_ask_at_the_same_moment(victim: Victim) -> None:
    """Whoever is first: it ends in good order, as a collision or as none."""
    with attack(victim) as attacker:
        for _ in range(30):
            peer = acceptor_in_sta6(attacker)
            act = Act(victim, "release")
            peer.send(RELEASE_RQ)
            first = peer.receive_pdu()
            if first == RELEASE_RQ:  # a collision: ours is answered first
                peer.send(RELEASE_RP)
                assert peer.receive_pdu() == RELEASE_RP
            else:
                assert first == RELEASE_RP
            assert peer.receive_all() == []
            peer.close()
            assert act.outcome()["error"] is None
            attacker.await_freed()


def test_r3_peer_that_forgets_its_answer_in_a_collision(victim: Victim) -> None:
    """Sta10 has no timer in the standard; silence ends it all the same."""
    with attack(victim, network_timeout=0.4, dimse_timeout=0.4) as attacker:
        peer = acceptor_in_sta7(attacker)
        peer.send(RELEASE_RQ)
        assert peer.receive_all() in ([ABORT_BY_USER], [])
        attacker.await_freed()


IN_FLIGHT = {
    "a C-ECHO": ([echo_rq()], "DATA RELEASE-RP"),
    "a C-STORE": (store_rq(data_set()), "DATA RELEASE-RP"),
    "a C-STORE into a file": (store_rq(data_set(2 << 20)), "DATA RELEASE-RP"),
    "part of a command set": ([model.p_data_tf([(STORE_CONTEXT, 1, store_command()[:20])])], "RELEASE-RP"),
    "a command set": (store_rq(data_set())[:1], "RELEASE-RP"),
    "part of a data set": (store_rq(data_set(100_000))[:3], "RELEASE-RP"),
    "part of a file": (store_rq(data_set(2 << 20))[:-1], "RELEASE-RP"),
}


@pytest.mark.parametrize("sink", ["memory", "directory"])
def test_r3_release_with_a_message_in_flight(victim: Victim, tmp_path: Path, sink: str) -> None:
    """What is whole is answered first; what is not is dropped, and leaves no file."""
    settings = {"store_directory": str(tmp_path)} if sink == "directory" else {}
    with attack(victim, growth=2 * GROWTH, **settings) as attacker:
        for case, (sent, expected) in IN_FLIGHT.items():
            peer = attacker.associate()
            peer.send(b"".join(sent) + RELEASE_RQ)
            assert names(final_pdus(peer)) == expected, case
            peer.close()
            attacker.await_freed()
        assert len(attacker.stored()) == 2
    names_left = sorted(path.name for path in tmp_path.iterdir())
    assert names_left == ([] if sink == "memory" else ["1.2.3.4.dcm", "2.25.1.dcm"])


def test_r3_release_while_a_handler_runs(victim: Victim) -> None:
    with attack(victim, behaviour="hang") as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        peer.send(echo_rq())
        wait_until(lambda: victim.look().hanging == 1)
        peer.send(RELEASE_RQ)
        victim.tell("open_gate")
        assert names(peer.receive_all()) == "DATA RELEASE-RP"


def test_r3_release_with_several_operations_in_progress(victim: Victim) -> None:
    """The peer does not want the answers any more: it gets its A-RELEASE-RP, and the handlers end."""
    with attack(victim, behaviour="hang", window=[8, 1]) as attacker:
        peer = attacker.associate(calling=MISBEHAVE, window=(8, 1))
        peer.send(*(echo_rq(i) for i in range(1, 9)))
        wait_until(lambda: victim.look().hanging == 8)
        peer.send(RELEASE_RQ)
        heard = [peer.receive_pdu()]
        victim.tell("open_gate")
        heard += peer.receive_all()
        assert names(heard) == "RELEASE-RP"


def test_r3_requests_after_a_release(victim: Victim) -> None:
    """After A-RELEASE-RP there is no association: what still comes is dropped."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        peer.send(RELEASE_RQ + echo_rq() + b"".join(store_rq(data_set())))
        assert names(final_pdus(peer)) == "RELEASE-RP"
        assert attacker.stored() == []


# --- R4: the peer does not close --------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Sta13rj", "Sta13rp", "Sta13ab"])
def test_r4_the_slot_is_free_before_the_peer_closes(victim: Victim, state: str) -> None:
    """All slots are taken by it, and are free as soon as it has our last word; then it is closed."""
    with attack(victim, acse_timeout=0.5) as attacker:
        for _ in range(5):
            ACCEPTOR[state](attacker)
            check_admission(victim)
        attacker.await_freed()


def test_r4_many_that_do_not_close(victim: Victim) -> None:
    """They have no threads, and no more memory than connections have."""
    with attack(victim, acse_timeout=1.0, room=100) as attacker:
        for _ in range(30):
            for state in ("Sta13rj", "Sta13rp"):
                ACCEPTOR[state](attacker)
        wait_until(lambda: victim.look().established == attacker.before.established)
        assert victim.look().threads <= attacker.before.threads + 8
        check_admission(victim)
        attacker.await_freed()


def send_for_ever(peer: Raw, data: bytes) -> None:
    while True:
        peer.send(data)


def test_r4_the_peer_goes_on_sending(victim: Victim) -> None:
    """It is read and dropped, so that the peer gets to see our last word; but not for ever."""
    with attack(victim, acse_timeout=30.0) as attacker:
        peer = ACCEPTOR["Sta13rj"](attacker)
        start = monotonic()
        much = bytes(1 << 16)
        with pytest.raises(ConnectionError):
            send_for_ever(peer, much)
        assert monotonic() - start < IMMEDIATELY
        attacker.await_freed()


@pytest.mark.parametrize("state", ["Sta5", "Sta6"])
def test_r4_the_peer_of_our_requestor_does_not_close(victim: Victim, state: str) -> None:
    """After our A-ABORT it is given a second."""
    times: list[float] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        if state == "Sta6":
            peer.send(acceptance())
            peer.receive_message()
        peer.send(RELEASE_RP)
        assert peer.receive_pdu() == model.abort(2, 2)
        start = monotonic()
        assert peer.receive_all() == []
        times.append(monotonic() - start)

    with attack(victim, as_requestor=True, acse_timeout=0.3) as attacker:
        outcome = attacker.face(script, ["echo"])
    assert outcome["aborted"] and times[0] < IMMEDIATELY


def test_a_peer_without_errors_is_served(victim: Victim) -> None:
    with attack(victim), established(victim.port) as peer:
        echo(peer)
        release(peer)
