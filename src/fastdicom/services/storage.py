"""The Storage service class, PS3.4 Annex B: C-STORE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from fastdicom._core.pdata import Message
from fastdicom.events import EVT_C_STORE, StoreEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import LOGGER, MISTYPED_ARGUMENT, SUCCESS, Performer, respond

# PS3.4 Table B.2-1: Refused: Out of Resources
OUT_OF_RESOURCES = 0xA700

# (0000,1000) Affected SOP Instance UID
SOP_INSTANCE_UID = 0x1000

# The handler raised, or there is none; what pynetdicom answers.
HANDLER_FAILED = 0xC211


async def serve_c_store(performer: Performer, message: Message, context: PresentationContextTuple) -> None:
    """Answer a C-STORE request with what the handler says.

    Without a handler, an object that went to the store directory is a success, any other a failure.
    """
    if not (message.command.has_data_set and message.command.get(SOP_INSTANCE_UID)):
        await respond(performer, message, MISTYPED_ARGUMENT)
        return
    path = verdict = None
    if performer.places_objects:
        choice = await performer.take_choice(message)
        verdict = None if choice is None else choice.verdict
        if verdict is not None and not hasattr(verdict, "send_c_store"):
            await respond(performer, message, verdict)
            return
        path = await performer.take_file(message)
    bound = performer.intervention_handler(EVT_C_STORE)
    status: int | Dataset
    if path is None and not message.is_in_memory:
        status = OUT_OF_RESOURCES
    elif verdict is not None:
        status = await _forward(performer, verdict, message, context, path)
    elif bound is not None:
        handler, arguments = bound
        event = StoreEvent(performer, EVT_C_STORE, performer.wall_clock(), message, context, path)
        try:
            status = await performer.call(handler, event, arguments)
        except Exception:
            LOGGER.exception("the handler bound to EVT_C_STORE raised")
            status = HANDLER_FAILED
    else:
        status = HANDLER_FAILED if path is None else SUCCESS
    await respond(performer, message, status)


async def _forward(
    performer: Performer,
    association: Any,
    message: Message,
    context: PresentationContextTuple,
    path: Path | None,
) -> int | Dataset:
    """Return the status that another association answers this object with."""
    try:
        if path is None:
            status = await performer.pass_on(association, message.data_set, context.transfer_syntax)
        else:
            status = await performer.pass_on(association, path, None)
    except (OSError, RuntimeError, ValueError) as error:
        LOGGER.error("the object was not forwarded: %s", error)
        return OUT_OF_RESOURCES
    return status if "Status" in status else OUT_OF_RESOURCES
