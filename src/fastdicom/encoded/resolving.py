"""Which VR an element really has, where its encoding does not say or the dictionary leaves a choice.

As pydicom decides it: UN is replaced by what the dictionaries know (PS3.5 6.2.2), and "US or SS" and its kin
by what other elements say, of the same data set or of one around it (PS3.5 A.1, A.2; PS3.3 C.7.6.3, C.11.1).
Where nothing decides, the choice stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydicom import config
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.errors import BytesLengthException
from pydicom.filewriter import _AMBIGUOUS_OB_OW_TAGS, _AMBIGUOUS_US_SS_TAGS, _OVERLAY_DATA_TAGS
from pydicom.tag import BaseTag
from pydicom.values import convert_numbers

from fastdicom._core.elements import Elements
from fastdicom.encoded.values import DECODERS, decode_value
from fastdicom.errors import EncodedDatasetError

# Those that leave nothing to be decided.
DECIDED = frozenset(vr for vr in DECODERS if vr != "UN" and " or " not in vr)

_PIXEL_DATA = 0x7FE00010
_BITS_ALLOCATED = 0x00280100
_PIXEL_REPRESENTATION = 0x00280103
_LUT_DESCRIPTOR = 0x00283002
_LUT_DATA = 0x00283006
_WAVEFORM_BITS_ALLOCATED = 0x54001004
_BITS_OF_A_BYTE = 8
_FIRST_CREATOR = 0x10
# Longer than a length of two bytes: UN is right (PS3.5 6.2.2, note 6).
_LONGEST_WRONG_UNKNOWN = 0xFFFF


def vr_of(elements: Elements, tag: int, around: Sequence[Elements] = ()) -> str:
    """Return the VR of an element, as pydicom has it once the element has been read.

    Parameters
    ----------
    elements
        The data set that the element is in.
    tag
        Its tag.
    around
        The data sets around that one when it is an item, from the inside out.

    Raises
    ------
    KeyError
        When there is no such element.
    EncodedDatasetError
        When the VR depends on an element that is missing or makes no sense.
    """
    vr = Elements.vr(elements, tag)
    if vr == "UN":
        vr = _known_vr(elements, tag)
    return decided_vr(vr, elements, tag, around) if " or " in vr else vr


def decode_element(
    elements: Elements,
    tag: int,
    encodings: Sequence[str],
    sequence_of: Callable[[int], Any],
    around: Sequence[Elements] = (),
) -> Any:
    """Return the value of an element.

    Parameters
    ----------
    elements, tag, around
        As for `vr_of`.
    encodings
        Python's names of the character sets of the data set.
    sequence_of
        What makes the value of a sequence from its tag.

    Raises
    ------
    KeyError
        When there is no such element.
    EncodedDatasetError
        When pydicom raises an error for it, with the settings that it has.
    """
    element = elements.element(tag)
    if element is None:
        raise KeyError(tag)
    vr, raw = element
    if vr == "UN":
        vr = _known_vr(elements, tag)
    if vr == "SQ":
        return sequence_of(tag)
    if " or " not in vr:
        return decode_value(vr, raw, is_big_endian=elements.is_big_endian, encodings=encodings, tag=tag)
    decided = decided_vr(vr, elements, tag, around)
    if decided not in ("US", "SS") or not len(raw):
        return decode_value(decided, raw, tag=tag)
    try:
        numbers = convert_numbers(bytes(raw), not elements.is_big_endian, "H" if decided == "US" else "h")
        return DataElement(BaseTag(tag), decided, numbers).value
    except (BytesLengthException, ValueError) as error:
        raise EncodedDatasetError(
            f"the value of {BaseTag(tag)} in VR {decided!r}: {error}", tag=tag
        ) from error


def _known_vr(elements: Elements, tag: int) -> str:
    """Return the VR that a dictionary has for an element in UN, or SQ for one with items (PS3.5 6.2.2)."""
    if (
        elements.has_undefined_length(tag)
        and elements.is_sequence(tag)
        and config.settings.infer_sq_for_un_vr
    ):
        return "SQ"
    if not config.replace_un_with_known_vr:
        return "UN"
    try:
        if tag >> 16 & 1:
            return _private_vr(elements, tag)
        if len(elements.raw(tag)) < _LONGEST_WRONG_UNKNOWN:
            return dictionary_VR(tag)
    except KeyError:
        pass
    return "UN"


def _private_vr(elements: Elements, tag: int) -> str:
    block = (tag & 0xFFFF) >> 8
    if not block:
        return "LO" if tag & 0xFFFF >= _FIRST_CREATOR else "UN"
    creator = (tag & 0xFFFF0000) | block
    if creator not in elements:
        return "UN"
    return private_dictionary_VR(tag, str(decode_value("LO", elements.raw(creator))))


def decided_vr(vr: str, elements: Elements, tag: int, around: Sequence[Elements]) -> str:
    """Return the one VR of several that other elements decide on; the element need not be there."""
    if tag == _PIXEL_DATA:
        if tag in elements and elements.has_undefined_length(tag):
            return "OB"
        return _by_bits(elements, _BITS_ALLOCATED, tag)
    if tag in _AMBIGUOUS_US_SS_TAGS:
        return "US" if _pixel_representation(elements, tag, around) == 0 else "SS"
    if tag in _AMBIGUOUS_OB_OW_TAGS:
        return _by_bits(elements, _WAVEFORM_BITS_ALLOCATED, tag)
    if tag == _LUT_DATA:
        return "US" if _number(elements, _LUT_DESCRIPTOR, tag) == 1 else "OW"
    return "OW" if tag in _OVERLAY_DATA_TAGS else vr


def _by_bits(elements: Elements, bits: int, tag: int) -> str:
    if elements.is_implicit:
        return "OW"
    number = _number(elements, bits, tag)
    if number is None:
        raise EncodedDatasetError(
            f"the VR of {BaseTag(tag)} depends on {BaseTag(bits)}: it is empty", tag=tag
        )
    return "OW" if number > _BITS_OF_A_BYTE else "OB"


def _pixel_representation(elements: Elements, tag: int, around: Sequence[Elements]) -> Any:
    """Return the nearest Pixel Representation, and what pydicom takes for it where there is none."""
    for each in (elements, *around):
        if _PIXEL_REPRESENTATION in each and len(each.raw(_PIXEL_REPRESENTATION)):
            return _number(each, _PIXEL_REPRESENTATION, tag)
    if _PIXEL_REPRESENTATION in elements:
        return 1
    return _number(elements, _PIXEL_REPRESENTATION, tag) if _PIXEL_DATA in elements else 0


def _number(elements: Elements, tag: int, needed_by: int) -> Any:
    """Return the first value of an element that another one depends on."""
    if tag not in elements:
        raise EncodedDatasetError(f"the VR of {BaseTag(needed_by)} depends on {BaseTag(tag)}", tag=needed_by)
    value = decode_value("US", elements.raw(tag), is_big_endian=elements.is_big_endian, tag=tag)
    return value[0] if isinstance(value, list) else value
