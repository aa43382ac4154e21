"""The value of one element, as pydicom types it: the same type, and equal.

Each VR has a function for values that are plainly in order, which takes no detours. It leaves every other
value (a code extension, too long a text, no number where one belongs) to pydicom, which then decides, warns
or raises as its settings say; so what is odd is odd in the same way. The settings in `pydicom.config` are
read at each call. Callbacks in `pydicom.hooks` are asked about what is left to pydicom only.

Values of sequences are made elsewhere: they are data sets, not values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from struct import Struct, unpack
from typing import Any, TypeAlias

from pydicom import config, valuerep
from pydicom.charset import convert_encodings, default_encoding, python_encoding
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.hooks import hooks
from pydicom.multival import MultiValue
from pydicom.tag import _LUT_DESCRIPTOR_TAGS, BaseTag
from pydicom.uid import UID
from pydicom.valuerep import IS, MAX_VALUE_LEN, DSfloat, PersonName

from fastdicom.errors import EncodedDatasetError

DEFAULT_ENCODINGS: tuple[str, ...] = (default_encoding,)

Raw: TypeAlias = "bytes | memoryview"
Decoder: TypeAlias = Callable[[Raw, bool, Sequence[str]], Any]

_CHARACTER_SET = 0x00080005
_ESCAPE = "\x1b"
_PADDING = " \0"
_LONGEST_UID = MAX_VALUE_LEN["UI"]
_LONGEST_IS = MAX_VALUE_LEN["IS"]
_LONGEST_NAME_COMPONENT = 64
_MOST_NAME_COMPONENTS = 3
_NUMBER_VRS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
# Those whose empty value is an empty text; DS and IS are numbers.
_EMPTY_TEXTS = frozenset(["AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"])
_BYTES_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW", "US or OW", "US or SS", "US or SS or OW")
# Encodings that give back the bytes that were decoded; those with more bytes a character may not.
_REVERSIBLE = frozenset(
    encoding
    for encoding in python_encoding.values()
    if encoding.startswith(("iso8859", "latin", "iso_ir_1", "UTF8"))
)

# Single character sets, with and without padding.
_ENCODINGS = {
    (name + padding).encode("ascii"): encoding
    for name, encoding in python_encoding.items()
    for padding in ("", " ")
    if name
}

_is_uid = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*").fullmatch


class _NotPlain(Exception):
    """A value is not plainly in order."""


def decode_value(
    vr: str,
    raw: Raw,
    *,
    is_big_endian: bool = False,
    encodings: Sequence[str] = DEFAULT_ENCODINGS,
    tag: int = 0,
) -> Any:
    """Decode the value of an element that is not a sequence.

    Parameters
    ----------
    vr
        Its VR, as pydicom spells it. One of several ("US or SS") gives bytes.
    raw
        Its bytes.
    is_big_endian
        Their order.
    encodings
        Python's names of the character sets, as `pydicom.charset.convert_encodings` gives them.
    tag
        Its tag, for error messages. The first value of a LUT descriptor is never negative.

    Returns
    -------
    value
        What `pydicom.Dataset` has as the value of that element.

    Raises
    ------
    EncodedDatasetError
        When pydicom raises an error for these bytes, with the settings that it has.
    """
    if not len(raw) and (vr in DECODERS or vr == "SQ"):
        return _empty(vr)
    try:
        value = DECODERS[vr](raw, is_big_endian, encodings)
    except (_NotPlain, KeyError, ValueError):
        return _decode_as_pydicom(vr, raw, is_big_endian, encodings, tag)
    if tag in _LUT_DESCRIPTOR_TAGS and type(value) is list and value[0] < 0:
        value[0] += 0x10000
    return value


def encodings_of(raw: Raw) -> list[str]:
    """Return Python's names of the character sets in a value of (0008,0005), as pydicom understands it.

    Raises
    ------
    EncodedDatasetError
        When there is no such character set, and pydicom's settings ask for an error.
    """
    encoding = _ENCODINGS.get(bytes(raw))
    if encoding is not None:
        return [encoding]
    try:
        return convert_encodings(decode_value("CS", raw, tag=_CHARACTER_SET))
    except (LookupError, ValueError) as error:
        raise EncodedDatasetError(f"{BaseTag(_CHARACTER_SET)}: {error}", tag=_CHARACTER_SET) from error


def _empty(vr: str) -> Any:
    if vr not in _EMPTY_TEXTS or config.use_none_as_empty_text_VR_value:
        return empty_value_for_VR(vr)
    return ""


def _decode_as_pydicom(vr: str, raw: Raw, is_big_endian: bool, encodings: Sequence[str], tag: int) -> Any:
    """Have pydicom decode a value."""
    data: dict[str, Any] = {"VR": vr}
    element = RawDataElement(BaseTag(tag), vr, len(raw), bytes(raw), 0, False, not is_big_endian)
    try:
        hooks.raw_element_value(element, data, encoding=list(encodings), **hooks.raw_element_kwargs)
    except Exception as error:  # whatever it is: it depends on the bytes
        raise EncodedDatasetError(f"the value of {element.tag} in VR {vr!r}: {error}", tag=tag) from error
    return data["value"]


def _multiple(constructor: Callable[[Any], Any], values: list[Any]) -> MultiValue[Any]:
    """Return a MultiValue of values that have been constructed."""
    multiple: MultiValue[Any] = MultiValue.__new__(MultiValue)
    multiple._constructor = constructor
    multiple._list = values
    return multiple


def _decode_code(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> Any:
    """AS, CS, and DA, DT, TM when they are not converted."""
    text = str(raw, "latin-1").rstrip(_PADDING)
    return _multiple(str, text.split("\\")) if "\\" in text else text


def _decode_moment(raw: Raw, is_big_endian: bool, encodings: Sequence[str]) -> Any:
    """DA, DT, TM."""
    if config.datetime_conversion:
        raise _NotPlain
    return _decode_code(raw, is_big_endian, encodings)


def _decode_title(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> Any:
    """AE."""
    text = str(raw, "latin-1")
    return _multiple(str, [each.strip() for each in text.split("\\")]) if "\\" in text else text.strip()


def _decode_uid(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> Any:
    text = str(raw, "latin-1").rstrip(_PADDING)
    if "\\" in text:
        return _multiple(UID, [_uid(each) for each in text.split("\\")])
    return _uid(text)


def _uid(text: str) -> UID:
    if len(text) > _LONGEST_UID or not (_is_uid(text) or not text):
        raise _NotPlain
    return str.__new__(UID, text)


def _decode_decimal(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> Any:
    """DS."""
    is_plain = valuerep.DSclass is DSfloat and not config.use_DS_numpy
    if not is_plain or config.settings.reading_validation_mode == config.RAISE:
        raise _NotPlain
    text = str(raw, "latin-1").strip().rstrip(_PADDING)
    if "\\" in text:
        return _multiple(DSfloat, [_decimal(each) for each in text.split("\\")])
    return _decimal(text)


def _decimal(text: str) -> DSfloat | str:
    stripped = text.strip()
    if not stripped:
        return text
    number = float.__new__(DSfloat, stripped)
    number.original_string = stripped
    number.auto_format = False
    return number


def _decode_integer(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> Any:
    """IS."""
    if config.use_IS_numpy or config.settings.reading_validation_mode == config.RAISE:
        raise _NotPlain
    text = str(raw, "latin-1").rstrip(_PADDING)
    if "\\" in text:
        return _multiple(IS, [_integer(each) for each in text.split("\\")])
    return _integer(text)


def _integer(text: str) -> IS | str:
    stripped = text.strip(" ")
    digits = stripped[1:] if stripped[:1] in ("+", "-") else stripped
    if len(text) > _LONGEST_IS or not digits.isdecimal():
        raise _NotPlain
    number = int.__new__(IS, stripped)
    number.original_string = stripped
    return number


def _text_decoder(vr: str, *, is_multiple: bool) -> Decoder:
    """Return the decoder of a VR whose texts are in the character sets of the data set."""
    longest = MAX_VALUE_LEN.get(vr)

    def decode(raw: Raw, _is_big_endian: bool, encodings: Sequence[str]) -> Any:
        text = _decode_text(raw, encodings)
        if is_multiple and "\\" in text:
            texts = text.split("\\")
            if longest is not None and max(map(len, texts)) > longest:
                raise _NotPlain
            return _multiple(str, [each.rstrip(_PADDING) for each in texts])
        if longest is not None and len(text) > longest:
            raise _NotPlain
        return text.rstrip(_PADDING)

    return decode


def _decode_text(raw: Raw, encodings: Sequence[str]) -> str:
    encoding = encodings[0]
    try:
        text = str(raw, "latin-1" if encoding == default_encoding else encoding)
    except LookupError:
        raise _NotPlain from None
    # In some encodings an escape character is a byte of another one: it is the bytes that count.
    if _ESCAPE in text or (encoding not in _REVERSIBLE and b"\x1b" in bytes(raw)):
        raise _NotPlain
    return text


def _decode_names(raw: Raw, _is_big_endian: bool, encodings: Sequence[str]) -> Any:
    """PN."""
    encoding = encodings[0]
    if encoding not in _REVERSIBLE:
        raise _NotPlain
    text = _decode_text(bytes(raw).rstrip(b"\0 "), encodings)
    mode = config.settings.reading_validation_mode
    attributes = {"encodings": tuple(encodings), "validation_mode": mode}
    if "\\" in text:
        # What pydicom has as the constructor makes a name of a text in these character sets.
        return MultiValue(
            lambda each: _name(each, encoding, attributes) if type(each) is str else each, text.split("\\")
        )
    return _name(text, encoding, attributes)


def _name(text: str, encoding: str, attributes: dict[str, Any]) -> PersonName:
    components = text.split("=")
    if len(components) > _MOST_NAME_COMPONENTS or len(text) > _LONGEST_NAME_COMPONENT:
        raise _NotPlain
    while components and not components[-1]:
        components.pop()
    name: PersonName = object.__new__(PersonName)
    name.__dict__.update(
        attributes,
        _components=tuple(components),
        original_string="=".join(components).encode("latin-1" if encoding == default_encoding else encoding),
    )
    return name


def _decode_location(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> str:
    """UR."""
    return str(raw, "latin-1").rstrip()


def _number_decoder(letter: str) -> Decoder:
    """Return the decoder of a VR of binary numbers."""
    one = Struct("<" + letter)
    unpack_one, size = one.unpack, one.size

    def decode(raw: Raw, is_big_endian: bool, _encodings: Sequence[str]) -> Any:
        length = len(raw)
        if length == size and not is_big_endian:
            return unpack_one(raw)[0]
        if length % size:
            raise _NotPlain
        numbers = unpack(f"{'>' if is_big_endian else '<'}{length // size}{letter}", raw)
        return numbers[0] if length == size else list(numbers)

    return decode


def _decode_tag(raw: Raw, is_big_endian: bool, _encodings: Sequence[str]) -> BaseTag:
    """AT."""
    if len(raw) != 4:
        raise _NotPlain
    group, element = unpack(">HH" if is_big_endian else "<HH", raw)
    return BaseTag(group << 16 | element)


def _decode_bytes(raw: Raw, _is_big_endian: bool, _encodings: Sequence[str]) -> bytes:
    return bytes(raw)


# PS3.5 Table 6.2-1
DECODERS: dict[str, Decoder] = {
    "AE": _decode_title,
    "AS": _decode_code,
    "AT": _decode_tag,
    "CS": _decode_code,
    "DA": _decode_moment,
    "DS": _decode_decimal,
    "DT": _decode_moment,
    "IS": _decode_integer,
    "LO": _text_decoder("LO", is_multiple=True),
    "LT": _text_decoder("LT", is_multiple=False),
    "PN": _decode_names,
    "SH": _text_decoder("SH", is_multiple=True),
    "ST": _text_decoder("ST", is_multiple=False),
    "TM": _decode_moment,
    "UC": _text_decoder("UC", is_multiple=True),
    "UI": _decode_uid,
    "UR": _decode_location,
    "UT": _text_decoder("UT", is_multiple=False),
    **{vr: _number_decoder(letter) for vr, letter in _NUMBER_VRS.items()},
    **dict.fromkeys(_BYTES_VRS, _decode_bytes),
}
