"""Values of elements as text without padding, as keys are compared with them."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence
from typing import Any, TypeAlias

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from fastdicom.query.models import tag_of

# PS3.5 6.2: padding, with the NUL of UIDs
PADDING = " \0"

Elements: TypeAlias = Mapping[BaseTag, Any]


def values_of(element: DataElement) -> list[str]:
    """Return the values of an element that is no sequence; those without characters are left out."""
    value = element.value
    if isinstance(value, str):
        text = value.strip(PADDING)
        return [text] if text else []
    if value is None:
        return []
    if isinstance(value, MutableSequence):  # MultiValue of pydicom is one
        texts = [str(one).strip(PADDING) for one in value if not (one is None or isinstance(one, Dataset))]
        return [text for text in texts if text]
    text = str(value).strip(PADDING)
    return [text] if text else []


def text(record: Dataset, keyword: str) -> str | None:
    """Return what a column of a database holds of an attribute, for `select` to find it.

    Parameters
    ----------
    record
        An object, or what is known of an entity.
    keyword
        The keyword of an attribute that is no sequence.

    Returns
    -------
    str or None
        The value without padding, several with backslashes between; None when there is none.
    """
    tag = tag_of(keyword)
    return ("\\".join(values_of(record[tag])) or None) if tag in record else None
