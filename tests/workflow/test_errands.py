"""Errands: done in other threads, again when they ask for it, and never for ever."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydicom.dataset import Dataset
from servers import await_event, wait_until

from fastdicom.workflow import errands as module
from fastdicom.workflow.errands import Errands
from fastdicom.workflow.refusal import Refusal, decoded


def test_an_errand_is_run_until_it_is_done() -> None:
    errands = Errands("test", 1)
    calls: list[str] = []
    done = threading.Event()

    def errand() -> float | None:
        calls.append(threading.current_thread().name)
        if len(calls) < 3:
            return 0.0
        done.set()
        return None

    errands.add(errand)
    await_event(done)
    assert calls == ["test"] * 3


def test_what_waits_does_not_keep_others_waiting() -> None:
    errands = Errands("test", 1)
    order: list[int] = []
    done = threading.Event()

    def later() -> float | None:
        order.append(1)
        return None if len(order) > 1 else 30.0

    def now() -> None:
        order.append(2)
        done.set()

    errands.add(later)
    errands.add(now)
    await_event(done)
    errands.close()
    assert order == [1, 2]


def test_as_many_at_once_as_there_are_workers() -> None:
    errands = Errands("test", 2)
    meeting = threading.Barrier(2, timeout=10)
    met: list[int] = []

    def errand() -> None:
        met.append(meeting.wait())

    for _ in range(4):
        errands.add(errand)
    wait_until(lambda: len(met) == 4, "both pairs have met")
    assert errands._threads == 2


def test_an_errand_that_raises_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    errands = Errands("test", 1)
    done = threading.Event()

    def errand() -> None:
        raise ZeroDivisionError

    errands.add(errand)
    errands.add(done.set)  # type: ignore[arg-type]
    await_event(done)
    assert "test: an errand failed" in caplog.text


def test_threads_end_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.01)
    errands = Errands("test", 4)
    done = threading.Event()
    errands.add(done.set)  # type: ignore[arg-type]
    await_event(done)
    wait_until(lambda: errands._threads == 0, "the thread's end")
    again = threading.Event()
    errands.add(again.set)  # type: ignore[arg-type]
    await_event(again)


def test_closed_errands_do_nothing() -> None:
    errands = Errands("test", 1)
    calls: list[int] = []
    errands.close()
    errands.add(lambda: calls.append(1))  # type: ignore[func-returns-value]
    assert errands._threads == 0 and calls == []


def test_a_comment_fits_its_element() -> None:
    answer = Refusal(0x0106, "é\\" + "x" * 100).answer
    assert answer.Status == 0x0106
    assert answer.ErrorComment == "?/" + "x" * 62


def test_data_sets_that_cannot_be_decoded() -> None:
    class Broken(Dataset):
        def iterall(self) -> Any:
            raise RecursionError("too deep")

    with pytest.raises(Refusal, match="cannot be decoded: too deep") as caught:
        decoded(Broken(), 0x0106)
    assert caught.value.status == 0x0106
    assert decoded(Dataset(), 0x0106) == Dataset()
