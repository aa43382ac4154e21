"""Every service class that pynetdicom has, with fastdicom on one side and pynetdicom on the other, both ways.

Names and signatures are the same, so the same handlers and the same calls serve for both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import archive
import pytest
from peers import require_pynetdicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from qr_service import HOST

import fastdicom
from fastdicom import sop_class as sop

INSTANCE = "1.2.3.7.99"
TAGS = [0x00100010, 0x00100020]

SIDES = ["to pynetdicom", "from pynetdicom"]


def modules(side: str) -> tuple[Any, Any]:
    """Return who is SCU, and who is SCP."""
    pynetdicom = require_pynetdicom()
    return (fastdicom, pynetdicom) if side == SIDES[0] else (pynetdicom, fastdicom)


class Conversation:
    """An association between the libraries, with both roles on its contexts, and a destination for C-MOVE.

    Attributes
    ----------
    association
        That of the SCU.
    handlers
        Those of the SCP, by the names of their events; each test sets its own.
    stored
        The instances that the SCU has been sent, by C-STORE sub-operations.
    """

    def __init__(self, side: str, uids: list[str]) -> None:
        self.scu, self.scp = modules(side)
        self._uids = uids
        self.handlers: dict[str, Any] = {}
        self.stored: Counter[str] = Counter()
        self.association: Any = None
        self.destination: Any = None

    def serve(self) -> Any:
        """Start the SCP."""
        ae = self.scp.AE("SERVER")
        # pynetdicom proposes these to the destination of a C-MOVE.
        ae.requested_contexts = [self.scp.build_context(uid) for uid in STORAGE]
        for uid in self._uids:
            ae.add_supported_context(uid, ExplicitVRLittleEndian, scu_role=True, scp_role=True)
        bound = [(getattr(self.scp.evt, name), self._handle, [name]) for name in HANDLED]
        return ae.start_server((HOST, 0), block=False, evt_handlers=bound)

    def _handle(self, event: Any, name: str) -> Any:
        return self.handlers[name](event)

    def associate(self, port: int) -> None:
        """Request the association."""
        contexts = [self.scu.build_context(uid, ExplicitVRLittleEndian) for uid in self._uids]
        roles = [self.scu.build_role(uid, scu_role=True, scp_role=True) for uid in self._uids]
        store = [(self.scu.evt.EVT_C_STORE, self._store)]
        association = self.scu.AE("CLIENT").associate(HOST, port, contexts, ext_neg=roles, evt_handlers=store)
        assert association.is_established
        if self.scu is not fastdicom:
            undisturbed(association)
        self.association = association

    def serve_destination(self) -> Any:
        """Start a destination for C-MOVE, with the library of the SCU."""
        ae = self.scu.AE("DESTINATION")
        for uid in STORAGE:
            ae.add_supported_context(uid)
        store = [(self.scu.evt.EVT_C_STORE, self._store)]
        return ae.start_server((HOST, 0), block=False, evt_handlers=store)

    def _store(self, event: Any) -> int:
        self.stored[event.dataset.SOPInstanceUID] += 1
        return 0x0000


@contextmanager
def talking(side: str, uids: list[str]) -> Iterator[Conversation]:
    """Associate for some SOP classes."""
    conversation = Conversation(side, uids)
    server, conversation.destination = conversation.serve(), conversation.serve_destination()
    try:
        conversation.associate(server.server_address[1])
        yield conversation
        conversation.association.release()
        assert conversation.association.is_released
    finally:
        server.shutdown()
        conversation.destination.shutdown()


@pytest.fixture(scope="module", params=SIDES)
def shared(request: pytest.FixtureRequest) -> Iterator[Conversation]:
    """The association, which all tests use, one after the other."""
    with talking(request.param, ALL_CLASSES) as conversation:
        yield conversation


@pytest.fixture
def conversation(shared: Conversation) -> Iterator[Conversation]:
    """The association, with nothing left of the test before."""
    shared.handlers = {}
    shared.stored.clear()
    yield shared
    assert shared.association.is_established


def undisturbed(association: Any) -> None:
    """Keep pynetdicom's reactor from taking a fast response off the queue before who waits for it."""
    take = association.dimse.get_msg
    association.dimse.get_msg = lambda block=False: take(block) if block else (None, None)


# --- N services -------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One operation of a service class."""

    operation: str
    sop_class: str
    type_id: int = 1
    context: str | None = None

    def __str__(self) -> str:
        return f"{self.operation} {sop.uid_to_sop_class(self.sop_class).keyword} {self.context or ''}"


ACTION, CREATE, DELETE, REPORT = "N-ACTION", "N-CREATE", "N-DELETE", "N-EVENT-REPORT"
GET, SET = "N-GET", "N-SET"

