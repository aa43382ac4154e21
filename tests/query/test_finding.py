"""`query.find` in a handler: its statuses, C-CANCEL, and over an association."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from query_records import PATIENT_ROOT, STUDY_ROOT, WORKLIST, ds, studies
from servers import port_of, serving

from fastdicom import AE, evt, query
from fastdicom import _sop_classes as sop
from fastdicom.pdu_primitives import QueryExtendedNegotiation

RELEVANT = sop.GeneralRelevantPatientInformationQuery
TEMPLATE = [ds(TemplateIdentifier="9007", MappingResource="DCMR")]


class Asked:
    """A C-FIND event, as far as `find` looks at it."""

    def __init__(self, identifier: Any, model: str = STUDY_ROOT, information: bytes = b"") -> None:
        self.context = SimpleNamespace(abstract_syntax=model)
        acceptor = SimpleNamespace(sop_class_extended={model: information})
        self.assoc = SimpleNamespace(acceptor=acceptor)
        self.is_cancelled = False
        self._identifier = identifier

    @property
    def identifier(self) -> Dataset:
        if isinstance(self._identifier, Exception):
            raise self._identifier
        return self._identifier


def test_a_response_for_each_match() -> None:
    event = Asked(ds(QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientName="D*"))
    records = [
        ds(PatientName=name, StudyInstanceUID=uid) for name, uid in (("Doe", "1"), ("Roe", "2"), ("Dee", "3"))
    ]
    responses = list(query.find(event, records))
    assert [status for status, _ in responses] == [0xFF00, 0xFF00]
    assert [answer and answer.StudyInstanceUID for _, answer in responses] == ["1", "3"]
    assert [answer and answer.QueryRetrieveLevel for _, answer in responses] == ["STUDY", "STUDY"]


def test_keys_that_are_not_supported_have_a_status_of_their_own() -> None:
    event = Asked(ds(PatientID="1", PatientComments="x"), WORKLIST)
    responses = list(query.find(event, [ds(PatientID="1")], supported=["PatientID"]))
    assert responses == [(0xFF01, ds(PatientID="1"))]


def test_an_identifier_that_is_none_gets_its_status_and_no_record_is_asked_for() -> None:
    [(status, answer)] = query.find(Asked(ds(PatientName="D*")), iter(lambda: pytest.fail("asked"), None))
    assert isinstance(status, Dataset)
    assert (status.Status, status.OffendingElement, answer) == (0xA900, 0x00080052, None)
    [(status, _)] = query.find(Asked(ds(PatientID="1234"), WORKLIST), [], limits=query.Limits(value_length=3))
    assert isinstance(status, Dataset)
    assert status.Status == 0xC011


@pytest.mark.parametrize("error", [ValueError("embedded null character"), RecursionError()])
def test_an_identifier_that_cannot_be_decoded(error: Exception) -> None:
    [(status, answer)] = query.find(Asked(error), [])
    assert isinstance(status, Dataset)
    assert (status.Status, answer) == (0xC010, None)
    assert type(error).__name__ in status.ErrorComment


def test_records_may_be_looked_for_once_the_identifier_is_checked() -> None:
    asked = []

    def records(identifier: Dataset, options: query.Options) -> list[Dataset]:
        asked.append((identifier, options))
        return [ds(PatientID="1"), ds(PatientID="2")]

    identifier = ds(PatientID="1")
    assert list(query.find(Asked(identifier, WORKLIST), records)) == [(0xFF00, ds(PatientID="1"))]
    assert asked == [(identifier, query.Options(unknown_matches=False))]
    asked.clear()
    [(status, _)] = query.find(Asked(ds(PatientBirthDate="x"), WORKLIST), records)
    assert isinstance(status, Dataset)
    assert (status.Status, asked) == (0xC010, [])


def test_a_cancelled_query_ends() -> None:
    event = Asked(ds(PatientID=""), WORKLIST)
    responses = query.find(event, (ds(PatientID=str(number)) for number in range(5)))
    assert next(responses)[0] == 0xFF00
    event.is_cancelled = True
    assert list(responses) == [(0xFE00, None)]


@pytest.mark.parametrize(("matching", "expected"), [(0, []), (1, [0xFF00]), (2, [0xC100])])
def test_relevant_patient_information_has_one_match(matching: int, expected: list[int]) -> None:
    # PS3.4 Q.4.2
    event = Asked(ds(PatientID="1", ContentTemplateSequence=TEMPLATE), RELEVANT)
    record = ds(PatientID="1", ContentTemplateSequence=TEMPLATE)
    assert [status for status, _ in query.find(event, [ds(PatientID="2"), *[record] * matching])] == expected


def test_what_was_negotiated_is_what_counts() -> None:
    every = QueryExtendedNegotiation(*[True] * 7)
    options = query.Options.of(Asked(Dataset(), STUDY_ROOT, every.encode()), local_offset=60)
    assert options == query.Options(True, True, True, True, True, True, True, 60)
    assert query.Options.of(Asked(Dataset(), STUDY_ROOT)) == query.Options()
    assert query.Options.of(Asked(Dataset(), WORKLIST)) == query.Options(unknown_matches=False)
    retrieval = Asked(Dataset(), sop.StudyRootQueryRetrieveInformationModelMove, b"\1\1")
    assert query.Options.of(retrieval) == query.Options(relational=True, unknown_matches=False)
    relational = ds(QueryRetrieveLevel="SERIES", SeriesInstanceUID="", PatientName="D*")
    [(status, _)] = query.find(Asked(relational, PATIENT_ROOT), [])
    assert isinstance(status, Dataset)
    assert list(query.find(Asked(relational, PATIENT_ROOT, b"\1"), [])) == []
    # what a caller says goes first
    assert list(query.find(Asked(relational, PATIENT_ROOT), [], options=query.Options(relational=True))) == []


def test_over_an_association() -> None:
    records = studies(50)
    server = AE()
    server.add_supported_context(STUDY_ROOT)
    identifier = ds(QueryRetrieveLevel="STUDY", StudyInstanceUID="", ModalitiesInStudy="CT", PatientName="")
    expected = [record.StudyInstanceUID for record in records if query.matches(identifier, record)]

    def answer(event: evt.Event) -> Any:
        yield from query.find(event, records)

    with serving(server, [(evt.EVT_C_FIND, answer)]) as running:
        ae = AE()
        ae.add_requested_context(STUDY_ROOT)
        with ae.associate("127.0.0.1", port_of(running)) as assoc:
            responses = list(assoc.send_c_find(identifier, STUDY_ROOT))
            wrong = list(assoc.send_c_find(ds(PatientName="D*"), STUDY_ROOT))
    assert [status.Status for status, _ in responses] == [*[0xFF00] * len(expected), 0x0000]
    assert [found.StudyInstanceUID for _, found in responses[:-1]] == expected
    [(status, found)] = wrong
    assert (status.Status, status.OffendingElement, found) == (0xA900, 0x00080052, None)
    assert status.ErrorComment.startswith("The level is missing")
