"""The DIMSE operations of a print session, with their statuses looked at (PS3.4 Annex H)."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.errors import FastdicomError
from fastdicom.sop_class import BasicColorPrintManagementMeta, BasicGrayscalePrintManagementMeta
from fastdicom.status import (
    PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS,
    STATUS_SUCCESS,
    STATUS_WARNING,
    code_to_category,
)

PRINT = 1  # Action Type ID, PS3.4 Tables H.4-4 and H.4-8

# Warnings that are kept of one session.
WARNINGS_LIMIT = 1000


class PrintStatus:
    """What a printer answered, beside success.

    Attributes
    ----------
    status
        The status of the response.
    operation
        What was asked for, "N-SET of an image box" for instance.
    meaning
        What PS3.4 Annex H or PS3.7 Annex C says of the status.
    comment
        The printer's (0000,0902) Error Comment; empty when there is none.
    """

    def __init__(self, status: int, operation: str, comment: str = "") -> None:
        self.status = status
        self.operation = operation
        _, meaning = PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS.get(status, ("", ""))
        self.meaning = meaning or "unknown"
        self.comment = comment

    def __str__(self) -> str:
        said = f" ({self.comment!r})" if self.comment else ""
        return f"{self.operation}: status {self.status:04X}H, {self.meaning}{said}"


class PrintWarning(PrintStatus):
    """The printer did what was asked for, and warned."""


class PrintError(PrintStatus, FastdicomError):
    """The printer did not do what was asked for."""

    def __init__(self, status: int, operation: str, comment: str = "") -> None:
        PrintStatus.__init__(self, status, operation, comment)
        FastdicomError.__init__(self, PrintStatus.__str__(self))


class PrinterGone(FastdicomError):
    """The printer did not answer, or not what it has to."""


class PrintRequests:
    """DIMSE operations of one session, with their statuses looked at."""

    def __init__(self, association: Any, meta_uid: str | None) -> None:
        self._association = association
        self._meta_uid = meta_uid
        self.warnings: list[PrintWarning] = []

    def create(
        self, operation: str, class_uid: str, attributes: Dataset, *, in_meta: bool
    ) -> tuple[str, Dataset]:
        """N-CREATE; return the instance and its attributes."""
        instance = str(generate_uid(None))
        status, reply = self._association.send_n_create(
            attributes or None, class_uid, instance, meta_uid=self._meta(in_meta)
        )
        self._check(operation, status)
        return str(status.get("AffectedSOPInstanceUID") or instance), _data_set(reply)

    def set(
        self, operation: str, class_uid: str, instance_uid: str, attributes: Dataset, *, in_meta: bool
    ) -> Dataset:
        """N-SET; return the attributes."""
        status, reply = self._association.send_n_set(
            attributes, class_uid, instance_uid, meta_uid=self._meta(in_meta)
        )
        self._check(operation, status)
        return _data_set(reply)

    def act(self, operation: str, class_uid: str, instance_uid: str) -> Dataset:
        """N-ACTION to print; return the reply."""
        status, reply = self._association.send_n_action(
            None, PRINT, class_uid, instance_uid, meta_uid=self._meta(True)
        )
        self._check(operation, status)
        return _data_set(reply)

    def get(self, operation: str, class_uid: str, instance_uid: str, *, in_meta: bool) -> Dataset:
        """N-GET of all attributes."""
        status, reply = self._association.send_n_get(
            None, class_uid, instance_uid, meta_uid=self._meta(in_meta)
        )
        self._check(operation, status)
        return _data_set(reply)

    def delete(self, operation: str, class_uid: str, instance_uid: str, *, in_meta: bool) -> None:
        """N-DELETE."""
        status = self._association.send_n_delete(class_uid, instance_uid, meta_uid=self._meta(in_meta))
        self._check(operation, status)

    def _meta(self, in_meta: bool) -> str | None:
        return self._meta_uid if in_meta else None

    def _check(self, operation: str, status: Dataset) -> None:
        if "Status" not in status:
            raise PrinterGone(f"{operation}: the printer did not answer, and the association is gone")
        code = int(status.Status)
        category = code_to_category(code)
        if category == STATUS_SUCCESS:
            return
        comment = str(status.get("ErrorComment") or "")
        if category != STATUS_WARNING:
            raise PrintError(code, operation, comment)
        if len(self.warnings) < WARNINGS_LIMIT:
            self.warnings.append(PrintWarning(code, operation, comment))


def _data_set(reply: Dataset | None) -> Dataset:
    return Dataset() if reply is None else reply


def meta_class(association: Any, *, is_color: bool) -> str | None:
    """Return the meta SOP class that was accepted; None when there is none, only its members."""
    meta = BasicColorPrintManagementMeta if is_color else BasicGrayscalePrintManagementMeta
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    return str(meta) if meta in accepted else None
