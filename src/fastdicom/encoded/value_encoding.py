"""Values into bytes: one element encoded from what pydicom would take as its value.

Values are converted and written by pydicom's rules: padding, character sets, numbers kept as they were
spelled, `date` and `time` objects. What is plain (ASCII text, small numbers, bytes) has a short way; for the
rest pydicom's own `DataElement` does the converting. Sequences are not encoded here, see `editing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from struct import Struct, pack
from struct import error as struct_error
from typing import Any

from pydicom import config
from pydicom.charset import convert_encodings, default_encoding, encode_string
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, PersonName

from fastdicom.encoded.keys import name_of

UNDEFINED_LENGTH = 0xFFFFFFFF
SHORT_LIMIT = 0xFFFF
DEFAULT_ENCODINGS = (default_encoding,)
# Shorter byte values are copied into one piece with their header; longer ones stay where they are.
COPY_LIMIT = 4096

LONG_VRS = frozenset(str(vr) for vr in EXPLICIT_VR_LENGTH_32)
_PIXEL_DATA = 0x7FE00010
_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_LUT_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, 0x00283002})

# By is_big_endian.
_IMPLICIT_HEADER = (Struct("<HHL").pack, Struct(">HHL").pack)
_SHORT_HEADER = (Struct("<HH2sH").pack, Struct(">HH2sH").pack)
_LONG_HEADER = (Struct("<HH2sxxL").pack, Struct(">HH2sxxL").pack)
_DELIMITATION = (b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xff\xfe\xe0\xdd\0\0\0\0")

_VR_BYTES = {
    vr: vr.encode("ascii")
    for vr in [
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "OB",
        "OD",
        "OF",
        "OL",
        "OV",
        "OW",
        "PN",
        "SH",
        "SL",
        "SQ",
        "SS",
        "ST",
        "SV",
        "TM",
        "UC",
        "UI",
        "UL",
        "UN",
        "UR",
        "US",
        "UT",
        "UV",
    ]
}
_PLAIN_TEXTS = frozenset(
    ["AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
_PLAIN_NUMBERS = re.compile(r"[+-]?[0-9]+(?:\\[+-]?[0-9]+)*").fullmatch
_NUMBER_FORMATS = {"FD": "d", "FL": "f", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H", "UV": "Q"}
_PLAIN_INTEGERS = {vr: (Struct("<" + c).pack, Struct(">" + c).pack) for vr, c in _NUMBER_FORMATS.items()}


def encode_header(tag: int, vr: str, length: int, is_implicit: bool, is_big_endian: bool) -> bytes:
    """Encode the header of an element (PS3.5 7.1).

    Parameters
    ----------
    tag, vr
        Which element it is.
    length
        The length of its value in bytes; 0xFFFFFFFF for undefined.
    is_implicit, is_big_endian
        The encoding. In explicit VR a value too long for the 16 bits of its VR becomes UN (PS3.5 6.2.2).

    Raises
    ------
    ValueError
        When the VR is none that can be written.
    """
    if length > UNDEFINED_LENGTH:
        raise ValueError(
            f"{name_of(tag)}: {length} bytes are longer than an element can be, {UNDEFINED_LENGTH - 1}"
        )
    if is_implicit:
        return _IMPLICIT_HEADER[is_big_endian](tag >> 16, tag & 0xFFFF, length)
    code = _VR_BYTES.get(vr)
    if code is None:
        raise ValueError(f"{name_of(tag)}: {vr!r} is no VR that explicit VR can be written with")
    if vr in LONG_VRS:
        return _LONG_HEADER[is_big_endian](tag >> 16, tag & 0xFFFF, code, length)
    if length > SHORT_LIMIT:
        return _LONG_HEADER[is_big_endian](tag >> 16, tag & 0xFFFF, b"UN", length)
    return _SHORT_HEADER[is_big_endian](tag >> 16, tag & 0xFFFF, code, length)


def encode_value(
    tag: int,
    vr: str,
    value: Any,
    *,
    is_big_endian: bool = False,
    encodings: Sequence[str] = DEFAULT_ENCODINGS,
    validate: bool = False,
) -> bytes | memoryview:
    """Encode a value; texts are padded to an even length, values of bytes stay as they are.

    Parameters
    ----------
    tag
        The element, for what depends on it and for messages.
    vr
        Its VR; not SQ.
    value
        What pydicom takes as value of such an element: None for an empty one, several as a list.
    is_big_endian
        The byte order.
    encodings
        Python's encodings for the character sets of the data set, see `encodings_of`.
    validate
        Whether what the standard does not allow for the VR is an error.

    Returns
    -------
    bytes or memoryview
        A memoryview over `value` itself, when that is a long value of bytes.

    Raises
    ------
    ValueError
        When the value cannot be encoded; the message names tag, keyword, VR and value.
    """
    kind = type(value)
    if not validate:
        if kind is str or kind is UID:
            if vr in _PLAIN_TEXTS and value.isascii() and not (vr == "PN" and "=" in value):
                encoded = value.encode("ascii")
                return _padded(encoded, vr) if len(encoded) & 1 else encoded
            if vr == "IS" and _PLAIN_NUMBERS(value):
                return _padded(value.encode("ascii"), vr)
        elif kind is int:
            plain = _PLAIN_INTEGERS.get(vr)
            if plain is not None:
                try:
                    return plain[is_big_endian](value)
                except (struct_error, OverflowError) as error:
                    raise _refusal(tag, vr, value, error) from None
    try:
        return _encode(tag, vr, value, is_big_endian, encodings, validate)
    except (ValueError, TypeError, AttributeError, OverflowError, struct_error) as error:
        raise _refusal(tag, vr, value, error) from error


def encode_element(
    tag: int,
    vr: str,
    value: Any,
    is_implicit: bool,
    is_big_endian: bool,
    *,
    encodings: Sequence[str] = DEFAULT_ENCODINGS,
    validate: bool = False,
    has_undefined_length: bool = False,
) -> bytes | list[bytes | memoryview]:
    """Encode a whole element; the parameters are those of `encode_header` and `encode_value`.

    Parameters
    ----------
    tag, vr, value, is_implicit, is_big_endian, encodings, validate
        As there.
    has_undefined_length
        Whether it is delimited and not counted: encapsulated pixel data (PS3.5 A.4).

    Returns
    -------
    bytes or list of buffers
        In one piece, or header, value and what pads it, if the value is long and already bytes.

    Raises
    ------
    ValueError
        As there; and when (7FE0,0010) of undefined length is not encapsulated.
    """
    encoded = encode_value(
        tag, vr, value, is_big_endian=is_big_endian, encodings=encodings, validate=validate
    )
    if has_undefined_length:
        if tag == _PIXEL_DATA and bytes(encoded[:4]) != _ITEM_TAGS[is_big_endian]:
            raise _refusal(tag, vr, value, "it is not encapsulated, see pydicom.encaps.encapsulate()")
        header = encode_header(tag, vr, UNDEFINED_LENGTH, is_implicit, is_big_endian)
        return [header, encoded, _DELIMITATION[is_big_endian]]
    length = len(encoded)
    odd = length & 1 if vr in _PADDED_BYTES else 0
    header = encode_header(tag, vr, length + odd, is_implicit, is_big_endian)
    if length <= COPY_LIMIT:
        return header + encoded + b"\0" if odd else header + encoded
    return [header, encoded, b"\0"] if odd else [header, encoded]


def encodings_of(character_sets: Any) -> Sequence[str]:
    """Return Python's encodings for a value of (0008,0005), as pydicom understands it."""
    return convert_encodings(character_sets) if character_sets else DEFAULT_ENCODINGS


