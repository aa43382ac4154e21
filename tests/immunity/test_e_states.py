"""Group E1: each cell of PS3.8 Table 9-10 that a peer or the local user can cause, over a real socket.

A cell says what comes over the wire until the end of the stream, and the end has to come. ABORT-0-0 is AA-1,
ABORT-2-n is AA-8 with its reason; Evt16p is the A-ABORT of a provider, Evt19i a PDU of a wrong length.

Where our side is in a state only as long as our own thread takes (Sta9, Sta12, and Sta8 as acceptor) there is
nothing that a peer can time. In Sta3 a handler decides, and nobody reads: what comes waits for Sta6.
"""

from __future__ import annotations

from typing import Any

import model
import pytest
from immunity.harness import GROWTH, Attack, Victim, attack, final_pdus, send_anyway
from immunity.states import (
    ACCEPTOR,
    EVENTS,
    RELEASE_RP,
    RELEASE_RQ,
    REQUESTOR,
    Act,
    acceptor_in_sta3,
    acceptor_in_sta6,
    acceptor_in_sta7,
    acceptor_in_sta10,
    await_state,
    hear,
    names,
    read_table,
)
from raw_peer import Raw, acceptance, connect_raw, echo_rq, fake_acceptor, request

# Sta13: our side has said its last word and shut down the connection, so that AA-7 (another A-ABORT, Evt6 and
# Evt19) has nowhere to go: all is read and dropped, until the peer closes or the timer runs out.
AS_ACCEPTOR = read_table("""
          Sta2        Sta3             Sta6         Sta7         Sta10        Sta13rj  Sta13rp  Sta13ab
  Evt3    ABORT-0-0   AC+ABORT-2-2     ABORT-2-2    ABORT-2-2    ABORT-2-2    -        -        -
  Evt4    ABORT-0-0   AC+ABORT-2-2     ABORT-2-2    ABORT-2-2    ABORT-2-2    -        -        -
  Evt6    AC          AC+ABORT-2-2     ABORT-2-2    ABORT-2-2    ABORT-2-2    -        -        -
  Evt10   ABORT-0-0   AC+DATA          DATA         -            ABORT-2-2    -        -        -
  Evt12   ABORT-0-0   AC+RELEASE-RP    RELEASE-RP   -            ABORT-2-2    -        -        -
  Evt13   ABORT-0-0   AC+ABORT-2-2     ABORT-2-2    -            RELEASE-RP   -        -        -
  Evt16   -           AC               -            -            -            -        -        -
  Evt16p  -           AC               -            -            -            -        -        -
  Evt17   -           AC               -            -            -            -        -        -
  Evt19   ABORT-0-0   AC+ABORT-2-1     ABORT-2-1    ABORT-2-1    ABORT-2-1    -        -        -
  Evt19i  ABORT-0-0   AC+ABORT-2-6     ABORT-2-6    ABORT-2-6    ABORT-2-6    -        -        -
""")

AS_REQUESTOR = read_table("""
          Sta5        Sta6         Sta7         Sta8         Sta11        Sta13
  Evt3    RELEASE-RQ  ABORT-2-2    ABORT-2-2    ABORT-2-2    ABORT-2-2    -
  Evt4    -           ABORT-2-2    ABORT-2-2    ABORT-2-2    ABORT-2-2    -
  Evt6    ABORT-2-2   ABORT-2-2    ABORT-2-2    ABORT-2-2    ABORT-2-2    -
  Evt10   ABORT-2-2   DATA         -            ABORT-2-2    ABORT-2-2    -
  Evt12   ABORT-2-2   RELEASE-RP   RELEASE-RP   ABORT-2-2    ABORT-2-2    -
  Evt13   ABORT-2-2   ABORT-2-2    -            ABORT-2-2    -            -
  Evt16   -           -            -            -            -            -
  Evt16p  -           -            -            -            -            -
  Evt17   -           -            -            -            -            -
  Evt19   ABORT-2-1   ABORT-2-1    ABORT-2-1    ABORT-2-1    ABORT-2-1    -
  Evt19i  ABORT-2-6   ABORT-2-6    ABORT-2-6    ABORT-2-6    ABORT-2-6    -
""")


