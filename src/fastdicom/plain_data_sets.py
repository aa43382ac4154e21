"""Plain Datasets, encoded and decoded: short texts, UIDs and numbers, as in identifiers and worklists.

pydicom takes some 25 us to write an element, and as long to read a short data set; a C-FIND has thousands.
What is not plain is left to it. What is comes out byte for byte as pydicom writes it, and is read into the
same Dataset that pydicom makes: of elements that are decoded when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Any

from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
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
_DELIMITERS = 0xFFFE


# The longest data set that is read here. With less than two letters make as the length of an element, a data
# set in Explicit VR is not taken for one in Implicit VR, whatever its peer says.
PLAIN_LIMIT = 0x4000
_HEADER = Struct("<HHI").unpack_from
_SHORT_VRS = {vr.encode("ascii"): vr for vr in (*_TEXTS, *_NUMBERS)}
_TEMPLATE = Dataset().__dict__
_tag = lru_cache(maxsize=4096)(BaseTag)
_new: Callable[..., RawDataElement] = tuple.__new__


def decode_plain(encoded: bytes, transfer_syntax: UID) -> Dataset | None:
    """Decode a data set in which everything is plain; None when something is not, or is not in order.

    Parameters
    ----------
    encoded
        The data set.
    transfer_syntax
        Its transfer syntax; everything but the two uncompressed little endian ones is not plain.
    """
    is_implicit = transfer_syntax == ImplicitVRLittleEndian
    length = len(encoded)
    if length >= PLAIN_LIMIT or not (is_implicit or transfer_syntax == ExplicitVRLittleEndian):
        return None
    elements: dict[BaseTag, RawDataElement] = {}
    position, vr = 0, None
    while position < length:
        if length - position < 8:
            return None
        group, element, value_length = _HEADER(encoded, position)
        if not is_implicit:
            vr = _SHORT_VRS.get(encoded[position + 4 : position + 6])
            value_length >>= 16
            if vr is None:
                return None
        number = group << 16 | element
        position += 8
        if number < _FIRST or number == _CHARACTER_SET or group == _DELIMITERS:
            return None
        if value_length > length - position:
            return None
        tag = _tag(number)
        value: Any = encoded[position : position + value_length] or empty_value_for_VR(vr, raw=True)
        # As the class makes it, in half the time.
        row = (tag, vr, value_length, value, position, is_implicit, True, True, False)
        elements[tag] = _new(RawDataElement, row)
        position += value_length
    dataset = Dataset.__new__(Dataset)
    dataset.__dict__.update(
        _TEMPLATE,
        _dict=elements,
        _private_blocks={},
        _pixel_array_opts={"use_pdh": False},
        _pixel_id={},
        _read_implicit=is_implicit,
        _read_little=True,
        _read_charset="iso8859",
    )
    return dataset


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