def _refusal(tag: int, vr: str, value: Any, why: object) -> ValueError:
    text = repr(value[:40] if isinstance(value, bytes | bytearray | str) else value)
    shown = text if len(text) <= 60 else text[:60] + "..."
    return ValueError(f"{name_of(tag)}: VR {vr} cannot hold {shown}: {why}")


def _padded(encoded: bytes, vr: str) -> bytes:
    if len(encoded) & 1:
        return encoded + (b"\0" if vr == "UI" else b" ")
    return encoded


def _encode(
    tag: int, vr: str, value: Any, is_big_endian: bool, encodings: Sequence[str], validate: bool
) -> bytes | memoryview:
    """Encode what is not plain: pydicom converts, and the table below encodes."""
    if vr in _PADDED_BYTES or vr == "UN":
        return _bytes(value)
    if vr not in _ENCODERS and vr not in _NUMBER_FORMATS and vr != "AT":
        raise ValueError(f"{vr!r} is not a VR that values are encoded for")
    mode = config.RAISE if validate else config.IGNORE
    if isinstance(value, tuple):
        value = list(value)
    converted = DataElement(BaseTag(tag), vr, value, validation_mode=mode)
    if converted.is_empty:
        return b""
    if vr in _NUMBER_FORMATS:
        is_descriptor = vr == "SS" and tag in _LUT_DESCRIPTORS
        return _numbers(converted.value, _NUMBER_FORMATS[vr], is_big_endian, is_descriptor)
    if vr == "AT":
        return _tags(converted.value, is_big_endian)
    return _padded(_ENCODERS[vr](converted.value, encodings), vr)


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, MultiValue | list | tuple) else (value,)


