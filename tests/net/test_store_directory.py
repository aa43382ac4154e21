"""Received objects become files whole or not at all, and never outside of the directory (P1, K1 to K3)."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.net import store_directory
from fastdicom.net.store_directory import StoreDirectory, file_name, is_temporary_name

needs_posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX here")

UID = "1.2.826.0.1.3680043.9.3811.1"

HOSTILE_UIDS = [
    "../x",
    "..",
    ".",
    "",
    "/abs",
    "a/b",
    "1.2/3",
    "a\\b",
    "C:1.2",
    "CON",
    "a\0b",
    "1.2.3\0",
    "1.2.3\n",
    "1.2.3.",
    ".1.2.3",
    "1..2",
    " 1.2.3",
    "1.2.3 ",
    "1" * 65,
    "1." * 150,
    "9" * 300,
    "x" * 300,
    "-rf",
    "~",
    "1.2.\u0663",  # a digit, but not an ASCII one
    "\xb2",
    "bild\xe4",
    "\udc80",
    ".fastdicom-00000000000000000000000000000000.part",
    "$(id)",
    "1.2;id",
    "1.2\x1b[2J",
]


@pytest.fixture(params=["descriptor", "path", "path, no locks"])
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run as on POSIX, on a system without descriptors for directories, and without locks as well."""
    name: str = request.param
    if name == "descriptor" and not store_directory.USES_DESCRIPTOR:
        pytest.skip("this system has no descriptors for directories")
    monkeypatch.setattr(store_directory, "USES_DESCRIPTOR", name == "descriptor")
    if name == "path, no locks":
        monkeypatch.setattr(store_directory, "HAS_FLOCK", False)
    return name


@pytest.fixture
def directory(tmp_path: Path, platform: str) -> Iterator[StoreDirectory]:
    path = tmp_path / "received"
    path.mkdir()
    with StoreDirectory(path) as opened:
        yield opened


def names(directory: StoreDirectory) -> list[str]:
    return sorted(os.listdir(directory.path))


def store(directory: StoreDirectory, uid: str, content: bytes) -> Path:
    partial_file = directory.create(uid)
    os.write(partial_file.fileno(), content)
    return partial_file.commit()


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uid", ["1", "1.2.3", "1.02.3", "0.0", UID, "1." * 31 + "22"])
def test_a_uid_names_its_file(uid: str) -> None:
    assert file_name(uid) == f"{uid}.dcm"


@pytest.mark.parametrize("uid", HOSTILE_UIDS)
def test_anything_else_is_named_by_its_hash(uid: str) -> None:
    name = file_name(uid)
    prefix, digits = name.removesuffix(".dcm").split("-")
    assert prefix == "unnamed" and len(digits) == 32 and set(digits) <= set("0123456789abcdef")


def test_hashed_names_differ() -> None:
    assert len({file_name(uid) for uid in HOSTILE_UIDS}) == len(HOSTILE_UIDS)


@given(st.text())
def test_every_name_is_a_plain_name(uid: str) -> None:
    name = file_name(uid)
    assert name.endswith(".dcm") and len(name) <= 68
    assert all(character.isascii() and (character.isalnum() or character in ".-") for character in name)
    assert not name.startswith(".") and not is_temporary_name(name)


@pytest.mark.parametrize("uid", HOSTILE_UIDS)
def test_hostile_uids_stay_in_the_directory(directory: StoreDirectory, uid: str) -> None:
    """P1."""
    path = store(directory, uid, b"object")
    assert path.parent == directory.path
    assert path.read_bytes() == b"object"
    assert names(directory) == [file_name(uid)]
    assert os.listdir(directory.path.parent) == ["received"]


# --- one file ----------------------------------------------------------------------------------------


def test_nothing_is_visible_before_commit(directory: StoreDirectory) -> None:
    partial_file = directory.create(UID)
    os.write(partial_file.fileno(), b"half")
    (name,) = names(directory)
    assert name.startswith(".") and is_temporary_name(name)
    assert partial_file.path == directory.path / f"{UID}.dcm"
    assert partial_file.commit() == partial_file.path
    assert names(directory) == [f"{UID}.dcm"]
    assert partial_file.path.read_bytes() == b"half"


@needs_posix
def test_a_committed_file_has_the_usual_mode(directory: StoreDirectory) -> None:
    umask = os.umask(0o027)
    try:
        path = store(directory, UID, b"")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_descriptor_is_not_inherited(directory: StoreDirectory) -> None:
    """F1."""
    partial_file = directory.create(UID)
    assert not os.get_inheritable(partial_file.fileno())
    partial_file.discard()


