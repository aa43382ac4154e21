"""The DIMSE-N services as SCU against a peer that is only a socket: what it gets, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import model
import pytest
from pydicom.dataset import Dataset
from raw_peer import IMPLICIT, Raw, fake_acceptor, user_information

from fastdicom import AE, Association, build_context
from fastdicom.sop_class import BasicFilmSession, BasicGrayscalePrintManagementMeta, Printer

GRAYSCALE = BasicGrayscalePrintManagementMeta
INSTANCE = "1.2.3.4"

# (2000,0010) Number of Copies "2", Implicit VR Little Endian
COPIES = bytes.fromhex("0020 1000 02000000") + b"2 "


def copies() -> Dataset:
    dataset = Dataset()
    dataset.NumberOfCopies = 2
    return dataset


CONTEXT = 1


@contextmanager
def raw_printer(*scripts: Callable[[Raw], None]) -> Iterator[Association]:
    """Associate with a peer that accepts one context for print, runs the scripts and agrees to a release."""

    def run(peer: Raw) -> None:
        peer.receive_pdu()
        items = [
            model.application_context(),
            model.context_ac(CONTEXT, 0, IMPLICIT),
            user_information(),
        ]
        peer.send(model.associate(2, b"CALLED", b"CALLING", items))
        for script in scripts:
            script(peer)
        if peer.receive_pdu()[:1] == b"\5":
            peer.send(model.release_rp())
        peer.close()

    with fake_acceptor(run) as port:
        association = AE().associate("127.0.0.1", port, contexts=[build_context(GRAYSCALE, IMPLICIT)])
        assert association.is_established
        try:
            yield association
        finally:
            association.release()


def exchange(
    seen: list[Any], response: dict[int, Any] | None = None, data_set: bytes | None = None
) -> Callable[[Raw], None]:
    """Return a script that takes a request and answers it with these elements, or plainly."""

    def script(peer: Raw) -> None:
        context_id, command, received = peer.receive_message()
        seen.append((context_id, {e: v for e, v in command.items() if e != 0}, received))
        elements = {0x0100: int(str(command[0x0100])) | 0x8000, 0x0120: command[0x0110], 0x0900: 0}
        elements |= {0x0800: 0x0101 if data_set is None else 1} | (response or {})
        peer.send(*model.message(CONTEXT, model.command_set(elements), data_set, 16384))

    return script


CALLS: dict[str, tuple[Callable[[Association, Any], Any], dict[int, Any]]] = {
    "N-EVENT-REPORT": (
        lambda a, d: a.send_n_event_report(d, 2, Printer, INSTANCE, 7),
        {0x0002: str(Printer), 0x0100: 0x0100, 0x0110: 7, 0x1000: INSTANCE, 0x1002: 2},
    ),
    "N-GET": (
        lambda a, _: a.send_n_get([0x21100010, 0x21100020], Printer, INSTANCE, 7),
        {
            0x0003: str(Printer),
            0x0100: 0x0110,
            0x0110: 7,
            0x1001: INSTANCE,
            0x1005: [0x21100010, 0x21100020],
        },
    ),
    "N-GET of everything": (
        lambda a, _: a.send_n_get([], Printer, INSTANCE, 7),
        {0x0003: str(Printer), 0x0100: 0x0110, 0x0110: 7, 0x1001: INSTANCE},
    ),
    "N-SET": (
        lambda a, d: a.send_n_set(d, BasicFilmSession, INSTANCE, 7),
        {0x0003: str(BasicFilmSession), 0x0100: 0x0120, 0x0110: 7, 0x1001: INSTANCE},
    ),
    "N-ACTION": (
        lambda a, d: a.send_n_action(d, 3, BasicFilmSession, INSTANCE, 7),
        {0x0003: str(BasicFilmSession), 0x0100: 0x0130, 0x0110: 7, 0x1001: INSTANCE, 0x1008: 3},
    ),
    "N-CREATE": (
        lambda a, d: a.send_n_create(d, BasicFilmSession, INSTANCE, 7),
        {0x0002: str(BasicFilmSession), 0x0100: 0x0140, 0x0110: 7, 0x1000: INSTANCE},
    ),
    "N-CREATE without a name": (
        lambda a, d: a.send_n_create(d, BasicFilmSession, msg_id=7),
        {0x0002: str(BasicFilmSession), 0x0100: 0x0140, 0x0110: 7},
    ),
    "N-DELETE": (
        lambda a, _: a.send_n_delete(BasicFilmSession, INSTANCE, 7),
        {0x0003: str(BasicFilmSession), 0x0100: 0x0150, 0x0110: 7, 0x1001: INSTANCE},
    ),
}
WITHOUT_DATA_SET = ("N-GET", "N-GET of everything", "N-DELETE")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("data_set", [copies(), COPIES, bytearray(COPIES), Dataset(), b"", None], ids=type)
def test_the_request_on_the_wire(name: str, data_set: Any) -> None:
    """Row 17: an empty data set is not announced."""
    call, elements = CALLS[name]
    seen: list[Any] = []
    with raw_printer(exchange(seen)) as association:
        call(association, data_set)
    sent = COPIES if data_set and name not in WITHOUT_DATA_SET else None
    assert seen == [(CONTEXT, elements | {0x0800: 0x0101 if sent is None else 1}, sent)]


def result_of(response: dict[int, Any], data_set: bytes | None, name: str = "N-ACTION") -> Any:
    with raw_printer(exchange([], response, data_set)) as association:
        return CALLS[name][0](association, None)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "N-DELETE"])
@pytest.mark.parametrize("code", [0x0000, 0x0107, 0xB600], ids=hex)
def test_the_data_set_of_a_response(name: str, code: int) -> None:
    status, reply = result_of({0x0900: code}, COPIES, name)
    assert (status.Status, reply) == (code, copies())


@pytest.mark.parametrize(
    ("code", "data_set", "reply"),
    [(0x0000, None, Dataset()), (0xB600, None, Dataset()), (0x0110, None, None), (0xC600, COPIES, None)],
    ids=["success", "warning", "failure", "failure with a data set"],
)
def test_no_data_set_in_a_response(code: int, data_set: bytes | None, reply: Dataset | None) -> None:
    status, received = result_of({0x0900: code}, data_set)
    assert (status.Status, received) == (code, reply)


def test_a_response_that_cannot_be_decoded() -> None:
    """A sequence begins in it and does not end. The status is what pynetdicom gives its user."""
    status, reply = result_of({}, bytes.fromhex("0800 1511 FFFFFFFF"))
    assert (status.Status, reply) == (0x0110, None)


def test_what_explains_the_status_of_a_response() -> None:
    status, _ = result_of({0x0900: 0x0107, 0x0902: "partly", 0x0903: 5, 0x1005: [0x21100010]}, None)
    assert (status.Status, status.ErrorComment, status.ErrorID) == (0x0107, "partly", 5)
    assert status.AttributeIdentifierList == 0x21100010


@pytest.mark.parametrize("name", CALLS)
def test_a_peer_that_does_not_answer(name: str) -> None:
    def hang_up(peer: Raw) -> None:
        peer.receive_message()
        peer.send(model.abort(0, 0))

    with raw_printer(hang_up) as association:
        result = CALLS[name][0](association, None)
        assert association.is_aborted
    assert result == (Dataset() if name == "N-DELETE" else (Dataset(), None))


def test_a_response_to_something_else() -> None:
    """Row 2: an N-SET is not answered by an N-GET response, nor by one to another Message ID."""
    for wrong in ({0x0100: 0x8110}, {0x0120: 8}):
        with raw_printer(exchange([], wrong)) as association:
            status, reply = association.send_n_set(copies(), BasicFilmSession, INSTANCE, 7)
            assert association.is_aborted
        assert (len(status), reply) == (0, None)
