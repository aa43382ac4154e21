"""Data sets into DICOM files (PS3.10 7.1): File Meta Information that fits, then the data set's buffers.

The File Meta Information of a data set that was opened is kept, but for the three elements that say what the
file holds. A file that has a name is written beside it first, and gets the name when it is whole.
"""

from __future__ import annotations

import os
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

from fastdicom._core.elements import Elements
from fastdicom._version import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastdicom.encoded.keys import name_of
from fastdicom.part10 import PREAMBLE_LENGTH, PREFIX, encode_front

if TYPE_CHECKING:
    from fastdicom.encoded.editing import Editable

_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018
_META_SOP_CLASS_UID, _META_SOP_INSTANCE_UID, _META_TRANSFER_SYNTAX = 0x00020002, 0x00020003, 0x00020010


def write(dataset: Editable, target: str | os.PathLike[str] | BinaryIO) -> None:
    """Write a data set as a DICOM file.

    Parameters
    ----------
    dataset
        The data set; nothing of it is copied.
    target
        The file's path, or a file that is open for writing bytes.

    Raises
    ------
    OSError
        When it cannot be written; a file of that name is then as it was.
    ValueError
        When the data set has no SOP Class UID or SOP Instance UID, and no File Meta Information of its own.
    """
    pieces = [_front(dataset), *dataset.buffers()]
    if not isinstance(target, str | os.PathLike):
        target.writelines(pieces)
        return
    path = os.path.abspath(target)
    part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:200]}.{token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            file.writelines(pieces)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise


def _front(dataset: Editable) -> bytes:
    """Encode preamble, prefix and File Meta Information."""
    sop_class_uid, sop_instance_uid = _uid(dataset, _SOP_CLASS_UID), _uid(dataset, _SOP_INSTANCE_UID)
    meta = dataset.file_meta
    if meta is None or meta.is_implicit:
        for tag, uid in ((_SOP_CLASS_UID, sop_class_uid), (_SOP_INSTANCE_UID, sop_instance_uid)):
            if not uid:
                raise ValueError(f"{name_of(tag)} is missing: a DICOM file needs it (PS3.10 7.1)")
        return encode_front(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax=dataset.transfer_syntax,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version_name=IMPLEMENTATION_VERSION_NAME,
        )
    for tag, uid in (
        (_META_SOP_CLASS_UID, sop_class_uid),
        (_META_SOP_INSTANCE_UID, sop_instance_uid),
        (_META_TRANSFER_SYNTAX, dataset.transfer_syntax),
    ):
        if uid and _uid(meta, tag) != uid:
            meta.set(tag, uid, "UI")
    meta.fix_group_lengths()
    return bytes(PREAMBLE_LENGTH) + PREFIX + meta.to_bytes()


def _uid(dataset: Editable, tag: int) -> str:
    return (
        str(Elements.raw(dataset, tag), "latin-1").rstrip("\0 ")
        if Elements.__contains__(dataset, tag)
        else ""
    )
