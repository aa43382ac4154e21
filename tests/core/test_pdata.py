"""P-DATA-TF to messages and back: cut anywhere, against the model; limits, sinks and what peers break."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import feed, iterate, new_reader, pieces, summary

from fastdicom._core.buffer import BufferPool
from fastdicom._core.pdata import Message, MessageWriter, ObservedPdu, Reader, Signal
from fastdicom.errors import AbortReason, AbortSource, MessageError, ProtocolError

WITH_DATA = model.command_set({0x0100: 0x0001, 0x0110: 7, 0x0800: 1})
WITHOUT_DATA = model.command_set({0x0100: 0x0030, 0x0110: 8, 0x0800: model.NO_DATA_SET})

COMMAND, LAST = 1, 2

PDV = tuple[int, int, bytes]


def written(
    command: bytes, data_set: list[bytes] | None, maximum_length: int, context_id: int = 1, count: int = 16
) -> bytes:
    writer = MessageWriter(context_id, command, data_set, maximum_length)
    return b"".join(iter(lambda: writer.data_to_send(count), b""))


def split(data: bytes) -> list[bytes]:
    pdus = []
    while data:
        pdu_type, body, data = model.split_pdu(data)
        pdus.append(model.pdu(pdu_type, body))
    return pdus


def write_pdvs(pdvs: list[PDV]) -> bytes:
    return b"".join(model.p_data_tf([pdv]) for pdv in pdvs)


# ---------------------------------------------------------------- round trips

LISTS = st.lists(st.binary(max_size=300), max_size=90)
MAXIMA = st.sampled_from([0, 8, 13, 100, 16382, 2**32 - 1])


@given(st.none() | LISTS, MAXIMA, st.integers(1, 16))
def test_writer_makes_legal_pdus(data_set: list[bytes] | None, maximum_length: int, count: int) -> None:
    command = WITHOUT_DATA if data_set is None else WITH_DATA
    pdus = split(written(command, data_set, maximum_length, 5, count))
    assert model.read_messages(pdus) == [(5, command, None if data_set is None else b"".join(data_set))]
    for pdu in pdus:
        ((_, header, fragment),) = model.read_p_data_tf(pdu)
        assert maximum_length == 0 or len(pdu) - 6 <= maximum_length
        assert header & LAST or len(fragment) % 2 == 0


def test_empty_buffers_where_the_spans_run_out() -> None:
    data_set = [b"aa"] + [b"b"] * 59 + [b""] * 3 + [b"c"] * 5
    (message,) = model.read_messages(split(written(WITH_DATA, data_set, 0)))
    assert message[2] == b"".join(data_set)


@given(
    st.lists(st.tuples(st.sampled_from([1, 3]), st.none() | st.binary(max_size=2000)), max_size=5),
    st.sampled_from([7, 8, 64, 1000]),
    st.integers(1, 3000),
)
def test_reassembly_is_the_models(
    messages: list[tuple[int, bytes | None]], maximum_length: int, size: int
) -> None:
    pdus: list[bytes] = []
    for context_id, data_set in messages:
        pdus += model.message(
            context_id, WITHOUT_DATA if data_set is None else WITH_DATA, data_set, maximum_length
        )
    told = feed(new_reader([1, 3]), pieces(b"".join(pdus), size))
    assert [summary(each) for each in told] == model.read_messages(pdus)


def scrambled() -> bytes:
    """Two messages in fragments of every kind, then A-RELEASE-RQ."""
    return b"".join(
        (
            model.p_data_tf([(1, COMMAND, WITH_DATA[:3]), (1, COMMAND, b""), (1, COMMAND, WITH_DATA[3:20])]),
            model.p_data_tf([(1, COMMAND | LAST, WITH_DATA[20:]), (1, 0, b"a"), (1, 0, b"")]),
            model.p_data_tf([(1, 0, b"bcd")]),
            model.p_data_tf([(1, 0, b"efg")]),
            model.p_data_tf([(1, 0x84, b"hij")]),
            model.p_data_tf([(1, LAST, b""), (3, 0xFF, WITHOUT_DATA)]),
            model.release_rq(),
        )
    )


SCRAMBLED = [(1, WITH_DATA, b"abcdefghij"), (3, WITHOUT_DATA, None), model.release_rq()]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_fragments_of_every_kind(size: int) -> None:
    told = feed(new_reader([1, 3]), pieces(scrambled(), size))
    assert [summary(each) for each in told] == SCRAMBLED


def test_cut_at_every_byte() -> None:
    data = scrambled()
    for n in range(len(data) + 1):
        reader = new_reader([1, 3])
        told = feed(reader, [data[:n], data[n:]])
        assert [summary(each) for each in told] == SCRAMBLED
        assert not reader.is_mid_message


def test_mid_message_at_every_byte() -> None:
    data = written(WITH_DATA, [b"data set"], 20)
    reader = new_reader()
    assert not reader.is_mid_message
    for part in pieces(data, 1)[:-1]:
        assert feed(reader, [part]) == []
        assert reader.is_mid_message
    assert len(feed(reader, [data[-1:]])) == 1
    assert not reader.is_mid_message


@pytest.mark.parametrize("lengths", [[3_000_000, 0, 12_000, 528_000], [1, 262_144, 262_143, 131_066]])
@pytest.mark.parametrize("size", [1000, 70_001, 10**9])
def test_many_sizes_one_after_the_other(lengths: list[int], size: int) -> None:
    data_sets = [bytes(i % 251 for i in range(n)) for n in lengths]
    data = b"".join(written(WITH_DATA, [each], 0) for each in data_sets)
    told = feed(new_reader(maximum_length=0, pool=BufferPool(1 << 30)), pieces(data, size))
    assert [bytes(each.data_set) for each in told] == data_sets  # type: ignore[union-attr]


def test_other_pdus_come_whole() -> None:
    pdus = [
        model.associate(1, b"A", b"B", [model.item(0x10, bytes(60_000))] * 8),
        model.reject(1, 1, 1),
        model.release_rp(),
        model.abort(2, 6),
    ]
    assert feed(Reader(BufferPool(0), 0, 0), pieces(b"".join(pdus), 10_007)) == pdus


# ---------------------------------------------------------------- modes


def test_p_data_outside_of_data_transfer() -> None:
    data = written(WITHOUT_DATA, None, 0)
    reader = Reader(BufferPool(0), 0, 0)
    told = iterate(reader, [data])
    assert next(told) is Signal.P_DATA
    # It stays unread: once data transfer begins, it counts.
    reader.begin_data_transfer([1])
    assert summary(next(told)) == (1, WITHOUT_DATA, None)
    reader.end_data_transfer()
    assert next(iterate(reader, [data])) is Signal.P_DATA


def test_everything_is_ignored() -> None:
    reader = new_reader()
    reader.ignore_everything()
    assert feed(reader, [b"\xff" * 300_000, written(WITHOUT_DATA, None, 0), bytes(7)]) == []


def test_observed_pdus_are_shown_before_they_count() -> None:
    data = scrambled()
    reader = new_reader([1, 3])
    reader.is_observed = True
    assert reader.is_observed
    told = feed(reader, pieces(data, 11))
    shown = [each.encoded for each in told if isinstance(each, ObservedPdu)]
    assert shown == split(data)[:-1]
    assert [summary(each) for each in told if not isinstance(each, ObservedPdu)] == SCRAMBLED
    assert isinstance(told[0], ObservedPdu)
    assert isinstance(told[-1], bytes)


# ---------------------------------------------------------------- what peers break

BEGUN = [(1, COMMAND | LAST, WITH_DATA)]
INVALID, UNEXPECTED = AbortReason.INVALID_PARAMETER_VALUE, AbortReason.UNEXPECTED_PARAMETER


def p_data(body: bytes) -> bytes:
    return model.pdu(4, body)


@pytest.mark.parametrize(
    ("data", "reason", "text"),
    [
        (p_data(b"\0\0\0\0\1\3"), INVALID, r"a PDV claims 0 bytes; at least 2 .* has 2 left"),
        (p_data(b"\0\0\0\1\1\3"), INVALID, r"a PDV claims 1 bytes; at least 2 .* has 2 left"),
        (p_data(b"\xff\xff\xff\xff\1\3"), INVALID, r"a PDV claims 4294967295 bytes; .* has 2 left"),
        (p_data(b"\xff\xff\xff\xfe\1\3ab"), INVALID, r"a PDV claims 4294967294 bytes; .* has 4 left"),
        (p_data(b"\0\0\0\5\1\3ab"), INVALID, r"a PDV claims 5 bytes; .* has 4 left"),
        (p_data(b"\0\0\0\2\1\1" + bytes(5)), INVALID, r"a PDV claims 0 bytes; .* has 1 left"),
        (write_pdvs([(1, COMMAND, b"")] * 17), INVALID, "more than 16 PDVs without a byte of data in a row"),
        (model.p_data_tf([(1, COMMAND, b"")] * 17), INVALID, "more than 16 PDVs"),
        (write_pdvs(BEGUN + [(1, 0, b"")] * 17), INVALID, "more than 16 PDVs"),
        (write_pdvs([(5, COMMAND, b"a")]), INVALID, "presentation context 5, which was not accepted"),
        (write_pdvs([(2, COMMAND, b"a")]), INVALID, "presentation context 2, which was not accepted"),
        (write_pdvs([(0, COMMAND, b"a")]), INVALID, "presentation context 0, which was not accepted"),
        (write_pdvs([*BEGUN, (3, 0, b"a")]), INVALID, "presentation context 3 within a message on 1"),
        (write_pdvs([(1, COMMAND, b"a"), (3, COMMAND, b"")]), INVALID, "context 3 within a message on 1"),
        (write_pdvs([(1, 0, b"a")]), UNEXPECTED, "a data set fragment before its command set"),
        (write_pdvs([(1, COMMAND, b"a"), (1, 0, b"")]), UNEXPECTED, "before its command set"),
        (write_pdvs([*BEGUN, (1, COMMAND, b"a")]), UNEXPECTED, "a command within a data set"),
        (write_pdvs([*BEGUN, (1, LAST, b"a"), (1, LAST, b"b")]), UNEXPECTED, "before its command set"),
        *((p_data(bytes(n)), INVALID, rf"a P-DATA-TF is {n} bytes long; .* has 6") for n in range(6)),
        (b"\4\0" + b"\0\0\x40\1", INVALID, "a PDU is 16385 bytes long; the limit is 16384"),
        (b"\4\0" + b"\xff" * 4, INVALID, "a PDU is 4294967295 bytes long; the limit is 16384"),
        (b"\1\0\0\x10\0\1", INVALID, "a PDU is 1048577 bytes long; the limit is 1048576"),
        (b"\2\0\x7f\xff\xff\xff", INVALID, "a PDU is 2147483647 bytes long; the limit is 1048576"),
        *(
            (bytes([n]) + b"\0\0\0\0\5", INVALID, "a PDU is 5 bytes long; the limit is 4")
            for n in (3, 5, 6, 7)
        ),
        (b"\0\0\0\0\0\4", AbortReason.UNRECOGNIZED_PDU, "a PDU of type 00H; there is none"),
        (b"GET / HTTP/1.1\r\n\r\n", AbortReason.UNRECOGNIZED_PDU, "a PDU of type 47H"),
        (b"\x16\3\1\2\0\1\0", AbortReason.UNRECOGNIZED_PDU, "a PDU of type 16H"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_broken(data: bytes, reason: AbortReason, text: str, size: int) -> None:
    with pytest.raises(ProtocolError, match=text) as caught:
        feed(new_reader([1, 3]), pieces(data, size))
    assert caught.value.reason is reason
    assert caught.value.source is AbortSource.SERVICE_PROVIDER


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (write_pdvs([(1, COMMAND | LAST, b"")]), "a command set of 0 bytes cannot be decoded"),
        (write_pdvs([(1, COMMAND | LAST, WITH_DATA[:-1])]), r"a command set of \d+ bytes cannot be decoded"),
        (
            write_pdvs([(1, COMMAND, bytes(16_000))] * 4 + [(1, COMMAND | LAST, bytes(1537))]),
            "a command set is 65537 bytes long; the limit is 65536",
        ),
    ],
)
def test_broken_command_set(data: bytes, text: str) -> None:
    with pytest.raises(MessageError, match=text) as caught:
        feed(new_reader(), pieces(data, 1000))
    assert caught.value.source is AbortSource.SERVICE_USER


def test_longest_command_set() -> None:
    # Retired elements are skipped: the limit can be reached.
    rest = 65536 - len(WITHOUT_DATA) - 8
    command = WITHOUT_DATA + b"\0\0\x10\x51" + rest.to_bytes(4, "little") + bytes(rest)
    told = feed(new_reader(), [b"".join(model.message(1, command, None, 16384))])
    assert [summary(each) for each in told] == [(1, command, None)]


def test_sixteen_empty_pdvs_are_not_too_many() -> None:
    data = write_pdvs([*[(1, COMMAND, b"")] * 16, *BEGUN, *[(1, 0, b"")] * 15, (1, LAST, b"")])
    assert [summary(each) for each in feed(new_reader(), [data])] == [(1, WITH_DATA, b"")]


def test_no_limit_on_p_data() -> None:
    data = written(WITH_DATA, [bytes(100_000)], 0)
    assert len(feed(new_reader(maximum_length=0), [data])) == 1
    with pytest.raises(ProtocolError, match="a PDU is 100006 bytes long; the limit is 100005"):
        feed(new_reader(maximum_length=100_005), [data])
    assert len(feed(new_reader(maximum_length=100_006), [data])) == 1


# ---------------------------------------------------------------- where data sets go

CONTENT = bytes(i % 253 for i in range(200_000))


def check_file(path: Path, content: bytes) -> None:
    assert path.read_bytes() == content


@pytest.mark.parametrize("maximum_length", [16384, 0])
@pytest.mark.parametrize("size", [1001, 10**6])
@pytest.mark.parametrize("memory_limit", [0, 1, 70_000, 150_000, 199_999])
def test_full_then_to_a_file(tmp_path: Path, maximum_length: int, size: int, memory_limit: int) -> None:
    path = tmp_path / "data"
    with path.open("wb") as file:
        reader = new_reader(memory_limit=memory_limit, maximum_length=maximum_length)
        parts = pieces(written(WITH_DATA, [CONTENT], maximum_length) * 2, size)
        told = feed(reader, parts, lambda _: reader.write_to(file.fileno()))
    assert [type(each) for each in told] == [Signal, Message] * 2
    assert told[0] is Signal.FULL
    for message in told[1::2]:
        assert isinstance(message, Message)
        assert (message.data_set, message.is_in_memory, message.sink_errno) == (None, False, 0)
        assert message.data_set_length == len(CONTENT)
    check_file(path, CONTENT * 2)


def test_memory_limit_is_kept_in_place_too() -> None:
    # One fragment of 50 MB, most of it received where it stays.
    data = written(WITH_DATA, None, 0) + write_pdvs([(1, LAST, bytes(50_000_000))])
    parts = iter(pieces(data, 1 << 20))
    told = iterate(new_reader(memory_limit=3 << 20, maximum_length=0), parts)
    assert next(told) is Signal.FULL
    # What is left has not been received.
    assert len(list(parts)) >= 42


def test_exactly_the_memory_limit_fits() -> None:
    reader = new_reader(memory_limit=len(CONTENT))
    (message,) = feed(reader, [written(WITH_DATA, [CONTENT], 16384)])
    assert summary(message) == (1, WITH_DATA, CONTENT)


@pytest.mark.parametrize("size", [1001, 10**6])
def test_full_then_discarded(size: int) -> None:
    reader = new_reader(memory_limit=70_000)
    data = written(WITH_DATA, [CONTENT], 16384) + written(WITH_DATA, [b"next"], 16384)
    full, message, following = feed(reader, pieces(data, size), lambda _: reader.discard())
    assert full is Signal.FULL
    assert isinstance(message, Message)
    assert (message.data_set, message.is_in_memory) == (None, False)
    assert message.data_set_length == len(CONTENT)
    assert summary(following) == (1, WITH_DATA, b"next")


def test_held_commands(tmp_path: Path) -> None:
    path = tmp_path / "data"
    reader = new_reader([1, 3], holds_commands=True)
    held: list[tuple[bytes, int]] = []
    with path.open("wb") as file:

        def answer(signal: Signal) -> None:
            assert signal is Signal.COMMAND
            command, context_id = reader.held_command
            held.append((command.encoded, context_id))
            reader.write_to(file.fileno())

        data = written(WITHOUT_DATA, None, 0) + written(WITH_DATA, [CONTENT], 16384, 3)
        without, signal, message = feed(reader, pieces(data, 999), answer)
    assert held == [(WITH_DATA, 3)]
    assert summary(without) == (1, WITHOUT_DATA, None)
    assert signal is Signal.COMMAND
    assert isinstance(message, Message)
    assert (message.data_set_length, message.is_in_memory) == (len(CONTENT), False)
    check_file(path, CONTENT)


def test_held_command_may_be_left_to_memory() -> None:
    reader = new_reader(holds_commands=True)
    signal, message = feed(reader, [written(WITH_DATA, [CONTENT], 16384)])
    assert signal is Signal.COMMAND
    assert summary(message) == (1, WITH_DATA, CONTENT)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("size", [1001, 10**6])
def test_sink_failed(size: int) -> None:
    reader = new_reader(holds_commands=True)
    with open("/dev/full", "wb", buffering=0) as file:

        def answer(signal: Signal) -> None:
            if signal is Signal.COMMAND:
                reader.write_to(file.fileno())

        data = written(WITH_DATA, [CONTENT], 16384) + written(WITHOUT_DATA, None, 0)
        command, failed, message, following = feed(reader, pieces(data, size), answer)
    assert (command, failed) == (Signal.COMMAND, Signal.SINK_FAILED)
    assert isinstance(message, Message)
    assert os.strerror(message.sink_errno) == "No space left on device"
    assert (message.data_set, message.is_in_memory) == (None, False)
    assert message.data_set_length == len(CONTENT)
    assert summary(following) == (1, WITHOUT_DATA, None)


def test_write_to_fails_at_once(tmp_path: Path) -> None:
    reader = new_reader(memory_limit=70_000)
    path = tmp_path / "data"
    path.write_bytes(b"")
    with path.open("rb") as file:

        def answer(_: Signal) -> None:
            with pytest.raises(OSError, match="could not be written"):
                reader.write_to(file.fileno())

        data = written(WITH_DATA, [CONTENT], 16384) + written(WITH_DATA, [b"next"], 16384)
        full, message, following = feed(reader, [data], answer)
    assert full is Signal.FULL
    assert isinstance(message, Message)
    assert message.sink_errno != 0
    assert message.data_set is None
    assert summary(following) == (1, WITH_DATA, b"next")


def test_a_failed_write_gives_the_memory_back() -> None:
    pool = BufferPool(1 << 30)
    reader = new_reader(pool=pool, memory_limit=70_000)
    assert next(iterate(reader, [written(WITH_DATA, [CONTENT], 16384)])) is Signal.FULL
    assert pool.kept == 0
    with pytest.raises(OSError, match="could not be written"):
        reader.write_to(-1)
    assert pool.kept > 0


def test_written_fragments_survive_another_pdu(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with path.open("wb") as file:
        reader = new_reader(holds_commands=True)
        feed(reader, [write_pdvs(BEGUN)], lambda _: reader.write_to(file.fileno()))
        data = write_pdvs([(1, 0, b"A" * 1000)]) + model.abort(0, 0)
        room = reader.get_buffer(-1)
        room[: len(data)] = data
        reader.commit(len(data))
        assert reader.next_event() == model.abort(0, 0)
        # Before it is asked again, the reader is received into.
        reader.get_buffer(-1)[:1000] = b"B" * 1000
        assert reader.next_event() is Signal.NEED_DATA
    check_file(path, b"A" * 1000)


# ---------------------------------------------------------------- the interface


@pytest.mark.parametrize("maximum_length", range(1, 8))
def test_no_room_for_a_fragment(maximum_length: int) -> None:
    with pytest.raises(ValueError, match=f"maximum length is {maximum_length}; a PDV needs 8 bytes"):
        MessageWriter(1, WITHOUT_DATA, None, maximum_length)


def test_writer_attributes() -> None:
    writer = MessageWriter(3, WITHOUT_DATA, None, 0)
    assert (writer.context_id, writer.command) == (3, WITHOUT_DATA)
    assert writer.data_to_send(1) == written(WITHOUT_DATA, None, 0, 3)
    assert writer.data_to_send() == b""


@pytest.mark.parametrize("maximum_length", [0, 1 << 17, 16382, 4096])
def test_as_much_at_once_as_the_network_is_kept_busy_with(maximum_length: int) -> None:
    data_set = [bytes(300_000)]
    writer = MessageWriter(1, WITHOUT_DATA, data_set, maximum_length)
    sent = list(iter(writer.data_to_send, b""))
    assert b"".join(sent) == written(WITHOUT_DATA, data_set, maximum_length, count=1)
    assert max(map(len, sent)) <= 6 + max(maximum_length, 128 << 10)
    assert maximum_length == 4096 or len(sent) < 6


@pytest.mark.parametrize("wrong", [[b"a", "text"], [b"a", None], [memoryview(b"abcd")[::2]]])
def test_writer_takes_buffers_only(wrong: list[bytes]) -> None:
    with pytest.raises((TypeError, BufferError)):
        MessageWriter(1, WITH_DATA, wrong, 0)


def test_buffers_are_locked_while_the_writer_lives() -> None:
    data_set = bytearray(b"abc")
    writer = MessageWriter(1, WITH_DATA, [data_set], 0)
    with pytest.raises(BufferError):
        data_set.append(1)
    del writer
    data_set.append(1)


def test_commit_no_more_than_there_is_room_for() -> None:
    reader = new_reader()
    room = len(reader.get_buffer(-1))
    with pytest.raises(ValueError, match=f"{room + 1} bytes in a buffer of {room}"):
        reader.commit(room + 1)
    reader.commit(room)
    with pytest.raises(ValueError, match="1 bytes in a buffer of 0"):
        reader.commit(1)


@pytest.mark.parametrize("make", [lambda: new_reader().held_command, lambda: Reader(BufferPool(0), -1, 0)])
def test_misuse_raises(make: Callable[[], object]) -> None:
    with pytest.raises((MessageError, OverflowError)):
        make()


def test_repr_names_the_message() -> None:
    (message,) = feed(new_reader(), [written(WITH_DATA, [b"ab"], 0)])
    assert repr(message).startswith("Message(context_id=1, command=CommandSet(")
    assert repr(message).endswith("data_set: 2 bytes)")
