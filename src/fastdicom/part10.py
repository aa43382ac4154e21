"""The front of a DICOM file: preamble, prefix and File Meta Information (PS3.10 7.1).

Read without decoding, so that what follows can be sent as its bytes are; written around data sets as
they were received. What lies behind the File Meta Information is never looked into.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from fastdicom._core.element import find_texts

PREAMBLE_LENGTH = 128
PREFIX = b"DICM"
FRONT_LENGTH = PREAMBLE_LENGTH + len(PREFIX)

# What is read of a file at first, and at most to find the end of its File Meta Information.
FIRST_READ = 65536
META_LIMIT = 1 << 20

# Media Storage SOP Class UID, Media Storage SOP Instance UID, Transfer Syntax UID.
META_TAGS = (0x00020002, 0x00020003, 0x00020010)
BEHIND_META = 0x0002FFFF


class FileHeader(NamedTuple):
    """What a DICOM file says of itself.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid
        (0002,0002) and (0002,0003).
    transfer_syntax
        (0002,0010).
    data_set_offset
        Where the data set begins, in bytes.
    file_length
        How long the file is, in bytes.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    data_set_offset: int
    file_length: int


def parse_front(front: bytes | memoryview, name: str, file_length: int) -> FileHeader:
    """Find the File Meta Information at the front of a file.

    Parameters
    ----------
    front
        The beginning of the file, long enough to hold all of it.
    name
        The file's name, for error messages.
    file_length
        The length of the whole file in bytes.

    Raises
    ------
    ValueError
        When this is not a DICOM file, or its File Meta Information is broken or incomplete.
    """
    if front[PREAMBLE_LENGTH:FRONT_LENGTH] != PREFIX:
        raise ValueError(
            f"{name} is not a DICOM file: there is no DICM at offset {PREAMBLE_LENGTH} (PS3.10 7.1)"
        )
    try:
        texts, _ = find_texts(front, META_TAGS, False, False, FRONT_LENGTH)
        if not all(texts):
            tag = next(tag for tag, text in zip(META_TAGS, texts, strict=True) if not text)
            raise ValueError(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) is missing")
        # PS3.10 7.1: the File Meta Information is in Explicit VR Little Endian.
        _, offset = find_texts(front, (BEHIND_META,), False, False, FRONT_LENGTH)
    except ValueError as error:
        raise ValueError(
            f"{name} is no DICOM file that can be sent: File Meta Information: {error}"
        ) from None
    sop_class_uid, sop_instance_uid, transfer_syntax = (text or "" for text in texts)
    return FileHeader(sop_class_uid, sop_instance_uid, transfer_syntax, offset, file_length)


def read_front(descriptor: int, name: str) -> tuple[FileHeader, bytes]:
    """Read the front of an open file.

    Parameters
    ----------
    descriptor
        The file, open for reading, at its beginning.
    name
        The file's name, for error messages.

    Returns
    -------
    FileHeader
        What the file says of itself.
    bytes
        What has been read of it: all of a small file.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        As for `parse_front`.
    """
    front = os.read(descriptor, FIRST_READ)
    if len(front) < FIRST_READ:
        return parse_front(front, name, len(front)), front
    file_length = os.fstat(descriptor).st_size
    try:
        return parse_front(front, name, file_length), front
    except ValueError:
        if front[PREAMBLE_LENGTH:FRONT_LENGTH] != PREFIX:
            raise
    # The File Meta Information may be longer than what was read.
    front += os.read(descriptor, META_LIMIT)
    return parse_front(front, name, file_length), front


def read_header(path: str | os.PathLike[str]) -> FileHeader:
    """Read what a DICOM file says of itself.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is not a DICOM file; the message begins with its path.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        return read_front(descriptor, os.fspath(path))[0]
    finally:
        os.close(descriptor)


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    """Encode one element of group 0002 in Explicit VR Little Endian (PS3.5 7.1.2)."""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB") else b" "
    head = b"\x02\x00" + element.to_bytes(2, "little") + vr
    if vr == b"OB":
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def encode_front(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax: str,
    implementation_class_uid: str,
    implementation_version_name: str | None,
    source_ae_title: str | None = None,
    has_preamble: bool = True,
) -> bytes:
    """Encode what stands in front of a data set in a file.

    The preamble is 128 zero bytes: what a peer would put there is not to be trusted (PS3.10 7.5).

    Parameters
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax
        (0002,0002), (0002,0003) and (0002,0010).
    implementation_class_uid, implementation_version_name
        Who writes the file, (0002,0012) and (0002,0013).
    source_ae_title
        Who sent the object, (0002,0016); None to leave it out.
    has_preamble
        Whether to begin with preamble and prefix.
    """
    rows: list[tuple[int, bytes, str | None]] = [
        (0x0002, b"UI", sop_class_uid),
        (0x0003, b"UI", sop_instance_uid),
        (0x0010, b"UI", transfer_syntax),
        (0x0012, b"UI", implementation_class_uid),
        (0x0013, b"SH", implementation_version_name),
        (0x0016, b"AE", source_ae_title),
    ]
    meta = _element(0x0001, b"OB", b"\x00\x01")
    meta += b"".join(
        _element(element, vr, value.encode("latin-1", "replace"))
        for element, vr, value in rows
        if value is not None
    )
    front = _element(0x0000, b"UL", len(meta).to_bytes(4, "little")) + meta
    return bytes(PREAMBLE_LENGTH) + PREFIX + front if has_preamble else front
