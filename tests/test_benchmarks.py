"""The benchmarks of the kernels run, each once at its smallest size."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(ROOT.glob("benchmarks/test_*.py"))


def test_there_are_benchmarks() -> None:
    assert {file.stem for file in FILES} >= {"test_framing", "test_reassembly", "test_command_set"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_runs_at_its_smallest_size(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--benchmark-disable", "-k", "smallest", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d* passed", done.stdout), done.stdout