UPS = sop.UnifiedProcedureStepPush
GRAYSCALE, COLOR = sop.BasicGrayscalePrintManagementMeta, sop.BasicColorPrintManagementMeta

# The table of pynetdicom's service classes with N services; the rows of a meta SOP class name it as context,
# those of Unified Procedure Step name Push as SOP class whatever their context is.
N_ROWS = [
    # Application Event Logging
    Row(ACTION, sop.ProceduralEventLogging),
    Row(ACTION, sop.SubstanceAdministrationLogging),
    # Display System Management
    Row(GET, sop.DisplaySystem),
    # Instance Availability Notification
    Row(CREATE, sop.InstanceAvailabilityNotification),
    # Media Creation Management
    Row(CREATE, sop.MediaCreationManagement),
    Row(GET, sop.MediaCreationManagement),
    Row(ACTION, sop.MediaCreationManagement),
    # Print Management
    *(Row(operation, sop.BasicFilmSession, 1, GRAYSCALE) for operation in (CREATE, SET, ACTION, DELETE)),
    *(Row(operation, sop.BasicFilmBox, 1, COLOR) for operation in (CREATE, SET, ACTION, DELETE)),
    Row(SET, sop.BasicGrayscaleImageBox, 1, GRAYSCALE),
    Row(SET, sop.BasicColorImageBox, 1, COLOR),
    Row(SET, sop.BasicAnnotationBox),
    Row(GET, sop.Printer, 1, GRAYSCALE),
    Row(REPORT, sop.Printer, 1, GRAYSCALE),
    Row(GET, sop.PrintJob),
    Row(REPORT, sop.PrintJob),
    Row(GET, sop.PrinterConfigurationRetrieval),
    Row(CREATE, sop.PresentationLUT),
    Row(DELETE, sop.PresentationLUT),
    # Modality Performed Procedure Step
    Row(CREATE, sop.ModalityPerformedProcedureStep),
    Row(SET, sop.ModalityPerformedProcedureStep),
    Row(GET, sop.ModalityPerformedProcedureStepRetrieve),
    Row(REPORT, sop.ModalityPerformedProcedureStepNotification),
    # RT Machine Verification
    *(
        Row(operation, machine)
        for machine in (sop.RTConventionalMachineVerification, sop.RTIonMachineVerification)
        for operation in (CREATE, SET, GET, ACTION, REPORT, DELETE)
    ),
    # Storage Commitment
    Row(ACTION, sop.StorageCommitmentPushModel),
    Row(REPORT, sop.StorageCommitmentPushModel),
    # Storage Management
    Row(ACTION, sop.InventoryCreation),
    Row(REPORT, sop.InventoryCreation),
    # Unified Procedure Step
    Row(CREATE, UPS),
    Row(ACTION, UPS, 2),
    Row(GET, UPS),
    Row(ACTION, UPS, 3, sop.UnifiedProcedureStepWatch),
    Row(GET, UPS, 1, sop.UnifiedProcedureStepWatch),
    Row(ACTION, UPS, 1, sop.UnifiedProcedureStepPull),
    Row(GET, UPS, 1, sop.UnifiedProcedureStepPull),
    Row(SET, UPS, 1, sop.UnifiedProcedureStepPull),
    Row(REPORT, UPS, 1, sop.UnifiedProcedureStepEvent),
]


def patient(name: str) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = name
    dataset.PatientID = "P1"
    return dataset


def operate(association: Any, row: Row) -> tuple[Dataset, Dataset | None]:
    """Invoke an operation, with a data set where it has one."""
    given = patient("GIVEN")
    where = {"meta_uid": row.context} if row.context in (GRAYSCALE, COLOR) else {}
    named = (row.sop_class, INSTANCE)
    if row.operation == ACTION:
        return association.send_n_action(given, row.type_id, *named, **where)
    if row.operation == REPORT:
        return association.send_n_event_report(given, row.type_id, *named, **where)
    if row.operation == CREATE:
        return association.send_n_create(given, *named, **where)
    if row.operation == SET:
        return association.send_n_set(given, *named, **where)
    if row.operation == GET:
        return association.send_n_get(TAGS, *named, **where)
    return association.send_n_delete(*named, **where), None


def noting(seen: list[Any], *attributes: str) -> Any:
    """Return a handler that notes attributes of its event, and answers with a data set."""

    def handle(event: Any) -> Any:
        seen.append(tuple(getattr(event, each) for each in attributes))
        request = event.request
        class_uid = getattr(request, "AffectedSOPClassUID", None) or request.RequestedSOPClassUID
        seen.append((str(class_uid), event.context.abstract_syntax))
        return (0x0000, patient("ANSWERED")) if attributes else 0x0000

    return handle


