"""The annexes as data: every SOP class of the standard is in one, with its services, IDs and members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import pytest
from pydicom._uid_dict import UID_dictionary

from fastdicom import _sop_classes as sop
from fastdicom.annexes import b_storage, c_query_retrieve, general
from fastdicom.annexes.registry import (
    ANNEXES,
    ROWS,
    SERVICE_CLASSES,
    members_of,
    operations,
    rows_of,
)
from fastdicom.annexes.table import Annex, Operation, ServiceClass, SOPClassRow, status_rows
from fastdicom.dimse import messages
from fastdicom.ul.application_information import (
    STORAGE_LIMITS,
    QueryExtendedNegotiation,
    RetrieveExtendedNegotiation,
)

ROOT = "1.2.840.10008."
PRINT = ROOT + "5.1.1"
UPS = ROOT + "5.1.4.34"

# UID below 1.2.840.10008: annex, what an SCU invokes, what an SCP invokes, is it retired
CHECKLIST = """
    1.1               A   C-ECHO                                        -                     current
    5.1.4.1.1.2       B   C-STORE                                       -                     current
    5.1.4.1.1.5       B   C-STORE                                       -                     retired
    5.1.4.34.7        B   C-STORE                                       -                     current
    5.1.4.34.10       B   C-STORE                                       -                     current
    5.1.1.27          B   C-STORE                                       -                     retired
    5.1.1.29          B   C-STORE                                       -                     retired
    5.1.1.30          B   C-STORE                                       -                     retired
    5.1.4.1.2.1.1     C   C-FIND                                        -                     current
    5.1.4.1.2.1.2     C   C-MOVE                                        -                     current
    5.1.4.1.2.1.3     C   C-GET                                         -                     current
    5.1.4.1.2.2.1     C   C-FIND                                        -                     current
    5.1.4.1.2.2.2     C   C-MOVE                                        -                     current
    5.1.4.1.2.2.3     C   C-GET                                         -                     current
    5.1.4.1.2.3.1     C   C-FIND                                        -                     retired
    5.1.4.1.2.3.2     C   C-MOVE                                        -                     retired
    5.1.4.1.2.3.3     C   C-GET                                         -                     retired
    5.1.4.1.1.201.6   C   C-FIND                                        -                     current
    1.9               D   C-STORE                                       -                     retired
    3.1.2.1.1         E   N-GET                                         N-EVENT-REPORT        retired
    3.1.2.2.1         E   N-GET N-SET                                   N-EVENT-REPORT        retired
    3.1.2.1.4         E   -                                             -                     retired
    3.1.2.3.3         F   N-CREATE N-SET                                -                     current
    3.1.2.3.4         F   N-GET                                         -                     current
    3.1.2.3.5         F   -                                             N-EVENT-REPORT        current
    3.1.2.3.1         F   N-GET N-SET                                   N-EVENT-REPORT        retired
    3.1.2.3.2         F   N-CREATE N-GET N-SET                          -                     retired
    3.1.2.5.5         F   -                                             -                     retired
    3.1.2.5.1         G   N-GET                                         N-EVENT-REPORT        retired
    3.1.2.6.1         G   N-GET N-SET                                   N-EVENT-REPORT        retired
    3.1.2.5.4         G   -                                             -                     retired
    5.1.1.1           H   N-ACTION N-CREATE N-DELETE N-SET              -                     current
    5.1.1.2           H   N-ACTION N-CREATE N-DELETE N-SET              -                     current
    5.1.1.4           H   N-SET                                         -                     current
    5.1.1.4.1         H   N-SET                                         -                     current
    5.1.1.15          H   N-SET                                         -                     current
    5.1.1.14          H   N-GET                                         N-EVENT-REPORT        current
    5.1.1.16          H   N-GET                                         N-EVENT-REPORT        current
    5.1.1.16.376      H   N-GET                                         -                     current
    5.1.1.22          H   N-CREATE N-DELETE N-SET                       -                     current
    5.1.1.23          H   N-CREATE N-DELETE                             -                     current
    5.1.1.9           H   -                                             -                     current
    5.1.1.18          H   -                                             -                     current
    5.1.1.4.2         H   N-SET                                         -                     retired
    5.1.1.9.1         H   -                                             -                     retired
    5.1.1.18.1        H   -                                             -                     retired
    5.1.1.24          H   N-CREATE N-DELETE N-SET                       -                     retired
    5.1.1.24.1        H   N-CREATE N-DELETE N-SET                       -                     retired
    5.1.1.26          H   N-ACTION N-GET                                N-EVENT-REPORT        retired
    5.1.1.31          H   N-ACTION N-CREATE N-DELETE                    -                     retired
    5.1.1.32          H   -                                             -                     retired
    1.3.10            I   -                                             -                     current
    1.20.1            J   N-ACTION                                      N-EVENT-REPORT        current
    1.20.2            J   N-ACTION                                      N-EVENT-REPORT        retired
    5.1.4.31          K   C-FIND                                        -                     current
    5.1.4.32          K   -                                             -                     retired
    5.1.4.32.1        K   C-FIND                                        -                     retired
    5.1.4.32.2        K   N-ACTION                                      -                     retired
    5.1.4.32.3        K   N-CREATE N-GET N-SET                          -                     retired
    1.40              P   N-ACTION                                      -                     current
    1.42              P   N-ACTION                                      -                     current
    5.1.4.37.1        Q   C-FIND                                        -                     current
    5.1.4.37.2        Q   C-FIND                                        -                     current
    5.1.4.37.3        Q   C-FIND                                        -                     current
    5.1.4.33          R   N-CREATE                                      -                     current
    5.1.1.33          S   N-ACTION N-CREATE N-GET                       -                     current
    5.1.4.38.2        U   C-FIND                                        -                     current
    5.1.4.38.3        U   C-MOVE                                        -                     current
    5.1.4.38.4        U   C-GET                                         -                     current
    5.1.4.41          V   C-FIND                                        -                     current
    5.1.4.42          V   C-FIND                                        -                     current
    5.1.4.39.2        X   C-FIND                                        -                     current
    5.1.4.39.3        X   C-MOVE                                        -                     current
    5.1.4.39.4        X   C-GET                                         -                     current
    5.1.4.1.2.4.2     Y   C-MOVE                                        -                     current
    5.1.4.1.2.4.3     Y   C-GET                                         -                     current
    5.1.4.1.2.5.3     Z   C-GET                                         -                     current
    5.1.4.43.2        BB  C-FIND                                        -                     current
    5.1.4.43.3        BB  C-MOVE                                        -                     current
    5.1.4.43.4        BB  C-GET                                         -                     current
    5.1.4.44.2        BB  C-FIND                                        -                     current
    5.1.4.44.3        BB  C-MOVE                                        -                     current
    5.1.4.44.4        BB  C-GET                                         -                     current
    5.1.4.45.2        BB  C-FIND                                        -                     current
    5.1.4.45.3        BB  C-MOVE                                        -                     current
    5.1.4.45.4        BB  C-GET                                         -                     current
    5.1.4.34.6.1      CC  N-ACTION N-CREATE N-GET                       -                     current
    5.1.4.34.6.2      CC  C-FIND N-ACTION N-GET                         -                     current
    5.1.4.34.6.3      CC  C-FIND N-ACTION N-GET N-SET                   -                     current
    5.1.4.34.6.4      CC  -                                             N-EVENT-REPORT        current
    5.1.4.34.6.5      CC  C-FIND                                        -                     current
    5.1.4.34.4.1      CC  N-ACTION N-CREATE N-GET                       -                     retired
    5.1.4.34.4.2      CC  C-FIND N-ACTION N-GET                         -                     retired
    5.1.4.34.4.3      CC  C-FIND N-ACTION N-GET N-SET                   -                     retired
    5.1.4.34.4.4      CC  -                                             N-EVENT-REPORT        retired
    5.1.4.34.8        DD  N-ACTION N-CREATE N-DELETE N-GET N-SET        N-EVENT-REPORT        current
    5.1.4.34.9        DD  N-ACTION N-CREATE N-DELETE N-GET N-SET        N-EVENT-REPORT        current
    5.1.4.34.2        DD  N-ACTION N-CREATE N-DELETE N-GET N-SET        N-EVENT-REPORT        retired
    5.1.4.34.3        DD  N-ACTION N-CREATE N-DELETE N-GET N-SET        N-EVENT-REPORT        retired
    5.1.1.40          EE  N-GET                                         -                     current
    5.1.4.38.1        GG  C-STORE                                       -                     current
    5.1.4.39.1        GG  C-STORE                                       -                     current
    5.1.4.43.1        GG  C-STORE                                       -                     current
    5.1.4.44.1        GG  C-STORE                                       -                     current
    5.1.4.45.1        GG  C-STORE                                       -                     current
    5.1.4.1.1.200.1   GG  C-STORE                                       -                     current
    5.1.4.1.1.200.3   GG  C-STORE                                       -                     current
    5.1.4.1.1.200.7   GG  C-STORE                                       -                     current
    5.1.4.1.1.201.1   GG  C-STORE                                       -                     current
    5.1.4.20.1        HH  C-FIND                                        -                     current
    5.1.4.20.2        HH  C-MOVE                                        -                     current
    5.1.4.20.3        HH  C-GET                                         -                     current
    5.1.4.1.1.200.4   II  C-FIND                                        -                     current
    5.1.4.1.1.200.5   II  C-MOVE                                        -                     current
    5.1.4.1.1.200.6   II  C-GET                                         -                     current
    5.1.4.1.1.201.2   JJ  C-FIND                                        -                     current
    5.1.4.1.1.201.3   JJ  C-MOVE                                        -                     current
    5.1.4.1.1.201.4   JJ  C-GET                                         -                     current
    5.1.4.1.1.201.5   KK  N-ACTION                                      N-EVENT-REPORT        current
