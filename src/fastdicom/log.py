"""Logging in a library whose peers are not to be trusted.

Peers can cause a warning at any rate, and what they send ends up in messages. Each logger of fastdicom has
one filter that tells of no kind of warning more often than it has to be known, and lets no control
character through. A kind is a message before its arguments are put in.

Each record says for which association this is: who logs gives its `log_fields` as ``extra``, or the thread
has been told before whom it works for. That is done once for many messages, and costs nothing for each.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import NamedTuple, Protocol

# So many messages of one kind are told in so many seconds; how many were not is told with the next one.
BURST = 20
INTERVAL = 10.0

CONTROL_CHARACTERS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}

IN_TRACEBACK = {code: text for code, text in CONTROL_CHARACTERS.items() if code != ord("\n")}


# What the fields of a record are where it belongs to no association.
NO_FIELDS = {"association_id": "-", "peer": "-", "peer_address": "-"}


class Named(Protocol):
    """What has log fields: an association."""

    @property
    def log_fields(self) -> Mapping[str, str]:
        """The fields of `NO_FIELDS`, for this association."""


WORKING_FOR: ContextVar[Named | None] = ContextVar("fastdicom_working_for", default=None)


@contextmanager
def working_for(association: Named) -> Iterator[None]:
    """Have the records of this thread say that they are for an association."""
    token = WORKING_FOR.set(association)
    try:
        yield
    finally:
        WORKING_FOR.reset(token)


class AssociationFilter(logging.Filter):
    """Tells in any record for which association its thread works; it lets all of them through.

    Records of fastdicom have `association_id`, `peer` (the AE title, with control characters escaped) and
    `peer_address` by themselves. Added to a handler, this gives them to all records: those that handlers of
    events log themselves, and with "-" as their values those that belong to no association.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Give a record the fields that it has not."""
        if not hasattr(record, "association_id"):
            association = WORKING_FOR.get()
            record.__dict__.update(NO_FIELDS if association is None else association.log_fields)
        return True


class _Kind(NamedTuple):
    begun: float
    told: int


class PeerFilter(AssociationFilter):
    """Lets through what a log can bear.

    Parameters
    ----------
    burst, interval
        So many messages of one kind are let through in so many seconds. Below a warning there is no limit.
    clock
        The time in seconds.
    """

    def __init__(
        self, burst: int = BURST, interval: float = INTERVAL, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__()
        self._burst = burst
        self._interval = interval
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide on a record, and make it fit for a log."""
        suppressed = 0
        if record.levelno >= logging.WARNING:
            suppressed = self._count(str(record.msg))
            if suppressed < 0:
                return False
        text = record.getMessage().translate(CONTROL_CHARACTERS)
        if suppressed:
            text += f" ({suppressed} more like this were not logged)"
        record.msg, record.args = text, ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = logging.Formatter().formatException(record.exc_info).translate(IN_TRACEBACK)
        return super().filter(record)

    def _count(self, kind: str) -> int:
        """Count a message: how many before it were kept back; -1 to keep it back too."""
        now = self._clock()
        with self._lock:
            known = self._kinds.get(kind)
            if known is None or now - known.begun >= self._interval:
                self._kinds[kind] = _Kind(now, 1)
                return max(known.told - self._burst, 0) if known is not None else 0
            self._kinds[kind] = known._replace(told=known.told + 1)
            return 0 if known.told < self._burst else -1

    def forget(self) -> None:
        """Begin anew, as if nothing had been told."""
        with self._lock:
            self._kinds.clear()


# Of the whole process, as loggers are. Its kinds are the messages in the source of this program.
PEER_FILTER = PeerFilter()


def get_logger(name: str) -> logging.Logger:
    """Return a logger of fastdicom."""
    logger = logging.getLogger(name)
    logger.addFilter(PEER_FILTER)
    return logger


def debug_logger() -> None:
    """Print everything that fastdicom logs to standard error, for debugging."""
    logger = logging.getLogger("fastdicom")
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname).1s: %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
