"""The information models of PS3.4 for queries and retrieval: their levels, and the keys of each level.

A table by SOP class. An attribute that is in none of the tables may be of any level: PS3.4 ends each of them
with "all other attributes at this level".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag, Tag

from fastdicom import _sop_classes as _sop


def tag_of(keyword: str) -> BaseTag:
    """Return the tag of an attribute by its keyword.

    Raises
    ------
    ValueError
        When the data dictionary has no such keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword!r} is not the keyword of an attribute in PS3.6")
    return Tag(tag)


def _tags(keywords: str) -> frozenset[BaseTag]:
    return frozenset(tag_of(keyword) for keyword in keywords.split())


@dataclass(frozen=True, slots=True)
class Level:
    """A level of an information model.

    Attributes
    ----------
    name
        The value of (0008,0052) Query/Retrieve Level.
    unique
        Its unique key; at the level FRAME, what may take its place.
    keys
        The other attributes that are known to belong to it.
    """

    name: str
    unique: tuple[BaseTag, ...]
    keys: frozenset[BaseTag] = frozenset()


@dataclass(frozen=True, slots=True)
class Model:
    """What the identifiers of a SOP class look like.

    Attributes
    ----------
    levels
        From the top down; none in a model that has one level only, and so no (0008,0052).
    retrieves
        Whether it is of C-GET or C-MOVE, whose identifiers have unique keys alone.
    unknown_matches
        Whether what is unknown matches every key, see `Options`.
    required
        Keys that must be there, in a model without levels.
    has_one_match
        At most one match may be answered.
    """

    levels: tuple[Level, ...] = ()
    retrieves: bool = False
    unknown_matches: bool = False
    required: tuple[BaseTag, ...] = ()
    has_one_match: bool = False

    def level(self, name: str) -> int | None:
        """Return the number of a level, from 0 at the top; None when there is no such level."""
        return next((number for number, level in enumerate(self.levels) if level.name == name), None)


# PS3.4 Tables C.6-1 and C.6-5, and the Patient module of PS3.3 C.7.1.1
_PATIENT = _tags(
    "PatientName IssuerOfPatientID IssuerOfPatientIDQualifiersSequence TypeOfPatientID PatientBirthDate "
    "PatientBirthTime PatientBirthDateInAlternativeCalendar PatientAlternativeCalendar PatientSex "
    "OtherPatientIDs OtherPatientIDsSequence OtherPatientNames PatientBirthName PatientMotherBirthName "
    "ReferencedPatientSequence EthnicGroup PatientComments PatientSpeciesDescription "
    "PatientSpeciesCodeSequence PatientBreedDescription PatientBreedCodeSequence BreedRegistrationSequence "
    "ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization NumberOfPatientRelatedStudies "
    "NumberOfPatientRelatedSeries NumberOfPatientRelatedInstances"
)

# PS3.4 Table C.6-2, and the modules General Study and Patient Study, PS3.3 C.7.2
_STUDY = _tags(
    "StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence StudyID ModalitiesInStudy "
    "SOPClassesInStudy AnatomicRegionsInStudyCodeSequence ReferringPhysicianName "
    "ReferringPhysicianIdentificationSequence ConsultingPhysicianName "
    "ConsultingPhysicianIdentificationSequence StudyDescription ProcedureCodeSequence "
    "NameOfPhysiciansReadingStudy PhysiciansReadingStudyIdentificationSequence PhysiciansOfRecord "
    "PhysiciansOfRecordIdentificationSequence AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence "
    "ReferencedStudySequence PatientAge PatientSize PatientWeight Occupation AdditionalPatientHistory "
    "OtherStudyNumbers NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances RequestingService "
    "RequestingServiceCodeSequence ReasonForPerformedProcedureCodeSequence ServiceEpisodeID "
    "ServiceEpisodeDescription IssuerOfServiceEpisodeIDSequence AdmissionID IssuerOfAdmissionIDSequence "
    "PatientState PregnancyStatus SmokingStatus MedicalAlerts Allergies LastMenstrualDate PatientSexNeutered"
)

