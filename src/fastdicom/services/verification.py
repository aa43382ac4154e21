"""The Verification service class, PS3.4 Annex A: C-ECHO."""

from __future__ import annotations

from fastdicom._core.pdata import Message
from fastdicom.events import EVT_C_ECHO, EchoEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import LOGGER, SUCCESS, Performer, respond

# PS3.4 A.4 has success only; this is what is left when a handler raises.
PROCESSING_FAILURE = 0x0110


async def serve_c_echo(performer: Performer, message: Message, context: PresentationContextTuple) -> None:
    """Answer a C-ECHO request: success unless a handler says otherwise."""
    bound = performer.intervention_handler(EVT_C_ECHO)
    if bound is None:
        await respond(performer, message, SUCCESS)
        return
    handler, arguments = bound
    event = EchoEvent(performer, EVT_C_ECHO, performer.wall_clock(), message, context)
    try:
        status = await performer.call(handler, event, arguments)
    except Exception:
        LOGGER.exception("the handler bound to EVT_C_ECHO raised")
        status = PROCESSING_FAILURE
    await respond(performer, message, status)
