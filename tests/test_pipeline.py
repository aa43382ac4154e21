"""The order of events of many C-STOREs, without a network: every item is told once, with its outcome."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastdicom.association.pipeline import Pipeline, Step
from fastdicom.dimse.results import StatusDataset
from fastdicom.errors import AssociationAborted
from fastdicom.services.outcomes import Outcome, Stored

BROKEN = AssociationAborted(2, 0)
STATUSES = [0x0000, 0xB000, 0xA700, 0xC000]
OUTCOMES = dict(zip(STATUSES, [Outcome.STORED, Outcome.WARNING, Outcome.FAILED, Outcome.FAILED], strict=True))


def status_of(code: int) -> StatusDataset:
    status = StatusDataset()
    status.Status = code
    return status


class Peer:
    """Does what a pipeline asks for, with a peer that answers as the random source says."""

    def __init__(self, data: st.DataObject, window: int, count: int, breaks_after: int | None) -> None:
        self.data = data
        self.pipeline: Pipeline[int] = Pipeline(window)
        self.window = window
        self.items: Iterator[int] = iter(range(count))
        self.steps_left = breaks_after
        self.expected: dict[int, Outcome] = {}
        self.asked: list[int] = []
        self.under_way: dict[str, int] = {}

    def choose(self, what: str) -> bool:
        return bool(self.data.draw(st.booleans(), what))

    def run(self) -> list[Stored[int]]:
        told: list[Stored[int]] = []
        while (step := self.pipeline.step) is not Step.END:
            if step is Step.TELL:
                told.append(self.pipeline.take())
            elif step is Step.ASK:
                self.ask()
            elif self.is_time_to_break():
                self.break_off(None)
            elif step is Step.SEND:
                self.send()
            else:
                self.answer()
            assert len(self.under_way) + (self.pipeline.ready is not None) <= self.window + 1
        return told

    def is_time_to_break(self) -> bool:
        if self.steps_left is not None:
            self.steps_left -= 1
        return self.steps_left == 0

    def ask(self) -> None:
        item = next(self.items, None)
        if item is None:
            self.pipeline.exhaust()
            return
        self.asked.append(item)
        if self.pipeline.is_broken:
            self.expected[item] = Outcome.NOT_SENT
            self.pipeline.refuse(item)
        elif self.choose("is it readable"):
            self.expected[item] = Outcome.NOT_SENT  # until it has been sent
            self.pipeline.add(item, f"prepared {item}")
        else:
            self.expected[item] = Outcome.FAILED
            self.pipeline.fail(item, ValueError("unreadable"))

    def send(self) -> None:
        assert self.pipeline.ready is not None
        item, prepared = self.pipeline.ready
        assert prepared == f"prepared {item}"
        if self.under_way and self.choose("do others use the window"):
            self.pipeline.hold()
            return
        key = f"key {item}"
        self.pipeline.begin(key)
        assert len(self.under_way) < self.window
        self.under_way[key] = item
        if self.choose("does all of it leave"):
            self.expected[item] = Outcome.UNKNOWN
        elif self.choose("is it the object that is wrong"):
            self.expected[item] = Outcome.FAILED
            del self.under_way[key]
            self.pipeline.fail_begun(key, ValueError("no room for a PDV"))
        else:
            self.break_off(key)

    def answer(self) -> None:
        key = self.data.draw(st.sampled_from(sorted(self.under_way)), "who is answered")
        code = self.data.draw(st.sampled_from(STATUSES))
        self.expected[self.under_way.pop(key)] = OUTCOMES[code]
        self.pipeline.answer(key, status_of(code))

    def break_off(self, unsent: str | None) -> None:
        self.under_way.clear()
        self.pipeline.break_off(BROKEN, unsent)


@settings(max_examples=50)
@given(st.data(), st.integers(1, 8), st.integers(0, 20), st.none() | st.integers(1, 30))
def test_every_item_is_told_once(
    data: st.DataObject, window: int, count: int, breaks_after: int | None
) -> None:
    peer = Peer(data, window, count, breaks_after)
    told = peer.run()
    assert peer.asked == list(range(count))
    assert sorted(each.item for each in told) == peer.asked
    assert {each.item: each.outcome for each in told} == peer.expected
    for each in told:
        has_answer = "Status" in each.status
        assert has_answer == (each.error is None)
        if each.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT):
            assert each.error is BROKEN


def filled(window: int) -> Pipeline[int]:
    """Return a pipeline with its window full, and one item ready."""
    pipeline: Pipeline[int] = Pipeline(window)
    for number in range(window):
        assert pipeline.step is Step.ASK
        pipeline.add(number, None)
        assert pipeline.step is Step.SEND
        pipeline.begin(number)
    assert pipeline.step is Step.ASK
    pipeline.add(window, None)
    assert pipeline.step is Step.WAIT
    return pipeline


@pytest.mark.parametrize("window", [1, 2, 8])
def test_one_is_ready_while_the_window_is_full_and_the_window_comes_before_results(window: int) -> None:
    pipeline = filled(window)
    pipeline.answer(0, status_of(0))
    assert pipeline.step is Step.SEND
    pipeline.begin(window)
    assert pipeline.step is Step.TELL
    assert pipeline.take().item == 0
    assert pipeline.step is Step.ASK


def test_while_others_use_the_window_nothing_is_sent() -> None:
    pipeline: Pipeline[int] = Pipeline(4)
    for number in range(2):
        pipeline.add(number, None)
        if number == 0:
            pipeline.begin(number)
    pipeline.hold()
    assert pipeline.step is Step.WAIT
    pipeline.answer(0, status_of(0))
    assert pipeline.step is Step.SEND


def test_nothing_is_asked_for_after_a_stop() -> None:
    pipeline = filled(2)
    pipeline.stop()
    assert pipeline.step is Step.TELL
    assert pipeline.take().outcome is Outcome.NOT_SENT
    for number in range(2):
        assert pipeline.step is Step.WAIT
        pipeline.answer(number, status_of(0))
        assert pipeline.take().outcome is Outcome.STORED
    assert pipeline.step is Step.END


def test_a_response_that_is_lost_for_another_reason() -> None:
    pipeline = filled(2)
    pipeline.lose(0, None)
    assert pipeline.under_way == [1]
    pipeline.begin(2)
    assert (pipeline.take().outcome, pipeline.step) == (Outcome.UNKNOWN, Step.ASK)
