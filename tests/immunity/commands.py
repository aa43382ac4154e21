"""Command sets that are right or wrong, and what must come of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import model
from immunity.harness import ABORT_BY_USER, Victim, attack, echo, final_pdus, release, send_anyway, store
from raw_peer import ECHO_CONTEXT, Raw, acceptance


def without(elements: dict[int, Any], *absent: int) -> dict[int, Any]:
    return {element: value for element, value in elements.items() if element not in absent}


def raw_element(element: int, value: bytes, group: int = 0) -> bytes:
    header = group.to_bytes(2, "little") + element.to_bytes(2, "little")
    return header + len(value).to_bytes(4, "little") + value


def command_pdu(context_id: int, command: bytes) -> bytes:
    pdu: bytes = model.p_data_tf([(context_id, 3, command)])
    return pdu


def echo_pdu(elements: dict[int, Any]) -> bytes:
    return command_pdu(ECHO_CONTEXT, model.command_set(elements))


def assert_aborted(victim: Victim, cases: dict[str, bytes]) -> None:
    """Send something within an association: the service user aborts, and says nothing else."""
    with attack(victim) as attacker:
        for case, sent in cases.items():
            peer = attacker.associate()
            send_anyway(peer, sent)
            assert peer.receive_all() == [ABORT_BY_USER], case
            peer.close()
            attacker.await_freed()
        assert attacker.stored() == []


def assert_requestor_aborts(victim: Victim, cases: dict[str, Callable[[dict[int, Any]], bytes]]) -> None:
    """Answer a C-ECHO of ours: it fails, and the service user aborts."""
    with attack(victim, as_requestor=True) as attacker:
        for case, answer in cases.items():
            heard: list[bytes] = []

            def script(peer: Raw, answer: Any = answer, heard: list[bytes] = heard) -> None:
                assert peer.receive_pdu()[:1] == b"\1"
                peer.send(acceptance())
                send_anyway(peer, answer(peer.receive_message()[1]))
                heard.extend(final_pdus(peer))

            outcome = attacker.face(script, ["echo"])
            assert outcome["did"] == ["no status"], case
            assert outcome["aborted"] and not outcome["released"], case
            assert heard == [ABORT_BY_USER], case


def assert_answered(victim: Victim, cases: dict[str, bytes], status: int, message_id: int = 7) -> None:
    """Send requests: each is answered with a status, and the association is as good as before."""
    with attack(victim) as attacker:
        peer = attacker.associate()
        for case, sent in cases.items():
            peer.send(sent)
            command = peer.receive_message()[1]
            assert (command[0x0120], command[0x0900]) == (message_id, status), case
        assert attacker.stored() == []
        echo(peer, 8)
        store(peer, 9)
        release(peer)
