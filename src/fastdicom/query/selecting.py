"""An identifier as a condition for a database: SQL, its parameters, and what is left to match.

Nothing of a peer's gets into the SQL but through parameters. The condition finds every record that matches,
and may find more where databases differ from each other or from DICOM (case, precision of times, component
groups, several values in a column): such keys are in `Selection.residual`, for `Matcher` to decide over what
was found. It assumes that columns hold what `text` returns, and that ``=`` is exact.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydicom.datadict import dictionary_VM
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from fastdicom.query.keys import Key, Kind
from fastdicom.query.matching import CHARACTER_SET, LEVEL, TIMEZONE, Matcher
from fastdicom.query.models import tag_of
from fastdicom.query.moments import DAY, HOUR, shift_date
from fastdicom.query.options import DEFAULT_OPTIONS, Options

Style = Literal["qmark", "named"]

# Longer lists are left to the residual: older SQLite takes 999 parameters.
LIST_LIMIT = 900
# A LIKE with many % takes a database a long time, so it gets the beginning of such a pattern.
LIKE_LIMIT = 8
# Not the backslash, which databases differ about.
ESCAPE = "!"


@dataclass(frozen=True, slots=True)
class Selection:
    """What to ask a database for, and what to do with what it finds.

    Attributes
    ----------
    where
        A condition to stand after ``WHERE``; one that is always true when there is none.
    parameters
        For its placeholders: a list for ``?``, a dict for ``:name``.
    residual
        The part of the identifier that is still to be matched; without keys when the database has decided.
    is_exact
        Whether there are no such keys.
    """

    where: str
    parameters: list[Any] | dict[str, Any]
    residual: Dataset
    is_exact: bool


@dataclass(slots=True)
class _Writer:
    """Collects parameters and hands out their placeholders."""

    style: Style
    values: list[Any] = field(default_factory=list)

    def put(self, value: Any) -> str:
        self.values.append(value)
        return "?" if self.style == "qmark" else f":p{len(self.values) - 1}"

    def parameters(self) -> list[Any] | dict[str, Any]:
        if self.style == "qmark":
            return self.values
        return {f"p{number}": value for number, value in enumerate(self.values)}


def select(
    identifier: Dataset,
    columns: Mapping[str, str],
    options: Options = DEFAULT_OPTIONS,
    style: Style = "qmark",
) -> Selection:
    """Return the condition that finds what may match an identifier.

    Parameters
    ----------
    identifier
        One that `check` has found nothing wrong with.
    columns
        Keywords of attributes, and the columns that hold them, as they are to stand in the SQL.
    options
        How to match, as for `Matcher`.
    style
        How placeholders look: "qmark" for ``?``, "named" for ``:p0``.

    Raises
    ------
    ValueError
        As `Matcher` does; for a keyword that is none; for another style.
    """
    if style not in ("qmark", "named"):
        raise ValueError(f"style is {style!r}; it must be 'qmark' or 'named'")
    by_tag = {tag_of(keyword): column for keyword, column in columns.items()}
    item = Matcher(identifier, options).item
    writer = _Writer(style)
    conditions = []
    remaining = {sequence.tag for sequence in item.sequences}
    for key in item.keys:
        condition, is_decided = _condition(key, by_tag.get(key.tag), writer)
        if condition:
            conditions.append(_with_unknown(condition, by_tag[key.tag], key, options))
        if not is_decided:
            remaining.add(key.tag)
    for pair in item.pairs:
        remaining |= {key.tag for key in (pair.date, pair.time) if key is not None}
        if pair.date is not None and pair.date_tag in by_tag:
            column = by_tag[pair.date_tag]
            # In another time zone it may be the day before or after.
            condition = _date(pair.date, column, writer, days=1 if options.timezone else 0)
            conditions.append(_with_unknown(condition, column, pair.date, options))
    residual = _subset(identifier, remaining)
    where = " AND ".join(conditions) or "1 = 1"
    return Selection(where, writer.parameters(), residual, is_exact=not remaining)


def _subset(identifier: Dataset, tags: set[BaseTag]) -> Dataset:
    """Return an identifier with some of the keys of another."""
    kept = tags | {CHARACTER_SET, LEVEL, TIMEZONE}
    return Dataset({tag: identifier[tag] for tag in sorted(identifier.keys()) if tag in kept})


def _with_unknown(condition: str, column: str, key: Key, options: Options) -> str:
    if key.kind is Kind.EMPTY or not options.unknown_matches:
        return f"({condition})"
    return f"({condition} OR {column} IS NULL OR {column} = '')"


def _condition(key: Key, column: str | None, writer: _Writer) -> tuple[str | None, bool]:
    """Return the condition for a key, None when there is none; and whether it decides."""
    if column is None:
        return None, False
    if key.kind is Kind.EMPTY:
        return f"{column} IS NULL OR {column} = ''", True
    if key.kind in (Kind.UID, Kind.SINGLE):
        if len(key.values) > LIST_LIMIT:
            return None, False
        if dictionary_VM(key.tag) == "1":
            if len(key.values) == 1:
                return f"{column} = {writer.put(key.values[0])}", True
            return f"{column} IN ({', '.join(writer.put(value) for value in key.values)})", True
        return _likes(key, column, writer, _containing), False
    write = _WRITERS.get(key.kind)
    return (None if write is None else write(key, column, writer)), False


def _likes(
    key: Key, column: str, writer: _Writer, pattern: Callable[[str], str], joined: str = " OR "
) -> str:
    written = (f"{column} LIKE {writer.put(pattern(value))} ESCAPE '{ESCAPE}'" for value in key.values)
    return joined.join(written)


def _containing(value: str) -> str:
    return f"%{_escaped(value)}%"


def _escaped(text: str) -> str:
    return "".join(ESCAPE + c if c in (ESCAPE, "%", "_") else c for c in text)


def _shortened(pattern: str) -> str:
    """Return the beginning of a pattern that has many %, which finds all that the whole finds."""
    pieces = pattern.split("%")
    return pattern if len(pieces) <= LIKE_LIMIT else "%".join(pieces[:LIKE_LIMIT]) + "%"


def _wildcard(key: Key, column: str, writer: _Writer) -> str:
    def pattern(value: str) -> str:
        translated = "".join("%" if c == "*" else "_" if c == "?" else _escaped(c) for c in value)
        within = f"%{translated}%" if dictionary_VM(key.tag) != "1" else translated
        return _shortened(within)

    return _likes(key, column, writer, pattern)


def _multiple(key: Key, column: str, writer: _Writer) -> str:
    if key.vr == "PN":
        return " AND ".join(_names(value, column, writer) for value in key.values)
    return _likes(key, column, writer, _containing, " AND ")


def _name(key: Key, column: str, writer: _Writer) -> str:
    return " OR ".join(f"({_names(value, column, writer)})" for value in key.values)


def _names(value: str, column: str, writer: _Writer) -> str:
    """Return a condition on what every database takes for the same in a name: its letters in ASCII."""
    written = []
    for group in unicodedata.normalize("NFC", value).split("="):
        bare = group.strip(" ").rstrip("^* ")
        pattern = "".join(_escaped(c.lower()) if c.isascii() and c not in "*?" else "%" for c in bare)
        written.append(f"LOWER({column}) LIKE {writer.put(_shortened(f'%{pattern}%'))} ESCAPE '{ESCAPE}'")
    return " AND ".join(written)


def _date(key: Key, column: str, writer: _Writer, days: int = 0) -> str:
    written = []
    for one in key.dates:
        ends = []
        if one.first is not None:
            ends.append(f"{column} >= {writer.put(shift_date(one.first, -days))}")
        if one.last is not None:
            ends.append(f"{column} <= {writer.put(shift_date(one.last, days))}")
        written.append(f"({' AND '.join(ends)})")
    return " OR ".join(written)


def _time(key: Key, column: str, writer: _Writer) -> str:
    """Return a condition on the hour, which is there whatever the precision."""
    written = []
    for one in key.spans:
        first, last = (one.first or 0) // HOUR, (DAY - 1 if one.last is None else one.last) // HOUR
        hours = f"{writer.put(f'{first:02}')} AND {writer.put(f'{last:02}')}"
        written.append(f"SUBSTR({column}, 1, 2) BETWEEN {hours}")
    return " OR ".join(written)


_WRITERS: dict[Kind, Callable[[Key, str, _Writer], str]] = {
    Kind.WILDCARD: _wildcard,
    Kind.MULTIPLE: _multiple,
    Kind.NAME: _name,
    Kind.DATE: _date,
    Kind.TIME: _time,
}
