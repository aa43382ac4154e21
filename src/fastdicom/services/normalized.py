"""The DIMSE-N services as SCP: one request, one call of the handler, one response (PS3.7 10).

What SOP classes and instances there are, and what may be done to them, is the handler's business. It is the
same for all six services, which are rows of a table, and for all service classes, which differ in their
statuses only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID

from fastdicom._core.pdata import Message
from fastdicom.data_sets import encode_dataset
from fastdicom.dimse import messages as dimse
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.events import (
    EVT_N_ACTION,
    EVT_N_CREATE,
    EVT_N_DELETE,
    EVT_N_EVENT_REPORT,
    EVT_N_GET,
    EVT_N_SET,
    EventType,
    NActionEvent,
    NCreateEvent,
    NDeleteEvent,
    NEventReportEvent,
    NGetEvent,
    NSetEvent,
    RequestEvent,
)
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import (
    EXPLANATIONS,
    LOGGER,
    NO_EXPLANATION,
    Performer,
    Rest,
    encode_explained,
    finished,
    unpack_status,
)
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, code_to_category

# PS3.7 C.5.21: the handler raised, or returned nonsense, or there is none; what pynetdicom answers.
PROCESSING_FAILURE = 0x0110
# PS3.7 C.5.26
RESOURCE_LIMITATION = 0x0213

# A status Dataset may have these, beside what explains any status: PS3.7 Annex C and 10.3.
FURTHER_EXPLANATIONS = (
    *EXPLANATIONS,
    "AttributeIdentifierList",
    "AffectedSOPClassUID",
    "AffectedSOPInstanceUID",
    "EventTypeID",
    "ActionTypeID",
)


class NService(NamedTuple):
    """What one DIMSE-N service has of its own.

    Attributes
    ----------
    event, event_class
        What its handler is bound to, and is given.
    reply
        The data set of its response, which the handler returns beside the status; None when it has none.
    echoed
        What a response repeats of its request beside SOP class and instance, by keyword.
    """

    event: EventType
    event_class: type[RequestEvent]
    reply: str | None
    echoed: str | None = None


N_SERVICES = MappingProxyType(
    {
        dimse.N_EVENT_REPORT_RQ: NService(
            EVT_N_EVENT_REPORT, NEventReportEvent, "Event Reply", "EventTypeID"
        ),
        dimse.N_GET_RQ: NService(EVT_N_GET, NGetEvent, "Attribute List"),
        dimse.N_SET_RQ: NService(EVT_N_SET, NSetEvent, "Attribute List"),
        dimse.N_ACTION_RQ: NService(EVT_N_ACTION, NActionEvent, "Action Reply", "ActionTypeID"),
        dimse.N_CREATE_RQ: NService(EVT_N_CREATE, NCreateEvent, "Attribute List"),
        dimse.N_DELETE_RQ: NService(EVT_N_DELETE, NDeleteEvent, None),
    }
)


class Answer(NamedTuple):
    """What a request is answered with."""

    status: int
    explanations: Mapping[str, Any] = NO_EXPLANATION
    data_set: Sequence[Any] | None = None


FAILURE = Answer(PROCESSING_FAILURE)


async def serve_n(performer: Performer, message: Message, context: PresentationContextTuple) -> None:
    """Answer a DIMSE-N request with what its handler says.

    A Modification List that is missing, which the standard does not allow, is an empty one: this is how it
    arrives, as a data set without elements cannot be sent.
    """
    row = N_SERVICES[message.command.command_field]
    if message.command.has_data_set and not message.is_in_memory:
        LOGGER.error("the data set of %d bytes of an N-request is too long", message.data_set_length)
        answer = Answer(RESOURCE_LIMITATION)
    else:
        answer = await _answer_of_handler(row, performer, message, context)
    await finished(_respond(performer, message, row, answer))


async def _answer_of_handler(
    row: NService, performer: Performer, message: Message, context: PresentationContextTuple
) -> Answer:
    bound = performer.intervention_handler(row.event)
    if bound is None:
        LOGGER.error("no handler is bound to %s", row.event)
        return FAILURE
    handler, arguments = bound
    event = row.event_class(performer, row.event, performer.wall_clock(), message, context)
    try:
        result = await performer.call(handler, event, arguments)
        status, reply = (result, None) if row.reply is None else result
        code, explanations = unpack_status(status, FURTHER_EXPLANATIONS)
    except Exception:
        LOGGER.exception(
            "the handler bound to %s raised, or returned no pair of status and data set", row.event
        )
        return FAILURE
    category = code_to_category(code)
    if category not in (STATUS_SUCCESS, STATUS_WARNING):  # then a response has no data set
        return Answer(code, explanations)
    if row.event is EVT_N_CREATE and 0x1000 not in message.command:
        explanations = _name_instance(explanations, reply)
        if category == STATUS_SUCCESS and "AffectedSOPInstanceUID" not in explanations:
            # PS3.7 10.1.5.1.4: who creates an instance that has no name yet gives it one
            LOGGER.error("the handler bound to %s returned no AffectedSOPInstanceUID", row.event)
            return FAILURE
    try:
        return Answer(code, explanations, _encode(reply, context.transfer_syntax))
    except (TypeError, ValueError) as error:
        LOGGER.error("the %s of the handler bound to %s cannot be sent: %s", row.reply, row.event, error)
        return FAILURE


def _name_instance(explanations: Mapping[str, Any], reply: Any) -> Mapping[str, Any]:
    """Take the name of a new instance out of what the handler returned as its attributes."""
    if isinstance(reply, Dataset) and reply.get("AffectedSOPInstanceUID"):
        return {**explanations, "AffectedSOPInstanceUID": reply.AffectedSOPInstanceUID}
    return explanations


def _encode(reply: Any, transfer_syntax: UID) -> Sequence[Any] | None:
    """Return an encoded data set in pieces; None when it has no elements, as then there is none."""
    if reply is None:
        return None
    if isinstance(reply, Dataset | EncodedDataset):
        reply = encode_dataset(reply, transfer_syntax)
    encoded = memoryview(reply).cast("B")
    return [encoded] if len(encoded) > 0 else None


def _respond(performer: Performer, message: Message, row: NService, answer: Answer) -> Rest:
    command, status, data_set = message.command, answer.status, answer.data_set
    elements = dict(answer.explanations)
    if row.echoed is not None:
        elements.setdefault(row.echoed, command[dimse.KEYWORDS[row.echoed]])
    response = None
    if elements:
        try:
            response = encode_explained(command, status, elements, has_data_set=data_set is not None)
        except (TypeError, ValueError, OverflowError) as error:
            LOGGER.error("what is added to status %04XH cannot be sent: %s", status, error)
            if answer.explanations and code_to_category(status) in (STATUS_SUCCESS, STATUS_WARNING):
                status, data_set = PROCESSING_FAILURE, None
    if response is None:
        response = command.encode_response(status, data_set is not None)
    return performer.send_response(message, response, data_set)
