"""Storage commitment as SCU: ask an archive to keep objects, and wait for its word (PS3.4 Annex J).

The result comes on the association of the request, on a later one, or on one that the SCP opens to us; it is
found by its Transaction UID. What is remembered of a transaction ends with its lifetime.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from time import monotonic
from typing import Any, TypeAlias

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.errors import FastdicomError
from fastdicom.events import EVT_N_EVENT_REPORT, Event, EventHandler
from fastdicom.log import get_logger
from fastdicom.part10 import read_header
from fastdicom.sop_class import StorageCommitmentPushModel
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, code_to_category
from fastdicom.workflow.commitment_items import (
    ALL_COMMITTED,
    FAILURES_EXIST,
    INSTANCES_LIMIT,
    INVALID_ARGUMENT_VALUE,
    NO_SUCH_EVENT_TYPE,
    NO_SUCH_SOP_CLASS,
    NO_SUCH_SOP_INSTANCE,
    REQUEST_STORAGE_COMMITMENT,
    WELL_KNOWN_INSTANCES,
    CommitmentRequest,
    CommitmentResult,
    SopInstance,
    action_information,
    read_result,
    read_transaction_uid,
)
from fastdicom.workflow.refusal import Refusal

LOGGER = get_logger(__name__)

TRANSACTIONS_LIMIT = 10_000
"""Transactions that are remembered at once."""

DEFAULT_LIFETIME = 86_400.0
"""Seconds for which a result is waited for."""

# A requestor's association has no thread: who waits looks for what has come, in seconds.
LOOK_INTERVAL = 0.02

Instance: TypeAlias = SopInstance | tuple[str, str] | Dataset | str | os.PathLike[str]


class CommitmentError(FastdicomError):
    """Storage commitment could not be asked for."""


class CommitmentRefused(CommitmentError):
    """The SCP does not process the request; nothing is committed.

    Parameters
    ----------
    status
        The status of its response.
    comment
        Its (0000,0902) Error Comment.
    """

    def __init__(self, status: int, comment: str) -> None:
        said = f": {comment!r}" if comment else ""
        super().__init__(f"the request for storage commitment was answered with {status:04X}H{said}")
        self.status = status


class CommitmentTimeout(CommitmentError, TimeoutError):
    """No result has come in time."""


class Transaction:
    """A request for storage commitment that the SCP has accepted.

    Attributes
    ----------
    uid
        The Transaction UID.
    instances
        What was asked for.
    """

    def __init__(self, uid: str, instances: tuple[SopInstance, ...], lifetime: float) -> None:
        self.uid = uid
        self.instances = instances
        self._lifetime = lifetime
        self._deadline = monotonic() + lifetime
        self._association: Any = None
        self._done = threading.Event()
        self._result: CommitmentResult | None = None

    @property
    def result(self) -> CommitmentResult | None:
        """The result; None while none has come."""
        return self._result

    def wait(self, timeout: float | None = None) -> CommitmentResult:
        """Wait for the result.

        Meanwhile what comes on the association of the request is served, if it is still there.

        Parameters
        ----------
        timeout
            Seconds; None, or more than are left, for the rest of the transaction's lifetime.

        Raises
        ------
        CommitmentTimeout
            When none has come. Unless the lifetime is over one may still come, and be waited for again.
        """
        now = monotonic()
        end = self._deadline if timeout is None else min(self._deadline, now + timeout)
        while self._result is None:
            if now >= end:
                raise CommitmentTimeout(self._delay(now, timeout))
            if self._association is not None and not self._association.is_established:
                self._association = None
            interval = end - now if self._association is None else min(LOOK_INTERVAL, end - now)
            self._done.wait(interval)
            now = monotonic()
        return self._result

    def _delay(self, now: float, timeout: float | None) -> str:
        if now >= self._deadline:
            return f"no result of transaction {self.uid} within its lifetime, {self._lifetime} s"
        return f"no result of transaction {self.uid} within {timeout} s; it may still come"

    # For the registry.

    def attach(self, association: Any) -> None:
        """Take note of the association that the result may come on."""
        if self._result is None:
            self._association = association

    def is_over(self, now: float) -> bool:
        """Whether a result is no longer waited for."""
        return now >= self._deadline

    def complete(self, result: CommitmentResult) -> None:
        """Take the result; a second one changes nothing."""
        if self._result is None:
            self._result = result
            self._association = None
            self._done.set()


class StorageCommitment:
    """Asks for storage commitment, and takes the results.

    One object serves any number of associations and threads. Bind `handlers` to the associations that ask,
    and to the server that the SCP may report to.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._transactions: dict[str, Transaction] = {}

    @property
    def handlers(self) -> list[EventHandler]:
        """What to hand to `AE.associate` and `AE.start_server` as ``evt_handlers``.

        The server has to support the SOP class with the SCP role for the requestor, who sends the result:
        ``add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)``.
        """
        return [(EVT_N_EVENT_REPORT, self.take_report)]

    @property
    def open_transactions(self) -> list[Transaction]:
        """Those whose result is waited for."""
        self._forget_old()
        with self._guard:
            return [each for each in self._transactions.values() if each.result is None]

    def request(
        self,
        association: Any,
        instances: Iterable[Instance],
        *,
        lifetime: float = DEFAULT_LIFETIME,
        sop_class_uid: str = StorageCommitmentPushModel,
        media_file_set_id: str = "",
        media_file_set_uid: str = "",
    ) -> Transaction:
        """Ask the peer to keep objects (N-ACTION, PS3.4 J.3.2).

        Parameters
        ----------
        association
            An association on which the SOP class was accepted.
        instances
            The objects: paths of DICOM files, Datasets, or pairs of SOP Class UID and SOP Instance UID.
        lifetime
            For how many seconds a result is waited for; a day.
        sop_class_uid
            Storage Commitment Push Model, or the retired Pull Model.
        media_file_set_id, media_file_set_uid
            The medium that the objects are on, if they do not come over the network.

        Returns
        -------
        Transaction
            To wait for the result with.

        Raises
        ------
        CommitmentRefused
            When the SCP answers with a failure.
        CommitmentError
            When it does not answer, or too many transactions are open.
        ValueError
            When there are no instances, too many or one that is none, or the SOP class was not accepted.
            Nothing was sent.
        RuntimeError
            When the association is not established.
        OSError
            When a file cannot be read.
        """
        named = _named(instances)
        sop_class = str(sop_class_uid)
        if sop_class not in WELL_KNOWN_INSTANCES:
            raise ValueError(f"{sop_class} is no SOP class of storage commitment (PS3.4 J.3.5)")
        transaction = Transaction(str(generate_uid(None)), named, lifetime)
        asked = CommitmentRequest(
            transaction.uid,
            named,
            media_file_set_id=media_file_set_id,
            media_file_set_uid=media_file_set_uid,
        )
        self._remember(transaction)  # before it is asked: the result may be here before the response
        try:
            status, _ = association.send_n_action(
                action_information(asked),
                REQUEST_STORAGE_COMMITMENT,
                sop_class,
                WELL_KNOWN_INSTANCES[sop_class],
            )
            _check(status)
        except BaseException:
            self._forget(transaction)
            raise
        transaction.attach(association)
        return transaction

    def take_report(self, event: Event) -> tuple[int | Dataset, None]:
        """Take a result: the handler of EVT_N_EVENT_REPORT (PS3.4 J.3.3).

        A result of a transaction that is unknown, or over, is answered with 0115H; one of which the result
        has come already with success, as an SCP repeats what was not answered.
        """
        try:
            self._take(event)
        except Refusal as refusal:
            LOGGER.warning("a storage commitment result is refused: %s", refusal)
            return refusal.answer, None
        return 0x0000, None

    def _take(self, event: Event) -> None:
        request = event.request
        instance = WELL_KNOWN_INSTANCES.get(str(request.AffectedSOPClassUID))
        if instance is None:
            raise Refusal(NO_SUCH_SOP_CLASS, f"{request.AffectedSOPClassUID} is not storage commitment")
        if instance != request.AffectedSOPInstanceUID:
            raise Refusal(NO_SUCH_SOP_INSTANCE, "not the well-known SOP instance")
        if event.event_type not in (ALL_COMMITTED, FAILURES_EXIST):
            raise Refusal(NO_SUCH_EVENT_TYPE, f"Event Type ID is {event.event_type}; 1 and 2 are defined")
        information = event.event_information
        uid = read_transaction_uid(information)
        with self._guard:
            transaction = self._transactions.get(uid)
        if transaction is None or (transaction.result is None and transaction.is_over(monotonic())):
            raise Refusal(INVALID_ARGUMENT_VALUE, "TransactionUID belongs to no open transaction")
        transaction.complete(read_result(information, transaction.instances))

    # What is remembered.

    def _remember(self, transaction: Transaction) -> None:
        self._forget_old()
        with self._guard:
            if len(self._transactions) >= TRANSACTIONS_LIMIT:
                self._drop_completed()
            if len(self._transactions) >= TRANSACTIONS_LIMIT:
                raise CommitmentError(f"{TRANSACTIONS_LIMIT} transactions are open; nothing was sent")
            self._transactions[transaction.uid] = transaction

    def _forget_old(self) -> None:
        now = monotonic()
        with self._guard:
            self._transactions = {
                uid: each for uid, each in self._transactions.items() if not each.is_over(now)
            }

    def _drop_completed(self) -> None:
        self._transactions = {uid: each for uid, each in self._transactions.items() if each.result is None}

    def _forget(self, transaction: Transaction) -> None:
        with self._guard:
            self._transactions.pop(transaction.uid, None)


