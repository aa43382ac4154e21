"""Performed procedure steps as SCP: each rule, by the status that a handler returns."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from procedure_steps import OTHER_UID, UID, beginning, code_of, data_set, ending, event, mpps_event, ups_event
from pydicom.dataset import Dataset

from fastdicom.sop_class import ModalityPerformedProcedureStepRetrieve
from fastdicom.workflow.attributes import with_empty_attributes
from fastdicom.workflow.performed_procedure_step import TABLE, PerformedProcedureStepEvent
from fastdicom.workflow.performed_procedure_step_provider import PerformedProcedureStepProvider


class Scp:
    """A provider with its instances, and what it has told."""

    def __init__(self) -> None:
        self.instances: dict[str, Dataset] = {}
        self.told: list[Any] = []
        self.provider = PerformedProcedureStepProvider(
            self.instances, lambda uid, change: self.told.append((uid, change))
        )

    def create(self, uid: str | None = UID, **elements: Any) -> Any:
        attributes = with_empty_attributes(TABLE, beginning())
        attributes.PerformedProcedureStepStatus = "IN PROGRESS"
        for keyword, value in elements.items():
            if value is None:
                del attributes[keyword]
            else:
                setattr(attributes, keyword, value)
        return self.provider.create(mpps_event(uid, attribute_list=attributes))

    def set(self, modifications: Dataset, uid: str = UID) -> Any:
        return self.provider.set(mpps_event(uid, modification_list=modifications))


@pytest.fixture
def scp() -> Scp:
    return Scp()


def finish(status: str) -> Dataset:
    last = ending()
    last.PerformedProcedureStepStatus = status
    return last


def tags_of(answer: Any) -> list[int]:
    value = answer[0].AttributeIdentifierList
    return [int(value)] if isinstance(value, int) else [int(tag) for tag in value]


def test_a_step_is_created_kept_and_told(scp: Scp) -> None:
    assert scp.create() == (0x0000, None)
    assert scp.instances[UID].Modality == "CT"
    assert scp.told == [(UID, PerformedProcedureStepEvent.IN_PROGRESS)]


def test_an_instance_is_created_once(scp: Scp) -> None:
    scp.create()
    assert code_of(scp.create(Modality="MR")) == 0x0111
    assert scp.instances[UID].Modality == "CT"
    assert code_of(scp.create(OTHER_UID)) == 0x0000
    assert len(scp.told) == 2


@pytest.mark.parametrize("uid", [None, "", "abc", "1." + "2" * 63, "1..2", "1.2\n"])
def test_a_step_needs_a_name(scp: Scp, uid: str | None) -> None:
    assert code_of(scp.create(uid)) == 0x0117
    assert scp.instances == {}


@pytest.mark.parametrize(
    ("elements", "status", "tags"),
    [
        ({"Modality": None, "PatientName": None}, 0x0120, [0x00080060, 0x00100010]),
        ({"Modality": ""}, 0x0121, [0x00080060]),
        ({"ScheduledStepAttributesSequence": [Dataset()]}, 0x0120, None),
        ({"PerformedProcedureStepStatus": None}, 0x0120, [0x00400252]),
        ({"PerformedProcedureStepStatus": "COMPLETED"}, 0x0106, [0x00400252]),
        ({"PerformedProcedureStepStatus": "IN_PROGRESS"}, 0x0106, [0x00400252]),
        ({"PerformedProcedureStepStatus": ["IN PROGRESS", "COMPLETED"]}, 0x0106, [0x00400252]),
    ],
)
def test_what_cannot_be_created(
    scp: Scp, elements: dict[str, Any], status: int, tags: list[int] | None
) -> None:
    answer = scp.create(**elements)
    assert code_of(answer) == status
    assert tags is None or tags_of(answer) == tags
    assert (scp.instances, scp.told) == ({}, [])


def test_a_data_set_that_cannot_be_decoded(scp: Scp) -> None:
    class Broken(Dataset):
        def iterall(self) -> Any:
            raise OverflowError("too much")

    answer = scp.provider.create(mpps_event(attribute_list=Broken()))
    assert code_of(answer) == 0x0106
    assert "too much" in answer[0].ErrorComment


def test_who_comes_in_between_waits(scp: Scp) -> None:
    answers: list[int] = []
    other = threading.Thread(target=lambda: answers.append(code_of(scp.create())))

    class Slow(dict[str, Dataset]):
        def __contains__(self, key: object) -> bool:
            is_there = super().__contains__(key)
            if other.ident is None:
                other.start()
                other.join(0.05)
            return is_there

    scp.provider.instances = Slow()
    answers.append(code_of(scp.create()))
    other.join()
    assert answers == [0x0000, 0x0111]


def test_what_is_set_is_kept(scp: Scp) -> None:
    scp.create()
    before = scp.instances[UID]
    assert scp.set(data_set(PerformedProcedureStepDescription="Head")) == (0x0000, None)
    assert scp.instances[UID].PerformedProcedureStepDescription == "Head"
    assert before["PerformedProcedureStepDescription"].is_empty
    assert scp.told[-1] == (UID, PerformedProcedureStepEvent.UPDATED)


def test_an_unknown_instance(scp: Scp) -> None:
    assert code_of(scp.set(Dataset(), OTHER_UID)) == 0x0112
    retrieve = event(ModalityPerformedProcedureStepRetrieve, attribute_identifiers=[])
    assert code_of(scp.provider.get(retrieve)) == 0x0112


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
def test_after_the_end_nothing_is_set(scp: Scp, status: str) -> None:
    scp.create()
    assert code_of(scp.set(finish(status))) == 0x0000
    assert scp.told[-1] == (UID, PerformedProcedureStepEvent[status])
    answer, reply = scp.set(data_set(PerformedProcedureStepDescription="Head"))
    assert (answer.Status, answer.ErrorID, reply) == (0x0110, 0xA710, None)
    assert answer.ErrorComment == "Performed Procedure Step Object may no longer be updated"
    assert code_of(scp.set(finish("COMPLETED"))) == 0x0110
    assert scp.instances[UID]["PerformedProcedureStepDescription"].is_empty


@pytest.mark.parametrize(
    ("modifications", "status", "tags"),
    [
        (data_set(PatientID="1", StudyID="2"), 0x0105, [0x00100020, 0x00200010]),
        (data_set(PerformedProcedureStepStatus="DONE"), 0x0106, [0x00400252]),
        (data_set(PerformedProcedureStepStatus=""), 0x0106, [0x00400252]),
        (data_set(PerformedProcedureStepStatus=["COMPLETED", "DONE"]), 0x0106, [0x00400252]),
        (data_set(PerformedSeriesSequence=[Dataset()]), 0x0120, None),
        (data_set(PerformedProcedureStepStatus="COMPLETED"), 0x0121, [0x00400250, 0x00400251, 0x00400340]),
        (data_set(PerformedProcedureStepStatus="DISCONTINUED"), 0x0121, None),
    ],
)
def test_what_cannot_be_set(scp: Scp, modifications: Dataset, status: int, tags: list[int] | None) -> None:
    scp.create()
    before = scp.instances[UID]
    answer = scp.set(modifications)
    assert code_of(answer) == status
    assert tags is None or tags_of(answer) == tags
    assert scp.instances[UID] is before
    assert len(scp.told) == 1


def test_the_same_status_again_is_no_change_of_state(scp: Scp) -> None:
    scp.create()
    assert code_of(scp.set(data_set(PerformedProcedureStepStatus="IN PROGRESS"))) == 0x0000
    assert scp.told[-1] == (UID, PerformedProcedureStepEvent.UPDATED)


@pytest.mark.parametrize(
    ("tags", "status", "keywords"),
    [
        ([0x00080060], 0x0000, {"Modality"}),
        ([0x00080060, 0x00104000], 0x0001, {"Modality"}),
        ([0x00104000], 0x0001, set()),
    ],
)
def test_what_is_retrieved(scp: Scp, tags: list[int], status: int, keywords: set[str]) -> None:
    scp.create()
    code, reply = scp.provider.get(event(ModalityPerformedProcedureStepRetrieve, attribute_identifiers=tags))
    assert (code, set(reply.dir())) == (status, keywords)


def test_everything_is_retrieved(scp: Scp) -> None:
    scp.create(SpecificCharacterSet="ISO_IR 100")
    code, reply = scp.provider.get(event(ModalityPerformedProcedureStepRetrieve, attribute_identifiers=[]))
    assert (code, reply) == (0x0000, scp.instances[UID])
    some = event(ModalityPerformedProcedureStepRetrieve, attribute_identifiers=[0x00080060])
    assert scp.provider.get(some)[1].SpecificCharacterSet == "ISO_IR 100"


def test_other_sop_classes(scp: Scp) -> None:
    assert code_of(scp.provider.create(ups_event(attribute_list=Dataset()))) == 0x0118
    assert code_of(scp.provider.set(ups_event(modification_list=Dataset()))) == 0x0118
    assert code_of(scp.provider.get(ups_event(attribute_identifiers=[]))) == 0x0118
