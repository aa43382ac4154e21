"""PS3.4 Annex J: Storage Commitment, with the retired pull model."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    N_ACTION,
    N_EVENT_REPORT,
    Annex,
    ServiceClass,
    SOPClassRow,
    without_statuses,
)

# Tables J.3-1 and J.3-2
REQUEST = {1: "Request Storage Commitment"}
RESULT = {
    1: "Storage Commitment Request Successful",
    2: "Storage Commitment Request Complete - Failures Exist",
}

ANNEX = Annex(
    "J",
    ServiceClass.STORAGE_COMMITMENT,
    (
        SOPClassRow(
            sop.StorageCommitmentPushModel,
            without_statuses(N_ACTION),
            without_statuses(N_EVENT_REPORT),
            actions=REQUEST,
            events=RESULT,
            instances=(sop.StorageCommitmentPushModelInstance,),
            scp_may_associate=True,
        ),
        SOPClassRow(
            sop.StorageCommitmentPullModel,
            without_statuses(N_ACTION),
            without_statuses(N_EVENT_REPORT),
            actions=REQUEST,
            events=RESULT,
            instances=(sop.StorageCommitmentPullModelInstance,),
            scp_may_associate=True,
            is_retired=True,
        ),
    ),
)