def _bytes(value: Any) -> bytes | memoryview:
    if value is None or type(value) is bytes:
        return value or b""
    if isinstance(value, str):
        return value.encode("ascii")
    view = memoryview(value)
    if view.itemsize != 1 or not view.c_contiguous:
        raise ValueError("bytes are expected, in the byte order of the data set and contiguous")
    view = view.cast("B").toreadonly()
    return view if len(view) > COPY_LIMIT else bytes(view)


def _string(value: Any, _: Sequence[str]) -> bytes:
    return "\\".join(_several(value)).encode(default_encoding)


def _text(value: Any, encodings: Sequence[str]) -> bytes:
    return b"\\".join(
        encode_string(part, encodings) if isinstance(part, str) else part for part in _several(value)
    )


def _names(value: Any, encodings: Sequence[str]) -> bytes:
    names = (each if isinstance(each, PersonName) else PersonName(each) for each in _several(value))
    return b"\\".join(name.encode(encodings) for name in names)


def _number_strings(value: Any, _: Sequence[str]) -> bytes:
    texts = (getattr(each, "original_string", None) or str(each) for each in _several(value))
    return "\\".join(texts).encode(default_encoding)


def _moments(whole: str, split: str) -> Callable[[Any, Sequence[str]], bytes]:
    """Make the encoder of dates or times: `whole` when there are no microseconds, else `split`."""

    def encode(value: Any, _: Sequence[str]) -> bytes:
        return "\\".join(map(spell, _several(value))).encode(default_encoding)

    def spell(moment: Any) -> str:
        if moment is None or isinstance(moment, str):
            return moment or ""
        kept = getattr(moment, "original_string", None)
        if kept is not None:
            return str(kept)
        return str(moment.strftime(split if getattr(moment, "microsecond", 0) else whole))

    return encode


def _numbers(value: Any, code: str, is_big_endian: bool, is_descriptor: bool) -> bytes:
    order = ">" if is_big_endian else "<"
    numbers = list(_several(value))
    if is_descriptor:
        # PS3.3 C.7.6.3.1.5: how many entries there are is never negative.
        return pack(f"{order}H{len(numbers) - 1}{code}", *numbers)
    return pack(f"{order}{len(numbers)}{code}", *numbers)


def _tags(value: Any, is_big_endian: bool) -> bytes:
    order = ">HH" if is_big_endian else "<HH"
    tags = (Tag(each) for each in _several(value))
    return b"".join(pack(order, tag.group, tag.element) for tag in tags)


_PADDED_BYTES = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "OB or OW", "US or OW", "US or SS or OW", "US or SS"}
)
_ENCODERS: dict[str, Callable[[Any, Sequence[str]], bytes]] = {
    **dict.fromkeys(("AE", "AS", "CS", "UI", "UR"), _string),
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), _text),
    **dict.fromkeys(("DS", "IS"), _number_strings),
    "PN": _names,
    "DA": _moments("%Y%m%d", "%Y%m%d"),
    "DT": _moments("%Y%m%d%H%M%S%z", "%Y%m%d%H%M%S.%f%z"),
    "TM": _moments("%H%M%S", "%H%M%S.%f"),
}