"""
CELLS = [tuple(cell.strip() for cell in line.split("  ") if cell.strip()) for line in CHECKLIST.split("\n")]
LINES = {cells[0]: cells[1:] for cells in CELLS if cells}


def named(invoked: Iterable[Operation]) -> str:
    """Return the names of some services, as in the list."""
    return " ".join(sorted(map(str, invoked))) or "-"


@pytest.mark.parametrize("uid", LINES)
def test_the_checklist(uid: str) -> None:
    row = ROWS[ROOT + uid]
    annex = next(annex for annex in ANNEXES if row in annex.rows)
    found = (
        annex.label,
        named(row.scu_invokes),
        named(row.scp_invokes),
        "retired" if row.is_retired else "current",
    )
    assert found == LINES[uid]


def test_the_checklist_has_all_that_is_not_storage() -> None:
    unlisted = {uid for uid in ROWS if uid.removeprefix(ROOT) not in LINES}
    assert {SERVICE_CLASSES[uid] for uid in unlisted} == {ServiceClass.STORAGE}


def test_every_networked_sop_class_is_in_one_annex() -> None:
    uids = [row.sop_class for annex in ANNEXES for row in annex.rows]
    assert len(uids) == len(set(uids)) == len(ROWS) > 300
    # Of PS3.22, over RTP; and two whose names are forgotten.
    elsewhere = {uid for uid, row in UID_dictionary.items() if uid.startswith(ROOT + "10.") or not row[4]}
    networked = {uid for uid, row in UID_dictionary.items() if row[1] in ("SOP Class", "Meta SOP Class")}
    assert networked - elsewhere - set(ROWS) == set()
    retired = {uid for uid in networked & set(ROWS) if UID_dictionary[uid][3] == "Retired"}
    assert retired == {uid for uid, row in ROWS.items() if row.is_retired}


def test_every_meta_sop_class_has_its_members() -> None:
    metas = {uid for uid, row in UID_dictionary.items() if row[1] == "Meta SOP Class"}
    assert metas == {uid for uid in ROWS if members_of(uid)}
    for uid in metas:
        assert not ROWS[uid].scu_invokes
        assert len(members_of(uid)) > 1
        assert all(SERVICE_CLASSES[member] is SERVICE_CLASSES[uid] for member in members_of(uid))
    assert members_of(PRINT + ".9") == (PRINT + ".1", PRINT + ".2", PRINT + ".4", PRINT + ".16")
    assert members_of(PRINT + ".18.1") == (PRINT + ".1", PRINT + ".2", PRINT + ".4.2", PRINT + ".16")
    assert members_of(PRINT + ".1") == members_of("1.2.3") == ()


def test_every_service_class_has_an_annex() -> None:
    assert {annex.service_class for annex in ANNEXES} == set(ServiceClass)
    assert len(rows_of(ServiceClass.QUERY_RETRIEVE)) == 13


def test_well_known_instances() -> None:
    known = {uid for uid, row in UID_dictionary.items() if row[1] == "Well-known SOP Instance"}
    palettes = {uid for uid in known if uid.startswith(ROOT + "1.5.")}
    assert {uid for row in ROWS.values() for uid in row.instances} >= known - palettes
    assert ROWS[ROOT + "1.20.1"].instances == (ROOT + "1.20.1.1",)
    assert ROWS[PRINT + ".16"].instances == (PRINT + ".17",)


@pytest.mark.parametrize("annex", ANNEXES, ids=lambda annex: annex.service_class)
def test_the_rows_agree_with_themselves(annex: Annex) -> None:
    for row in annex.rows:
        check(row)


def check(row: SOPClassRow) -> None:
    both = {*row.scu_invokes, *row.scp_invokes}
    assert bool(row.events) <= (Operation.N_EVENT_REPORT in both)
    assert bool(row.actions) <= (Operation.N_ACTION in both)
    # Only what SCPs are said to send of their own accord.
    assert set(row.scp_invokes) <= {Operation.N_EVENT_REPORT}
    assert bool(row.scp_may_associate) <= bool(row.scp_invokes)
    assert all(other in ROWS for other in (*row.members, *row.goes_by))
    for statuses in (*row.scu_invokes.values(), *row.scp_invokes.values()):
        assert len({status.first for status in statuses}) == len(statuses)
        for first, last, meaning in statuses:
            assert 0 < first <= last <= 0xFFFF and meaning
            assert general.category_of(first) == general.category_of(last) != general.UNKNOWN


# The print queue's are in PS3.4-1998 only.
WITHOUT_IDS = {sop.PrintQueueManagement}


def test_every_action_and_event_has_its_ids() -> None:
    for uid, row in ROWS.items():
        if uid not in WITHOUT_IDS:
            assert bool(row.actions) == (Operation.N_ACTION in row.scu_invokes), uid
            assert bool(row.events) == (Operation.N_EVENT_REPORT in row.scp_invokes), uid


@pytest.mark.parametrize(
    ("uid", "actions", "events"),
    [
        ("3.1.2.1.1", [], [1, 2, 3]),
        ("3.1.2.2.1", [], [1, 2, 3, 4, 5, 6, 7]),
        ("3.1.2.3.5", [], [1, 2, 3, 4, 5]),
        ("3.1.2.3.1", [], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("3.1.2.6.1", [], [1, 2, 3, 4, 5, 6]),
        ("5.1.1.14", [], [1, 2, 3, 4]),
        ("5.1.1.1", [1], []),
        ("1.20.1", [1], [1, 2]),
        ("5.1.1.33", [1, 2], []),
        ("5.1.4.34.6.1", [2], []),
        ("5.1.4.34.6.2", [2, 3, 4, 5], []),
        ("5.1.4.34.6.3", [1], []),
        ("5.1.4.34.6.4", [], [1, 2, 3, 4, 5]),
        ("5.1.4.34.8", [1], [1, 2]),
        ("5.1.4.1.1.201.5", [11, 12, 13, 14, 15], [11, 12, 13]),
    ],
)
def test_action_and_event_type_ids(uid: str, actions: list[int], events: list[int]) -> None:
    row = ROWS[ROOT + uid]
    assert (sorted(row.actions), sorted(row.events)) == (actions, events)


def test_operations_by_role() -> None:
    printer, commitment = ROWS[PRINT + ".16"], ROWS[ROOT + "1.20.1"]
    assert list(operations(printer, as_scp=True, as_scu=False)) == [Operation.N_GET]
    assert list(operations(printer, as_scp=False, as_scu=True)) == [Operation.N_EVENT_REPORT]
    assert list(operations(printer, as_scp=True, as_scu=True)) == [Operation.N_GET, Operation.N_EVENT_REPORT]
    # Its result may come on an association for which no role was negotiated.
    assert list(operations(commitment, as_scp=True, as_scu=False)) == [
        Operation.N_ACTION,
        Operation.N_EVENT_REPORT,
    ]


def test_the_operations_are_the_requests_of_ps3_7() -> None:
    requests = {
        name.removesuffix("_RQ"): value for name, value in vars(messages).items() if name.endswith("_RQ")
    }
    del requests["C_CANCEL"]
    assert {operation.name: operation.value for operation in Operation} == requests
    assert str(Operation.N_EVENT_REPORT) == "N-EVENT-REPORT"


def test_the_options_that_are_negotiated_are_those_that_have_names() -> None:
    assert tuple(option.name for option in fields(QueryExtendedNegotiation)) == c_query_retrieve.QUERY_OPTIONS
    assert (
        tuple(option.name for option in fields(RetrieveExtendedNegotiation))
        == c_query_retrieve.RETRIEVE_OPTIONS
    )
    assert b_storage.NEGOTIATION[::2] == tuple(name for name, _ in STORAGE_LIMITS)
    assert ROWS[UPS + ".6.3"].extended_negotiation[2:] == ("fuzzy_matching", "timezone_adjustment")


def test_a_code_may_mean_more_to_one_service() -> None:
    invoked = ROWS[ROOT + "3.1.2.3.3"].scu_invokes
    assert [row.first for row in invoked[Operation.N_SET]] == [0x0110]
    assert invoked[Operation.N_CREATE] == ()


def test_a_status_table_is_read() -> None:
    assert status_rows("""
        A700-A7FF  Out of Resources
        FE00
    """) == ((0xA700, 0xA7FF, "Out of Resources"), (0xFE00, 0xFE00, ""))
