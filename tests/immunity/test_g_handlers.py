"""Group G3: handlers that raise, hang, or return what is no status: who asked gets a failure, or waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model
import pytest
from immunity.behaviours import JUNK
from immunity.harness import ABORT_BY_USER, GROWTH, IMMEDIATELY, Victim, attack, echo, release
from immunity.states import Act, names
from raw_peer import data_set, echo_rq, request, store_rq
from servers import wait_until

MISBEHAVE = b"MISBEHAVE"

HANDLER_FAILED, PROCESSING_FAILURE = 0xC211, 0x0110
DATASET_WITHOUT_STATUS, NOT_A_STATUS, OUT_OF_RESOURCES = 0xC001, 0xC002, 0xA700


@pytest.mark.parametrize("sink", ["memory", "file", "directory"])
def test_g3_handler_that_raises(victim: Victim, tmp_path: Path, sink: str) -> None:
    """Told to the peer, and to the log; the association lives on."""
    settings: dict[str, Any] = {"store_directory": str(tmp_path)} if sink == "directory" else {}
    with attack(victim, behaviour="raise", allows_faults=True, growth=2 * GROWTH, **settings) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        for number in range(1, 4):
            peer.send(*store_rq(data_set((2 << 20) if sink == "file" else 500), number))
            assert peer.receive_message()[1][0x0900] == HANDLER_FAILED
            peer.send(echo_rq(number))
            assert peer.receive_message()[1][0x0900] == PROCESSING_FAILURE
        assert "a handler that raises" in victim.look().faults[-1]
        with victim.set(behaviour="succeed"):
            echo(peer)
        release(peer)


def test_g3_handler_that_ends_its_thread(victim: Victim) -> None:
    """SystemExit is not for us to answer: the association ends with its thread, and nothing else does."""
    with attack(victim, behaviour="exit", allows_faults=True) as attacker:
        for _ in range(3):
            peer = attacker.associate(calling=MISBEHAVE)
            peer.send(echo_rq())
            assert peer.receive_all() in ([], [ABORT_BY_USER], [model.abort(2, 0)])
            peer.close()
            attacker.await_freed()


STATUSES = {
    "an empty Dataset": DATASET_WITHOUT_STATUS,
    "a Dataset without a Status": DATASET_WITHOUT_STATUS,
    "a long comment": OUT_OF_RESOURCES,
    "a comment in Greek": OUT_OF_RESOURCES,
    "an ErrorID that is none": OUT_OF_RESOURCES,
    "an OffendingElement that is none": OUT_OF_RESOURCES,
    "2000 OffendingElements": OUT_OF_RESOURCES,
}


@pytest.mark.parametrize("junk", JUNK)
def test_g3_handler_that_returns_junk(victim: Victim, junk: str) -> None:
    """0xC001 and 0xC002 as in pynetdicom; what explains a status is left out when it cannot be sent."""
    with attack(victim, behaviour=f"junk: {junk}") as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        for sent in (echo_rq(), b"".join(store_rq(data_set()))):
            peer.send(sent)
            assert peer.receive_message()[1][0x0900] == STATUSES.get(junk, NOT_A_STATUS)
        with victim.set(behaviour="succeed"):
            echo(peer)
        release(peer)


NOTIFICATIONS = [
    "EVT_CONN_OPEN",
    "EVT_REQUESTED",
    "EVT_ACCEPTED",
    "EVT_ESTABLISHED",
    "EVT_RELEASED",
    "EVT_CONN_CLOSE",
]
OBSERVED = [
    "EVT_DIMSE_RECV",
    "EVT_DIMSE_SENT",
    "EVT_PDU_RECV",
    "EVT_PDU_SENT",
    "EVT_DATA_RECV",
    "EVT_FSM_TRANSITION",
]


@pytest.mark.parametrize("at", NOTIFICATIONS + OBSERVED)
def test_g3_callback_that_raises(victims: Any, at: str) -> None:
    """Who is only told of something changes nothing by raising."""
    victim = victims(is_observed=True) if at in OBSERVED else victims()
    with attack(victim, allows_faults=True) as attacker, victim.set(behaviour="raise", behaves_at=[at]):
        peer = attacker.associate(calling=MISBEHAVE)
        for number in range(1, 4):
            peer.send(*store_rq(data_set(), number))
            assert peer.receive_message()[1][0x0900] == 0x0000
            echo(peer, number)
        release(peer)
        peer.close()
        attacker.await_freed()


@pytest.mark.parametrize("window", [[-1, 5], [1], ["a", "b"], [70_000, 1], [1, 2, 3], [None, None], [1.5, 2]])
def test_g3_window_that_is_none(victim: Victim, window: list[Any]) -> None:
    """EVT_ASYNC_OPS returns junk: one operation at a time, as if nothing had been proposed."""
    with attack(victim, window=window) as attacker:
        peer = attacker.connect()
        peer.send(request(window=(8, 8)))
        items = dict(model.read_associate(peer.receive_pdu())[4])
        sub_items = dict(model.read_items(items[0x50]))
        assert sub_items[0x53] == b"\0\1\0\1"
        echo(peer)
        release(peer)


def test_g3_handler_that_hangs(victim: Victim) -> None:
    """It holds up its own association only, and that can be aborted at once."""
    with attack(victim, behaviour="hang", room=4) as attacker:
        peers = [attacker.associate(calling=MISBEHAVE) for _ in range(3)]
        for peer in peers:
            peer.send(*store_rq(data_set()))
        wait_until(lambda: victim.look().hanging == 3)
        attacker.bystander.keep_on()
        assert attacker.bystander.slowest < IMMEDIATELY
        assert Act(victim, "abort").outcome()["error"] is None  # that of the last one
        assert names([peers[-1].receive_pdu()]) == "ABORT-0-0"
        victim.tell("open_gate")
        for peer in peers[:-1]:
            assert peer.receive_message()[1][0x0900] == 0x0000
            release(peer)


def test_g3_handler_that_hangs_longer_than_any_timeout(victim: Victim) -> None:
    """Timeouts are for what the peer does: a handler may take its time."""
    with attack(victim, behaviour="hang", dimse_timeout=0.2, acse_timeout=0.2) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        peer.send(echo_rq())
        wait_until(lambda: victim.look().hanging == 1)
        for _ in range(30):
            attacker.bystander.keep_on()
        victim.tell("open_gate")
        assert peer.receive_message()[1][0x0900] == 0x0000
        release(peer)


def test_g3_peer_that_goes_while_a_handler_hangs(victim: Victim) -> None:
    """Whatever the handler returns then, nobody gets it."""
    with attack(victim, behaviour="hang", room=4) as attacker:
        peers = [attacker.associate(calling=MISBEHAVE) for _ in range(3)]
        for peer in peers:
            peer.send(echo_rq())
        wait_until(lambda: victim.look().hanging == 3)
        peers[0].close()
        peers[1].reset()
        peers[2].send(model.abort(0, 0))
        attacker.bystander.keep_on()
        victim.tell("open_gate")
        attacker.await_freed()


def test_g3_shutdown_while_a_handler_hangs(tmp_path: Path) -> None:
    """AE.shutdown does not wait for ever for what it cannot end; the peer hears of it at once."""
    from immunity.bystander import established

    victim = Victim(tmp_path, behaviour="hang")
    try:
        with established(victim.port, calling=MISBEHAVE) as peer:
            peer.send(echo_rq())
            wait_until(lambda: victim.look().hanging == 1)
            aborted, seconds = victim.tell("shut_down")
            assert aborted == 1 and seconds < 8
            assert peer.receive_pdu() == ABORT_BY_USER
            victim.tell("open_gate")
            assert peer.receive_all() == []
            wait_until(lambda: victim.look().active == 0)
            assert victim.look().fault_count == 0
    finally:
        victim.discard()
