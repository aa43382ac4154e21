"""Orthanc as a peer, in both directions: verification, storage, query, retrieval and storage commitment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import archive
import pytest
from peer_servers import Orthanc, orthanc
from peers import unused_port
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from qr_service import HOST, Received, receiving, serving_archive
from servers import await_event, wait_until

from fastdicom import AE, Association, build_context, build_role, evt
from fastdicom.presentation import PresentationContext
from fastdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)

STORAGE = sorted({each.sop_class for each in archive.INSTANCES})
FIRST = archive.INSTANCES[0]
P1 = {each.uid for each in archive.INSTANCES if each.patient_id == "P1"}

# PS3.4 J.3.2.1.3 and J.3.3
REQUEST_COMMITMENT = 1
ALL_COMMITTED, SOME_FAILED = 1, 2
NO_SUCH_OBJECT_INSTANCE = 0x0112

QUERIES = {
    "PATIENT": {},
    "STUDY": {"PatientID": "P1"},
    "SERIES": {"PatientID": "P1", "StudyInstanceUID": FIRST.study},
    "IMAGE": {"PatientID": "P1", "StudyInstanceUID": FIRST.study, "SeriesInstanceUID": FIRST.series},
}


class Peer:
    """Orthanc with the archive in it, and the port at which it knows us."""

    def __init__(self, server: Orthanc, our_port: int) -> None:
        self.server = server
        self.our_port = our_port

    def associate(self, contexts: list[PresentationContext], **options: Any) -> Association:
        return AE("FASTDICOM").associate(HOST, self.server.port, contexts, "ORTHANC", **options)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory, archive_files: dict[str, Path]) -> Iterator[Peer]:
    ours = unused_port()
    directory = tmp_path_factory.mktemp("orthanc") / "here"
    with orthanc(directory, {"us": ("FASTDICOM", ours)}) as server:
        peer = Peer(server, ours)
        with peer.associate([build_context(uid) for uid in STORAGE]) as association:
            statuses = [association.send_c_store(path).Status for path in archive_files.values()]
        assert set(statuses) == {0x0000}, server.said()
        yield peer


def contexts(*uids: str) -> list[PresentationContext]:
    return [build_context(uid) for uid in uids]


# --- Orthanc as SCP ---------------------------------------------------------------------------------------


def test_echo(peer: Peer) -> None:
    with peer.associate(contexts(Verification)) as association:
        assert association.send_c_echo().Status == 0x0000


def test_store(peer: Peer) -> None:
    assert len(peer.server.get("/instances")) == len(archive.INSTANCES)


@pytest.mark.parametrize("level", QUERIES)
def test_find(peer: Peer, level: str) -> None:
    identifier = archive.query(level, **QUERIES[level])
    model = PatientRootQueryRetrieveInformationModelFind
    with peer.associate(contexts(model)) as association:
        *matches, (final, _) = association.send_c_find(identifier, model)
    assert final.Status == 0x0000
    found = sorted(answer[archive.UNIQUE_KEYS[level]].value for _, answer in matches)
    assert found == archive.unique(archive.select(identifier), level)


def test_get(peer: Peer) -> None:
    model = PatientRootQueryRetrieveInformationModelGet
    received = Received()
    roles = [build_role(uid, scp_role=True) for uid in STORAGE]
    with peer.associate(
        contexts(model, *STORAGE), ext_neg=roles, evt_handlers=[received.handler]
    ) as association:
        *_, (final, _) = association.send_c_get(archive.query("PATIENT", PatientID="P1"), model)
    assert final.Status == 0x0000
    assert received.objects.keys() == P1


def test_move(peer: Peer) -> None:
    model = PatientRootQueryRetrieveInformationModelMove
    with receiving(peer.our_port) as (_, received), peer.associate(contexts(model)) as association:
        responses = association.send_c_move(archive.query("PATIENT", PatientID="P1"), "FASTDICOM", model)
        *_, (final, _) = responses
    assert final.Status == 0x0000
    assert received.objects.keys() == P1


def commitment(*references: tuple[str, str]) -> Dataset:
    """Return the action information of a request, PS3.4 J.3.2.1.1."""
    information = Dataset()
    information.TransactionUID = generate_uid()
    information.ReferencedSOPSequence = []
    for sop_class, uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        information.ReferencedSOPSequence.append(item)
    return information


@pytest.mark.parametrize("is_there", [True, False])
def test_commitment_by_orthanc(peer: Peer, is_there: bool) -> None:
    """It reports on an association of its own, on which it has the role of the SCP."""
    reported = threading.Event()
    reports: list[tuple[int, Dataset]] = []

    def handle(event: Any) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        reported.set()
        return 0x0000, None

    model = StorageCommitmentPushModel
    ae = AE("FASTDICOM")
    ae.add_supported_context(model, scu_role=False, scp_role=True)
    information = commitment((FIRST.sop_class, FIRST.uid if is_there else "1.2.3.4"))
    server = ae.start_server(
        (HOST, peer.our_port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, handle)]
    )
    try:
        with peer.associate(contexts(model)) as association:
            status, _ = association.send_n_action(
                information, REQUEST_COMMITMENT, model, StorageCommitmentPushModelInstance
            )
        assert status.Status == 0x0000
        await_event(reported)
    finally:
        server.shutdown()
    ((event_type, report),) = reports
    assert report.TransactionUID == information.TransactionUID
    if is_there:
        assert event_type == ALL_COMMITTED
        assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [FIRST.uid]
    else:
        assert event_type == SOME_FAILED
        assert [item.FailureReason for item in report.FailedSOPSequence] == [NO_SUCH_OBJECT_INSTANCE]


# --- Orthanc as SCU ---------------------------------------------------------------------------------------


def test_orthanc_echoes(peer: Peer) -> None:
    ae = AE("FASTDICOM")
    ae.add_supported_context(Verification)
    server = ae.start_server((HOST, peer.our_port), block=False)
    try:
        peer.server.post("/modalities/us/echo", {})
    finally:
        server.shutdown()


def test_orthanc_stores(peer: Peer) -> None:
    with receiving(peer.our_port) as (_, received):
        answer = peer.server.post(
            "/modalities/us/store", {"Resources": peer.server.get("/instances"), "Synchronous": True}
        )
    assert answer["FailedInstancesCount"] == 0
    assert received.objects.keys() == {each.uid for each in archive.INSTANCES}


@pytest.mark.parametrize(
    ("level", "theirs"), [("STUDY", "Study"), ("SERIES", "Series"), ("IMAGE", "Instance")]
)
def test_orthanc_finds_and_moves(
    tmp_path: Path, archive_files: dict[str, Path], level: str, theirs: str
) -> None:
    """An Orthanc with nothing in it queries the archive, and has it move what it found to itself."""
    ours = unused_port()
    identifier = archive.query(level, **QUERIES[level])
    with (
        orthanc(tmp_path / "orthanc", {"us": ("ARCHIVE", ours)}) as server,
        serving_archive(archive_files, {"ORTHANC": server.port}, ours),
    ):
        keys = QUERIES[level] | {archive.UNIQUE_KEYS[level]: ""}
        query = server.post("/modalities/us/query", {"Level": theirs, "Query": keys})
        answers = f"/queries/{query['ID']}/answers"
        assert len(server.get(answers)) == len(archive.unique(archive.select(identifier), level))
        server.post(f"{answers}/0/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
        tags = [server.get(f"/instances/{each}/simplified-tags") for each in server.get("/instances")]
    moved = {each["SOPInstanceUID"] for each in tags}
    key = tags[0][archive.UNIQUE_KEYS[level]]
    assert moved == {each.uid for each in archive.INSTANCES if each.key(level) == key}


@pytest.mark.parametrize("is_there", [True, False])
def test_commitment_by_us(peer: Peer, is_there: bool) -> None:
    """The handler accepts the request, and the result goes out on an association of its own."""
    requested = threading.Event()
    requests: list[Dataset] = []

    def handle(event: Any) -> tuple[int, None]:
        assert event.action_type == REQUEST_COMMITMENT
        requests.append(event.action_information)
        requested.set()
        return 0x0000, None

    model = StorageCommitmentPushModel
    ae = AE("FASTDICOM")
    ae.add_supported_context(model)
    server = ae.start_server((HOST, peer.our_port), block=False, evt_handlers=[(evt.EVT_N_ACTION, handle)])
    try:
        body = {"DicomInstances": [[FIRST.sop_class, FIRST.uid]]}
        transaction = peer.server.post("/modalities/us/storage-commitment", body)["ID"]
        await_event(requested)
    finally:
        server.shutdown()
    (request,) = requests
    result = Dataset()
    result.TransactionUID = request.TransactionUID
    (item,) = request.ReferencedSOPSequence
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (FIRST.sop_class, FIRST.uid)
    if is_there:
        result.ReferencedSOPSequence = [item]
    else:
        item.FailureReason = NO_SUCH_OBJECT_INSTANCE
        result.FailedSOPSequence = [item]
    event_type = ALL_COMMITTED if is_there else SOME_FAILED
    with peer.associate(contexts(model), ext_neg=[build_role(model, scp_role=True)]) as association:
        status, _ = association.send_n_event_report(
            result, event_type, model, StorageCommitmentPushModelInstance
        )
        assert status.Status == 0x0000
    path = f"/storage-commitment/{transaction}"
    wait_until(lambda: peer.server.get(path)["Status"] != "Pending", "the result in Orthanc")
    report = peer.server.get(path)
    assert report["Status"] == ("Success" if is_there else "Failure")
    assert len(report["Success"]) == is_there and len(report["Failures"]) == (not is_there)
