"""Wild cards: against a slow and obvious matcher, and in linear time."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.query.wildcards import compile_pattern


def oracle(pattern: str, text: str) -> bool:
    """Match by the definition: a table of what prefixes match what prefixes."""
    reached = {0}
    for character in pattern:
        if character == "*":
            reached = {end for start in reached for end in range(start, len(text) + 1)}
        else:
            reached = {at + 1 for at in reached if at < len(text) and character in ("?", text[at])}
    return len(text) in reached


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("ABC", ["ABC"], ["abc", "ABCD", ""]),
        ("A*", ["A", "ABC"], ["", "BA"]),
        ("*C", ["C", "ABC"], ["CB"]),
        ("A*C", ["AC", "ABC", "ACC"], ["A", "C", "ACB"]),
        ("*B*", ["B", "ABC"], ["AC", ""]),
        ("*B*B*", ["BB", "ABxBA"], ["ABA"]),
        ("AB*BA", ["ABBA", "ABxBA"], ["ABA"]),
        ("A?C", ["ABC", "A*C"], ["AC", "ABBC"]),
        ("*A?C*", ["ABC", "xxABCxx", "AAACx"], ["AC", "xAC"]),
        ("**", ["", "anything"], []),
        ("?*", ["A", "AB"], [""]),
        (".[a]+(", [".[a]+("], [".a"]),
        ("%_*", ["%_", "%_x"], ["xx"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], other: list[str]) -> None:
    matches = compile_pattern(pattern)
    assert [text for text in matching if not matches(text)] == []
    assert [text for text in other if matches(text)] == []


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_every_pattern_means_what_the_definition_says(pattern: str, text: str) -> None:
    assert compile_pattern(pattern)(text) == oracle(pattern, text)


@pytest.mark.parametrize(
    "pattern", ["*a" * 2000 + "*b", "a*" * 2000 + "b", "*a?" * 60 + "b", "*?" * 60 + "b*c"]
)
def test_a_hostile_pattern_takes_no_longer_than_its_length(pattern: str) -> None:
    matches = compile_pattern(pattern)
    started = process_time()
    assert not matches("a" * 20_000)
    assert process_time() - started < 1
