"""Person names: component groups, wild cards, and what is the same in them."""

from __future__ import annotations

import pytest

from fastdicom.query.names import compile_fuzzy_name, compile_name, sound_of

JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("Doe^Jane", "DOE^JANE"),
        ("doe^jane", "Doe^Jane"),
        ("Doe^Jane", "Doe^Jane^^^"),
        ("Doe^Jane^^", "Doe^Jane"),
        ("Doe*", "Doe^Jane"),
        ("Doe^*", "Doe"),
        ("*^Jane", "Doe^Jane"),
        ("D?e^J*", "Doe^Jane"),
        ("MÜLLER*", "Müller^Jörg"),
        ("Mu\u0308ller*", "M\u00fcller^Jörg"),
        ("M?ller^*", "Mu\u0308ller^Jörg"),
        # PS3.5 Annex H.3: any of the groups when the key has one, and group by group when it has more
        ("Yamada*", JAPANESE),
        ("山田*", JAPANESE),
        ("やまだ^たろう", JAPANESE),
        ("=山田*", JAPANESE),
        ("==やまだ*", JAPANESE),
        ("Yamada*=山田*", JAPANESE),
        ("Yamada^Tarou=山田^太郎", JAPANESE),
        ("Doe=Roe", "Doe^^=Roe^^ "),
        ("*=*=*", "Doe^Jane"),
        ("*=*", JAPANESE),
    ],
)
def test_a_name_matches(key: str, name: str) -> None:
    assert compile_name(key)(name)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("Doe", "Doe^Jane"),
        ("Doe^J", "Doe^Jane"),
        ("Muller*", "Müller^Jörg"),
        ("*^Jane", "Jane"),
        ("=Yamada*", JAPANESE),
        ("Yamada*=田*", JAPANESE),
        ("Doe^Jane=*x", "Doe^Jane"),
    ],
)
def test_a_name_does_not_match(key: str, name: str) -> None:
    assert not compile_name(key)(name)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        # PS3.4 C.2.2.2.1.1, the examples of the notes
        ("Swain", "Swayne^John"),
        ("Smith^Mary", "Mary^Smith"),
        ("Smith^Mary", "Mary Smith"),
        ("Smith^Mary", "Smith, Mary"),
        ("garcia", "Garc\u00eda^Jos\u00e9"),
        ("Mul*", "Müller^Jörg"),
        ("O'Brien", "OBrien^Pat"),
        ("山田", JAPANESE),
        ("*", "Doe^Jane"),
    ],
)
def test_a_name_matches_fuzzily(key: str, name: str) -> None:
    assert compile_fuzzy_name(key)(name)


@pytest.mark.parametrize(("key", "name"), [("Smith^Mary", "Smith^John"), ("山本", JAPANESE), ("Li", "Lo^An")])
def test_a_name_does_not_match_fuzzily(key: str, name: str) -> None:
    assert not compile_fuzzy_name(key)(name)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("robert", "r163"),
        ("rupert", "r163"),
        ("ashcraft", "a261"),
        ("tymczak", "t522"),
        ("pfister", "p236"),
        ("li", ""),
    ],
)
def test_soundex(word: str, code: str) -> None:
    assert sound_of(word) == code
