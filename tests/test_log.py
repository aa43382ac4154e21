"""What a log of fastdicom shows of bad peers."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastdicom
from fastdicom.log import PEER_FILTER, PeerFilter, get_logger


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def told() -> Iterator[tuple[logging.Logger, list[str], Clock]]:
    clock, lines = Clock(), []
    logger = logging.Logger("fastdicom.tests")  # noqa: LOG001 - not one that others see
    logger.addFilter(PeerFilter(burst=3, interval=10, clock=clock))
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    return logger, lines, clock


def test_a_flood_is_cut_and_counted(told: tuple[logging.Logger, list[str], Clock]) -> None:
    logger, lines, clock = told
    for number in range(1000):
        logger.error("peer %d is bad", number)
        logger.warning("another kind")
    assert lines.count("another kind") == 3
    assert [line for line in lines if "bad" in line] == [f"peer {number} is bad" for number in range(3)]
    del lines[:]
    clock.now += 10
    logger.error("peer %d is bad", 1000)
    logger.error("peer %d is bad", 1001)
    assert lines == ["peer 1000 is bad (997 more like this were not logged)", "peer 1001 is bad"]


def test_what_is_below_a_warning_is_not_limited(told: tuple[logging.Logger, list[str], Clock]) -> None:
    logger, lines, _ = told
    for _ in range(10):
        logger.info("accepted")
    assert len(lines) == 10


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.ERROR])
def test_control_characters_are_escaped(told: tuple[logging.Logger, list[str], Clock], level: int) -> None:
    logger, lines, _ = told
    logger.log(level, "from %s: %s", "A\nB\x1b[2J\x00\x85", ValueError("%n\r\x7f"))
    assert lines == ["from A\\x0aB\\x1b[2J\\x00\\x85: %n\\x0d\\x7f"]


def test_the_exception_stays(told: tuple[logging.Logger, list[str], Clock]) -> None:
    logger, _, _ = told
    records = []
    logger.handlers[0].emit = records.append  # type: ignore[method-assign]
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        logger.exception("a handler raised")
    assert records[0].exc_info[0] is ValueError
    shown = logging.Formatter().format(records[0])
    assert "\x1b" not in shown
    assert "ValueError: \\x1b[2J" in shown


@pytest.mark.source_tree
def test_every_logger_has_the_filter() -> None:
    package = Path(fastdicom.__file__).parent
    for path in package.rglob("*.py"):
        if {"apps", "bench"} & set(path.parts) or path.name in ("log.py", "__init__.py"):
            continue
        assert not re.search(r"\bgetLogger\(", path.read_text("utf-8")), path
    assert PEER_FILTER in get_logger("fastdicom.association").filters
