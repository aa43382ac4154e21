"""The pixels of a print job: an array or an object turned into what goes to an image box, and that checked.

Grayscale is 8 or 12 bits, colour is RGB of 8 bits plane by plane (PS3.3 C.13.5). Nothing is windowed or
scaled: what to show of an image with more bits is for the caller to decide.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from fastdicom.workflow.refusal import Refusal

INVALID_ATTRIBUTE_VALUE = 0x0106
MISSING_ATTRIBUTE = 0x0120

GRAYSCALE_SEQUENCE = "BasicGrayscaleImageSequence"
COLOR_SEQUENCE = "BasicColorImageSequence"

_RULE = "PS3.3 C.13.5"


class _Encoding(NamedTuple):
    """What the attributes of an image have to be."""

    samples: int
    photometric: tuple[str, ...]
    allocated_and_stored: tuple[tuple[int, int], ...]


# PS3.3 Table C.13-5
_ENCODINGS = MappingProxyType(
    {
        GRAYSCALE_SEQUENCE: _Encoding(1, ("MONOCHROME1", "MONOCHROME2"), ((8, 8), (16, 12))),
        COLOR_SEQUENCE: _Encoding(3, ("RGB",), ((8, 8),)),
    }
)

_REQUIRED = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)


# --- what is sent -----------------------------------------------------------------------------------------


def image_item(image: Any, *, is_color: bool, photometric: str | None = None) -> Dataset:
    """Return the item of a Basic Grayscale or Basic Color Image Sequence.

    Parameters
    ----------
    image
        A Dataset with an image, or an array: rows by columns, of uint8, or uint16 up to 4095; for a colour
        image box rows by columns by 3 (RGB), of uint8.
    is_color
        Which image box it is for.
    photometric
        MONOCHROME1 or MONOCHROME2; that of the Dataset, or MONOCHROME2, when None.

    Raises
    ------
    ValueError
        When it cannot be printed as it is.
    """
    aspect_ratio = None
    if isinstance(image, Dataset):
        photometric = photometric or str(image.get("PhotometricInterpretation", ""))
        aspect_ratio = image.get("PixelAspectRatio")
        _check_object(image, is_color=is_color, photometric=photometric)
        image = image.pixel_array
    pixels = np.asarray(image)
    item = _color_item(pixels) if is_color else _grayscale_item(pixels, photometric or "MONOCHROME2")
    if aspect_ratio:
        item.PixelAspectRatio = aspect_ratio
    return item


def _check_object(image: Dataset, *, is_color: bool, photometric: str) -> None:
    allowed = ("RGB",) if is_color else ("MONOCHROME1", "MONOCHROME2")
    if photometric not in allowed:
        raise ValueError(
            f"(0028,0004) Photometric Interpretation is {photometric!r}; {' or '.join(allowed)} can be "
            f"printed here ({_RULE})"
        )
    if image.get("PixelRepresentation", 0) != 0 or image.get("BitsStored") not in (8, 12):
        raise ValueError(
            f"(0028,0101) Bits Stored is {image.get('BitsStored')}, (0028,0103) Pixel Representation "
            f"{image.get('PixelRepresentation')}; 8 or 12 bits unsigned can be printed ({_RULE}): apply a "
            "window first"
        )
    if int(image.get("NumberOfFrames") or 1) != 1:
        raise ValueError(f"(0028,0008) Number of Frames is {image.NumberOfFrames}; one can be printed")


def _grayscale_item(pixels: np.ndarray[Any, Any], photometric: str) -> Dataset:
    if photometric not in _ENCODINGS[GRAYSCALE_SEQUENCE].photometric:
        raise ValueError(f"photometric is {photometric!r}; MONOCHROME1 and MONOCHROME2 are allowed ({_RULE})")
    if pixels.ndim != 2 or pixels.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise ValueError(
            f"an array of {pixels.dtype} of shape {pixels.shape}; a grayscale image box takes rows by "
            f"columns of uint8 or uint16 ({_RULE})"
        )
    bits = 8 if pixels.dtype == np.uint8 else 12
    if pixels.size and int(pixels.max()) >> bits:
        raise ValueError(
            f"the largest value is {int(pixels.max())}; 12 bits, up to 4095, can be printed ({_RULE})"
        )
    return _item(pixels.astype(pixels.dtype.newbyteorder("<")), pixels.shape, 1, photometric, bits)


def _color_item(pixels: np.ndarray[Any, Any]) -> Dataset:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(
            f"an array of {pixels.dtype} of shape {pixels.shape}; a colour image box takes rows by columns "
            f"by 3 of uint8 ({_RULE})"
        )
    item = _item(np.moveaxis(pixels, 2, 0), pixels.shape, 3, "RGB", 8)
    item.PlanarConfiguration = 1  # frame interleave, the only one
    return item


def _item(
    pixels: np.ndarray[Any, Any], shape: tuple[int, ...], samples: int, photometric: str, bits: int
) -> Dataset:
    rows, columns = shape[:2]
    if not (1 <= rows <= 0xFFFF and 1 <= columns <= 0xFFFF):
        raise ValueError(f"{rows} rows and {columns} columns; 1 to 65535 are possible")
    item = Dataset()
    item.SamplesPerPixel = samples
    item.PhotometricInterpretation = photometric
    item.Rows, item.Columns = rows, columns
    item.BitsAllocated = 8 if bits == 8 else 16
    item.BitsStored = bits
    item.HighBit = bits - 1
    item.PixelRepresentation = 0
    data = pixels.tobytes()
    item.PixelData = data + b"\0" * (len(data) % 2)
    item["PixelData"].VR = "OB" if bits == 8 else "OW"
    return item


# --- what has come ----------------------------------------------------------------------------------------


def check_item(item: Dataset, sequence: str) -> None:
    """Check the item of an image sequence.

    Parameters
    ----------
    sequence
        `GRAYSCALE_SEQUENCE` or `COLOR_SEQUENCE`.

    Raises
    ------
    Refusal
        0120H or 0106H.
    """
    for keyword in _REQUIRED:
        if item.get(keyword) is None:
            raise Refusal(MISSING_ATTRIBUTE, f"{keyword} is missing in the image")
    encoding = _ENCODINGS[sequence]
    bits = item.BitsAllocated, item.BitsStored
    checks = (
        ("SamplesPerPixel", item.SamplesPerPixel == encoding.samples),
        ("PhotometricInterpretation", item.PhotometricInterpretation in encoding.photometric),
        ("BitsStored", bits in encoding.allocated_and_stored),
        ("HighBit", item.HighBit == bits[1] - 1 if isinstance(bits[1], int) else False),
        ("PixelRepresentation", item.PixelRepresentation == 0),
        ("PlanarConfiguration", encoding.samples == 1 or item.get("PlanarConfiguration") == 1),
        ("Rows", _is_size(item.Rows)),
        ("Columns", _is_size(item.Columns)),
    )
    for keyword, is_right in checks:
        if not is_right:
            value = str(item.get(keyword))[:16]
            raise Refusal(INVALID_ATTRIBUTE_VALUE, f"{keyword} is {value!r} ({_RULE})")
    needed = item.Rows * item.Columns * encoding.samples * (item.BitsAllocated // 8)
    given = len(item.PixelData) if isinstance(item.PixelData, bytes) else 0
    if given != needed + needed % 2:
        raise Refusal(INVALID_ATTRIBUTE_VALUE, f"PixelData has {given} bytes; {needed} are needed")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and 1 <= value <= 0xFFFF


def item_array(item: Dataset) -> np.ndarray[Any, Any]:
    """Return the pixels of a checked item: rows by columns, for RGB by 3; uint8 or uint16."""
    kind = np.dtype(np.uint8 if item.BitsAllocated == 8 else "<u2")
    count = item.Rows * item.Columns * item.SamplesPerPixel
    pixels = np.frombuffer(item.PixelData, kind, count)
    if item.SamplesPerPixel == 1:
        return pixels.reshape(item.Rows, item.Columns)
    return np.moveaxis(pixels.reshape(3, item.Rows, item.Columns), 0, 2)
