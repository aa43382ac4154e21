"""Which files to send, and over which associations: the paths of a command line made into a plan.

Only the first part of each file is read. A file that cannot be sent is not an error here; it is kept,
with the reason, for the report.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastdicom import build_context
from fastdicom.net.store_directory import is_temporary_name
from fastdicom.part10 import read_header

# PS3.8 9.3.2.2: context IDs are the odd numbers from 1 to 255.
CONTEXTS_AN_ASSOCIATION = 128


@dataclass(frozen=True)
class DicomFile:
    """A file that can be sent."""

    path: Path
    sop_class_uid: str
    transfer_syntax: str
    length: int


@dataclass(frozen=True)
class NotStored:
    """A file that was not stored, and why."""

    path: Path
    reason: str


@dataclass
class Batch:
    """What goes over one association.

    Attributes
    ----------
    contexts
        At most 128 pairs of SOP class and transfer syntax.
    files
        The files that need them; whoever sends takes them out from the left.
    """

    contexts: list[tuple[str, str]] = field(default_factory=list)
    files: deque[DicomFile] = field(default_factory=deque)


def find_files(paths: Iterable[Path], is_recursive: bool) -> Iterator[Path | NotStored]:
    """Yield the files named, and those in the directories named, in the order of their names.

    Files that a storage SCP is still receiving are left out. Symbolic links to directories are followed
    only if they are named.

    Parameters
    ----------
    paths
        Files and directories.
    is_recursive
        Whether to look into directories in directories.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        errors: list[OSError] = []
        for directory, directories, names in os.walk(path, onerror=errors.append):
            directories.sort()
            if not is_recursive:
                directories.clear()
            yield from (Path(directory, name) for name in sorted(names) if not is_temporary_name(name))
        for error in errors:
            yield NotStored(Path(error.filename), describe_error(error, Path(error.filename)))


def read_file(path: Path) -> DicomFile | NotStored:
    """Look into one file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            return NotStored(path, "not a regular file")
        header = read_header(path)
        sop_class_uid, transfer_syntax = str(header.sop_class_uid), str(header.transfer_syntax)
        build_context(sop_class_uid, [transfer_syntax])  # could it be proposed at all?
    except (OSError, ValueError) as error:
        return NotStored(path, describe_error(error, path))
    return DicomFile(path, sop_class_uid, transfer_syntax, header.file_length)


def scan(
    paths: Iterable[Path], is_recursive: bool, advance: Callable[[], None]
) -> tuple[list[DicomFile], list[NotStored]]:
    """Return what can be sent and what cannot.

    Parameters
    ----------
    paths, is_recursive
        As for `find_files`.
    advance
        Called once a file.
    """
    files: list[DicomFile] = []
    not_stored: list[NotStored] = []
    for found in find_files(paths, is_recursive):
        result = read_file(found) if isinstance(found, Path) else found
        if isinstance(result, DicomFile):
            files.append(result)
        else:
            not_stored.append(result)
        advance()
    return files, not_stored


def plan(files: Iterable[DicomFile]) -> list[Batch]:
    """Distribute the files over as few associations as their presentation contexts allow.

    A file goes out as it is, so each pair of SOP class and transfer syntax is a context of its own and
    leaves the peer nothing to choose. Within an association the files keep their order.
    """
    batches: list[Batch] = []
    batch_of: dict[tuple[str, str], Batch] = {}
    for file in files:
        context = (file.sop_class_uid, file.transfer_syntax)
        if context not in batch_of:
            if not batches or len(batches[-1].contexts) == CONTEXTS_AN_ASSOCIATION:
                batches.append(Batch())
            batches[-1].contexts.append(context)
            batch_of[context] = batches[-1]
        batch_of[context].files.append(file)
    return batches


def describe_error(error: OSError | ValueError, path: Path) -> str:
    """Return why a file cannot be sent, for a line that names the file already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix(f"{path} is ").removeprefix(f"{path}: ")