@pytest.mark.parametrize("state", AS_ACCEPTOR)
def test_e1_a_peer_of_our_acceptor(victim: Victim, state: str) -> None:
    settings = {"behaviour": "hang", "behaves_at": ["EVT_REQUESTED"]} if state == "Sta3" else {}
    with attack(victim, **settings) as attacker:
        for event, expected in AS_ACCEPTOR[state].items():
            peer = ACCEPTOR[state](attacker)
            send_anyway(peer, EVENTS[event])
            if state == "Sta3":
                victim.tell("open_gate")
            assert names(final_pdus(peer)) == expected, f"{event} in {state}"
            peer.close()
            attacker.await_freed()


@pytest.mark.parametrize("state", AS_REQUESTOR)
def test_e1_a_peer_of_our_requestor(victim: Victim, state: str) -> None:
    growth = 32 << 10 if state == "Sta8" else GROWTH  # the object that our user sends, of 8 MB
    with attack(victim, as_requestor=True, network_timeout=30.0, growth=growth) as attacker:
        for event, expected in AS_REQUESTOR[state].items():
            bring, operations = REQUESTOR[state]
            heard: list[bytes] = []

            def script(peer: Raw, bring: Any = bring, event: str = event, heard: Any = heard) -> None:
                bring(peer)
                # One segment: nothing may depend on something that comes later.
                send_anyway(peer, (RELEASE_RQ if state == "Sta8" else b"") + EVENTS[event])
                if state == "Sta8":  # it hears of all while it cannot go on
                    await_state(victim, "requestor", "Sta8" if event == "Evt17" else "Sta13", "Sta1")
                heard.extend(hear(peer, state, event))

            outcome = attacker.face(script, operations)
            cell = f"{event} in {state}"
            assert names(heard) == expected, cell
            is_rejected = (state, event) == ("Sta5", "Evt4")
            is_released = (state, event) in {("Sta7", "Evt13"), ("Sta11", "Evt13"), ("Sta6", "Evt12")}
            ends = outcome["rejected"], outcome["released"], outcome["aborted"]
            assert ends == (is_rejected, is_released, not (is_rejected or is_released)), cell


def test_e1_sta4_connection_that_is_refused(victim: Victim) -> None:
    with fake_acceptor(lambda peer: None) as port:
        connect_raw(port).close()
    with attack(victim, as_requestor=True):
        outcome = victim.outcome(victim.start(port, ["echo"]))
    assert not outcome["established"] and outcome["aborted"]
    assert outcome["error"][0] == "ConnectionFailed"


# --- the local user ---------------------------------------------------------------------------------------

HANDLERS = {
    # Evt15; in Sta2 the table has none, and the connection is just closed
    ("EVT_CONN_OPEN", "abort"): "-",
    ("EVT_REQUESTED", "abort"): "ABORT-0-0",
    ("EVT_ACCEPTED", "abort"): "AC ABORT-0-0",
    ("EVT_ESTABLISHED", "abort"): "AC ABORT-0-0",
    ("EVT_REQUESTED", "reject"): "RJ",  # Evt8
    ("EVT_REQUESTED", "release"): "AC RELEASE-RP",  # Evt11 before there is an association: nothing
    ("EVT_CONN_OPEN", "release"): "AC RELEASE-RP",
}


@pytest.mark.parametrize(("at", "what"), HANDLERS)
def test_e1_the_user_of_our_acceptor_before_an_association(victim: Victim, at: str, what: str) -> None:
    with attack(victim) as attacker, victim.set(behaviour=what, behaves_at=[at]):
        peer = attacker.connect()
        send_anyway(peer, request(calling=b"MISBEHAVE"), RELEASE_RQ)
        assert names(final_pdus(peer)) == HANDLERS[at, what]
        attacker.await_freed()


ACTS_OF_ACCEPTOR = read_table("""
            Sta6                     Sta7                     Sta10
  abort     ABORT-0-0                ABORT-0-0                ABORT-0-0
  release   RELEASE-RQ               -                        -
""")


@pytest.mark.parametrize("state", ACTS_OF_ACCEPTOR)
@pytest.mark.parametrize("what", ["abort", "release"])
def test_e1_the_user_of_our_acceptor(victim: Victim, state: str, what: str) -> None:
    """Evt15 and Evt11 in another thread; a second release changes nothing."""
    with attack(victim) as attacker:
        peer = ACCEPTOR[state](attacker)
        act = Act(victim, what)
        if what == "release" and state != "Sta6":
            assert_nothing_comes(attacker, peer)
        else:
            assert names([peer.receive_pdu()]) == ACTS_OF_ACCEPTOR[state][what]
        final_pdus(peer)
        assert act.outcome()["error"] is None


