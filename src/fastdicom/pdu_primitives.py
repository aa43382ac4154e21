"""The items that associations are negotiated with, for ``ext_neg=`` and for handlers (PS3.7 D.3.3).

The classes are those of `fastdicom.ul`, here under the name by which programs import them.
"""

from __future__ import annotations

from fastdicom.ul.application_information import (
    QueryExtendedNegotiation,
    RetrieveExtendedNegotiation,
    StorageExtendedNegotiation,
)
from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)

__all__ = [
    "AsynchronousOperationsWindowNegotiation",
    "ImplementationClassUIDNotification",
    "ImplementationVersionNameNotification",
    "MaximumLengthNotification",
    "QueryExtendedNegotiation",
    "RetrieveExtendedNegotiation",
    "SCP_SCU_RoleSelectionNegotiation",
    "SOPClassCommonExtendedNegotiation",
    "SOPClassExtendedNegotiation",
    "StorageExtendedNegotiation",
    "UserIdentityNegotiation",
    "UserIdentityResponse",
]
