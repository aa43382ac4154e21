"""Handlers that hang: their operations end, and their associations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from queries import (
    PENDING,
    finding,
    identifier,
    outcome,
    query_ae,
    rows_of,
    some,
)
from raw_peer import IMPLICIT, data_set
from servers import DEADLINE, associate, await_event, serving, wait_until

from fastdicom import AE, build_context, evt
from fastdicom.sop_class import (
    CTImageStorage,
)


@pytest.mark.parametrize("hangs_at", [0, 1])
@pytest.mark.parametrize("window", [1, 2])
def test_a_handler_that_hangs(hangs_at: int, window: int) -> None:
    """Its failure, and then an abort; what it yields afterwards goes nowhere."""
    goes_on, is_closed = threading.Event(), threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        try:
            for number in range(3):
                if number == hangs_at:
                    assert goes_on.wait(DEADLINE)
                yield PENDING, identifier(number)
        finally:
            is_closed.set()

    ae = query_ae()
    ae.handler_timeout = 0.15
    with finding(handler, window=window, ae=ae) as association:
        rows = rows_of(association)
        assert [status for status, _ in rows] == [PENDING] * hangs_at + [0xC311]
        wait_until(lambda: not association.is_established)
        assert association.is_aborted
        wait_until(lambda: not ae._all_associations())  # although the handler has not returned
        assert not is_closed.is_set()
        goes_on.set()
        await_event(is_closed)


def test_a_handler_that_is_too_late() -> None:
    """It returns just when its failure has been sent: there is no second response."""
    goes_on, is_sent = threading.Event(), threading.Event()
    sent: list[int] = []

    def handler(event: Any) -> int:
        assert goes_on.wait(DEADLINE)
        return 0x0000

    def look(event: Any) -> None:
        sent.append(event.message.command.status)
        if len(sent) == 1:
            goes_on.set()
            assert not is_sent.wait(0.2)
        else:
            is_sent.set()

    ae = query_ae()
    ae.handler_timeout = 0.1
    with serving(ae, [(evt.EVT_C_ECHO, handler), (evt.EVT_DIMSE_SENT, look)]) as server:
        scu = AE()
        scu.add_requested_context("1.2.840.10008.1.1")
        association = associate(scu, server)
        assert association.send_c_echo().Status == 0x0110
        wait_until(lambda: not association.is_established)
        wait_until(lambda: not ae._all_associations())
    assert sent == [0x0110]


def test_handlers_in_time_are_left_alone() -> None:
    ae = query_ae()
    ae.handler_timeout = 20
    with finding(some, ae=ae) as association:
        for _ in range(3):
            assert len(outcome(association)) == 21
            assert association.send_c_echo().Status == 0
        association.release()
        assert association.is_released
    assert not ae.watchdog._turns


@pytest.mark.parametrize(("kind", "status"), [("echo", 0x0110), ("store", 0xC211)])
def test_any_handler_that_hangs(kind: str, status: int) -> None:
    goes_on = threading.Event()

    def handler(event: Any) -> int:
        assert goes_on.wait(DEADLINE)
        return 0x0000

    ae = AE()
    ae.handler_timeout = 0.1
    ae.add_supported_context(CTImageStorage)
    ae.add_supported_context("1.2.840.10008.1.1")
    handlers: list[Any] = [(evt.EVT_C_ECHO, handler), (evt.EVT_C_STORE, handler)]
    with serving(ae, handlers) as server:
        scu = AE()
        scu.requested_contexts = [
            build_context(CTImageStorage, IMPLICIT),
            build_context("1.2.840.10008.1.1", IMPLICIT),
        ]
        association = associate(scu, server)

        if kind == "echo":
            assert association.send_c_echo().Status == status
        else:
            assert association.send_c_store(data_set(), transfer_syntax=IMPLICIT).Status == status
        wait_until(lambda: not association.is_established)
        assert association.is_aborted
        wait_until(lambda: not ae._all_associations())
        goes_on.set()
