"""B1 and B2: objects that are longer than 32 bits count, and more of them than there is memory.

The usual tests send some hundred megabytes; `make soak` sends more than 4 GiB each.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model
import pytest
from immunity.harness import COUNTS_MEMORY, GROWTH, Attack, Victim, attack, echo, release
from immunity.hostile import FRONT, element
from immunity.soak import long, repeat, soak
from raw_peer import CT, STORE_CONTEXT, Raw, acceptance, fake_acceptor, response, store_command
from servers import DEADLINE, await_end

from fastdicom.part10 import encode_front

MISBEHAVE = b"MISBEHAVE"  # whose data sets are not looked at by the victim

USUAL = 200 << 20
FOUR_GIB = 1 << 32
BEYOND = FOUR_GIB + (300 << 20)

RESIDENT_CAP = 128 << 10
"""kB that the whole process may have, whatever goes through it."""

FRAGMENT = 16376
PDU_COUNT = 512
BLOCK = model.p_data_tf([(STORE_CONTEXT, 0, bytes(FRAGMENT))]) * PDU_COUNT
BLOCK_LENGTH = FRAGMENT * PDU_COUNT


def marker(offset: int) -> bytes:
    return b"at %14d;" % offset


def send_object(peer: Raw, least: int, instance: str = "1.2.3.4") -> list[int]:
    """Send so many bytes at least, zeros with markers; return where these are. The last is at the end."""
    peer.socket.settimeout(DEADLINE)
    peer.send(model.p_data_tf([(STORE_CONTEXT, 3, store_command(1, instance))]))
    markers = [0]
    position = 0
    peer.send(model.p_data_tf([(STORE_CONTEXT, 0, marker(0))]))
    position += len(marker(0))
    while position < least:
        peer.send(BLOCK)
        before = position
        position += BLOCK_LENGTH
        if before < FOUR_GIB <= position or position >= least:
            markers.append(position)
            peer.send(model.p_data_tf([(STORE_CONTEXT, 0, marker(position))]))
            position += len(marker(position))
    peer.send(model.p_data_tf([(STORE_CONTEXT, 2, b"")]))
    return markers


def status_of(peer: Raw) -> object:
    return peer.receive_message()[1][0x0900]


def check_room(directory: Path, length: int) -> None:
    if shutil.disk_usage(directory).free < 2 * length:
        pytest.skip(f"no room for {length} bytes in {directory}")


def assert_resident(victim: Victim) -> None:
    assert not COUNTS_MEMORY or victim.look().peak < RESIDENT_CAP


def receive_into_directory(victim: Victim, directory: Path, length: int) -> None:
    settings: dict[str, Any] = {"store_directory": str(directory), "dimse_timeout": 20.0}
    with attack(victim, growth=2 * GROWTH, **settings) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        markers = send_object(peer, length)
        assert status_of(peer) == 0x0000
        path = directory / "1.2.3.4.dcm"
        with path.open("rb") as file:
            front = path.stat().st_size - (markers[-1] + len(marker(0)))
            assert 132 < front < 1000
            for offset in markers:
                file.seek(front + offset)
                assert file.read(len(marker(offset))) == marker(offset)
        path.unlink()
        echo(peer)
        release(peer)
        assert_resident(victim)


def receive_into_spool(victim: Victim, length: int) -> None:
    """A temporary file, which is gone after the handler; its length is what the handler sees."""
    settings: dict[str, Any] = {"behaviour": "note length", "behaves_at": ["EVT_C_STORE"]}
    with attack(victim, growth=2 * GROWTH, dimse_timeout=20.0, **settings) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        markers = send_object(peer, length)
        assert status_of(peer) == 0x0000
        front = victim.look().answers[-1] - (markers[-1] + len(marker(0)))
        assert 132 < front < 1000
        echo(peer)
        release(peer)
        assert_resident(victim)


def receive_and_drop(victim: Victim, length: int, directory: str | None = None) -> None:
    """Where it cannot be written it is dropped, refused, and the association lives on."""
    settings: dict[str, Any] = {} if directory is None else {"store_directory": directory}
    with attack(victim, growth=2 * GROWTH, dimse_timeout=20.0, **settings) as attacker:
        victim.tell("limit_files", length=1 << 20)
        try:
            peer = attacker.associate(calling=MISBEHAVE)
            send_object(peer, length)
            assert status_of(peer) == 0xA700
            assert victim.look().files == attacker.before.files
            echo(peer)
            release(peer)
        finally:
            victim.tell("limit_files", length=-1)
        assert attacker.stored() == []
        assert_resident(victim)


def receive_unasked(victim: Victim, length: int) -> None:
    """The data set of a C-ECHO, which nobody wants."""
    with attack(victim, growth=2 * GROWTH, dimse_timeout=20.0) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)
        command = {0x0002: CT, 0x0100: 0x0666, 0x0110: 1, 0x0800: 1}
        peer.send(model.p_data_tf([(STORE_CONTEXT, 3, model.command_set(command))]))
        for _ in range(length // BLOCK_LENGTH + 1):
            peer.send(BLOCK)
        peer.send(model.p_data_tf([(STORE_CONTEXT, 2, b"")]))
        assert status_of(peer) == 0x0211
        release(peer)
        assert_resident(victim)


WAYS: dict[str, Callable[[Victim, int, Path], None]] = {
    "directory": lambda victim, length, folder: receive_into_directory(victim, folder, length),
    "spool": lambda victim, length, folder: receive_into_spool(victim, length),
    "dropped": lambda victim, length, folder: receive_and_drop(victim, length),
    "dropped in a directory": lambda victim, length, folder: receive_and_drop(victim, length, str(folder)),
    "unasked": lambda victim, length, folder: receive_unasked(victim, length),
}


@pytest.mark.parametrize("way", WAYS)
def test_b1_long_object(victim: Victim, tmp_path: Path, way: str) -> None:
    WAYS[way](victim, USUAL, tmp_path)


@soak
@long
@pytest.mark.parametrize("way", WAYS)
def test_b1_object_of_more_than_4_gib(victim: Victim, tmp_path: Path, way: str) -> None:
    check_room(tmp_path, BEYOND)
    WAYS[way](victim, BEYOND, tmp_path)


# --- sending ----------------------------------------------------------------------------------------------


def sparse_file(folder: Path, length: int) -> tuple[Path, int]:
    """A DICOM file with so many zeros in its pixels, and the length of its data set.

    Pixel Data of more than 4 GiB - 2 has no length: it is cut into two elements.
    """
    path = folder / "sparse.dcm"
    front = encode_front(
        sop_class_uid=CT,
        sop_instance_uid="1.2.3.4",
        transfer_syntax="1.2.840.10008.1.2",
        implementation_class_uid="1.2.3",
        implementation_version_name=None,
        source_ae_title="TEST",
    )
    parts = [length // 2 & ~1] * 2
    with path.open("wb") as file:
        file.write(front + FRONT)
        for number, part in enumerate(parts):
            file.write(element(0x7FE0, 0x0008 + 8 * number, b"", part.to_bytes(4, "little")))
            file.seek(part, os.SEEK_CUR)
        file.truncate(file.tell())
        return path, file.tell() - len(front)


def send_file(victim: Victim, path: Path, length: int) -> None:
    received = [0]
    is_over = threading.Event()

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        peer.send(acceptance(maximum_length=1 << 20))
        room = memoryview(bytearray(1 << 20))
        _, command, _ = receive_command(peer)
        is_last = False
        while not is_last:
            header = peer.receive(12)
            assert header[0] == 4 and header[11] in (0, 2)
            left = int.from_bytes(header[6:10], "big") - 2
            assert left + 6 == int.from_bytes(header[2:6], "big"), "one PDV a PDU"
            while left:
                n = peer.socket.recv_into(room, left)
                assert n, "closed in the middle"
                left -= n
                received[0] += n
            is_last = header[11] == 2
        peer.send(response(command))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())
        is_over.set()

    # The pages of a file that is mapped are no memory of the process, but they are counted as its.
    growth = length // 1024 + 2 * GROWTH
    limits = {"growth": growth, "virtual_growth": growth + (256 << 10)}
    with attack(victim, dimse_timeout=20.0, **limits) as attacker, fake_acceptor(script) as port:
        number = attacker.victim.start(port, [f"file:{path}"])
        await_end(is_over, lambda: received[0])
        outcome = attacker.victim.outcome(number)
    assert outcome["did"] == [0x0000] and received == [length]


def receive_command(peer: Raw) -> tuple[int, dict[int, object], None]:
    """Receive the command set in front of a data set."""
    pdu = peer.receive_pdu()
    ((context_id, control, command),) = model.read_p_data_tf(pdu)
    assert control == 3
    return context_id, model.read_command_set(command), None


def test_b1_long_object_that_we_send(victim: Victim, tmp_path: Path) -> None:
    send_file(victim, *sparse_file(tmp_path, USUAL))


@soak
@long
def test_b1_object_of_more_than_4_gib_that_we_send(victim: Victim, tmp_path: Path) -> None:
    path, length = sparse_file(tmp_path, BEYOND)
    assert length > FOUR_GIB
    send_file(victim, path, length)


# --- B2 ---------------------------------------------------------------------------------------------------


def send_much(victim: Victim, each: int, total: int, **settings: Any) -> None:
    """Send objects of a length until so much has gone through."""
    with attack(victim, growth=3 * GROWTH, dimse_timeout=20.0, **settings) as attacker:
        peer = attacker.associate(calling=MISBEHAVE)

        def work(number: int) -> None:
            send_object(peer, each)
            assert status_of(peer) == 0x0000

        repeat(work, max(1, total // each), f"objects of {each} bytes")
        release(peer)
        assert_resident(victim)


@pytest.mark.parametrize("each", [BLOCK_LENGTH, USUAL])
def test_b2_much_through_little_memory(victim: Victim, tmp_path: Path, each: int) -> None:
    """Objects of 8 MB and of 200 MB, with a memory limit of 1 MiB."""
    send_much(victim, each, USUAL, store_directory=str(tmp_path))


def test_b2_many_at_once(victim: Victim, tmp_path: Path) -> None:
    """Ten associations, each in the middle of an object that does not fit into memory."""
    with attack(victim, room=10, growth=10 * (3 << 10) + GROWTH, dimse_timeout=20.0) as attacker:
        peers = begin_many(attacker, 10)
        assert victim.look().files == attacker.before.files + 10
        for peer in peers:
            peer.send(model.p_data_tf([(STORE_CONTEXT, 2, b"")]))
            assert status_of(peer) == 0x0000
            release(peer)
        assert_resident(victim)


def begin_many(attacker: Attack, count: int) -> list[Raw]:
    peers = [attacker.associate(calling=MISBEHAVE) for _ in range(count)]
    for peer in peers:
        peer.send(model.p_data_tf([(STORE_CONTEXT, 3, store_command())]))
        peer.send(BLOCK)
    return peers


@soak
@long
@pytest.mark.parametrize("each", [BLOCK_LENGTH, 5 << 30])
def test_b2_5_gb_through_128_mb(victim: Victim, tmp_path: Path, each: int) -> None:
    check_room(tmp_path, 5 << 30)
    send_much(victim, each, 5 << 30, store_directory=str(tmp_path))
