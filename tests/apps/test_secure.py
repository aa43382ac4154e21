"""The TLS flags: what is wrong with them, and the tools over TLS, with each other and with DCMTK's."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import run_dcmtk
from servers import wait_until
from tls_files import Files, write

from fastdicom.apps import common, echoscp, echoscu, storescp, storescu
from fastdicom.part10 import read_header

RunTool = Callable[..., subprocess.CompletedProcess[str]]
StartServer = Callable[..., Any]

MAINS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "echoscu": (echoscu.main, ["127.0.0.1", "104"]),
    "storescu": (storescu.main, ["127.0.0.1", "104", "image.dcm"]),
    "echoscp": (echoscp.main, ["0"]),
    "storescp": (storescp.main, ["0"]),
}
SERVERS = ("echoscp", "storescp")


@pytest.fixture
def ours(tmp_path: Path) -> Files:
    return write(tmp_path, "ours-here")


@pytest.fixture
def theirs(tmp_path: Path) -> Files:
    return write(tmp_path, "theirs-there")


def flags(files: Files) -> list[str]:
    return ["+tls", str(files.key), str(files.certificate), "+cf", str(files.ca)]


def usage_error(tool: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a tool that must not start; return what it says is wrong."""
    main, parameters = MAINS[tool]
    with pytest.raises(SystemExit) as caught:
        main([*arguments, *parameters])
    assert caught.value.code == common.USAGE
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("tool", MAINS)
@pytest.mark.parametrize("missing", ["certificate", "key", "ca"])
def test_a_missing_file_is_named(
    tool: str, missing: str, ours: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = getattr(ours, missing)
    path.unlink()
    message = usage_error(tool, flags(ours), capsys)
    assert str(path) in message and "No such file or directory" in message


@pytest.mark.parametrize("tool", MAINS)
def test_key_and_certificate_the_wrong_way_round(
    tool: str, ours: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    message = usage_error(tool, ["+tls", str(ours.certificate), str(ours.key), "-ic"], capsys)
    assert "no certificate with its private key" in message


@pytest.mark.parametrize("tool", MAINS)
@pytest.mark.parametrize("flag", ["-rc", "-ic", "+cf=ca.pem", "+cd=directory"])
def test_flags_that_need_tls(tool: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "only together with +tls" in usage_error(tool, [flag], capsys)


@pytest.mark.parametrize("tool", SERVERS)
def test_a_server_needs_an_authority(tool: str, ours: Files, capsys: pytest.CaptureFixture[str]) -> None:
    message = usage_error(tool, flags(ours)[:3], capsys)
    assert "+tls needs +cf or +cd" in message


# --- with each other, and with DCMTK ----------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_log_stays() -> Iterator[None]:
    """Take away the handler that a tool in this process has added."""
    logger = logging.getLogger("fastdicom")
    handlers, level = logger.handlers, logger.level
    yield
    logger.handlers = handlers
    logger.setLevel(level)


def echo(server: Any, *arguments: object) -> int:
    """Run echoscu in this process; return its exit code."""
    return echoscu.main([*map(str, arguments), "127.0.0.1", server.port])


def test_echo_over_tls(start_server: StartServer, run_tool: RunTool, ours: Files, theirs: Files) -> None:
    server = start_server("echoscp", *flags(ours))
    result = run_tool("echoscu", *flags(theirs), "127.0.0.1", server.port)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert echo(server) == common.FAILURE


def test_who_is_not_verified(
    start_server: StartServer, ours: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = write(tmp_path, "stranger", by="theirs", trusts="theirs")
    server = start_server("echoscp", *flags(ours)[:3], "-ic")
    assert echo(server, *flags(stranger), "-rc") == common.FAILURE
    assert "certificate is not accepted" in capsys.readouterr().err
    assert echo(server, *flags(stranger)[:3], "-ic") == common.SUCCESS


def test_authorities_in_a_directory(
    start_server: StartServer, ours: Files, theirs: Files, tmp_path: Path
) -> None:
    directory = tmp_path / "authorities"
    directory.mkdir()
    shutil.copy(ours.ca, directory)
    server = start_server("echoscp", *flags(ours)[:3], "+cd", directory)
    assert echo(server, *flags(theirs)[:3], "+cd", directory) == common.SUCCESS


def test_dcmtk_stores_over_tls(
    start_server: StartServer, ours: Files, theirs: Files, ct_path: Path, tmp_path: Path
) -> None:
    received = tmp_path / "received"
    received.mkdir()
    server = start_server("storescp", *flags(ours), "-od", received)
    result = run_dcmtk("storescu", *flags(theirs), "-xe", "127.0.0.1", server.port, ct_path)
    assert result.returncode == 0, result.stdout
    (stored,) = received.iterdir()
    assert read_header(stored).sop_instance_uid == read_header(ct_path).sop_instance_uid


def test_storing_to_dcmtk_over_tls(
    start_dcmtk_storescp: Callable[..., str],
    run_tool: RunTool,
    ours: Files,
    theirs: Files,
    ct_path: Path,
    tmp_path: Path,
) -> None:
    received = tmp_path / "received"
    received.mkdir()
    port = start_dcmtk_storescp(*flags(theirs), "+B", "-od", received)
    result = run_tool("storescu", *flags(ours), "127.0.0.1", port, ct_path)
    assert result.returncode == 0, result.stderr
    assert len(list(received.iterdir())) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP")
@pytest.mark.parametrize("processes", [[], ["--processes", 2]], ids=["one process", "two"])
def test_certificates_are_read_again_at_hangup(
    processes: list[object], start_server: StartServer, ours: Files, theirs: Files, tmp_path: Path
) -> None:
    server = start_server("echoscp", "-v", *flags(ours), *processes)
    client = *flags(theirs)[:3], "+cf", write(tmp_path, "x", trusts="theirs").ca
    assert echo(server, *client) == common.FAILURE
    renewed = write(tmp_path, "renewed", by="theirs")
    os.replace(renewed.certificate, ours.certificate)
    os.replace(renewed.key, ours.key)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "have been read again" in server.read_log())
    wait_until(lambda: echo(server, *client) == common.SUCCESS)  # other processes take a moment
    ours.key.write_text("nothing")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the certificates stay as they are" in server.read_log())
    assert echo(server, *client) == common.SUCCESS
    assert server.stop() == 0
