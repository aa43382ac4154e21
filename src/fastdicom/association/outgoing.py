"""What is to be sent with C-STORE, found on an accepted presentation context.

A file or an encoded data set goes out as its bytes are. A pydicom Dataset is encoded. What the peer takes
only in another transfer syntax is converted, if the AE allows that. What fits no accepted context is an
error before a byte is sent.
"""

from __future__ import annotations

import io
import mmap
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom import part10
from fastdicom._core.buffer import BufferPool
from fastdicom._core.element import find_texts
from fastdicom.association.conversion import Allowed, converted, possible_syntaxes
from fastdicom.data_sets import encode_dataset
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.errors import NoAcceptedContext

if TYPE_CHECKING:
    from typing_extensions import Buffer

# (abstract syntax, transfer syntax) to presentation context ID
Contexts: TypeAlias = Mapping[tuple[str, str], int]
NO_CONTEXTS: Contexts = {}

SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018

# A file up to this size is read into memory from the pool. A longer one is mapped: mapping costs more than
# copying while the copy fits the caches.
READ_AT_MOST = 4 << 20

BUFFERS = (bytes, memoryview, bytearray)

OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

# Enough of a deflated data set to find its UIDs.
INFLATE_AT_MOST = 65536


class Outgoing(NamedTuple):
    """An object, ready to be sent.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid
        What goes into the command set.
    transfer_syntax
        The transfer syntax that it is encoded in.
    context_id
        The presentation context.
    data_set
        The encoded data set, in pieces.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    context_id: int
    data_set: list[Buffer]

    @property
    def length(self) -> int:
        """The length of the data set in bytes."""
        return sum(memoryview(piece).nbytes for piece in self.data_set)

    def on(self, contexts: Contexts) -> Outgoing:
        """Return the same for another association, with its presentation contexts.

        Raises
        ------
        NoAcceptedContext
            When it fits none of them.
        """
        context_id = context_for(self.sop_class_uid, self.transfer_syntax, contexts)
        return self._replace(context_id=context_id)


class Means(NamedTuple):
    """What an object is made ready with.

    Attributes
    ----------
    contexts
        What the peer has accepted.
    pool
        Where memory for the content of a file comes from.
    allowed
        In which other transfer syntaxes an object may be sent.
    """

    contexts: Contexts
    pool: BufferPool
    allowed: Allowed

    def choose(self, sop_class_uid: str, transfer_syntax: str) -> str:
        """Return the transfer syntax to send an object in: its own when none is accepted."""
        if (sop_class_uid, transfer_syntax) in self.contexts:
            return transfer_syntax
        candidates = possible_syntaxes(transfer_syntax, self.allowed)
        return next(
            (syntax for syntax in candidates if (sop_class_uid, syntax) in self.contexts), transfer_syntax
        )


def prepare(dataset: Any, transfer_syntax: str | None, means: Means) -> Outgoing:
    """Find out what is to be sent, and on which presentation context.

    Parameters
    ----------
    dataset
        A path, a pydicom Dataset, an EncodedDataset, an open binary file, or a buffer with an encoded data
        set or a whole DICOM file. Of an open file, what is left to be read.
    transfer_syntax
        The transfer syntax of an encoded data set; None for everything else.
    means
        What it is made ready with.

    Raises
    ------
    OSError
        When a file cannot be read.
    AttributeError
        When a Dataset has no SOP Class UID, SOP Instance UID or transfer syntax.
    ValueError
        When it is no DICOM object, or fits no accepted presentation context.
    TypeError
        When it is none of these at all.
    """
    if isinstance(dataset, BUFFERS):  # first: to ask for os.PathLike takes long
        return _prepare_bytes(memoryview(dataset).cast("B"), transfer_syntax, means)
    if isinstance(dataset, str | os.PathLike):
        return _prepare_file(dataset, means)
    if isinstance(dataset, Dataset):
        return _prepare_dataset(dataset, means)
    if isinstance(dataset, EncodedDataset):
        return _prepare_encoded(dataset, means)
    return _prepare_bytes(_encoded(dataset), transfer_syntax, means)


def _encoded(dataset: Any) -> memoryview:
    """Return the bytes of a buffer, or of an open file."""
    try:
        return memoryview(content_of(dataset)).cast("B")
    except TypeError:
        raise TypeError(
            "a path, a pydicom Dataset, an open binary file or a buffer can be sent, "
            f"not {type(dataset).__name__}"
        ) from None


def content_of(dataset: Any) -> Any:
    """Return what an open file has left to be read, as a buffer; anything else as it is.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    if isinstance(dataset, str | os.PathLike | Dataset) or not hasattr(dataset, "read"):
        return dataset
    # Others that have a descriptor decompress what they read from it.
    raw = dataset.raw if isinstance(dataset, io.BufferedReader | io.BufferedRandom) else dataset
    if isinstance(raw, io.FileIO) and dataset.seekable():
        position = dataset.tell()
        if os.fstat(dataset.fileno()).st_size - position > READ_AT_MOST:
            return memoryview(mmap.mmap(dataset.fileno(), 0, access=mmap.ACCESS_READ))[position:]
    return dataset.read()


