"""Storage commitment as SCU: requests, results, and what is remembered in between (PS3.4 J.3)."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    StorageCommitmentPullModel,
    StorageCommitmentPullModelInstance,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)
from fastdicom.workflow import storage_commitment
from fastdicom.workflow.commitment_items import (
    CommittedInstance,
    FailedInstance,
    Outcome,
    SopInstance,
)
from fastdicom.workflow.storage_commitment import (
    CommitmentError,
    CommitmentRefused,
    CommitmentTimeout,
    StorageCommitment,
    Transaction,
)

PUSH, PUSH_INSTANCE = str(StorageCommitmentPushModel), str(StorageCommitmentPushModelInstance)
A, B = SopInstance("1.2.1", "1.2.3.1"), SopInstance("1.2.1", "1.2.3.2")


class Asked:
    """An association that answers N-ACTION with a status, and remembers what it was asked."""

    is_established = True

    def __init__(self, status: int | None = 0x0000, comment: str = "") -> None:
        self.status = Dataset()
        if status is not None:
            self.status.Status = status
        if comment:
            self.status.ErrorComment = comment
        self.asked: list[tuple[Any, ...]] = []

    def send_n_action(self, *arguments: Any) -> tuple[Dataset, None]:
        self.asked.append(arguments)
        return self.status, None


def result(transaction: Transaction, event_type: int = 1, **changes: Any) -> Any:
    """Return a report of a result as a handler sees it; by default all is committed."""
    information = Dataset()
    information.TransactionUID = transaction.uid
    information.ReferencedSOPSequence = [item(*each) for each in transaction.instances]
    for keyword, value in changes.items():
        setattr(information, keyword, value)
    return report(information, event_type)


def report(information: Dataset, event_type: int = 1, class_uid: str = PUSH, uid: str = PUSH_INSTANCE) -> Any:
    return SimpleNamespace(
        request=SimpleNamespace(AffectedSOPClassUID=class_uid, AffectedSOPInstanceUID=uid),
        event_type=event_type,
        event_information=information,
    )


def item(sop_class_uid: str, sop_instance_uid: str, reason: int | None = None) -> Dataset:
    dataset = Dataset()
    dataset.ReferencedSOPClassUID = sop_class_uid
    dataset.ReferencedSOPInstanceUID = sop_instance_uid
    if reason is not None:
        dataset.FailureReason = reason
    return dataset


def status_of(answer: tuple[int | Dataset, None]) -> int:
    return answer[0] if isinstance(answer[0], int) else int(answer[0].Status)


@pytest.fixture
def commitment() -> StorageCommitment:
    return StorageCommitment()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until `now` is set."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(storage_commitment, "monotonic", lambda: clock.now)
    return clock


# --- the request ------------------------------------------------------------------------------------------


def test_what_is_asked(commitment: StorageCommitment) -> None:
    association = Asked()
    transaction = commitment.request(association, [A, tuple(B), A])
    ((information, action_type, class_uid, instance_uid),) = association.asked
    assert (action_type, class_uid, instance_uid) == (1, PUSH, PUSH_INSTANCE)
    assert information.TransactionUID == transaction.uid
    named = [(i.ReferencedSOPClassUID, i.ReferencedSOPInstanceUID) for i in information.ReferencedSOPSequence]
    assert named == [tuple(A), tuple(B)]
    assert sorted(element.keyword for element in information) == ["ReferencedSOPSequence", "TransactionUID"]


def test_every_request_has_a_transaction_uid_of_its_own(commitment: StorageCommitment) -> None:
    first, second = (commitment.request(Asked(), [A]) for _ in range(2))
    assert first.uid != second.uid
    assert commitment.open_transactions == [first, second]


def test_files_and_data_sets(commitment: StorageCommitment) -> None:
    path = Path(str(get_testdata_file("CT_small.dcm")))
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = B
    transaction = commitment.request(Asked(), [path, str(path), dataset])
    assert transaction.instances[1] == B
    assert transaction.instances[0].sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
    assert len(transaction.instances) == 2


def test_pull_model_and_media(commitment: StorageCommitment) -> None:
    association = Asked()
    commitment.request(
        association,
        [A],
        sop_class_uid=StorageCommitmentPullModel,
        media_file_set_id="DISC 1",
        media_file_set_uid="1.2.9",
    )
    ((information, _, class_uid, instance_uid),) = association.asked
    assert (class_uid, instance_uid) == (StorageCommitmentPullModel, StorageCommitmentPullModelInstance)
    assert (information.StorageMediaFileSetID, information.StorageMediaFileSetUID) == ("DISC 1", "1.2.9")


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([], "0 instances"),
        ([("1.2.1", "")], "lacks SOPClassUID or SOPInstanceUID"),
        ([Dataset()], "lacks SOPClassUID or SOPInstanceUID"),
    ],
)
def test_what_cannot_be_asked(commitment: StorageCommitment, instances: Any, message: str) -> None:
    association = Asked()
    with pytest.raises(ValueError, match=message):
        commitment.request(association, instances)
    assert association.asked == [] and commitment.open_transactions == []


def test_one_path_is_no_list(commitment: StorageCommitment) -> None:
    with pytest.raises(TypeError, match="a list"):
        commitment.request(Asked(), "image.dcm")


def test_another_sop_class(commitment: StorageCommitment) -> None:
    with pytest.raises(ValueError, match=r"1\.2\.3 is no SOP class of storage commitment"):
        commitment.request(Asked(), [A], sop_class_uid="1.2.3")


def test_a_refused_request_is_forgotten(commitment: StorageCommitment) -> None:
    with pytest.raises(CommitmentRefused, match="answered with 0213H: 'full'") as caught:
        commitment.request(Asked(0x0213, "full"), [A])
    assert caught.value.status == 0x0213
    assert commitment.open_transactions == []


def test_a_request_without_an_answer_is_forgotten(commitment: StorageCommitment) -> None:
    with pytest.raises(CommitmentError, match="not answered"):
        commitment.request(Asked(None), [A])
    assert commitment.open_transactions == []


# --- the result -------------------------------------------------------------------------------------------


def test_all_committed(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A, B])
    where = {"RetrieveAETitle": "ARCHIVE"}
    assert status_of(commitment.take_report(result(transaction, **where))) == 0x0000
    outcome = transaction.wait(0)
    assert outcome.is_complete and outcome.failed == ()
    assert outcome.committed == (
        CommittedInstance(*A, retrieve_ae_title="ARCHIVE"),
        CommittedInstance(*B, retrieve_ae_title="ARCHIVE"),
    )
    assert outcome.transaction_uid == transaction.uid
    assert commitment.open_transactions == []


def test_failures(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A, B])
    event = result(
        transaction, 2, ReferencedSOPSequence=[item(*A)], FailedSOPSequence=[item(*B, reason=0x0112)]
    )
    assert status_of(commitment.take_report(event)) == 0x0000
    assert transaction.result is not None
    assert transaction.result.committed == (CommittedInstance(*A),)
    assert transaction.result.failed == (FailedInstance(*B, Outcome.NO_SUCH_OBJECT_INSTANCE),)
    assert transaction.result.failed[0].meaning == "no such object instance"
    assert not transaction.result.is_complete


def test_nothing_is_committed_that_the_result_does_not_name(commitment: StorageCommitment) -> None:
    """Left out, of another class, in both sequences: none of that is a promise."""
    c = SopInstance("1.2.1", "1.2.3.3")
    transaction = commitment.request(Asked(), [A, B, c])
    referenced = [item("1.2.2", A.sop_instance_uid), item(*c), item("1.2.1", "1.2.3.99")]
    event = result(
        transaction, 1, ReferencedSOPSequence=referenced, FailedSOPSequence=[item(*c, reason=0x7777)]
    )
    commitment.take_report(event)
    assert transaction.result is not None and transaction.result.committed == ()
    assert [(each.sop_instance_uid, each.meaning) for each in transaction.result.failed] == [
        (A.sop_instance_uid, "not in the result"),
        (B.sop_instance_uid, "not in the result"),
        (c.sop_instance_uid, "failure reason 7777H"),
    ]


def test_a_failed_instance_without_reason(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A])
    commitment.take_report(result(transaction, 2, ReferencedSOPSequence=[], FailedSOPSequence=[item(*A)]))
    assert transaction.result is not None
    assert transaction.result.failed == (FailedInstance(*A, Outcome.PROCESSING_FAILURE),)


def test_a_repeated_result_is_taken_again_and_changes_nothing(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A])
    commitment.take_report(result(transaction))
    again = result(transaction, 2, ReferencedSOPSequence=[], FailedSOPSequence=[item(*A, reason=0x0110)])
    assert status_of(commitment.take_report(again)) == 0x0000
    assert transaction.wait(0).is_complete


def test_results_that_are_refused(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A])
    unknown, without, strange, no_items = (result(transaction).event_information for _ in range(4))
    unknown.TransactionUID = "1.2.3.4"
    del without.TransactionUID
    strange.TransactionUID = ["1.2", "1.3"]
    no_items.ReferencedSOPSequence = [Dataset()]
    information = result(transaction).event_information
    refused = {
        "transaction": (report(unknown), 0x0115),
        "no transaction": (report(without), 0x0115),
        "two transactions": (report(strange), 0x0115),
        "an empty item": (report(no_items), 0x0115),
        "event type": (report(information, 3), 0x0113),
        "instance": (report(information, uid="1.2.3"), 0x0112),
        "class": (report(information, class_uid="1.2.840.10008.1.1"), 0x0118),
    }
    statuses = {name: status_of(commitment.take_report(event)) for name, (event, _) in refused.items()}
    assert statuses == {name: status for name, (_, status) in refused.items()}
    assert transaction.result is None


# --- waiting, and forgetting ------------------------------------------------------------------------------


def test_a_result_in_another_thread(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A])
    thread = threading.Timer(0.05, commitment.take_report, [result(transaction)])
    thread.start()
    assert transaction.wait(10).is_complete
    thread.join()


def test_the_association_of_the_request_is_served_while_one_waits(commitment: StorageCommitment) -> None:
    class Requestor(Asked):
        @property
        def is_established(self) -> bool:  # type: ignore[override]
            commitment.take_report(result(transaction))
            return True

    transaction = commitment.request(Requestor(), [A])
    assert transaction.wait(10).is_complete


def test_an_association_that_has_ended_is_let_go(commitment: StorageCommitment) -> None:
    association = Asked()
    transaction = commitment.request(association, [A])
    association.is_established = False
    with pytest.raises(CommitmentTimeout):
        transaction.wait(0.001)
    assert transaction._association is None


def test_waiting_has_an_end_and_may_be_repeated(commitment: StorageCommitment) -> None:
    transaction = commitment.request(Asked(), [A])
    with pytest.raises(CommitmentTimeout, match=r"within 0.001 s; it may still come"):
        transaction.wait(0.001)
    commitment.take_report(result(transaction))
    assert transaction.wait().is_complete


def test_a_transaction_ends_with_its_lifetime(commitment: StorageCommitment, clock: SimpleNamespace) -> None:
    transaction = commitment.request(Asked(), [A], lifetime=60)
    clock.now += 60
    with pytest.raises(CommitmentTimeout, match="within its lifetime, 60 s"):
        transaction.wait()
    assert status_of(commitment.take_report(result(transaction))) == 0x0115
    assert commitment.open_transactions == []


def test_nothing_is_remembered_for_ever(commitment: StorageCommitment, clock: SimpleNamespace) -> None:
    first = commitment.request(Asked(), [A], lifetime=60)
    commitment.take_report(result(first))
    clock.now += 61
    second = commitment.request(Asked(), [A], lifetime=60)
    assert list(commitment._transactions) == [second.uid]


def test_the_number_of_transactions_is_bounded(
    commitment: StorageCommitment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_commitment, "TRANSACTIONS_LIMIT", 2)
    first = commitment.request(Asked(), [A])
    commitment.take_report(result(first))
    second, third = (commitment.request(Asked(), [A]) for _ in range(2))  # the completed one makes room
    assert commitment.open_transactions == [second, third]
    association = Asked()
    with pytest.raises(CommitmentError, match="2 transactions are open; nothing was sent"):
        commitment.request(association, [A])
    assert association.asked == []


def test_many_threads(commitment: StorageCommitment) -> None:
    completed: list[bool] = []

    def one() -> None:
        for _ in range(20):
            transaction = commitment.request(Asked(), [A])
            commitment.take_report(result(transaction))
            completed.append(transaction.wait(1).is_complete)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(completed) == 160 and all(completed)
    assert commitment.open_transactions == []
