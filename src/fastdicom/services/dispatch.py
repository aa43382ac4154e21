"""From a request to the service that answers it, by Command Field and service class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import C_ECHO_RQ, C_STORE_RQ, MESSAGES, message_name
from fastdicom.errors import MessageError
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import (
    LOGGER,
    MISTYPED_ARGUMENT,
    SOP_CLASS_NOT_SUPPORTED,
    UNRECOGNIZED_OPERATION,
    Performer,
    Service,
    respond,
)
from fastdicom.services.storage import serve_c_store
from fastdicom.services.verification import serve_c_echo
from fastdicom.sop_class import ServiceClass, uid_to_service_class

# What each service class takes. A SOP class that no table knows is private, and then it is storage.
SERVICES = MappingProxyType(
    {
        ServiceClass.VERIFICATION: {C_ECHO_RQ: serve_c_echo},
        ServiceClass.STORAGE: {C_STORE_RQ: serve_c_store},
        ServiceClass.NON_PATIENT_OBJECT_STORAGE: {C_STORE_RQ: serve_c_store},
        None: {C_STORE_RQ: serve_c_store},
    }
)

REQUESTS = frozenset(command_field for services in SERVICES.values() for command_field in services)


def services_for(abstract_syntax: str) -> Mapping[int, Service]:
    """Return what may be asked on a presentation context: Command Field to service."""
    return SERVICES.get(uid_to_service_class(abstract_syntax), {})


def serve(
    performer: Performer,
    message: Message,
    context: PresentationContextTuple,
    services: Mapping[int, Service],
) -> None:
    """Answer a request, whatever it is.

    Raises
    ------
    MessageError
        When it cannot be answered, as it has no Message ID.
    """
    command = message.command
    service = services.get(command.command_field)
    if service is not None and command.has_all(MESSAGES[command.command_field].mandatory):
        service(performer, message, context)
    elif command.message_id is None:
        raise MessageError(f"a {message_name(command.command_field)} has no (0000,0110) Message ID")
    elif service is None:
        # PS3.7 C.5.24, C.5.13: known, but not for this SOP class; or not known at all
        is_known = command.command_field in REQUESTS
        LOGGER.warning(
            "%s on a context for %s is refused", message_name(command.command_field), context.abstract_syntax
        )
        respond(performer, message, SOP_CLASS_NOT_SUPPORTED if is_known else UNRECOGNIZED_OPERATION)
    else:
        respond(performer, message, MISTYPED_ARGUMENT)
