"""Which attributes a procedure step must, may and must not have, and when: tables of PS3.4, and one check.

A table is text that can be held beside the standard's. Its columns say per attribute what N-CREATE and N-SET
require, and what the final state does:

====  ========================================================================
1     it is there and has a value
2     it is there; it may be empty
2E    it is there, and empty
3     it may be there
`-`   it is not allowed
nC    n on a condition that cannot be told from the data set: not checked
R     it has a value in every final state (PS3.4 Table CC.2.5-1)
P     it has a value when the step is completed; P2: it is there
X     it has a value when the step is canceled
O     nothing is required
====  ========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy, deepcopy
from enum import IntEnum, StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from fastdicom.errors import FastdicomError
from fastdicom.workflow.refusal import Refusal

SPECIFIC_CHARACTER_SET = Tag(0x0008, 0x0005)
UTF_8 = "ISO_IR 192"


class Column(IntEnum):
    """When a requirement holds: the column of a table."""

    CREATE = 0
    SET = 1
    FINAL = 2


# What the final state codes of a table mean for a step that ends well, and for one that does not.
COMPLETED: Mapping[str, str] = MappingProxyType({"R": "1", "P": "1", "P2": "2"})
CANCELED: Mapping[str, str] = MappingProxyType({"R": "1", "X": "1"})
_AS_IT_IS: Mapping[str, str] = MappingProxyType({})


class Requirement(NamedTuple):
    """A row of a table.

    Attributes
    ----------
    tag, keyword
        The attribute.
    types
        What is required of it, by `Column`.
    items
        What is required in each item of it, when it is a sequence.
    values
        The values that it may have; empty when there is no list of them.
    """

    tag: int
    keyword: str
    types: tuple[str, str, str]
    items: tuple[Requirement, ...]
    values: tuple[str, ...]


class Requirements(NamedTuple):
    """A table.

    Attributes
    ----------
    name
        Where the standard has it.
    rows
        Its rows.
    """

    name: str
    rows: tuple[Requirement, ...]


class Fault(StrEnum):
    """What can be wrong with an attribute, in the order in which it is answered."""

    NOT_ALLOWED = "is not allowed"
    MISSING = "is missing"
    EMPTY = "has no value"
    INVALID = "is invalid"


# PS3.7 C.5.17, C.5.13, C.5.14, C.5.11
STATUSES = {Fault.NOT_ALLOWED: 0x0105, Fault.MISSING: 0x0120, Fault.EMPTY: 0x0121, Fault.INVALID: 0x0106}


class Violation(NamedTuple):
    """A requirement that is not met.

    Attributes
    ----------
    path
        The keywords of the sequences that the attribute is in, and its own, with dots.
    tag
        Its tag.
    fault
        What is wrong.
    rule
        What the table says.
    value
        The value that is wrong; "" when it is not about the value.
    """

    path: str
    tag: int
    fault: Fault
    rule: str
    value: str = ""

    def __str__(self) -> str:
        value = f": {self.value!r}" if self.value else ""
        group, element = divmod(self.tag, 0x10000)
        return f"{self.path} ({group:04X},{element:04X}) {self.fault}{value}; {self.rule}"


class RequirementError(FastdicomError, ValueError):
    """A data set does not meet the requirements of the standard; nothing was sent.

    Parameters
    ----------
    subject
        What was to be done.
    violations
        Each requirement that is not met.
    """

    def __init__(self, subject: str, violations: Sequence[Violation]) -> None:
        super().__init__(f"{subject}: " + "; ".join(str(violation) for violation in violations))
        self.violations = tuple(violations)


class AttributeRefusal(Refusal):
    """A request that is refused for its attributes, which the response names (PS3.7 Annex C).

    Parameters
    ----------
    violations
        Each requirement that is not met; the response is about the gravest kind of fault.
    """

    def __init__(self, violations: Sequence[Violation]) -> None:
        fault = next(fault for fault in Fault if any(fault is each.fault for each in violations))
        about = [each for each in violations if each.fault is fault]
        super().__init__(STATUSES[fault], f"{about[0].path.rpartition('.')[2]} {fault}; {about[0].rule}")
        self.tags = sorted({each.tag for each in about})

    @property
    def answer(self) -> Dataset:
        """What a handler returns as its status, with an (0000,1005) Attribute Identifier List."""
        answer = super().answer
        answer.AttributeIdentifierList = self.tags
        return answer


def requirements(name: str, text: str, values: Mapping[str, Sequence[str]] = _AS_IT_IS) -> Requirements:
    """Return the table that a text has.

    Parameters
    ----------
    name
        Where the standard has it.
    text
        A row a line: `>` for each sequence that it is in, keyword, and the three columns.
    values
        The values that attributes may have, by keyword.
    """
    lines = [line.split() for line in text.strip().splitlines()]
    rows = [(len(words) - 4, *words[-4:]) for words in lines]
    return Requirements(name, _rows(rows, 0, values))


def _rows(
    rows: Sequence[tuple[Any, ...]], depth: int, values: Mapping[str, Sequence[str]]
) -> tuple[Requirement, ...]:
    starts = [index for index, row in enumerate(rows) if row[0] == depth]
    result = []
    for start, end in pairwise([*starts, len(rows)]):
        _, keyword, *types = rows[start]
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise ValueError(f"no attribute has the keyword {keyword}")
        items = _rows(rows[start + 1 : end], depth + 1, values)
        result.append(
            Requirement(tag, keyword, (types[0], types[1], types[2]), items, tuple(values.get(keyword, ())))
        )
    return tuple(result)


def is_empty(element: DataElement) -> bool:
    """Whether an element has no value, or nothing but spaces."""
    value = element.value
    if value is None:
        return True
    return len(value) == 0 if element.VR == "SQ" else not str(value).strip() or element.is_empty


def violations(
    table: Requirements, data_set: Dataset, column: Column, codes: Mapping[str, str] = _AS_IT_IS
) -> list[Violation]:
    """Return what a data set lacks, has too much, or has wrong.

    Parameters
    ----------
    table
        What is required.
    data_set
        The data set; how long this takes is bounded by the table and by the items that it has.
    column
        When.
    codes
        What the codes of the column mean; those that are not there mean themselves, or nothing.
    """
    return list(_look(table.name, table.rows, data_set, column, codes, ""))


def _look(
    name: str,
    rows: Sequence[Requirement],
    data_set: Dataset,
    column: Column,
    codes: Mapping[str, str],
    path: str,
) -> Iterator[Violation]:
    for row in rows:
        code = row.types[column]
        kind = codes.get(code, code)
        rule = f"type {code} in {name}"
        here = path + row.keyword
        if row.tag not in data_set:
            if kind in {"1", "2", "2E"}:
                yield Violation(here, row.tag, Fault.MISSING, rule)
            continue
        if kind == "-":
            yield Violation(here, row.tag, Fault.NOT_ALLOWED, f"see {name}")
            continue
        element = data_set[row.tag]
        if is_empty(element):
            if kind == "1":
                yield Violation(here, row.tag, Fault.EMPTY, rule)
        elif kind == "2E":
            yield Violation(here, row.tag, Fault.INVALID, f"it is to be empty in {name}")
        elif (dictionary_VR(row.tag) == "SQ") is not (element.VR == "SQ"):
            yield Violation(here, row.tag, Fault.INVALID, f"its VR is {element.VR}")
        elif row.values and element.value not in row.values:
            yield Violation(
                here, row.tag, Fault.INVALID, f"one of {', '.join(row.values)}", str(element.value)[:64]
            )
        elif row.items:
            for item in element.value:
                yield from _look(name, row.items, item, column, codes, f"{here}.")


def with_empty_attributes(table: Requirements, data_set: Dataset) -> Dataset:
    """Return a copy of what is to be created, with each type 2 attribute that is missing as an empty one.

    Parameters
    ----------
    table
        What is required.
    data_set
        What is to be created.
    """
    result = deepcopy(data_set)
    _fill(table.rows, result)
    return result


def _fill(rows: Sequence[Requirement], data_set: Dataset) -> None:
    for row in rows:
        if row.tag not in data_set:
            if row.types[Column.CREATE] in {"2", "2E"}:
                vr = dictionary_VR(row.tag)
                data_set.add_new(row.tag, vr, [] if vr == "SQ" else None)
        elif row.items and data_set[row.tag].VR == "SQ":
            for item in data_set[row.tag].value:
                _fill(row.items, item)


def merged(instance: Dataset, modifications: Dataset) -> Dataset:
    """Return an instance as it is after an N-SET; neither data set is changed but for being decoded.

    Sequences are replaced as a whole. Text keeps its meaning where the two have different character sets: the
    result then is in UTF-8 (PS3.4 F.7.2.2.3, CC.2.6.3).

    Parameters
    ----------
    instance
        The instance as it was.
    modifications
        What is set.
    """
    result = Dataset()
    for data_set in (instance, modifications):
        for _ in data_set.iterall():
            pass  # what is raw becomes text here, while its character set is known
        for element in data_set:
            if element.tag != SPECIFIC_CHARACTER_SET:
                result[element.tag] = copy(element)  # setting a value by keyword changes the element
    ours, theirs = (data_set.get("SpecificCharacterSet") or None for data_set in (instance, modifications))
    if ours or theirs:
        result.SpecificCharacterSet = ours if ours == theirs or not theirs else theirs if not ours else UTF_8
    return result
