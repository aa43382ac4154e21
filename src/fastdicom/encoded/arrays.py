"""Numeric values as numpy arrays over the bytes as they came: nothing is copied, nothing is swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# PS3.5 Table 6.2-1. AT is a pair of numbers, group and element.
_TYPES = {
    "AT": "u2",
    "FD": "f8",
    "FL": "f4",
    "OB": "u1",
    "OD": "f8",
    "OF": "f4",
    "OL": "u4",
    "OV": "u8",
    "OW": "u2",
    "SL": "i4",
    "SS": "i2",
    "SV": "i8",
    "UL": "u4",
    "UN": "u1",
    "US": "u2",
    "UV": "u8",
}


def array_of(vr: str, raw: memoryview, is_big_endian: bool) -> np.ndarray[Any, Any]:
    """Return a value as an array.

    Parameters
    ----------
    vr
        Its VR.
    raw
        Its bytes.
    is_big_endian
        Their order. The array has it, too: numpy swaps when it computes.

    Raises
    ------
    TypeError
        When the VR has no numbers.
    ValueError
        When the length is not one of whole numbers.
    """
    import numpy as np

    kind = _TYPES.get(vr)
    if kind is None:
        raise TypeError(f"a value of VR {vr} is no array of numbers")
    dtype = np.dtype((">" if is_big_endian else "<") + kind)
    if len(raw) % dtype.itemsize:
        raise ValueError(f"a value of {len(raw)} bytes is no array of VR {vr}, {dtype.itemsize} bytes each")
    array: np.ndarray[Any, Any] = np.frombuffer(raw, dtype)
    return array.reshape(-1, 2) if vr == "AT" else array
