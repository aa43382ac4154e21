"""C-GET as SCP: what handlers yield is sent, counted and reported (PS3.4 C.4.3)."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from raw_peer import EXPLICIT, IMPLICIT
from raw_peer import data_set as encoded_object
from retrieving import (
    GET,
    MR,
    PENDING,
    Closing,
    Receiver,
    Told,
    archive,
    archive_ae,
    asking,
    file_content,
    file_of,
    get,
    identifier,
    small_object,
)
from servers import await_event
from storage_files import storage_files

from fastdicom import AE, EncodedDataset
from fastdicom.data_sets import encode_dataset
from fastdicom.sop_class import CompositeInstanceRetrieveWithoutBulkDataGet


def test_objects_in_every_form_are_sent_as_they_are(tmp_path: Path) -> None:
    path = file_of(tmp_path, 2)
    longer = tmp_path / "longer.dcm"
    longer.write_bytes(file_content(6) + bytes(5 << 20))

    def handler(event: Any) -> Iterator[Any]:
        yield 9
        yield PENDING, EncodedDataset(encoded_object(64, "1.2.3.8"), IMPLICIT)
        yield PENDING, EncodedDataset.open(path).transcode(EXPLICIT)  # which is not accepted
        yield PENDING, small_object(1)
        yield PENDING, path
        yield PENDING, str(path)
        with path.open("rb") as file:
            yield PENDING, file
        yield PENDING, io.BytesIO(file_content(4))
        yield PENDING, (encoded_object(64, "1.2.3.5"), IMPLICIT)
        with longer.open("rb") as file:
            yield PENDING, file

    receiver = Receiver()
    with archive(handler) as server:
        told = get(server, receiver)
    assert receiver.uids == [f"1.2.3.{number}" for number in (8, 2, 1, 2, 2, 2, 4, 5, 6)]
    assert receiver.data_sets[2:] == [
        encode_dataset(small_object(1), small_object(1).file_meta.TransferSyntaxUID),
        *[encoded_object(64, f"1.2.3.{number}") for number in (2, 2, 2, 4, 5)],
        encoded_object(64, "1.2.3.6") + bytes(5 << 20),
    ]
    assert receiver.requests[0].MoveOriginatorMessageID is None
    assert receiver.data_sets[:2] == [encoded_object(64, "1.2.3.8"), encoded_object(64, "1.2.3.2")]
    assert told.statuses == [PENDING] * 9 + [0x0000]
    assert told.failed is None


def test_5_1_row_8_the_number_of_remaining_sub_operations_is_not_in_the_last_response() -> None:
    def handler(event: Any) -> Iterator[Any]:
        yield 2
        yield PENDING, small_object(1)
        yield PENDING, small_object(2)

    with archive(handler) as server:
        told = get(server)
    assert told.counts == [(1, 1, 0, 0), (0, 2, 0, 0), (None, 2, 0, 0)]


def test_what_cannot_be_sent_has_failed_and_the_operation_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nameless = small_object(2)
    del nameless.SOPInstanceUID
    wrong = small_object(3)
    wrong.add_new(0x00280010, "US", "CITIZEN^Jan")  # cannot be encoded

    def handler(event: Any) -> Iterator[Any]:
        yield 9
        yield PENDING, small_object(1, MR)  # no presentation context
        yield PENDING, nameless
        yield PENDING, wrong
        yield PENDING, tmp_path / "CITIZEN^Jan"
        yield PENDING, None
        yield PENDING, 5
        yield PENDING, (encoded_object(64, "1.2.3.4")[:-20], EXPLICIT)  # which it is not, and cut off
        yield PENDING, io.BytesIO(file_content(5, sop_class=MR))
        yield PENDING, small_object(6)

    receiver = Receiver()
    with archive(handler) as server:
        told = get(server, receiver)
    assert told.statuses == [PENDING] * 9 + [0xB000]
    assert told.counts[-1] == (None, 1, 8, 0)
    assert told.failed == ["1.2.3.1", "1.2.3.3", "1.2.3.4", "1.2.3.5"]
    assert receiver.uids == ["1.2.3.6"]
    assert "CITIZEN" not in caplog.text


@pytest.mark.parametrize(
    ("answers", "status", "counts", "failed"),
    [
        ([0x0000, 0x0000], 0x0000, (None, 2, 0, 0), None),
        ([0xB000, 0x0000], 0xB000, (None, 1, 0, 1), None),
        ([0xB006, 0xB007], 0xB000, (None, 0, 0, 2), None),
        ([0xA700, 0x0000], 0xB000, (None, 1, 1, 0), ["1.2.3.1"]),
        ([0x0000, 0xC000], 0xB000, (None, 1, 1, 0), ["1.2.3.2"]),
        ([0xA900, 0x0122], 0xA702, (None, 0, 2, 0), ["1.2.3.1", "1.2.3.2"]),
        ([0x1234, 0xB007], 0xB000, (None, 0, 1, 1), ["1.2.3.1"]),
    ],
)
def test_the_last_status_is_what_became_of_the_objects(
    answers: list[int], status: int, counts: Any, failed: list[str] | None
) -> None:
    """PS3.4 C.4.3.3.1; without a failure there is no list, and no data set (PS3.4 C.4.3.1.3.2)."""
    left = list(answers)

    def handler(event: Any) -> Iterator[Any]:
        yield 2
        yield PENDING, small_object(1)
        yield PENDING, small_object(2)

    with archive(handler) as server:
        told = get(server, Receiver(lambda event: left.pop(0)))
    assert (told.statuses[-1], told.counts[-1], told.failed) == (status, counts, failed)


def test_the_exact_transfer_syntax_is_taken_of_several_contexts_for_one_sop_class() -> None:
    chosen = {}
    for file in storage_files():
        chosen.setdefault((file.sop_class_uid, file.transfer_syntax), file)
    files = [file for file in chosen.values() if len(file.data_set) < 1_000_000][:40]
    pairs = tuple((str(file.sop_class_uid), str(file.transfer_syntax)) for file in files)
    assert len({sop_class for sop_class, _ in pairs}) < len(pairs)

    def handler(event: Any) -> Iterator[Any]:
        yield len(files)
        for file in files:
            yield PENDING, file.path

    receiver = Receiver()
    with archive(handler, archive_ae(*pairs)) as server:
        told = get(server, receiver, contexts=pairs)
    assert told.statuses[-1] == 0x0000
    assert receiver.syntaxes == [syntax for _, syntax in pairs]
    assert receiver.data_sets == [file.data_set_to_send for file in files]


def test_what_the_peer_takes_in_another_uncompressed_syntax_only_is_converted() -> None:
    dataset = small_object(1)
    explicit = encode_dataset(dataset, DeflatedExplicitVRLittleEndian)

    def handler(event: Any) -> Iterator[Any]:
        yield 1
        yield PENDING, (explicit, str(DeflatedExplicitVRLittleEndian))

    receiver = Receiver()
    with archive(handler) as server:
        assert get(server, receiver).statuses[-1] == 0x0000
    assert receiver.data_sets == [encode_dataset(dataset, dataset.file_meta.TransferSyntaxUID)]


# --- handlers that do not do what they should ---


def raising(event: Any) -> Iterator[Any]:
    raise RuntimeError("on purpose")


def raising_at_once(event: Any) -> Iterator[Any]:
    yield from raising(event)


def of(*results: Any) -> Any:
    """Return a handler that yields these; an exception is raised."""

    def handler(event: Any) -> Iterator[Any]:
        for result in results:
            if isinstance(result, Exception):
                raise result
            yield result

    return handler


FAILED = Dataset()
FAILED.FailedSOPInstanceUIDList = ["1.2.9", "1.2.10"]
COMMENTED = Dataset()
COMMENTED.Status = 0xA900
COMMENTED.ErrorComment = "why" * 30
WITHOUT_STATUS = Dataset()

ONE = (PENDING, small_object(1))
TWO = (PENDING, small_object(2))


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (raising, 0xC411),
        (lambda event: None, 0xC413),
        (raising_at_once, 0xC413),
        (of(), 0xC413),
        (of("many"), 0xC413),
        (of(None), 0xC413),
        (of(65536, ONE), 0xC416),
    ],
)
def test_a_handler_that_does_not_say_how_many_there_are(handler: Any, status: int) -> None:
    with archive(handler) as server:
        told = get(server)
    assert (told.statuses, told.counts) == ([status], [(None, None, None, None)])


@pytest.mark.parametrize(
    ("results", "status", "counts", "failed"),
    [
        ([0], 0x0000, (None, 0, 0, 0), None),
        ([-1, ONE], 0x0000, (None, 0, 0, 0), None),
        ([1, ONE, TWO], 0x0000, (None, 1, 0, 0), None),  # more than announced
        ([3, ONE], 0x0000, (None, 1, 0, 0), None),  # less
        ([1, ONE, (0x0000, None)], 0x0000, (None, 1, 0, 0), None),
        ([2, ONE, (0x0000, None)], 0x0000, (None, 1, 0, 0), None),
        ([2, (PENDING, None), (0x0000, None)], 0xA702, (None, 0, 1, 0), None),
        ([3, ONE, RuntimeError()], 0xC411, (None, 1, 2, 0), None),
        ([1, ONE, RuntimeError()], 0x0000, (None, 1, 0, 0), None),  # all has been done
        ([3, ONE, 5], 0xC411, (None, 1, 2, 0), None),
        ([3, ONE, (PENDING, 1, 2)], 0xC411, (None, 1, 2, 0), None),
        ([3, ONE, ("?", None)], 0xC002, (None, 1, 2, 0), None),
        ([3, ONE, (WITHOUT_STATUS, None)], 0xC001, (None, 1, 2, 0), None),
        ([3, ONE, (0xA701, None)], 0xA701, (None, 1, 2, 0), None),
        ([3, ONE, (0xB000, FAILED)], 0xB000, (None, 1, 2, 0), ["1.2.9", "1.2.10"]),
        ([3, ONE, (COMMENTED, FAILED)], 0xA900, (None, 1, 2, 0), ["1.2.9", "1.2.10"]),
        ([3, (PENDING, small_object(7, MR)), (0xA701, None)], 0xA701, (None, 0, 3, 0), ["1.2.3.7"]),
        ([3, ONE, (0x1234, None)], 0x1234, (None, 1, 2, 0), None),
        ([3, ONE, (0xFE00, None)], 0xFE00, (2, 1, 0, 0), None),
        ([3, ONE, (0xFE00, FAILED)], 0xFE00, (2, 1, 0, 0), ["1.2.9", "1.2.10"]),
    ],
)
def test_how_a_handler_ends_it(results: Any, status: int, counts: Any, failed: list[str] | None) -> None:
    handler = Closing(of(*results))
    with archive(handler) as server:
        told = get(server)
        assert handler.is_closed.is_set()
    assert (told.statuses[-1], told.counts[-1], told.failed) == (status, counts, failed)
    assert told.last.get("ErrorComment") == (COMMENTED.ErrorComment[:64] if status == 0xA900 else None)


def test_without_a_handler_it_is_a_failure() -> None:
    ae = archive_ae()
    server = ae.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        assert get(server).statuses == [0xC411]
    finally:
        server.shutdown()


def test_a_list_of_more_than_64_kb_in_explicit_vr() -> None:
    count = 1300

    def handler(event: Any) -> Iterator[Any]:
        yield count
        for number in range(count):
            yield PENDING, small_object(10**49 + number, MR)

    with archive(handler) as server, asking(server, query_syntax=EXPLICIT) as association:
        told = Told.of(association.send_c_get(identifier(), GET))
    assert told.statuses[-1] == 0xA702
    assert told.counts[-1] == (None, 0, count, 0)
    assert told.failed == [f"1.2.3.{10**49 + number}" for number in range(count)]


# --- C-CANCEL, and the end of the association ---


def test_a_cancel_ends_it_though_the_handler_does_not_look() -> None:
    is_cancelled = threading.Event()

    def results(event: Any) -> Iterator[Any]:
        yield 3
        yield PENDING, small_object(1)
        yield PENDING, small_object(2, MR)
        await_event(is_cancelled)
        yield PENDING, small_object(3)

    handler = Closing(results)
    with archive(handler) as server, asking(server, Receiver()) as association:
        responses = association.send_c_get(identifier(), GET)
        told = Told()
        for status, found in responses:
            told.add(status, found)
            if len(told.statuses) == 2:
                responses.cancel()
                is_cancelled.set()
    assert told.statuses == [PENDING, PENDING, 0xFE00]
    assert told.counts[-1] == (1, 1, 1, 0)
    assert told.failed == ["1.2.3.2"]
    assert handler.is_closed.is_set()


def test_the_handler_sees_a_cancel_first() -> None:
    is_cancelled = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield 3
        yield PENDING, small_object(1)
        await_event(is_cancelled)
        if event.is_cancelled:
            yield 0xFE00, FAILED

    with archive(handler) as server, asking(server, Receiver()) as association:
        responses = association.send_c_get(identifier(), GET)
        told = Told()
        for status, found in responses:
            told.add(status, found)
            responses.cancel()
            is_cancelled.set()
    assert told.statuses == [PENDING, 0xFE00]
    assert told.counts[-1] == (2, 1, 0, 0)
    assert told.failed == ["1.2.9", "1.2.10"]


@pytest.mark.parametrize("how", ["abort", "release"])
def test_when_the_association_ends_the_generator_is_closed(how: str) -> None:
    may_go_on = threading.Event()

    def results(event: Any) -> Iterator[Any]:
        yield 40
        for number in range(40):
            yield PENDING, small_object(number)
            if number:
                await_event(may_go_on)

    handler = Closing(results)
    with archive(handler) as server:
        with asking(server, Receiver()) as association:
            next(association.send_c_get(identifier(), GET))
            if how == "abort":
                may_go_on.set()
                association.abort()
            else:  # asked for within the operation, which cancels it
                threading.Timer(0.01, may_go_on.set).start()
                association.release()
        await_event(handler.is_closed)
        assert get(server).statuses[0] == PENDING  # and others are served


def test_pending_responses_come_at_a_pace_while_the_handler_takes_its_time() -> None:
    is_enough = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield 1
        await_event(is_enough)
        yield PENDING, small_object(1)

    with archive(handler, pending_interval=0.01) as server, asking(server, Receiver()) as association:
        told = Told()
        for status, found in association.send_c_get(identifier(), GET):
            told.add(status, found)
            if len(told.statuses) == 3:
                is_enough.set()
    assert told.counts[:3] == [(1, 0, 0, 0)] * 3
    assert told.counts[-2:] == [(0, 1, 0, 0), (None, 1, 0, 0)]


# --- requests ---


@pytest.mark.parametrize(("asked", "sent"), [(0, 0), (1, 1), (2, 2), (7, 2)])
def test_sub_operations_have_the_priority_of_the_operation(asked: int, sent: int) -> None:
    receiver = Receiver()
    with archive(of(1, ONE)) as server, asking(server, receiver) as association:
        list(association.send_c_get(identifier(), GET, priority=asked))
    assert [request.Priority for request in receiver.requests] == [sent]


def test_an_identifier_that_memory_has_no_room_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is received and dropped, and does not go to the store directory."""
    large = identifier()
    large.PatientComments = "x" * 100_000
    called: list[Any] = []

    def handler(event: Any) -> Iterator[Any]:
        called.append(event)
        yield 0

    for directory in (None, tmp_path):
        with (
            archive(handler, memory_limit=50_000, store_directory=directory) as server,
            asking(server) as association,
        ):
            assert Told.of(association.send_c_get(large, GET)).statuses == [0xA701]
            assert Told.of(association.send_c_get(identifier(), GET)).statuses == [0x0000]
    assert list(tmp_path.iterdir()) == []
    assert len(called) == 2


