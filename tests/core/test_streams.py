"""A message that is sent before its data set is known, and a data set that is taken before it is whole."""

from __future__ import annotations

import gc

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom._core.buffer import BufferPool
from fastdicom._core.pdata import Message, MessageWriter, Reader, Signal

COMMAND = model.command_set({0x0100: 0x0001, 0x0110: 7, 0x0800: 1})
LAST = 2

PARTS = st.lists(st.binary(max_size=400), min_size=1, max_size=30).filter(any)
MAXIMA = st.sampled_from([0, 8, 13, 100, 16382])


def streamed(parts: list[bytes], maximum_length: int) -> list[bytes]:
    """Send a data set part by part; return the PDUs."""
    writer = MessageWriter(5, COMMAND, None, maximum_length, is_open=True)
    data = b"".join(iter(writer.data_to_send, b""))
    for i, part in enumerate(parts):
        assert writer.is_open
        writer.add([part], i + 1 == len(parts))
        data += b"".join(iter(writer.data_to_send, b""))
    assert not writer.is_open
    return split(data)


def split(data: bytes) -> list[bytes]:
    pdus = []
    while data:
        end = 6 + int.from_bytes(data[2:6], "big")
        pdus.append(data[:end])
        data = data[end:]
    return pdus


@given(PARTS, MAXIMA)
def test_a_stream_is_a_message(parts: list[bytes], maximum_length: int) -> None:
    pdus = streamed(parts, maximum_length)
    assert model.read_messages(pdus) == [(5, COMMAND, b"".join(parts))]
    for pdu in pdus:
        ((_, control, fragment),) = model.read_p_data_tf(pdu)
        assert fragment
        assert maximum_length == 0 or len(pdu) - 6 <= maximum_length
        assert control & LAST or len(fragment) % 2 == 0


@given(PARTS)
def test_all_but_a_byte_or_two_leaves_at_once(parts: list[bytes]) -> None:
    writer = MessageWriter(5, COMMAND, None, 0, is_open=True)
    added = sent = 0
    for part in parts:
        writer.add([part], is_last=False)
        added += len(part)
        for pdu in split(b"".join(iter(writer.data_to_send, b""))):
            ((_, control, fragment),) = model.read_p_data_tf(pdu)
            sent += 0 if control & 1 else len(fragment)
        assert added - 2 <= sent <= max(added - 1, 0)


def test_a_stream_lets_go_of_what_it_has_sent() -> None:
    first, second = bytearray(b"first"), bytearray(b"second")
    writer = MessageWriter(5, COMMAND, None, 0, is_open=True)
    writer.add([first], is_last=False)
    with pytest.raises(BufferError):
        first.append(1)
    with pytest.raises(RuntimeError, match="has not been sent"):
        writer.add([second], is_last=False)
    assert b"".join(iter(writer.data_to_send, b"")).endswith(b"firs")
    writer.add([second], is_last=True)
    first.append(1)
    assert b"".join(iter(writer.data_to_send, b""))[-7:] == b"tsecond"
    with pytest.raises(RuntimeError):
        writer.add([], is_last=True)


def test_a_stream_of_nothing() -> None:
    writer = MessageWriter(5, COMMAND, None, 0, is_open=True)
    assert len(b"".join(iter(writer.data_to_send, b""))) == 12 + len(COMMAND)
    writer.add([b""], is_last=False)
    with pytest.raises(ValueError, match="0 bytes"):
        writer.add([], is_last=True)
    with pytest.raises(TypeError):
        MessageWriter(5, COMMAND, None, 0, is_open=True).add([1], is_last=False)


