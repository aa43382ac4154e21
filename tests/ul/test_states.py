"""PS3.8 Table 9-10, cell by cell, against the actions that the standard lists event by event."""

from __future__ import annotations

import pytest

from fastdicom.ul.states import ACTIONS, EVENTS, NEXT_STATES, STATES, TABLE, Event, State, transitions

# Event: action and the states it has it in. Written from the standard's rows, not from the table under test.
STANDARD = """
1: AE-1 1
2: AE-2 4
3: AA-1 2; AE-3 5; AA-8 3,6-12; AA-6 13
4: AA-1 2; AE-4 5; AA-8 3,6-12; AA-6 13
5: AE-5 1
6: AE-6 2; AA-8 3,5-12; AA-7 13
7: AE-7 3
8: AE-8 3
9: DT-1 6; AR-7 8
10: AA-1 2; DT-2 6; AR-6 7; AA-8 3,5,8-12; AA-6 13
11: AR-1 6
12: AA-1 2; AR-2 6; AR-8 7; AA-8 3,5,8-12; AA-6 13
13: AA-1 2; AR-3 7,11; AR-10 10; AA-8 3,5,6,8,9,12; AA-6 13
14: AR-4 8,12; AR-9 9
15: AA-1 3,5-12; AA-2 4
16: AA-2 2,13; AA-3 3,5-12
17: AA-5 2; AA-4 3-12; AR-5 13
18: AA-2 2,13
19: AA-1 2; AA-8 3,5-12; AA-7 13
"""

# Not in the standard: DCMTK closes when the timer runs out before an answer to RQ or RELEASE-RQ.
ADDITIONS = {(18, 5): "AA-2", (18, 7): "AA-2"}


def read_rows(text):
    """{(event, state): action} of rows as above."""
    cells = {}
    for row in text.strip().splitlines():
        event, actions = row.split(":")
        for entry in actions.split(";"):
            action, states = entry.split()
            for part in states.split(","):
                first, _, last = part.partition("-")
                for state in range(int(first), int(last or first) + 1):
                    cells[int(event), state] = action
    return cells


EXPECTED = read_rows(STANDARD) | ADDITIONS


def test_standard_has_123_cells():
    assert len(read_rows(STANDARD)) == 123


@pytest.mark.parametrize("event", range(1, 20))
@pytest.mark.parametrize("state", range(1, 14))
def test_cell(event, state):
    assert TABLE.get((Event(event), State(state))) == EXPECTED.get((event, state))


def test_table_has_no_other_cells():
    assert len(TABLE) == len(EXPECTED)


def test_table_is_read_only():
    with pytest.raises(TypeError):
        TABLE[Event.Evt1, State.Sta2] = "AE-1"


def test_everything_has_a_meaning():
    assert set(STATES) == set(State)
    assert set(EVENTS) == set(Event)
    assert set(ACTIONS) == set(NEXT_STATES) == set(TABLE.values())


def test_row_of_wrong_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        transitions("Sta1 Sta2\nEvt1 AE-1")
