"""Person names (PS3.5 6.2.1, PS3.4 C.2.2.2.1.1): component groups, components, and what is the same in them.

Letters are the same in upper and lower case, and composed or not. A key of one group is compared with each
group of a name, so that ``YAMADA*`` and ``山田*`` both find ``Yamada^Tarou=山田^太郎=やまだ^たろう``; a key
of several groups with the groups in their places, and an empty group in it matches. Fuzzy matching compares
words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from fastdicom.query.wildcards import compile_pattern, has_wildcard

NameTest = Callable[[str], bool]


def groups_of(name: str) -> list[str]:
    """Return the component groups, in lower case, without padding and empty components at their ends."""
    folded = _folded(name)
    if "=" not in folded:
        return [folded.rstrip("^ ")]
    return [group.strip(" ").rstrip("^ ") for group in folded.split("=")]


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    # The one letter that would become two, of which the first is an i.
    return "\u0130".join(part.lower() for part in unicodedata.normalize("NFC", name).split("\u0130"))


def compile_name(key: str) -> NameTest:
    """Return a function that says whether a name matches a key with or without wild cards.

    Parameters
    ----------
    key
        As in the identifier: groups with ``=`` between them, components with ``^``.
    """
    tests = [_group_test(group.strip(" ")) for group in _folded(key).split("=")]
    if len(tests) == 1:
        [test] = tests
        if test is None:
            return _always

        def matches_any(name: str) -> bool:
            return any(test(group) for group in groups_of(name))

        return matches_any

    def matches_each(name: str) -> bool:
        groups = groups_of(name)
        groups += [""] * (len(tests) - len(groups))
        return all(test is None or test(group) for test, group in zip(tests, groups, strict=False))

    return matches_each


def _always(_: str) -> bool:
    return True


def _group_test(group: str) -> Callable[[str], bool] | None:
    if not has_wildcard(group):
        bare = group.rstrip("^ ")
        return bare.__eq__ if bare else None
    if not group.strip("*"):
        return None
    test = compile_pattern(group)
    delimiters = group.count("^")

    def matches(text: str) -> bool:
        # Components at the end that are empty may be left out: "Doe^*" is to find "Doe".
        missing = delimiters - text.count("^")
        return test(text + "^" * missing if missing > 0 else text)

    return matches


def compile_fuzzy_name(key: str) -> NameTest:
    """Return a function that says whether every word of a key is in a name, or one that sounds alike.

    Parameters
    ----------
    key
        As for `compile_name`; words may have wild cards.
    """
    groups = [[_word_test(word) for word in words_of(group)] for group in key.split("=")]
    groups = [tests for tests in groups if tests]

    def matches(name: str) -> bool:
        words = words_of(name)
        sounds = {sound_of(word) for word in words} - {""}
        return not groups or any(all(test(words, sounds) for test in tests) for tests in groups)

    return matches


def words_of(name: str) -> list[str]:
    """Return the words of a name, without case, accents and punctuation; wild cards stay."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("'", "").replace("\u2019", "")
    letters = (c if c.isalnum() or c in "*?" else " " for c in plain if not unicodedata.combining(c))
    return "".join(letters).split()


def _word_test(word: str) -> Callable[[list[str], set[str]], bool]:
    if has_wildcard(word):
        test = compile_pattern(word)
        return lambda words, _: any(map(test, words))
    sound = sound_of(word)
    return lambda words, sounds: word in words or sound in sounds


_SOUNDS = {
    letter: digit
    for letters, digit in (("bfpv", "1"), ("cgjkqsxz", "2"), ("dt", "3"), ("l", "4"), ("mn", "5"), ("r", "6"))
    for letter in letters
}


def sound_of(word: str) -> str:
    """Return the Soundex code of a word of more than two Latin letters, "" for any other."""
    if len(word) < 3 or not (word.isascii() and word.isalpha()):
        return ""
    code = word[0]
    last = _SOUNDS.get(word[0], "")
    for letter in word[1:]:
        digit = _SOUNDS.get(letter, "")
        if digit and digit != last:
            code += digit
            if len(code) == 4:
                break
        if letter not in "hw":
            last = digit
    return code.ljust(4, "0")
