"""How a victim is brought into each state of PS3.8 Table 9-10, by a peer and by its own user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import model
from immunity.harness import Attack, Victim, echo, final_pdus
from raw_peer import Raw, acceptance, echo_rq, request
from servers import wait_until

RELEASE_RQ, RELEASE_RP = model.release_rq(), model.release_rp()

UNKNOWN_PDU = model.pdu(0x0A, bytes(4))
INVALID_PDU = b"\5\0\0\0\0\5" + bytes(5)

EVENTS = {
    "Evt3": acceptance(),
    "Evt4": model.reject(1, 1, 1),
    "Evt6": request(),
    "Evt10": echo_rq(9),
    "Evt12": RELEASE_RQ,
    "Evt13": RELEASE_RP,
    "Evt16": model.abort(0, 0),
    "Evt16p": model.abort(2, 1),
    "Evt17": b"",  # nothing: the end of the stream
    "Evt19": UNKNOWN_PDU,
    "Evt19i": INVALID_PDU,
}
"""What a peer can cause: a user's and a provider's A-ABORT, PDUs that are unknown and that are wrong."""

NAMES = {1: "RQ", 2: "AC", 3: "RJ", 4: "DATA", 5: "RELEASE-RQ", 6: "RELEASE-RP"}


def names(pdus: list[bytes]) -> str:
    """What came, to be compared with a cell of a table."""
    rows = [f"ABORT-{pdu[8]}-{pdu[9]}" if pdu[0] == 7 else NAMES[pdu[0]] for pdu in pdus]
    return " ".join(rows) or "-"


def read_table(text: str) -> dict[str, dict[str, str]]:
    """Read a table of states, with a column each, and events: state to event to what must come.

    A cell is what `names` returns, with + instead of the spaces.
    """
    header, *rows = (line.split() for line in text.strip().splitlines())
    return {
        state: {row[0]: row[column].replace("+", " ") for row in rows}
        for column, state in enumerate(header, start=1)
    }


def await_state(victim: Victim, mode: str, *states: str) -> None:
    wait_until(lambda: victim.tell("state", mode=mode) in states, " or ".join(states))


class Act:
    """Something that the user of the victim does in another thread, with the newest association."""

    def __init__(self, victim: Victim, what: str, mode: str = "acceptor") -> None:
        self._victim = victim
        self._number = next(victim._numbers)
        victim.tell("act", number=self._number, action=what, mode=mode)

    def outcome(self) -> dict[str, Any]:
        return self._victim.outcome(self._number)


# --- as acceptor ------------------------------------------------------------------------------------------


def acceptor_in_sta2(attacker: Attack) -> Raw:
    return attacker.connect()


def acceptor_in_sta3(attacker: Attack) -> Raw:
    """A handler of EVT_REQUESTED hangs, until `open_gate`."""
    peer = attacker.connect()
    peer.send(request(calling=b"MISBEHAVE"))
    wait_until(lambda: attacker.victim.look().hanging == 1, "a handler that hangs")
    return peer


def acceptor_in_sta6(attacker: Attack) -> Raw:
    peer = attacker.associate()
    echo(peer)  # it is established for its own user, too
    return peer


def acceptor_in_sta7(attacker: Attack) -> Raw:
    peer = acceptor_in_sta6(attacker)
    Act(attacker.victim, "release")
    assert peer.receive_pdu() == RELEASE_RQ
    return peer


def acceptor_in_sta10(attacker: Attack) -> Raw:
    peer = acceptor_in_sta7(attacker)
    peer.send(RELEASE_RQ)
    await_state(attacker.victim, "acceptor", "Sta10")
    return peer


def acceptor_in_sta13_rejected(attacker: Attack) -> Raw:
    peer = attacker.connect()
    peer.send(request(version=2))
    assert peer.receive_pdu() == model.reject(1, 2, 2)
    return peer


def acceptor_in_sta13_released(attacker: Attack) -> Raw:
    peer = attacker.associate()
    peer.send(RELEASE_RQ)
    assert peer.receive_pdu() == RELEASE_RP
    return peer


def acceptor_in_sta13_aborted(attacker: Attack) -> Raw:
    peer = acceptor_in_sta6(attacker)
    Act(attacker.victim, "abort")
    assert peer.receive_pdu() == model.abort(0, 0)
    return peer


ACCEPTOR: dict[str, Callable[[Attack], Raw]] = {
    "Sta2": acceptor_in_sta2,
    "Sta3": acceptor_in_sta3,
    "Sta6": acceptor_in_sta6,
    "Sta7": acceptor_in_sta7,
    "Sta10": acceptor_in_sta10,
    "Sta13rj": acceptor_in_sta13_rejected,
    "Sta13rp": acceptor_in_sta13_released,
    "Sta13ab": acceptor_in_sta13_aborted,
}


# --- as requestor -----------------------------------------------------------------------------------------


def requestor_in_sta5(peer: Raw) -> None:
    assert peer.receive_pdu()[:1] == b"\1"


def requestor_in_sta6(peer: Raw) -> None:
    """It awaits the response to a C-ECHO."""
    requestor_in_sta5(peer)
    peer.send(acceptance())
    assert peer.receive_message()[1][0x0100] == 0x0030


def requestor_in_sta7(peer: Raw) -> None:
    requestor_in_sta5(peer)
    peer.send(acceptance())
    assert peer.receive_pdu() == RELEASE_RQ


def requestor_in_sta8(peer: Raw) -> None:
    """It is in the middle of a data set that the peer does not take; `hear` then reads on."""
    requestor_in_sta5(peer)
    peer.send(acceptance())
    assert peer.receive(1) == b"\4"


def requestor_in_sta11(peer: Raw) -> None:
    requestor_in_sta7(peer)
    peer.send(RELEASE_RQ)
    assert peer.receive_pdu() == RELEASE_RP


def requestor_in_sta13(peer: Raw) -> None:
    """What it asked for was answered with none of its presentation contexts, and it has aborted."""
    requestor_in_sta5(peer)
    peer.send(EVENTS["Evt10"])
    assert peer.receive_pdu() == model.abort(2, 2)


REQUESTOR: dict[str, tuple[Callable[[Raw], None], list[str]]] = {
    "Sta5": (requestor_in_sta5, []),
    "Sta6": (requestor_in_sta6, ["echo"]),
    "Sta7": (requestor_in_sta7, []),
    "Sta8": (requestor_in_sta8, ["store:8000000"]),
    "Sta11": (requestor_in_sta11, []),
    "Sta13": (requestor_in_sta13, []),
}
"""What the peer does, and what our user has asked for."""


def hear(peer: Raw, state: str, event: str) -> list[bytes]:
    """Return what comes; of a message that is in progress, only what comes after it."""
    if (state, event) == ("Sta5", "Evt3"):
        return [peer.receive_pdu(), *final_pdus(peer)]
    if event == "Evt17":
        peer.close()
        return []
    if state != "Sta8":
        return final_pdus(peer)
    rest = peer.receive(5)
    peer.receive(int.from_bytes(rest[1:], "big"))
    pdu = peer.receive_pdu()
    while pdu[:1] == b"\4":
        pdu = peer.receive_pdu()
    return [pdu, *final_pdus(peer)] if pdu else []
