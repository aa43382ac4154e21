"""Programs that serve in several processes, and who asks them for associations."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import DEADLINE, wait_until

from fastdicom import AE, Association
from fastdicom.sop_class import Verification

PROGRAM = Path(__file__).with_name("program.py")


class Program:
    """A running program.

    Parameters
    ----------
    directory
        Where its handlers leave files.
    options
        See `program.py`.
    """

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        self._log = directory / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, PROGRAM, json.dumps({"directory": str(directory), **options})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.port: int = self.hear()

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(encoding="utf-8")

    def hear(self) -> Any:
        """Return what it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log
        return json.loads(line)

    def say(self, *words: Any) -> None:
        """Give a command."""
        assert self.process.stdin is not None
        print(json.dumps(words), file=self.process.stdin, flush=True)

    def ask(self, *words: Any) -> Any:
        """Give a command and return the answer."""
        self.say(*words)
        return self.hear()

    def pids(self) -> set[int]:
        """Return the processes that have answered a C-ECHO."""
        return {int(path.name) for path in self.directory.iterdir() if path.name.isdecimal()}

    def associate(self, ae_title: str = "SCU") -> Association:
        """Request an association."""
        ae = AE(ae_title)
        ae.acse_timeout = ae.dimse_timeout = DEADLINE
        ae.add_requested_context(Verification)
        return ae.associate("127.0.0.1", self.port)

    def echo(self) -> None:
        """Have a C-ECHO answered."""
        with self.associate() as association:
            assert association.send_c_echo().Status == 0x0000

    def echo_until(self, count: int) -> set[int]:
        """Ask until so many processes have answered; return them."""

        def enough() -> bool:
            self.echo()
            return len(self.pids()) >= count

        wait_until(enough, f"{count} processes")
        return self.pids()

    def end(self, number: int) -> int:
        """Send it a signal; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        """Leave nothing running."""
        self.process.kill()
        self.process.communicate(timeout=DEADLINE)


def is_alive(pid: int) -> bool:
    """Whether a process is there, as one that runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def all_end(pids: set[int]) -> None:
    """Wait until processes have ended."""
    wait_until(lambda: not any(map(is_alive, pids)), "the end of the processes")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Return a function that runs a program; in the end it does not run any more."""
    programs: list[Program] = []

    def start(**options: Any) -> Program:
        programs.append(Program(tmp_path, **{"processes": 2, "context": "fork", **options}))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.poll() is None:
            program.process.send_signal(signal.SIGTERM)
        program.close()
