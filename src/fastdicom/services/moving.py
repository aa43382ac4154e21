"""C-MOVE of the retrieve service classes, PS3.4 C.4.2: sub-operations on associations of their own."""

from __future__ import annotations

from typing import Any

from fastdicom._core.pdata import Message
from fastdicom.errors import ConnectionFailed
from fastdicom.events import EVT_C_MOVE, MoveEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import SUCCESS, Performer, Rest, UnderWay
from fastdicom.services.retrieval import ask, ask_total, priority_of, serve_retrieval
from fastdicom.services.suboperations import Carrier, Outcome, Refusal, Rules, SubOperations

MOVE = Rules(EVT_C_MOVE, MoveEvent, handler_failed=0xC511, no_count=0xC513, too_many=0xC516)

# What pynetdicom answers to a handler that yields no destination, or none that can be one.
NO_DESTINATION = 0xC514
IMPOSSIBLE_DESTINATION = 0xC515

# PS3.4 Table C.4-2
DESTINATION_UNKNOWN = 0xA801

MOVE_DESTINATION = 0x0600


def serve_c_move(performer: Performer, message: Message, context: PresentationContextTuple) -> Rest:
    """Answer a C-MOVE request: send what the handler yields to the destination that it names.

    The handler yields the destination, ``(address, port)`` or ``(address, port, arguments of AE.associate)``,
    or ``(None, None)`` when it does not know it; then the number of sub-operations, and then what a handler
    of C-GET yields. It is asked for the next object while the response to a file or a Dataset of at most
    4 MiB is awaited; after others, once that has come.
    """
    return serve_retrieval(performer, message, context, MOVE, _retrieve)


async def _retrieve(
    performer: Performer, message: Message, context: PresentationContextTuple, results: Any
) -> tuple[SubOperations, Outcome]:
    command = message.command
    address, port, options = await _ask_destination(performer, results)
    sub_operations = SubOperations(
        performer, message, context, MOVE, await ask_total(performer, results, MOVE)
    )
    if not sub_operations.counts.remaining:
        return sub_operations, Outcome(SUCCESS)
    options = {"ae_title": command[MOVE_DESTINATION].strip(" "), **options}
    destination = performer.destination(address, port, options)
    operation = {
        "priority": priority_of(command),
        "originator_aet": performer.remote["ae_title"],  # PS3.7 9.3.1.1: who invoked the C-MOVE
        "originator_id": command.message_id,
    }

    async def begin(what: Any, transfer_syntax: str | None, ready: Any) -> UnderWay:
        await performer.attend()
        try:
            return await destination.begin(what, transfer_syntax, ready, operation)
        except ConnectionFailed as error:
            await performer.attend()  # if that is over, it is why
            raise Refusal(DESTINATION_UNKNOWN, f"the destination cannot be reached: {error}") from error

    carrier = Carrier(destination.prepare, begin)
    send, look = sub_operations.send_pending, sub_operations.look
    async with performer.pacing(send, look, destination.abort) as pacing:
        try:
            outcome = await sub_operations.perform(results, carrier, pacing)
        except BaseException:
            destination.abort()
            raise
        await destination.release()
    return sub_operations, outcome


async def _ask_destination(performer: Performer, results: Any) -> tuple[Any, Any, dict[str, Any]]:
    destination = await ask(performer, results, "destination", NO_DESTINATION)
    if not isinstance(destination, tuple | list) or len(destination) < 2:
        raise Refusal(IMPOSSIBLE_DESTINATION, "the handler yields no (address, port) for a destination")
    address, port, *further = destination
    if address is None or port is None:
        raise Refusal(DESTINATION_UNKNOWN, "the handler does not know the destination")
    try:
        return address, port, dict(further[0] or {}) if further else {}
    except (TypeError, ValueError):
        reason = f"the handler yields {type(further[0]).__name__} for the arguments of AE.associate"
        raise Refusal(IMPOSSIBLE_DESTINATION, reason) from None