# PS3.4 Table C.6-3, and the modules General Series, Frame of Reference and General Equipment, PS3.3 C.7.3 to
# C.7.5
_SERIES = _tags(
    "Modality SeriesNumber NumberOfSeriesRelatedInstances Laterality SeriesDate SeriesTime SeriesDescription "
    "SeriesDescriptionCodeSequence PerformingPhysicianName PerformingPhysicianIdentificationSequence "
    "OperatorsName OperatorIdentificationSequence ProtocolName BodyPartExamined PatientPosition "
    "ReferencedPerformedProcedureStepSequence RelatedSeriesSequence RequestAttributesSequence "
    "PerformedProcedureStepID PerformedProcedureStepStartDate PerformedProcedureStepStartTime "
    "PerformedProcedureStepEndDate PerformedProcedureStepEndTime PerformedProcedureStepDescription "
    "PerformedProtocolCodeSequence CommentsOnThePerformedProcedureStep FrameOfReferenceUID "
    "PositionReferenceIndicator Manufacturer InstitutionName InstitutionAddress StationName "
    "InstitutionalDepartmentName ManufacturerModelName DeviceSerialNumber SoftwareVersions"
)

# PS3.4 Table C.6-4
_INSTANCE = _tags(
    "InstanceNumber SOPClassUID AvailableTransferSyntaxUID AlternateRepresentationSequence "
    "RelatedGeneralSOPClassUID ConceptNameCodeSequence ContentTemplateSequence ContainerIdentifier "
    "SpecimenDescriptionSequence"
)

PATIENT_ID = tag_of("PatientID")
SOP_INSTANCE_UID = tag_of("SOPInstanceUID")

_PATIENT_LEVEL = Level("PATIENT", (PATIENT_ID,), _PATIENT)
_STUDY_LEVEL = Level("STUDY", (tag_of("StudyInstanceUID"),), _STUDY)
_SERIES_LEVEL = Level("SERIES", (tag_of("SeriesInstanceUID"),), _SERIES)
_IMAGE_LEVEL = Level("IMAGE", (SOP_INSTANCE_UID,), _INSTANCE)
# PS3.4 C.6.2.1: attributes of patients are attributes of studies, Patient ID among them
_ROOT_STUDY_LEVEL = Level("STUDY", (tag_of("StudyInstanceUID"),), _STUDY | _PATIENT | {PATIENT_ID})
# PS3.4 Y.3.2: which frames, in one of three ways
_FRAME_LEVEL = Level(
    "FRAME", tuple(tag_of(key) for key in ("SimpleFrameList", "CalculatedFrameList", "TimeRange"))
)

_PATIENT_ROOT = (_PATIENT_LEVEL, _STUDY_LEVEL, _SERIES_LEVEL, _IMAGE_LEVEL)
_STUDY_ROOT = (_ROOT_STUDY_LEVEL, _SERIES_LEVEL, _IMAGE_LEVEL)

_WORKLIST = Model()
_RELEVANT_PATIENT = Model(required=(tag_of("ContentTemplateSequence"),), has_one_match=True)
_FLAT_RETRIEVE = Model(retrieves=True, required=(SOP_INSTANCE_UID,))

