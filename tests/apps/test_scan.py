"""Files are found and looked into."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fastdicom.apps.scan import NotStored, find_files, look_into, scan
from fastdicom.planner import DicomFile

EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.dcm", "a", "sub/c.dcm", "sub/deep/d.dcm"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def relative(found: list[Path | NotStored], root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in found if isinstance(path, Path)]


def test_a_directory_means_its_files(tree: Path) -> None:
    assert relative(list(find_files([tree], is_recursive=False)), tree) == ["a", "b.dcm"]


def test_recursion_means_all_of_them(tree: Path) -> None:
    found = relative(list(find_files([tree], is_recursive=True)), tree)
    assert found == ["a", "b.dcm", "sub/c.dcm", "sub/deep/d.dcm"]


def test_named_files_are_taken_as_they_are(tree: Path) -> None:
    paths = [tree / "b.dcm", tree / "missing", tree / "sub"]
    assert relative(list(find_files(paths, is_recursive=False)), tree) == ["b.dcm", "missing", "sub/c.dcm"]


def test_what_is_being_received_is_left_out(tree: Path) -> None:
    (tree / ".fastdicom-0123456789abcdef0123456789abcdef.part").touch()
    (tree / ".hidden").touch()
    assert relative(list(find_files([tree], is_recursive=False)), tree) == [".hidden", "a", "b.dcm"]


@pytest.mark.skipif(os.name != "posix", reason="links need privileges elsewhere")
def test_a_loop_of_links_ends(tree: Path) -> None:
    (tree / "sub" / "loop").symlink_to(tree)
    assert len(list(find_files([tree], is_recursive=True))) == 4


def test_an_unreadable_directory_is_reported(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(find_files([tree], is_recursive=True))
    assert found[-1] == NotStored(tree / "sub", "Permission denied")
    assert len(found) == 3


def test_a_dicom_file_is_recognised(ct_path: Path) -> None:
    assert look_into(ct_path) == DicomFile(ct_path, CT, EXPLICIT, ct_path.stat().st_size)


@pytest.mark.parametrize("content", [b"", b"text", bytes(128) + b"DICM", bytes(1000), b"\x89PNG" * 100])
def test_another_file_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    result = look_into(path)
    assert isinstance(result, NotStored) and result.path == path and result.reason


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    result = look_into(tmp_path / "missing")
    assert isinstance(result, NotStored) and result.reason == "No such file or directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert look_into(tmp_path / "pipe") == NotStored(tmp_path / "pipe", "not a regular file")


def test_an_unreadable_file_is_reported(ct_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads everything, so the refusal is made up."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("fastdicom.planner.read_header", refuse)
    assert look_into(ct_path) == NotStored(ct_path, "Permission denied")


def test_scan_counts_everything(tree: Path, ct_path: Path) -> None:
    shutil.copyfile(ct_path, tree / "sub" / "c.dcm")
    counted: list[None] = []
    files, not_stored = scan([tree], True, lambda: counted.append(None))
    assert [file.path for file in files] == [tree / "sub" / "c.dcm"]
    assert [remark.path.name for remark in not_stored] == ["a", "b.dcm", "d.dcm"]
    assert len(counted) == 4