def test_without_bulk_data(tmp_path: Path) -> None:
    """PS3.4 Annex Z: the object comes without it, whatever the handler yields, which stays as it is."""
    whole = small_object(1)
    whole.Rows = 7
    whole.PixelData = bytes(100)
    whole["PixelData"].VR = "OW"
    whole.add_new(0x60003000, "OW", bytes(4))
    whole.add_new(0x60000010, "US", 9)
    item = Dataset()
    item.WaveformData = bytes(4)
    item["WaveformData"].VR = "OW"
    item.NumberOfWaveformSamples = 3
    whole.WaveformSequence = [item]
    path = tmp_path / "whole.dcm"
    whole.save_as(path, enforce_file_format=True)
    encoded = encode_dataset(whole, whole.file_meta.TransferSyntaxUID)
    forms = (whole, path, path.read_bytes(), (encoded, IMPLICIT), EncodedDataset.open(path))
    results = of(5, *[(PENDING, each) for each in forms])

    model = CompositeInstanceRetrieveWithoutBulkDataGet
    ae = archive_ae()
    ae.add_supported_context(model)
    received: list[Dataset] = []
    with archive(results, ae) as server:
        told = get(server, lambda event: received.append(event.dataset) or 0, models=(model,))
    assert told.statuses[-1] == 0x0000
    expected = small_object(1)
    expected.Rows = 7
    expected.add_new(0x60000010, "US", 9)
    kept = Dataset()
    kept.NumberOfWaveformSamples = 3
    expected.WaveformSequence = [kept]
    assert received == [expected] * 5
    assert "PixelData" in whole
    assert "WaveformData" in item


def test_files_of_pydicom_without_bulk_data_can_be_read() -> None:
    file = next(each for each in storage_files() if each.transfer_syntax.is_encapsulated)
    sop_class = str(file.sop_class_uid)
    model = CompositeInstanceRetrieveWithoutBulkDataGet
    ae = archive_ae((sop_class, EXPLICIT))
    ae.add_supported_context(model)
    received: list[Dataset] = []
    with archive(of(1, (PENDING, file.path)), ae) as server:
        told = get(
            server,
            lambda event: received.append(event.dataset) or 0,
            models=(model,),
            contexts=((sop_class, EXPLICIT),),
        )
    assert told.statuses[-1] == 0x0000
    missing = set(dcmread(file.path).keys()) - set(received[0].keys())
    assert {tag for tag in missing if tag.element} == {0x7FE00010}  # and group lengths, which are not written


def test_logging_is_quiet_when_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with archive(of(1, ONE)) as server:
        assert get(server, ae=AE()).statuses[-1] == 0x0000
    assert caplog.text == ""
