"""A directory that received objects become files in: whole, or not there at all.

A data set is written to a hidden temporary file and renamed to its final name when it is complete.
Whoever looks sees whole objects only, also when two associations store the same SOP Instance UID at
once (the one that completes last stays) and when the process is killed in the middle. What the peer
sends chooses a file name only through `file_name`, and a name never leaves the directory.

A process that is killed leaves its temporaries behind. While it lives it holds a lock on each
(``flock``), so the next `StoreDirectory` on the same directory removes those that nobody holds,
whatever process, container or, on NFS, host they came from. Where there is no ``flock`` (Windows,
some network file systems) they stay; they are hidden and are named ``.fastdicom-*.part``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

try:
    import fcntl
except ImportError:  # Windows
    HAS_FLOCK = False
else:
    HAS_FLOCK = True

__all__ = ["PartialFile", "StoreDirectory", "create_file", "file_name", "is_temporary_name"]

# With names relative to an open directory, it does not matter what happens to its path afterwards.
USES_DESCRIPTOR = {os.open, os.rename, os.unlink} <= os.supports_dir_fd

# PS3.5 9.1. Leading zeros in a component are not allowed there, but they are common and harmless here.
UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
UID_LENGTH_LIMIT = 64

TEMPORARY_NAME = re.compile(r"\.fastdicom-[0-9a-f]{32}\.part")

# What a platform does not have, it does not need: Windows has no links to follow here, POSIX no text mode.
BINARY = getattr(os, "O_BINARY", 0)
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", getattr(os, "O_NOINHERIT", 0))
NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)
DIRECTORY = getattr(os, "O_DIRECTORY", 0)


def file_name(sop_instance_uid: str) -> str:
    """Return the name of the file for the object with this SOP Instance UID.

    The only way from what a peer sent to a file name. It never fails, so an object with an
    impossible UID is kept as well.

    Parameters
    ----------
    sop_instance_uid
        Whatever the peer sent in Affected SOP Instance UID.

    Returns
    -------
    str
        ``<uid>.dcm`` for at most 64 digits and dots with no empty component, otherwise
        ``unnamed-<32 hexadecimal digits of its SHA-256>.dcm``.
    """
    if len(sop_instance_uid) <= UID_LENGTH_LIMIT and UID.fullmatch(sop_instance_uid):
        return f"{sop_instance_uid}.dcm"
    digest = hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogatepass"))
    return f"unnamed-{digest.hexdigest()[:32]}.dcm"


def is_temporary_name(name: str) -> bool:
    """Whether `name` is that of a file which is still being received, or never was completed."""
    return TEMPORARY_NAME.fullmatch(name) is not None


class _Folder:
    """Names in one directory: relative to its descriptor, or behind its path where that is not possible.

    Closed when nothing refers to it any more, so that a file which is being received never sees the
    number of its directory reused.
    """

    def __init__(self, path: Path) -> None:
        self._number: int | None = None  # __del__ runs also if the next line raises
        self.path = path
        if USES_DESCRIPTOR:
            self._number = os.open(path, os.O_RDONLY | DIRECTORY | CLOSE_ON_EXEC)

    def __del__(self) -> None:
        if self._number is not None:
            os.close(self._number)

    def open(self, name: str, flags: int) -> int:
        flags |= NO_FOLLOW | CLOSE_ON_EXEC | BINARY
        return os.open(self._reach(name), flags, 0o666, dir_fd=self._number)

    def rename(self, name: str, new_name: str) -> None:
        """Rename; what stands at `new_name` is replaced, a symbolic link too, and is not followed."""
        source, target = self._reach(name), self._reach(new_name)
        os.replace(source, target, src_dir_fd=self._number, dst_dir_fd=self._number)

    def unlink(self, name: str) -> None:
        os.unlink(self._reach(name), dir_fd=self._number)

    def _reach(self, name: str) -> str:
        return name if self._number is not None else os.path.join(self.path, name)


class StoreDirectory:
    """A directory for received objects.

    Any number of threads may create files at the same time. After `close`, files that have been
    created can still be committed.

    Parameters
    ----------
    path
        The directory. It must exist.

    Raises
    ------
    OSError
        If `path` does not exist, is not a directory, or cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        if not self.path.is_dir():
            code = errno.ENOTDIR if self.path.exists() else errno.ENOENT
            raise OSError(code, os.strerror(code), str(self.path))
        self._folder: _Folder | None = _Folder(self.path)
        if HAS_FLOCK:
            _remove_abandoned(self._folder)

    def create(self, sop_instance_uid: str) -> PartialFile:
        """Create the hidden file that one object is written to.

        Parameters
        ----------
        sop_instance_uid
            Whatever the peer sent; see `file_name`.

        Raises
        ------
        OSError
            If the file cannot be created.
        ValueError
            If the directory has been closed.
        """
        folder = self._folder
        if folder is None:
            raise ValueError(f"store directory {self.path} is closed")
        return _create(folder, file_name(sop_instance_uid))

    def close(self) -> None:
        """Let go of the directory. No file can be created any more."""
        self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"StoreDirectory({str(self.path)!r})"


