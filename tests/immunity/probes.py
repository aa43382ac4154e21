"""One connection over which something is sent that may or may not be right, and what must come of it."""

from __future__ import annotations

import model
from immunity.harness import ABORT_BY_USER, Attack, Victim, attack, final_pdus, send_anyway
from immunity.oracle import ACCEPTED, NOTHING, Fate, fate_of_request, first_answer
from raw_peer import Raw

ABORTS = [ABORT_BY_USER, *(model.abort(2, reason) for reason in (1, 2, 4, 5, 6))]
"""Every A-ABORT that there is an occasion for (PS3.8 Table 9-26)."""


def assert_answered(attacker: Attack, sent: bytes) -> bytes:
    """Send all that comes before an association; the answer, which is returned, is that of the oracle."""
    with attacker.connect() as peer:
        peer.send(sent)
        answers = final_pdus(peer)
    expected = first_answer(sent)
    got = answers[0] if answers else NOTHING
    is_expected = got[:1] == ACCEPTED if expected == ACCEPTED else got == expected
    assert is_expected, f"{got[:10]!r} is answered, not {expected!r}, to {sent!r}"
    if expected == ACCEPTED:
        attacker.await_freed()
    return expected


def assert_requestor_copes(attacker: Attack, answer: bytes) -> str:
    """Answer our requestor with anything and end the stream; what becomes of it is as the oracle says."""
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(answer)
        heard.extend(final_pdus(peer))

    outcome = attacker.face(script, [])
    fate = fate_of_request(answer)
    got = outcome["established"], outcome["rejected"], (outcome["source"], outcome["reason"])
    if fate == Fate.ESTABLISHED:
        assert got[:2] == (True, False), f"{outcome} came of {answer!r}"
        return fate
    assert got[:2] == (False, fate == Fate.REJECTED), f"{outcome} came of {answer!r}"
    if fate == Fate.FAULTY:
        assert heard in [[abort] for abort in ABORTS[1:]]  # AA-8
        assert got[2] == (heard[0][8], heard[0][9])
    else:
        assert heard == ([ABORT_BY_USER] if fate == Fate.UNUSABLE else [])
    return fate


def assert_message_is_answered(attacker: Attack, sent: bytes) -> None:
    """Send something like a message: a response comes, an abort, or nothing when more is awaited."""
    with attacker.associate() as peer:
        send_anyway(peer, sent)
        answers = final_pdus(peer)
    attacker.await_freed()
    assert all(answer[:1] == b"\4" for answer in answers[:-1])
    assert not answers or answers[-1][:1] == b"\4" or answers[-1] in ABORTS


def assert_rq(victim: Victim, sent: bytes, expected: bytes) -> None:
    """The answer is the expected one, and the oracle thinks so, too."""
    assert first_answer(sent) == expected
    with attack(victim) as attacker:
        assert_answered(attacker, sent)


def assert_ac(victim: Victim, answer: bytes, expected: str) -> None:
    """The same for our requestor."""
    assert fate_of_request(answer) == expected
    with attack(victim, as_requestor=True) as attacker:
        assert_requestor_copes(attacker, answer)
