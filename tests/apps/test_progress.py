"""A bar, a counter, or nothing; the count itself is always right."""

from __future__ import annotations

import io
import sys

import pytest

from fastdicom.apps import progress
from fastdicom.apps.progress import Bar, Line, Nothing, Progress, choose_drawer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def put_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stderr a terminal; not a fixture, because pytest replaces stderr between fixtures and test."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_nothing_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(choose_drawer("sending", 3, is_wanted=True), Nothing)


def test_nothing_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_terminal(monkeypatch)
    assert isinstance(choose_drawer("sending", 3, is_wanted=False), Nothing)


def test_a_counter_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    put_terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert isinstance(choose_drawer("sending", 3, is_wanted=True), Line)


def test_the_counter_leaves_an_empty_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = put_terminal(monkeypatch)
    line = Line("sending", 12)
    line.draw(7)
    assert terminal.getvalue() == "\rsending: 7 of 12"
    line.close()
    assert terminal.getvalue().endswith("\r" + " " * len("sending: 7 of 12") + "\r")


@pytest.mark.parametrize("total", [3, None])
def test_a_bar_with_rich(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    pytest.importorskip("rich")
    terminal = put_terminal(monkeypatch)
    drawer = choose_drawer("sending", total, is_wanted=True)
    assert isinstance(drawer, Bar)
    drawer.draw(2)
    drawer.close()
    assert "sending" in terminal.getvalue()


def test_drawing_is_rarer_than_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    class Recorder(Nothing):
        def draw(self, done: int) -> None:
            drawn.append(done)

    times = iter([0.0, 0.05, 0.09, 0.11, 0.2, 0.22])
    monkeypatch.setattr(progress, "choose_drawer", lambda *_: Recorder())
    monkeypatch.setattr("fastdicom.apps.progress.time.monotonic", lambda: next(times))
    with Progress("sending", 6, True) as counter:
        for _ in range(6):
            counter.advance()
    assert counter.done == 6
    assert drawn == [1, 4, 6]
