"""S4: a valid message fails at every byte, cut off there or corrupted, and nothing is left behind.

What C code has allocated is looked at by `make sanitize`, which runs `fuzz.offsets` under LeakSanitizer; here
it is the objects of Python, counted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from fuzz import associate, offsets, session
from fuzz.seeds import COMMANDS
from reading import feed, new_reader, pieces

from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import MessageWriter
from fastdicom.errors import ProtocolError
from fastdicom.ul.pdu import decode_pdu

PDUS = offsets.associate_pdus()


@pytest.mark.parametrize("pdu", PDUS, ids=offsets.WHOLE)
def test_a_truncated_pdu_is_refused(pdu: bytes) -> None:
    assert decode_pdu(pdu).encode() == without_unknown_item(pdu)
    for data in offsets.truncated(pdu):
        with pytest.raises(ProtocolError):
            decode_pdu(data)


def without_unknown_item(pdu: bytes) -> bytes:
    """Items of unknown types are not encoded again: the last sub-item, of 10 bytes."""
    start = pdu.index(b"\x50\x00", 74)
    user_information = len(pdu) - start - 4 - 10
    shorter = pdu[:start] + b"\x50\0" + user_information.to_bytes(2, "big") + pdu[start + 4 : -10]
    return shorter[:2] + (len(shorter) - 6).to_bytes(4, "big") + shorter[6:]


@pytest.mark.parametrize("pdu", PDUS, ids=offsets.WHOLE)
def test_a_pdu_that_ends_too_soon_is_refused_or_legal(pdu: bytes) -> None:
    decoded = 0
    for data in offsets.cut_pdus(pdu):
        associate.run(data)
        try:
            decode_pdu(data)
        except ProtocolError:
            continue
        decoded += 1
    # User Information is the last item, and must be whole.
    assert decoded == 0


@pytest.mark.parametrize("pdu", PDUS, ids=offsets.WHOLE)
def test_a_corrupted_pdu_is_refused_or_read_as_the_model_reads_it(pdu: bytes) -> None:
    for data in offsets.corrupted(pdu):
        associate.run(data)


def test_an_acceptor_gets_part_of_a_request_and_the_peer_goes() -> None:
    for data in offsets.truncated(PDUS[0]):
        offsets.receive(data)


@pytest.mark.parametrize("sink", [0b00000000, 0b01010101, 0b10101010], ids=["memory", "file", "full disk"])
def test_an_association_gets_part_of_a_message_and_the_peer_goes(sink: int) -> None:
    for n in range(0, len(offsets.MESSAGES), 7):
        session.run(offsets.script(offsets.MESSAGES[:n], bytes((14, sink, 0, 0, 2))))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_set_fails_at_every_byte(name: str) -> None:
    for ways in (offsets.truncated, offsets.corrupted):
        for data in ways(COMMANDS[name]):
            offsets.decode_command(data)


# ---------------------------------------------------------------- nothing is left behind


def read_messages(data: bytes) -> None:
    """Messages and their buffers, the last of them not whole."""
    told = feed(new_reader([1, 3]), pieces(data, 100))
    assert all(bytes(each.data_set or b"") is not None for each in told if hasattr(each, "data_set"))


def fail_to_read(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        feed(new_reader([1]), [data])


def write_half(data: bytes) -> None:
    writer = MessageWriter(1, session.ECHO, [data, memoryview(data)], 64)
    writer.data_to_send(2)


def fail_to_write(data: bytes) -> None:
    with pytest.raises((TypeError, BufferError)):
        MessageWriter(1, session.ECHO, [data, memoryview(data), 7], 64)


def many(ways: Callable[[bytes], Iterator[bytes]], data: bytes) -> list[bytes]:
    return list(islice(ways(data), 400))


FAILING = {
    "PDU": (offsets.decode, many(offsets.corrupted, PDUS[0])),
    "PDU of a false length": (offsets.decode, many(offsets.cut_pdus, PDUS[1])),
    "command set": (offsets.decode_command, many(offsets.corrupted, session.STORE)),
    "messages": (read_messages, many(offsets.truncated, session.CANNED[9] * 2)),
    "context": (fail_to_read, [session.CANNED[9]] * 100),
    "writer": (write_half, [bytes(n) for n in range(200)]),
    "buffers": (fail_to_write, [bytes(n) for n in range(100)]),
}


@pytest.mark.skipif(not sys.getallocatedblocks(), reason="another allocator than Python's does not count")
@pytest.mark.parametrize("name", FAILING)
def test_no_object_is_left_behind(name: str) -> None:
    run, inputs = FAILING[name]

    def left_after(rounds: int) -> int:
        for _ in range(rounds):
            for data in inputs:
                run(data)
        gc.collect()
        return sys.getallocatedblocks()

    before = left_after(3)  # what is kept once, is kept now
    after = left_after(5)
    # One for every input of a round would be a leak; caches of the interpreter still move a little.
    assert after - before < len(inputs)


def test_a_command_set_keeps_its_bytes_and_nothing_else_does() -> None:
    encoded = bytes(bytearray(session.ECHO))
    references = sys.getrefcount(encoded)
    kept = [CommandSet(encoded) for _ in range(10)]
    assert sys.getrefcount(encoded) == references + len(kept)
    del kept
    assert sys.getrefcount(encoded) == references