def sop_instance_uid_of(dataset: Any, transfer_syntax: str | None) -> str | None:
    """Return the SOP Instance UID of what cannot be sent; None when it cannot be found either."""
    with suppress(Exception):  # whatever is wrong with it, has been said already
        if isinstance(dataset, Dataset):
            return str(dataset.SOPInstanceUID)
        if isinstance(dataset, EncodedDataset):
            return _uids_of(dataset)[1]
        if isinstance(dataset, str | os.PathLike):
            return part10.read_header(dataset).sop_instance_uid
        encoded = memoryview(dataset).cast("B")
        if transfer_syntax is None:
            return part10.parse_front(encoded, "the buffer", len(encoded)).sop_instance_uid
        return find_uids(encoded, transfer_syntax)[1]
    return None


def _evened(data_set: list[Buffer], length: int) -> list[Buffer]:
    """Return a data set of even length: some peers abort for an odd one (PS3.8 E.1, PS3.5 A.5)."""
    return [*data_set, b"\0"] if length % 2 else data_set


def context_for(sop_class_uid: str, transfer_syntax: str, contexts: Contexts) -> int:
    """Return the presentation context for such an object; NoAcceptedContext when there is none."""
    context_id = contexts.get((sop_class_uid, transfer_syntax))
    if context_id is None:
        accepted = [
            UID(syntax).name for abstract_syntax, syntax in contexts if abstract_syntax == sop_class_uid
        ]
        raise NoAcceptedContext(
            f"no accepted presentation context for {UID(sop_class_uid).name} ({sop_class_uid}) in "
            f"{UID(transfer_syntax).name} ({transfer_syntax}); "
            + (
                f"accepted for it: {', '.join(accepted)}"
                if accepted
                else "the SOP class was not accepted at all"
            ),
            sop_class_uid,
            transfer_syntax,
        )
    return context_id


def _prepare_file(path: str | os.PathLike[str], means: Means) -> Outgoing:
    descriptor = os.open(path, OPEN_FLAGS)
    try:
        header, front = part10.read_front(descriptor, os.fspath(path))
        chosen = means.choose(header.sop_class_uid, header.transfer_syntax)
        context_id = context_for(header.sop_class_uid, chosen, means.contexts)
        if chosen != header.transfer_syntax:
            data_set = converted(EncodedDataset.open(path), chosen)
            return Outgoing(header.sop_class_uid, header.sop_instance_uid, chosen, context_id, data_set)
        data_set = _file_content(descriptor, header, front, means.pool)
    finally:
        os.close(descriptor)
    data_set = _evened(data_set, header.file_length - header.data_set_offset)
    return Outgoing(
        header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax, context_id, data_set
    )


def _file_content(descriptor: int, header: part10.FileHeader, front: bytes, pool: BufferPool) -> list[Buffer]:
    """Return the data set of a file, in pieces: what has been read, and the rest."""
    offset, left = len(front), header.file_length - len(front)
    if left <= 0:
        return [memoryview(front)[header.data_set_offset :]]
    if left <= READ_AT_MOST:
        return [memoryview(front)[header.data_set_offset :], pool.read_file(descriptor, offset, left)]
    pages = mmap.mmap(descriptor, header.file_length, access=mmap.ACCESS_READ)
    return [memoryview(pages)[header.data_set_offset :]]


def _prepare_bytes(encoded: memoryview, transfer_syntax: str | None, means: Means) -> Outgoing:
    begin = 0
    if transfer_syntax is None:
        if encoded[part10.PREAMBLE_LENGTH : part10.FRONT_LENGTH] != part10.PREFIX:
            raise ValueError(
                "an encoded data set needs its transfer_syntax; only a whole DICOM file says it itself"
            )
        sop_class_uid, sop_instance_uid, transfer_syntax, begin, _ = part10.parse_front(
            encoded, "the buffer", len(encoded)
        )
    else:
        sop_class_uid, sop_instance_uid = find_uids(encoded, transfer_syntax)
    chosen = means.choose(sop_class_uid, transfer_syntax)
    context_id = context_for(sop_class_uid, chosen, means.contexts)
    if chosen != transfer_syntax:
        pieces = converted(EncodedDataset(encoded, transfer_syntax, begin=begin), chosen)
    else:
        pieces = _evened([encoded[begin:]], len(encoded) - begin)
    return Outgoing(sop_class_uid, sop_instance_uid, chosen, context_id, pieces)


