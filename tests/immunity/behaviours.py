"""What the user of the victim may do wrong: handlers that misbehave, and other threads that do something."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset
from raw_peer import IMPLICIT, data_set


class Gate:
    """Where handlers wait until they are let go on.

    Attributes
    ----------
    waiting
        How many wait.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._opened = 0
        self.waiting = 0

    def wait(self) -> None:
        """Wait until the gate is opened the next time."""
        with self._changed:
            opened = self._opened
            self.waiting += 1
            self._changed.wait_for(lambda: self._opened > opened)
            self.waiting -= 1

    def open(self) -> int:
        """Let all go on who wait; return how many."""
        with self._changed:
            self._opened += 1
            self._changed.notify_all()
            return self.waiting


GATE = Gate()

ANSWERS: deque[Any] = deque(maxlen=20)
"""What handlers want to be known of."""


def in_another_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def raise_error(event: Any) -> int:
    raise RuntimeError("a handler that raises")


def raise_system_exit(event: Any) -> int:
    raise SystemExit(3)


def hang(event: Any) -> int:
    GATE.wait()
    return 0x0000


def hang_on_odd(event: Any) -> int:
    """Hang where the Message ID is odd."""
    return hang(event) if event.message_id % 2 else 0x0000


def abort(event: Any) -> int:
    event.assoc.abort()
    return 0x0000


def abort_twice(event: Any) -> int:
    event.assoc.abort()
    event.assoc.abort()
    return 0x0000


def abort_elsewhere(event: Any) -> int:
    """Wait in the handler for another thread that aborts."""
    in_another_thread(event.assoc.abort)
    return 0x0000


def abort_everywhere(event: Any) -> int:
    """Abort in ten threads at once."""
    threads = [threading.Thread(target=event.assoc.abort) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0x0000


def abort_and_raise(event: Any) -> int:
    event.assoc.abort()
    raise RuntimeError("a handler that raises after its abort")


def release(event: Any) -> int:
    event.assoc.release()
    return 0x0000


def reject(event: Any) -> int:
    event.assoc.acse.send_reject(1, 1, 3)
    return 0x0000


def decode(event: Any) -> int:
    """Use the data set."""
    try:
        ANSWERS.append(len(event.dataset))
    except Exception as error:
        ANSWERS.append(f"{type(error).__name__}: {error}"[:500])
        raise
    return 0x0000


def count_encoded(event: Any) -> int:
    """Pass the data set on as it is."""
    view = event.encoded
    ANSWERS.append(sum(len(view[i : i + 65536]) for i in range(0, len(view), 65536)))
    return 0x0000


LISTING = "import os; print(*(os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')))"


def list_descriptors(event: Any) -> int:
    """Execute a program that says what it was given."""
    done = subprocess.run(
        [sys.executable, "-c", LISTING], close_fds=False, stdout=subprocess.PIPE, text=True, check=True
    )
    ANSWERS.append(done.stdout.split())
    return 0x0000


def note_length(event: Any) -> int:
    """Take only the length."""
    ANSWERS.append(
        event.dataset_path.stat().st_size if event.dataset_path else event.encoded.encoded_length()
    )
    return 0x0000


def status(**elements: Any) -> Dataset:
    dataset = Dataset()
    with warnings.catch_warnings(action="ignore"):
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
    return dataset


JUNK: dict[str, Callable[[], object]] = {
    "text": lambda: "junk",
    "nothing": lambda: None,
    "a list": list,
    "a pair": lambda: (0x0000, None),
    "true": lambda: True,
    "a float": lambda: 0.0,
    "negative": lambda: -1,
    "too large": lambda: 0x10000,
    "huge": lambda: 1 << 100,
    "bytes": lambda: b"\0\0",
    "an empty Dataset": Dataset,
    "a Dataset without a Status": lambda: status(ErrorComment="why"),
    "a long comment": lambda: status(Status=0xA700, ErrorComment="x" * 5000),
    "a comment in Greek": lambda: status(Status=0xA700, ErrorComment="\u03b1\u03b2\u03b3"),
    "a Status that is none": lambda: status(Status=None),
    "several Statuses": lambda: status(Status=[0xA700, 0xA701]),
    "an ErrorID that is none": lambda: status(Status=0xA700, ErrorID=None),
    "an OffendingElement that is none": lambda: status(Status=0xA700, OffendingElement=None),
    "2000 OffendingElements": lambda: status(Status=0xA700, OffendingElement=[0x00100010] * 2000),
}


BEHAVIOURS: dict[str, Callable[[Any], Any]] = {
    "succeed": lambda event: 0x0000,
    "raise": raise_error,
    "exit": raise_system_exit,
    "hang": hang,
    "hang on odd": hang_on_odd,
    "abort": abort,
    "abort twice": abort_twice,
    "abort elsewhere": abort_elsewhere,
    "abort everywhere": abort_everywhere,
    "abort and raise": abort_and_raise,
    "release": release,
    "reject": reject,
    "decode": decode,
    "count": count_encoded,
    "note length": note_length,
    "list descriptors of a child": list_descriptors,
    **{f"junk: {name}": (lambda event, make=make: make()) for name, make in JUNK.items()},
}


def close_socket(association: Any) -> None:
    """Pull the connection away beneath the association, as whatever closes the wrong descriptor does."""
    association._connection._socket.shutdown(socket.SHUT_RDWR)


ACTIONS: dict[str, Callable[[Any], Any]] = {
    "abort": lambda association: association.abort(),
    "abort twice": lambda association: (association.abort(), association.abort()),
    "abort everywhere": lambda association: [in_another_thread(association.abort) for _ in range(5)],
    "release": lambda association: association.release(),
    "echo": lambda association: status_of(association.send_c_echo()),
    "store": lambda association: status_of(association.send_c_store(data_set(100), transfer_syntax=IMPLICIT)),
    "shut down the socket": close_socket,
}
"""What another thread may do with an association."""


def status_of(answer: Any) -> object:
    return int(answer.Status) if "Status" in answer else "no status"
