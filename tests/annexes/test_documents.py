"""The documents that are written from the annexes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fastdicom.annexes.registry import ROWS

TOP = Path(__file__).parents[2]


@pytest.mark.source_tree
def test_the_tables_in_the_documents_are_up_to_date() -> None:
    command = [sys.executable, TOP / "tools" / "make_annex_docs.py", "--check"]
    result = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.source_tree
def test_every_sop_class_has_its_line() -> None:
    text = (TOP / "docs" / "sop_classes.md").read_text(encoding="utf-8")
    assert [uid for uid in ROWS if f"| {uid} |" not in text] == []
    assert "| Printer | 1.2.840.10008.5.1.1.16 | N-GET | N-EVENT-REPORT |" in text
