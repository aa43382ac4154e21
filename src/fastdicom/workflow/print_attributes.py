"""What the attributes of a print session may be: the tables of PS3.4 Annex H, for both sides.

Attributes whose values are defined terms may have others; a printer says which it knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import Tag

Rule: TypeAlias = Callable[[Any], str | None]
"""Given a value, returns None when it is possible, else what would be."""

Rules: TypeAlias = Mapping[str, Rule]
"""The attributes of a request, by keyword."""

IMAGE_BOXES_LIMIT = 1000
"""Image boxes on one film."""

TEXT_LIMIT = 1024  # ST, PS3.5 6.2


class Fault(NamedTuple):
    """An attribute with an impossible value."""

    keyword: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        return f"{attribute_name(self.keyword)} is {str(self.value)[:64]!r}; {self.allowed}"


def attribute_name(keyword: str) -> str:
    """Return an attribute's tag and name."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    return f"({tag.group:04X},{tag.element:04X}) {dictionary_description(tag)}"


# --- kinds of rules ---------------------------------------------------------------------------------------


def _one_of(*terms: str) -> Rule:
    allowed = f"{', '.join(terms[:-1])} and {terms[-1]} are allowed"
    return lambda value: None if value in terms else allowed


def _number(lowest: int, highest: int) -> Rule:
    allowed = f"a number from {lowest} to {highest} is allowed"

    def check(value: Any) -> str | None:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return None if is_number and lowest <= value <= highest else allowed

    return check


def _size(value: Any) -> str | None:
    try:
        return None if 0 < float(value) < float("inf") else "a width in mm is needed"
    except (TypeError, ValueError):
        return "a width in mm is needed"


def _term(value: Any) -> str | None:
    is_term = isinstance(value, str) and len(value) <= 16
    return None if is_term else "a term of 16 characters at most is allowed"


def _text(value: Any) -> str | None:
    is_text = isinstance(value, str) and len(value) <= TEXT_LIMIT
    return None if is_text else f"a text of {TEXT_LIMIT} characters at most is allowed"


def _anything(value: Any) -> str | None:
    return None


def _sequence(value: Any) -> str | None:
    is_sequence = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
    return (
        None if is_sequence and all(isinstance(item, Dataset) for item in value) else "a sequence is needed"
    )


def _format(value: Any) -> str | None:
    try:
        DisplayFormat.parse(str(value))
    except ValueError as error:
        return str(error)
    return None


# --- Image Display Format ---------------------------------------------------------------------------------

_COUNTS = re.compile(r"[0-9]{1,4}(,[0-9]{1,4})*")
_SINGLE = ("SLIDE", "SUPERSLIDE")


class DisplayFormat(NamedTuple):
    """An Image Display Format (2010,0010), PS3.3 C.13.3.

    Attributes
    ----------
    kind
        STANDARD, ROW, COL, SLIDE, SUPERSLIDE or CUSTOM.
    counts
        STANDARD: columns, and rows. ROW: the images of each row. COL: the images of each column. CUSTOM: the
        number of the format. Nothing else.
    """

    kind: str
    counts: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> DisplayFormat:
        r"""Read the value of the attribute, ``STANDARD\2,3`` for instance.

        Raises
        ------
        ValueError
            When it is none.
        """
        kind, _, numbers = text.strip(" ").partition("\\")
        if kind in _SINGLE and not numbers:
            return cls(kind)
        counts = tuple(map(int, numbers.split(","))) if _COUNTS.fullmatch(numbers) else ()
        lengths = {"STANDARD": (2,), "CUSTOM": (1,), "ROW": range(1, 100), "COL": range(1, 100)}
        if len(counts) not in lengths.get(kind, ()) or 0 in counts:
            raise ValueError(
                r"STANDARD\C,R  ROW\R1,R2  COL\C1,C2  SLIDE  SUPERSLIDE and CUSTOM\i are allowed"
            )
        format_ = cls(kind, counts)
        if (format_.image_boxes or 0) > IMAGE_BOXES_LIMIT:
            raise ValueError(f"{IMAGE_BOXES_LIMIT} image boxes at most are possible")
        return format_

    @property
    def image_boxes(self) -> int | None:
        """How many images there are on the film; None where the printer decides that."""
        if self.kind == "STANDARD":
            return self.counts[0] * self.counts[1]
        return sum(self.counts) if self.kind in ("ROW", "COL") else None

    def __str__(self) -> str:
        return "\\".join(filter(None, (self.kind, ",".join(map(str, self.counts)))))


