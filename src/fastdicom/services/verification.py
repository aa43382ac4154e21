"""The Verification service class, PS3.4 Annex A: C-ECHO."""

from __future__ import annotations

from fastdicom._core.pdata import Message
from fastdicom.events import EVT_C_ECHO, EchoEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import SUCCESS, Performer, Rest, respond

# PS3.4 A.4 has success only; this is what is left when a handler raises.
PROCESSING_FAILURE = 0x0110


def serve_c_echo(performer: Performer, message: Message, context: PresentationContextTuple) -> Rest:
    """Answer a C-ECHO request: success unless a handler says otherwise."""
    bound = performer.intervention_handler(EVT_C_ECHO)
    if bound is None:
        return respond(performer, message, SUCCESS)
    event = EchoEvent(performer, EVT_C_ECHO, performer.wall_clock(), message, context)
    return performer.answer_by(message, bound, event, PROCESSING_FAILURE, respond)
