"""How far a long command is, on a terminal: a bar if rich is installed, otherwise a counter."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

INTERVAL = 0.1
"""Seconds between two drawings; what is counted may go much faster."""


class Drawer(Protocol):
    """Something that shows a number."""

    def draw(self, done: int) -> None: ...

    def close(self) -> None: ...


class Nothing:
    """For when nobody looks."""

    def draw(self, done: int) -> None:
        pass

    def close(self) -> None:
        pass


class Line:
    """A counter in one line of stderr, removed at the end."""

    def __init__(self, title: str, total: int | None) -> None:
        self._title = title
        self._total = "" if total is None else f" of {total}"
        self._width = 0

    def draw(self, done: int) -> None:
        text = f"{self._title}: {done}{self._total}"
        self._width = max(self._width, len(text))
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)


class Bar:
    """rich's progress bar on stderr, removed at the end. ImportError if rich is not installed."""

    def __init__(self, title: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task(title, total=total)
        self._progress.start()

    def draw(self, done: int) -> None:
        self._progress.update(self._task, completed=done, refresh=True)

    def close(self) -> None:
        self._progress.stop()


def choose_drawer(title: str, total: int | None, is_wanted: bool) -> Drawer:
    """Return the best that there is, if it is wanted and stderr is a terminal."""
    if not is_wanted or not sys.stderr.isatty():
        return Nothing()
    try:
        return Bar(title, total)
    except ImportError:
        return Line(title, total)


class Progress:
    """Counts, and shows the count now and then; a context manager.

    Parameters
    ----------
    title
        What is being done.
    total
        The number to reach, if it is known.
    is_wanted
        Whether to show anything at all.
    """

    def __init__(self, title: str, total: int | None, is_wanted: bool) -> None:
        self.done = 0
        self._drawer = choose_drawer(title, total, is_wanted)
        self._next_drawing = 0.0

    def advance(self) -> None:
        """Count one more."""
        self.done += 1
        now = time.monotonic()
        if now >= self._next_drawing:
            self._next_drawing = now + INTERVAL
            self._drawer.draw(self.done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._drawer.close()
