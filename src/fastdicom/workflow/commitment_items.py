"""What storage commitment says on the wire: requests and results as data sets (PS3.4 J.3, PS3.3 C.14).

Both sides use it, and it knows nothing of associations. What comes from a peer is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    StorageCommitmentPullModel,
    StorageCommitmentPullModelInstance,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)
from fastdicom.workflow.refusal import Refusal

# PS3.4 J.3.5; the pull model is retired, and says the same on the wire.
WELL_KNOWN_INSTANCES = MappingProxyType(
    {
        str(StorageCommitmentPushModel): str(StorageCommitmentPushModelInstance),
        str(StorageCommitmentPullModel): str(StorageCommitmentPullModelInstance),
    }
)

REQUEST_STORAGE_COMMITMENT = 1  # Action Type ID, PS3.4 Table J.3-1
ALL_COMMITTED = 1  # Event Type IDs, PS3.4 Table J.3-2
FAILURES_EXIST = 2

# PS3.7 Annex C
NO_SUCH_SOP_INSTANCE = 0x0112
NO_SUCH_EVENT_TYPE = 0x0113
INVALID_ARGUMENT_VALUE = 0x0115
NO_SUCH_SOP_CLASS = 0x0118
NO_SUCH_ACTION = 0x0123
RESOURCE_LIMITATION = 0x0213

INSTANCES_LIMIT = 100_000
"""SOP instances in one request, which an SCP has to remember."""

# As PS3.5 9.1, but for zeros in front, which peers send.
_UID = re.compile(r"[0-9.]{1,64}")


class Outcome(IntEnum):
    """What became of a SOP instance: committed, or a Failure Reason (PS3.3 C.14.1.1)."""

    COMMITTED = 0x0000
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    DUPLICATE_TRANSACTION_UID = 0x0131
    RESOURCE_LIMITATION = 0x0213


class SopInstance(NamedTuple):
    """A SOP instance by its two UIDs."""

    sop_class_uid: str
    sop_instance_uid: str


class CommittedInstance(NamedTuple):
    """A SOP instance whose safekeeping is promised.

    Attributes
    ----------
    retrieve_ae_title
        From whom it can be retrieved; empty when the SCP does not say.
    media_file_set_id, media_file_set_uid
        On which medium it is; empty when the SCP does not say.
    """

    sop_class_uid: str
    sop_instance_uid: str
    retrieve_ae_title: str = ""
    media_file_set_id: str = ""
    media_file_set_uid: str = ""


class FailedInstance(NamedTuple):
    """A SOP instance whose safekeeping is not promised.

    Attributes
    ----------
    reason
        The Failure Reason, an `Outcome` unless it is in no table; None when the result says nothing of the
        instance at all, which it has to (PS3.4 J.3.3.1.2).
    """

    sop_class_uid: str
    sop_instance_uid: str
    reason: int | None

    @property
    def meaning(self) -> str:
        """The reason in words."""
        if self.reason is None:
            return "not in the result"
        try:
            return Outcome(self.reason).name.lower().replace("_", " ")
        except ValueError:
            return f"failure reason {self.reason:04X}H"


class CommitmentRequest(NamedTuple):
    """A request for storage commitment, as an SCP gets it.

    Attributes
    ----------
    instances
        What is to be kept, each once.
    ae_title
        Who asks.
    sop_class_uid
        Storage Commitment Push Model, or the retired Pull Model.
    media_file_set_id, media_file_set_uid
        The medium that the instances come on, if they come on one.
    """

    transaction_uid: str
    instances: tuple[SopInstance, ...]
    ae_title: str = ""
    sop_class_uid: str = str(StorageCommitmentPushModel)
    media_file_set_id: str = ""
    media_file_set_uid: str = ""


class CommitmentResult(NamedTuple):
    """What became of a request for storage commitment.

    Attributes
    ----------
    committed, failed
        Every instance that was asked for is in one of them, and no other one.
    """

    transaction_uid: str
    committed: tuple[CommittedInstance, ...]
    failed: tuple[FailedInstance, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all of them are committed."""
        return not self.failed


# --- data sets that are sent ------------------------------------------------------------------------------


def _reference(instance: SopInstance) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.sop_class_uid
    item.ReferencedSOPInstanceUID = instance.sop_instance_uid
    return item


def action_information(request: CommitmentRequest) -> Dataset:
    """Return the Action Information of a request (PS3.4 Table J.3-1)."""
    information = Dataset()
    information.TransactionUID = request.transaction_uid
    if request.media_file_set_id:
        information.StorageMediaFileSetID = request.media_file_set_id
    if request.media_file_set_uid:
        information.StorageMediaFileSetUID = request.media_file_set_uid
    information.ReferencedSOPSequence = [_reference(instance) for instance in request.instances]
    return information


