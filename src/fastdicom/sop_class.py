"""SOP classes by keyword, and the service class that each belongs to (PS3.4, PS3.6 Table A-1).

`sop_class.CTImageStorage` and the like are constants. `register_uid` adds private SOP classes: one row,
inserted at once and never changed, so that readers in other threads need no lock.
"""

from __future__ import annotations

from enum import StrEnum
from keyword import iskeyword
from typing import TYPE_CHECKING, NamedTuple

from fastdicom import _sop_classes as _sop
from fastdicom._sop_classes import *


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
    HANGING_PROTOCOL_QUERY_RETRIEVE = "Hanging Protocol Query/Retrieve"
    IMPLANT_TEMPLATE_QUERY_RETRIEVE = "Implant Template Query/Retrieve"
    INSTANCE_AVAILABILITY_NOTIFICATION = "Instance Availability Notification"
    INVENTORY_QUERY_RETRIEVE = "Inventory Query/Retrieve"
    MEDIA_CREATION_MANAGEMENT = "Media Creation Management"
    MEDIA_STORAGE = "Media Storage"
    NON_PATIENT_OBJECT_STORAGE = "Non-Patient Object Storage"
    PRINT_MANAGEMENT = "Print Management"
    PROCEDURE_STEP = "Modality Performed Procedure Step"
    PROTOCOL_APPROVAL_QUERY_RETRIEVE = "Protocol Approval Query/Retrieve"
    RELEVANT_PATIENT_INFORMATION_QUERY = "Relevant Patient Information Query"
    RT_MACHINE_VERIFICATION = "RT Machine Verification"
    STORAGE_COMMITMENT = "Storage Commitment"
    STORAGE_MANAGEMENT = "Storage Management"
    SUBSTANCE_ADMINISTRATION_QUERY = "Substance Administration Query"
    UNIFIED_PROCEDURE_STEP = "Unified Procedure Step"


