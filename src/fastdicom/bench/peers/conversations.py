"""What both ends of a Python library do for everything but the store: one text for two libraries.

Their names are the same, so `stack` is either module. What a handler answers with is made before the clock
starts; what comes is looked at, so that a data set which is decoded on touch is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydicom.dataset import Dataset

from fastdicom.bench.limits import VERIFICATION
from fastdicom.bench.peers.side import Job, check
from fastdicom.bench.scenarios import MATCHES

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PERFORMED_PROCEDURE_STEP = "1.2.840.10008.3.1.2.3.3"
IMPLICIT = "1.2.840.10008.1.2"
PENDING = 0xFF00

# Contexts that no requestor here asks for: with Verification there are 170.
OTHER_CONTEXTS = [f"1.2.826.0.1.3680043.8.498.170.{number}" for number in range(1, 170)]

ABSTRACT_SYNTAXES = {
    "echo": VERIFICATION,
    "associate": VERIFICATION,
    "knock": VERIFICATION,
    "idle": VERIFICATION,
    "find": STUDY_ROOT_FIND,
    "get": STUDY_ROOT_GET,
    "n-create": PERFORMED_PROCEDURE_STEP,
}


def match(number: int) -> Dataset:
    """Return what a C-FIND answers with: a study, in 6 elements."""
    data_set = Dataset()
    data_set.StudyDate = f"2024{number % 12 + 1:02}{number % 28 + 1:02}"
    data_set.AccessionNumber = f"A{number:06}"
    data_set.QueryRetrieveLevel = "STUDY"
    data_set.PatientName = f"Patient^Number {number}"
    data_set.PatientID = f"{number:08}"
    data_set.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.{number + 1}"
    return data_set


def step() -> Dataset:
    """Return what an N-CREATE brings: a performed procedure step that begins."""
    data_set = Dataset()
    data_set.PatientName = "Patient^Name"
    data_set.PatientID = "12345678"
    data_set.Modality = "CT"
    data_set.PerformedStationAETitle = "SCANNER"
    data_set.PerformedProcedureStepStartDate = "20240229"
    data_set.PerformedProcedureStepStartTime = "120000"
    data_set.PerformedProcedureStepID = "STEP"
    data_set.PerformedProcedureStepStatus = "IN PROGRESS"
    data_set.StudyID = "1"
    data_set.PerformedSeriesSequence = []
    return data_set


class Conversation:
    """What the sender says and hears.

    Parameters
    ----------
    stack
        The library.
    job
        What to do.
    """

    def __init__(self, stack: Any, job: Job) -> None:
        self.received = 0
        self._job = job
        self._stack = stack
        self._step = step()

    def request_contexts(self, ae: Any) -> None:
        """Have an AE propose what the operations need."""
        for sop_class, transfer_syntax in self._job.contexts:
            ae.add_requested_context(sop_class, transfer_syntax)
        if self._job.kind in ABSTRACT_SYNTAXES:
            ae.add_requested_context(ABSTRACT_SYNTAXES[self._job.kind], IMPLICIT)

    def options(self) -> dict[str, Any]:
        """Return what `associate` takes besides: for a C-GET, the role that the objects come in."""
        if self._job.kind != "get":
            return {}
        stack = self._stack
        roles = [stack.build_role(sop_class, scp_role=True) for sop_class, _ in self._job.contexts]
        return {"ext_neg": roles, "evt_handlers": [(stack.evt.EVT_C_STORE, self._on_store)]}

    def _on_store(self, event: Any) -> int:
        self.received += 1
        return 0x0000

    def run(self, association: Any, n: int) -> None:
        """Do n operations; a C-GET brings n objects.

        Raises
        ------
        RuntimeError
            When one was not answered as it should be.
        """
        operations: dict[str, Callable[[Any, int], None]] = {
            "echo": self._echo,
            "find": self._find,
            "get": self._get,
            "n-create": self._create,
        }
        operations[self._job.kind](association, n)

    def _echo(self, association: Any, n: int) -> None:
        for _ in range(n):
            check(association.send_c_echo())

    def _find(self, association: Any, n: int) -> None:
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.PatientID = ""
        for _ in range(n):
            responses = association.send_c_find(query, STUDY_ROOT_FIND)
            if self._job.is_encoded:
                responses = responses.encoded()
            count = 0
            for status, identifier in responses:
                if status.Status == PENDING:
                    count += bool(len(identifier) if self._job.is_encoded else identifier.StudyInstanceUID)
            check(status)
            if count != MATCHES:
                raise RuntimeError(f"{count} of {MATCHES} matches have come")

    def _get(self, association: Any, n: int) -> None:
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.PatientID = str(n)
        self.received = 0
        *_, (final, _failed) = association.send_c_get(query, STUDY_ROOT_GET)
        check(final)
        if self.received != n:
            raise RuntimeError(f"{self.received} of {n} objects have come")

    def _create(self, association: Any, n: int) -> None:
        for number in range(n):
            status, made = association.send_n_create(
                self._step, PERFORMED_PROCEDURE_STEP, f"1.2.826.0.1.3680043.8.498.{number + 1}"
            )
            check(status)
            if made.PerformedProcedureStepStatus != "IN PROGRESS":
                raise RuntimeError("another step was made")


def support_contexts(ae: Any, job: Job) -> None:
    """Have an AE accept what the operations need."""
    for sop_class, transfer_syntax in job.contexts:
        ae.add_supported_context(sop_class, transfer_syntax, scu_role=True, scp_role=True)
    if job.kind in ABSTRACT_SYNTAXES:
        ae.add_supported_context(ABSTRACT_SYNTAXES[job.kind], IMPLICIT)


def handlers(stack: Any, job: Job, objects: list[Any], encoded_matches: list[bytes] | None) -> list[Any]:
    """Return the handlers of the receiver.

    Parameters
    ----------
    stack
        The library.
    job
        What to do.
    objects
        What a C-GET sends, in the form that the library takes.
    encoded_matches
        What a C-FIND answers with, encoded; None for Datasets.
    """
    matches: list[Any] = encoded_matches or [match(number) for number in range(MATCHES)]

    def on_find(event: Any) -> Iterator[Any]:
        for each in matches:
            yield PENDING, each

    def on_get(event: Any) -> Iterator[Any]:
        n = int(event.identifier.PatientID)
        yield n
        for i in job.cycle(n):
            yield PENDING, objects[i]

    def on_create(event: Any) -> Any:
        return 0x0000, event.attribute_list

    return {
        "find": [(stack.evt.EVT_C_FIND, on_find)],
        "get": [(stack.evt.EVT_C_GET, on_get)],
        "n-create": [(stack.evt.EVT_N_CREATE, on_create)],
    }.get(job.kind, [])
