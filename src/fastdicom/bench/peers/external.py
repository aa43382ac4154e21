"""One side of a contestant that is a program of its own: start it, wait for it, say what it used.

Speaks the language of `fastdicom.bench.peers.side`, but imports next to nothing and is run by its path,
``python -I -S external.py PLAN``: Linux hands the parent's peak memory down to the child it starts, so the
parent must be small. POSIX only.

PLAN is a JSON file. ``argv`` is the command, in which ``{port}`` and ``{repeat}`` are replaced and
``{files}`` stands for files. A sender sends message i as file i modulo their number, so more messages than
files become the next multiple of their number; without files, messages are repetitions. ``before_stop``
is a list of commands that a receiver needs before it ends. What programs print goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READY_TIMEOUT = 10.0
READY_POLL = 0.002


class Tool:
    """A program that has been started, with its output on standard error."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        actions: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, 2, 1),
        ]
        self.name = os.path.basename(argv[0])
        self.pid = os.posix_spawn(argv[0], argv, {**os.environ, **environment}, file_actions=actions)
        self.has_been_waited_for = False

    def has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> tuple[int, dict[str, object]]:
        """Return the exit status, and what the program and its children used."""
        _, status, usage = os.wait4(self.pid, 0)
        self.has_been_waited_for = True
        peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
        return os.waitstatus_to_exitcode(status), {
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_rss_bytes": peak,
        }

    def stop(self) -> dict[str, object]:
        """End the program and return what it used."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()[1]


def filled(argv: list[str], port: int, repeat: int = 1, files: list[str] | None = None) -> list[str]:
    """Return the command with its placeholders replaced."""
    command = []
    for argument in argv:
        if argument == "{files}":
            command += files or []
        else:
            command.append(argument.replace("{port}", str(port)).replace("{repeat}", str(repeat)))
    return command


def hold_port() -> socket.socket:
    """Return a socket that holds a port, without listening on it.

    On Linux a program that sets SO_REUSEADDR, as DCMTK and dcm4che do, can listen there nevertheless, and
    nobody else is given the port. Elsewhere it could not, or would hear nothing: close the socket there.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


class Receiver:
    """A server that runs from ``open`` to ``close``."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._holder = hold_port()
        self._port = self._holder.getsockname()[1]
        if sys.platform != "linux":
            self._holder.close()
        self._tool: Tool | None = None

    def answer(self, command: dict[str, Any]) -> dict[str, object]:
        """Do what the runner asks."""
        if command["do"] == "open":
            self._tool = Tool(filled(self._plan["argv"], self._port), self._plan["environment"])
            self._wait_until_it_listens(self._tool)
            return {"port": self._port}
        if self._tool is None:
            raise RuntimeError("close without open")
        for argv in self._plan["before_stop"]:
            Tool(filled(argv, self._port), {}).wait()
        return {**self._tool.stop(), "messages": None}

    def _wait_until_it_listens(self, tool: Tool) -> None:
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline:
            if tool.has_ended():
                raise RuntimeError(f"{tool.name} ended with exit status {tool.wait()[0]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(READY_POLL)
        raise TimeoutError(f"{tool.name} did not listen on port {self._port} within {READY_TIMEOUT:.0f} s")

    def end(self) -> None:
        """Leave nothing running."""
        if self._tool is not None and not self._tool.has_been_waited_for:
            self._tool.stop()
        self._holder.close()


class Sender:
    """A client that runs once for each ``go``."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._argv: list[str] = []
        self._messages = 0

    def answer(self, command: dict[str, Any]) -> dict[str, object]:
        """Do what the runner asks."""
        if command["do"] == "connect":
            self._prepare(command["port"], command["messages"])
            return {}
        started = time.monotonic()
        tool = Tool(self._argv, self._plan["environment"])
        status, usage = tool.wait()
        ended = time.monotonic()
        if status != 0:
            raise RuntimeError(f"{tool.name} ended with exit status {status}")
        return {"started": started, "ended": ended, "messages": self._messages, **usage}

    def _prepare(self, port: int, messages: int) -> None:
        files: list[str] = self._plan["files"]
        if messages <= len(files):
            self._argv = filled(self._plan["argv"], port, files=files[:messages])
        else:
            per_repetition = len(files) or 1
            repeat = -(-messages // per_repetition)
            messages = repeat * per_repetition
            self._argv = filled(self._plan["argv"], port, repeat, files)
        self._messages = messages

    def end(self) -> None:
        """Leave nothing running, which is so."""


def main(plan_path: str) -> None:
    """Answer commands until the input ends."""
    with open(plan_path, encoding="utf-8") as file:
        plan = json.load(file)
    side: Receiver | Sender = Receiver(plan) if plan["role"] == "receiver" else Sender(plan)
    print(json.dumps({"ready": True}), flush=True)
    try:
        for line in sys.stdin:
            try:
                reply = side.answer(json.loads(line))
            except (OSError, RuntimeError) as error:
                reply = {"error": str(error)}
            print(json.dumps(reply), flush=True)
    finally:
        side.end()


if __name__ == "__main__":
    main(sys.argv[1])
