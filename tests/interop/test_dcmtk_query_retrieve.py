"""Query and retrieval with DCMTK: its archive and its worklist as SCP, its tools as SCU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import archive
import pytest
from peer_servers import LoadedArchive, wlmscpfs
from peers import dcmtk_storescp, run_dcmtk, unused_port
from pydicom import dcmread
from pydicom.dataset import Dataset
from qr_service import HOST, Received, receiving, serving_archive
from servers import port_of

from fastdicom import AE, Association, build_context, build_role
from fastdicom.part10 import read_header
from fastdicom.sop_class import (
    ModalityWorklistInformationModelFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

FIND = {"P": PatientRootQueryRetrieveInformationModelFind, "S": StudyRootQueryRetrieveInformationModelFind}
GET = {"P": PatientRootQueryRetrieveInformationModelGet, "S": StudyRootQueryRetrieveInformationModelGet}
MOVE = {"P": PatientRootQueryRetrieveInformationModelMove, "S": StudyRootQueryRetrieveInformationModelMove}

STORAGE = sorted({each.sop_class for each in archive.INSTANCES})
FIRST = archive.INSTANCES[0]

# Whatever a query names, the levels above it have their unique keys (PS3.4 C.4.1.2.1), at each level that the
# information model has.
QUERIES = {
    ("P", "PATIENT"): {},
    ("P", "STUDY"): {"PatientID": "P1"},
    ("P", "SERIES"): {"PatientID": "P1", "StudyInstanceUID": FIRST.study},
    ("P", "IMAGE"): {"PatientID": "P1", "StudyInstanceUID": FIRST.study, "SeriesInstanceUID": FIRST.series},
    ("S", "STUDY"): {},
    ("S", "SERIES"): {"StudyInstanceUID": FIRST.study},
    ("S", "IMAGE"): {"StudyInstanceUID": FIRST.study, "SeriesInstanceUID": FIRST.series},
}


def selection(root: str, level: str) -> tuple[Dataset, list[str]]:
    """Return an identifier, and the unique keys at its level that it selects."""
    identifier = archive.query(level, **QUERIES[root, level])
    return identifier, archive.unique(archive.select(identifier), level)


def retrieval(root: str, level: str) -> tuple[Dataset, set[str]]:
    """Return an identifier that names one entity, and the instances that it selects."""
    keys = QUERIES[root, level] | {archive.UNIQUE_KEYS[level]: FIRST.key(level)}
    identifier = archive.query(level, **keys)
    return identifier, {each.uid for each in archive.select(identifier)}


@contextmanager
def associated(port: int, models: dict[str, str], **options: Any) -> Iterator[Association]:
    contexts = [build_context(uid) for uid in (Verification, *models.values())]
    storage = [build_context(uid) for uid in STORAGE]
    with AE("FASTDICOM").associate(HOST, port, contexts + storage, "ARCHIVE", **options) as association:
        yield association
    assert association.is_released


def statuses(responses: Any) -> Counter[int]:
    return Counter(status.Status for status, _ in responses)


# --- DCMTK's servers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("root", "level"), QUERIES)
def test_find_in_dcmqrscp(loaded_archive: LoadedArchive, root: str, level: str) -> None:
    identifier, expected = selection(root, level)
    with associated(loaded_archive.port, FIND) as association:
        answers = list(association.send_c_find(identifier, FIND[root]))
    *matches, (status, nothing) = answers
    assert status.Status == 0x0000 and nothing is None
    assert {status.Status for status, _ in matches} == {0xFF00}
    assert sorted(answer[archive.UNIQUE_KEYS[level]].value for _, answer in matches) == expected
    assert all(answer.QueryRetrieveLevel == level for _, answer in matches)


def test_find_of_nothing(loaded_archive: LoadedArchive) -> None:
    with associated(loaded_archive.port, FIND) as association:
        answers = list(association.send_c_find(archive.query("PATIENT", PatientID="NOBODY"), FIND["P"]))
    assert [(status.Status, identifier) for status, identifier in answers] == [(0x0000, None)]


def test_find_that_is_cancelled(loaded_archive: LoadedArchive) -> None:
    identifier, expected = selection("S", "STUDY")
    with associated(loaded_archive.port, FIND) as association:
        responses = association.send_c_find(identifier, FIND["S"])
        assert next(responses)[0].Status == 0xFF00
        responses.cancel()
        rest = [status.Status for status, _ in responses]
        # All may have been under way when the C-CANCEL came.
        assert rest[-1] in (0xFE00, 0x0000) and len(rest) <= len(expected)
        assert association.send_c_echo().Status == 0x0000


def test_find_that_is_given_up(loaded_archive: LoadedArchive) -> None:
    identifier, expected = selection("S", "STUDY")
    with associated(loaded_archive.port, FIND) as association:
        for _ in association.send_c_find(identifier, FIND["S"]):
            break
        assert statuses(association.send_c_find(identifier, FIND["S"])) == {0xFF00: len(expected), 0x0000: 1}


def is_same(received: Dataset, path: Path) -> bool:
    """Tell whether an object came as it was, but for how DCMTK pads it."""
    sent = dcmread(path)
    return all(received.get(element.tag) == element for element in sent)


@pytest.mark.parametrize(("root", "level"), QUERIES)
def test_get_from_dcmqrscp(
    loaded_archive: LoadedArchive, archive_files: dict[str, Path], root: str, level: str
) -> None:
    identifier, expected = retrieval(root, level)
    received = Received()
    options = {
        "ext_neg": [build_role(uid, scp_role=True) for uid in STORAGE],
        "evt_handlers": [received.handler],
    }
    with associated(loaded_archive.port, GET, **options) as association:
        *_, (final, nothing) = association.send_c_get(identifier, GET[root])
    assert final.Status == 0x0000 and nothing is None
    assert final.NumberOfCompletedSuboperations == len(expected)
    assert received.objects.keys() == expected
    assert all(is_same(dataset, archive_files[uid]) for uid, dataset in received.objects.items())


def test_get_to_a_directory(loaded_archive: LoadedArchive, tmp_path: Path) -> None:
    identifier, expected = retrieval("P", "PATIENT")
    ae = AE()
    ae.store_directory = tmp_path
    contexts = [build_context(uid) for uid in (GET["P"], *STORAGE)]
    roles = [build_role(uid, scp_role=True) for uid in STORAGE]
    with ae.associate(HOST, loaded_archive.port, contexts, "ARCHIVE", ext_neg=roles) as association:
        *_, (final, _) = association.send_c_get(identifier, GET["P"])
    assert final.Status == 0x0000
    assert {path.name for path in tmp_path.iterdir()} == {f"{uid}.dcm" for uid in expected}


def test_get_that_cannot_be_stored(loaded_archive: LoadedArchive) -> None:
    """Without a role there is no context to store on, and the archive says which instances failed."""
    identifier, expected = retrieval("P", "SERIES")
    with associated(loaded_archive.port, GET) as association:
        *_, (final, _) = association.send_c_get(identifier, GET["P"])
    assert final.Status in (0xA702, 0xB000, 0xC000)
    assert final.NumberOfFailedSuboperations == len(expected)


@pytest.mark.parametrize(("root", "level"), QUERIES)
def test_move_from_dcmqrscp(
    loaded_archive: LoadedArchive, archive_files: dict[str, Path], root: str, level: str
) -> None:
    identifier, expected = retrieval(root, level)
    with (
        receiving(loaded_archive.destinations["FASTDICOM"]) as (_, received),
        associated(loaded_archive.port, MOVE) as association,
    ):
        *pending, (final, _) = association.send_c_move(identifier, "FASTDICOM", MOVE[root], msg_id=77)
    assert final.Status == 0x0000
    assert final.NumberOfCompletedSuboperations == len(expected)
    assert {status.Status for status, _ in pending} <= {0xFF00}
    assert received.objects.keys() == expected
    assert received.originators == {("FASTDICOM", 77)}
    assert all(is_same(dataset, archive_files[uid]) for uid, dataset in received.objects.items())


def test_move_to_an_unknown_destination(loaded_archive: LoadedArchive) -> None:
    identifier, _ = retrieval("P", "PATIENT")
    with associated(loaded_archive.port, MOVE) as association:
        assert statuses(association.send_c_move(identifier, "NOBODY", MOVE["P"])) == {0xA801: 1}


ENTRY = """
(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [A{number}]
(0010,0010) PN [{name}]
(0010,0020) LO [P{number}]
(0020,000d) UI [1.2.3.7.{number}]
(0032,1060) LO [EXAM]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [CT]
(0040,0001) AE [SCANNER{number}]
(0040,0002) DA [2024010{number}]
(0040,0003) TM [101500]
(0040,0009) SH [STEP{number}]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [PROCEDURE{number}]
"""


def test_worklist_of_wlmscpfs(tmp_path: Path) -> None:
    entries = [
        ENTRY.format(number=number, name=name) for number, name in enumerate(("DOE^A", "DOE^B", "ROE^C"))
    ]

    def ask(name: str, **scheduled: str) -> list[tuple[int, str | None]]:
        identifier = Dataset()
        identifier.PatientName = name
        identifier.PatientID = ""
        step = Dataset()
        for keyword, value in ({"ScheduledProcedureStepStartDate": ""} | scheduled).items():
            setattr(step, keyword, value)
        identifier.ScheduledProcedureStepSequence = [step]
        answers = association.send_c_find(identifier, ModalityWorklistInformationModelFind)
        return [(status.Status, answer and answer.PatientID) for status, answer in answers]

    with wlmscpfs(tmp_path, entries) as server:
        contexts = [build_context(ModalityWorklistInformationModelFind)]
        with AE().associate(HOST, server.port, contexts, "WORKLIST") as association:
            assert ask("DOE^*") == [(0xFF00, "P0"), (0xFF00, "P1"), (0x0000, None)]
            assert ask("*", ScheduledStationAETitle="SCANNER2") == [(0xFF00, "P2"), (0x0000, None)]
            assert ask("*", ScheduledProcedureStepStartDate="20240102-")[0] == (0xFF00, "P2")


# --- DCMTK's tools ----------------------------------------------------------------------------------------


def keys_of(identifier: Dataset) -> list[str]:
    return [part for each in identifier for part in ("-k", f"{each.keyword}={each.value or ''}")]


def dcmtk(tool: str, *arguments: object, cwd: Path | None = None) -> str:
    result = run_dcmtk(tool, "-v", *arguments, cwd=cwd)
    assert result.returncode == 0, result.stdout
    return result.stdout


def data_set_of(path: Path) -> bytes:
    return path.read_bytes()[read_header(path).data_set_offset :]


@pytest.mark.parametrize(("root", "level"), QUERIES)
def test_findscu(archive_files: dict[str, Path], tmp_path: Path, root: str, level: str) -> None:
    identifier, expected = selection(root, level)
    with serving_archive(archive_files) as (server, _):
        said = dcmtk(
            "findscu", f"-{root}", "-X", "-od", tmp_path, *keys_of(identifier), HOST, port_of(server)
        )
    found = [dcmread(path)[archive.UNIQUE_KEYS[level]].value for path in tmp_path.glob("rsp*.dcm")]
    assert sorted(found) == expected, said
    assert "Received Final Find Response (Success)" in said


def test_findscu_that_cancels(archive_files: dict[str, Path]) -> None:
    identifier, _ = selection("S", "STUDY")
    with serving_archive(archive_files) as (server, _):
        said = dcmtk("findscu", "-S", "--cancel", 1, *keys_of(identifier), HOST, port_of(server))
    assert "Sending Cancel Request" in said
    assert "Received Final Find Response (" in said


@pytest.mark.parametrize(("root", "level"), QUERIES)
def test_getscu(archive_files: dict[str, Path], tmp_path: Path, root: str, level: str) -> None:
    identifier, expected = retrieval(root, level)
    with serving_archive(archive_files) as (server, _):
        flags = [f"-{root}", "+B", "-od", tmp_path]
        said = dcmtk("getscu", *flags, *keys_of(identifier), HOST, port_of(server))
    received = {str(dcmread(path).SOPInstanceUID): path for path in tmp_path.iterdir()}
    assert received.keys() == expected, said
    # What it wrote to disk as it came are the bytes of our files.
    assert all(data_set_of(path) == data_set_of(archive_files[uid]) for uid, path in received.items())


# It looks after each association to it once a second only, so that not every query is made.
@pytest.mark.parametrize(("root", "level"), [("P", "PATIENT"), ("P", "SERIES"), ("S", "IMAGE")])
def test_movescu(archive_files: dict[str, Path], tmp_path: Path, root: str, level: str) -> None:
    identifier, expected = retrieval(root, level)
    destination = unused_port()
    with serving_archive(archive_files, {"MOVESCU": destination}) as (server, _):
        flags = [f"-{root}", "-aem", "MOVESCU", "+P", destination, "+B"]  # which does not heed -od
        said = dcmtk("movescu", *flags, *keys_of(identifier), HOST, port_of(server), cwd=tmp_path)
    received = {str(dcmread(path).SOPInstanceUID): path for path in tmp_path.iterdir()}
    assert received.keys() == expected, said
    assert all(data_set_of(path) == data_set_of(archive_files[uid]) for uid, path in received.items())


def test_movescu_to_storescp(archive_files: dict[str, Path], tmp_path: Path) -> None:
    identifier, expected = retrieval("P", "PATIENT")
    with (
        dcmtk_storescp("+B", "-od", tmp_path) as destination,
        serving_archive(archive_files, {"STORESCP": destination}) as (server, _),
    ):
        dcmtk("movescu", "-P", "-aem", "STORESCP", *keys_of(identifier), HOST, port_of(server))
        assert {str(dcmread(path).SOPInstanceUID) for path in tmp_path.iterdir()} == expected


def test_movescu_to_an_unknown_destination(archive_files: dict[str, Path]) -> None:
    identifier, _ = retrieval("P", "PATIENT")
    with serving_archive(archive_files) as (server, _):
        result = run_dcmtk(
            "movescu", "-v", "-P", "-aem", "NOBODY", *keys_of(identifier), HOST, port_of(server)
        )
    assert "Received Final Move Response (Refused: MoveDestinationUnknown)" in result.stdout