# --- the tables -------------------------------------------------------------------------------------------

_PRINTING: Rules = MappingProxyType(
    {
        "MagnificationType": _term,
        "SmoothingType": _term,
        "MinDensity": _number(0, 0xFFFF),
        "MaxDensity": _number(0, 0xFFFF),
        "ConfigurationInformation": _text,
        "ReferencedPresentationLUTSequence": _sequence,
    }
)

# PS3.4 Table H.4-2
FILM_SESSION: Rules = MappingProxyType(
    {
        "SpecificCharacterSet": _anything,
        "NumberOfCopies": _number(1, 2**31 - 1),
        "PrintPriority": _one_of("HIGH", "MED", "LOW"),
        "MediumType": _term,
        "FilmDestination": _term,
        "FilmSessionLabel": _text,
        "MemoryAllocation": _number(0, 2**31 - 1),
        "OwnerID": _text,
        "ProposedStudySequence": _sequence,
        "ReferencedPresentationLUTSequence": _sequence,  # of printers that have it here, PS3.4 H.4.9
    }
)

# PS3.4 Table H.4-7
FILM_BOX_SET: Rules = MappingProxyType(
    {
        **_PRINTING,
        "BorderDensity": _term,
        "EmptyImageDensity": _term,
        "Trim": _one_of("YES", "NO"),
        "Illumination": _number(0, 0xFFFF),
        "ReflectedAmbientLight": _number(0, 0xFFFF),
        "ICCProfile": _anything,
    }
)

# PS3.4 Table H.4-5
FILM_BOX: Rules = MappingProxyType(
    {
        **FILM_BOX_SET,
        "SpecificCharacterSet": _anything,
        "ImageDisplayFormat": _format,
        "ReferencedFilmSessionSequence": _sequence,
        "FilmOrientation": _one_of("PORTRAIT", "LANDSCAPE"),
        "FilmSizeID": _term,
        "RequestedResolutionID": _term,
        "AnnotationDisplayFormatID": _term,
        "ColorSpace": _term,
    }
)

# PS3.4 Tables H.4-10 and H.4-12
IMAGE_BOX: Rules = MappingProxyType(
    {
        **_PRINTING,
        "ImageBoxPosition": _number(1, IMAGE_BOXES_LIMIT),
        "Polarity": _one_of("NORMAL", "REVERSE"),
        "RequestedImageSize": _size,
        "RequestedDecimateCropBehavior": _one_of("DECIMATE", "CROP", "FAIL"),
        "BasicGrayscaleImageSequence": _sequence,
        "BasicColorImageSequence": _sequence,
    }
)

# PS3.4 Table H.4-13
ANNOTATION_BOX: Rules = MappingProxyType(
    {
        "SpecificCharacterSet": _anything,
        "AnnotationPosition": _number(1, IMAGE_BOXES_LIMIT),
        "TextString": _text,
    }
)

# PS3.4 Table H.4-23
PRESENTATION_LUT: Rules = MappingProxyType(
    {
        "PresentationLUTSequence": _sequence,
        "PresentationLUTShape": _one_of("IDENTITY", "LIN OD"),
    }
)


def faults(attributes: Dataset, rules: Rules) -> Iterator[Fault]:
    """Yield the attributes with impossible values. One without a value stands for the printer's choice."""
    for keyword, rule in rules.items():
        value = attributes.get(keyword)
        if value is None or value == "":
            continue
        allowed = rule(value)
        if allowed is not None:
            yield Fault(keyword, value, allowed)


def unknown_attributes(attributes: Dataset, rules: Rules) -> list[int]:
    """Return the tags of what no row of a table has; group lengths are nothing."""
    known = {tag_for_keyword(keyword) for keyword in rules}
    return [int(tag) for tag in attributes.keys() if int(tag) not in known and tag.element != 0]  # noqa: SIM118
