"""DIMSE statuses: the code, its category and its meaning (PS3.7 Annex C, PS3.4).

One table a service class, made of what `annexes` says of each service; where services differ, it has them
all. A status that is in none of them still has a category, by its range.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

from pydicom.dataset import Dataset

from fastdicom.annexes import general
from fastdicom.annexes.registry import expanded, rows_of
from fastdicom.annexes.table import Operation, ServiceClass

STATUS_SUCCESS = general.SUCCESS
STATUS_FAILURE = general.FAILURE
STATUS_WARNING = general.WARNING
STATUS_CANCEL = general.CANCEL
STATUS_PENDING = general.PENDING
STATUS_UNKNOWN = general.UNKNOWN

StatusTable: TypeAlias = dict[int, tuple[str, str]]


def _statuses_of(service_class: ServiceClass, *operations: Operation) -> StatusTable:
    """Return what the SOP classes of a service class may answer: to these services, or to any."""
    return expanded(
        statuses
        for row in rows_of(service_class)
        for invoked in (row.scu_invokes, row.scp_invokes)
        for operation, statuses in invoked.items()
        if not operations or operation in operations
    )


GENERAL_STATUS = expanded(())
VERIFICATION_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.VERIFICATION)
STORAGE_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.STORAGE)
QR_FIND_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.QUERY_RETRIEVE, Operation.C_FIND)
QR_MOVE_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.QUERY_RETRIEVE, Operation.C_MOVE)
QR_GET_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.QUERY_RETRIEVE, Operation.C_GET)
MODALITY_WORKLIST_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.BASIC_WORKLIST_MANAGEMENT)
RELEVANT_PATIENT_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY)
SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.SUBSTANCE_ADMINISTRATION_QUERY)
NON_PATIENT_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.NON_PATIENT_OBJECT_STORAGE)
PROCEDURE_STEP_STATUS = _statuses_of(ServiceClass.PROCEDURE_STEP)
PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.PRINT_MANAGEMENT)
STORAGE_COMMITMENT_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.STORAGE_COMMITMENT)
STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.STORAGE_MANAGEMENT)
APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.APPLICATION_EVENT_LOGGING)
MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.MEDIA_CREATION_MANAGEMENT)
UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.UNIFIED_PROCEDURE_STEP)
RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.RT_MACHINE_VERIFICATION)
GENERAL_PURPOSE_WORKLIST_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.GENERAL_PURPOSE_WORKLIST_MANAGEMENT)
STUDY_CONTENT_NOTIFICATION_SERVICE_CLASS_STATUS = _statuses_of(ServiceClass.STUDY_CONTENT_NOTIFICATION)


class Status(IntEnum):
    """Statuses that handlers return by name; `Status.add` makes more."""

    SUCCESS = 0x0000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    MOVE_DESTINATION_UNKNOWN = 0xA801

    @classmethod
    def add(cls, name: str, code: int) -> None:
        """Give a name to one more status, for the whole program.

        Parameters
        ----------
        name
            The name, as in ``Status.NAME``; one that is not taken.
        code
            The status, 0 to 0xFFFF.
        """
        if hasattr(cls, name):
            raise ValueError(f"Status.{name} is taken by {getattr(cls, name)!r}")
        setattr(cls, name, _checked_code(code))


def _checked_code(code: object) -> int:
    """Return `code` if it can be the value of (0000,0900), an unsigned short."""
    if not isinstance(code, int) or not 0 <= code <= 0xFFFF:
        raise ValueError(f"The status is {code!r}; it must be a number from 0 to 0xFFFF")
    return code


def code_to_category(code: int) -> str:
    """Return the category of a status.

    Parameters
    ----------
    code
        The status, 0 to 0xFFFF.

    Returns
    -------
    str
        "Success", "Failure", "Warning", "Cancel", "Pending"; "Unknown" outside of PS3.7 Annex C.
    """
    return general.category_of(_checked_code(code))


def code_to_status(code: int) -> Dataset:
    """Return a data set with the element *Status* (0000,0900), as the ``send_*`` methods return it.

    Parameters
    ----------
    code
        The status, 0 to 0xFFFF.
    """
    status = Dataset()
    status.Status = _checked_code(code)
    return status