def assert_nothing_comes(attacker: Attack, peer: Raw) -> None:
    """While the bystander is served twice, nothing comes."""
    attacker.bystander.keep_on()
    peer.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.socket.recv(1)
    peer.socket.settimeout(20)


@pytest.mark.parametrize("what", ["abort", "release", "echo"])
@pytest.mark.parametrize("state", ["Sta5", "Sta7", "Sta11"])
def test_e1_the_user_of_our_requestor(victim: Victim, state: str, what: str) -> None:
    """Evt15 is an A-ABORT in any state; Evt11 and Evt9 are not possible, and nothing is sent."""
    outcomes: list[dict[str, Any]] = []
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        REQUESTOR[state][0](peer)
        act = Act(victim, what, "requestor")
        if what == "echo":
            outcomes.append(act.outcome())
        if what == "abort":
            heard.append(peer.receive_pdu())
        else:
            peer.send(RELEASE_RP if state != "Sta5" else model.reject(1, 1, 1))
        heard.extend(final_pdus(peer))
        if what != "echo":  # a release ends with the association
            outcomes.append(act.outcome())

    with attack(victim, as_requestor=True, acse_timeout=5.0) as attacker:
        outcome = attacker.face(script, [])
    assert names(heard) == ("ABORT-0-0" if what == "abort" else "-")
    assert outcome["aborted"] == (what == "abort")
    assert outcome["released"] == (what != "abort" and state != "Sta5")
    if what == "echo":
        assert "Association" in outcomes[0]["error"]
    else:
        assert outcomes[0]["error"] is None


# --- the timer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Sta2", "Sta7", "Sta13rj", "Sta13rp", "Sta13ab"])
def test_e1_the_timer_of_our_acceptor(victim: Victim, state: str) -> None:
    """Evt18: the connection is closed, without another word."""
    with attack(victim, acse_timeout=0.3) as attacker:
        peer = ACCEPTOR[state](attacker)
        assert peer.receive_all() == []
        attacker.await_freed()


@pytest.mark.parametrize("state", ["Sta5", "Sta7"])
def test_e1_the_timer_of_our_requestor(victim: Victim, state: str) -> None:
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        REQUESTOR[state][0](peer)
        heard.extend(peer.receive_all())

    with attack(victim, as_requestor=True, acse_timeout=0.3) as attacker:
        outcome = attacker.face(script, [])
    assert heard == [] and outcome["aborted"] and not outcome["released"]


# --- what the fixture of each state is worth ---------------------------------------------------------------


def test_e1_the_states_are_those(victim: Victim) -> None:
    with attack(victim, behaviour="hang", behaves_at=["EVT_REQUESTED"]) as attacker:
        for bring, state in (
            (acceptor_in_sta3, "Sta3"),
            (acceptor_in_sta6, "Sta6"),
            (acceptor_in_sta7, "Sta7"),
            (acceptor_in_sta10, "Sta10"),
        ):
            peer = bring(attacker)
            await_state(victim, "acceptor", state)
            victim.tell("open_gate")
            final_pdus(peer)
            peer.close()
            attacker.await_freed()


def test_e1_two_associations_on_one_connection(victim: Victim) -> None:
    """Evt6 twice in one segment: the second is of no use in Sta6, and there never are two associations."""
    with attack(victim) as attacker:
        peer = attacker.connect()
        peer.send(request() + request())
        assert names(final_pdus(peer)) == "AC ABORT-2-2"
        attacker.await_freed()


@pytest.mark.parametrize("first", ["P-DATA-TF", "A-RELEASE-RQ", "A-ASSOCIATE-AC"])
def test_e1_whatever_follows_a_first_pdu_that_is_wrong(victim: Victim, first: str) -> None:
    """It is dropped: a request that follows it makes no association."""
    pdu = {"P-DATA-TF": echo_rq(), "A-RELEASE-RQ": RELEASE_RQ, "A-ASSOCIATE-AC": acceptance()}[first]
    with attack(victim) as attacker:
        before = victim.look().events.get("EVT_ESTABLISHED", 0)
        peer = attacker.connect()
        peer.send(pdu + request() + echo_rq())
        assert final_pdus(peer) in ([model.abort(0, 0)], [])  # a reset may overtake it
        attacker.await_freed()
        assert victim.look().events.get("EVT_ESTABLISHED", 0) == before
