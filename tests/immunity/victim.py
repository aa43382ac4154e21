"""The program under attack: a fastdicom SCP in a process of its own, told what to do line by line.

Run with one argument, a JSON object of settings (see `Victim`). Commands come as JSON objects, a line each,
and so do the answers: ``{"do": "look"}`` and the like, one method of `Victim` each. What is asked for as
requestor runs in threads of its own, so that the control channel answers whatever happens to them.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from immunity.behaviours import ACTIONS, ANSWERS, BEHAVIOURS, GATE
from immunity.hostile import nested
from pydicom.dataset import Dataset
from raw_peer import CT, FIND, IMPLICIT, VERIFICATION, data_set

from fastdicom import AE, evt
from fastdicom.errors import FastdicomError
from fastdicom.presentation import build_context
from fastdicom.query import find
from fastdicom.tls import client_context, server_context
from fastdicom.ul.items import AsynchronousOperationsWindowNegotiation

BYSTANDER = "2.25.1"

KEPT = 200
"""Log lines, stored objects and outcomes that are remembered; the counts go on."""

LIFECYCLE = (
    evt.EVT_ABORTED,
    evt.EVT_ACCEPTED,
    evt.EVT_CONN_CLOSE,
    evt.EVT_CONN_OPEN,
    evt.EVT_ESTABLISHED,
    evt.EVT_REJECTED,
    evt.EVT_RELEASED,
    evt.EVT_REQUESTED,
)

OBSERVERS = (
    evt.EVT_DATA_RECV,
    evt.EVT_DATA_SENT,
    evt.EVT_DIMSE_RECV,
    evt.EVT_DIMSE_SENT,
    evt.EVT_PDU_RECV,
    evt.EVT_PDU_SENT,
    evt.EVT_FSM_TRANSITION,
)


MISBEHAVING = "MISBEHAVE"
"""The calling AE title on whose associations handlers do what the setting `behaviour` says."""


class Log(logging.Handler):
    """Counts what is logged, and keeps the last lines and every traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = self.warnings = self.characters = self.fault_count = 0
        self.last: deque[str] = deque(maxlen=KEPT)
        self.faults: deque[str] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.lines += 1
        self.warnings += record.levelno >= logging.WARNING
        self.characters += len(text)
        self.last.append(f"{record.levelname} {text}"[:500])
        if record.exc_info:
            self.note(record.exc_info, text)

    def note(self, error: Any, text: str = "nobody caught it") -> None:
        """Keep a traceback."""
        self.fault_count += 1
        self.faults.append(text + "\n" + "".join(traceback.format_exception(*error))[-2000:])

    def catch(self, hook: Any) -> None:
        """Be an excepthook: what is raised where nobody catches it is a fault."""
        self.note((hook.exc_type, hook.exc_value, hook.exc_traceback))


