"""C-STORE sub-operations with others: pynetdicom and DCMTK ask for them, are sent them, and send them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import dcmtk_storescp, require_pynetdicom, run_dcmtk
from pydicom import dcmread
from raw_peer import CT, EXPLICIT, IMPLICIT
from retrieving import (
    GET,
    MOVE,
    MR,
    PENDING,
    Receiver,
    Told,
    archive,
    destination,
    identifier,
    moving,
    small_object,
)
from servers import port_of, wait_until
from storage_files import storage_files

from fastdicom import AE, build_context, build_role


def several(count: int, failing: int = 0) -> Any:
    """Return a C-GET handler with so many objects, some of which are accepted by nobody."""

    def handler(event: Any) -> Iterator[Any]:
        yield count
        for number in range(count):
            yield PENDING, small_object(number, "1.2.3" if number < failing else CT)

    return handler


@pytest.mark.parametrize(("failing", "status"), [(0, 0x0000), (1, 0xB000), (3, 0xA702)])
def test_pynetdicom_is_told_what_its_own_counts_are(failing: int, status: int) -> None:
    pynetdicom = require_pynetdicom()
    asking = pynetdicom.AE("ASKING")
    asking.add_requested_context(GET)
    asking.add_requested_context(CT)
    stored: list[Any] = []

    def store(event: Any) -> int:
        stored.append(event.dataset.SOPInstanceUID)
        return 0x0000

    with archive(several(3, failing)) as server:
        association = asking.associate(
            "127.0.0.1",
            port_of(server),
            ext_neg=[pynetdicom.build_role(CT, scp_role=True)],
            evt_handlers=[(pynetdicom.evt.EVT_C_STORE, store)],
        )
        told = Told.of(association.send_c_get(identifier(), GET))
        association.release()
    assert stored == [f"1.2.3.{number}" for number in range(failing, 3)]
    assert told.statuses == [PENDING] * 3 + [status]
    assert told.counts[-1] == (None, 3 - failing, failing, 0)


def test_pynetdicom_asks_and_is_the_destination() -> None:
    pynetdicom = require_pynetdicom()
    there = pynetdicom.AE("THERE")
    there.add_supported_context(CT)
    there.add_supported_context(MR)
    originators: list[Any] = []

    def store(event: Any) -> int:
        request = event.request
        originators.append(
            (request.MoveOriginatorApplicationEntityTitle.strip(), request.MoveOriginatorMessageID)
        )
        return 0x0000

    running = there.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_STORE, store)]
    )
    asking = pynetdicom.AE("ASKING")
    asking.add_requested_context(MOVE)
    where = ("127.0.0.1", running.server_address[1])
    try:
        with archive(moving(where, small_object(1), small_object(2, MR), small_object(3))) as server:
            association = asking.associate("127.0.0.1", port_of(server))
            told = Told.of(association.send_c_move(identifier(), "THERE", MOVE, msg_id=77))
            association.release()
    finally:
        running.shutdown()
    assert told.statuses == [PENDING] * 3 + [0x0000]
    assert told.counts[-1] == (None, 3, 0, 0)
    assert originators == [("ASKING", 77)] * 3


def test_storescp_takes_one_association_at_a_time_and_gets_everything(tmp_path: Path) -> None:
    chosen = {}
    for file in storage_files():
        is_sound = file.uids_in_data_set == (file.sop_class_uid, file.sop_instance_uid)
        if is_sound and file.sop_class_uid.name.endswith("Image Storage") and len(file.data_set) < 200_000:
            chosen.setdefault((file.sop_class_uid, file.transfer_syntax), file)
    files = [file for file in chosen.values() if file.transfer_syntax in (IMPLICIT, EXPLICIT)][:12]
    files += files[::-1]
    with dcmtk_storescp("-od", tmp_path) as port:
        results = moving(("127.0.0.1", port), *[file.path for file in files])
        with archive(results) as server:
            contexts = [build_context(MOVE, IMPLICIT)]
            with AE("ASKING").associate("127.0.0.1", port_of(server), contexts) as association:
                told = Told.of(association.send_c_move(identifier(), "STORESCP", MOVE))
    assert (told.statuses[-1], told.counts[-1], told.failed) == (0x0000, (None, len(files), 0, 0), None)
    received = {dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()}
    assert received == {dcmread(file.path).SOPInstanceUID for file in files}


def test_movescu_cancels() -> None:
    is_cancelled: list[bool] = []
    receiver = Receiver()

    def handler(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", port_of(there)
        yield 3
        yield PENDING, small_object(1)
        wait_until(lambda: event.is_cancelled)
        is_cancelled.append(True)
        yield PENDING, small_object(2)

    with destination(receiver) as there, archive(handler) as server:
        keys = ("-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=1")
        result = run_dcmtk(
            "movescu", "-v", "-P", "-aem", "THERE", "--cancel", 1, *keys, "127.0.0.1", port_of(server)
        )
    assert is_cancelled == [True]
    assert "Cancel" in result.stdout
    assert receiver.uids == ["1.2.3.1"]


def test_getscu_is_told_of_what_failed(tmp_path: Path) -> None:
    """Of the identifier it makes nothing: DCMTK 3.6.7 asks for the release without receiving it."""
    with archive(several(4, 1)) as server:
        keys = ("-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=1")
        result = run_dcmtk(
            "getscu", "-d", "-P", "-od", tmp_path, *keys, "127.0.0.1", port_of(server), cwd=tmp_path
        )
    assert "Number of Completed Suboperations : 3" in result.stdout
    assert "Number of Failed Suboperations    : 1" in result.stdout
    assert len(list(tmp_path.iterdir())) == 3


def test_pynetdicom_sends_into_the_store_directory(tmp_path: Path) -> None:
    pynetdicom = require_pynetdicom()
    ae = pynetdicom.AE("ARCHIVE")
    ae.add_supported_context(GET)
    ae.add_supported_context(CT, scu_role=True, scp_role=True)
    running = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_GET, several(3))]
    )
    ours = AE()
    ours.store_directory = tmp_path
    contexts = [build_context(GET, IMPLICIT), build_context(CT, IMPLICIT)]
    try:
        with ours.associate(
            "127.0.0.1", running.server_address[1], contexts, ext_neg=[build_role(CT, scp_role=True)]
        ) as association:
            told = Told.of(association.send_c_get(identifier(), GET))
    finally:
        running.shutdown()
    assert told.statuses == [PENDING] * 3 + [0x0000]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"1.2.3.{number}.dcm" for number in range(3)]
