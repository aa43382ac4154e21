"""``python -m fastdicom``: which tool, and what it says about itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

import fastdicom
from fastdicom.__main__ import TOOLS, main


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_tools(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    output = capsys.readouterr().out
    assert all(tool in output for tool in TOOLS)


@pytest.mark.parametrize("arguments", [[], ["storescx"], ["-x"]])
def test_no_such_tool(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "usage" in captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fastdicom {fastdicom.__version__}\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_each_tool_tells_its_flags_and_its_version(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    for flag, expected in [("-h", "-aet"), ("--version", fastdicom.__version__)]:
        with pytest.raises(SystemExit) as caught:
            main([tool, flag])
        assert caught.value.code == 0
        assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["echoscu"], "the peer is missing"),
        (["echoscu", "host", "104", "more"], "'more' is one parameter too many"),
        (["storescu", "host", "104"], "the files to send are missing"),
        (["storescu", "PACS@host:104"], "the files to send are missing"),
        (["storescp"], "one port is needed; 0 parameters were given"),
        (["storescp", "104", "105"], "one port is needed; 2 parameters were given"),
        (["echoscp", "port"], "'port' is not a port"),
    ],
)
def test_wrong_parameters_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_it_runs_as_a_module(run_tool: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert run_tool("--version").returncode == 0
    assert run_tool().returncode == 2