class PartialFile:
    """A file that is being received; `commit` or `discard` ends it.

    It belongs to one thread at a time. One that is forgotten is discarded.

    Attributes
    ----------
    path
        Where the file will be once it is committed.
    """

    def __init__(self, folder: _Folder, name: str) -> None:
        self._number: int | None = None
        self._folder = folder
        self._name = name
        self.path = folder.path / name
        self._temporary_name = f".fastdicom-{secrets.token_hex(16)}.part"
        # O_EXCL: neither an existing file nor a symbolic link is ever written to.
        self._number = folder.open(self._temporary_name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def fileno(self) -> int:
        """Return the descriptor to write to, positioned behind what has been written."""
        if self._number is None:
            raise ValueError(f"{self.path} has been committed or discarded")
        return self._number

    def commit(self) -> Path:
        """Close the file and give it its name, in place of any file that had the name.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        OSError
            If it cannot be closed or renamed. It has then been discarded.
        """
        number = self.fileno()
        lock: int | None = None
        try:
            if HAS_FLOCK:
                lock = os.dup(number)  # keeps it until the file has its name
            self._number = None
            os.close(number)  # before the rename: a network file system notices a full disk here
            self._folder.rename(self._temporary_name, self._name)
        except OSError:
            self._remove()
            raise
        finally:
            if lock is not None:
                os.close(lock)
        return self.path

    def discard(self) -> None:
        """Close and remove the file, if it has been neither committed nor discarded."""
        if self._number is not None:
            self._remove()

    def __del__(self) -> None:
        self.discard()

    def _remove(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            with contextlib.suppress(OSError):  # what could not be written does not matter any more
                os.close(number)
        with contextlib.suppress(OSError):  # removed already, or the disk is gone: it stays hidden
            self._folder.unlink(self._temporary_name)


def create_file(path: Path) -> PartialFile:
    """Create the hidden file that one object is written to, which is to be `path` in the end.

    Raises
    ------
    OSError
        If it cannot be created there.
    """
    return _create(_Folder(Path(os.path.abspath(path.parent))), path.name)


def _create(folder: _Folder, name: str) -> PartialFile:
    while True:
        partial_file = PartialFile(folder, name)
        if not HAS_FLOCK or _lock(partial_file.fileno()):
            return partial_file
        partial_file.discard()


def _lock(number: int) -> bool:
    """Mark a new file as in use. False if another `StoreDirectory` has taken it for abandoned."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system, so nobody removes anything either
        return True
    return os.fstat(number).st_nlink > 0


def _remove_abandoned(folder: _Folder) -> None:
    """Remove the temporary files that no process holds a lock on."""
    with os.scandir(folder.path) as entries:
        names = [entry.name for entry in entries if is_temporary_name(entry.name)]
    for name in names:
        # Renamed or removed meanwhile, in use, someone else's, no locks here: then it stays.
        with contextlib.suppress(OSError):
            _remove_unlocked(folder, name)


def _remove_unlocked(folder: _Folder, name: str) -> None:
    # NFS locks only what is open for writing. O_NONBLOCK: opening a pipe must not wait.
    number = folder.open(name, os.O_RDWR | NON_BLOCKING)
    try:
        if stat.S_ISREG(os.fstat(number).st_mode):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder.unlink(name)
    finally:
        os.close(number)
