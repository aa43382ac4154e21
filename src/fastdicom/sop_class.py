"""SOP classes by keyword, and the service class that each belongs to (PS3.4, PS3.6 Table A-1).

`sop_class.CTImageStorage` and the like are constants. `register_uid` adds private SOP classes: one row,
inserted at once and never changed, so that readers in other threads need no lock.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, NamedTuple

from fastdicom import _sop_classes as _sop
from fastdicom._sop_classes import *
from fastdicom.annexes.registry import ROWS, SERVICE_CLASSES, rows_of
from fastdicom.annexes.table import Operation, SOPClassRow, StatusRows
from fastdicom.annexes.table import ServiceClass as ServiceClass

SOP_CLASSES: dict[ServiceClass, tuple[_sop.SOPClass, ...]] = {
    service_class: tuple(row.sop_class for row in rows_of(service_class)) for service_class in ServiceClass
}
"""The SOP classes of each service class, the retired ones included."""

# PS3.4 B.3.1.3
STORAGE_SERVICE_CLASS_UID = "1.2.840.10008.4.2"

# Below the root of the standard (PS3.5 9.1), storage classes that are not known yet will be found here.
DICOM_ROOT = "1.2.840.10008."
STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

_SERVICE_CLASS_OF: dict[str, ServiceClass] = {
    **SERVICE_CLASSES,
    # The UIDs of the service classes themselves, met in SOP Class Common Extended Negotiation.
    STORAGE_SERVICE_CLASS_UID: ServiceClass.STORAGE,
    "1.2.840.10008.5.1.4.34.6": ServiceClass.UNIFIED_PROCEDURE_STEP,
    "1.2.840.10008.5.1.4.34.4": ServiceClass.UNIFIED_PROCEDURE_STEP,  # the trial
}

_SOP_CLASS_OF: dict[str, _sop.SOPClass] = {
    value: value for value in vars(_sop).values() if isinstance(value, _sop.SOPClass)
}


class _Registration(NamedTuple):
    """What `register_uid` was told about one UID."""

    sop_class: _sop.SOPClass
    service_class: ServiceClass
    dimse_msg_type: str


_registered: dict[str, _Registration] = {}
_registered_keywords: dict[str, _sop.SOPClass] = {}


def registrations() -> tuple[object, ...]:
    """Return all that has been registered, to compare with: equal as long as nothing has been added."""
    return tuple(_registered.values())


def is_registered(uid: str) -> bool:
    """Whether `register_uid` was told about a SOP class."""
    return uid in _registered


def uid_to_sop_class(uid: str) -> _sop.SOPClass:
    """Return the SOP class with this UID; any UID can be that of a (private) SOP class.

    Parameters
    ----------
    uid
        The UID, as a string.
    """
    registration = _registered.get(uid)
    if registration is not None:
        return registration.sop_class
    return _SOP_CLASS_OF.get(uid) or _sop.SOPClass(uid)


def uid_to_service_class(uid: str) -> ServiceClass | None:
    """Return the service class that a SOP class belongs to, None when it is not known.

    Parameters
    ----------
    uid
        The UID of a SOP class or of a service class, as a string.
    """
    registration = _registered.get(uid)
    if registration is not None:
        return registration.service_class
    return _SERVICE_CLASS_OF.get(uid)


def uid_to_row(uid: str) -> SOPClassRow | None:
    """Return what PS3.4 says of a SOP class, None when it is not known.

    Of a registered one, that is what it says of all SOP classes of the service class.

    Parameters
    ----------
    uid
        The UID of a SOP class, as a string.
    """
    registration = _registered.get(uid)
    return ROWS.get(uid) if registration is None else _row_of_registered(registration)


def _row_of_registered(registration: _Registration) -> SOPClassRow:
    """Return a row with all that the SOP classes of a service class have."""
    scu_invokes: dict[Operation, StatusRows] = {}
    scp_invokes: dict[Operation, StatusRows] = {}
    rows = rows_of(registration.service_class)
    for row in rows:
        scu_invokes |= row.scu_invokes
        scp_invokes |= row.scp_invokes
    if registration.service_class is ServiceClass.QUERY_RETRIEVE:
        only = Operation[registration.dimse_msg_type.replace("-", "_")]
        scu_invokes = {only: scu_invokes[only]}
    return SOPClassRow(
        registration.sop_class,
        scu_invokes,
        scp_invokes,
        scp_may_associate=any(row.scp_may_associate for row in rows),
    )


def is_storage_class(uid: str) -> bool:
    """Whether objects of a SOP class are stored with C-STORE, as far as one can know.

    Parameters
    ----------
    uid
        The UID of a SOP class. A private one is a storage class unless `register_uid` says otherwise, and so
        is one of the standard that is not known here, if it lies among the storage classes.
    """
    service_class = uid_to_service_class(uid)
    if service_class is None:
        return uid.startswith(STORAGE_ROOT) or not uid.startswith(DICOM_ROOT)
    return service_class in (ServiceClass.STORAGE, ServiceClass.NON_PATIENT_OBJECT_STORAGE)


def register_uid(uid: str, keyword: str, service_class: ServiceClass, dimse_msg_type: str = "") -> None:
    """Make a private SOP class known: by `keyword` in this module, and to its service class.

    Parameters
    ----------
    uid
        The UID of the SOP class, 1 to 64 characters.
    keyword
        Its name in this module: an identifier that is not taken by another SOP class.
    service_class
        The service class that answers requests for it.
    dimse_msg_type
        For `ServiceClass.QUERY_RETRIEVE`: ``"C-FIND"``, ``"C-GET"`` or ``"C-MOVE"``.

    Raises
    ------
    ValueError
        If an argument is not as described; nothing has then been registered.
    """
    if not 1 <= len(uid) <= 64:
        raise ValueError(f"The UID {uid!r} is {len(uid)} characters long; 1 to 64 are allowed")
    if not keyword.isidentifier() or iskeyword(keyword):
        raise ValueError(f"The keyword {keyword!r} is not a Python identifier")
    taken_by = globals().get(keyword, _registered_keywords.get(keyword))
    if taken_by is not None and taken_by != uid:
        raise ValueError(f"The keyword {keyword!r} is taken by {taken_by!r}")
    service_class = ServiceClass(service_class)
    if service_class is ServiceClass.QUERY_RETRIEVE and dimse_msg_type not in {"C-FIND", "C-GET", "C-MOVE"}:
        raise ValueError(f"dimse_msg_type is {dimse_msg_type!r}; it must be 'C-FIND', 'C-GET' or 'C-MOVE'")
    registration = _Registration(_sop.SOPClass(uid), service_class, dimse_msg_type)
    _registered[uid] = registration
    _registered_keywords[keyword] = registration.sop_class


if not TYPE_CHECKING:  # a type checker shall go on to report names that do not exist

    def __getattr__(name: str) -> _sop.SOPClass:
        """Find registered SOP classes as if they were constants of this module."""
        try:
            return _registered_keywords[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
