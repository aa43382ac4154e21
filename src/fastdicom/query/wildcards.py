"""Wild cards (PS3.4 C.2.2.2.4): ``*`` stands for any characters, ``?`` for one.

No pattern takes longer than linear time in the text, whatever a peer writes into it: what stands between two
``*`` is searched from where the last was found, and never again before. A pattern in which ``?`` stands
between two ``*`` is run over the text once, all places in it at the same time, as bits of one number.
"""

from __future__ import annotations

from collections.abc import Callable


def has_wildcard(text: str) -> bool:
    """Whether a key has wild cards in it."""
    return "*" in text or "?" in text


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a whole text matches.

    Parameters
    ----------
    pattern
        Characters, ``*`` and ``?``.
    """
    if "?" in pattern:
        return _parallel(pattern)
    if "*" not in pattern:
        return pattern.__eq__
    first, *middle, last = pattern.split("*")
    pieces = [piece for piece in middle if piece]
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not (text.startswith(first) and text.endswith(last)):
            return False
        start, end = len(first), len(text) - len(last)
        for piece in pieces:
            found = text.find(piece, start, end)
            if found < 0:
                return False
            start = found + len(piece)
        return True

    return matches


def _parallel(pattern: str) -> Callable[[str], bool]:
    """Match by the bits of a number: bit i says that the first i characters match what was read."""
    stars = 0  # where a * stands, and any character may be read without moving on
    wild = 0  # where a ? stands
    literal: dict[str, int] = {}
    length = 0
    for character in pattern:
        if character == "*":
            stars |= 1 << length
            continue
        if character == "?":
            wild |= 1 << length
        else:
            literal[character] = literal.get(character, 0) | 1 << length
        length += 1
    whole = 1 << length

    def matches(text: str) -> bool:
        state = 1
        for character in text:
            state = (state & (literal.get(character, 0) | wild)) << 1 | (state & stars)
            if not state:
                return False
        return state & whole != 0

    return matches
