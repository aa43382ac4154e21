"""Matching, PS3.4 C.2.2.2: a vector for each sentence and each note there."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from query_records import ds, sent, studies

from fastdicom.query import Matcher, Options, matches

STRICT = Options(unknown_matches=False)

# keyword, key, values that match, values that do not
VECTORS: list[tuple[str, Any, list[Any], list[Any]]] = [
    # C.2.2.2.1, single value matching: case counts, padding does not
    ("PatientID", "a1", ["a1", "a1 ", " a1"], ["A1", "a11", "", None]),
    ("Modality", "CT", ["CT", "CT "], ["ct", "MR"]),
    ("PatientComments", "none", ["none"], ["None"]),
    # C.2.2.2.1.1: case does not count in names
    ("PatientName", "DOE^JANE", ["Doe^Jane", "DOE^JANE^^"], ["Doe", "Doe^Jan"]),
    # C.2.2.2.1.3, its examples
    ("StudyTime", "2230", ["223000", "2230", "223059.5"], ["2231", "22", "no time"]),
    ("ScheduledProcedureStepStartDateTime", "19980128103000.0000", ["19980128103000"], ["19980128103001"]),
    ("ScheduledProcedureStepStartDateTime", "19980128103000", ["19980128073000-0300"], ["19980128073000"]),
    # C.2.2.2.1.4: numbers by their value; it leaves it open
    ("SeriesNumber", "7", ["7", "+7", "007"], ["70"]),
    ("PatientWeight", "70.5", ["70.50", "7.05e1"], ["70"]),
    ("Rows", 512, [512], [513]),
    ("PatientAge", "040Y", ["040Y"], ["041Y"]),
    # C.2.2.2.2, list of UID
    ("StudyInstanceUID", ["1.2", "1.3"], ["1.2", "1.3"], ["1.4", "1.20"]),
    ("StudyInstanceUID", "1.2", ["1.2"], ["1.2.1"]),
    ("SOPClassesInStudy", "1.2", [["1.2", "1.3"]], [["1.3"]]),
    # C.2.2.2.3, universal
    ("PatientID", "", ["1", "", None], []),
    ("PatientID", "*", ["1", "", None], []),
    ("StudyDate", "*", ["20200101", None], []),
    # C.2.2.2.4, wild cards: case counts
    ("PatientID", "A*1?", ["A11", "Axx1y"], ["a11", "A1"]),
    ("Modality", "?T", ["CT", "PT"], ["MR", "XCT"]),
    ("AccessionNumber", "*", ["x", None], []),
    ("RetrieveURL", "http://*", ["http://host/"], ["https://host/"]),
    # wild cards are none in a UID
    ("StudyInstanceUID", "1.2*", [], ["1.2", "1.23"]),
    # C.2.2.2.5.1 and .2, ranges of dates and of times
    (
        "StudyDate",
        "20060705-20060707",
        ["20060705", "20060706", "20060707"],
        ["20060704", "20060708", "2006.7"],
    ),
    ("StudyDate", "-20060707", ["19000101", "20060707"], ["20060708"]),
    ("StudyDate", "20060705-", ["20060705", "99991231"], ["20060704"]),
    ("StudyDate", "20060707-20060705", [], ["20060706"]),
    ("StudyTime", "1000-1800", ["10", "1000", "18", "180059"], ["0959", "1801"]),
    ("StudyTime", "-0030", ["000000.1", "0030"], ["0031", "2359"]),
    ("StudyTime", "2330-", ["2330", "235959"], ["0000"]),
    # C.2.2.2.5.3, ranges of moments
    ("ScheduledProcedureStepStartDateTime", "2006-2007", ["2006", "20071231235959"], ["20051231", "2008"]),
    ("ScheduledProcedureStepStartDateTime", "20060705-", ["20060705"], ["20060704235959"]),
    ("ScheduledProcedureStepStartDateTime", "20060705+0200-", ["2006070422"], ["2006070421"]),
    # C.2.2.3: any of several values
    ("ModalitiesInStudy", "CT", [["CT", "PT"], "CT"], [["MR", "PT"]]),
    ("ModalitiesInStudy", "C*", [["MR", "CT"]], [["MR"]]),
    # several values in a key, nothing agreed on
    ("ModalitiesInStudy", ["CT", "MR"], ["CT", ["PT", "MR"]], ["PT"]),
    # two quotation marks, nothing agreed on
    ("PatientID", '""', ['""'], ["1", "", None]),
]


@pytest.mark.parametrize(("keyword", "key", "matching", "other"), VECTORS, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_the_ways_of_matching(keyword: str, key: Any, matching: list[Any], other: list[Any]) -> None:
    for identifier in (ds(**{keyword: key}), sent(ds(**{keyword: key}))):
        matcher = Matcher(identifier, STRICT)
        for value in matching:
            record = ds(**{keyword: value})
            assert matcher.matches(record), value
            assert matcher.matches(sent(record)), value
        for value in [*other]:
            record = ds(**{keyword: value})
            assert not matcher.matches(record), value
            assert not matcher.matches(sent(record)), value
        assert matcher.matches(Dataset()) == (None in matching)


def test_what_is_unknown_matches_in_query_retrieve_and_not_in_worklists() -> None:
    key = ds(PatientName="Doe*", StudyDate="20200101-", ModalitiesInStudy="CT")
    empty = ds(PatientName="", StudyDate=None, ModalitiesInStudy=[])
    # PS3.4 C.2.2.1.2 and K.2.2.1.1.1
    for record in (Dataset(), empty):
        assert matches(key, record)
        assert not matches(key, record, STRICT)
    assert not matches(key, ds(PatientName="Miller"))


def test_an_empty_value_matches_what_has_none() -> None:
    options = Options(empty_value=True, unknown_matches=False)
    for keyword, value in (("PatientID", "1"), ("PatientName", "Doe"), ("StudyDate", "20200101")):
        matcher = Matcher(ds(**{keyword: '""'}), options)
        assert matcher.matches(Dataset())
        assert matcher.matches(ds(**{keyword: ""}))
        assert not matcher.matches(ds(**{keyword: value}))


def test_each_of_several_values_must_match_when_that_was_agreed_on() -> None:
    # PS3.4 C.2.2.2.8, note 1, and in any order
    matcher = Matcher(ds(ModalitiesInStudy=["PT", "CT"]), Options(multiple_value=True, unknown_matches=False))
    assert matcher.matches(ds(ModalitiesInStudy=["CT", "PT", "SR"]))
    assert not matcher.matches(ds(ModalitiesInStudy=["CT", "SR"]))
    assert not matcher.matches(Dataset())
    names = Matcher(ds(OtherPatientNames=["DOE^J", "Roe^J"]), Options(multiple_value=True))
    assert names.matches(ds(OtherPatientNames=["Roe^J", "Doe^J"]))
    assert not names.matches(ds(OtherPatientNames=["Roe^J", "Poe^J"]))


def test_date_and_time_are_one_range_when_that_was_agreed_on() -> None:
    # PS3.4 C.2.2.2.5.4, the example of the note
    key = ds(StudyDate="20060705-20060707", StudyTime="1000-1800")
    apart, together = Matcher(key, STRICT), Matcher(key, Options(date_time=True, unknown_matches=False))
    expected = {  # by itself, combined
        ("20060705", "0930"): (False, False),
        ("20060705", "1000"): (True, True),
        ("20060705", "2200"): (False, True),
        ("20060706", "0300"): (False, True),
        ("20060706", "1200"): (True, True),
        ("20060707", "1800"): (True, True),
        ("20060707", "1900"): (False, False),
        ("20060706", ""): (False, False),
        ("", "1200"): (False, False),
        ("20060706", "noon"): (False, False),
    }
    for (day, time), answers in expected.items():
        record = ds(StudyDate=day, StudyTime=time)
        assert (apart.matches(record), together.matches(record)) == answers, (day, time)


@pytest.mark.parametrize(
    ("date", "time", "matching", "other"),
    [
        ("20060705-", "1000-", [("20060705", "10"), ("20060706", "03")], [("20060705", "09")]),
        ("-20060705", "-1000", [("20060705", "1000"), ("20060704", "23")], [("20060705", "1001")]),
        # not the same form: each by itself
        ("20060705-", "-1000", [("20060706", "03")], [("20060706", "11"), ("20060704", "03")]),
        ("20060705-20060707", "10", [("20060706", "1030")], [("20060706", "23")]),
        ("20060705", "1000-", [("20060705", "11")], [("20060706", "11"), ("20060705", "09")]),
    ],
)
def test_combined_ranges_are_open_at_the_same_end(
    date: str, time: str, matching: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    matcher = Matcher(ds(StudyDate=date, StudyTime=time), Options(date_time=True))
    assert [pair for pair in matching if not matcher.matches(ds(StudyDate=pair[0], StudyTime=pair[1]))] == []
    assert [pair for pair in other if matcher.matches(ds(StudyDate=pair[0], StudyTime=pair[1]))] == []


def test_of_a_combined_range_what_is_unknown_is_not_matched() -> None:
    matcher = Matcher(ds(StudyDate="20060705-20060707", StudyTime="1000-1800"), Options(date_time=True))
    assert matcher.matches(ds(StudyDate="20060705"))
    assert not matcher.matches(ds(StudyDate="20060708"))
    assert matcher.matches(ds(StudyTime="0300"))
    assert matcher.matches(Dataset())


def test_the_time_zone_of_the_identifier_and_of_the_record() -> None:
    key = ds(TimezoneOffsetFromUTC="-0500", StudyDate="20200101", StudyTime="2200-2300")
    record = ds(TimezoneOffsetFromUTC="+0100", StudyDate="20200102", StudyTime="0430")
    agreed = Options(timezone=True)
    assert matches(key, record, agreed)
    assert not matches(key, record)
    assert not matches(ds(TimezoneOffsetFromUTC="+0100", StudyDate="20200101"), record, agreed)
    # without an offset of its own a record is where the identifier is, or where it is said to be
    elsewhere = ds(StudyDate="20200102", StudyTime="0430")
    assert not matches(key, elsewhere, agreed)
    assert matches(key, elsewhere, Options(timezone=True, local_offset=60))


def test_a_time_alone_goes_round_the_clock() -> None:
    key, agreed = ds(TimezoneOffsetFromUTC="-0500", StudyTime="22"), Options(timezone=True)
    assert matches(key, ds(TimezoneOffsetFromUTC="+0100", StudyTime="0430"), agreed)
    assert matches(key, ds(TimezoneOffsetFromUTC="+0100", StudyDate="20200101", StudyTime="0430"), agreed)
    assert not matches(key, ds(TimezoneOffsetFromUTC="+0100", StudyTime="2230"), agreed)


def test_moments_in_time_zones() -> None:
    key = ds(TimezoneOffsetFromUTC="-0500", ScheduledProcedureStepStartDateTime="2020010107-2020010108")
    record = ds(TimezoneOffsetFromUTC="+0100", ScheduledProcedureStepStartDateTime="202001011330")
    assert matches(key, record, Options(timezone=True))
    assert not matches(key, record)
    record.ScheduledProcedureStepStartDateTime = "202001011330+0200"
    assert not matches(key, record, Options(timezone=True))


def test_an_offset_that_is_none_is_not_minded() -> None:
    key = ds(TimezoneOffsetFromUTC="-0500", StudyTime="10")
    assert matches(key, ds(TimezoneOffsetFromUTC="nowhere", StudyTime="10"), Options(timezone=True))


def test_the_offset_itself_and_the_character_set_are_never_matched() -> None:
    key = ds(SpecificCharacterSet="ISO_IR 100", TimezoneOffsetFromUTC="+0100", QueryRetrieveLevel="STUDY")
    record = ds(SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="-0500", QueryRetrieveLevel="IMAGE")
    assert matches(key, record, STRICT)


STEP = "ScheduledProcedureStepSequence"


def test_an_item_matches_as_a_whole() -> None:
    key = ds(**{STEP: [ds(Modality="CT", ScheduledStationAETitle="A*", ScheduledPerformingPhysicianName="")]})
    matcher = Matcher(key, STRICT)
    assert matcher.matches(ds(**{STEP: [ds(Modality="MR"), ds(Modality="CT", ScheduledStationAETitle="AB")]}))
    other = [ds(Modality="CT", ScheduledStationAETitle="B"), ds(Modality="MR", ScheduledStationAETitle="A")]
    assert not matcher.matches(ds(**{STEP: other}))
    assert not matcher.matches(ds(**{STEP: []}))
    assert not matcher.matches(Dataset())
    assert not matcher.matches(ds(**{STEP: [Dataset()]}))
    assert matches(key, Dataset())
    assert matcher.matches(sent(ds(**{STEP: [ds(Modality="CT", ScheduledStationAETitle="AB")]})))


@pytest.mark.parametrize("items", [[], [Dataset()], [ds(Modality="")]])
def test_a_sequence_without_values_matches_everything(items: list[Dataset]) -> None:
    matcher = Matcher(ds(**{STEP: items}), STRICT)
    assert matcher.matches(Dataset())
    assert matcher.matches(ds(**{STEP: [ds(Modality="CT")]}))


def test_sequences_in_sequences_and_dates_in_items() -> None:
    inner = ds(CodeValue="121000")
    key = ds(
        **{STEP: [ds(ScheduledProtocolCodeSequence=[inner], ScheduledProcedureStepStartDate="20200101-")]}
    )
    matcher = Matcher(key, STRICT)
    item = ds(
        ScheduledProtocolCodeSequence=[ds(CodeValue="1"), inner], ScheduledProcedureStepStartDate="20200105"
    )
    assert matcher.matches(ds(**{STEP: [item]}))
    item.ScheduledProtocolCodeSequence = [ds(CodeValue="1")]
    assert not matcher.matches(ds(**{STEP: [item]}))


def test_character_sets_on_both_sides() -> None:
    for there, here in (("ISO_IR 100", "ISO_IR 192"), ("ISO_IR 192", "ISO_IR 100")):
        key = sent(ds(SpecificCharacterSet=there, PatientName="MÜLLER*", StudyDescription="Schädel"))
        record = sent(ds(SpecificCharacterSet=here, PatientName="Müller^Jörg", StudyDescription="Schädel"))
        assert matches(key, record, STRICT)
    key = sent(ds(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="=山田*"))
    record = ds(SpecificCharacterSet="ISO_IR 192", PatientName="Yamada^Tarou=山田^太郎")
    assert matches(key, sent(record), STRICT)


def test_fuzzy_names_when_that_was_agreed_on() -> None:
    assert matches(ds(PatientName="Smith^Mary"), ds(PatientName="Mary^Smyth"), Options(fuzzy=True))
    assert not matches(ds(PatientName="Smith^Mary"), ds(PatientName="Mary^Smyth"))


def test_what_is_no_key() -> None:
    key = ds(PatientID="1")
    key.add_new(0x00100000, "UL", 8)
    key.add_new(0x00090010, "LO", "ACME")
    key.add_new(0x00091001, "LO", "x")
    matcher = Matcher(key, STRICT)
    assert matcher.unsupported == (0x00091001,)
    assert matcher.matches(ds(PatientID="1"))


def test_unsupported_keys_are_not_matched() -> None:
    matcher = Matcher(ds(PatientID="1", StudyDescription="x"), STRICT, supported=["PatientID", 0x00080020])
    assert matcher.unsupported == (Tag("StudyDescription"),)
    assert matcher.matches(ds(PatientID="1"))
    with pytest.raises(ValueError, match="'Nothing' is not the keyword"):
        Matcher(ds(PatientID="1"), supported=["Nothing"])


def test_a_sequence_where_a_value_is_asked_for_is_no_value() -> None:
    record = ds(PatientID="1")
    record[0x00100020].VR = "SQ"
    record[0x00100020]._value = Sequence([ds(PatientID="1")])
    assert not matches(ds(PatientID="1"), record, STRICT)
    record = ds(ProcedureCodeSequence=[ds(CodeValue="1")])
    record[0x00081032].VR = "LO"
    record[0x00081032]._value = "1"
    assert not matches(ds(ProcedureCodeSequence=[ds(CodeValue="1")]), record, STRICT)


def test_the_record_stays_as_it_is() -> None:
    record = ds(PatientName="Doe", ModalitiesInStudy=["CT", "MR"])
    before = record.to_json()
    matches(ds(PatientName="D*", ModalitiesInStudy="CT"), record)
    assert record.to_json() == before


def test_two_thousand_records_take_no_time() -> None:
    key = ds(
        PatientName="D*",
        PatientID="1*",
        StudyDate="20200101-20201231",
        StudyTime="10-12",
        ModalitiesInStudy="CT",
        AccessionNumber="A*",
    )
    records = studies(2000)
    matcher = Matcher(key)
    started = process_time()
    assert 0 < sum(map(matcher.matches, records)) < 2000
    # 15 ms here; loose, as other work shares the machine
    assert process_time() - started < 0.3
