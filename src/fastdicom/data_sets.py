"""Data sets, encoded and decoded by pydicom: what users hand over and get as a `pydicom.Dataset`."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from fastdicom.plain_data_sets import PLAIN_LIMIT, decode_plain, encode_plain

if TYPE_CHECKING:
    from typing_extensions import Buffer

# What a deflated data set may become (PS3.5 A.5): an image that is black all over inflates a thousandfold.
INFLATED_LIMIT = 1 << 30
INFLATED_RATIO = 200
INFLATED_FREELY = 64 << 20


def inflate(deflated: memoryview) -> bytes:
    """Inflate a deflated data set, within limits.

    Raises
    ------
    ValueError
        When it would become too long, or is not whole.
    """
    limit = min(INFLATED_LIMIT, max(INFLATED_FREELY, INFLATED_RATIO * len(deflated)))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(deflated, limit + 1)
    except zlib.error as error:
        raise ValueError(f"the data set cannot be inflated: {error}") from None
    if len(inflated) > limit:
        raise ValueError(
            f"the deflated data set of {len(deflated)} bytes inflates to more than {limit} bytes, the limit "
            f"for its length ({INFLATED_RATIO} times that, from {INFLATED_FREELY} to {INFLATED_LIMIT} bytes)"
        )
    if not inflater.eof:
        raise ValueError(f"the deflated data set ends early, after {len(deflated)} bytes")
    return inflated


def decode_dataset(encoded: Buffer, transfer_syntax: UID) -> Dataset:
    """Decode a data set; its elements are decoded when they are first asked for.

    Raises
    ------
    ValueError
        When it is deflated and inflates to more than 1 GiB, or to more than 64 MiB and 200 times its length.
    """
    plain = decode_plain(bytes(encoded), transfer_syntax) if len(memoryview(encoded)) < PLAIN_LIMIT else None
    if plain is not None:
        return plain
    is_implicit, is_little_endian = transfer_syntax.is_implicit_VR, transfer_syntax.is_little_endian
    source: Any = inflate(memoryview(encoded)) if transfer_syntax.is_deflated else encoded
    dataset = read_dataset(BytesIO(source), is_implicit, is_little_endian)
    dataset.set_original_encoding(is_implicit, is_little_endian, dataset._read_charset or "iso8859")
    return dataset


def encode_dataset(dataset: Dataset, transfer_syntax: UID) -> bytes:
    """Encode a Dataset, group 0002 and 0000 left out.

    Raises
    ------
    ValueError
        When pydicom cannot encode it; the message says why.
    """
    encoded = encode_plain(dataset, transfer_syntax) or _encode_any(dataset, transfer_syntax)
    if transfer_syntax != DeflatedExplicitVRLittleEndian:
        return encoded

    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(encoded) + compressor.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def _encode_any(dataset: Dataset, transfer_syntax: UID) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == ImplicitVRLittleEndian
    buffer.is_little_endian = transfer_syntax != ExplicitVRBigEndian
    try:
        write_dataset(buffer, dataset[0x00040000:])
    except Exception as error:
        raise ValueError(f"the Dataset cannot be encoded in {transfer_syntax.name}: {error}") from error
    return buffer.getvalue()
