"""What is answered: what was asked for, empty when there is no value, in a character set that holds it."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from query_records import PATIENT_ROOT, STUDY_ROOT, ds, sent

from fastdicom.data_sets import encode_dataset
from fastdicom.query import Answerer, Matcher, Options, answer, model_of

STEP = "ScheduledProcedureStepSequence"
PROTOCOL = "ScheduledProtocolCodeSequence"


def test_only_what_was_asked_for_and_all_of_it() -> None:
    key = ds(PatientName="D*", PatientID="", StudyDate="", NumberOfStudyRelatedSeries=None, Rows=None)
    record = ds(PatientName="Doe", StudyDate="20200101", NumberOfStudyRelatedSeries=3, StudyID="7")
    expected = ds(
        PatientName="Doe", PatientID="", StudyDate="20200101", NumberOfStudyRelatedSeries=3, Rows=None
    )
    assert answer(key, record) == expected
    assert answer(sent(key), sent(record)) == expected


def test_the_level_comes_back_and_what_says_where_to_retrieve_comes_unasked() -> None:
    key = ds(QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    record = ds(StudyInstanceUID="1.2", RetrieveAETitle="ARCHIVE", InstanceAvailability="ONLINE")
    assert answer(key, record) == ds(QueryRetrieveLevel="STUDY", **{e.keyword: e.value for e in record})
    # PS3.4 K.4.1.1.3.2: not in a worklist
    assert answer(ds(PatientID=""), record) == ds(PatientID="")


def test_the_unique_keys_above_the_level_come_unasked() -> None:
    key = ds(QueryRetrieveLevel="SERIES", SeriesInstanceUID="")
    record = ds(PatientID="1", StudyInstanceUID="1.2", SeriesInstanceUID="1.3", SOPInstanceUID="1.4")
    assert answer(key, record) == ds(QueryRetrieveLevel="SERIES", SeriesInstanceUID="1.3")
    above = answer(key, record, model=model_of(STUDY_ROOT))
    assert above == ds(QueryRetrieveLevel="SERIES", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    assert "PatientID" in answer(key, record, model=model_of(PATIENT_ROOT))


def test_unsupported_keys_are_left_out() -> None:
    matcher = Matcher(ds(PatientID="", StudyDescription=""), supported=["PatientID"])
    assert Answerer(matcher).answer(ds(PatientID="1", StudyDescription="x")) == ds(PatientID="1")


def test_group_lengths_and_private_attributes_are_left_out() -> None:
    key = ds(PatientID="")
    key.add_new(0x00100000, "UL", 8)
    key.add_new(0x00090010, "LO", "ACME")
    key.add_new(0x00091001, "LO", "")
    assert answer(key, ds(PatientID="1")) == ds(PatientID="1")


def test_items_that_match_with_what_was_asked_of_them() -> None:
    key = ds(**{STEP: [ds(Modality="CT", ScheduledStationName="", **{PROTOCOL: [ds(CodeValue="")]})]})
    step = ds(Modality="CT", ScheduledStationAETitle="AE", **{PROTOCOL: [ds(CodeValue="1", CodeMeaning="x")]})
    record = ds(**{STEP: [ds(Modality="MR"), step]})
    expected = ds(Modality="CT", ScheduledStationName="", **{PROTOCOL: [ds(CodeValue="1")]})
    assert answer(key, record) == ds(**{STEP: [expected]})
    assert answer(sent(key), sent(record)) == ds(**{STEP: [expected]})
    assert answer(key, Dataset()) == ds(**{STEP: []})


@pytest.mark.parametrize("items", [[], [Dataset()]])
def test_whole_items_when_nothing_was_asked_of_them(items: list[Dataset]) -> None:
    record = ds(**{STEP: [ds(Modality="MR", **{PROTOCOL: [ds(CodeValue="1", CodeMeaning="x")]})]})
    assert answer(ds(**{STEP: items}), record) == record


def test_an_answer_is_not_part_of_the_record() -> None:
    key = ds(PatientName="", ModalitiesInStudy="", **{STEP: [ds(Modality="")]})
    record = ds(PatientName="Doe", ModalitiesInStudy=["CT", "MR"], **{STEP: [ds(Modality="CT")]})
    before = record.to_json()
    answered = answer(key, record)
    answered.PatientName = "Anonymous"
    answered.ModalitiesInStudy.append("US")
    answered[STEP].value[0].Modality = "XX"
    assert record.to_json() == before


def test_several_values_are_all_returned_and_can_be_encoded() -> None:
    # PS3.4 C.2.2.3
    answered = answer(ds(ModalitiesInStudy="CT"), sent(ds(ModalitiesInStudy=["CT", "MR"])))
    assert answered.ModalitiesInStudy == ["CT", "MR"]
    assert encode_dataset(answered, ImplicitVRLittleEndian).endswith(b"CT\\MR ")


def test_the_time_zone_of_the_record_says_where_its_times_are() -> None:
    record = ds(StudyTime="10", TimezoneOffsetFromUTC="+0100")
    key = ds(StudyTime="", TimezoneOffsetFromUTC="-0500")
    assert answer(key, record) == record
    assert answer(ds(StudyTime=""), record, Options(timezone=True)) == record
    assert answer(ds(StudyTime=""), record) == ds(StudyTime="10")
    # never empty
    assert answer(key, ds(StudyTime="10", TimezoneOffsetFromUTC="")) == ds(StudyTime="10")


CHARACTER_SETS = [
    # of the identifier, of the record, value, of the answer: True for that of the identifier
    ("ISO_IR 100", "ISO_IR 192", "Doe^Jane", None),
    ("ISO_IR 100", "ISO_IR 192", "Müller^Jörg", "ISO_IR 100"),
    ("ISO_IR 192", "ISO_IR 100", "Müller^Jörg", "ISO_IR 192"),
    (None, "ISO_IR 100", "Müller^Jörg", "ISO_IR 100"),
    ("ISO_IR 144", "ISO_IR 100", "Müller^Jörg", "ISO_IR 100"),
    ("ISO_IR 6", "ISO_IR 192", "Müller^Jörg", "ISO_IR 192"),
    ("no such set", "ISO_IR 192", "Müller^Jörg", "ISO_IR 192"),
    ("ISO_IR 144", "ISO_IR 192", "Иванов^Иван", "ISO_IR 144"),
    ("ISO_IR 100", "ISO_IR 192", "Yamada=山田", "ISO_IR 192"),
    ("GB18030", "ISO_IR 192", "Wang=王^小东", "GB18030"),
    (["", "ISO 2022 IR 87"], "ISO_IR 192", "Yamada^Tarou=山田^太郎", True),
    (["ISO 2022 IR 6", "ISO 2022 IR 149"], "ISO_IR 192", "Hong=洪^吉洞=홍^길동", True),
    ("ISO_IR 13", "ISO_IR 192", "ﾔﾏﾀﾞ^ﾀﾛｳ", True),
    ("ISO_IR 100", "ISO_IR 192", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ISO_IR 192"),
    ("ISO_IR 13", "ISO_IR 192", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田", "ISO_IR 192"),
    # PS3.5 H.3.2
    (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ISO_IR 192", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", True),
    (None, ["", "ISO 2022 IR 87"], "Müller", "ISO_IR 192"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("asked", "held", "name", "expected"), CHARACTER_SETS, ids=str)
def test_the_character_set_of_an_answer(
    asked: str | list[str] | None, held: str | list[str], name: str, expected: str | bool | None
) -> None:
    key = ds(PatientName="", StudyDescription="", ProcedureCodeSequence=[ds(CodeMeaning="")])
    if asked is not None:
        key.SpecificCharacterSet = asked
    text = name.partition("=")[0].replace("^", "")
    values = {"PatientName": name, "ProcedureCodeSequence": [ds(CodeMeaning=text)]}
    record = ds(SpecificCharacterSet=held, **values)
    for one in (record, sent(record)) if name != "Müller" else (record,):
        came = sent(answer(key, one))
        assert came.get("SpecificCharacterSet") == (asked if expected is True else expected)
        assert came.PatientName == name
        assert came.ProcedureCodeSequence[0].CodeMeaning == text
