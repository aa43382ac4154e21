"""Data sets, encoded and decoded: what users hand over and get as a `pydicom.Dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from fastdicom._core.elements import Elements
from fastdicom._core.encode import encode_buffers
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.encoded.deflated import deflate, inflate
from fastdicom.encoded.pydicom_dataset import to_pydicom
from fastdicom.encoded.syntax import syntax_of
from fastdicom.errors import EncodedDatasetError

if TYPE_CHECKING:
    from typing_extensions import Buffer


def decode_dataset(encoded: Buffer, transfer_syntax: UID) -> Dataset:
    """Decode a data set; its elements are decoded when they are first asked for.

    Long values are not copied before that, so `encoded` must not change meanwhile.

    Raises
    ------
    ValueError
        When it is broken, or nests more than 64 deep, or has more than 1,000,000 elements. When it is
        deflated and inflates to more than 1 GiB, or to more than 64 MiB and 200 times its length.
    """
    syntax = syntax_of(transfer_syntax)
    source = inflate(memoryview(encoded)) if syntax.is_deflated else encoded
    return to_pydicom(Elements(source, syntax.is_implicit, syntax.is_big_endian))


def encode_dataset(dataset: Dataset | EncodedDataset, transfer_syntax: str) -> bytes:
    """Encode a Dataset, group 0002 and 0000 left out; or an encoded one in another transfer syntax.

    Raises
    ------
    ValueError
        When it cannot be encoded; the message names the element, its value and the reason.
    """
    if isinstance(dataset, EncodedDataset):
        return dataset.transcode(transfer_syntax).to_bytes()
    is_implicit = transfer_syntax == ImplicitVRLittleEndian
    try:
        pieces = encode_buffers(dataset, is_implicit, transfer_syntax == ExplicitVRBigEndian)
    except EncodedDatasetError as error:
        message = f"the Dataset cannot be encoded in {UID(transfer_syntax).name}: {error}"
        raise EncodedDatasetError(message, tag=error.tag) from error
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        return deflate(pieces)
    return b"".join(pieces)