def test_discard_leaves_nothing_and_may_be_repeated(directory: StoreDirectory) -> None:
    partial_file = directory.create(UID)
    number = partial_file.fileno()
    os.write(number, b"half")
    partial_file.discard()
    assert names(directory) == []
    with pytest.raises(OSError):
        os.fstat(number)
    partial_file.discard()
    with pytest.raises(ValueError, match="committed or discarded"):
        partial_file.fileno()
    with pytest.raises(ValueError, match="committed or discarded"):
        partial_file.commit()


def test_discard_after_commit_keeps_the_file(directory: StoreDirectory) -> None:
    partial_file = directory.create(UID)
    path = partial_file.commit()
    partial_file.discard()
    assert names(directory) == [path.name]


def test_a_forgotten_file_is_discarded(directory: StoreDirectory) -> None:
    partial_file = directory.create(UID)
    number = partial_file.fileno()
    del partial_file
    assert names(directory) == []
    with pytest.raises(OSError):
        os.fstat(number)


def test_the_last_complete_one_wins(directory: StoreDirectory) -> None:
    first, second = directory.create(UID), directory.create(UID)
    os.write(first.fileno(), b"first")
    os.write(second.fileno(), b"second")
    second.commit()
    first.commit()
    assert names(directory) == [f"{UID}.dcm"]
    assert first.path.read_bytes() == b"first"


@needs_posix
def test_a_symbolic_link_is_replaced_and_not_followed(directory: StoreDirectory, tmp_path: Path) -> None:
    """P1."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    final = directory.path / f"{UID}.dcm"
    final.symlink_to(victim)
    store(directory, UID, b"object")
    assert victim.read_bytes() == b"precious"
    assert not final.is_symlink() and final.read_bytes() == b"object"


def test_a_directory_at_the_final_name_is_an_error_and_leaves_nothing(directory: StoreDirectory) -> None:
    (directory.path / f"{UID}.dcm").mkdir()
    partial_file = directory.create(UID)
    with pytest.raises(OSError):
        partial_file.commit()
    assert names(directory) == [f"{UID}.dcm"]
    partial_file.discard()


def test_an_error_at_close_leaves_no_file(directory: StoreDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: network file systems report a full disk when the file is closed."""
    partial_file = directory.create(UID)
    number = partial_file.fileno()
    close = os.close

    def close_and_fail(descriptor: int) -> None:
        close(descriptor)
        if descriptor == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "close", close_and_fail)
    with pytest.raises(OSError) as caught:
        partial_file.commit()
    assert caught.value.errno == errno.ENOSPC
    assert names(directory) == []


def test_a_full_disk_leaves_nothing_after_discard(directory: StoreDirectory) -> None:
    """K2."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    partial_file = directory.create(UID)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        assert os.write(partial_file.fileno(), bytes(8192)) == 4096
        with pytest.raises(OSError):
            os.write(partial_file.fileno(), b"more")
        partial_file.discard()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert names(directory) == []


def test_one_uid_stored_by_many_at_once(directory: StoreDirectory) -> None:
    """K1: one complete file, no torn bytes, no temporaries left."""
    stores, writers = 100, 20
    barrier = Barrier(writers)

    def store_in_pieces(number: int) -> bytes:
        content = bytes([number]) * 50_000
        if number < writers:
            barrier.wait()
        partial_file = directory.create(UID)
        for start in range(0, len(content), 5_000):
            os.write(partial_file.fileno(), content[start : start + 5_000])
        partial_file.commit()
        return content

    with ThreadPoolExecutor(writers) as executor:
        contents = set(executor.map(store_in_pieces, range(stores)))
    assert names(directory) == [f"{UID}.dcm"]
    assert (directory.path / f"{UID}.dcm").read_bytes() in contents


# --- the directory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "error"), [("missing", FileNotFoundError), ("file", NotADirectoryError)])
def test_the_directory_must_exist(tmp_path: Path, platform: str, name: str, error: type[OSError]) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error, match=name):
        StoreDirectory(tmp_path / name)


def test_a_relative_path_is_resolved_once(
    tmp_path: Path, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "received").mkdir()
    monkeypatch.chdir(tmp_path)
    with StoreDirectory("received") as directory:
        monkeypatch.chdir("/")
        assert store(directory, UID, b"object").read_bytes() == b"object"


def test_closing_stops_new_files_but_not_begun_ones(directory: StoreDirectory) -> None:
    partial_file = directory.create(UID)
    directory.close()
    directory.close()
    with pytest.raises(ValueError, match="is closed"):
        directory.create(UID)
    assert partial_file.commit().exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_no_descriptor_is_left(tmp_path: Path, platform: str) -> None:
    before = os.listdir("/proc/self/fd")
    directory = StoreDirectory(tmp_path)
    begun = directory.create(UID)
    for number in range(3):
        store(directory, f"1.{number}", b"object")
    directory.create(UID).discard()
    directory.close()
    begun.commit()
    del begun
    assert os.listdir("/proc/self/fd") == before


# --- processes that were killed ----------------------------------------------------------------------

# Writes half of an object, says so, and waits to be killed.
RECEIVER = """
import os, sys
from fastdicom.net.store_directory import StoreDirectory
directory = StoreDirectory(sys.argv[1])
partial_file = directory.create(sys.argv[2])
os.write(partial_file.fileno(), b"half")
print("half written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", RECEIVER, str(tmp_path), UID],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half written\n"
        yield process
        process.kill()


