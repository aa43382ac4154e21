"""What is kept: bounded, and forgotten in the order in which nobody asks for it."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from fastdicom.ul import kept
from fastdicom.ul.kept import Kept


def test_what_is_kept_is_found() -> None:
    values: Kept[bytes, str] = Kept()
    values.keep(b"a", "A", 1)
    assert (values.get(b"a"), values.get(b"b"), len(values)) == ("A", None, 1)


def test_what_is_asked_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "NUMBER", 10)
    values: Kept[int, int] = Kept()
    for key in range(1000):
        values.keep(key, -key, 1)
        assert values.get(0) == 0
        assert len(values) <= 20
    assert values.get(999) == -999
    assert values.get(500) is None


def test_length_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LENGTH", 100)
    values: Kept[int, int] = Kept()
    values.keep(1, 1, 26)
    assert values.get(1) is None
    for key in range(100):
        values.keep(key, key, 25)
        assert len(values) <= 8


def test_threads_may_keep_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "NUMBER", 7)
    values: Kept[int, int] = Kept()
    start = Barrier(4)
    wrong: list[int] = []

    def work() -> None:
        start.wait()
        for key in range(500):
            values.keep(key % 50, -(key % 50), 1)
            wrong.extend(each for each in range(50) if values.get(each) not in (None, -each))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(values) <= 2 * 7 + 4