class Victim:
    """An application entity with a server on a free port, and what is known of it.

    Parameters
    ----------
    settings
        Attributes of the AE, and of these: `is_observed` binds a handler to every PDU and transition;
        `behaviour` names what a handler does (`behaviours.BEHAVIOURS`) for who calls itself MISBEHAVE, in
        the events that `behaves_at` lists; `window` is the answer of EVT_ASYNC_OPS; `tls` has the paths of a
        certificate and its key, for another server of the same AE, with TLS.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.log = Log()
        logger = logging.getLogger("fastdicom")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self.log)
        logger.propagate = False
        warnings.filterwarnings("ignore", module="pydicom")  # what it thinks of a data set
        threading.excepthook = self.log.catch
        sys.unraisablehook = self.log.catch
        self.behaviour = "succeed"
        self.behaves_at: list[str] = ["EVT_C_ECHO", "EVT_C_STORE"]
        self.window: list[int] | None = None
        self.newest: dict[str, Any] = {}  # the last association of each mode
        self.events: Counter[str] = Counter()
        self.stored: deque[list[object]] = deque(maxlen=KEPT)
        self.stored_count = 0
        self.outcomes: dict[int, dict[str, Any]] = {}
        self.held: Any = None
        self.is_stormy = False
        self.signals = 0
        is_observed = settings.pop("is_observed", False)
        tls = settings.pop("tls", None)
        self.ae = AE("VICTIM")
        self.ae.add_supported_context(VERIFICATION)
        self.ae.add_supported_context(CT, IMPLICIT)
        self.ae.add_supported_context(FIND, IMPLICIT)
        self.set(**settings)
        rows: list[Any] = [
            (event, self._count) for event in (*LIFECYCLE, *(OBSERVERS if is_observed else ()))
        ]
        rows += [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, self._behave), (evt.EVT_C_FIND, self._find)]
        rows += [(evt.EVT_ASYNC_OPS, self._answer_window)]
        self.server = self.ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=rows)
        self.port = int(self.server.server_address[1])
        self.tls_server = None
        if tls is not None:
            self.tls_server = self.ae.start_server(
                ("127.0.0.1", 0),
                block=False,
                evt_handlers=rows,
                ssl_context=server_context(tls[0], tls[1], verifies_peer=False),
            )

    def _count(self, event: evt.Event) -> None:
        self.events[event.event.name] += 1
        if event.event is evt.EVT_CONN_OPEN:
            self.newest[event.assoc.mode] = event.assoc
        self._behave(event)

    def _behave(self, event: Any) -> Any:
        """Do what is asked for, to whom it is asked for; before an A-ASSOCIATE-RQ it may be anybody."""
        title = event.assoc.requestor.ae_title
        if event.event.name not in self.behaves_at or title not in (MISBEHAVING, ""):
            return 0x0000
        return BEHAVIOURS[self.behaviour](event)

    def _answer_window(self, event: Any) -> tuple[int, ...] | None:
        return None if self.window is None else tuple(self.window)

    def _store(self, event: Any) -> Any:
        instance = event.request.AffectedSOPInstanceUID
        if instance == BYSTANDER:  # there is no end of those; it sees for itself how they fare
            return self._behave(event)
        self.stored_count += 1
        if event.assoc.requestor.ae_title == MISBEHAVING:  # whose data sets are looked at by nobody else
            self.stored.append([instance, -1, ""])
        else:
            encoded = memoryview(event.encoded)
            self.stored.append([instance, len(encoded), hashlib.sha256(encoded).hexdigest()])
        return self._behave(event)

    def _find(self, event: Any) -> Any:
        """Match as an archive does that has three patients."""
        return find(event, [patient(number) for number in range(3)])

    # The commands.

    def set(self, **settings: Any) -> dict[str, Any]:
        """Set attributes of the AE, and of this; answer what they were."""
        previous = {}
        for name, value in settings.items():
            owner = self if name in ("behaviour", "behaves_at", "window") else self.ae
            before = getattr(owner, name)
            previous[name] = str(before) if isinstance(before, Path) else before
            setattr(owner, name, value)
        return previous

    def mark(self) -> dict[str, Any]:
        """Collect garbage, let the high-water marks begin anew, and look."""
        gc.collect()
        give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if give_back is not None:
            give_back(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM becomes VmRSS
        return self.look()

    def look(self) -> dict[str, Any]:
        """Answer how it is."""
        return {
            "rss": resident(),
            "peak": status_field("VmHWM"),
            "virtual_peak": status_field("VmPeak"),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "threads": len(os.listdir("/proc/self/task")),
            "established": len(self.server.active_associations),
            "active": len(self.ae.active_associations),
            "files": len(list(Path(gettempdir()).iterdir())),
            "lines": self.log.lines,
            "warnings": self.log.warnings,
            "characters": self.log.characters,
            "log": list(self.log.last),
            "faults": list(self.log.faults),
            "fault_count": self.log.fault_count,
            "events": dict(self.events),
            "stored": list(self.stored),
            "stored_count": self.stored_count,
            "hanging": GATE.waiting,
            "answers": list(ANSWERS),
        }

    def tls_port(self) -> int:
        """Answer where the server with TLS listens."""
        assert self.tls_server is not None
        return int(self.tls_server.server_address[1])

    def jump(self, seconds: float) -> float:
        """Set the wall clock, as Python sees it."""
        clock = time.time

        def jumped() -> float:
            return clock() + seconds

        time.time = jumped
        for module in list(sys.modules.values()):
            if getattr(module, "time", None) is clock:
                module.time = jumped  # type: ignore[attr-defined]
        return jumped()

    def descriptor_flags(self) -> list[list[Any]]:
        """Answer what is open beyond standard input, output and error, and whether it is closed on exec."""
        rows: list[list[Any]] = []
        for number in map(int, os.listdir("/proc/self/fd")):
            with suppress(OSError):  # the directory itself
                rows.append([os.readlink(f"/proc/self/fd/{number}"), not os.get_inheritable(number)])
        return [row for row in rows if "pipe:" not in row[0] and "stderr" not in row[0]]

    def limit_files(self, length: int) -> int:
        """Let no file become longer than that, -1 for no limit; what is beyond is EFBIG."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (length, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return length

    def state(self, mode: str) -> str:
        """Answer the state of the newest association of a mode, as PS3.8 numbers it."""
        return str(self.newest[mode]._connection.provider.state.name)

    def open_gate(self) -> int:
        """Let handlers that hang go on; answer how many there were."""
        return GATE.open()

    def act(self, number: int, action: str, mode: str = "acceptor") -> None:
        """Have another thread do something with the newest association: `behaviours.ACTIONS`."""
        association = self.newest[mode]

        def run() -> None:
            try:
                answer = ACTIONS[action](association)
                self.outcomes[number] = {"answer": answer, "error": None}
            except (FastdicomError, ValueError) as error:
                self.outcomes[number] = {"answer": None, "error": f"{type(error).__name__}: {error}"}

        threading.Thread(target=run, daemon=True).start()

    def storm(self, is_on: bool) -> int:
        """Interrupt every other thread with signals, all the time, until told otherwise; answer how often."""
        signal.signal(signal.SIGUSR1, lambda number, frame: None)
        self.is_stormy = is_on
        if not is_on:
            return self.signals

        def interrupt() -> None:
            while self.is_stormy:
                for thread in threading.enumerate():
                    if thread.ident not in (None, threading.get_ident()):
                        with suppress(ProcessLookupError):
                            signal.pthread_kill(thread.ident or 0, signal.SIGUSR1)
                            self.signals += 1
                time.sleep(0.001)

        threading.Thread(target=interrupt, daemon=True).start()
        return 0

    def shut_down(self) -> list[float]:
        """Shut the AE down; answer how many associations were aborted, and how many seconds it took."""
        start = time.monotonic()
        return [self.ae.shutdown(), time.monotonic() - start]

    def abort(self) -> int:
        """Abort every accepted association, from this thread; answer how many."""
        associations = self.server.active_associations
        for association in associations:
            association.abort()
        return len(associations)

    def hold(self) -> bool:
        """Open an association with ourselves, as requestor, and keep it."""
        self.held = self.ae.associate("127.0.0.1", self.port, contexts=proposal())
        return bool(self.held.is_established)

    def use_held(self) -> list[Any]:
        """Use the association that is kept; answer the statuses."""
        return [operate(self.held, operation, BYSTANDER) for operation in ("echo", "store:2000")]

    def release_held(self) -> bool:
        """End it; answer whether it was released in good order."""
        self.held.release()
        return bool(self.held.is_released)

    def request(self, number: int, port: int, operations: list[str], **options: Any) -> None:
        """Associate with a peer in a thread, do the operations, release."""
        contexts = options.pop("contexts", None)
        if options.pop("tls", False):
            options["tls_args"] = client_context(verifies_peer=False), None

        def run() -> None:
            try:
                outcome = self._request(port, operations, contexts, options)
            except Exception as error:
                outcome = {"raised": f"{type(error).__name__}: {error}"}
                if not isinstance(error, (ValueError, FastdicomError)):
                    self.log.note(sys.exc_info())
            self.outcomes[number] = outcome

        threading.Thread(target=run, daemon=True).start()

    def _request(
        self, port: int, operations: list[str], contexts: list[Any] | None, options: dict[str, Any]
    ) -> dict[str, Any]:
        window = options.pop("window", None)
        items = [] if window is None else [AsynchronousOperationsWindowNegotiation(*window)]
        association = self.ae.associate(
            "127.0.0.1",
            port,
            contexts=proposal(contexts),
            ext_neg=items,
            evt_handlers=[(evt.EVT_CONN_OPEN, self._count), (evt.EVT_CONN_CLOSE, self._count)],
            **options,
        )
        was_established = bool(association.accepted_contexts)  # the peer may have closed since
        did = [operate(association, operation) for operation in operations] if was_established else []
        is_still_established = association.is_established
        error = None
        try:
            with association:
                pass  # releases
        except FastdicomError as failure:
            error = failure
        return {
            "established": was_established,
            "still_established": is_still_established,
            "released": association.is_released,
            "rejected": association.is_rejected,
            "aborted": association.is_aborted,
            "did": did,
            "error": None if error is None else [type(error).__name__, str(error)],
            "source": getattr(error, "source", None),
            "reason": getattr(error, "reason", None),
            "accepted": [
                [context.context_id, context.abstract_syntax, context.transfer_syntax[0]]
                for context in association.accepted_contexts
            ],
            "window": [
                association.maximum_operations_invoked,
                association.maximum_operations_performed,
            ],
            "rejected_contexts": [
                [context.context_id, context.result] for context in association.rejected_contexts
            ],
        }

    def outcome(self, number: int) -> dict[str, Any] | None:
        """Answer what became of a request, once; None while it goes on."""
        return self.outcomes.pop(number, None)