def taken(
    data: bytes, piece_length: int, sizes: list[int], takes: list[bool]
) -> tuple[list[bytes], Message, int]:
    """Receive a message in pieces; return them, the message with the rest, and what the pool then counts."""
    pool = BufferPool(1 << 20)
    reader = Reader(pool, 0, 50)
    reader.begin_data_transfer([5], holds_commands=True)
    pieces: list[bytes] = []
    turn = 0
    while True:
        event = reader.next_event()
        if event is Signal.COMMAND:
            reader.cut(piece_length)
        elif event is Signal.FULL:
            assert reader.at_pause is Signal.FULL
            pieces.append(bytes(reader.take_piece()))
            assert len(pieces[-1]) <= piece_length
        elif isinstance(event, Message):
            return pieces, event, pool.used
        else:
            room = reader.get_buffer()
            size = min(sizes[turn % len(sizes)], len(room), len(data))
            assert size
            room[:size], data = data[:size], data[size:]
            del room
            reader.commit(size)
            if takes[turn % len(takes)] and reader.at_pause is Signal.FULL:
                pieces.append(bytes(reader.take_piece()))
                assert reader.at_pause is not Signal.FULL
            turn += 1


@given(
    st.integers(1, 60000),
    st.sampled_from([0, 100, 3000, 16382]),
    st.sampled_from([1, 7, 1000, 20000, 262144]),
    st.lists(st.sampled_from([1, 12, 300, 5000, 10**6]), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=1, max_size=4),
)
def test_every_byte_is_taken_once(
    length: int, maximum_length: int, piece_length: int, sizes: list[int], takes: list[bool]
) -> None:
    if max(sizes) < 300 or (piece_length < 100 and length > 5000):
        length %= 3000
        length += 1
    data_set = bytes(i % 251 for i in range(length))
    pdus = model.message(5, COMMAND, data_set, maximum_length or 10**6)
    pieces, message, used = taken(b"".join(pdus), piece_length, sizes, takes)
    assert b"".join(pieces) + bytes(message.data_set or b"") == data_set
    assert message.data_set_length == length
    assert message.data_set is not None
    assert used == message.data_set.capacity


def test_a_piece_is_cut_where_fragments_end() -> None:
    """What would not fit is not begun: it is received in place, into the next piece."""
    data_set = bytes(300_000)
    pdus = model.message(5, COMMAND, data_set, 16382)
    pieces, _, _ = taken(b"".join(pdus), 100_000, [10**6], [False])
    assert {len(piece) % 16376 for piece in pieces[1:]} == {0}


def test_a_short_piece_does_not_keep_much_memory() -> None:
    pool = BufferPool(0)
    reader = Reader(pool, 0, 1 << 20)
    reader.begin_data_transfer([5], holds_commands=True)
    data = b"".join(model.message(5, COMMAND, bytes(200), 100))
    room = reader.get_buffer(len(data))
    room[: len(data) - 50] = data[:-50]
    del room
    reader.commit(len(data) - 50)
    assert reader.next_event() is Signal.COMMAND
    reader.cut(1 << 20)
    assert reader.next_event() is Signal.NEED_DATA
    piece = reader.take_piece()
    assert len(piece) == 162  # the last PDU, of 12 bytes, and 26 before it have not come
    assert piece.capacity == 16384
    assert pool.used == 16384 + (1 << 20)
    with pytest.raises(ValueError, match="0 bytes"):
        reader.cut(0)
    del piece, reader
    gc.collect()
    assert pool.used == 0


def test_the_pool_counts_what_is_used() -> None:
    pool = BufferPool(1 << 20)
    with open(__file__, "rb") as file:
        buffer = pool.read_file(file.fileno(), 0, 100_000)
    assert pool.used == buffer.capacity == 100_000
    pool.budget = 150_000
    assert pool.has_room(10**9)  # one may go beyond it
    told: list[str] = []
    pool.waiting.extend([lambda: told.append("first"), lambda: told.append("second")])
    del buffer
    assert (pool.used, told) == (0, ["first"])  # who has room tells the next one
    pool.tell_next()
    assert told == ["first", "second"]
    with pytest.raises(ValueError, match="negative"):
        pool.budget = -1
