"""Which presentation contexts and associations a list of files needs.

A file goes out as it is, so each pair of SOP class and transfer syntax is a context of its own: a peer takes
those that it can, and leaves others. An association has 128 contexts at most; what needs more is split. Of a
file only the File Meta Information is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom.checks import REQUESTED_CONTEXTS_LIMIT
from fastdicom.part10 import read_header
from fastdicom.presentation import PresentationContext, build_context

__all__ = ["AssociationPlan", "DicomFile", "plan_associations", "read_file"]


@dataclass(frozen=True)
class DicomFile:
    """A file that can be sent.

    Attributes
    ----------
    path
        Where it is.
    sop_class_uid, transfer_syntax
        What it is, and how it is encoded.
    length
        How long it is, in bytes.
    """

    path: Path
    sop_class_uid: str
    transfer_syntax: str
    length: int


SopClassAndSyntax: TypeAlias = tuple[str, str]
ToSend = TypeVar("ToSend", bound="str | os.PathLike[str] | DicomFile | SopClassAndSyntax")

# What is sent in Implicit VR Little Endian as well, when the peer takes nothing else.
CONVERTED = (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)


@dataclass(frozen=True)
class AssociationPlan(Generic[ToSend]):
    """What goes over one association.

    Attributes
    ----------
    contexts
        What to propose: at most 128, for `AE.associate`.
    files
        What these contexts are for, as it was given and in its order.
    """

    contexts: list[PresentationContext] = field(default_factory=list)
    files: list[ToSend] = field(default_factory=list)


def read_file(path: str | os.PathLike[str]) -> DicomFile:
    """Look into a file, without decoding it.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is no DICOM file, or says of itself what cannot be proposed.
    """
    path = Path(path)
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
        raise ValueError(f"{path} is not a regular file")
    header = read_header(path)
    build_context(header.sop_class_uid, [header.transfer_syntax])
    return DicomFile(path, str(header.sop_class_uid), str(header.transfer_syntax), header.file_length)


def plan_associations(
    files: Iterable[ToSend], *, proposes_implicit: bool = False
) -> list[AssociationPlan[ToSend]]:
    """Distribute files over as few associations as their presentation contexts allow.

    Parameters
    ----------
    files
        Paths, files that `read_file` has looked into, or pairs of SOP class and transfer syntax.
    proposes_implicit
        Whether to propose Implicit VR Little Endian, the default that every peer takes (PS3.5 10.1), for
        explicit and deflated files too: `Association.send_c_store` then converts them if it must.

    Returns
    -------
    list of AssociationPlan
        Contexts and files in the order in which they are met. Files that share a context share an
        association.

    Raises
    ------
    OSError, ValueError
        When a file cannot be read or proposed; the error names it.
    """
    plans: list[AssociationPlan[ToSend]] = []
    plan_of: dict[SopClassAndSyntax, AssociationPlan[ToSend]] = {}
    proposed: set[SopClassAndSyntax] = set()  # in the last plan
    for file in files:
        pair = _pair(file)
        if pair not in plan_of:
            missing = [each for each in _needed(pair, proposes_implicit) if each not in proposed]
            if not plans or len(plans[-1].contexts) + len(missing) > REQUESTED_CONTEXTS_LIMIT:
                plans.append(AssociationPlan())
                proposed.clear()
                missing = _needed(pair, proposes_implicit)
            proposed.update(missing)
            plans[-1].contexts.extend(build_context(uid, [syntax]) for uid, syntax in missing)
            plan_of[pair] = plans[-1]
        plan_of[pair].files.append(file)
    return plans


def _pair(file: str | os.PathLike[str] | DicomFile | SopClassAndSyntax) -> SopClassAndSyntax:
    if isinstance(file, tuple):
        return file
    if not isinstance(file, DicomFile):
        file = read_file(file)
    return file.sop_class_uid, file.transfer_syntax


def _needed(pair: SopClassAndSyntax, proposes_implicit: bool) -> list[SopClassAndSyntax]:
    """Return the contexts that let a file through, the one it is in first."""
    sop_class_uid, transfer_syntax = pair
    if proposes_implicit and transfer_syntax in CONVERTED:
        return [pair, (sop_class_uid, ImplicitVRLittleEndian)]
    return [pair]
