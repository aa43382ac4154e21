"""Objects without their bulk data, for Composite Instance Retrieve Without Bulk Data (PS3.4 Annex Z).

The one retrieve service for which objects have to be decoded, as they are not sent as they are.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from fastdicom.data_sets import decode_dataset
from fastdicom.encoded.dataset import EncodedDataset

# PS3.4 Z.1.3
BULK_DATA = (
    0x00287FE0,  # Pixel Data Provider URL
    0x00420011,  # Encapsulated Document
    0x56000020,  # Spectroscopy Data
    0x7FE00008,  # Float Pixel Data
    0x7FE00009,  # Double Float Pixel Data
    0x7FE00010,  # Pixel Data
)
# The same in repeating groups, of which there are 128 at most: (50xx,200C), (50xx,3000), (60xx,3000)
REPEATING = {0x50: (0x200C, 0x3000), 0x60: (0x3000,)}

WAVEFORM_SEQUENCE = 0x54000100
WAVEFORM_DATA = 0x54001010


def without_bulk_data(what: Any, transfer_syntax: str | None) -> Dataset:
    """Return an object without its bulk data; what was handed over stays as it is.

    Parameters
    ----------
    what
        A path, a Dataset, an EncodedDataset, a buffer with a whole DICOM file, or one with an encoded data
        set.
    transfer_syntax
        Of an encoded data set.
    """
    if isinstance(what, EncodedDataset):
        transfer_syntax = what.transfer_syntax
        what = what.to_pydicom()
    if isinstance(what, Dataset):
        dataset = what
    elif transfer_syntax is not None:
        dataset = decode_dataset(what, UID(transfer_syntax))
    else:
        dataset = dcmread(what if isinstance(what, str | os.PathLike) else BytesIO(what))
    kept = _without(dataset)
    meta = getattr(dataset, "file_meta", None)
    syntax = UID(transfer_syntax or (meta or {}).get("TransferSyntaxUID") or "")
    if syntax:
        kept.file_meta = FileMetaDataset()
        # What was compressed is gone.
        kept.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_compressed else syntax
    is_implicit, is_little_endian = dataset.original_encoding
    kept.set_original_encoding(is_implicit, is_little_endian, dataset.original_character_set)
    return kept


def _without(dataset: Dataset) -> Dataset:
    kept = Dataset()
    for tag in dataset.keys():  # noqa: SIM118, a Dataset iterates over its elements, and decodes them
        if not (tag in BULK_DATA or tag.element in REPEATING.get(tag.group >> 8, ())):
            kept[tag] = dataset.get_item(tag)
    if WAVEFORM_SEQUENCE in kept:
        kept.WaveformSequence = [_without_waveform(item) for item in dataset[WAVEFORM_SEQUENCE].value]
    return kept


def _without_waveform(item: Dataset) -> Dataset:
    kept = Dataset()
    for tag in item.keys():  # noqa: SIM118
        if tag != WAVEFORM_DATA:
            kept[tag] = item.get_item(tag)
    return kept
