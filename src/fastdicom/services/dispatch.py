"""From a request to the service that answers it, by Command Field, SOP class and role.

What may be asked on a presentation context is found once, when the association is accepted. C-ECHO and
C-STORE then go straight to their services; before the others stands a look at the SOP class that the command
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from fastdicom._core.pdata import Message
from fastdicom.annexes.b_storage import STORE
from fastdicom.annexes.registry import ROWS, operations
from fastdicom.annexes.table import Operation, SOPClassRow, StatusRows
from fastdicom.dimse.messages import MESSAGES, message_name
from fastdicom.errors import MessageError
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.finding import serve_c_find
from fastdicom.services.getting import serve_c_get
from fastdicom.services.moving import serve_c_move
from fastdicom.services.normalized import serve_n
from fastdicom.services.performer import (
    LOGGER,
    MISTYPED_ARGUMENT,
    NO_SUCH_SOP_CLASS,
    SOP_CLASS_NOT_SUPPORTED,
    UNRECOGNIZED_OPERATION,
    Performer,
    Rest,
    Service,
    respond,
)
from fastdicom.services.storage import serve_c_store
from fastdicom.services.verification import serve_c_echo
from fastdicom.sop_class import is_registered, uid_to_row, uid_to_sop_class

# SOP classes and roles whose services are known without looking: more than the standard has.
SERVICES_KEPT = 1024


class Entry(NamedTuple):
    """A DIMSE service as it is dispatched to.

    Attributes
    ----------
    service
        What answers its requests.
    sop_class_element
        Where a request names its SOP class (PS3.7 9.3, 10.3); None where it does not matter.
    not_allowed, not_of_context
        How it is answered when the SOP class does not have this service, or the context not this SOP class:
        what PS3.7 9.1 and 10.1 list for the service.
    """

    service: Service
    sop_class_element: int | None
    not_allowed: int = SOP_CLASS_NOT_SUPPORTED
    not_of_context: int = SOP_CLASS_NOT_SUPPORTED


# (0000,0002) Affected SOP Class UID, (0000,0003) Requested SOP Class UID
_AFFECTED, _REQUESTED = 0x0002, 0x0003
_AFFECTED_N = Entry(serve_n, _AFFECTED, UNRECOGNIZED_OPERATION, NO_SUCH_SOP_CLASS)
_REQUESTED_N = Entry(serve_n, _REQUESTED, UNRECOGNIZED_OPERATION, NO_SUCH_SOP_CLASS)

ENTRIES: Mapping[int, Entry] = MappingProxyType(
    {
        Operation.C_ECHO: Entry(serve_c_echo, None),
        Operation.C_STORE: Entry(serve_c_store, None),
        Operation.C_FIND: Entry(serve_c_find, _AFFECTED),
        Operation.C_GET: Entry(serve_c_get, _AFFECTED),
        Operation.C_MOVE: Entry(serve_c_move, _AFFECTED),
        Operation.N_EVENT_REPORT: _AFFECTED_N,
        Operation.N_GET: _REQUESTED_N,
        Operation.N_SET: _REQUESTED_N,
        Operation.N_ACTION: _REQUESTED_N,
        Operation.N_CREATE: _AFFECTED_N,
        Operation.N_DELETE: _REQUESTED_N,
    }
)


def services_for(abstract_syntax: str, *, as_scp: bool, as_scu: bool) -> Mapping[int, Service]:
    """Return what this side may be asked on a presentation context.

    Parameters
    ----------
    abstract_syntax
        Its SOP class, or Meta SOP Class. One that no table knows is private, and then it is storage.
    as_scp, as_scu
        The roles of this side.

    Returns
    -------
    Mapping
        Command Field to service.
    """
    find = _find_services if is_registered(abstract_syntax) else _find_services_once
    return find(abstract_syntax, as_scp, as_scu)


def _find_services(abstract_syntax: str, as_scp: bool, as_scu: bool) -> Mapping[int, Service]:
    row = uid_to_row(abstract_syntax) or SOPClassRow(uid_to_sop_class(abstract_syntax), STORE)
    named: dict[str, Mapping[Operation, StatusRows]] = {
        each.sop_class: operations(each, as_scp=as_scp, as_scu=as_scu)
        for each in (row, *(ROWS[member] for member in row.members))
    }
    named |= dict.fromkeys(row.goes_by, named[row.sop_class])
    services: dict[int, Service] = {}
    for allowed in named.values():
        for operation in allowed:
            if int(operation) not in services:
                services[int(operation)] = _service(operation, named)
    return services


# What was registered may be registered as something else; all others stay what they are.
_find_services_once = lru_cache(maxsize=SERVICES_KEPT)(_find_services)


def _service(operation: Operation, named: Mapping[str, Mapping[Operation, StatusRows]]) -> Service:
    """Return the service for an operation, if need be behind a look at the SOP class that a command names."""
    service, element, not_allowed, not_of_context = ENTRIES[operation]
    if element is None:
        return service
    refusals = {sop_class: not_allowed for sop_class, allowed in named.items() if operation not in allowed}

    def serve_named(performer: Performer, message: Message, context: PresentationContextTuple) -> Rest:
        sop_class = message.command.get(element)
        if sop_class in named and sop_class not in refusals:
            return service(performer, message, context)
        LOGGER.warning(
            "%s for %r on a context for %s is refused", operation, sop_class, context.abstract_syntax
        )
        return respond(performer, message, refusals.get(sop_class, not_of_context))

    return serve_named


def serve(
    performer: Performer,
    message: Message,
    context: PresentationContextTuple,
    services: Mapping[int, Service],
) -> Rest:
    """Answer a request, whatever it is; what is left is to be awaited.

    Raises
    ------
    MessageError
        When it cannot be answered, as it has no Message ID.
    """
    command = message.command
    service = services.get(command.command_field)
    if service is not None and command.has_all(MESSAGES[command.command_field].mandatory):
        return service(performer, message, context)
    if command.message_id is None:
        raise MessageError(f"a {message_name(command.command_field)} has no (0000,0110) Message ID")
    if service is None:
        # PS3.7 C.5.24, C.5.13: known, but not for this SOP class; or not known at all
        entry = ENTRIES.get(command.command_field)
        LOGGER.warning(
            "%s on a context for %s is refused", message_name(command.command_field), context.abstract_syntax
        )
        status = UNRECOGNIZED_OPERATION if entry is None else entry.not_allowed
        return respond(performer, message, status)
    return respond(performer, message, MISTYPED_ARGUMENT)
