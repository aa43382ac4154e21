"""Comparing data sets by their values, however they were encoded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

DATA_SET_TRAILING_PADDING = 0xFFFCFFFC
PADDING = b"\0 "


def values(path: Path) -> Any:
    """Return what the data set in a file says, as something that can be compared.

    Group lengths and trailing padding are left out (PS3.5 7.2, PS3.10 7.2), as is the padding of values.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _values(dcmread(path))


def _values(dataset: Dataset) -> Any:
    # All at once and first: to touch one element decodes others, as pydicom resolves ambiguous VRs.
    elements = {tag: dataset.get_item(tag) for tag in sorted(dataset.keys())}
    return tuple(
        (tag, _value(dataset, tag, element))
        for tag, element in elements.items()
        if tag.element != 0 and tag != DATA_SET_TRAILING_PADDING
    )


def _value(dataset: Dataset, tag: BaseTag, element: DataElement | RawDataElement) -> Any:
    if isinstance(element, RawDataElement) and not _is_sequence(element):
        return bytes(element.value or b"").rstrip(PADDING)
    value = dataset[tag].value
    if dataset[tag].VR == "SQ":
        return tuple(_values(item) for item in value)
    return bytes(value).rstrip(PADDING) if isinstance(value, bytes) else str(value)


def _is_sequence(element: RawDataElement) -> bool:
    return element.VR == "SQ" or (element.VR in (None, "UN") and element.length == 0xFFFFFFFF)
