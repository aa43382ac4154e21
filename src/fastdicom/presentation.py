"""Presentation contexts: what an AE proposes or supports, and what came of it (PS3.8 9.3.2.2, 9.3.3.2).

A `PresentationContext` is a record that checks its values. Which contexts two AEs agree on is decided in
`ul.contexts`. The lists at the end are made once, at import; whoever changes an entry copies it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from pydicom.uid import UID

from fastdicom.annexes.registry import rows_of
from fastdicom.sop_class import (
    COMMON_STORAGE_CLASSES,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelGet,
    PatientStudyOnlyQueryRetrieveInformationModelMove,
    ServiceClass,
    VOILUTBox,
)
from fastdicom.transfer_syntax import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES

__all__ = [
    "ALL_TRANSFER_SYNTAXES",
    "DEFAULT_TRANSFER_SYNTAXES",
    "AllStoragePresentationContexts",
    "ApplicationEventLoggingPresentationContexts",
    "BasicWorklistManagementPresentationContexts",
    "ColorPalettePresentationContexts",
    "DefinedProcedureProtocolPresentationContexts",
    "DisplaySystemPresentationContexts",
    "GeneralPurposeWorklistPresentationContexts",
    "HangingProtocolPresentationContexts",
    "ImplantTemplatePresentationContexts",
    "InstanceAvailabilityPresentationContexts",
    "InventoryPresentationContexts",
    "MediaCreationManagementPresentationContexts",
    "MediaStoragePresentationContexts",
    "ModalityPerformedPresentationContexts",
    "NonPatientObjectPresentationContexts",
    "PatientManagementPresentationContexts",
    "PresentationContext",
    "PresentationContextTuple",
    "PrintManagementPresentationContexts",
    "ProcedureStepPresentationContexts",
    "ProtocolApprovalPresentationContexts",
    "QueryRetrievePresentationContexts",
    "RTMachineVerificationPresentationContexts",
    "RelevantPatientInformationPresentationContexts",
    "ResultsManagementPresentationContexts",
    "StorageCommitmentPresentationContexts",
    "StorageManagementPresentationContexts",
    "StoragePresentationContexts",
    "StudyContentNotificationPresentationContexts",
    "StudyManagementPresentationContexts",
    "SubstanceAdministrationPresentationContexts",
    "UnifiedProcedurePresentationContexts",
    "VerificationPresentationContexts",
    "build_context",
]

UIDLike: TypeAlias = str | bytes

# PS3.8 Table 9-18, field "Result/Reason".
_STATUS = {
    None: "Pending",
    0x00: "Accepted",
    0x01: "User Rejected",
    0x02: "Provider Rejected",
    0x03: "Abstract Syntax Not Supported",
    0x04: "Transfer Syntax(es) Not Supported",
}


class PresentationContextTuple(NamedTuple):
    """An accepted presentation context, as event handlers see it."""

    context_id: int
    abstract_syntax: UID
    transfer_syntax: UID


def _checked_uid(value: UIDLike, name: str) -> UID:
    """Return `value` as a UID that can be encoded in a PDU: 1 to 64 ASCII characters (PS3.8 Annex F)."""
    if isinstance(value, bytes):
        value = value.decode("ascii")
    if not isinstance(value, str):
        raise TypeError(f"{name} must be str, bytes or UID, not {type(value).__name__}")
    if not 1 <= len(value) <= 64:
        raise ValueError(f"{name} {value!r} is {len(value)} characters long; 1 to 64 are allowed")
    if not value.isascii():
        raise ValueError(f"{name} {value!r} has characters outside of ASCII")
    return value if isinstance(value, UID) else UID(value)


def _checked_role(value: bool | None, name: str) -> bool | None:
    """Return `value` if it can be a role."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{name} must be True, False or None, not {value!r}")
    return value