def n_handlers(seen: list[Any]) -> dict[str, Any]:
    return {
        "EVT_N_ACTION": noting(seen, "action_information", "action_type"),
        "EVT_N_CREATE": noting(seen, "attribute_list"),
        "EVT_N_DELETE": noting(seen),
        "EVT_N_EVENT_REPORT": noting(seen, "event_information", "event_type"),
        "EVT_N_GET": noting(seen, "attribute_identifiers"),
        "EVT_N_SET": noting(seen, "modification_list"),
    }


def expected(row: Row) -> list[Any]:
    given = {
        ACTION: (patient("GIVEN"), row.type_id),
        REPORT: (patient("GIVEN"), row.type_id),
        CREATE: (patient("GIVEN"),),
        SET: (patient("GIVEN"),),
        GET: (TAGS,),
        DELETE: (),
    }[row.operation]
    return [given, (row.sop_class, row.context or row.sop_class)]


@pytest.mark.parametrize("row", [row for row in N_ROWS if row.sop_class != UPS], ids=str)
def test_normalized(conversation: Conversation, row: Row) -> None:
    exchange(conversation, row)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("row", [row for row in N_ROWS if row.sop_class == UPS], ids=str)
def test_unified_procedure_step(side: str, row: Row) -> None:
    """Each of its contexts is the only one, as the command does not tell which is meant."""
    with talking(side, [row.context or UPS]) as conversation:
        exchange(conversation, row)


def exchange(conversation: Conversation, row: Row) -> None:
    """Invoke an operation, and check what either side gets to see."""
    seen: list[Any] = []
    conversation.handlers = n_handlers(seen)
    status, answered = operate(conversation.association, row)
    assert status.Status == 0x0000
    assert answered == (None if row.operation == DELETE else patient("ANSWERED"))
    assert seen == expected(row)


# --- C services -------------------------------------------------------------------------------------------

STORAGE = sorted({each.sop_class for each in archive.INSTANCES})

FIND_CLASSES = [
    sop.PatientRootQueryRetrieveInformationModelFind,
    sop.StudyRootQueryRetrieveInformationModelFind,
    sop.PatientStudyOnlyQueryRetrieveInformationModelFind,
    sop.RepositoryQuery,
    sop.ModalityWorklistInformationModelFind,
    sop.ColorPaletteQueryRetrieveInformationModelFind,
    sop.DefinedProcedureProtocolInformationModelFind,
    sop.HangingProtocolInformationModelFind,
    sop.GenericImplantTemplateInformationModelFind,
    sop.ImplantAssemblyTemplateInformationModelFind,
    sop.ImplantTemplateGroupInformationModelFind,
    sop.InventoryFind,
    sop.ProtocolApprovalInformationModelFind,
    sop.GeneralRelevantPatientInformationQuery,
    sop.BreastImagingRelevantPatientInformationQuery,
    sop.CardiacRelevantPatientInformationQuery,
    sop.ProductCharacteristicsQuery,
    sop.SubstanceApprovalQuery,
    sop.UnifiedProcedureStepPull,
    sop.UnifiedProcedureStepWatch,
    sop.UnifiedProcedureStepQuery,
]
GET_CLASSES = [
    sop.PatientRootQueryRetrieveInformationModelGet,
    sop.StudyRootQueryRetrieveInformationModelGet,
    sop.PatientStudyOnlyQueryRetrieveInformationModelGet,
    sop.CompositeInstanceRootRetrieveGet,
    sop.ColorPaletteQueryRetrieveInformationModelGet,
    sop.DefinedProcedureProtocolInformationModelGet,
    sop.HangingProtocolInformationModelGet,
    sop.GenericImplantTemplateInformationModelGet,
    sop.ImplantAssemblyTemplateInformationModelGet,
    sop.ImplantTemplateGroupInformationModelGet,
    sop.InventoryGet,
    sop.ProtocolApprovalInformationModelGet,
]
MOVE_CLASSES = [
    sop.PatientRootQueryRetrieveInformationModelMove,
    sop.StudyRootQueryRetrieveInformationModelMove,
    sop.PatientStudyOnlyQueryRetrieveInformationModelMove,
    sop.CompositeInstanceRootRetrieveMove,
    sop.ColorPaletteQueryRetrieveInformationModelMove,
    sop.DefinedProcedureProtocolInformationModelMove,
    sop.HangingProtocolInformationModelMove,
    sop.GenericImplantTemplateInformationModelMove,
    sop.ImplantAssemblyTemplateInformationModelMove,
    sop.ImplantTemplateGroupInformationModelMove,
    sop.InventoryMove,
    sop.ProtocolApprovalInformationModelMove,
]

