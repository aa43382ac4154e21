"""C-FIND as SCP: what a handler may yield, and what the peer gets for it (PS3.4 C.4.1)."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import require_pynetdicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian
from queries import (
    CANCELLED,
    FIND_CONTEXT,
    MODEL,
    PENDING,
    associate_raw,
    command,
    encoded,
    find_rq,
    finding,
    identifier,
    outcome,
    query_ae,
)
from raw_peer import IMPLICIT
from servers import port_of, serving

from fastdicom import AE, evt
from fastdicom.data_sets import encode_dataset
from fastdicom.sop_class import (
    GeneralRelevantPatientInformationQuery,
    ModalityWorklistInformationFind,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
)

MATCHES = [(PENDING, f"P{number}") for number in range(3)]


def test_matches() -> None:
    def handler(event: Any, prefix: str = "P") -> Iterator[Any]:
        assert event.identifier.PatientID == "P7"
        assert event.request.AffectedSOPClassUID == MODEL and event.request.Priority == 1
        assert event.message_id == 77 and not event.is_cancelled
        for number in range(3):
            yield PENDING, identifier(number)

    with finding(handler) as association:
        responses = association.send_c_find(identifier(7), MODEL, 77, priority=1)
        assert [(status.Status, match and match.PatientID) for status, match in responses] == [
            *MATCHES,
            (0x0000, None),
        ]
        assert association.send_c_echo().Status == 0x0000
        association.release()
        assert association.is_released


# --- what is a match --------------------------------------------------------------------------------------


def part10(dataset: Dataset, transfer_syntax: str) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.3"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("transfer_syntax", [IMPLICIT, "1.2.840.10008.1.2.1"])
@pytest.mark.parametrize("kind", ["bytes", "memoryview", "path", "name", "open file", "in memory"])
def test_a_dicom_file_is_a_match(tmp_path: Path, kind: str, transfer_syntax: str) -> None:
    content = part10(identifier(5), transfer_syntax)
    path = tmp_path / "match.dcm"
    path.write_bytes(content)

    def handler(event: Any) -> Iterator[Any]:
        if kind == "open file":
            with path.open("rb") as file:
                yield PENDING, file
        else:
            yield (
                PENDING,
                {
                    "bytes": content,
                    "memoryview": memoryview(content),
                    "path": path,
                    "name": str(path),
                    "in memory": io.BytesIO(content),
                }[kind],
            )

    with finding(handler) as association:
        (_, match), (last, _) = association.send_c_find(identifier(), MODEL).encoded()
        assert bytes(match) == encoded(5) and last.Status == 0x0000


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO])
def test_an_encoded_data_set_goes_out_as_it_is(wrap: Any) -> None:
    with finding(lambda event: iter([(PENDING, wrap(encoded(3)))])) as association:
        responses = association.send_c_find(encoded(), MODEL).encoded()
        (status, match), (last, nothing) = list(responses)
        assert (status.Status, bytes(match)) == (PENDING, encoded(3)) and match.readonly
        assert (last.Status, nothing) == (0x0000, None)


# --- how it ends ------------------------------------------------------------------------------------------


def with_comment(status: int) -> Dataset:
    dataset = Dataset()
    dataset.Status = status
    dataset.ErrorComment = "why"
    return dataset


ENDS = [
    ([(0x0000, None)], 0x0000),
    ([0x0000], 0x0000),
    ([], 0x0000),
    ([(CANCELLED, None)], CANCELLED),
    ([(0xA700, None)], 0xA700),
    ([(0xA900, identifier())], 0xA900),
    ([(0xC123, None)], 0xC123),
    ([0xB001], 0xB001),
    ([(0x1234, None)], 0x1234),  # unknown: sent as it is
    ([(with_comment(0xA900), None)], 0xA900),
    ([(Dataset(), None)], 0xC001),
    (["nonsense"], 0xC002),
    ([None], 0xC002),
    ([(-1, None)], 0xC002),
    ([(0x10000, None)], 0xC002),
    ([(True, None)], 0xC002),
    ([(PENDING, identifier(), 3)], 0xC002),
    ([(PENDING, None)], 0xC312),
    ([PENDING], 0xC312),
    ([(PENDING, Dataset())], 0xC312),
    ([(PENDING, b"")], 0xC312),
    ([(PENDING, 5)], 0xC312),
    ([(PENDING, "/no/such/file")], 0xC312),
    ([(PENDING, part10(identifier(), IMPLICIT)[:140])], 0xC312),
]


@pytest.mark.parametrize(("yielded", "status"), ENDS)
@pytest.mark.parametrize("kind", ["generator", "list"])
def test_the_last_status(yielded: list[Any], status: int, kind: str) -> None:
    """What comes behind it is not asked for."""
    rows = [(PENDING, identifier(1)), *yielded, *([(PENDING, identifier(9))] if yielded else [])]
    is_closed = []

    def generator(event: Any) -> Iterator[Any]:
        try:
            yield from rows
        finally:
            is_closed.append(True)

    with finding(generator if kind == "generator" else lambda event: rows) as association:
        assert outcome(association) == [(PENDING, "P1"), (status, None)]
        assert kind == "list" or is_closed
        assert association.send_c_echo().Status == 0x0000


def unencodable() -> Dataset:
    dataset = Dataset()
    dataset.add_new(0x00280010, "US", "no number")
    return dataset


def test_a_match_that_cannot_be_encoded(caplog: pytest.LogCaptureFixture) -> None:
    with finding(lambda event: [(PENDING, unencodable())]) as association, caplog.at_level(logging.ERROR):
        assert outcome(association) == [(0xC312, None)]
    assert "no number" not in caplog.text


def test_a_status_is_explained() -> None:
    with finding(lambda event: [(with_comment(0xA900), None)]) as association:
        ((status, _),) = association.send_c_find(identifier(), MODEL)
        assert status.Status == 0xA900 and status.ErrorComment == "why"


def test_a_pending_status_is_explained() -> None:
    with finding(
        lambda event: [(with_comment(0xFF01), identifier(1)), (0xFF00, identifier(2))]
    ) as association:
        first, second, last = association.send_c_find(identifier(), MODEL)
        assert first[0].Status == 0xFF01 and first[0].ErrorComment == "why" and first[1].PatientID == "P1"
        assert second[0].Status == 0xFF00 and "ErrorComment" not in second[0]
        assert last[0].Status == 0x0000


class Refused(Exception):
    pass


def raising(event: Any) -> Any:
    raise Refused


def raising_later(event: Any) -> Iterator[Any]:
    yield PENDING, identifier(1)
    raise Refused


def raising_when_closed(event: Any) -> Iterator[Any]:
    try:
        yield PENDING, identifier(1)
        yield 0x0000
    finally:
        raise Refused


@pytest.mark.parametrize(
    ("handler", "statuses"),
    [
        (raising, [0xC311]),
        (raising_later, [PENDING, 0xC311]),
        (raising_when_closed, [PENDING, 0x0000]),
        (lambda event: 5, [0xC311]),
        (lambda event: None, [0x0000]),
        (None, [0xC311]),
    ],
)
def test_a_handler_that_fails(handler: Any, statuses: list[int]) -> None:
    with finding(handler) as association:
        for _ in range(2):
            assert [status for status, _ in outcome(association)] == statuses
        assert association.send_c_echo().Status == 0x0000


def test_an_identifier_that_cannot_be_decoded() -> None:
    def handler(event: Any) -> Iterator[Any]:
        yield PENDING, event.identifier

    broken = b"\x08\0\x15\x11" + b"\xff" * 4 + b"no items"  # a sequence
    with finding(handler) as association:
        assert outcome(association, broken) == [(0xC310, None)]
        assert outcome(association) == [(PENDING, "P0"), (0x0000, None)]


# --- service classes --------------------------------------------------------------------------------------


def test_relevant_patient_information_has_one_match() -> None:
    """PS3.4 Q.2.1.1.4."""

    def handler(event: Any) -> list[Any]:
        return [(PENDING, identifier(number)) for number in range(int(event.identifier.PatientID[1:]))]

    model = GeneralRelevantPatientInformationQuery
    with finding(handler, model) as association:
        assert outcome(association, identifier(0), model) == [(0x0000, None)]
        assert outcome(association, identifier(1), model) == [(PENDING, "P0"), (0x0000, None)]
        assert outcome(association, identifier(2), model) == [(PENDING, "P0"), (0xC100, None)]


@pytest.mark.parametrize("model", [ModalityWorklistInformationFind, UnifiedProcedureStepPull])
def test_other_models(model: str) -> None:
    with finding(lambda event: [(PENDING, identifier(1))], model) as association:
        assert outcome(association, model=model) == [(PENDING, "P1"), (0x0000, None)]


def test_the_command_of_a_procedure_step_names_push() -> None:
    """PS3.4 CC.3.1.1: whichever of its SOP classes was negotiated."""
    seen = []

    def handler(event: Any) -> list[Any]:
        seen.append((event.request.AffectedSOPClassUID, event.context.abstract_syntax))
        return []

    with finding(handler, UnifiedProcedureStepPull) as association:
        assert outcome(association, model=UnifiedProcedureStepPush) == [(0x0000, None)]
    assert seen == [(UnifiedProcedureStepPush, UnifiedProcedureStepPull)]


# --- requests that are not as they should be --------------------------------------------------------------


def test_5_1_row_12_a_request_without_an_identifier() -> None:
    """It is 0212H, and not silence."""
    with serving(query_ae(), [(evt.EVT_C_FIND, raising)]) as server, associate_raw(port_of(server)) as peer:
        peer.send(command({0x0002: MODEL, 0x0100: 0x0020, 0x0110: 1, 0x0700: 2}))
        context_id, response, data_set = peer.receive_message()
        assert (context_id, response[0x0120], response[0x0900], data_set) == (FIND_CONTEXT, 1, 0x0212, None)


def test_an_identifier_that_is_too_long_for_memory() -> None:
    ae = query_ae()
    ae.memory_limit = 1000
    with serving(ae, [(evt.EVT_C_FIND, raising)]) as server, associate_raw(port_of(server)) as peer:
        query = identifier()
        query.PatientComments = "x" * 5000
        peer.send(find_rq(1, encode_dataset(query, ImplicitVRLittleEndian)))
        assert peer.receive_message()[1][0x0900] == 0xA700
        peer.send(find_rq(2))
        assert peer.receive_message()[1][0x0900] == 0xC311


def test_responses_on_the_wire() -> None:
    """PS3.7 9.3.2.2: bytes by hand."""
    with (
        serving(query_ae(), [(evt.EVT_C_FIND, lambda event: [(0xFF01, identifier(1))])]) as server,
        associate_raw(port_of(server)) as peer,
    ):
        peer.send(find_rq(0xFFFF))
        expected = {0x0002: MODEL, 0x0100: 0x8020, 0x0120: 0xFFFF, 0x0800: 1, 0x0900: 0xFF01}
        context_id, response, data_set = peer.receive_message()
        assert {key: response[key] for key in expected} == expected and len(response) == len(expected) + 1
        assert (context_id, data_set) == (FIND_CONTEXT, encoded(1))
        _, response, data_set = peer.receive_message()
        assert (response[0x0800], response[0x0900], data_set) == (0x0101, 0x0000, None)


# --- pynetdicom -------------------------------------------------------------------------------------------


def test_pynetdicom_queries_ours() -> None:
    pynetdicom = require_pynetdicom()

    def handler(event: Any) -> Iterator[Any]:
        for number in range(20):
            if event.is_cancelled:
                yield CANCELLED, None
                return
            yield (PENDING, identifier(number)) if number % 2 else (PENDING, encoded(number))

    with serving(query_ae(), [(evt.EVT_C_FIND, handler)]) as server:
        ae = pynetdicom.AE()
        ae.add_requested_context(MODEL, IMPLICIT)
        association = ae.associate("127.0.0.1", port_of(server))
        try:
            rows = list(association.send_c_find(identifier(), MODEL))
            assert [match.PatientID for _, match in rows[:-1]] == [f"P{number}" for number in range(20)]
            assert rows[-1][0].Status == 0x0000
        finally:
            association.release()


def test_ours_queries_pynetdicom() -> None:
    pynetdicom = require_pynetdicom()

    def handler(event: Any) -> Iterator[Any]:
        for number in range(20):
            if event.is_cancelled:
                yield CANCELLED, None
                return
            yield PENDING, identifier(number)

    scp = pynetdicom.AE()
    scp.add_supported_context(MODEL)
    server = scp.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_FIND, handler)]
    )
    try:
        ae = AE()
        ae.add_requested_context(MODEL)
        with ae.associate("127.0.0.1", server.server_address[1]) as association:
            assert outcome(association) == [*((PENDING, f"P{i}") for i in range(20)), (0x0000, None)]
    finally:
        server.shutdown()
