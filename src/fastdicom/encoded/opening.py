"""Where the data set lies in a DICOM file, and its bytes (PS3.10 7.1).

The File Meta Information may have no preamble in front of it, or be missing. A data set without it is taken
for what its first element looks like; what looks like none is not opened.

A file of up to 4 MiB is read. A longer one is mapped, so that it costs the memory of those of its pages that
are looked at. Who shortens a mapped file takes away pages that are still to be read, and the system ends a
program that reads such a page. `MappedFile.check` asks for the length before each reading, which turns that
into an error; the instant between asking and reading remains. A program that replaces files should write
new ones and rename them: what is mapped then stays as it is.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import VR

from fastdicom._core.element import find_texts
from fastdicom.errors import EncodedDatasetError
from fastdicom.part10 import FRONT_LENGTH, PREAMBLE_LENGTH, PREFIX

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_AT_MOST = 4 << 20

# Transfer Syntax UID, and a tag behind all of group 0002.
_META_TAGS = (0x00020010, 0x0002FFFF)
_META_GROUP = b"\x02\x00"
_HEADER_LENGTH = 8
_VRS = frozenset(vr.value.encode("ascii") for vr in VR if len(vr.value) == 2)

# The groups that a data set may begin with, if nothing else says that it is one.
_FIRST_GROUPS = range(0x0004, 0x0022, 2)


class Contents(NamedTuple):
    """What a DICOM file has where.

    Attributes
    ----------
    data
        All of the file.
    transfer_syntax
        As the File Meta Information says, or else as the first element looks.
    meta_offset
        Where the File Meta Information begins, in bytes.
    data_set_offset
        Where the data set begins, in bytes; the same as `meta_offset` when there is no File Meta
        Information.
    is_meta_implicit
        Whether the File Meta Information is in Implicit VR, as some programs write it.
    """

    data: Buffer
    transfer_syntax: str
    meta_offset: int
    data_set_offset: int
    is_meta_implicit: bool


class MappedFile:
    """A file whose pages are read when they are looked at.

    Parameters
    ----------
    descriptor
        The file, open for reading. It may be closed afterwards.
    name
        Its name, for error messages.
    length
        Its length in bytes.
    """

    __slots__ = ("length", "name", "pages")

    def __init__(self, descriptor: int, name: str, length: int) -> None:
        self.pages = mmap.mmap(descriptor, length, access=mmap.ACCESS_READ)
        self.name = name
        self.length = length

    def check(self) -> None:
        """Raise an error when the file is no longer as long as it was.

        Raises
        ------
        EncodedDatasetError
            When it has been shortened.
        """
        length = self.pages.size()
        if length < self.length:
            raise EncodedDatasetError(
                f"{self.name} has been shortened while it was open: from {self.length} to {length} bytes"
            )


def read_file(path: str | os.PathLike[str]) -> bytes | MappedFile:
    """Read a file, or map a long one.

    Raises
    ------
    OSError
        When it cannot be opened or read.
    """
    with open(path, "rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        if length <= READ_AT_MOST:
            return file.readall() or b""
        return MappedFile(file.fileno(), os.fspath(path), length)


def find_contents(data: Buffer, name: str) -> Contents:
    """Find the data set in a DICOM file.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in error messages.

    Raises
    ------
    EncodedDatasetError
        When this is no DICOM file, or its File Meta Information is broken.
    """
    view = memoryview(data)
    has_prefix = view[PREAMBLE_LENGTH:FRONT_LENGTH] == PREFIX
    begin = FRONT_LENGTH if has_prefix else 0
    front = view[begin : begin + _HEADER_LENGTH]
    if front[:2] != _META_GROUP:
        # An empty data set has nothing to be known by but the prefix.
        syntax = _guess(front) or (str(ImplicitVRLittleEndian) if has_prefix and not front else None)
        if syntax is None:
            raise EncodedDatasetError(_not_dicom(name, has_prefix, bytes(front)), offset=begin)
        return Contents(data, syntax, begin, begin, False)
    is_implicit = bytes(front[4:6]) not in _VRS
    try:
        texts, offset = find_texts(view, _META_TAGS, is_implicit, False, begin)
    except ValueError as error:
        raise EncodedDatasetError(f"{name}: File Meta Information: {error}", offset=begin) from None
    syntax = texts[0] or _guess(view[offset : offset + _HEADER_LENGTH])
    return Contents(data, syntax or str(ImplicitVRLittleEndian), begin, offset, is_implicit)


def _guess(front: memoryview) -> str | None:
    """Return the transfer syntax that a first element looks like, and None for what looks like none."""
    if len(front) < _HEADER_LENGTH:
        return None
    is_explicit = bytes(front[4:6]) in _VRS
    if int.from_bytes(front[:2], "little") in _FIRST_GROUPS:
        return str(ExplicitVRLittleEndian if is_explicit else ImplicitVRLittleEndian)
    # Big endian is always explicit (PS3.5 A.3).
    if is_explicit and int.from_bytes(front[:2], "big") in _FIRST_GROUPS:
        return str(ExplicitVRBigEndian)
    return None


def _not_dicom(name: str, has_prefix: bool, front: bytes) -> str:
    if has_prefix:
        return f"{name} has no data set behind its DICM prefix: it goes on with {front.hex(' ')}"
    return (
        f"{name} is not a DICOM file: there is no DICM at offset {PREAMBLE_LENGTH} (PS3.10 7.1), and it does "
        f"not begin like a data set: {front.hex(' ')}"
    )