NON_PATIENT = sop.SOP_CLASSES[sop.ServiceClass.NON_PATIENT_OBJECT_STORAGE]

ALL_CLASSES = sorted(
    {
        *(row.context or row.sop_class for row in N_ROWS if row.sop_class != UPS),
        *FIND_CLASSES,
        *GET_CLASSES,
        *MOVE_CLASSES,
        *NON_PATIENT,
        *STORAGE,
    }
)
HANDLED = [f"EVT_C_{name}" for name in ("FIND", "GET", "MOVE", "STORE")]
HANDLED += [f"EVT_N_{name}" for name in ("ACTION", "CREATE", "DELETE", "EVENT_REPORT", "GET", "SET")]

# PS3.4 Q.4.1.2: at most one match.
ONE_MATCH = sop.SOP_CLASSES[sop.ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY]


def keyword(uid: str) -> str:
    return str(sop.uid_to_sop_class(uid).keyword)


@pytest.mark.parametrize("model", FIND_CLASSES, ids=keyword)
def test_find(conversation: Conversation, model: str) -> None:
    names = ["ONE"] if model in ONE_MATCH else ["ONE", "TWO"]
    asked: list[Dataset] = []

    def handle(event: Any) -> Iterator[tuple[int, Dataset]]:
        asked.append(event.identifier)
        for name in names:
            yield 0xFF00, patient(name)

    conversation.handlers["EVT_C_FIND"] = handle
    responses = conversation.association.send_c_find(patient("*"), model)
    answers = [(status.Status, found) for status, found in responses]
    assert asked == [patient("*")]
    assert answers == [*((0xFF00, patient(name)) for name in names), (0x0000, None)]


MOVED = Counter(each.uid for each in archive.INSTANCES[:4])


def yield_objects(event: Any) -> Iterator[Any]:
    """Answer a C-GET, or a C-MOVE whose destination has been told."""
    assert event.identifier == patient("*")
    yield len(MOVED)
    for each in archive.INSTANCES[:4]:
        yield 0xFF00, archive.data_set(each)


def check(responses: Any) -> None:
    """Check the responses to a C-GET or C-MOVE of the four objects."""
    *pending, (final, failed) = responses
    assert (final.Status, failed) == (0x0000, None)
    assert (final.NumberOfCompletedSuboperations, final.NumberOfFailedSuboperations) == (4, 0)
    assert {status.Status for status, _ in pending} == {0xFF00}


@pytest.mark.parametrize("model", GET_CLASSES, ids=keyword)
def test_get(conversation: Conversation, model: str) -> None:
    conversation.handlers["EVT_C_GET"] = yield_objects
    check(conversation.association.send_c_get(patient("*"), model))
    assert conversation.stored == MOVED


@pytest.mark.parametrize("model", MOVE_CLASSES, ids=keyword)
def test_move(conversation: Conversation, model: str) -> None:
    def handle(event: Any) -> Iterator[Any]:
        assert event.move_destination == "DESTINATION"
        yield HOST, conversation.destination.server_address[1]
        yield from yield_objects(event)

    conversation.handlers["EVT_C_MOVE"] = handle
    check(conversation.association.send_c_move(patient("*"), "DESTINATION", model))
    assert conversation.stored == MOVED


@pytest.mark.parametrize("model", NON_PATIENT, ids=keyword)
def test_non_patient_object_storage(conversation: Conversation, model: str) -> None:
    stored: list[Dataset] = []

    def handle(event: Any) -> int:
        stored.append(event.dataset)
        return 0x0000

    conversation.handlers["EVT_C_STORE"] = handle
    dataset = archive.data_set(archive.INSTANCES[0])
    dataset.SOPClassUID = model
    assert conversation.association.send_c_store(dataset).Status == 0x0000
    assert [(each.SOPClassUID, each.SOPInstanceUID) for each in stored] == [(model, dataset.SOPInstanceUID)]


def test_every_service_class_is_here() -> None:
    """What pynetdicom serves and no row names: storage and verification, which have their own tests."""
    theirs = require_pynetdicom().sop_class
    named = {*FIND_CLASSES, *GET_CLASSES, *MOVE_CLASSES, *NON_PATIENT}
    named |= {row.context or row.sop_class for row in N_ROWS}
    rows = {theirs.uid_to_service_class(uid).__name__ for uid in named}
    classes = {name for name in vars(theirs) if name.endswith("ServiceClass") and name != "ServiceClass"}
    assert classes - rows == {"StorageServiceClass", "VerificationServiceClass"}
