"""An attack on a fastdicom process, and the four things that are asserted around any attack.

1. The result on the wire is the one stated: that is the test's own, in the body of `attack`.
2. Memory is bounded: the highest resident set during the attack is at most `growth` above the one before
   it, and no more than `virtual_growth` of address space was asked for.
3. The slot is freed: associations, connections, descriptors and temporary files are what they were before,
   and the next association is accepted at once, although the AE admits no more than the attack needs.
4. Others are unaffected: a bystander, an association opened before the attack, echoes and stores all the
   time, and is released in good order afterwards. Nothing was logged as an error of this program.

The victim is a process of its own (`victim.py`); the control channel tells what it knows of itself, `Look`.
The fixture `victim` (conftest.py) is the usual one, `victims(**settings)` gives one with other settings; they
are started once and shared by all tests. Settings that hold for one attack only are arguments of `attack`.

    def test_v1_a_pdv_of_no_bytes(victim: Victim) -> None:
        with attack(victim) as attacker:
            peer = attacker.associate()          # or .connect(); closed when the body has ended
            peer.send(model.pdu(4, bytes(4)))
            assert final_pdus(peer) == [ABORT_INVALID_PARAMETER]

The body must leave nothing of its own behind but what `connect` and `associate` returned: these are closed
after its end, while the bystander is still at work. `attacker.await_freed()` waits, in the body, until the
victim has got rid of the attacker without the attacker doing anything (a peer that never closes, a timeout).

A hostile acceptor is a script of `raw_peer.fake_acceptor`, and the victim then is the requestor. With
`as_requestor` it holds an association as requestor meanwhile, with itself, which must stay usable:

    def test_s8_the_answer_is_cut(victim: Victim) -> None:
        def script(peer: Raw) -> None:
            peer.receive_pdu()
            peer.send(acceptance()[:40])

        with attack(victim, as_requestor=True) as attacker:
            outcome = attacker.face(script, ["echo"])  # or start(port, …) and outcome(number)
            assert outcome["aborted"] and not outcome["established"]

Every wait has a deadline; nothing sleeps. Figures are in kB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import model
from immunity.bystander import (
    IMMEDIATELY,
    OUR_MAXIMUM_LENGTH,
    Bystander,
    echo,
    established,
    final_pdus,
    release,
    send_anyway,
    store,
)
from raw_peer import Raw, connect_raw, fake_acceptor
from servers import DEADLINE, wait_until

__all__ = [
    "ABORT_BY_USER",
    "ABORT_INVALID_PARAMETER",
    "ABORT_UNEXPECTED_PARAMETER",
    "ABORT_UNEXPECTED_PDU",
    "ABORT_UNRECOGNIZED_PDU",
    "ASSOCIATE_LIMIT",
    "COMMAND_LIMIT",
    "COUNTS_MEMORY",
    "GROWTH",
    "IMMEDIATELY",
    "OUR_MAXIMUM_LENGTH",
    "SETTINGS",
    "Attack",
    "Look",
    "Victim",
    "attack",
    "check_admission",
    "echo",
    "established",
    "final_pdus",
    "release",
    "send_anyway",
    "store",
]

HERE = Path(__file__).parent

ABORT_BY_USER = model.abort(0, 0)  # AA-1, which names no reason, and what DIMSE aborts
ABORT_UNRECOGNIZED_PDU = model.abort(2, 1)
ABORT_UNEXPECTED_PDU = model.abort(2, 2)
ABORT_UNEXPECTED_PARAMETER = model.abort(2, 5)
ABORT_INVALID_PARAMETER = model.abort(2, 6)

ASSOCIATE_LIMIT = 1 << 20
COMMAND_LIMIT = 1 << 16
"""What an A-ASSOCIATE PDU and a command set may be long."""

SETTINGS = {
    "acse_timeout": 0.5,
    "dimse_timeout": 1.0,
    "network_timeout": 10.0,  # the bystander never is as idle as that
    "memory_limit": 1 << 20,  # longer data sets go to a file
}

GROWTH = 4 << 10
VIRTUAL_GROWTH = 256 << 10

THREADS = 8
"""Threads that a server may keep for the next connections, beyond those it had."""

COUNTS_MEMORY = not any(each in os.environ.get("LD_PRELOAD", "") for each in ("asan", "tsan"))
"""AddressSanitizer keeps what was freed, ThreadSanitizer its own: there the figures mean nothing."""


class Look(SimpleNamespace):
    """What the victim knows of itself.

    Attributes
    ----------
    rss, peak, virtual_peak
        Resident set now, its highest since `mark`, and the highest address space, in kB.
    descriptors, threads, files
        File descriptors, threads of the system, and temporary files.
    established, active
        Accepted associations, and those of the AE in both directions.
    lines, warnings, characters, log
        What was logged: how much, how much of it is a warning or worse, and the last 200 lines.
    faults, fault_count
        The last 200 tracebacks that were logged, or that nobody caught, and how many there were.
    events
        How often each notification event was told, by name.
    stored, stored_count
        (instance UID, length, SHA-256) of the last 200 objects, and how many there were; none of the
        bystander's.
    """

    def opened(self) -> int:
        """How many connections are told to be open."""
        events = self.events
        return int(events.get("EVT_CONN_OPEN", 0) - events.get("EVT_CONN_CLOSE", 0))


class Victim:
    """The process under attack.

    Parameters
    ----------
    directory
        Where its temporary files go.
    settings
        Attributes of its AE, and `is_observed` (a handler for each PDU); `SETTINGS` unless given.
    """

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.is_discarded = False
        self._lock = threading.Lock()
        self._numbers = iter(range(1, 1 << 30))
        self._errors = (directory / "stderr").open("w+")
        temporary = directory / "temporary"
        temporary.mkdir()
        self.directory = temporary
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path]),
            "TMPDIR": str(temporary),
            "MALLOC_ARENA_MAX": "2",  # a new arena for each thread would hide what is measured
        }
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "victim.py"), json.dumps(SETTINGS | settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            text=True,
        )
        self.port = int(self._answer())
        self._warm_up()

    def _warm_up(self) -> None:
        """Let everything that is made once be made before anything is measured."""
        for _ in range(3):
            with Bystander(self.port):
                pass
        assert self.tell("hold") and self.tell("use_held") == [0, 0] and self.tell("release_held")

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the victim is gone: {self.process.wait(DEADLINE)}, {self.error_output()}"
        return json.loads(line)

    def tell(self, what: str, **arguments: Any) -> Any:
        """Send a command over the control channel, and return the answer."""
        assert self.process.stdin is not None
        with self._lock:
            self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            self.process.stdin.flush()
            return self._answer()

    def look(self) -> Look:
        """Look how it is."""
        return Look(**self.tell("look"))

    def mark(self) -> Look:
        """Look how it is after a garbage collection; the peaks count from now on."""
        return Look(**self.tell("mark"))

    @contextmanager
    def set(self, **settings: Any) -> Iterator[None]:
        """Have other settings for a while: attributes of the AE, and `behaviour` of its handlers."""
        previous = self.tell("set", **settings)
        yield
        self.tell("set", **previous)  # after a failure nobody needs it

    def start(self, port: int, operations: list[str], **options: Any) -> int:
        """Have it associate with a peer, do operations ("echo", "store:<length>", "abort") and release.

        `contexts` in the options are pairs of an abstract syntax and its transfer syntaxes, `window` is the
        asynchronous operations window to propose; the others are those of `AE.associate`. Returns the number
        that `outcome` wants.
        """
        number = next(self._numbers)
        self.tell("request", number=number, port=port, operations=operations, **options)
        return number

    def outcome(self, number: int) -> dict[str, Any]:
        """Wait for what became of a request; `Victim._request` in victim.py says what is in it."""
        found: list[dict[str, Any]] = []

        def is_over() -> bool:
            outcome = self.tell("outcome", number=number)
            if outcome is not None:
                found.append(outcome)
            return bool(found)

        wait_until(is_over, "the end of a request")
        return found[0]

    def error_output(self) -> str:
        """Return what it wrote to standard error."""
        self._errors.flush()
        self._errors.seek(0)
        return self._errors.read()[-5000:]

    def discard(self) -> None:
        """End it at once, after a failure: what is left of that shall not fail the tests that follow."""
        self.is_discarded = True
        self.process.kill()
        self.process.wait(DEADLINE)

    def close(self) -> None:
        """End it; it must have been alive."""
        assert self.process.poll() is None, f"the victim is gone: {self.error_output()}"
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        assert self.process.returncode == 0, self.error_output()
        self._errors.close()


class Attack:
    """What the body of `attack` gets.

    Attributes
    ----------
    victim
        The process under attack.
    before
        How it was before the attack, bystander included.
    bystander
        The association that must not be affected.
    """

    def __init__(self, victim: Victim, bystander: Bystander) -> None:
        self.victim = victim
        self.bystander = bystander
        bystander.keep_on()  # what it makes once is there
        self.before = victim.mark()
        self._peers: list[Raw] = []

    def connect(self) -> Raw:
        """Connect to the victim."""
        self._peers.append(connect_raw(self.victim.port))
        return self._peers[-1]

    def associate(self, **options: Any) -> Raw:
        """Have the victim accept an association; options are those of `raw_peer.request`."""
        self._peers.append(established(self.victim.port, **options))
        return self._peers[-1]

    def face(self, script: Callable[[Raw], None], operations: list[str], **options: Any) -> dict[str, Any]:
        """Have the victim associate with an acceptor that follows a script; return what became of it."""
        with fake_acceptor(script) as port:
            return self.victim.outcome(self.victim.start(port, operations, **options))

    def stored(self) -> list[tuple[str, int, str]]:
        """Return what the victim has stored since the attack began, but for what the bystander sent."""
        look = self.victim.look()
        new = look.stored_count - self.before.stored_count
        assert new <= len(look.stored), "more than is remembered"
        return [tuple(row) for row in look.stored[len(look.stored) - new :]]

    def await_freed(self) -> Look:
        """Wait until the victim has nothing of the attacker any more."""
        seen: list[Look] = []

        def is_freed() -> bool:
            seen[:] = [self.victim.look()]
            return not self._leftovers(seen[0])

        try:
            wait_until(is_freed)
        except AssertionError:
            raise AssertionError(f"not freed within {DEADLINE} s: {self._leftovers(seen[0])}") from None
        return seen[0]

    def _leftovers(self, now: Look) -> dict[str, tuple[int, int]]:
        """Return what there is more of than before: (before, now)."""
        before = self.before
        names = ("descriptors", "established", "active", "files")
        found = {name: (getattr(before, name), getattr(now, name)) for name in names}
        found["opened"] = before.opened(), now.opened()
        found["threads"] = before.threads + THREADS, now.threads
        return {name: pair for name, pair in found.items() if pair[1] > pair[0]}

    def close(self) -> None:
        """Close every connection of the attacker."""
        for peer in self._peers:
            peer.close()

    def check_memory(self, growth: int, virtual_growth: int) -> None:
        """Fail if the victim has taken more memory."""
        if not COUNTS_MEMORY:
            return
        now = self.victim.look()
        taken = now.peak - self.before.rss
        assert taken <= growth, f"the resident set grew by {taken} kB; {growth} are allowed"
        taken = now.virtual_peak - self.before.virtual_peak
        assert taken <= virtual_growth, f"{taken} kB of addresses were taken; {virtual_growth} are allowed"

    def check_faults(self) -> None:
        """Fail if anything was an error of the program."""
        now = self.victim.look()
        new = now.fault_count - self.before.fault_count
        assert not new, f"{new} errors of this program, the last: {now.faults[-1]}"
        assert not self.victim.error_output(), self.victim.error_output()


def check_admission(victim: Victim) -> None:
    """Fail unless a fresh association is accepted and served at once."""
    start = monotonic()
    with established(victim.port) as peer:
        echo(peer)
        release(peer)
    assert monotonic() - start < IMMEDIATELY


@contextmanager
def attack(
    victim: Victim,
    *,
    room: int = 1,
    growth: int = GROWTH,
    virtual_growth: int = VIRTUAL_GROWTH,
    as_requestor: bool = False,
    allows_faults: bool = False,
    **settings: Any,
) -> Iterator[Attack]:
    """Attack a victim in the body, and check the four things (see above).

    Parameters
    ----------
    victim
        The process under attack.
    room
        How many associations the attacker has at once: so many does the AE admit beside the bystander's.
    growth, virtual_growth
        Resident set and address space that the victim may take beyond what it had, in kB.
    as_requestor
        Whether the victim has an association as requestor meanwhile, which must not be affected.
    allows_faults
        Whether errors may be logged with a traceback: only where a handler of the user raises on purpose.
    settings
        Of the AE, as long as the attack lasts.
    """
    others = 2 if as_requestor else 1
    try:
        with victim.set(**{"maximum_associations": others + room} | settings):
            if as_requestor:
                assert victim.tell("hold")
            with Bystander(victim.port) as bystander:
                attacker = Attack(victim, bystander)
                try:
                    yield attacker
                    bystander.keep_on()
                finally:
                    attacker.close()
                attacker.await_freed()
                check_admission(victim)
                bystander.keep_on()
                attacker.check_memory(growth, virtual_growth)
                if as_requestor:
                    assert victim.tell("use_held") == [0, 0]
                if not allows_faults:
                    attacker.check_faults()
            if as_requestor:
                assert victim.tell("release_held")
    except BaseException:
        victim.discard()
        raise
