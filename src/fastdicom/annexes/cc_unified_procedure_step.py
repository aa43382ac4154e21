"""PS3.4 Annex CC: Unified Procedure Step, and the trial of it that is retired.

A step is an instance of the Push class however it is negotiated, so commands name Push on every context.
"""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom._sop_classes import SOPClass
from fastdicom.annexes.k_worklist import FIND, QUERY_OPTIONS
from fastdicom.annexes.table import (
    C_FIND,
    N_ACTION,
    N_CREATE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    Annex,
    ServiceClass,
    SOPClassRow,
    status_rows,
    without_statuses,
)

UNKNOWN_STEP = status_rows("""
    C307  Specified SOP Instance UID does not exist or is not a UPS Instance managed by this SCP
""")

# CC.2.1.3
CHANGE_STATE = UNKNOWN_STEP + status_rows("""
    B304  The UPS is already in the requested state of CANCELED
    B306  The UPS is already in the requested state of COMPLETED
    C300  The UPS may no longer be updated
    C301  The correct Transaction UID was not provided
    C302  The UPS is already IN PROGRESS
    C303  The UPS may only become SCHEDULED via N-CREATE, not N-SET or N-ACTION
    C304  The UPS has not met final state requirements for the requested state change
    C310  The UPS is not yet in the IN PROGRESS state
""")
# CC.2.2.3
REQUEST_CANCEL = UNKNOWN_STEP + status_rows("""
    B304  The UPS is already in the requested state of CANCELED
    C311  The UPS is already COMPLETED
    C312  The performer cannot be contacted
    C313  Performer chooses not to cancel
""")
# CC.2.3.3
SUBSCRIBE = UNKNOWN_STEP + status_rows("""
    B301  Deletion Lock not granted
    C308  Receiving AE-TITLE is Unknown to this SCP
    C314  Specified action not appropriate for specified instance
    C315  SCP does not support Event Reports
""")
# CC.2.5.4
CREATE = status_rows("""
    B300  The UPS was created with modifications
    C309  The provided value of UPS State was not SCHEDULED
""")
# CC.2.6.4
SET = UNKNOWN_STEP + status_rows("""
    0001  Requested optional Attributes are not supported
    B305  Coerced invalid values to valid values
    C300  The UPS may no longer be updated
    C301  The correct Transaction UID was not provided
    C310  The UPS is not yet in the IN PROGRESS state
""")
# CC.2.7.4
GET = UNKNOWN_STEP + status_rows("0001 Requested optional Attributes are not supported")

# What a watcher asks for with one service or the other.
WATCH = tuple(dict.fromkeys(REQUEST_CANCEL + SUBSCRIBE))

CHANGING = {1: "Change UPS State"}
CANCELLING = {2: "Request UPS Cancel"}
WATCHING = {
    3: "Subscribe to Receive UPS Event Reports",
    4: "Unsubscribe from Receiving UPS Event Reports",
    5: "Suspend Global Subscription",
}
# Table CC.2.4-1
EVENTS = {
    1: "UPS State Report",
    2: "UPS Cancel Requested",
    3: "UPS Progress Report",
    4: "SCP Status Change",
    5: "UPS Assigned",
}


def _classes(
    push: SOPClass, watch: SOPClass, pull: SOPClass, event: SOPClass, *, is_retired: bool = False
) -> tuple[SOPClassRow, ...]:
    """Return the four SOP classes that the trial had, too."""
    return (
        SOPClassRow(
            push,
            {N_CREATE: CREATE, N_ACTION: REQUEST_CANCEL, N_GET: GET},
            actions=CANCELLING,
            is_retired=is_retired,
        ),
        SOPClassRow(
            watch,
            {N_ACTION: WATCH, N_GET: GET, C_FIND: FIND[C_FIND]},
            actions=CANCELLING | WATCHING,
            instances=(sop.UPSGlobalSubscriptionInstance, sop.UPSFilteredGlobalSubscriptionInstance),
            goes_by=(push,),
            extended_negotiation=QUERY_OPTIONS,
            is_retired=is_retired,
        ),
        SOPClassRow(
            pull,
            {C_FIND: FIND[C_FIND], N_GET: GET, N_SET: SET, N_ACTION: CHANGE_STATE},
            actions=CHANGING,
            goes_by=(push,),
            extended_negotiation=QUERY_OPTIONS,
            is_retired=is_retired,
        ),
        SOPClassRow(
            event,
            {},
            without_statuses(N_EVENT_REPORT),
            events=EVENTS,
            goes_by=(push,),
            scp_may_associate=True,
            is_retired=is_retired,
        ),
    )


ANNEX = Annex(
    "CC",
    ServiceClass.UNIFIED_PROCEDURE_STEP,
    (
        *_classes(
            sop.UnifiedProcedureStepPush,
            sop.UnifiedProcedureStepWatch,
            sop.UnifiedProcedureStepPull,
            sop.UnifiedProcedureStepEvent,
        ),
        SOPClassRow(
            sop.UnifiedProcedureStepQuery,
            FIND,
            goes_by=(sop.UnifiedProcedureStepPush,),
            extended_negotiation=QUERY_OPTIONS,
        ),
        *_classes(
            sop.UnifiedProcedureStepPushTrial,
            sop.UnifiedProcedureStepWatchTrial,
            sop.UnifiedProcedureStepPullTrial,
            sop.UnifiedProcedureStepEventTrial,
            is_retired=True,
        ),
    ),
)
