"""What a Unified Procedure Step is made of: its states, and what its attributes must be (PS3.4 CC.2.5).

Whoever creates one, performs it or manages it needs these.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from fastdicom.workflow.attributes import requirements


class UnifiedProcedureStepState(StrEnum):
    """The states of a Unified Procedure Step (PS3.4 Table CC.1.1-1)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        return self in {UnifiedProcedureStepState.COMPLETED, UnifiedProcedureStepState.CANCELED}


class Action(IntEnum):
    """What is asked for with N-ACTION: the Action Type ID (PS3.4 Tables CC.2.1-1, CC.2.2-1, CC.2.3-1)."""

    CHANGE_STATE = 1
    REQUEST_CANCEL = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    SUSPEND_GLOBAL_SUBSCRIPTION = 5


# Of attributes that are optional and free to be set only those with items, or a list of values, are here.
TABLE = requirements(
    "PS3.4 Table CC.2.5-3",
    """
    TransactionUID                                          2E  3   O
    SOPClassUID                                             3   -   O
    SOPInstanceUID                                          -   -   O
    ScheduledProcedureStepPriority                          1   3   R
    ScheduledProcedureStepModificationDateTime              3   3   R
    ProcedureStepLabel                                      1   3   O
    WorklistLabel                                           2   3   O
    ScheduledProcessingParametersSequence                   2   3   O
    > ValueType                                             1   1   O
    > ConceptNameCodeSequence                               1   1   O
    ScheduledStationNameCodeSequence                        2   3   O
    ScheduledStationClassCodeSequence                       2   3   O
    ScheduledStationGeographicLocationCodeSequence          2   3   O
    ScheduledHumanPerformersSequence                        2C  3   O
    > HumanPerformerCodeSequence                            1   1   O
    > HumanPerformerName                                    1   1   O
    > HumanPerformerOrganization                            1   1   O
    ScheduledProcedureStepStartDateTime                     1   3   R
    ScheduledWorkitemCodeSequence                           2   3   O
    CommentsOnTheScheduledProcedureStep                     2   3   O
    InputReadinessState                                     1   3   R
    InputInformationSequence                                2   3   O
    > TypeOfInstances                                       1   1   O
    > ReferencedSOPSequence                                 1   1   O
    > > ReferencedSOPClassUID                               1   1   O
    > > ReferencedSOPInstanceUID                            1   1   O
    PatientName                                             2   -   O
    PatientID                                               1C  -   O
    IssuerOfPatientID                                       2   -   O
    IssuerOfPatientIDQualifiersSequence                     2   -   O
    OtherPatientIDsSequence                                 2   3   O
    > PatientID                                             1   1   O
    PatientBirthDate                                        2   -   O
    PatientSex                                              2   -   O
    AdmissionID                                             2   -   O
    IssuerOfAdmissionIDSequence                             2   -   O
    AdmittingDiagnosesDescription                           2   -   O
    AdmittingDiagnosesCodeSequence                          2   -   O
    ReferencedRequestSequence                               2   -   O
    > StudyInstanceUID                                      1   -   O
    > AccessionNumber                                       2   -   O
    > IssuerOfAccessionNumberSequence                       2   -   O
    > OrderPlacerIdentifierSequence                         2   -   O
    > OrderFillerIdentifierSequence                         2   -   O
    > RequestedProcedureID                                  2   -   O
    > RequestedProcedureDescription                         2   -   O
    > RequestedProcedureCodeSequence                        2   -   O
    ReplacedProcedureStepSequence                           1C  -   O
    > ReferencedSOPClassUID                                 1   -   O
    > ReferencedSOPInstanceUID                              1   -   O
    ProcedureStepState                                      1   -   R
    ProcedureStepProgressInformationSequence                2E  3   X
    > ProcedureStepCommunicationsURISequence                -   3   O
    > > ContactURI                                          -   1   O
    > ProcedureStepCancellationDateTime                     -   3   X
    > ProcedureStepDiscontinuationReasonCodeSequence        -   3   X
    UnifiedProcedureStepPerformedProcedureSequence          2E  3   P
    > PerformedStationNameCodeSequence                      -   3   P
    > PerformedProcedureStepStartDateTime                   -   3   P
    > PerformedWorkitemCodeSequence                         -   3   P
    > PerformedProcedureStepEndDateTime                     -   3   P
    > OutputInformationSequence                             -   2   P2
    > > TypeOfInstances                                     -   1   O
    > > ReferencedSOPSequence                               -   1   O
    """,
    values={
        "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"),
        "InputReadinessState": ("INCOMPLETE", "UNAVAILABLE", "READY"),
    },
)

# Action Information
STATE = "ProcedureStepState"
STATE_TAG = 0x00741000
PROGRESS = "ProcedureStepProgressInformationSequence"
PROGRESS_TAG = 0x00741002
DISCONTINUATION_REASON = "ProcedureStepDiscontinuationReasonCodeSequence"
TRANSACTION_UID_TAG = 0x00081195

# CID 9300: the reason of whoever gives none (PS3.16)
UNSPECIFIED_REASON = ("110513", "DCM", "Discontinued for unspecified reason")