class PresentationContext:
    """An abstract syntax with the transfer syntaxes that are proposed, supported or accepted for it.

    Attributes
    ----------
    result : int or None
        The acceptor's answer, 0 to 4 (PS3.8 Table 9-18); None before negotiation.
    as_scu, as_scp : bool or None
        The roles that were agreed on, for the side that holds this object; None before negotiation.
    """

    __slots__ = (
        "_abstract_syntax",
        "_context_id",
        "_scp_role",
        "_scu_role",
        "_transfer_syntax",
        "as_scp",
        "as_scu",
        "result",
    )

    def __init__(self) -> None:
        self._abstract_syntax: UID | None = None
        self._transfer_syntax: list[UID] = []
        self._context_id: int | None = None
        self._scu_role: bool | None = None
        self._scp_role: bool | None = None
        self.result: int | None = None
        self.as_scu: bool | None = None
        self.as_scp: bool | None = None

    @property
    def abstract_syntax(self) -> UID | None:
        """The UID of the SOP class; None until it is set."""
        return self._abstract_syntax

    @abstract_syntax.setter
    def abstract_syntax(self, value: UIDLike) -> None:
        self._abstract_syntax = _checked_uid(value, "abstract_syntax")

    @property
    def transfer_syntax(self) -> list[UID]:
        """The transfer syntaxes, in the order of preference."""
        return self._transfer_syntax

    @transfer_syntax.setter
    def transfer_syntax(self, values: Iterable[UIDLike]) -> None:
        if isinstance(values, str | bytes):
            raise TypeError(f"transfer_syntax must be a list of UIDs, not the single {values!r}")
        uids = [_checked_uid(value, "transfer_syntax") for value in values]
        self._transfer_syntax = list(dict.fromkeys(uids))  # in order, each once

    def add_transfer_syntax(self, syntax: UIDLike) -> None:
        """Append a transfer syntax, unless it is there already.

        Parameters
        ----------
        syntax
            The UID of the transfer syntax.
        """
        uid = _checked_uid(syntax, "transfer_syntax")
        if uid not in self._transfer_syntax:
            self._transfer_syntax.append(uid)

    @property
    def context_id(self) -> int | None:
        """The presentation context ID: odd, 1 to 255 (PS3.8 9.3.2.2); None until it is set."""
        return self._context_id

    @context_id.setter
    def context_id(self, value: int | None) -> None:
        if value is not None and not (1 <= value <= 255 and value % 2 == 1):
            raise ValueError(f"context_id is {value}; it must be an odd number from 1 to 255")
        self._context_id = value

    @property
    def scu_role(self) -> bool | None:
        """As acceptor: whether a requestor that asks for the SCU role gets it; None: no answer."""
        return self._scu_role

    @scu_role.setter
    def scu_role(self, value: bool | None) -> None:
        self._scu_role = _checked_role(value, "scu_role")

    @property
    def scp_role(self) -> bool | None:
        """As acceptor: whether a requestor that asks for the SCP role gets it; None: no answer."""
        return self._scp_role

    @scp_role.setter
    def scp_role(self, value: bool | None) -> None:
        self._scp_role = _checked_role(value, "scp_role")

    @property
    def status(self) -> str:
        """The result in words."""
        return _STATUS.get(self.result, "Unknown")

    @property
    def as_tuple(self) -> PresentationContextTuple:
        """The three values that matter once the context is accepted."""
        if self._context_id is None or self._abstract_syntax is None or not self._transfer_syntax:
            raise ValueError(f"{self!r} is not complete: ID, abstract syntax and transfer syntax are needed")
        return PresentationContextTuple(self._context_id, self._abstract_syntax, self._transfer_syntax[0])

    @classmethod
    def of_row(cls, row: ContextRow) -> PresentationContext:
        """Return a context with the values of another one, as `rows_of_contexts` has them."""
        context = cls.__new__(cls)
        (
            context._abstract_syntax,
            transfer_syntaxes,
            context._context_id,
            context._scu_role,
            context._scp_role,
            context.result,
            context.as_scu,
            context.as_scp,
        ) = row
        context._transfer_syntax = [*transfer_syntaxes]
        return context

    def _key(self) -> tuple[object, ...]:
        """Return everything that makes two contexts equal."""
        return (
            self._abstract_syntax,
            self._context_id,
            tuple(self._transfer_syntax),
            self.result,
            self._scu_role,
            self._scp_role,
            self.as_scu,
            self.as_scp,
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, PresentationContext) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        name = self._abstract_syntax.name if self._abstract_syntax else None
        syntaxes = ", ".join(uid.name for uid in self._transfer_syntax)
        return f"<PresentationContext {self._context_id} {name!r} [{syntaxes}] {self.status}>"


# All values of a context: abstract syntax, transfer syntaxes, ID, SCU role, SCP role, result, as SCU, as SCP.
ContextRow: TypeAlias = tuple[
    UID | None,
    Sequence[UID],
    int | None,
    bool | None,
    bool | None,
    int | None,
    bool | None,
    bool | None,
]

# What an acceptor offers of an abstract syntax: transfer syntaxes, SCU role, SCP role.
Offer: TypeAlias = tuple[list[UID], bool | None, bool | None]


def rows_of_contexts(contexts: Iterable[PresentationContext]) -> list[ContextRow]:
    """Return all values of each context; the lists of transfer syntaxes are its own."""
    return [
        (
            each._abstract_syntax,
            each._transfer_syntax,
            each._context_id,
            each._scu_role,
            each._scp_role,
            each.result,
            each.as_scu,
            each.as_scp,
        )
        for each in contexts
    ]


def abstract_syntaxes_of(contexts: Iterable[PresentationContext]) -> list[UID | None]:
    """Return the abstract syntax of each context."""
    return [each._abstract_syntax for each in contexts]


def offers_of(contexts: Iterable[PresentationContext]) -> list[Offer]:
    """Return what each context offers; the lists are its own."""
    return [(each._transfer_syntax, each._scu_role, each._scp_role) for each in contexts]


