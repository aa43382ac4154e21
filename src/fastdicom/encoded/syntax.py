"""What a transfer syntax says of the bytes: whether VRs are there, byte order, deflation (PS3.5 Annex A)."""

from __future__ import annotations

from typing import NamedTuple

from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    PrivateTransferSyntaxes,
)

SYNTAXES = {
    (True, False): ImplicitVRLittleEndian,
    (False, False): ExplicitVRLittleEndian,
    (False, True): ExplicitVRBigEndian,
}
"""The transfer syntax of each encoding, by is_implicit and is_big_endian."""


class Syntax(NamedTuple):
    """How a data set is encoded.

    Attributes
    ----------
    uid
        The transfer syntax.
    is_implicit, is_big_endian, is_deflated
        PS3.5 A.1, A.3 and A.5.
    """

    uid: UID
    is_implicit: bool
    is_big_endian: bool
    is_deflated: bool


_IMPLICIT = {"1.2.840.10008.1.2", "1.2.840.10008.1.20"}
_BIG_ENDIAN = {"1.2.840.10008.1.2.2"}
# Of JPIP Referenced there are two that deflate the data set as well (PS3.5 A.7, A.10).
_DEFLATED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}

_STANDARD = {
    uid: Syntax(UID(uid), uid in _IMPLICIT, uid in _BIG_ENDIAN, uid in _DEFLATED)
    for uid, row in UID_dictionary.items()
    if row[1] == "Transfer Syntax"
}


def syntax_of(transfer_syntax: str) -> Syntax:
    """Return how a data set in a transfer syntax is encoded.

    Parameters
    ----------
    transfer_syntax
        Its UID. A private one is Explicit VR Little Endian, as those of the standard are that compress
        pixel data, unless pydicom has been told otherwise (`pydicom.uid.register_transfer_syntax`).

    Raises
    ------
    ValueError
        When the UID means something else in the standard, or is none.
    """
    known = _STANDARD.get(transfer_syntax)
    if known is not None:
        return known
    for registered in PrivateTransferSyntaxes:
        if registered == transfer_syntax:
            return Syntax(registered, registered.is_implicit_VR, not registered.is_little_endian, False)
    uid = UID(transfer_syntax)
    if not uid:
        raise ValueError("a data set needs its transfer syntax: the UID is empty")
    if uid in UID_dictionary:
        raise ValueError(f"{uid} is no transfer syntax: it is the {UID_dictionary[uid][1]} {uid.name}")
    return Syntax(uid, False, False, False)


def syntax_of_dataset(dataset: Dataset) -> str:
    """Return what a pydicom Dataset says of its encoding.

    Raises
    ------
    ValueError
        When it says nothing.
    """
    meta = getattr(dataset, "file_meta", None)
    transfer_syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    if transfer_syntax:
        return str(transfer_syntax)
    is_implicit, is_little_endian = dataset.original_encoding
    if is_implicit is None or is_little_endian is None:
        raise ValueError("the Dataset has no file_meta.TransferSyntaxUID: give the transfer syntax")
    return SYNTAXES[is_implicit, not is_little_endian]
