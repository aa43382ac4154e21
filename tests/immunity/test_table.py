"""The table of docs/immunity.md and the tests: every ID has a row, every row tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "immunity.md"

pytestmark = pytest.mark.source_tree

GROUPS = {"L": 6, "S": 8, "V": 12, "C": 9, "T": 5, "R": 4, "M": 1, "E": 2, "F": 1, "G": 3}
SINGLE = {"D1", "N1", "Z1", "B1", "B2", "Q1"}
IDS = {f"{group}{number + 1}" for group, count in GROUPS.items() for number in range(count)} | SINGLE

ROW = re.compile(r"^\| ([A-Z]\d+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
TEST = re.compile(r"^def (test_([a-z]\d+)_\w+)", re.MULTILINE)


def rows() -> dict[str, list[str]]:
    """Return what the table says: peer, defence and test for each ID."""
    found = ROW.findall(TABLE.read_text(encoding="utf-8"))
    assert len(found) == len({row[0] for row in found}), "an ID has two rows"
    return {row[0]: [cell.strip() for cell in row[1:]] for row in found}


def files_of_ids() -> dict[str, set[str]]:
    """Return the files that have a test named by an ID."""
    files: dict[str, set[str]] = {}
    for file in sorted(HERE.glob("test_*.py")):
        for _, identifier in TEST.findall(file.read_text(encoding="utf-8")):
            files.setdefault(identifier.upper(), set()).add(file.name)
    return files


def test_every_id_has_a_row() -> None:
    assert set(rows()) == IDS


def test_every_row_says_something() -> None:
    assert [identifier for identifier, cells in rows().items() if not all(cells)] == []


def test_every_row_names_the_files_of_its_tests() -> None:
    named = {identifier: set(re.findall(r"test_\w+\.py", cells[2])) for identifier, cells in rows().items()}
    assert named == {identifier: files_of_ids().get(identifier, set()) for identifier in named}


def test_every_test_with_an_id_is_in_the_table() -> None:
    assert set(files_of_ids()) <= IDS