def build_context(
    abstract_syntax: UIDLike, transfer_syntax: UIDLike | Iterable[UIDLike] | None = None
) -> PresentationContext:
    """Return a context for one SOP class.

    Parameters
    ----------
    abstract_syntax
        The UID of the SOP class.
    transfer_syntax
        One transfer syntax, or several in the order of preference; `DEFAULT_TRANSFER_SYNTAXES` unless given.

    Raises
    ------
    ValueError
        If a UID is empty, longer than 64 characters or not ASCII.
    TypeError
        If a UID is neither str nor bytes.
    """
    if transfer_syntax is None:
        transfer_syntax = DEFAULT_TRANSFER_SYNTAXES
    elif isinstance(transfer_syntax, str | bytes):
        transfer_syntax = [transfer_syntax]
    context = PresentationContext()
    context.abstract_syntax = abstract_syntax
    context.transfer_syntax = transfer_syntax
    return context


# What the lists below have although it is retired, and have not although it is not: as programs know them.
_STILL_ASKED_FOR = (
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelMove,
    PatientStudyOnlyQueryRetrieveInformationModelGet,
)
_LEFT_OUT = (VOILUTBox,)


def _contexts_of(service: ServiceClass) -> list[PresentationContext]:
    """Return a context for each SOP class of a service class that is not retired, or all if all are."""
    rows = rows_of(service)
    are_retired = all(row.is_retired for row in rows)
    uids = [
        row.sop_class
        for row in rows
        if (row.is_retired is are_retired or row.sop_class in _STILL_ASKED_FOR)
        and row.sop_class not in _LEFT_OUT
    ]
    return [build_context(uid) for uid in sorted(uids)]


ApplicationEventLoggingPresentationContexts = _contexts_of(ServiceClass.APPLICATION_EVENT_LOGGING)
BasicWorklistManagementPresentationContexts = _contexts_of(ServiceClass.BASIC_WORKLIST_MANAGEMENT)
ColorPalettePresentationContexts = _contexts_of(ServiceClass.COLOR_PALETTE_QUERY_RETRIEVE)
DefinedProcedureProtocolPresentationContexts = _contexts_of(
    ServiceClass.DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE
)
DisplaySystemPresentationContexts = _contexts_of(ServiceClass.DISPLAY_SYSTEM_MANAGEMENT)
GeneralPurposeWorklistPresentationContexts = _contexts_of(ServiceClass.GENERAL_PURPOSE_WORKLIST_MANAGEMENT)
HangingProtocolPresentationContexts = _contexts_of(ServiceClass.HANGING_PROTOCOL_QUERY_RETRIEVE)
ImplantTemplatePresentationContexts = _contexts_of(ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE)
InstanceAvailabilityPresentationContexts = _contexts_of(ServiceClass.INSTANCE_AVAILABILITY_NOTIFICATION)
InventoryPresentationContexts = _contexts_of(ServiceClass.INVENTORY_QUERY_RETRIEVE)
MediaCreationManagementPresentationContexts = _contexts_of(ServiceClass.MEDIA_CREATION_MANAGEMENT)
MediaStoragePresentationContexts = _contexts_of(ServiceClass.MEDIA_STORAGE)
ModalityPerformedPresentationContexts = _contexts_of(ServiceClass.PROCEDURE_STEP)
NonPatientObjectPresentationContexts = _contexts_of(ServiceClass.NON_PATIENT_OBJECT_STORAGE)
PatientManagementPresentationContexts = _contexts_of(ServiceClass.PATIENT_MANAGEMENT)
PrintManagementPresentationContexts = _contexts_of(ServiceClass.PRINT_MANAGEMENT)
ProcedureStepPresentationContexts = _contexts_of(ServiceClass.PROCEDURE_STEP)
ProtocolApprovalPresentationContexts = _contexts_of(ServiceClass.PROTOCOL_APPROVAL_QUERY_RETRIEVE)
QueryRetrievePresentationContexts = _contexts_of(ServiceClass.QUERY_RETRIEVE)
RelevantPatientInformationPresentationContexts = _contexts_of(ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY)
ResultsManagementPresentationContexts = _contexts_of(ServiceClass.RESULTS_MANAGEMENT)
RTMachineVerificationPresentationContexts = _contexts_of(ServiceClass.RT_MACHINE_VERIFICATION)
StorageCommitmentPresentationContexts = _contexts_of(ServiceClass.STORAGE_COMMITMENT)
StorageManagementPresentationContexts = _contexts_of(ServiceClass.STORAGE_MANAGEMENT)
StudyContentNotificationPresentationContexts = _contexts_of(ServiceClass.STUDY_CONTENT_NOTIFICATION)
StudyManagementPresentationContexts = _contexts_of(ServiceClass.STUDY_MANAGEMENT)
SubstanceAdministrationPresentationContexts = _contexts_of(ServiceClass.SUBSTANCE_ADMINISTRATION_QUERY)
UnifiedProcedurePresentationContexts = _contexts_of(ServiceClass.UNIFIED_PROCEDURE_STEP)
VerificationPresentationContexts = _contexts_of(ServiceClass.VERIFICATION)

AllStoragePresentationContexts = _contexts_of(ServiceClass.STORAGE)
"""Every storage class that is not retired: for an acceptor, as one association can propose 128 at most."""

StoragePresentationContexts = [build_context(uid) for uid in sorted(COMMON_STORAGE_CLASSES)]
"""The 120 storage classes that are met most: for a requestor that does not know what it will send."""
