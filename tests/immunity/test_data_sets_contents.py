"""D1, N1, Z1: what is in a data set is nobody's business below the handler: it is stored as it came.

A handler that does decode it, with `event.dataset`, gets an exception at worst, and the peer a failure.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model
import pytest
from immunity.harness import GROWTH, OUR_MAXIMUM_LENGTH, Attack, Victim, attack, echo, release
from immunity.hostile import DEFLATED, NONSENSE, bomb, deflated, nested, nested_with_lengths
from raw_peer import CT, EXPLICIT, IMPLICIT, Raw, acceptance, data_set, response, user_information

HANDLER_FAILED = 0xC211


def associate_for(attacker: Attack, transfer_syntax: str, calling: bytes = b"MISBEHAVE") -> Raw:
    """An association with a context for verification and one for storage in this transfer syntax."""
    items = [
        model.application_context(),
        model.context_rq(1, "1.2.840.10008.1.1", [IMPLICIT]),
        model.context_rq(3, CT, [transfer_syntax]),
        user_information(),
    ]
    peer = attacker.connect()
    peer.send(model.associate(1, b"CALLED", calling, items))
    answer = peer.receive_pdu()
    assert answer[:1] == b"\2"
    results = {
        model.read_context_ac(content)[1] for each, content in model.read_associate(answer)[4] if each == 0x21
    }
    assert results == {0}
    return peer


def send(peer: Raw, encoded: bytes, instance: str = "1.2.3.4") -> None:
    elements = {0x0002: CT, 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x0800: 1, 0x1000: instance}
    peer.send(*model.message(3, model.command_set(elements), encoded, OUR_MAXIMUM_LENGTH))


def status_of(peer: Raw) -> object:
    return peer.receive_message()[1][0x0900]


def expected_row(encoded: bytes) -> tuple[str, int, str]:
    return "1.2.3.4", len(encoded), hashlib.sha256(encoded).hexdigest()


SYNTAXES = {
    "implicit": IMPLICIT,
    "explicit": EXPLICIT,
    "deflated": DEFLATED,
    "JPEG": "1.2.840.10008.1.2.4.50",
}


@pytest.fixture
def decoding(victims: Callable[..., Victim]) -> Victim:
    """A victim of its own: what pydicom warns of is the handler's business, and not looked at."""
    return victims(behaviour="decode", behaves_at=["EVT_C_STORE"])


# --- D1 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_d1_nonsense_is_stored_as_it_came(victim: Victim, syntax: str) -> None:
    with attack(victim, accepts_any_storage=True, growth=2 * GROWTH) as attacker:
        peer = associate_for(attacker, SYNTAXES[syntax], b"CALLING")
        for case, encoded in NONSENSE.items():
            send(peer, encoded)
            assert status_of(peer) == 0x0000, case
        assert attacker.stored() == [expected_row(encoded) for encoded in NONSENSE.values()]
        release(peer)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_d1_nonsense_is_written_as_it_came(victim: Victim, tmp_path: Path, syntax: str) -> None:
    """Into a store directory; only File Meta Information is ours."""
    with attack(victim, accepts_any_storage=True, store_directory=str(tmp_path)) as attacker:
        peer = associate_for(attacker, SYNTAXES[syntax])
        for number, (case, encoded) in enumerate(NONSENSE.items()):
            send(peer, encoded, f"1.2.3.{number}")
            assert status_of(peer) == 0x0000, case
            content = (tmp_path / f"1.2.3.{number}.dcm").read_bytes()
            assert content[128:132] == b"DICM" and content[:128] == bytes(128), case
            assert content.endswith(encoded), case
        release(peer)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_d1_nonsense_that_a_handler_decodes(decoding: Victim, syntax: str) -> None:
    """It gets a data set, or an exception, which is a failure for the peer; the association lives on."""
    with attack(decoding, accepts_any_storage=True, allows_faults=True, growth=8 * GROWTH) as attacker:
        peer = associate_for(attacker, SYNTAXES[syntax])
        for case, encoded in NONSENSE.items():
            send(peer, encoded)
            assert status_of(peer) in (0x0000, HANDLER_FAILED), case
        echo(peer)
        release(peer)


@pytest.mark.parametrize("seed", range(3))
def test_d1_noise_that_a_handler_decodes(decoding: Victim, seed: int) -> None:
    """Data sets with some bytes changed, in each transfer syntax."""
    generator = random.Random(seed)
    settings: dict[str, Any] = {"room": 4, "accepts_any_storage": True, "allows_faults": True}
    with attack(decoding, growth=4 * GROWTH, **settings) as attacker:
        peers = [associate_for(attacker, syntax) for syntax in SYNTAXES.values()]
        whole = [data_set(500), nested(5), deflated(nested(5))]
        for number in range(60):
            noisy = bytearray(whole[number % len(whole)])
            for _ in range(1 + number % 5):
                noisy[generator.randrange(len(noisy))] = generator.randrange(256)
            peer = peers[number % len(peers)]
            send(peer, bytes(noisy))
            assert status_of(peer) in (0x0000, HANDLER_FAILED)


# --- N1 ---------------------------------------------------------------------------------------------------

DEPTH = 10_000

NESTED: dict[str, Callable[[int], bytes]] = {
    "undefined lengths": nested,
    "lengths": nested_with_lengths,
    "never closed": lambda depth: nested(depth, is_closed=False),
}


