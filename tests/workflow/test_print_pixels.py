"""Arrays and objects as items of image boxes (PS3.3 C.13.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from fastdicom.workflow.print_pixels import (
    COLOR_SEQUENCE,
    GRAYSCALE_SEQUENCE,
    check_item,
    image_item,
    item_array,
)

GRAY = np.arange(15, dtype=np.uint8).reshape(5, 3)


def test_eight_bits() -> None:
    item = image_item(GRAY, is_color=False)
    check_item(item, GRAYSCALE_SEQUENCE)
    assert (item.Rows, item.Columns, item.BitsAllocated, item.BitsStored, item.HighBit) == (5, 3, 8, 8, 7)
    assert item.PhotometricInterpretation == "MONOCHROME2"
    assert item.PixelData == bytes(range(15)) + b"\0"  # even, PS3.5 8.1.1
    assert np.array_equal(item_array(item), GRAY)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_twelve_bits(dtype: str) -> None:
    pixels = np.array([[0, 4095], [256, 1]], dtype=dtype)
    item = image_item(pixels, is_color=False, photometric="MONOCHROME1")
    check_item(item, GRAYSCALE_SEQUENCE)
    assert (item.BitsAllocated, item.BitsStored, item.HighBit) == (16, 12, 11)
    assert item.PhotometricInterpretation == "MONOCHROME1"
    assert item.PixelData == bytes.fromhex("0000 ff0f 0001 0100")
    assert np.array_equal(item_array(item), pixels)


def test_colour_is_sent_plane_by_plane() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    item = image_item(pixels, is_color=True)
    check_item(item, COLOR_SEQUENCE)
    assert (item.SamplesPerPixel, item.PhotometricInterpretation, item.PlanarConfiguration) == (3, "RGB", 1)
    assert item.PixelData == bytes([1, 4, 2, 5, 3, 6])
    assert np.array_equal(item_array(item), pixels)


def test_a_view_of_an_array_is_as_good() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(6, 10)[::2, 1::3].T
    assert np.array_equal(item_array(image_item(pixels, is_color=False)), pixels)


def objects(**changes: Any) -> Dataset:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.PixelRepresentation = 0
    dataset.BitsStored, dataset.HighBit = 12, 11
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_an_object() -> None:
    dataset = objects(PixelAspectRatio=[1, 2], PhotometricInterpretation="MONOCHROME1")
    item = image_item(dataset, is_color=False)
    check_item(item, GRAYSCALE_SEQUENCE)
    assert np.array_equal(item_array(item), dataset.pixel_array)
    assert item.PhotometricInterpretation == "MONOCHROME1" and list(item.PixelAspectRatio) == [1, 2]
    assert "PatientName" not in item


def test_a_colour_object() -> None:
    dataset = dcmread(str(get_testdata_file("SC_rgb_small_odd.dcm")))
    item = image_item(dataset, is_color=True)
    check_item(item, COLOR_SEQUENCE)
    assert np.array_equal(item_array(item), dataset.pixel_array)


@pytest.mark.parametrize(
    ("image", "is_color", "message"),
    [
        (GRAY.astype(np.int16), False, "an array of int16 of shape"),
        (GRAY.astype(float), False, "float64"),
        (GRAY[0], False, r"shape \(3,\)"),
        (GRAY, True, "a colour image box takes rows by columns by 3"),
        (np.zeros((2, 2, 4), np.uint8), True, "by 3"),
        (np.zeros((0, 3), np.uint8), False, "0 rows and 3 columns"),
        (np.zeros((1, 70000), np.uint8), False, "70000 columns; 1 to 65535"),
        (np.full((2, 2), 4096, np.uint16), False, "the largest value is 4096; 12 bits"),
        (objects(PhotometricInterpretation="RGB"), False, r"\(0028,0004\).* is 'RGB'; MONOCHROME1 or"),
        (objects(), True, "is 'MONOCHROME2'; RGB can be printed"),
        (objects(BitsStored=16), False, r"\(0028,0101\) Bits Stored is 16"),
        (objects(PixelRepresentation=1), False, r"\(0028,0103\) Pixel Representation 1"),
        (objects(NumberOfFrames=2), False, r"\(0028,0008\) Number of Frames is 2; one can be printed"),
    ],
)
def test_what_cannot_be_printed(image: Any, is_color: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_item(image, is_color=is_color)


def test_photometric_interpretations() -> None:
    with pytest.raises(ValueError, match="photometric is 'RGB'"):
        image_item(GRAY, is_color=False, photometric="RGB")
