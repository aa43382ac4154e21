"""The form of an annex of PS3.4: rows of SOP classes, their services and statuses.

Data only: an annex file fills these rows in, `registry` finds them, and nothing here acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from pydicom.uid import UID

from fastdicom._sop_classes import SOPClass


class ServiceClass(StrEnum):
    """The service classes of PS3.4 that are spoken over DIMSE."""

    VERIFICATION = "Verification"
    STORAGE = "Storage"
    QUERY_RETRIEVE = "Query/Retrieve"
    APPLICATION_EVENT_LOGGING = "Application Event Logging"
    BASIC_WORKLIST_MANAGEMENT = "Basic Worklist Management"
    COLOR_PALETTE_QUERY_RETRIEVE = "Color Palette Query/Retrieve"
    DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE = "Defined Procedure Protocol Query/Retrieve"
    DISPLAY_SYSTEM_MANAGEMENT = "Display System Management"
    GENERAL_PURPOSE_WORKLIST_MANAGEMENT = "General Purpose Worklist Management"
    HANGING_PROTOCOL_QUERY_RETRIEVE = "Hanging Protocol Query/Retrieve"
    IMPLANT_TEMPLATE_QUERY_RETRIEVE = "Implant Template Query/Retrieve"
    INSTANCE_AVAILABILITY_NOTIFICATION = "Instance Availability Notification"
    INVENTORY_QUERY_RETRIEVE = "Inventory Query/Retrieve"
    MEDIA_CREATION_MANAGEMENT = "Media Creation Management"
    MEDIA_STORAGE = "Media Storage"
    NON_PATIENT_OBJECT_STORAGE = "Non-Patient Object Storage"
    PATIENT_MANAGEMENT = "Patient Management"
    PRINT_MANAGEMENT = "Print Management"
    PROCEDURE_STEP = "Modality Performed Procedure Step"
    PROTOCOL_APPROVAL_QUERY_RETRIEVE = "Protocol Approval Query/Retrieve"
    RELEVANT_PATIENT_INFORMATION_QUERY = "Relevant Patient Information Query"
    RESULTS_MANAGEMENT = "Results Management"
    RT_MACHINE_VERIFICATION = "RT Machine Verification"
    STORAGE_COMMITMENT = "Storage Commitment"
    STORAGE_MANAGEMENT = "Storage Management"
    STUDY_CONTENT_NOTIFICATION = "Study Content Notification"
    STUDY_MANAGEMENT = "Study Management"
    SUBSTANCE_ADMINISTRATION_QUERY = "Substance Administration Query"
    UNIFIED_PROCEDURE_STEP = "Unified Procedure Step"


class Operation(IntEnum):
    """The DIMSE services, each by the Command Field of its request (PS3.7 Table E.1-1)."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150

    def __str__(self) -> str:
        return self.name.replace("_", "-")


C_STORE, C_GET, C_FIND, C_MOVE, C_ECHO = (
    Operation.C_STORE,
    Operation.C_GET,
    Operation.C_FIND,
    Operation.C_MOVE,
    Operation.C_ECHO,
)
N_EVENT_REPORT, N_GET, N_SET, N_ACTION, N_CREATE, N_DELETE = (
    Operation.N_EVENT_REPORT,
    Operation.N_GET,
    Operation.N_SET,
    Operation.N_ACTION,
    Operation.N_CREATE,
    Operation.N_DELETE,
)


class StatusRow(NamedTuple):
    """A row of a status table: the codes from `first` to `last`, and what they mean."""

    first: int
    last: int
    meaning: str


StatusRows: TypeAlias = tuple[StatusRow, ...]


def status_rows(text: str) -> StatusRows:
    """Read a status table: in each line a code or two with a hyphen, hexadecimal, and the meaning."""
    rows = []
    for line in text.strip().splitlines():
        codes, _, meaning = line.strip().partition(" ")
        first, _, last = codes.partition("-")
        rows.append(StatusRow(int(first, 16), int(last or first, 16), meaning.strip()))
    return tuple(rows)


def without_statuses(*operations: Operation) -> Mapping[Operation, StatusRows]:
    """Return the statuses of services that have none but those of PS3.7."""
    return dict.fromkeys(operations, ())


NOTHING: Mapping[int, str] = MappingProxyType({})


class SOPClassRow(NamedTuple):
    """A SOP class, as PS3.4 specifies it.

    Attributes
    ----------
    sop_class
        Its UID.
    scu_invokes
        The services that an SCU requests, each with the statuses of its own that an SCP may answer.
    scp_invokes
        The services that an SCP requests on the same presentation context: notifications.
    actions, events
        The Action and Event Type IDs, with their names.
    instances
        Well-known SOP instances.
    members
        Of a Meta SOP Class: the SOP classes whose services its presentation contexts carry.
    goes_by
        Other SOP classes that a command on its presentation contexts may name instead of it.
    extended_negotiation
        What each byte of its Service-class-application-information says, in order.
    scp_may_associate
        Whether an SCP opens associations of its own to notify an SCU; it then proposes its role (PS3.7
        D.3.3.4).
    is_retired
        Whether PS3.4 does not have it any more.
    """

    sop_class: SOPClass
    scu_invokes: Mapping[Operation, StatusRows]
    scp_invokes: Mapping[Operation, StatusRows] = MappingProxyType({})
    actions: Mapping[int, str] = NOTHING
    events: Mapping[int, str] = NOTHING
    instances: tuple[UID, ...] = ()
    members: tuple[SOPClass, ...] = ()
    goes_by: tuple[SOPClass, ...] = ()
    extended_negotiation: tuple[str, ...] = ()
    scp_may_associate: bool = False
    is_retired: bool = False


class Annex(NamedTuple):
    """A service class with its SOP classes; some annexes of PS3.4 have two."""

    label: str
    service_class: ServiceClass
    rows: tuple[SOPClassRow, ...]


def meta(sop_class: SOPClass, *members: SOPClass, is_retired: bool = False) -> SOPClassRow:
    """Return the row of a Meta SOP Class, which has no services but those of its members."""
    return SOPClassRow(sop_class, {}, members=members, is_retired=is_retired)
