"""PS3.4 Annex C: Query/Retrieve, with the retired Patient/Study Only model and the Repository Query."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom._sop_classes import SOPClass
from fastdicom.annexes.table import C_FIND, C_GET, C_MOVE, Annex, ServiceClass, SOPClassRow, status_rows

# C.4.1.1.4
FIND = {
    C_FIND: status_rows("""
        A700       Refused: Out of Resources
        A900       Error: Identifier Does Not Match SOP Class
        C000-CFFF  Failed: Unable to Process
        FF00       Matches are continuing, current match is supplied
        FF01       Matches are continuing, one or more optional keys were not supported
    """)
}

# C.6.4: a query that is answered in portions
REPOSITORY_FIND = {
    C_FIND: (
        *FIND[C_FIND],
        *status_rows("""
            A710  Invalid Prior Record Key
            B001  Matching reached response limit, a subsequent request may return more
        """),
    )
}

# C.4.2.1.5
MOVE = {
    C_MOVE: status_rows("""
        A701       Refused: Out of Resources - Unable to calculate number of matches
        A702       Refused: Out of Resources - Unable to perform sub-operations
        A801       Refused: Move Destination unknown
        A900       Error: Identifier Does Not Match SOP Class
        B000       Sub-operations complete, one or more failures or warnings
        C000-CFFF  Failed: Unable to Process
        FF00       Sub-operations are continuing
    """)
}

# C.4.3.1.4: what C-MOVE has, but for the destination
GET = {C_GET: tuple(row for row in MOVE[C_MOVE] if row.first != 0xA801)}

# C.5.1.1, and C.5.2.1 with C.5.3.1
QUERY_OPTIONS = (
    "relational",
    "date_time_matching",
    "fuzzy_matching",
    "timezone_adjustment",
    "enhanced_multi_frame_conversion",
    "empty_value_matching",
    "multiple_value_matching",
)
RETRIEVE_OPTIONS = ("relational", "enhanced_multi_frame_conversion")


def information_model(
    find: SOPClass, move: SOPClass, get: SOPClass, *, has_options: bool = False, is_retired: bool = False
) -> tuple[SOPClassRow, ...]:
    """Return the three SOP classes of an information model."""
    query = QUERY_OPTIONS if has_options else ()
    retrieve = RETRIEVE_OPTIONS if has_options else ()
    return (
        SOPClassRow(find, FIND, extended_negotiation=query, is_retired=is_retired),
        SOPClassRow(move, MOVE, extended_negotiation=retrieve, is_retired=is_retired),
        SOPClassRow(get, GET, extended_negotiation=retrieve, is_retired=is_retired),
    )


ANNEX = Annex(
    "C",
    ServiceClass.QUERY_RETRIEVE,
    (
        *information_model(
            sop.PatientRootQueryRetrieveInformationModelFind,
            sop.PatientRootQueryRetrieveInformationModelMove,
            sop.PatientRootQueryRetrieveInformationModelGet,
            has_options=True,
        ),
        *information_model(
            sop.StudyRootQueryRetrieveInformationModelFind,
            sop.StudyRootQueryRetrieveInformationModelMove,
            sop.StudyRootQueryRetrieveInformationModelGet,
            has_options=True,
        ),
        *information_model(
            sop.PatientStudyOnlyQueryRetrieveInformationModelFind,
            sop.PatientStudyOnlyQueryRetrieveInformationModelMove,
            sop.PatientStudyOnlyQueryRetrieveInformationModelGet,
            has_options=True,
            is_retired=True,
        ),
        SOPClassRow(sop.RepositoryQuery, REPOSITORY_FIND, extended_negotiation=QUERY_OPTIONS),
    ),
)
