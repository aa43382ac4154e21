"""Conditions for a database: whatever is asked, SQL and what is left find what the pure function finds."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from query_records import ds, studies

from fastdicom.query import Matcher, Options, select, text

COLUMNS = {
    "StudyInstanceUID": "study.uid",
    "PatientName": "patient_name",
    "PatientID": "patient_id",
    "StudyDate": "study_date",
    "StudyTime": "study_time",
    "AccessionNumber": "accession_number",
    "ModalitiesInStudy": "modalities",
    "PatientSex": "sex",
}
RECORDS = studies(200)


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    names = [column.removeprefix("study.") for column in COLUMNS.values()]
    connection.execute(f"CREATE TABLE study (number INTEGER, {', '.join(f'{name} TEXT' for name in names)})")
    rows = [
        (number, *(text(record, keyword) for keyword in COLUMNS)) for number, record in enumerate(RECORDS)
    ]
    connection.executemany(f"INSERT INTO study VALUES (?{', ?' * len(names)})", rows)
    return connection


def found(database: sqlite3.Connection, where: str, parameters: Any) -> list[int]:
    rows = database.execute(f"SELECT number FROM study WHERE {where} ORDER BY number", parameters)
    return [number for (number,) in rows]


NAMES = [
    *(
        "",
        "doe^jane",
        "D*",
        "*",
        "Mü*",
        "M?LLER*",
        "*^J*",
        "=山*",
        "*=*=*",
        "Doe^*",
        "a^b=c^d",
        "%",
        "_*",
        '""',
    ),
    *("O'Brien*", "O'Brien^100%_!", "*!", "иван*", "Tarou", "YAMADA^TAROU", ["Doe", "Иванов*"]),
]
DATES = ["", "20200115", "20200115-", "-20200215", "20200101-20200215", "20200215-20200101", "*"]
UIDS = ["", "1.2.3.7", ["1.2.3.1", "1.2.3.2", "9"], [f"1.2.3.{number}" for number in range(950)]]
IDS = ["", "1", "1*", "A*1", "%", "_", "?", "a?", ["1", "12"], '""']

KEYS = {
    "StudyInstanceUID": st.sampled_from(UIDS),
    "PatientName": st.one_of(st.sampled_from(NAMES), st.text("*?De^ü=j% _!", max_size=8)),
    "PatientID": st.one_of(st.sampled_from(IDS), st.text("A1*?%_!", max_size=4)),
    "StudyDate": st.sampled_from(DATES),
    "StudyTime": st.sampled_from(["", "10", "1030-", "-103000", "0930-1000", "103000", "000000.5", "23-"]),
    "AccessionNumber": st.sampled_from(
        ["", "ACC1", "acc*", "A_C", "A%C", "A!C", "A?C", "*C*", ["ACC1", "A?C"]]
    ),
    "ModalitiesInStudy": st.sampled_from(["", "CT", "MR", "?T", ["CT", "PT"], "*R", '""']),
    "StudyID": st.sampled_from(["", "1"]),
    "PatientSex": st.sampled_from(["", "M", "F", ["M", "F"], "?"]),
    "TimezoneOffsetFromUTC": st.sampled_from(["+0000", "-0500", "+0900"]),
}

OPTIONS = st.builds(
    Options,
    date_time=st.booleans(),
    fuzzy=st.booleans(),
    timezone=st.booleans(),
    empty_value=st.booleans(),
    multiple_value=st.booleans(),
    unknown_matches=st.booleans(),
    local_offset=st.sampled_from([None, 60]),
)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150)
@given(st.fixed_dictionaries({}, optional=KEYS), OPTIONS, st.sampled_from(["qmark", "named"]))
def test_the_database_and_the_residual_find_what_matches(
    database: sqlite3.Connection, keys: dict[str, Any], options: Options, style: Any
) -> None:
    identifier = ds(QueryRetrieveLevel="STUDY", **keys)
    matcher = Matcher(identifier, options)
    expected = [number for number, record in enumerate(RECORDS) if matcher.matches(record)]
    selection = select(identifier, COLUMNS, options, style)
    numbers = found(database, selection.where, selection.parameters)
    residual = Matcher(selection.residual, options)
    assert [number for number in numbers if residual.matches(RECORDS[number])] == expected
    if selection.is_exact:
        assert numbers == expected


STRICT = Options(unknown_matches=False)
WITHIN = "((study_date >= ? AND study_date <= ?))"


@pytest.mark.parametrize(
    ("identifier", "where", "parameters", "is_exact"),
    [
        (ds(PatientName="", PatientID="*"), "1 = 1", [], True),
        (ds(PatientID="1"), "(patient_id = ?)", ["1"], True),
        (ds(PatientID="a%_!*?"), "(patient_id LIKE ? ESCAPE '!')", ["a!%!_!!%_"], False),
        (ds(StudyInstanceUID=["1", "2"]), "(study.uid IN (?, ?))", ["1", "2"], True),
        (ds(StudyDate="20200101-20200102"), WITHIN, ["20200101", "20200102"], False),
        (ds(StudyDate="-20200102"), "((study_date <= ?))", ["20200102"], False),
        (ds(StudyTime="1030-"), "(SUBSTR(study_time, 1, 2) BETWEEN ? AND ?)", ["10", "23"], False),
        (ds(StudyID="1"), "1 = 1", [], False),
        (ds(PatientName="Dœ*"), "((LOWER(patient_name) LIKE ? ESCAPE '!'))", ["%d%%"], False),
    ],
    ids=str,
)
def test_conditions(identifier: Dataset, where: str, parameters: list[str], is_exact: bool) -> None:
    selection = select(identifier, COLUMNS, STRICT)
    assert (selection.where, selection.parameters, selection.is_exact) == (where, parameters, is_exact)


def test_what_is_unknown_is_found_when_it_matches() -> None:
    assert (
        select(ds(PatientID="1"), COLUMNS).where
        == "(patient_id = ? OR patient_id IS NULL OR patient_id = '')"
    )
    empty = select(ds(PatientID='""'), COLUMNS, Options(empty_value=True))
    assert (empty.where, empty.is_exact) == ("(patient_id IS NULL OR patient_id = '')", True)


def test_in_another_time_zone_it_may_be_another_day(database: sqlite3.Connection) -> None:
    identifier = ds(StudyDate="20200115", TimezoneOffsetFromUTC="-0500")
    assert select(identifier, COLUMNS).parameters == ["20200115", "20200115"]
    assert select(identifier, COLUMNS, Options(timezone=True)).parameters == ["20200114", "20200116"]


def test_a_list_that_is_too_long_for_a_database_is_left() -> None:
    selection = select(ds(StudyInstanceUID=[f"1.{number}" for number in range(901)]), COLUMNS)
    assert (selection.where, selection.is_exact) == ("1 = 1", False)


def test_names_of_placeholders() -> None:
    selection = select(
        ds(PatientID="1", PatientSex="M"), {"PatientID": "a", "PatientSex": "b"}, STRICT, "named"
    )
    assert selection.where == "(a = :p0) AND (b = :p1)"
    assert selection.parameters == {"p0": "1", "p1": "M"}


def test_what_remains_can_be_matched_by_itself() -> None:
    identifier = ds(
        SpecificCharacterSet="ISO_IR 192",
        TimezoneOffsetFromUTC="+0100",
        PatientID="1",
        PatientName="D*",
        StudyDate="",
    )
    residual = select(identifier, COLUMNS).residual
    assert residual == ds(SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="+0100", PatientName="D*")


def test_nothing_of_a_peer_gets_into_the_condition() -> None:
    identifier = ds(PatientID="1' OR 1=1 --", PatientName="x'; DROP TABLE study; --*", AccessionNumber="'*'")
    where = select(identifier, COLUMNS, STRICT).where
    assert "DROP" not in where.upper()
    assert "1=1" not in where
    assert "--" not in where


@pytest.mark.filterwarnings("ignore")
def test_a_pattern_for_a_database_is_no_longer_than_it_can_take(database: sqlite3.Connection) -> None:
    selection = select(ds(AccessionNumber="*a" * 60, PatientName="ü" * 200), COLUMNS, STRICT)
    assert all(parameter.count("%") <= 9 for parameter in selection.parameters)
    assert found(database, selection.where, selection.parameters) == []


def test_what_a_caller_gets_wrong() -> None:
    with pytest.raises(ValueError, match="'Name' is not the keyword"):
        select(ds(PatientID="1"), {"Name": "name"})
    with pytest.raises(ValueError, match="style is 'pyformat'"):
        select(ds(PatientID="1"), {}, style="pyformat")  # type: ignore[arg-type]


def test_what_a_column_holds() -> None:
    record = ds(
        PatientID=" 1 ", ModalitiesInStudy=["CT", "MR"], PatientName="Doe^J", StudyDate="", SeriesNumber="7"
    )
    keywords = ["PatientID", "ModalitiesInStudy", "PatientName", "StudyDate", "SeriesNumber", "StudyTime"]
    assert [text(record, keyword) for keyword in keywords] == ["1", "CT\\MR", "Doe^J", None, "7", None]
