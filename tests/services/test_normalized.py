"""The DIMSE-N services as SCP: what the handler sees, and which response each of its answers makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom import evt
from fastdicom._core.command import CommandSet, encode_command
from fastdicom.association.driving import drive
from fastdicom.data_sets import decode_dataset, encode_dataset
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.normalized import serve_n

SOP_CLASS = "1.2.840.10008.5.1.1.1"
SOP_INSTANCE = "1.2.3.4"

# (0010,0010) Patient Name "A^B" and (2000,0010) Number of Copies "2", Implicit VR Little Endian
COPIES = bytes.fromhex("0020 1000 02000000") + b"2 "
NAME = bytes.fromhex("1000 1000 04000000") + b"A^B "


@dataclass
class FakeMessage:
    command: CommandSet
    data_set: bytes | None = None
    is_in_memory: bool = True
    context_id: int = 1

    @property
    def data_set_length(self) -> int:
        return len(self.data_set or b"") if self.is_in_memory else 1 << 30


@dataclass
class FakePerformer:
    """An association that has one handler bound, and keeps what is sent."""

    event: evt.EventType
    handler: Callable[..., Any] | None
    arguments: tuple[Any, ...] = ()
    sent: list[tuple[CommandSet, bytes | None]] = field(default_factory=list)

    def intervention_handler(self, event: evt.EventType) -> Any:
        assert event is self.event
        return None if self.handler is None else (self.handler, self.arguments)

    def wall_clock(self) -> float:
        return 0.0

    async def call(self, handler: Callable[..., Any], event: Any, arguments: tuple[Any, ...]) -> Any:
        return handler(event, *arguments)

    def send_response(self, message: Any, command: bytes, data_set: Any = None) -> None:
        self.sent.append((CommandSet(command), None if data_set is None else b"".join(data_set)))


@dataclass(frozen=True)
class Service:
    """One of the six, and what its request has besides the Message ID."""

    command_field: int
    event: evt.EventType
    elements: dict[int, Any]
    repeated: dict[int, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.event.name


AFFECTED = {0x0002: SOP_CLASS, 0x1000: SOP_INSTANCE}
REQUESTED = {0x0003: SOP_CLASS, 0x1001: SOP_INSTANCE}

EVENT_REPORT = Service(0x0100, evt.EVT_N_EVENT_REPORT, {**AFFECTED, 0x1002: 2}, {0x1002: 2})
GET = Service(0x0110, evt.EVT_N_GET, {**REQUESTED, 0x1005: [0x20000010, 0x00100010]})
SET = Service(0x0120, evt.EVT_N_SET, REQUESTED)
ACTION = Service(0x0130, evt.EVT_N_ACTION, {**REQUESTED, 0x1008: 3}, {0x1008: 3})
CREATE = Service(0x0140, evt.EVT_N_CREATE, AFFECTED)
DELETE = Service(0x0150, evt.EVT_N_DELETE, REQUESTED)

ALL = [EVENT_REPORT, GET, SET, ACTION, CREATE, DELETE]
WITH_REPLY = [EVENT_REPORT, GET, SET, ACTION, CREATE]


def request(service: Service, data_set: bytes | None = None, without: int | None = None) -> FakeMessage:
    elements = {0x0100: service.command_field, 0x0110: 7, 0x0800: 0x0101 if data_set is None else 1}
    elements |= {element: value for element, value in service.elements.items() if element != without}
    return FakeMessage(CommandSet(encode_command(dict(sorted(elements.items())))), data_set)


def serve(
    service: Service,
    handler: Callable[..., Any] | None,
    message: FakeMessage | None = None,
    transfer_syntax: UID = ImplicitVRLittleEndian,
    arguments: tuple[Any, ...] = (),
) -> tuple[CommandSet, bytes | None]:
    """Return the one response to a request."""
    performer = FakePerformer(service.event, handler, arguments)
    context = PresentationContextTuple(1, UID(SOP_CLASS), transfer_syntax)
    drive(serve_n(performer, message or request(service), context))  # type: ignore[arg-type]
    (response,) = performer.sent
    return response


def elements_of(command: CommandSet) -> dict[int, Any]:
    return {element: command[element] for element in command if element != 0x0000}


def expected(service: Service, status: int, has_data_set: bool = False, **further: Any) -> dict[int, Any]:
    """Return the elements of a response, from PS3.7 10.3."""
    return {
        0x0002: SOP_CLASS,
        0x0100: service.command_field | 0x8000,
        0x0120: 7,
        0x0800: 0x0001 if has_data_set else 0x0101,
        0x0900: status,
        0x1000: SOP_INSTANCE,
        **service.repeated,
        **{int(name[1:], 16): value for name, value in further.items()},
    }


def copies() -> Dataset:
    dataset = Dataset()
    dataset.NumberOfCopies = 2
    return dataset


def answer(service: Service, status: Any, reply: Any = None) -> Callable[..., Any]:
    """Return a handler with this answer."""
    return lambda _: status if service is DELETE else (status, reply)


# What the handler sees.


def test_an_event_report() -> None:
    seen = serve_and_see(EVENT_REPORT, NAME)
    assert seen.event_type == 2
    assert seen.event_information.PatientName == "A^B"
    assert seen.request.EventTypeID == 2
    assert seen.request.AffectedSOPClassUID == SOP_CLASS
    assert seen.request.EventInformation.getvalue() == NAME


def test_a_get() -> None:
    seen = serve_and_see(GET)
    assert seen.attribute_identifiers == [Tag("NumberOfCopies"), Tag("PatientName")]
    assert seen.request.RequestedSOPInstanceUID == SOP_INSTANCE
    assert not hasattr(seen, "attribute_list")


@pytest.mark.parametrize("identifiers", [None, []])
def test_a_get_of_everything(identifiers: list[int] | None) -> None:
    elements = {0x0003: SOP_CLASS, 0x0100: 0x0110, 0x0110: 7, 0x0800: 0x0101, 0x1001: "1.2"}
    message = FakeMessage(CommandSet(encode_command(elements | {0x1005: identifiers})))
    assert serve_and_see(GET, message=message).attribute_identifiers == []


def test_a_set() -> None:
    seen = serve_and_see(SET, COPIES)
    assert seen.modification_list == copies()
    assert seen.request.ModificationList.getvalue() == COPIES


def test_an_action() -> None:
    seen = serve_and_see(ACTION, COPIES)
    assert seen.action_type == 3
    assert seen.action_information == copies()
    assert seen.request.ActionInformation.getvalue() == COPIES


def test_a_create() -> None:
    seen = serve_and_see(CREATE, COPIES)
    assert seen.attribute_list == copies()
    assert seen.request.AttributeList.getvalue() == COPIES
    assert seen.request.AffectedSOPInstanceUID == SOP_INSTANCE


def test_a_delete() -> None:
    seen = serve_and_see(DELETE)
    assert seen.request.RequestedSOPClassUID == SOP_CLASS
    assert seen.request.RequestedSOPInstanceUID == SOP_INSTANCE


def serve_and_see(service: Service, data_set: bytes | None = None, message: Any = None) -> Any:
    seen: list[Any] = []

    def handle(event: evt.RequestEvent, *arguments: str) -> Any:
        assert arguments == ("further",)
        seen.append(event)
        return 0 if service is DELETE else (0, None)

    serve(service, handle, message or request(service, data_set), arguments=("further",))
    (event,) = seen
    assert (event.event, event.message_id, event.context.context_id) == (service.event, 7, 1)
    assert not event.is_cancelled
    if service not in (GET, DELETE):
        assert bytes(event.encoded) == (data_set or b"")
    return event


DECODED = {
    EVENT_REPORT.event: "event_information",
    SET.event: "modification_list",
    ACTION.event: "action_information",
    CREATE.event: "attribute_list",
}


@pytest.mark.parametrize("service", [EVENT_REPORT, SET, ACTION, CREATE], ids=repr)
def test_a_data_set_that_is_absent_is_empty(service: Service) -> None:
    """Row 17: it cannot be said that there is an empty one."""
    assert getattr(serve_and_see(service), DECODED[service.event]) == Dataset()


def test_a_deflated_data_set_that_is_absent_is_empty() -> None:
    def handle(event: Any) -> Any:
        assert event.attribute_list == Dataset()
        return 0x0000, None

    response = serve(CREATE, handle, transfer_syntax=DeflatedExplicitVRLittleEndian)
    assert_answer(response, expected(CREATE, 0x0000))


@pytest.mark.parametrize("service", [EVENT_REPORT, SET, ACTION, CREATE], ids=repr)
def test_a_data_set_is_decoded_once(service: Service) -> None:
    seen = serve_and_see(service, COPIES)
    assert getattr(seen, DECODED[service.event]) is getattr(seen, DECODED[service.event])


TRANSFER_SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES, ids=lambda uid: uid.name)
def test_data_sets_are_in_the_transfer_syntax_of_the_context(transfer_syntax: UID) -> None:
    def handle(event: Any) -> Any:
        assert event.action_information == copies()
        return 0x0000, copies()

    message = request(ACTION, encode_dataset(copies(), transfer_syntax))
    command, data_set = serve(ACTION, handle, message, transfer_syntax)
    assert elements_of(command) == expected(ACTION, 0x0000, True)
    assert data_set is not None
    assert decode_dataset(data_set, transfer_syntax) == copies()


# What it answers.


@pytest.mark.parametrize("status", [0x0000, 0x0107, 0xB600, 0x0110, 0xC300, 0xABCD], ids=hex)
@pytest.mark.parametrize("service", ALL, ids=repr)
def test_a_status(service: Service, status: int) -> None:
    assert_answer(serve(service, answer(service, status)), expected(service, status))
    dataset = Dataset()
    dataset.Status = status
    assert_answer(serve(service, answer(service, dataset)), expected(service, status))


def assert_answer(
    response: tuple[CommandSet, bytes | None], elements: dict[int, Any], data_set: bytes | None = None
) -> None:
    command, sent = response
    assert elements_of(command) == elements
    assert sent == data_set


@pytest.mark.parametrize("status", [0x0000, 0x0001, 0x0107, 0xB600], ids=hex)
@pytest.mark.parametrize("reply", [copies(), COPIES, bytearray(COPIES), memoryview(COPIES)], ids=type)
@pytest.mark.parametrize("service", WITH_REPLY, ids=repr)
def test_a_reply(service: Service, reply: Any, status: int) -> None:
    response = serve(service, answer(service, status, reply))
    assert_answer(response, expected(service, status, True), COPIES)


@pytest.mark.parametrize("reply", [None, Dataset(), b"", bytearray()], ids=repr)
@pytest.mark.parametrize("service", WITH_REPLY, ids=repr)
def test_an_empty_reply_is_not_announced(service: Service, reply: Any) -> None:
    """Row 17: the peer would wait for it."""
    assert_answer(serve(service, answer(service, 0x0000, reply)), expected(service, 0x0000))


@pytest.mark.parametrize("status", [0x0106, 0xC300, 0xFE00, 0x0FFF], ids=hex)
@pytest.mark.parametrize("service", WITH_REPLY, ids=repr)
def test_a_failure_has_no_reply(service: Service, status: int) -> None:
    assert_answer(serve(service, answer(service, status, copies())), expected(service, status))


@pytest.mark.parametrize("service", ALL, ids=repr)
def test_what_explains_a_status(service: Service) -> None:
    status = Dataset()
    status.Status = 0x0107
    status.ErrorComment = "partly" * 20
    status.ErrorID = 17
    status.OffendingElement = 0x20000010
    status.AttributeIdentifierList = [0x20000010, 0x00100010]
    status.PatientName = "is none of it"
    command, _ = serve(service, answer(service, status))
    explained = expected(
        service,
        0x0107,
        e0902=("partly" * 20)[:64],
        e0903=17,
        e0901=[0x20000010],
        e1005=[0x20000010, 0x00100010],
    )
    assert elements_of(command) == explained
    assert list(command) == sorted(command)


def test_a_reply_with_an_explained_warning() -> None:
    status = Dataset()
    status.Status = 0x0116
    status.AttributeIdentifierList = Tag("NumberOfCopies")
    response = serve(SET, answer(SET, status, copies()))
    assert_answer(response, expected(SET, 0x0116, True, e1005=[0x20000010]), COPIES)


def test_a_handler_may_name_another_event_type() -> None:
    """PS3.7 C.5.10: the status 0113H tells which one there is not."""
    status = Dataset()
    status.Status = 0x0113
    status.EventTypeID = 99
    assert_answer(serve(EVENT_REPORT, answer(EVENT_REPORT, status)), expected(EVENT_REPORT, 0x0113, e1002=99))


# Who creates an instance names it.


def named(uid: str) -> Dataset:
    dataset = copies()
    dataset.AffectedSOPInstanceUID = uid
    return dataset


def status_with_name(uid: str) -> Dataset:
    dataset = Dataset()
    dataset.Status = 0x0000
    dataset.AffectedSOPInstanceUID = uid
    return dataset


@pytest.mark.parametrize(
    ("status", "reply"),
    [(0x0000, named("1.2.99")), (0x0107, named("1.2.99")), (status_with_name("1.2.99"), COPIES)],
    ids=["attributes", "warning", "status"],
)
def test_a_new_instance_is_named_by_the_handler(status: Any, reply: Any) -> None:
    response = serve(CREATE, answer(CREATE, status, reply), request(CREATE, without=0x1000))
    code = status if isinstance(status, int) else status.Status
    assert_answer(response, expected(CREATE, code, True, e1000="1.2.99"), COPIES)


def test_the_handler_keeps_its_dataset() -> None:
    reply = named("1.2.99")
    serve(CREATE, answer(CREATE, 0x0000, reply), request(CREATE, without=0x1000))
    assert reply == named("1.2.99")


@pytest.mark.parametrize("reply", [None, copies(), COPIES, named(""), named("1" * 65)], ids=str)
def test_a_new_instance_without_a_name_is_a_failure(reply: Any) -> None:
    command, data_set = serve(CREATE, answer(CREATE, 0x0000, reply), request(CREATE, without=0x1000))
    assert (command.status, data_set) == (0x0110, None)
    assert 0x1000 not in command


def test_what_was_not_created_needs_no_name() -> None:
    command, _ = serve(CREATE, answer(CREATE, 0x0111), request(CREATE, without=0x1000))
    assert command.status == 0x0111
    assert 0x1000 not in command


# Handlers that fail.


def explode(event: evt.Event) -> Any:
    raise RuntimeError("on purpose")


def generate(event: evt.Event) -> Any:
    yield 0x0000, None


@pytest.mark.parametrize("service", ALL, ids=repr)
@pytest.mark.parametrize("handler", [None, explode], ids=["no handler", "one that raises"])
def test_no_handler_and_one_that_raises(service: Service, handler: Any) -> None:
    assert_answer(serve(service, handler), expected(service, 0x0110))


@pytest.mark.parametrize(
    "result",
    [None, 0x0000, (0x0000,), (0x0000, None, None), (0x0000, "text"), (0x0000, 5), (0x0000, [b"x"])],
    ids=repr,
)
@pytest.mark.parametrize("service", WITH_REPLY, ids=repr)
def test_nonsense_is_a_processing_failure(service: Service, result: Any) -> None:
    assert_answer(serve(service, lambda _: result), expected(service, 0x0110))


def test_a_generator_is_no_answer() -> None:
    assert_answer(serve(GET, generate), expected(GET, 0x0110))


@pytest.mark.parametrize("service", ALL, ids=repr)
@pytest.mark.parametrize(
    ("status", "code"),
    [(Dataset(), 0xC001), ("0", 0xC002), (None, 0xC002), (-1, 0xC002), (65536, 0xC002), (True, 0xC002)],
    ids=repr,
)
def test_what_is_no_status(service: Service, status: Any, code: int) -> None:
    assert_answer(serve(service, answer(service, status)), expected(service, code))


@pytest.mark.parametrize("service", WITH_REPLY, ids=repr)
def test_a_dataset_that_cannot_be_encoded(service: Service) -> None:
    reply = Dataset()
    reply.add_new("Rows", "US", "many")
    assert_answer(serve(service, answer(service, 0x0000, reply)), expected(service, 0x0110))


@pytest.mark.parametrize(("status", "code"), [(0x0000, 0x0110), (0x0107, 0x0110), (0xC300, 0xC300)])
@pytest.mark.parametrize("service", ALL, ids=repr)
def test_an_explanation_that_cannot_be_sent(service: Service, status: int, code: int) -> None:
    dataset = Dataset()
    dataset.Status = status
    dataset.ErrorComment = "naïve"
    command, data_set = serve(service, answer(service, dataset, copies()))
    assert (command.status, data_set) == (code, None)


# Requests that are odd.


@pytest.mark.parametrize("service", ALL, ids=repr)
def test_a_data_set_that_was_too_long(service: Service) -> None:
    message = request(service, COPIES)
    message.is_in_memory = False
    assert_answer(serve(service, explode, message), expected(service, 0x0213))


def test_a_name_that_is_not_ascii() -> None:
    """The peer's own name is answered, though we would not send it; the status is still the handler's."""
    command = request(ACTION).command.encoded.replace(b"1.2.3.4\0", b"1.2.\xff.4\0")
    response, data_set = serve(ACTION, answer(ACTION, 0x0000, copies()), FakeMessage(CommandSet(command)))
    assert (response.status, response[0x1000], data_set) == (0x0000, "1.2.ÿ.4", COPIES)
