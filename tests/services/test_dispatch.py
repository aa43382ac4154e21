"""Which requests reach a service, by SOP class, role and Command Field, and how the others are answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import model
import pytest
from raw_peer import IMPLICIT, Raw, connect_raw, fake_acceptor, user_information
from servers import port_of, serving, wait_until

from fastdicom import AE, evt, sop_class
from fastdicom._core.command import CommandSet, encode_command
from fastdicom.annexes.registry import ROWS, operations
from fastdicom.annexes.table import Operation
from fastdicom.association.driving import drive
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.dispatch import ENTRIES, serve, services_for
from fastdicom.services.performer import finished
from fastdicom.services.storage import serve_c_store
from fastdicom.services.verification import serve_c_echo
from fastdicom.sop_class import ServiceClass, register_uid

SUCCESS, MISTYPED = 0x0000, 0x0212
NO_SUCH_SOP_CLASS, SOP_CLASS_NOT_SUPPORTED, UNRECOGNIZED_OPERATION = 0x0118, 0x0122, 0x0211

CT = sop_class.CTImageStorage
META = sop_class.BasicGrayscalePrintManagementMeta
C_SERVICES = {operation for operation in Operation if operation.name.startswith("C_")}


@dataclass
class FakeMessage:
    command: CommandSet
    data_set: bytes | None = None
    is_in_memory: bool = True
    context_id: int = 1
    data_set_length: int = 0


@dataclass
class FakePerformer:
    """An association with a content handler for each N-service."""

    statuses: list[int] = field(default_factory=list)

    def intervention_handler(self, event: evt.EventType) -> Any:
        answer: Any = 0 if event is evt.EVT_N_DELETE else (0, None)
        return (lambda _: answer), ()

    def wall_clock(self) -> float:
        return 0.0

    places_objects = False

    async def call(self, handler: Any, event: Any, arguments: tuple[Any, ...]) -> Any:
        return handler(event, *arguments)

    def send_response(self, message: Any, command: bytes, data_set: Any = None) -> None:
        self.statuses.append(CommandSet(command).status)


def ask(abstract_syntax: str, operation: int, named: str | None, **roles: bool) -> int:
    """Return the status of the answer to a request on a presentation context."""
    elements = {
        0x0002: named,
        0x0003: named,
        0x0100: int(operation),
        0x0110: 1,
        0x0600: "ELSEWHERE",
        0x0800: 0x0101,
        0x1000: "1.2.3.4",
        0x1001: "1.2.3.4",
        0x1002: 1,
        0x1008: 1,
    }
    command = CommandSet(encode_command({key: value for key, value in elements.items() if value is not None}))
    context = PresentationContextTuple(1, sop_class.uid_to_sop_class(abstract_syntax), IMPLICIT)  # type: ignore[arg-type]
    performer = FakePerformer()
    services = services_for(abstract_syntax, **({"as_scp": True, "as_scu": False} | roles))
    drive(finished(serve(performer, FakeMessage(command), context, services)))  # type: ignore[arg-type]
    (status,) = performer.statuses
    return status


@pytest.mark.parametrize(("as_scp", "as_scu"), [(True, False), (False, True), (True, True)])
def test_what_is_allowed_has_a_service(as_scp: bool, as_scu: bool) -> None:
    for uid, row in ROWS.items():
        rows = [row, *(ROWS[member] for member in row.members)]
        allowed = {op for each in rows for op in operations(each, as_scp=as_scp, as_scu=as_scu)}
        assert set(services_for(uid, as_scp=as_scp, as_scu=as_scu)) == allowed, uid


def test_nothing_stands_before_c_echo_and_c_store() -> None:
    assert services_for(sop_class.Verification, as_scp=True, as_scu=False) == {0x0030: serve_c_echo}
    assert services_for(CT, as_scp=True, as_scu=False) == {0x0001: serve_c_store}
    assert services_for(CT, as_scp=False, as_scu=True) == {}


def test_every_service_has_an_entry() -> None:
    assert set(ENTRIES) == set(Operation)


ANY_N_SERVICE = [operation for operation in Operation if operation not in C_SERVICES]


@pytest.mark.parametrize("operation", Operation)
def test_what_a_sop_class_does_not_have_is_refused(operation: Operation) -> None:
    expected = SOP_CLASS_NOT_SUPPORTED if operation in C_SERVICES else UNRECOGNIZED_OPERATION
    assert ask(sop_class.MediaStorageDirectoryStorage, operation, None) == expected
    assert ask(CT, 0x0666, CT) == UNRECOGNIZED_OPERATION


@pytest.mark.parametrize("operation", ANY_N_SERVICE)
def test_the_command_names_the_sop_class_of_the_context(operation: Operation) -> None:
    context = sop_class.RTConventionalMachineVerification
    assert ask(context, operation, context, as_scu=True) == SUCCESS
    for other in (sop_class.RTIonMachineVerification, "1.2.3", ""):
        assert ask(context, operation, other, as_scu=True) == NO_SUCH_SOP_CLASS
    assert ask(context, operation, None, as_scu=True) == MISTYPED


@pytest.mark.parametrize("operation", [Operation.C_FIND, Operation.C_GET, Operation.C_MOVE])
def test_a_query_for_another_information_model(operation: Operation) -> None:
    suffix = operation.name.removeprefix("C_").title()
    context = getattr(sop_class, f"PatientRootQueryRetrieveInformationModel{suffix}")
    other = getattr(sop_class, f"StudyRootQueryRetrieveInformationModel{suffix}")
    assert ask(context, operation, other) == SOP_CLASS_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("operation", "member", "status"),
    [
        (Operation.N_CREATE, sop_class.BasicFilmSession, SUCCESS),
        (Operation.N_ACTION, sop_class.BasicFilmBox, SUCCESS),
        (Operation.N_SET, sop_class.BasicGrayscaleImageBox, SUCCESS),
        (Operation.N_GET, sop_class.Printer, SUCCESS),
        (Operation.N_EVENT_REPORT, sop_class.Printer, UNRECOGNIZED_OPERATION),
        (Operation.N_ACTION, sop_class.BasicGrayscaleImageBox, UNRECOGNIZED_OPERATION),
        (Operation.N_CREATE, sop_class.Printer, UNRECOGNIZED_OPERATION),
        (Operation.N_SET, sop_class.BasicColorImageBox, NO_SUCH_SOP_CLASS),
        (Operation.N_SET, META, UNRECOGNIZED_OPERATION),
        (Operation.C_FIND, sop_class.Printer, SOP_CLASS_NOT_SUPPORTED),
    ],
)
def test_a_meta_sop_class_carries_its_members(operation: Operation, member: str, status: int) -> None:
    assert ask(META, operation, member) == status


def test_a_meta_sop_class_notifies_for_its_members() -> None:
    roles = {"as_scp": False, "as_scu": True}
    assert ask(META, Operation.N_EVENT_REPORT, sop_class.Printer, **roles) == SUCCESS
    assert ask(META, Operation.N_GET, sop_class.Printer, **roles) == UNRECOGNIZED_OPERATION


PUSH, WATCH, PULL, EVENT, QUERY = (
    getattr(sop_class, f"UnifiedProcedureStep{name}") for name in ("Push", "Watch", "Pull", "Event", "Query")
)


@pytest.mark.parametrize(
    ("context", "operation", "status"),
    [
        (PUSH, Operation.N_CREATE, SUCCESS),
        (WATCH, Operation.N_ACTION, SUCCESS),
        (PULL, Operation.N_SET, SUCCESS),
        (EVENT, Operation.N_EVENT_REPORT, SUCCESS),
        # The context says what may be asked, whatever the command is called.
        (WATCH, Operation.N_CREATE, UNRECOGNIZED_OPERATION),
        (QUERY, Operation.N_GET, UNRECOGNIZED_OPERATION),
        (PUSH, Operation.C_FIND, SOP_CLASS_NOT_SUPPORTED),
    ],
)
def test_unified_procedure_steps_go_by_the_name_of_push(
    context: str, operation: Operation, status: int
) -> None:
    assert ask(context, operation, PUSH, as_scu=True) == status


def test_unified_procedure_steps_go_by_no_other_name() -> None:
    assert ask(WATCH, Operation.N_GET, WATCH) == SUCCESS
    assert ask(WATCH, Operation.N_GET, PULL) == NO_SUCH_SOP_CLASS
    assert ask(PUSH, Operation.N_GET, WATCH) == NO_SUCH_SOP_CLASS


def test_a_result_may_come_without_a_role() -> None:
    """Of storage commitment, on an association that the SCP has opened."""
    context = sop_class.StorageCommitmentPushModel
    assert ask(context, Operation.N_EVENT_REPORT, context) == SUCCESS
    assert ask(sop_class.Printer, Operation.N_EVENT_REPORT, sop_class.Printer) == UNRECOGNIZED_OPERATION


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sop_class, "_registered", {})
    monkeypatch.setattr(sop_class, "_registered_keywords", {})


def fields_of(uid: str) -> set[int]:
    """Return the Command Fields that an SCP of a SOP class serves."""
    return set(services_for(uid, as_scp=True, as_scu=False))


@pytest.mark.usefixtures("_registry")
def test_private_sop_classes() -> None:
    assert services_for("1.2.3.4", as_scp=True, as_scu=False) == {0x0001: serve_c_store}
    register_uid("1.2.3.4", "PrivatePrinter", ServiceClass.PRINT_MANAGEMENT)
    assert fields_of("1.2.3.4") == {0x0110, 0x0120, 0x0130, 0x0140, 0x0150}
    assert ask("1.2.3.4", Operation.N_CREATE, "1.2.3.4") == SUCCESS
    assert ask("1.2.3.4", Operation.N_CREATE, sop_class.BasicFilmBox) == NO_SUCH_SOP_CLASS
    assert ask("1.2.3.4", Operation.C_STORE, "1.2.3.4") == SOP_CLASS_NOT_SUPPORTED
    for dimse_msg_type, command_field in (("C-FIND", 0x0020), ("C-GET", 0x0010), ("C-MOVE", 0x0021)):
        register_uid("1.2.3.5", "PrivateQuery", ServiceClass.QUERY_RETRIEVE, dimse_msg_type)
        assert fields_of("1.2.3.5") == {command_field}
    register_uid("1.2.3.6", "PrivateCommitment", ServiceClass.STORAGE_COMMITMENT)
    assert fields_of("1.2.3.6") == {0x0100, 0x0130}
    register_uid("1.2.3.7", "PrivateStorage", ServiceClass.NON_PATIENT_OBJECT_STORAGE)
    assert services_for("1.2.3.7", as_scp=True, as_scu=False) == {0x0001: serve_c_store}


# --- over sockets -----------------------------------------------------------------------------------------


def n_get_rq(requested: str, command_field: int = 0x0110) -> bytes:
    command = {0x0003: requested, 0x0100: command_field, 0x0110: 1, 0x0800: 0x0101, 0x1001: "1.2.3.4"}
    return model.p_data_tf([(1, 3, model.command_set(command))])


def test_refusals_do_not_end_the_association() -> None:
    ae = AE()
    ae.add_supported_context(META)
    items = [model.application_context(), model.context_rq(1, META, [IMPLICIT]), user_information()]
    with serving(ae, [(evt.EVT_N_GET, lambda _: (0, None))]) as server, connect_raw(port_of(server)) as peer:
        peer.send(model.associate(1, b"CALLED", b"CALLING", items))
        assert peer.receive_pdu()[:1] == b"\2"
        for pdu, status in (
            (n_get_rq(sop_class.BasicFilmBox), UNRECOGNIZED_OPERATION),
            (n_get_rq(CT), NO_SUCH_SOP_CLASS),
            (n_get_rq(CT, 0x0030), SOP_CLASS_NOT_SUPPORTED),
            (n_get_rq(CT, 0x0666), UNRECOGNIZED_OPERATION),
            (n_get_rq(sop_class.Printer), SUCCESS),
        ):
            peer.send(pdu)
            assert peer.receive_message()[1][0x0900] == status
        peer.send(model.release_rq())
        assert peer.receive_pdu() == model.release_rp()


def test_a_requestor_is_notified_as_scu() -> None:
    told: list[int] = []

    def notify(event: Any) -> tuple[int, None]:
        told.append(event.event_type)
        return 0, None

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        items = [model.application_context(), model.context_ac(1, 0, IMPLICIT), user_information()]
        peer.send(model.associate(2, b"ANY-SCP", b"FASTDICOM", items))
        command = {0x0002: sop_class.Printer, 0x0100: 0x0100, 0x0110: 1, 0x0800: 0x0101}
        peer.send(
            model.p_data_tf([(1, 3, model.command_set(command | {0x1000: "1.2.3.4", 0x1002: 2}))]),
        )
        assert peer.receive_message()[1][0x0900] == SUCCESS
        peer.send(n_get_rq(sop_class.Printer))
        assert peer.receive_message()[1][0x0900] == UNRECOGNIZED_OPERATION
        peer.send(model.release_rq())
        assert peer.receive_pdu() == model.release_rp()

    ae = AE()
    ae.add_requested_context(sop_class.Printer, IMPLICIT)
    with fake_acceptor(script) as port:
        association = ae.associate("127.0.0.1", port, evt_handlers=[(evt.EVT_N_EVENT_REPORT, notify)])
        wait_until(lambda: not association.is_established)
    assert told == [2]