def _check(status: Dataset) -> None:
    """Raise when the SCP does not process the request."""
    if "Status" not in status:
        raise CommitmentError("the request for storage commitment was not answered; the association is gone")
    code = int(status.Status)
    if code_to_category(code) not in (STATUS_SUCCESS, STATUS_WARNING):
        raise CommitmentRefused(code, str(status.get("ErrorComment", "")))


def _named(instances: Iterable[Instance]) -> tuple[SopInstance, ...]:
    """Return the UIDs of instances, each once."""
    if isinstance(instances, str | bytes | Dataset):
        raise TypeError(f"instances are to be a list, not one {type(instances).__name__}")
    named = tuple(dict.fromkeys(_name(instance) for instance in instances))
    if not 1 <= len(named) <= INSTANCES_LIMIT:
        raise ValueError(f"{len(named)} instances are given; 1 to {INSTANCES_LIMIT} are possible")
    return named


def _name(instance: Instance) -> SopInstance:
    sop_class: Any
    sop_instance: Any
    if isinstance(instance, Dataset):
        sop_class, sop_instance = instance.get("SOPClassUID"), instance.get("SOPInstanceUID")
    elif isinstance(instance, tuple):
        sop_class, sop_instance = instance
    else:
        header = read_header(instance)
        sop_class, sop_instance = header.sop_class_uid, header.sop_instance_uid
    if not (sop_class and sop_instance):
        named = f"{type(instance).__name__} {str(instance)[:64]!r}"
        raise ValueError(f"{named} lacks SOPClassUID or SOPInstanceUID (PS3.4 J.3.2.1.1)")
    return SopInstance(str(sop_class), str(sop_instance))
