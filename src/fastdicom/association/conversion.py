"""In which other transfer syntaxes an object may be sent than its own: `AE.transcoding`.

What changes is how it is encoded. An uncompressed image stays the same to the bit; a compressed one is
decoded, by what pydicom finds installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom.encoded.transcoding import UNCOMPRESSED, transcode_pieces

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from fastdicom.encoded.dataset import EncodedDataset

Allowed: TypeAlias = Literal["none", "lossless", "any"]

ALLOWED = ("none", "lossless", "any")

# What is preferred when the peer has accepted several.
TARGETS = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)


def possible_syntaxes(transfer_syntax: str, allowed: Allowed) -> list[str]:
    """Return the transfer syntaxes that an object can be sent in: its own first."""
    is_allowed = allowed == "any" or (allowed == "lossless" and transfer_syntax in UNCOMPRESSED)
    others = TARGETS if is_allowed else ()
    return [transfer_syntax, *(str(syntax) for syntax in others if syntax != transfer_syntax)]


def converted(encoded: EncodedDataset, transfer_syntax: str) -> list[Buffer]:
    """Return an object in another transfer syntax, in pieces.

    Raises
    ------
    ValueError
        When its data set is broken, or its pixel data cannot be decoded.
    """
    return list(transcode_pieces(encoded, transfer_syntax))