SOP_CLASSES: dict[ServiceClass, tuple[_sop.SOPClass, ...]] = {
    # PS3.4 Annex A
    ServiceClass.VERIFICATION: (_sop.Verification,),
    # PS3.4 Annex B
    ServiceClass.STORAGE: _sop.STORAGE_CLASSES,
    # PS3.4 Annexes C, Y, Z and KK
    ServiceClass.QUERY_RETRIEVE: (
        _sop.PatientRootQueryRetrieveInformationModelFind,
        _sop.PatientRootQueryRetrieveInformationModelMove,
        _sop.PatientRootQueryRetrieveInformationModelGet,
        _sop.StudyRootQueryRetrieveInformationModelFind,
        _sop.StudyRootQueryRetrieveInformationModelMove,
        _sop.StudyRootQueryRetrieveInformationModelGet,
        _sop.PatientStudyOnlyQueryRetrieveInformationModelFind,
        _sop.PatientStudyOnlyQueryRetrieveInformationModelMove,
        _sop.PatientStudyOnlyQueryRetrieveInformationModelGet,
        _sop.CompositeInstanceRootRetrieveMove,
        _sop.CompositeInstanceRootRetrieveGet,
        _sop.CompositeInstanceRetrieveWithoutBulkDataGet,
        _sop.RepositoryQuery,
    ),
    # PS3.4 Annex P
    ServiceClass.APPLICATION_EVENT_LOGGING: (
        _sop.ProceduralEventLogging,
        _sop.SubstanceAdministrationLogging,
    ),
    # PS3.4 Annex K
    ServiceClass.BASIC_WORKLIST_MANAGEMENT: (_sop.ModalityWorklistInformationModelFind,),
    # PS3.4 Annex X
    ServiceClass.COLOR_PALETTE_QUERY_RETRIEVE: (
        _sop.ColorPaletteQueryRetrieveInformationModelFind,
        _sop.ColorPaletteQueryRetrieveInformationModelMove,
        _sop.ColorPaletteQueryRetrieveInformationModelGet,
    ),
    # PS3.4 Annex HH
    ServiceClass.DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE: (
        _sop.DefinedProcedureProtocolInformationModelFind,
        _sop.DefinedProcedureProtocolInformationModelMove,
        _sop.DefinedProcedureProtocolInformationModelGet,
    ),
    # PS3.4 Annex EE
    ServiceClass.DISPLAY_SYSTEM_MANAGEMENT: (_sop.DisplaySystem,),
    # PS3.4 Annex U
    ServiceClass.HANGING_PROTOCOL_QUERY_RETRIEVE: (
        _sop.HangingProtocolInformationModelFind,
        _sop.HangingProtocolInformationModelMove,
        _sop.HangingProtocolInformationModelGet,
    ),
    # PS3.4 Annex BB
    ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE: (
        _sop.GenericImplantTemplateInformationModelFind,
        _sop.GenericImplantTemplateInformationModelMove,
        _sop.GenericImplantTemplateInformationModelGet,
        _sop.ImplantAssemblyTemplateInformationModelFind,
        _sop.ImplantAssemblyTemplateInformationModelMove,
        _sop.ImplantAssemblyTemplateInformationModelGet,
        _sop.ImplantTemplateGroupInformationModelFind,
        _sop.ImplantTemplateGroupInformationModelMove,
        _sop.ImplantTemplateGroupInformationModelGet,
    ),
    # PS3.4 Annex R
    ServiceClass.INSTANCE_AVAILABILITY_NOTIFICATION: (_sop.InstanceAvailabilityNotification,),
    # PS3.4 Annex JJ
    ServiceClass.INVENTORY_QUERY_RETRIEVE: (_sop.InventoryFind, _sop.InventoryMove, _sop.InventoryGet),
    # PS3.4 Annex S
    ServiceClass.MEDIA_CREATION_MANAGEMENT: (_sop.MediaCreationManagement,),
    # PS3.4 Annex I
    ServiceClass.MEDIA_STORAGE: (_sop.MediaStorageDirectoryStorage,),
    # PS3.4 Annex GG
    ServiceClass.NON_PATIENT_OBJECT_STORAGE: (
        _sop.HangingProtocolStorage,
        _sop.ColorPaletteStorage,
        _sop.GenericImplantTemplateStorage,
        _sop.ImplantAssemblyTemplateStorage,
        _sop.ImplantTemplateGroupStorage,
        _sop.CTDefinedProcedureProtocolStorage,
        _sop.ProtocolApprovalStorage,
        _sop.XADefinedProcedureProtocolStorage,
        _sop.InventoryStorage,
    ),
    # PS3.4 Annex H
    ServiceClass.PRINT_MANAGEMENT: (
        _sop.BasicFilmSession,
        _sop.BasicFilmBox,
        _sop.BasicGrayscaleImageBox,
        _sop.BasicColorImageBox,
        _sop.BasicGrayscalePrintManagementMeta,
        _sop.PrintJob,
        _sop.BasicAnnotationBox,
        _sop.Printer,
        _sop.PrinterConfigurationRetrieval,
        _sop.BasicColorPrintManagementMeta,
        _sop.PresentationLUT,
    ),
    # PS3.4 Annex F
    ServiceClass.PROCEDURE_STEP: (
        _sop.ModalityPerformedProcedureStep,
        _sop.ModalityPerformedProcedureStepRetrieve,
        _sop.ModalityPerformedProcedureStepNotification,
    ),
    # PS3.4 Annex II
    ServiceClass.PROTOCOL_APPROVAL_QUERY_RETRIEVE: (
        _sop.ProtocolApprovalInformationModelFind,
        _sop.ProtocolApprovalInformationModelMove,
        _sop.ProtocolApprovalInformationModelGet,
    ),
    # PS3.4 Annex Q
    ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY: (
        _sop.GeneralRelevantPatientInformationQuery,
        _sop.BreastImagingRelevantPatientInformationQuery,
        _sop.CardiacRelevantPatientInformationQuery,
    ),
    # PS3.4 Annex DD
    ServiceClass.RT_MACHINE_VERIFICATION: (
        _sop.RTConventionalMachineVerification,
        _sop.RTIonMachineVerification,
    ),
    # PS3.4 Annex J
    ServiceClass.STORAGE_COMMITMENT: (_sop.StorageCommitmentPushModel,),
    # PS3.4 Annex KK
    ServiceClass.STORAGE_MANAGEMENT: (_sop.InventoryCreation,),
    # PS3.4 Annex V
    ServiceClass.SUBSTANCE_ADMINISTRATION_QUERY: (
        _sop.ProductCharacteristicsQuery,
        _sop.SubstanceApprovalQuery,
    ),
    # PS3.4 Annex CC
    ServiceClass.UNIFIED_PROCEDURE_STEP: (
        _sop.UnifiedProcedureStepPush,
        _sop.UnifiedProcedureStepWatch,
        _sop.UnifiedProcedureStepPull,
        _sop.UnifiedProcedureStepEvent,
        _sop.UnifiedProcedureStepQuery,
    ),
}

# PS3.4 B.3.1.3
STORAGE_SERVICE_CLASS_UID = "1.2.840.10008.4.2"

# Below the root of the standard (PS3.5 9.1), storage classes that are not known yet will be found here.
DICOM_ROOT = "1.2.840.10008."
STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

_SERVICE_CLASS_OF: dict[str, ServiceClass] = {
    **{uid: service for service, uids in SOP_CLASSES.items() for uid in uids},
    **dict.fromkeys(_sop.RETIRED_STORAGE_CLASSES, ServiceClass.STORAGE),
    # The UIDs of the service classes themselves, met in SOP Class Common Extended Negotiation.
    STORAGE_SERVICE_CLASS_UID: ServiceClass.STORAGE,
    "1.2.840.10008.5.1.4.34.6": ServiceClass.UNIFIED_PROCEDURE_STEP,
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
