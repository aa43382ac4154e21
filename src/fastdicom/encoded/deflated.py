"""Deflated data sets (PS3.5 A.5): inflated within limits, and deflated piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fastdicom.errors import EncodedDatasetError

if TYPE_CHECKING:
    from typing_extensions import Buffer

# What a deflated data set may become: an image that is black all over inflates a thousandfold.
INFLATED_LIMIT = 1 << 30
INFLATED_RATIO = 200
INFLATED_FREELY = 64 << 20


def inflate(deflated: Buffer) -> bytes:
    """Inflate a deflated data set, within limits.

    Parameters
    ----------
    deflated
        The data set. What is behind its end, a byte of padding for one, is left out.

    Raises
    ------
    EncodedDatasetError
        When it would become longer than 1 GiB, or than 64 MiB and 200 times its length; when it is not whole.
    """
    length = memoryview(deflated).nbytes
    limit = min(INFLATED_LIMIT, max(INFLATED_FREELY, INFLATED_RATIO * length))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(deflated, limit + 1)
    except zlib.error as error:
        raise EncodedDatasetError(f"the data set cannot be inflated: {error}") from None
    if len(inflated) > limit:
        raise EncodedDatasetError(
            f"the deflated data set of {length} bytes inflates to more than {limit} bytes, the limit for its "
            f"length ({INFLATED_RATIO} times that, from {INFLATED_FREELY} to {INFLATED_LIMIT} bytes)"
        )
    if not inflater.eof:
        raise EncodedDatasetError(f"the deflated data set ends early, after {length} bytes", offset=length)
    return inflated


def deflate_pieces(pieces: Iterable[Buffer]) -> Iterator[bytes]:
    """Deflate a data set that comes in pieces.

    Parameters
    ----------
    pieces
        The encoded data set.

    Yields
    ------
    bytes
        Their length is even in all: a byte of padding follows when it must (PS3.5 A.5).
    """
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    length = 0
    for piece in pieces:
        deflated = compressor.compress(piece)
        length += len(deflated)
        if deflated:
            yield deflated
    deflated = compressor.flush()
    yield deflated + b"\0" * ((length + len(deflated)) % 2)


def deflate(pieces: Iterable[Buffer]) -> bytes:
    """Deflate a data set that comes in pieces, into one."""
    return b"".join(deflate_pieces(pieces))
