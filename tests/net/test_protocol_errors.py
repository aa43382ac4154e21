"""What a peer may not send, over a real socket: the right A-ABORT, and the slot is free (L1 to V12)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import model
import pytest
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    STORE_CONTEXT,
    acceptance,
    associate_raw,
    connect_raw,
    data_set,
    echo_rq,
    request,
    store_command,
    store_rq,
)
from servers import await_event, port_of, serving, wait_until

from fastdicom import AE, evt
from fastdicom.sop_class import Verification

UNRECOGNIZED_PDU = model.abort(2, 1)
UNEXPECTED_PDU = model.abort(2, 2)
UNEXPECTED_PARAMETER = model.abort(2, 5)
INVALID_PARAMETER_VALUE = model.abort(2, 6)
BY_USER = model.abort(0, 0)

OUR_MAXIMUM_LENGTH = 16382


@pytest.fixture
def server() -> Iterator[Any]:
    """A server with one slot, which must be free again in the end."""
    ae = AE()
    ae.maximum_associations = 1
    ae.add_supported_context(Verification)
    ae.add_supported_context(CT)
    closed = threading.Event()
    handlers = [
        (evt.EVT_C_STORE, lambda event: stored.append(bytes(event.encoded)) or 0x0000),
        (evt.EVT_CONN_CLOSE, lambda event: closed.set()),
    ]
    stored: list[bytes] = []
    with serving(ae, handlers) as running:
        running.stored = stored
        yield running
        await_event(closed)
        wait_until(lambda: is_served(running))


def is_served(server: Any) -> bool:
    with connect_raw(port_of(server)) as peer:
        peer.send(request())
        return peer.receive_pdu()[:1] == b"\2"


def pdv(length: int, context_id: int, control: int, fragment: bytes) -> bytes:
    """A PDV whose length field says anything."""
    return length.to_bytes(4, "big") + bytes([context_id, control]) + fragment


COMMAND = store_command()
DATA = data_set()
EMPTY = (STORE_CONTEXT, 0, b"")
STORE = [(STORE_CONTEXT, 3, COMMAND), (STORE_CONTEXT, 2, DATA)]

# What is sent within an association, and the answer.
ERRORS: dict[str, tuple[bytes, bytes]] = {
    "L1: a PDU of 4 GiB": (b"\4\0\xff\xff\xff\xff", INVALID_PARAMETER_VALUE),
    "L1: a PDU of 2 GiB": (b"\4\0\x7f\xff\xff\xff", INVALID_PARAMETER_VALUE),
    "L2: a PDU one byte too long": (b"\4\0" + model.u32(OUR_MAXIMUM_LENGTH + 1), INVALID_PARAMETER_VALUE),
    "L1: a request of 4 GiB": (b"\1\0\xff\xff\xff\xff", INVALID_PARAMETER_VALUE),
    "L1: a release of 4 GiB": (b"\5\0\xff\xff\xff\xff", INVALID_PARAMETER_VALUE),
    "V1: a PDV of 0 bytes": (model.pdu(4, pdv(0, 3, 3, b"")), INVALID_PARAMETER_VALUE),
    "V1: a PDV of 1 byte": (model.pdu(4, pdv(1, 3, 3, b"")), INVALID_PARAMETER_VALUE),
    "V2: a PDV of 4 GiB": (model.pdu(4, pdv(0xFFFFFFFF, 3, 3, b"ab")), INVALID_PARAMETER_VALUE),
    "V2: a PDV that wraps": (model.pdu(4, pdv(0xFFFFFFFC, 3, 3, b"ab")), INVALID_PARAMETER_VALUE),
    "V3: a PDV beyond its PDU": (model.pdu(4, pdv(5, 3, 3, b"ab")), INVALID_PARAMETER_VALUE),
    "V3: the second PDV beyond": (
        model.pdu(4, pdv(4, 3, 1, COMMAND[:2]) + pdv(400, 3, 1, b"")),
        INVALID_PARAMETER_VALUE,
    ),
    "V4: many PDVs without data": (model.p_data_tf([STORE[0], *([EMPTY] * 2000)]), INVALID_PARAMETER_VALUE),
    "V5: a context that was not proposed": (model.p_data_tf([(5, 3, COMMAND)]), INVALID_PARAMETER_VALUE),
    "V5: an even context": (model.p_data_tf([(2, 3, COMMAND)]), INVALID_PARAMETER_VALUE),
    "V5: context 0": (model.p_data_tf([(0, 3, COMMAND)]), INVALID_PARAMETER_VALUE),
    "V6: the context changes in a command": (
        model.p_data_tf([(STORE_CONTEXT, 1, COMMAND[:20]), (ECHO_CONTEXT, 3, COMMAND[20:])]),
        INVALID_PARAMETER_VALUE,
    ),
    "V6: the context changes before the data set": (
        model.p_data_tf([STORE[0], (ECHO_CONTEXT, 2, DATA)]),
        INVALID_PARAMETER_VALUE,
    ),
    "V7: a data set without a command": (model.p_data_tf([STORE[1]]), UNEXPECTED_PARAMETER),
    "V7: a command in a data set": (
        model.p_data_tf([STORE[0], (STORE_CONTEXT, 0, DATA), STORE[0]]),
        UNEXPECTED_PARAMETER,
    ),
    "V8: a command that does not end": (
        b"".join(model.p_data_tf([(STORE_CONTEXT, 1, bytes(16000))]) for _ in range(80)),
        BY_USER,
    ),
    "V11: another message in a data set": (
        model.p_data_tf([STORE[0], (STORE_CONTEXT, 0, DATA)]) + echo_rq(),
        INVALID_PARAMETER_VALUE,
    ),
    **{f"V12: a P-DATA-TF of {n} bytes": (model.pdu(4, bytes(n)), INVALID_PARAMETER_VALUE) for n in range(6)},
    "an unknown PDU": (model.pdu(9, b"abcd"), UNRECOGNIZED_PDU),
    "PDU type 0": (model.pdu(0, b"abcd"), UNRECOGNIZED_PDU),
    "PDU type FF": (model.pdu(0xFF, b""), UNRECOGNIZED_PDU),
    "a second request": (request(), UNEXPECTED_PDU),
    "an acceptance": (acceptance(), UNEXPECTED_PDU),
    "a rejection": (model.reject(1, 1, 1), UNEXPECTED_PDU),
    "a release response": (model.release_rp(), UNEXPECTED_PDU),
    "a command set that is none": (model.p_data_tf([(ECHO_CONTEXT, 3, b"\1\2\3\4" * 8)]), BY_USER),
    "a response to nothing": (
        model.p_data_tf(
            [(ECHO_CONTEXT, 3, model.command_set({0x0100: 0x8030, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0}))]
        ),
        BY_USER,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_it_is_aborted(server: Any, name: str) -> None:
    sent, answer = ERRORS[name]
    with associate_raw(port_of(server)) as peer:
        peer.send(sent)
        assert peer.receive_pdu() == answer


def test_a_second_last_fragment_is_not_part_of_the_message(server: Any) -> None:
    """V9."""
    with associate_raw(port_of(server)) as peer:
        peer.send(model.p_data_tf([*STORE, STORE[1]]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert peer.receive_pdu() == UNEXPECTED_PARAMETER
    assert server.stored == [DATA]


@pytest.mark.parametrize("size", [1, 3, 7, 101])
def test_odd_fragments_are_taken_as_they_are(server: Any, size: int) -> None:
    """V10, V4: some empty PDVs do no harm."""
    pdvs = [(STORE_CONTEXT, 1, COMMAND[i : i + size]) for i in range(0, len(COMMAND), size)]
    pdvs += [(STORE_CONTEXT, 3, b""), EMPTY]
    pdvs += [(STORE_CONTEXT, 0, DATA[i : i + size]) for i in range(0, len(DATA), size)]
    with associate_raw(port_of(server)) as peer:
        peer.send(model.p_data_tf(pdvs), model.p_data_tf([(STORE_CONTEXT, 2, b"")]))
        assert peer.receive_message()[1][0x0900] == 0x0000
        peer.send(model.release_rq())
        assert peer.receive_pdu() == model.release_rp()
    assert server.stored == [DATA]


# Before an association there is only AA-1, which names no reason (PS3.8 Table 9-9, 9.3.8).
TOO_EARLY = {
    "L1: a request of 4 GiB": b"\1\0\xff\xff\xff\xff",
    "L1: a request of 2 GiB": b"\1\0\x7f\xff\xff\xff",
    "data": echo_rq(),
    "data of 4 GiB": b"\4\0\xff\xff\xff\xff",
    "release": model.release_rq(),
    "an acceptance": acceptance(),
    "an unknown PDU": model.pdu(9, b""),
    "a request that is cut": model.pdu(1, request()[6:60]),
}


@pytest.mark.parametrize("name", TOO_EARLY)
def test_it_is_aborted_before_an_association(server: Any, name: str) -> None:
    with connect_raw(port_of(server)) as peer:
        peer.send(TOO_EARLY[name])
        assert peer.receive_pdu() == BY_USER


def test_unknown_items_are_skipped(server: Any) -> None:
    """S7, on each level of an A-ASSOCIATE-RQ."""
    unknown = model.item(0x99, b"abc")
    context = bytes([1, 0, 0, 0]) + unknown + model.item(0x30, b"1.2.840.10008.1.1")
    context += unknown + model.item(0x40, b"1.2.840.10008.1.2")
    items = [
        unknown,
        model.application_context(),
        model.item(0x20, context),
        model.user_information(unknown, model.maximum_length(0), model.implementation_class_uid("1.2.3")),
        unknown,
    ]
    with connect_raw(port_of(server)) as peer:
        peer.send(model.associate(1, b"CALLED", b"CALLING", items))
        assert peer.receive_pdu()[:1] == b"\2"
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0x0000


def split(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 5, 11, 13, 1 << 20])
def test_where_the_network_cuts_does_not_matter(server: Any, size: int) -> None:
    """L6."""
    encoded = data_set(1000)
    messages = [[echo_rq()], store_rq(encoded, 2, 300), [echo_rq(3), model.release_rq()]]
    with connect_raw(port_of(server)) as peer:
        for piece in split(request(), size):
            peer.send(piece)
        assert peer.receive_pdu()[:1] == b"\2"
        for message_id, pdus in enumerate(messages, 1):
            for piece in split(b"".join(pdus), size):
                peer.send(piece)
            _, status, _ = peer.receive_message()
            assert (status[0x0120], status[0x0900]) == (message_id, 0)
        assert peer.receive_pdu() == model.release_rp()
    assert server.stored == [encoded]


def test_a_peer_without_errors_is_served(server: Any) -> None:
    """The aborts above are not what any peer gets."""
    with associate_raw(port_of(server)) as peer:
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0
        peer.send(model.p_data_tf(STORE), model.release_rq())
        assert peer.receive_message()[1][0x0900] == 0
        assert peer.receive_pdu() == model.release_rp()