def patient(number: int) -> Dataset:
    """Return a record."""
    record = Dataset()
    record.PatientID = f"P{number}"
    record.PatientName = f"Citizen^Jan{number}"
    return record


def proposal(contexts: list[Any] | None = None) -> list[Any]:
    """Return what is proposed: pairs of an abstract syntax and its transfer syntaxes."""
    rows = contexts or [[VERIFICATION, [IMPLICIT]], [CT, [IMPLICIT]]]
    return [build_context(abstract, transfer) for abstract, transfer in rows]


def operate(association: Any, operation: str, instance: str = "1.2.3.4") -> object:
    """Do one operation: its Status, "no status", or the name of what was raised."""
    name, _, argument = operation.partition(":")
    try:
        if name == "echo":
            status = association.send_c_echo()
        elif name == "store":
            status = association.send_c_store(data_set(int(argument), instance), transfer_syntax=IMPLICIT)
        elif name == "file":
            status = association.send_c_store(argument)
        elif name == "deep":
            status = association.send_c_store(nested(int(argument)), transfer_syntax=IMPLICIT)
        elif name == "find":
            responses = association.send_c_find(nested(1), FIND)
            return [each.Status if "Status" in each else "no status" for each, _ in responses]
        elif name == "abort":
            return association.abort()
        else:
            raise KeyError(f"there is no operation {operation}")
    except (FastdicomError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return int(status.Status) if "Status" in status else "no status"


def resident() -> int:
    """Return the resident set in kB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def status_field(name: str) -> int:
    """Return a line of /proc/self/status, in kB."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in text.splitlines() if line.startswith(f"{name}:")).split()[1])


def main() -> None:
    """Answer commands until there are no more."""
    victim = Victim(json.loads(sys.argv[1]))
    gc.freeze()  # what was imported need not be looked at each time
    print(json.dumps(victim.port), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(victim, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
