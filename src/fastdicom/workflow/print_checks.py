"""Checks of single requests at a print SCP, and their statuses (PS3.4 Annex H, PS3.7 Annex C)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pydicom.dataset import Dataset

from fastdicom.workflow import print_attributes as tables
from fastdicom.workflow.print_pixels import INVALID_ATTRIBUTE_VALUE, MISSING_ATTRIBUTE
from fastdicom.workflow.refusal import Refusal

# PS3.7 Annex C
ATTRIBUTE_LIST_ERROR = 0x0107
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
NO_SUCH_SOP_INSTANCE = 0x0112
NO_SUCH_SOP_CLASS = 0x0118
MISSING_ATTRIBUTE_VALUE = 0x0121
NO_SUCH_ACTION = 0x0123
RESOURCE_LIMITATION = 0x0213

# PS3.4 Annex H
NO_COLLATION = 0xB601
EMPTY_SESSION = 0xB602
EMPTY_FILM = 0xB603
DENSITY_OUT_OF_RANGE = 0xB605
NO_FILM_BOXES = 0xC600
OUT_OF_MEMORY = 0xC605
FILM_NOT_PRINTED = 0xC616

Terms: TypeAlias = Mapping[str, tuple[str, ...]]
"""By keyword, the terms that a printer knows."""


def checked(attributes: Dataset, rules: tables.Rules, terms: Terms) -> Dataset:
    """Return those attributes that a table has, with their values; 0106H when one cannot be so."""
    kept = Dataset()
    for keyword in rules:
        if attributes.get(keyword) not in (None, ""):
            kept[keyword] = attributes[keyword]
    fault = next(tables.faults(kept, rules), None)
    if fault is not None:
        comment = f"{fault.keyword} {str(fault.value)[:16]!r}: {fault.allowed}"
        raise Refusal(INVALID_ATTRIBUTE_VALUE, comment)
    for keyword, known in terms.items():
        if keyword in kept and str(kept.get(keyword)) not in known:
            raise Refusal(INVALID_ATTRIBUTE_VALUE, f"{keyword} {kept.get(keyword)!r} is not known here")
    return kept


def fill(attributes: Dataset, defaults: Mapping[str, str | int], terms: Terms) -> None:
    """Decide what the SCU has left open (PS3.4 H.2.4)."""
    for keyword, default in defaults.items():
        if keyword not in attributes:
            setattr(attributes, keyword, terms[keyword][0] if terms.get(keyword) else default)


def require(attributes: Dataset, keyword: str) -> None:
    """Refuse what lacks an attribute, with 0120H, or its value, with 0121H."""
    if keyword not in attributes:
        raise Refusal(MISSING_ATTRIBUTE, f"{keyword} is missing")
    value = attributes.get(keyword)
    if value is None or value == "" or (hasattr(value, "__len__") and len(value) == 0):
        raise Refusal(MISSING_ATTRIBUTE_VALUE, f"{keyword} has no value")


def check_position(attributes: Dataset, keyword: str, position: int) -> None:
    """Refuse what is for another place than that of its box."""
    require(attributes, keyword)
    given = attributes.get(keyword)
    if given != position:
        raise Refusal(INVALID_ATTRIBUTE_VALUE, f"{keyword} is {given}; this box is at {position}")


def check_lut(attributes: Dataset) -> None:
    """Check a presentation LUT (PS3.4 Table H.4-23): either its shape, or a table as in H.4.9.2.1.1.1."""
    given = [keyword for keyword in tables.PRESENTATION_LUT if attributes.get(keyword)]
    if not given:
        raise Refusal(MISSING_ATTRIBUTE, "PresentationLUTShape or PresentationLUTSequence is needed")
    if len(given) > 1:
        raise Refusal(INVALID_ATTRIBUTE_VALUE, "either PresentationLUTShape or PresentationLUTSequence")
    if given == ["PresentationLUTSequence"]:
        _check_table(attributes.PresentationLUTSequence[0])


def _check_table(item: Dataset) -> None:
    for keyword in ("LUTDescriptor", "LUTData"):
        require(item, keyword)
    descriptor = tuple(item.LUTDescriptor) if isinstance(item.LUTDescriptor, Iterable) else ()
    entries, first, bits = descriptor if len(descriptor) == 3 else (0, 0, 0)
    if entries not in (256, 4096) or first != 0 or not 10 <= bits <= 16:
        raise Refusal(INVALID_ATTRIBUTE_VALUE, f"LUTDescriptor is {descriptor}; PS3.4 H.4.9.2.1.1.1")
    data = item.LUTData
    given = len(data) // 2 if isinstance(data, bytes) else len(data)
    if given != entries:
        raise Refusal(INVALID_ATTRIBUTE_VALUE, f"LUTData has {given} entries; {entries} are needed")


def status_of(attributes: Dataset, rules: tables.Rules, density_range: tuple[int, int] | None = None) -> int:
    """Return success, or what is to be warned of: densities out of range, attributes that are not known."""
    if density_range is not None:
        lowest, highest = density_range
        densities = [attributes.get(keyword) for keyword in ("MinDensity", "MaxDensity")]
        if any(isinstance(value, int) and not lowest <= value <= highest for value in densities):
            return DENSITY_OUT_OF_RANGE
    return ATTRIBUTE_LIST_ERROR if tables.unknown_attributes(attributes, rules) else 0x0000
