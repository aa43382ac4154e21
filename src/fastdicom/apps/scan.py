"""Which files to send: those that the paths of a command line lead to.

Only the first part of each file is read. A file that cannot be sent is not an error here; it is kept,
with the reason, for the report.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastdicom.net.store_directory import is_temporary_name
from fastdicom.planner import DicomFile, read_file


@dataclass(frozen=True)
class NotStored:
    """A file that was not stored, and why."""

    path: Path
    reason: str


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


def look_into(path: Path) -> DicomFile | NotStored:
    """Look into one file."""
    try:
        return read_file(path)
    except (OSError, ValueError) as error:
        return NotStored(path, describe_error(error, path))


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
        result = look_into(found) if isinstance(found, Path) else found
        if isinstance(result, DicomFile):
            files.append(result)
        else:
            not_stored.append(result)
        advance()
    return files, not_stored


def describe_error(error: OSError | ValueError, path: Path) -> str:
    """Return why a file cannot be sent, for a line that names the file already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix(f"{path} is ").removeprefix(f"{path}: ")
