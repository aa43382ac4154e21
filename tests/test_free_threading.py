"""Handlers of several associations run at the same moment where there is no GIL."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from servers import DEADLINE, associate, serving, store_ae

from fastdicom import AE, evt
from fastdicom.sop_class import Verification

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

COUNT = 2

# How often a handler looks for the other one: some seconds.
LOOKS = 20_000_000

needs_no_gil = pytest.mark.skipif(HAS_GIL, reason="this interpreter has a GIL: handlers take turns")


@needs_no_gil
def test_importing_leaves_the_gil_off() -> None:
    """An extension that does not declare itself would have brought it back."""
    assert not HAS_GIL


@pytest.fixture
def _no_turns() -> Iterator[None]:
    """Who has the GIL, if there is one, keeps it until it waits."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(3600.0)
    yield
    sys.setswitchinterval(before)


@needs_no_gil
@pytest.mark.usefixtures("_no_turns")
def test_handlers_run_in_parallel() -> None:
    """Each handler waits, without ever giving way, for the other one to have begun."""
    begun = [False] * COUNT
    numbers = iter(range(COUNT))
    lock = threading.Lock()

    def on_echo(event: Any) -> int:
        with lock:
            number = next(numbers)
        begun[number] = True
        return 0x0000 if any(all(begun) for _ in range(LOOKS)) else 0x0110

    with serving(store_ae(set()), [(evt.EVT_C_ECHO, on_echo)]) as server:
        scu = AE()
        scu.add_requested_context(Verification)
        associations = [associate(scu, server) for _ in range(COUNT)]
        statuses: list[int] = []

        def ask(number: int) -> None:
            statuses.append(associations[number].send_c_echo().Status)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        for association in associations:
            association.release()
    assert statuses == [0x0000] * COUNT