def test_a_killed_process_leaves_nothing_visible(tmp_path: Path, receiver: subprocess.Popen[str]) -> None:
    """K3; the next one who opens the directory cleans up."""
    receiver.kill()
    receiver.wait()
    (name,) = os.listdir(tmp_path)
    assert is_temporary_name(name)
    StoreDirectory(tmp_path).close()
    assert os.listdir(tmp_path) == ([] if store_directory.HAS_FLOCK else [name])


def test_what_another_process_receives_is_left_alone(tmp_path: Path, receiver: subprocess.Popen[str]) -> None:
    (name,) = os.listdir(tmp_path)
    with StoreDirectory(tmp_path) as directory:
        assert os.listdir(tmp_path) == [name]
        store(directory, UID, b"object")
    assert sorted(os.listdir(tmp_path)) == sorted([name, f"{UID}.dcm"])


def test_what_this_process_receives_is_left_alone(directory: StoreDirectory) -> None:
    partial_file = directory.create(UID)
    os.write(partial_file.fileno(), b"object")
    StoreDirectory(directory.path).close()
    assert partial_file.commit().read_bytes() == b"object"


@pytest.mark.skipif(not store_directory.HAS_FLOCK, reason="without locks nothing is removed")
def test_only_files_of_its_own_naming_are_removed(tmp_path: Path) -> None:
    stale = ".fastdicom-0123456789abcdef0123456789abcdef.part"
    (tmp_path / stale).write_bytes(b"half")
    (tmp_path / stale.replace("0123", "4567", 1)).symlink_to(tmp_path / "1.2.dcm")
    os.mkfifo(tmp_path / stale.replace("0123", "89ab", 1))
    (tmp_path / stale.replace("0123", "cdef", 1)).mkdir()
    others = ["1.2.dcm", ".fastdicom-1.part", ".part", stale + "x", stale.upper()]
    for name in others:
        (tmp_path / name).write_bytes(b"other")
    kept = sorted(set(os.listdir(tmp_path)) - {stale})
    StoreDirectory(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == kept
    assert (tmp_path / "1.2.dcm").read_bytes() == b"other"


@pytest.mark.skipif(not store_directory.HAS_FLOCK, reason="without locks nothing is removed")
def test_a_file_removed_before_it_was_locked_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another `StoreDirectory` that opens between creating and locking takes the file for abandoned."""
    lock = store_directory._lock
    seen: list[bool] = []

    def open_another_and_lock(number: int) -> bool:
        if not seen:
            StoreDirectory(tmp_path).close()
        seen.append(lock(number))
        return seen[-1]

    with StoreDirectory(tmp_path) as directory:
        monkeypatch.setattr(store_directory, "_lock", open_another_and_lock)
        path = store(directory, UID, b"object")
    assert seen == [False, True]
    assert path.read_bytes() == b"object" and os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not store_directory.HAS_FLOCK, reason="without locks nothing is removed")
def test_the_lock_is_held_until_the_file_has_its_name(
    directory: StoreDirectory, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform == "path, no locks":
        pytest.skip("without locks nothing is removed")
    rename = store_directory._Folder.rename

    def open_another_and_rename(folder: store_directory._Folder, name: str, new_name: str) -> None:
        StoreDirectory(folder.path).close()
        rename(folder, name, new_name)

    monkeypatch.setattr(store_directory._Folder, "rename", open_another_and_rename)
    assert store(directory, UID, b"object").read_bytes() == b"object"