@pytest.mark.parametrize("case", NESTED)
@pytest.mark.parametrize("sink", ["memory", "directory"])
def test_n1_deep_sequences_are_stored(victim: Victim, tmp_path: Path, case: str, sink: str) -> None:
    """Nothing of ours walks them when they are received."""
    settings = {"store_directory": str(tmp_path)} if sink == "directory" else {}
    encoded = NESTED[case](DEPTH)
    with attack(victim, growth=2 * GROWTH, **settings) as attacker:
        peer = attacker.associate()
        send(peer, encoded)
        assert status_of(peer) == 0x0000
        assert attacker.stored() == [expected_row(encoded)]
        release(peer)


@pytest.mark.parametrize("case", NESTED)
def test_n1_deep_sequences_that_a_handler_decodes(decoding: Victim, case: str) -> None:
    """The process survives, whatever the decoder says: a data set, or an exception."""
    with attack(decoding, growth=96 << 10, allows_faults=True) as attacker:
        peer = attacker.associate(calling=b"MISBEHAVE")
        for depth in (10, 100, DEPTH):
            send(peer, NESTED[case](depth))
            status = status_of(peer)
            assert status in (0x0000, HANDLER_FAILED)
            assert status == 0x0000 or depth > 10 or case == "never closed"
        echo(peer)
        release(peer)


def test_n1_deep_sequences_that_we_send(victim: Victim) -> None:
    """Our scan for the UIDs of an object does not recurse, and need not: they stand in front."""
    received: list[bytes | None] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance())
        _, command, encoded = peer.receive_message()
        received.append(encoded)
        peer.send(response(command))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with attack(victim, as_requestor=True, growth=2 * GROWTH) as attacker:
        outcome = attacker.face(script, [f"deep:{DEPTH}"])
    assert outcome["did"] == [0x0000] and received == [nested(DEPTH)]


# --- Z1 ---------------------------------------------------------------------------------------------------

LENGTH = 512 << 20
"""What the bomb becomes; it has 512 kB."""


@pytest.fixture(scope="module")
def bomb_of_zeros() -> bytes:
    encoded = bomb(LENGTH)
    assert len(encoded) < LENGTH // 900
    return encoded


@pytest.mark.parametrize("sink", ["memory", "directory"])
def test_z1_bomb_is_stored_as_it_came(
    victim: Victim, bomb_of_zeros: bytes, tmp_path: Path, sink: str
) -> None:
    """Nobody inflates what is only passed on."""
    settings = {"store_directory": str(tmp_path)} if sink == "directory" else {}
    with attack(victim, accepts_any_storage=True, growth=2 * GROWTH, **settings) as attacker:
        peer = associate_for(attacker, DEFLATED, b"CALLING")
        for _ in range(3):
            send(peer, bomb_of_zeros)
            assert status_of(peer) == 0x0000
        assert attacker.stored() == [expected_row(bomb_of_zeros)] * 3
        release(peer)


@pytest.mark.parametrize("sink", ["memory", "file", "directory"])
def test_z1_bomb_that_a_handler_decodes(
    decoding: Victim, bomb_of_zeros: bytes, tmp_path: Path, sink: str
) -> None:
    """It is inflated to a limit, which the error names, and not beyond."""
    settings: dict[str, Any] = {"allows_faults": True, "accepts_any_storage": True}
    if sink == "directory":
        settings["store_directory"] = str(tmp_path)
    if sink == "file":
        settings["memory_limit"] = 1 << 16
    limit = 200 * len(bomb_of_zeros)
    growth = 3 * limit // 1024
    with attack(decoding, growth=growth, virtual_growth=2 * growth + (256 << 10), **settings) as attacker:
        peer = associate_for(attacker, DEFLATED)
        send(peer, bomb_of_zeros)
        assert status_of(peer) == HANDLER_FAILED
        text = decoding.look().answers[-1]
        assert f"{len(bomb_of_zeros)} bytes inflates to more than {limit} bytes" in text
        echo(peer)
        release(peer)


@pytest.mark.parametrize("sink", ["memory", "directory"])
def test_z1_deflated_data_set_that_a_handler_decodes(decoding: Victim, tmp_path: Path, sink: str) -> None:
    """One that is none of that: black, and 100 times as long as it is deflated."""
    settings: dict[str, Any] = {"allows_faults": True, "accepts_any_storage": True}
    if sink == "directory":
        settings["store_directory"] = str(tmp_path)
    with attack(decoding, growth=96 << 10, **settings) as attacker:
        peer = associate_for(attacker, DEFLATED)
        send(peer, bomb(8 << 20))
        assert status_of(peer) == 0x0000
        assert decoding.look().answers[-1] == 1
        release(peer)


BROKEN = {
    "cut": bomb(1 << 20)[:-200],
    "nothing": b"",
    "no deflate": b"\xff" * 100,
    "plain": data_set(100),
    "zlib header": b"\x78\x9c" + bomb(1 << 20),
}


def test_z1_what_cannot_be_inflated(decoding: Victim) -> None:
    settings: dict[str, Any] = {"allows_faults": True, "accepts_any_storage": True}
    with attack(decoding, growth=4 * GROWTH, **settings) as attacker:
        peer = associate_for(attacker, DEFLATED)
        for case, encoded in BROKEN.items():
            send(peer, encoded)
            assert status_of(peer) == HANDLER_FAILED, case
            assert decoding.look().answers[-1].startswith("EncodedDatasetError: the d"), case
        release(peer)
