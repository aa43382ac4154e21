"""The encoding of plain Datasets: short texts, UIDs and numbers in ASCII, as in identifiers and worklists.

pydicom takes some 25 us for an element, and a C-FIND has thousands of them. What is not plain is left to it;
what is comes out byte for byte as pydicom writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import IS, DSfloat, PersonName

_IMPLICIT_HEADER = Struct("<HHI").pack
_EXPLICIT_HEADER = Struct("<HH2sH").pack
_EXPLICIT_LIMIT = 0xFFFF

# PS3.5 6.2 and 7.1.2: the VRs of texts that have a length of two bytes in Explicit VR.
_TEXTS = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI"])
# VR to its encoding, and the least and the most that it takes.
_NUMBERS: dict[str, tuple[Callable[[int], bytes], int, int]] = {
    "US": (Struct("<H").pack, 0, 0xFFFF),
    "UL": (Struct("<I").pack, 0, 0xFFFFFFFF),
    "SS": (Struct("<h").pack, -0x8000, 0x7FFF),
    "SL": (Struct("<i").pack, -0x80000000, 0x7FFFFFFF),
}
_FIRST = 0x00040000
_CHARACTER_SET = 0x00080005


def encode_plain(dataset: Dataset, transfer_syntax: UID) -> bytes | None:
    """Encode a Dataset in which everything is plain; None when something is not.

    Parameters
    ----------
    dataset
        The Dataset; group 0002 and 0000 are left out.
    transfer_syntax
        The transfer syntax; everything but the two uncompressed little endian ones is not plain.
    """
    is_implicit = transfer_syntax == ImplicitVRLittleEndian
    if not is_implicit and transfer_syntax != ExplicitVRLittleEndian:
        return None
    elements = dataset._dict
    if _CHARACTER_SET in elements:
        return None
    pieces = []
    for tag in sorted(elements):
        if tag < _FIRST:
            continue
        if not tag & 0xFFFF:  # a group length, which pydicom leaves out
            return None
        element = elements[tag]
        value = _encode_value(element) if type(element) is DataElement else None
        if value is None:
            return None
        length = len(value)
        if is_implicit:
            pieces.append(_IMPLICIT_HEADER(tag >> 16, tag & 0xFFFF, length))
        elif length <= _EXPLICIT_LIMIT:
            vr = element.VR.encode("ascii")  # type: ignore[union-attr]
            pieces.append(_EXPLICIT_HEADER(tag >> 16, tag & 0xFFFF, vr, length))
        else:
            return None
        pieces.append(value)
    return b"".join(pieces)


def _encode_value(element: DataElement) -> bytes | None:
    """Return the value with its padding; None when it is not plain."""
    vr, value = element.VR, element.value
    if vr not in _TEXTS:
        return _encode_number(vr, value)
    text = _text(value)
    if text is None or not text.isascii():
        return None
    encoded = text.encode("ascii")
    if len(encoded) % 2:
        encoded += b"\0" if vr == "UI" else b" "
    return encoded


def _encode_number(vr: str, value: Any) -> bytes | None:
    row = _NUMBERS.get(vr)
    if row is None or type(value) is not int:
        return None
    encode, least, most = row
    return encode(value) if least <= value <= most else None


def _text(value: Any) -> str | None:
    kind = type(value)
    if kind is str or kind is UID:
        return value  # type: ignore[no-any-return]
    if value is None:
        return ""
    if kind is PersonName:
        return str(value)
    if kind is IS or kind is DSfloat:
        return getattr(value, "original_string", None) or str(value)
    if kind is MultiValue:
        texts = [_text(each) for each in value]
        return None if None in texts else "\\".join(texts)  # type: ignore[arg-type]
    return None
