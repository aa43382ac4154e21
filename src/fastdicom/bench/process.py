"""One side of a contestant as a process: lines of JSON to it and from it, and a certain end.

Each side is the leader of a process group of its own, so that what it starts ends with it, and so that a
Ctrl-C reaches only the runner, which then ends all sides. A side that outlives the runner finds the end of
its input and exits.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

START_TIMEOUT = 60.0
REPLY_TIMEOUT = 120.0
END_TIMEOUT = 2.0
REASON_LENGTH = 300


class SideError(Exception):
    """A side said that it failed, said nothing, or ended."""


class Side:
    """A running side.

    Parameters
    ----------
    name
        Who it is, for messages.
    argv
        The command.
    log_path
        The file that gets its standard error.
    """

    def __init__(self, name: str, argv: list[str], log_path: Path) -> None:
        self._name = name
        self._log_path = log_path
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def wait_until_ready(self) -> None:
        """Wait until the side has loaded what it needs."""
        self.hear(START_TIMEOUT)

    def ask(self, **command: object) -> dict[str, Any]:
        """Give a command and return the answer."""
        self.tell(**command)
        return self.hear()

    def tell(self, **command: object) -> None:
        """Give a command."""
        if self._process.stdin is None:
            raise SideError(f"{self._name} has no input")
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise SideError(f"{self._name} has ended: {self._reason()}") from None

    def hear(self, timeout: float = REPLY_TIMEOUT) -> dict[str, Any]:
        """Return the answer to the next command that was not answered."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise SideError(f"{self._name} did not answer within {timeout:.0f} s") from None
        if line is None:
            self._process.wait(END_TIMEOUT)
            raise SideError(
                f"{self._name} ended with exit status {self._process.returncode}: {self._reason()}"
            )
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise SideError(f"{self._name}: {reply['error']}")
        return reply

    def _reason(self) -> str:
        """Return the last thing that the side printed."""
        printed = self._log_path.read_text(encoding="utf-8", errors="replace").strip()
        return printed.rpartition("\n")[2][:REASON_LENGTH] or "it printed nothing"

    def close(self) -> None:
        """End the process and what it has started, at once if it does not do so by itself."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(END_TIMEOUT)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