def event_information(
    request: CommitmentRequest, outcomes: Sequence[int], retrieve_ae_title: str = ""
) -> tuple[int, Dataset]:
    """Return the Event Type ID and the Event Information of a result (PS3.4 Table J.3-2).

    Parameters
    ----------
    outcomes
        `Outcome` or another Failure Reason, one for each instance of the request.
    retrieve_ae_title
        From whom the committed instances can be retrieved; empty to say nothing.
    """
    information = Dataset()
    information.TransactionUID = request.transaction_uid
    committed, failed = [], []
    for instance, outcome in zip(request.instances, outcomes, strict=True):
        item = _reference(instance)
        if outcome == Outcome.COMMITTED:
            committed.append(item)
        else:
            item.FailureReason = int(outcome)
            failed.append(item)
    if committed:
        if retrieve_ae_title:
            information.RetrieveAETitle = retrieve_ae_title
        information.ReferencedSOPSequence = committed
    if failed:
        information.FailedSOPSequence = failed
    return (FAILURES_EXIST if failed else ALL_COMMITTED), information


# --- data sets that have come -----------------------------------------------------------------------------


def _text(data_set: Dataset, keyword: str) -> str:
    value = data_set.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _uid(data_set: Dataset, keyword: str) -> str:
    """Return a UID of a peer; what is none is refused."""
    text = _text(data_set, keyword)
    if not _UID.fullmatch(text):
        value = f"{text[:16]!r} is no UID" if text else "is missing"
        raise Refusal(INVALID_ARGUMENT_VALUE, f"{keyword} {value}")
    return text


def _sequence(data_set: Dataset, keyword: str) -> Sequence[Dataset]:
    value = data_set.get(keyword)
    if value is None:
        return ()
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise Refusal(INVALID_ARGUMENT_VALUE, f"{keyword} is no sequence")
    items = list(value)
    if len(items) > INSTANCES_LIMIT:
        raise Refusal(
            RESOURCE_LIMITATION, f"{keyword} has {len(items)} items; the limit is {INSTANCES_LIMIT}"
        )
    if not all(isinstance(item, Dataset) for item in items):
        raise Refusal(INVALID_ARGUMENT_VALUE, f"{keyword} is no sequence")
    return items


def _instance(item: Dataset) -> SopInstance:
    return SopInstance(_uid(item, "ReferencedSOPClassUID"), _uid(item, "ReferencedSOPInstanceUID"))


def read_request(information: Dataset) -> CommitmentRequest:
    """Read the Action Information of a request.

    Raises
    ------
    Refusal
        When it lacks the Transaction UID or the instances, or names one instance with two SOP classes.
    """
    transaction_uid = _uid(information, "TransactionUID")
    items = _sequence(information, "ReferencedSOPSequence")
    if not items:
        raise Refusal(INVALID_ARGUMENT_VALUE, "ReferencedSOPSequence has no items; 1 at least is required")
    classes: dict[str, str] = {}
    for sop_class_uid, sop_instance_uid in map(_instance, items):
        if classes.setdefault(sop_instance_uid, sop_class_uid) != sop_class_uid:
            raise Refusal(INVALID_ARGUMENT_VALUE, f"two SOP classes for {sop_instance_uid}")
    return CommitmentRequest(
        transaction_uid,
        tuple(SopInstance(sop_class, instance) for instance, sop_class in classes.items()),
        media_file_set_id=_text(information, "StorageMediaFileSetID"),
        media_file_set_uid=_text(information, "StorageMediaFileSetUID"),
    )


def read_transaction_uid(information: Dataset) -> str:
    """Return the Transaction UID of a result.

    Raises
    ------
    Refusal
        When there is none.
    """
    return _uid(information, "TransactionUID")


def read_result(information: Dataset, instances: Iterable[SopInstance]) -> CommitmentResult:
    """Read the Event Information of a result.

    Parameters
    ----------
    instances
        What was asked for. What the result says of others is left out.

    Raises
    ------
    Refusal
        When it cannot be understood.
    """
    failures: dict[SopInstance, int] = {}
    for item in _sequence(information, "FailedSOPSequence"):
        reason = item.get("FailureReason")
        failures[_instance(item)] = reason if isinstance(reason, int) else Outcome.PROCESSING_FAILURE
    common = [_text(information, keyword) for keyword in _WHERE]
    committed: dict[SopInstance, CommittedInstance] = {}
    for item in _sequence(information, "ReferencedSOPSequence"):
        where = [_text(item, keyword) or value for keyword, value in zip(_WHERE, common, strict=True)]
        instance = _instance(item)
        committed[instance] = CommittedInstance(*instance, *where)
    asked = tuple(instances)
    return CommitmentResult(
        read_transaction_uid(information),
        tuple(committed[each] for each in asked if each in committed and each not in failures),
        tuple(
            FailedInstance(*each, failures.get(each))
            for each in asked
            if each in failures or each not in committed
        ),
    )


_WHERE = ("RetrieveAETitle", "StorageMediaFileSetID", "StorageMediaFileSetUID")