# PS3.4 by annex: C, Y, Z, K, Q, U, V, X, BB, CC, HH, II, JJ
MODELS: dict[str, Model] = {
    _sop.PatientRootQueryRetrieveInformationModelFind: Model(_PATIENT_ROOT, unknown_matches=True),
    _sop.PatientRootQueryRetrieveInformationModelMove: Model(_PATIENT_ROOT, retrieves=True),
    _sop.PatientRootQueryRetrieveInformationModelGet: Model(_PATIENT_ROOT, retrieves=True),
    _sop.StudyRootQueryRetrieveInformationModelFind: Model(_STUDY_ROOT, unknown_matches=True),
    _sop.StudyRootQueryRetrieveInformationModelMove: Model(_STUDY_ROOT, retrieves=True),
    _sop.StudyRootQueryRetrieveInformationModelGet: Model(_STUDY_ROOT, retrieves=True),
    _sop.PatientStudyOnlyQueryRetrieveInformationModelFind: Model(_PATIENT_ROOT[:2], unknown_matches=True),
    _sop.PatientStudyOnlyQueryRetrieveInformationModelMove: Model(_PATIENT_ROOT[:2], retrieves=True),
    _sop.PatientStudyOnlyQueryRetrieveInformationModelGet: Model(_PATIENT_ROOT[:2], retrieves=True),
    _sop.RepositoryQuery: Model(_STUDY_ROOT, unknown_matches=True),
    _sop.CompositeInstanceRootRetrieveMove: Model((_IMAGE_LEVEL, _FRAME_LEVEL), retrieves=True),
    _sop.CompositeInstanceRootRetrieveGet: Model((_IMAGE_LEVEL, _FRAME_LEVEL), retrieves=True),
    _sop.CompositeInstanceRetrieveWithoutBulkDataGet: Model((_IMAGE_LEVEL,), retrieves=True),
    _sop.ModalityWorklistInformationModelFind: _WORKLIST,
    _sop.GeneralPurposeWorklistInformationModelFind: _WORKLIST,
    _sop.GeneralRelevantPatientInformationQuery: _RELEVANT_PATIENT,
    _sop.BreastImagingRelevantPatientInformationQuery: _RELEVANT_PATIENT,
    _sop.CardiacRelevantPatientInformationQuery: _RELEVANT_PATIENT,
    _sop.HangingProtocolInformationModelFind: _WORKLIST,
    _sop.HangingProtocolInformationModelMove: _FLAT_RETRIEVE,
    _sop.HangingProtocolInformationModelGet: _FLAT_RETRIEVE,
    _sop.ProductCharacteristicsQuery: _WORKLIST,
    _sop.SubstanceApprovalQuery: _WORKLIST,
    _sop.ColorPaletteInformationModelFind: _WORKLIST,
    _sop.ColorPaletteInformationModelMove: _FLAT_RETRIEVE,
    _sop.ColorPaletteInformationModelGet: _FLAT_RETRIEVE,
    _sop.GenericImplantTemplateInformationModelFind: _WORKLIST,
    _sop.GenericImplantTemplateInformationModelMove: _FLAT_RETRIEVE,
    _sop.GenericImplantTemplateInformationModelGet: _FLAT_RETRIEVE,
    _sop.ImplantAssemblyTemplateInformationModelFind: _WORKLIST,
    _sop.ImplantAssemblyTemplateInformationModelMove: _FLAT_RETRIEVE,
    _sop.ImplantAssemblyTemplateInformationModelGet: _FLAT_RETRIEVE,
    _sop.ImplantTemplateGroupInformationModelFind: _WORKLIST,
    _sop.ImplantTemplateGroupInformationModelMove: _FLAT_RETRIEVE,
    _sop.ImplantTemplateGroupInformationModelGet: _FLAT_RETRIEVE,
    _sop.UnifiedProcedureStepPush: _WORKLIST,
    _sop.UnifiedProcedureStepPull: _WORKLIST,
    _sop.UnifiedProcedureStepWatch: _WORKLIST,
    _sop.UnifiedProcedureStepQuery: _WORKLIST,
    _sop.DefinedProcedureProtocolInformationModelFind: _WORKLIST,
    _sop.DefinedProcedureProtocolInformationModelMove: _FLAT_RETRIEVE,
    _sop.DefinedProcedureProtocolInformationModelGet: _FLAT_RETRIEVE,
    _sop.ProtocolApprovalInformationModelFind: _WORKLIST,
    _sop.ProtocolApprovalInformationModelMove: _FLAT_RETRIEVE,
    _sop.ProtocolApprovalInformationModelGet: _FLAT_RETRIEVE,
    _sop.InventoryFind: _WORKLIST,
    _sop.InventoryMove: _FLAT_RETRIEVE,
    _sop.InventoryGet: _FLAT_RETRIEVE,
}


def model_of(sop_class: str) -> Model:
    """Return the information model of a SOP class.

    Parameters
    ----------
    sop_class
        The UID of a SOP class of C-FIND, C-GET or C-MOVE.

    Raises
    ------
    ValueError
        When it has no information model.
    """
    model = MODELS.get(sop_class)
    if model is None:
        raise ValueError(f"{sop_class!r} is no SOP class with an information model for queries (PS3.4)")
    return model


@cache
def lower_keys(levels: tuple[Level, ...], number: int) -> frozenset[BaseTag]:
    """Return the attributes of the levels below one."""
    return frozenset().union(*(level.keys | set(level.unique) for level in levels[number + 1 :]))


@cache
def higher_keys(levels: tuple[Level, ...], number: int) -> frozenset[BaseTag]:
    """Return the attributes, other than unique keys, of the levels above one."""
    return frozenset().union(*(level.keys for level in levels[:number]))