def _prepare_encoded(encoded: EncodedDataset, means: Means) -> Outgoing:
    sop_class_uid, sop_instance_uid = _uids_of(encoded)
    if not sop_class_uid or not sop_instance_uid:
        missing = "(0008,0018) SOP Instance UID" if sop_class_uid else "(0008,0016) SOP Class UID"
        raise ValueError(f"the data set has no {missing}")
    chosen = means.choose(sop_class_uid, encoded.transfer_syntax)
    context_id = context_for(sop_class_uid, chosen, means.contexts)
    if chosen != encoded.transfer_syntax:
        pieces = converted(encoded, chosen)
    else:
        pieces = list(encoded.buffers())
        pieces = _evened(pieces, sum(memoryview(piece).nbytes for piece in pieces))
    return Outgoing(sop_class_uid, sop_instance_uid, chosen, context_id, pieces)


def _uids_of(encoded: EncodedDataset) -> tuple[str, str]:
    if encoded.transfer_syntax.is_deflated and not encoded.is_edited:  # only as much as it takes is inflated
        return find_uids(memoryview(encoded), encoded.transfer_syntax)
    return str(encoded.get(SOP_CLASS_UID, "")), str(encoded.get(SOP_INSTANCE_UID, ""))


def find_uids(encoded: memoryview, transfer_syntax: str) -> tuple[str, str]:
    """Return SOP Class UID and SOP Instance UID of an encoded data set.

    Raises
    ------
    ValueError
        When one of them is not there.
    """
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        try:
            encoded = memoryview(zlib.decompressobj(-zlib.MAX_WBITS).decompress(encoded, INFLATE_AT_MOST))
        except zlib.error as error:
            raise ValueError(f"the data set cannot be inflated: {error}") from None
    is_implicit = transfer_syntax == ImplicitVRLittleEndian
    is_big_endian = transfer_syntax == ExplicitVRBigEndian
    uids: list[str | None]
    try:
        uids, _ = find_texts(encoded, (SOP_CLASS_UID, SOP_INSTANCE_UID), is_implicit, is_big_endian)
    except ValueError:
        uids = _find_uids_slowly(encoded, UID(transfer_syntax))
    sop_class_uid, sop_instance_uid = uids
    if not sop_class_uid or not sop_instance_uid:
        missing = "(0008,0018) SOP Instance UID" if sop_class_uid else "(0008,0016) SOP Class UID"
        raise ValueError(f"the data set of {len(encoded)} bytes has no {missing}")
    return sop_class_uid, sop_instance_uid


def _find_uids_slowly(encoded: memoryview, transfer_syntax: UID) -> list[str | None]:
    """Ask pydicom, for a data set with a sequence of undefined length in front of its UIDs."""
    front = part10.encode_front(
        sop_class_uid="1",
        sop_instance_uid="1",
        transfer_syntax=transfer_syntax,
        implementation_class_uid="1",
        implementation_version_name=None,
    )
    found = Dataset()
    with suppress(Exception):  # whatever pydicom raises for a broken data set, it has no UIDs then
        found = dcmread(
            io.BytesIO(front + encoded[:INFLATE_AT_MOST]), specific_tags=["SOPClassUID", "SOPInstanceUID"]
        )
    return [found.get("SOPClassUID"), found.get("SOPInstanceUID")]


def _prepare_dataset(dataset: Dataset, means: Means) -> Outgoing:
    if "SOPClassUID" not in dataset or "SOPInstanceUID" not in dataset:
        raise AttributeError(
            "the Dataset has no (0008,0016) SOP Class UID or no (0008,0018) SOP Instance UID"
        )
    transfer_syntax = _transfer_syntax_of(dataset)
    sop_class_uid, sop_instance_uid = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
    chosen = means.choose(sop_class_uid, transfer_syntax)
    context_id = context_for(sop_class_uid, chosen, means.contexts)
    data_set: list[Buffer] = [encode_dataset(dataset, transfer_syntax)]
    if chosen != transfer_syntax:
        data_set = converted(EncodedDataset(data_set[0], transfer_syntax), chosen)
    return Outgoing(sop_class_uid, sop_instance_uid, chosen, context_id, data_set)


def _transfer_syntax_of(dataset: Dataset) -> UID:
    meta = getattr(dataset, "file_meta", None)
    transfer_syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    if transfer_syntax:
        return UID(transfer_syntax)
    is_implicit, is_little_endian = dataset.original_encoding
    if is_implicit is None or is_little_endian is None:
        raise AttributeError(
            "the Dataset has no file_meta.TransferSyntaxUID, and nothing else says its encoding"
        )
    if not is_little_endian:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
