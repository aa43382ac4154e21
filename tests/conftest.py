"""What every test has: the profiles of hypothesis, and the proof of which fastdicom is tested."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import fastdicom
from fastdicom.log import PEER_FILTER

# Set where the wheel is tested: then the source tree must not be what is imported.
IS_INSTALLED = os.environ.get("FASTDICOM_TEST_INSTALLED") == "1"

settings.register_profile("default", deadline=None, derandomize=True, max_examples=100)
# tools/fuzz.py knows how long it has.
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=int(os.environ.get("FASTDICOM_FUZZ_EXAMPLES", "5000")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


def pytest_configure() -> None:
    """Refuse to test the source tree in the place of an installed wheel."""
    location = Path(fastdicom.__file__ or "")
    if IS_INSTALLED and "site-packages" not in location.parts:
        raise pytest.UsageError(f"FASTDICOM_TEST_INSTALLED=1, but fastdicom is {location}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the source tree where there is none."""
    if IS_INSTALLED:
        for item in items:
            if item.get_closest_marker("source_tree"):
                item.add_marker(pytest.mark.skip(reason="there is no source tree beside an installed wheel"))


@pytest.fixture(autouse=True)
def _whole_log() -> None:
    """What one test has logged does not keep back what the next one logs."""
    PEER_FILTER.forget()
