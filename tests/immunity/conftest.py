"""The victims of the attacks, started once for each set of settings and shared by all tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from immunity.harness import Victim

# The figures come from /proc; where there is none the attacks are not run.
collect_ignore_glob = [] if Path("/proc/self/statm").exists() else ["test_[!t]*.py"]


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Victim]]:
    """Return a function of settings that returns a victim which has them; a discarded one is replaced."""
    started: dict[str, Victim] = {}

    def find(**settings: Any) -> Victim:
        key = json.dumps(settings, sort_keys=True)
        if key not in started or started[key].is_discarded:
            started[key] = Victim(tmp_path_factory.mktemp("victim"), **settings)
        return started[key]

    yield find
    for victim in started.values():
        if not victim.is_discarded:
            victim.close()


@pytest.fixture
def victim(victims: Callable[..., Victim]) -> Victim:
    """The usual victim."""
    return victims()
