"""The examples of README.md and docs/ work as they are written.

They are run in a folder that holds `image.dcm`, two files in `directory`, and certificates and keys of a
`server` and a `client`. Where they say port 11112 they
get a free one: an example that starts a server is sent an object, any other finds a server there. A block
below a comment ``<!-- not run: reason -->`` is skipped.
"""

from __future__ import annotations

import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tls_files
from peers import DEADLINE, await_listening, unused_port
from pydicom.data import get_testdata_file
from raw_peer import CT, EXPLICIT, VERIFICATION
from servers import port_of, serving, store_ae

from fastdicom import AE, evt
from fastdicom.presentation import AllStoragePresentationContexts
from fastdicom.tls import client_context, server_context

pytestmark = pytest.mark.source_tree

TOP = Path(__file__).parents[1]
DOCUMENTS = [*TOP.glob("README.md"), *sorted((TOP / "docs").glob("*.md"))]

PORT = "11112"
NOT_EXAMPLES = {"text", "json"}

BLOCK = re.compile(
    r"(?:^<!-- not run:(?P<reason>.*?)-->\n\s*)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)

# Appended to an example whose server does not block: it ends when the test closes its standard input.
STAY = "\n__import__('sys').stdin.read()\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(document: str, text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a text, each with the line of its first line of code."""
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        yield Block(document, line, match["language"].strip(), match["text"], match["reason"])


def commands_of(text: str) -> Iterator[list[str]]:
    """Yield the commands of a block for a shell, as words."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words[:-1] if words[-1] == "&" else words


BLOCKS = [block for file in DOCUMENTS for block in blocks_of(file.name, file.read_text(encoding="utf-8"))]


def written_in(language: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == language], ids=str)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in which an example runs."""
    shutil.copy(str(get_testdata_file("CT_small.dcm")), tmp_path / "image.dcm")
    (tmp_path / "directory").mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm"):
        shutil.copy(str(get_testdata_file(name)), tmp_path / "directory")
    for owner in ("server", "client"):
        tls_files.write(tmp_path, owner).ca.rename(tmp_path / "ca.pem")
    return tmp_path


@pytest.fixture
def run_block(folder: Path) -> Callable[[Block], None]:
    """Return a function that runs a block, or skips it for the reason that the document gives."""

    def run(block: Block) -> None:
        if block.reason is not None:
            assert block.reason.strip(), f"{block} is not run for no reason"
            pytest.skip(block.reason.strip())
        if block.language == "sh":
            run_commands(block.text, folder)
        elif "start_server(" in block.text:
            run_server(block, folder)
        else:
            run_client(block, folder)

    return run


# --- Python -----------------------------------------------------------------------------------------------


def script(block: Block, folder: Path, port: int) -> Path:
    """Write an example to a file, in which it stands in the same lines as in its document."""
    file = folder / "example.py"
    file.write_text("\n" * (block.line - 1) + block.text.replace(PORT, str(port)) + STAY, encoding="utf-8")
    return file


@contextmanager
def server(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    """Serve verification and storage: the port, and the names of the events that came."""
    came: list[str] = []

    def note(event: evt.Event) -> int:
        came.append(event.event.name)
        return 0x0000

    ae = store_ae({str(context.abstract_syntax) for context in AllStoragePresentationContexts})
    handlers: list[Any] = [(event, note) for event in (evt.EVT_ESTABLISHED, evt.EVT_C_ECHO, evt.EVT_C_STORE)]
    with serving(ae, handlers, ssl_context=context) as running:
        yield port_of(running), came


def run_client(block: Block, folder: Path) -> None:
    """Run an example; what it says that it sends must arrive."""
    context = None
    if "tls_args=" in block.text:
        context = server_context(folder / "server.pem", folder / "server.key", ca=folder / "ca.pem")
    with server(context) as (port, came):
        done = subprocess.run(
            [sys.executable, script(block, folder, port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, f"{block}: {done.stderr}"
    calls = [
        ("associate(", "EVT_ESTABLISHED"),
        ("send_c_echo(", "EVT_C_ECHO"),
        ("send_c_store(", "EVT_C_STORE"),
    ]
    for call, event in calls:
        assert event in came or call not in block.text, f"{block}: nothing came of {call}): {done.stdout}"


def run_server(block: Block, folder: Path) -> None:
    """Run an example that serves, and send it what it supports."""
    port = unused_port()
    log = folder / "example.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, script(block, folder, port)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        await_listening(process, port)
        send(port, folder, has_tls="ssl_context=" in block.text)
        if "block=False" in block.text:
            process.communicate(timeout=DEADLINE)
            assert process.returncode == 0
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)
        print(log.read_text(encoding="utf-8"))
    assert "Traceback" not in log.read_text(encoding="utf-8")


def send(port: int, folder: Path, *, has_tls: bool) -> None:
    """Send an object and an echo request, as far as the server takes them."""
    tls_args = None
    if has_tls:
        files = {"certificate": folder / "client.pem", "key": folder / "client.key", "ca": folder / "ca.pem"}
        tls_args = client_context(**files), "localhost"
    ae = AE()
    ae.add_requested_context(VERIFICATION)
    ae.add_requested_context(CT, EXPLICIT)
    with ae.associate("127.0.0.1", port, tls_args=tls_args) as association:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        if VERIFICATION in accepted:
            assert association.send_c_echo().Status == 0x0000
        if CT in accepted:
            assert association.send_c_store(folder / "image.dcm").Status == 0x0000


# --- commands ---------------------------------------------------------------------------------------------


def run_commands(text: str, folder: Path) -> None:
    """Run the commands of a block, one after the other: its servers go on until its end."""
    with ExitStack() as stack:
        port: int | None = None
        for words in commands_of(text):
            tool = tool_of(words)
            if tool in {"echoscp", "storescp"}:
                port = stack.enter_context(tool_server(words, folder))
            elif tool is not None:
                if PORT in words and port is None:
                    port, _ = stack.enter_context(server())
                run_command(words, folder, port)
            else:
                check_command(words, folder)


def tool_of(words: list[str]) -> str | None:
    """Return the name of our tool that a command runs."""
    for start in (["python", "-m", "fastdicom"], ["fastdicom"]):
        if words[: len(start)] == start:
            return words[len(start)]
    return None


def command_line(words: list[str], port: int | None) -> list[str]:
    """Return what is run in the place of a command."""
    arguments = words[words.index("fastdicom") + 1 :]
    return [sys.executable, "-m", "fastdicom", *(str(port) if word == PORT else word for word in arguments)]


def run_command(words: list[str], folder: Path, port: int | None) -> None:
    done = subprocess.run(
        command_line(words, port), cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout}{done.stderr}"


@contextmanager
def tool_server(words: list[str], folder: Path) -> Iterator[int]:
    """Run one of our servers on a free port."""
    process = subprocess.Popen(
        command_line(words, 0), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"listening on .*:(\d+)\n", line)
        assert match, f"{shlex.join(words)}: {line}"
        yield int(match[1])
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def check_command(words: list[str], folder: Path) -> None:
    """Check a command that is not a tool of ours, as well as that can be done without running it."""
    command = shlex.join(words)
    match words:
        case ["mkdir", *_]:
            subprocess.run(words, cwd=folder, check=True)
        case ["make", target, *_]:
            assert re.search(rf"^{target}:", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), (
                command
            )
        case ["pip", "install", *requirements]:
            check_requirements(requirements)
        case ["python", "-m", "fastdicom.bench", *arguments]:
            from fastdicom.bench.__main__ import parser

            parser().parse_args(arguments)
        case ["git", "clone", *_] | ["cd", _]:
            pass
        case _:
            pytest.fail(f"nothing here knows how to check {command!r}")


def check_requirements(requirements: list[str]) -> None:
    """What is to be installed is this project, with extras that it has."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in requirements:
        match = re.fullmatch(r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,]+)\])?", requirement)
        assert match, requirement
        assert match["name"] in {project["name"], "."}, requirement
        assert set((match["extras"] or "").split(",")) - {""} <= set(project["optional-dependencies"]), (
            requirement
        )


# --- the tests --------------------------------------------------------------------------------------------


@written_in("python")
def test_python(block: Block, run_block: Callable[[Block], None]) -> None:
    run_block(block)


@written_in("sh")
def test_commands(block: Block, run_block: Callable[[Block], None]) -> None:
    run_block(block)


def test_every_block_is_an_example_or_says_that_it_is_none() -> None:
    assert {block.language for block in BLOCKS} <= {"python", "sh", *NOT_EXAMPLES}
    assert [b for b in BLOCKS if b.document == "README.md" and b.language == "python"], (
        "README.md has no example"
    )


CLIENT = """\
from fastdicom import AE
ae = AE()
ae.add_requested_context("1.2.840.10008.1.1")
with ae.associate("127.0.0.1", 11112) as assoc:
    {}
"""

SERVER = """\
from fastdicom import AE, AllStoragePresentationContexts, evt
ae = AE()
ae.supported_contexts = AllStoragePresentationContexts
def on_store(event):
    {}
ae.start_server(("127.0.0.1", 11112), block={}, evt_handlers=[(evt.EVT_C_STORE, on_store)])
"""

SERVER_COMMAND = "mkdir new\npython -m fastdicom storescp -od new 11112 &\n"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", CLIENT.format("assert assoc.send_c_echo().Status == 0x0000")),
        ("python", SERVER.format("return len(event.dataset) * 0", False)),
        ("python", SERVER.format("return 0x0000", True)),
        ("sh", SERVER_COMMAND + "fastdicom storescu -r 127.0.0.1 \\\n    11112 directory  # all of it"),
        ("sh", "python -m fastdicom echoscu 127.0.0.1 11112"),
        ("sh", "git clone x\ncd fastdicom\nmake bench\npip install 'fastdicom-net[bench]'"),
        ("sh", "python -m fastdicom.bench --quick"),
    ],
)
def test_an_example_that_works(language: str, text: str, run_block: Callable[[Block], None]) -> None:
    run_block(Block("a text", 1, language, text, None))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "assert False"),
        ("python", CLIENT.format("assoc.send_c_ecco()")),
        ("python", CLIENT.format("lambda: assoc.send_c_echo()")),
        ("python", SERVER.format("return event.no_such_name", False)),
        ("python", SERVER.format("return 0xA700", True)),
        ("python", SERVER.format("return 0x0000", "no_such_name")),
        ("sh", "python -m fastdicom storescp -od missing 11112"),
        ("sh", SERVER_COMMAND + "python -m fastdicom storescu 127.0.0.1 11112 missing"),
        ("sh", "fastdicom echoscu --no-such-flag 127.0.0.1 11112"),
        ("sh", "pip install fastdicom-net[no_such_extra]"),
        ("sh", "make no-such-target"),
        ("sh", "rm -r directory"),
    ],
)
def test_an_example_that_is_broken(language: str, text: str, run_block: Callable[[Block], None]) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_block(Block("a text", 1, language, text, None))


def test_blocks_are_found() -> None:
    python, sh = "a\n```python\nx = 1\n```\n\n", "```sh\nls\n```\n"
    text = f"{python}<!-- not run: it costs money -->\n{sh}<!-- other -->\n{sh}"
    assert list(blocks_of("D", text)) == [
        Block("D", 3, "python", "x = 1\n", None),
        Block("D", 8, "sh", "ls\n", " it costs money "),
        Block("D", 12, "sh", "ls\n", None),
    ]


def test_a_block_is_skipped_only_for_a_reason(run_block: Callable[[Block], None]) -> None:
    with pytest.raises(pytest.skip.Exception, match="it costs money"):
        run_block(Block("D", 1, "sh", "buy", " it costs money "))
    with pytest.raises(AssertionError, match="for no reason"):
        run_block(Block("D", 1, "sh", "buy", " "))
