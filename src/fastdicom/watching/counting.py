"""Counting what happens on one association, under a lock of its own.

Only messages are counted while they pass. What there is anyway (how it ended, bytes, who aborted) is looked
at when somebody asks, and when the association has ended.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from fastdicom._core.command import CommandSet
from fastdicom.annexes import general
from fastdicom.dimse.messages import C_CANCEL_RQ, IS_RESPONSE, PENDING, message_name
from fastdicom.errors import (
    ABORT_REASONS,
    ABORT_SOURCES,
    REJECT_DIAGNOSTICS,
    REJECT_SOURCES,
    AbortSource,
    ConnectionFailed,
)
from fastdicom.log import CONTROL_CHARACTERS
from fastdicom.ul.pdu import A_ASSOCIATE_RJ
from fastdicom.ul.provider import Ending
from fastdicom.watching.histogram import Histogram
from fastdicom.watching.snapshot import Snapshot

if TYPE_CHECKING:
    from fastdicom._core.exchange import Exchange
    from fastdicom._core.pdata import Message
    from fastdicom.association.life import Life
    from fastdicom.watching.metrics import Metrics

OTHER = "other"

UNANSWERED = "unanswered"
C_STORE = "C-STORE"
STORED = ("success", "warning")


class Operation(NamedTuple):
    """A DIMSE operation that has ended.

    Attributes
    ----------
    role
        Of this side: "scu" or "scp".
    service
        "C-STORE" for instance.
    message_id
        Its Message ID.
    status
        (0000,0900) Status of the final response; None when it has none.
    seconds
        How long it took.
    """

    role: str
    service: str
    message_id: int
    status: int | None
    seconds: float

    @property
    def category(self) -> str:
        """The category of the status, in lower case."""
        return category(self.status)


def service_name(command_field: int) -> str:
    """Return the name of a DIMSE service, by the Command Field of its request."""
    name = message_name(command_field)
    return name.removesuffix("-RQ") if name.endswith("-RQ") else OTHER


def category(status: int | None) -> str:
    """Return the category of a status, in lower case."""
    if status == 0:
        return "success"
    return general.category_of(status).lower() if status is not None else "unknown"


class AssociationMetrics:
    """What one association has counted.

    Attributes
    ----------
    association
        The association.
    outcome : str or None
        How it has ended, as the family "associations" has it; None as long as it has not.
    span : object
        For a listener of the metrics: what it knows of this association.
    """

    __slots__ = (
        "_durations",
        "_lock",
        "_metrics",
        "_operations",
        "_performing",
        "_requests",
        "association",
        "outcome",
        "span",
    )

    def __init__(self, metrics: Metrics, association: Life) -> None:
        self.association = association
        self.outcome: str | None = None
        self.span: object = None
        self._durations: dict[tuple[str, str], Histogram] = {}
        self._metrics = metrics
        self._lock = threading.Lock()
        self._operations: dict[tuple[str, str, str], int] = {}
        self._requests: dict[tuple[str, str], int] = {}
        # When the peer's requests have come, by Message ID. It may use an ID again before we know that our
        # response has left.
        self._performing: dict[int, deque[float]] = {}

    # Told by the association, once a message.

    def received(self, message: Message, exchange: Exchange) -> None:
        """Count a message that has come."""
        command = message.command
        field, now = command.command_field, monotonic()
        if not field & IS_RESPONSE:
            self._begin(field, command, now)
        elif command.status not in PENDING:
            invocation = exchange.invoked.get(command.message_id_being_responded_to or 0)
            if invocation is not None:  # else the association is aborted for it
                self._finish("scu", field, invocation.message_id, command.status, now - invocation.started)

    def sent(self, encoded: bytes) -> None:
        """Count a message that has been sent, by its command set."""
        command = CommandSet(encoded)
        field = command.command_field
        if not field & IS_RESPONSE:
            if field != C_CANCEL_RQ:
                self._count_request("scu", service_name(field))
        elif command.status not in PENDING:
            message_id = command.message_id_being_responded_to or 0
            with self._lock:
                begun = self._performing.get(message_id)
                started = begun.popleft() if begun else None
                if not begun:
                    self._performing.pop(message_id, None)
            if started is not None:
                self._finish("scp", field, message_id, command.status, monotonic() - started)

    def _begin(self, field: int, command: CommandSet, now: float) -> None:
        message_id = command.message_id
        if field == C_CANCEL_RQ or message_id is None:
            return
        service = service_name(field)
        with self._lock:
            self._performing.setdefault(message_id, deque()).append(now)
        self._count_request("scp", service)
        if self._metrics.listeners:
            self._metrics.tell("request_received", self, service, command)

    def _count_request(self, role: str, service: str) -> None:
        with self._lock:
            self._requests[role, service] = self._requests.get((role, service), 0) + 1

    def _finish(self, role: str, field: int, message_id: int, status: int | None, seconds: float) -> None:
        service = service_name(field & ~IS_RESPONSE)
        key = role, service, category(status)
        with self._lock:
            self._operations[key] = self._operations.get(key, 0) + 1
            durations = self._durations.get((role, service))
            if durations is None:
                durations = self._durations[role, service] = Histogram()
            durations.add(seconds)
        if self._metrics.listeners:
            operation = Operation(role, service, message_id, status, seconds)
            self._metrics.tell("operation_ended", self, operation)

    # Told by the application entity.

    def end(self) -> None:
        """Take note that the connection is closed, or never came about; once."""
        if self._metrics.fold(self):
            self._metrics.tell("association_ended", self)

    # For `Metrics`.

    @property
    def peer(self) -> str:
        """The peer's AE title, with control characters escaped; "" while it is not known."""
        association = self.association
        peer = association.acceptor if association.is_requestor else association.requestor
        return peer.ae_title.translate(CONTROL_CHARACTERS)

    @property
    def is_known(self) -> bool:
        """Whether the peer is one that this side has turned to, or accepted."""
        return self.association.is_requestor or bool(self.association.accepted_contexts)

    def settle(self) -> None:
        """Find out how it has ended."""
        association = self.association
        connection = association.connection
        ending = None if connection is None else connection.provider.ending
        if association.is_rejected or (ending is not None and isinstance(ending.pdu, A_ASSOCIATE_RJ)):
            self.outcome = "rejected"
        elif association.is_released:
            self.outcome = "released"
        elif isinstance(association.failure, ConnectionFailed):
            self.outcome = "failed"
        else:
            self.outcome = "aborted" if association.is_aborted else "unrequested"

    def add_to(self, total: Snapshot, peer: str) -> None:
        """Add what has been counted to a sum, under a label for the peer."""
        association = self.association
        of_peer = peer, association.mode
        with self._lock:
            operations, requests = dict(self._operations), dict(self._requests)
            durations = {key: each.copy() for key, each in self._durations.items()}
        if association.accepted_contexts:
            total.add("associations", (*of_peer, "accepted"), 1)
        self._add_outcome(total, of_peer)
        for (role, service, status), count in operations.items():
            total.add("operations", (peer, role, service, status), count)
            requests[role, service] = requests.get((role, service), 0) - count
            if service == C_STORE and status in STORED:
                total.add("sent_instances" if role == "scu" else "received_instances", (peer,), count)
        for (role, service), histogram in durations.items():
            total.add("operation_duration", (peer, role, service), histogram)
        if self.outcome is not None:
            for (role, service), count in requests.items():
                if count > 0:
                    total.add("operations", (peer, role, service, UNANSWERED), count)

    def _add_outcome(self, total: Snapshot, of_peer: tuple[str, str]) -> None:
        connection = self.association.connection
        if connection is not None:
            received, sent = connection.bytes_moved
            total.add("received", of_peer, received)
            total.add("sent", of_peer, sent)
        if self.outcome is None:
            if self.association.accepted_contexts:
                total.add("established_associations", of_peer, 1)
            return
        total.add("associations", (*of_peer, self.outcome), 1)
        timeout = _timeout_of(self.association)
        if timeout is not None:
            total.add("timeouts", (*of_peer, timeout), 1)
        ending = None if connection is None else connection.provider.ending
        if self.outcome == "rejected" and ending is not None and isinstance(ending.pdu, A_ASSOCIATE_RJ):
            source, reason = ending.pdu.source, ending.pdu.reason_diagnostic
            texts = REJECT_SOURCES.get(source, OTHER), REJECT_DIAGNOSTICS.get((source, reason), OTHER)
            total.add("rejections", (*of_peer, *texts), 1)
        elif self.outcome == "aborted":
            total.add("aborts", (*of_peer, *_abort_labels(ending)), 1)


def _abort_labels(ending: Ending | None) -> tuple[str, str, str]:
    """Return who sent A-ABORT, and what it says; nobody did when the connection was closed."""
    if ending is None or isinstance(ending.pdu, A_ASSOCIATE_RJ):
        return "connection", "", ""
    source, reason = ending.pdu.source, ending.pdu.reason_diagnostic
    # PS3.8 Table 9-26: of the service user it says nothing
    text = ABORT_REASONS.get(reason, OTHER) if source == AbortSource.SERVICE_PROVIDER else ""
    return "local" if ending.is_ours else "peer", ABORT_SOURCES.get(source, OTHER), text


def _timeout_of(association: Life) -> str | None:
    """Return which timeout has ended an association; None when none has."""
    connection = association.connection
    if connection is None:
        failure = association.failure
        return "connection" if failure is not None and isinstance(failure.__cause__, TimeoutError) else None
    # The ARTIM timer may end what another one has begun to.
    first = connection.timed_out or association.timed_out
    return first or ("acse" if connection.provider.has_expired else None)
