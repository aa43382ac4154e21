"""The tools as a user runs them: processes, sockets, files; with each other and with DCMTK's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from fastdicom import AllStoragePresentationContexts
from fastdicom.net.store_directory import file_name
from fastdicom.part10 import read_header

RunTool = Callable[..., subprocess.CompletedProcess[str]]
StartServer = Callable[..., Any]
FindDcmtk = Callable[[str], str]


@pytest.fixture
def received(tmp_path: Path) -> Path:
    path = tmp_path / "received"
    path.mkdir()
    return path


def run_dcmtk(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TCP_NODELAY": "1"}
    return subprocess.run(
        [*map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def data_set_of(path: Path) -> bytes:
    """Return the encoded data set in a file."""
    return path.read_bytes()[read_header(path).data_set_offset :]


def assert_stored(directory: Path, *sent: Path) -> None:
    """Check that the directory holds what was sent, bit for bit, and nothing else."""
    headers = {path: read_header(path) for path in sent}
    names = {file_name(str(header.sop_instance_uid)): path for path, header in headers.items()}
    assert sorted(os.listdir(directory)) == sorted(names)
    for name, path in names.items():
        stored = directory / name
        assert data_set_of(stored) == data_set_of(path)
        header = read_header(stored)
        assert header.sop_class_uid == headers[path].sop_class_uid
        assert header.sop_instance_uid == headers[path].sop_instance_uid
        assert header.transfer_syntax == headers[path].transfer_syntax


def write_variant(source: Path, target: Path, **elements: str) -> Path:
    """Write a copy of a file with some elements changed, whatever they are changed to."""
    dataset = dcmread(source)
    for keyword, value in elements.items():
        dataset[keyword]._value = value
        setattr(dataset.file_meta, f"MediaStorage{keyword}", value)
    dataset.save_as(target, enforce_file_format=True)
    return target


# --- echo --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["", "-xe", "-xb", "-xi", "--abort", "--repeat 3", "-pdu 4096 -ta 5"])
def test_an_echo_says_nothing(start_server: StartServer, run_tool: RunTool, flags: str) -> None:
    server = start_server("echoscp")
    result = run_tool("echoscu", *flags.split(), "127.0.0.1", server.port)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_verbose_echo_counts(start_server: StartServer, run_tool: RunTool) -> None:
    server = start_server("echoscp", "-v")
    result = run_tool("echoscu", "-v", "--repeat", 3, "-aet", "ME", f"PACS@127.0.0.1:{server.port}")
    assert result.returncode == 0
    assert "answered C-ECHO request 3 of 3" in result.stderr
    server.stop()
    assert server.read_log().count("C-ECHO from ME") == 3


@pytest.mark.parametrize("tool", ["echoscu", "storescu"])
def test_nobody_listens(run_tool: RunTool, unused_port: str, ct_path: Path, tool: str) -> None:
    paths = [ct_path] if tool == "storescu" else []
    result = run_tool(tool, "127.0.0.1", unused_port, *paths)
    assert result.returncode == 1
    assert f"ANY-SCP@127.0.0.1:{unused_port}" in result.stderr and "Traceback" not in result.stderr
    quiet = run_tool(tool, "-q", "127.0.0.1", unused_port, *paths)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (1, "", "")


def test_the_peer_does_not_do_verification(
    start_server: StartServer, run_tool: RunTool, received: Path
) -> None:
    server = start_server("storescp", "--no-echo", "-od", received)
    result = run_tool("echoscu", "127.0.0.1", server.port)
    assert result.returncode == 1
    assert f"ANY-SCP@127.0.0.1:{server.port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_rejection_is_explained(start_dcmtk_storescp: Callable[..., str], run_tool: RunTool) -> None:
    port = start_dcmtk_storescp("--refuse")
    result = run_tool("echoscu", "127.0.0.1", port)
    assert result.returncode == 1
    assert "rejected" in result.stderr and port in result.stderr


# --- servers -----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("tool", ["echoscp", "storescp", "storescp --processes 2"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_server_well(start_server: StartServer, received: Path, tool: str, name: str) -> None:
    server = start_server(*tool.split(), *(["-od", received] if tool != "echoscp" else []))
    assert server.stop(getattr(signal, name)) == 0
    assert server.read_log() == ""


def test_a_port_in_use_is_named(run_tool: RunTool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_tool("echoscp", "-ba", "127.0.0.1", port)
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr and "Traceback" not in result.stderr


def test_a_missing_directory_is_named(run_tool: RunTool, tmp_path: Path) -> None:
    result = run_tool("storescp", "-od", tmp_path / "missing", 0)
    assert result.returncode == 1
    assert f"cannot write to {tmp_path / 'missing'}: No such file or directory" in result.stderr


# --- store -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [[], ["--processes", 2]], ids=["one process", "two"])
def test_files_are_stored_as_they_are(
    processes: list[object],
    start_server: StartServer,
    run_tool: RunTool,
    received: Path,
    ct_path: Path,
    mr_path: Path,
    compressed_path: Path,
) -> None:
    server = start_server("storescp", "-v", "+B", "-od", received, *processes)
    paths = [ct_path, mr_path, compressed_path]
    result = run_tool("storescu", "-v", "-cx", "-nh", "127.0.0.1", server.port, *paths)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("stored 3 of 3 files in ")
    assert result.stdout.endswith(" MB/s\n") and " images/s, " in result.stdout
    assert_stored(received, *paths)
    server.stop()
    assert server.read_log().count("C-STORE from STORESCU") == 3


def test_the_preamble_is_not_the_senders(
    start_server: StartServer, run_tool: RunTool, received: Path, ct_path: Path, tmp_path: Path
) -> None:
    """P6."""
    polyglot = tmp_path / "polyglot.dcm"
    polyglot.write_bytes(b"MZ" + bytes(range(126)) + ct_path.read_bytes()[128:])
    server = start_server("storescp", "-od", received)
    assert run_tool("storescu", "127.0.0.1", server.port, polyglot).returncode == 0
    (stored,) = received.iterdir()
    assert stored.read_bytes()[:132] == bytes(128) + b"DICM"


def test_nothing_is_kept_with_ignore(
    start_server: StartServer, run_tool: RunTool, ct_path: Path, tmp_path: Path
) -> None:
    server = start_server("storescp", "--ignore", "-v")
    assert run_tool("storescu", "127.0.0.1", server.port, ct_path).returncode == 0
    server.stop()
    assert "-> ignored" in server.read_log()


def test_what_is_not_stored_is_named(
    start_server: StartServer, run_tool: RunTool, received: Path, ct_path: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    shutil.copyfile(ct_path, tree / "sub" / "ct")
    (tree / "text").write_text("not DICOM")
    server = start_server("storescp", "-od", received)
    peer = ["127.0.0.1", server.port]
    result = run_tool("storescu", *peer, tree, "+sd", "+r", tmp_path / "missing")
    assert result.returncode == 1
    assert "stored 1 of 3 files" in result.stdout
    assert f"not stored: {tree / 'text'}: " in result.stderr
    assert f"not stored: {tmp_path / 'missing'}: No such file or directory" in result.stderr
    assert_stored(received, ct_path)
    (tree / "text").unlink()
    assert run_tool("storescu", *peer, "-r", tree).returncode == 0
    empty = run_tool("storescu", *peer, tree)
    assert empty.returncode == 1 and "no files in" in empty.stderr


def test_more_kinds_of_files_than_an_association_has_contexts(
    start_server: StartServer, run_tool: RunTool, received: Path, ct_path: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    classes = [str(context.abstract_syntax) for context in AllStoragePresentationContexts][:130]
    assert len(classes) == 130
    paths = [
        write_variant(ct_path, tree / f"{number}", SOPClassUID=uid, SOPInstanceUID=f"1.2.{number}")
        for number, uid in enumerate(classes)
    ]
    server = start_server("storescp", "-od", received)
    result = run_tool("storescu", "127.0.0.1", server.port, tree)
    assert result.returncode == 0, result.stderr
    assert "stored 130 of 130 files" in result.stdout
    assert_stored(received, *paths)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_uid_is_no_path(
    start_server: StartServer, dcmtk: FindDcmtk, received: Path, ct_path: Path, tmp_path: Path
) -> None:
    """P1."""
    hostile = write_variant(ct_path, tmp_path / "hostile.dcm", SOPInstanceUID="../../escaped")
    server = start_server("storescp", "-v", "-od", received)
    result = run_dcmtk(dcmtk("storescu"), "127.0.0.1", server.port, hostile)
    assert result.returncode == 0, result.stderr
    assert os.listdir(received) == [file_name("../../escaped")]
    assert not [*tmp_path.parent.glob("escaped*"), *tmp_path.glob("escaped*")]


# --- with DCMTK --------------------------------------------------------------------------------------


def test_dcmtk_echoscu(start_server: StartServer, dcmtk: FindDcmtk) -> None:
    server = start_server("echoscp", "-aet", "PACS")
    result = run_dcmtk(dcmtk("echoscu"), "-v", "-aec", "PACS", "127.0.0.1", server.port)
    assert result.returncode == 0 and "Received Echo Response (Success)" in result.stderr + result.stdout


def test_a_forged_line_stays_one_line(start_server: StartServer, dcmtk: FindDcmtk) -> None:
    """G2."""
    server = start_server("echoscp", "-v")
    run_dcmtk(dcmtk("echoscu"), "-aet", "A\x1b[2J\nE: x", "127.0.0.1", server.port)
    run_dcmtk(dcmtk("echoscu"), "-aet", "ORDERLY", "127.0.0.1", server.port)
    server.stop()
    log = server.read_log()
    assert "C-ECHO from ORDERLY" in log
    assert "\x1b" not in log and "\nE: x" not in log


def test_dcmtk_storescu(
    start_server: StartServer, dcmtk: FindDcmtk, received: Path, ct_path: Path, mr_path: Path
) -> None:
    server = start_server("storescp", "-od", received)
    result = run_dcmtk(dcmtk("storescu"), "-xe", "127.0.0.1", server.port, ct_path, mr_path)
    assert result.returncode == 0, result.stderr
    assert len(os.listdir(received)) == 2
    for path in (ct_path, mr_path):  # DCMTK encodes anew; the values are what it keeps
        stored = received / file_name(str(read_header(path).sop_instance_uid))
        assert dcmread(stored).PixelData == dcmread(path).PixelData


def test_dcmtk_storescp(
    start_dcmtk_storescp: Callable[..., str],
    run_tool: RunTool,
    received: Path,
    ct_path: Path,
    mr_path: Path,
    compressed_path: Path,
) -> None:
    """It accepts uncompressed transfer syntaxes only, unless it is told otherwise."""
    port = start_dcmtk_storescp("+B", "-od", received)
    result = run_tool("storescu", "127.0.0.1", port, ct_path, compressed_path, mr_path)
    assert result.returncode == 1
    assert "stored 2 of 3 files" in result.stdout
    assert f"not stored: {compressed_path}: " in result.stderr
    assert "Traceback" not in result.stderr
    stored = sorted(data_set_of(path) for path in received.iterdir())
    assert stored == sorted([data_set_of(ct_path), data_set_of(mr_path)])


def test_dcmtk_echo_by_storescp(start_dcmtk_storescp: Callable[..., str], run_tool: RunTool) -> None:
    port = start_dcmtk_storescp("--ignore")
    assert run_tool("echoscu", "--repeat", 5, "127.0.0.1", port).returncode == 0


@pytest.mark.parametrize("flag", ["--abort-after", "--abort-during"])
def test_an_abort_in_the_middle(
    start_dcmtk_storescp: Callable[..., str], run_tool: RunTool, ct_path: Path, mr_path: Path, flag: str
) -> None:
    port = start_dcmtk_storescp("--ignore", flag)
    result = run_tool("storescu", "127.0.0.1", port, ct_path, mr_path)
    assert result.returncode == 1
    assert "stored 0 of 2 files" in result.stdout
    assert result.stderr.count("not stored: ") == 2
    assert "Traceback" not in result.stderr


def test_the_test_files_are_what_they_should_be(ct_path: Path, mr_path: Path, compressed_path: Path) -> None:
    assert read_header(ct_path).transfer_syntax == ExplicitVRLittleEndian
    assert read_header(mr_path).transfer_syntax == ExplicitVRLittleEndian
    assert read_header(compressed_path).transfer_syntax == "1.2.840.10008.1.2.4.91"
