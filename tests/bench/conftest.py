"""Results that no machine has measured, for the tests of the reports and the command line."""

from __future__ import annotations

import pytest

from fastdicom.bench.entries import Figure
from fastdicom.bench.run import Result
from fastdicom.bench.scenarios import BY_NAME


@pytest.fixture
def machine() -> dict[str, str | int | None]:
    return {
        "processor": "Abacus <& Sons>",
        "cores": 2,
        "memory_bytes": 4 << 30,
        "system": "Linux 6",
        "architecture": "x86_64",
    }


@pytest.fixture
def versions() -> dict[str, str]:
    return {"python": "CPython 3.13.0", "fastdicom": "0.1.0"}


@pytest.fixture
def results() -> list[Result]:
    """Return two scenarios; in the second one contestant failed and one has no CPU seconds."""
    first = Result("store-ct", BY_NAME["store-ct"])
    first.figures = {
        "fastdicom": Figure(2000.0, 1900.0, 2100.0, 0.5, 60 << 20),
        "limit": Figure(2500.0, 2400.0, 2600.0, 0.4, 40 << 20),
        "fastdicom>dcmtk": Figure(1000.0, 900.0, 1100.0, 1.5, 50 << 20),
    }
    second = Result("echo", BY_NAME["echo"])
    second.figures = {
        "fastdicom": Figure(30_000.0, 29_000.0, 31_000.0, 0.03, 50 << 20),
        "dcmtk": Figure(6_000.0, 5_900.0, 6_100.0, None, None),
    }
    second.errors = {"pynetdicom": "the <server> & the client disagree"}
    return [first, second]
