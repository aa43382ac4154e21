"""Data sets in another transfer syntax.

Between the uncompressed ones (PS3.5 A.1 to A.3, A.5) it is done in one pass in C, and values that stay as
they are stay where they are. Compressed pixel data is decoded by pydicom's plug-ins, if they are installed;
nothing is ever compressed here, but deflated.

There and back gives the same bytes, except for what has no place in the other syntax or is mended on the way:
group lengths are left out (PS3.5 7.2), and so are delimitation items that belong to nothing; reserved bytes
are zero again; a sequence in UN becomes SQ, and any other UN the VR that pydicom's dictionaries know. In
implicit VR all VRs go: the dictionaries' come back, which makes OB pixel data OW, and UN of a private element
that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import decompress
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom._core.encode import encode
from fastdicom._core.transcode import Transcoding
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.encoded.deflated import deflate_pieces, inflate
from fastdicom.encoded.syntax import syntax_of
from fastdicom.errors import EncodedDatasetError

if TYPE_CHECKING:
    from typing_extensions import Buffer

UNCOMPRESSED = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    }
)
"""The transfer syntaxes whose pixel data is not compressed, by itself at least."""


def is_lossless_change(from_syntax: str, to_syntax: str) -> bool:
    """Return whether a data set means the same, to the bit, in both transfer syntaxes.

    It does when they are the same, or both uncompressed; compressed pixel data may say less, or in other
    words, when it is decoded.
    """
    return from_syntax == to_syntax or {from_syntax, to_syntax} <= UNCOMPRESSED


def transcode(encoded: EncodedDataset, transfer_syntax: str) -> EncodedDataset:
    """Return a data set in another transfer syntax.

    Parameters
    ----------
    encoded
        The data set. It is not changed.
    transfer_syntax
        The UID of one of the four uncompressed transfer syntaxes, or that which it is in.

    Returns
    -------
    EncodedDataset
        The same object when there is nothing to do; else one that has its own bytes.

    Raises
    ------
    EncodedDatasetError
        When the data set is not as PS3.5 says, or goes beyond a limit; or its pixel data cannot be decoded,
        or not with what is installed: the message then says what to install.
    ValueError
        When it would have to be compressed.
    """
    if encoded.transfer_syntax == transfer_syntax:
        return encoded
    pieces = _begin(encoded, transfer_syntax)
    # In one piece: values in the other byte order are made where they stay, and not copied from pieces.
    is_whole = isinstance(pieces, Transcoding) and transfer_syntax != DeflatedExplicitVRLittleEndian
    return EncodedDataset(
        bytes(pieces) if is_whole else b"".join(_given_out(pieces, transfer_syntax)),
        transfer_syntax,
        maximum_depth=encoded.maximum_depth,
        maximum_elements=encoded.maximum_elements,
    )


def transcode_pieces(encoded: EncodedDataset, transfer_syntax: str) -> Iterator[Buffer]:
    """Give out a data set in another transfer syntax, as buffers that are made when they are asked for.

    Only headers and values of less than 4 KiB are copied at once. Longer values are slices of `encoded`
    where they stay as they are, else pieces of 1 MiB, in the other byte order or deflated. So an object of
    any size can be sent or written with little memory, unless it is deflated, compressed or has been edited.

    Parameters
    ----------
    encoded, transfer_syntax
        As for `transcode`.

    Raises
    ------
    EncodedDatasetError, ValueError
        As `transcode` does, before the first buffer is given out.
    """
    if encoded.transfer_syntax == transfer_syntax:
        return iter(encoded.buffers())
    return _given_out(_begin(encoded, transfer_syntax), transfer_syntax)


def _given_out(transcoded: Transcoding | Buffer, transfer_syntax: str) -> Iterator[Buffer]:
    """Give out what `_begin` returned, deflated if need be."""
    pieces = transcoded.pieces() if isinstance(transcoded, Transcoding) else iter([transcoded])
    return deflate_pieces(pieces) if transfer_syntax == DeflatedExplicitVRLittleEndian else pieces


def _begin(encoded: EncodedDataset, transfer_syntax: str) -> Transcoding | Buffer:
    """Check everything, and return what is yet to be written, or the data where that stays as it is."""
    if transfer_syntax not in UNCOMPRESSED:
        name = UID(transfer_syntax).name
        raise ValueError(f"a data set in {encoded.transfer_syntax.name} cannot be transcoded to {name}")
    buffers = encoded.buffers()
    data: Buffer = buffers[0] if len(buffers) == 1 else b"".join(buffers)
    source = syntax_of(encoded.transfer_syntax)
    if source.is_deflated:
        data = inflate(data)
    if source.uid not in UNCOMPRESSED:
        data = decode_pixel_data(data, source.uid)
    target = syntax_of(transfer_syntax)
    if (source.is_implicit, source.is_big_endian) == (target.is_implicit, target.is_big_endian):
        return data
    return Transcoding(
        data,
        source.is_implicit,
        source.is_big_endian,
        target.is_implicit,
        target.is_big_endian,
        maximum_depth=encoded.maximum_depth,
        maximum_elements=encoded.maximum_elements,
    )


def decode_pixel_data(data: Buffer, transfer_syntax: UID) -> bytes:
    """Return a data set with compressed pixel data as explicit VR little endian.

    The SOP Instance UID stays. Colours become RGB, as `pydicom.pixels.decompress` has it.

    Parameters
    ----------
    data
        The data set, explicit VR little endian apart from its pixel data.
    transfer_syntax
        The UID of its transfer syntax.

    Raises
    ------
    EncodedDatasetError
        When it cannot be decoded, or not with what is installed: the message then says what to install.
    """
    source: Any = data
    dataset = read_dataset(BytesIO(source), False, True)
    dataset.set_original_encoding(False, True, dataset._read_charset or "iso8859")
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    if "PixelData" in dataset:
        check_decoder(transfer_syntax)
        try:
            decompress(dataset, generate_instance_uid=False)
        except Exception as error:  # plug-ins and pydicom raise whatever they like for bad pixel data
            message = f"the pixel data in {transfer_syntax.name} cannot be decoded: {error}"
            raise EncodedDatasetError(message, tag=0x7FE00010) from error
    return encode(dataset, False, False)


def check_decoder(transfer_syntax: UID) -> None:
    """Check that pydicom has what decodes a transfer syntax.

    Raises
    ------
    EncodedDatasetError
        When it has not; the message says what to install.
    """
    name = transfer_syntax.name
    try:
        decoder = get_decoder(transfer_syntax)
    except NotImplementedError:
        raise EncodedDatasetError(
            f"the pixel data in {name} cannot be decoded: pydicom has no decoder for it", tag=0x7FE00010
        ) from None
    if not decoder.is_available:
        wanted = " or ".join(sorted(decoder.missing_dependencies))
        raise EncodedDatasetError(
            f"the pixel data in {name} cannot be decoded: install what pydicom does it with: {wanted}",
            tag=0x7FE00010,
        )
