"""The Storage service class, PS3.4 Annex B: C-STORE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from fastdicom._core.pdata import Message
from fastdicom.events import EVT_C_STORE, StoreEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import (
    LOGGER,
    MISTYPED_ARGUMENT,
    SUCCESS,
    Performer,
    Rest,
    finished,
    respond,
)

# PS3.4 Table B.2-1: Refused: Out of Resources
OUT_OF_RESOURCES = 0xA700

# (0000,1000) Affected SOP Instance UID
SOP_INSTANCE_UID = 0x1000

# The handler raised, or there is none; what pynetdicom answers.
HANDLER_FAILED = 0xC211


def serve_c_store(performer: Performer, message: Message, context: PresentationContextTuple) -> Rest:
    """Answer a C-STORE request with what the handler says.

    Without a handler, an object that went to the store directory is a success, any other a failure.
    """
    if not (message.command.has_data_set and message.command.get(SOP_INSTANCE_UID)):
        return respond(performer, message, MISTYPED_ARGUMENT)
    if performer.places_objects:
        return _serve_placed(performer, message, context)
    if not message.is_in_memory:
        return respond(performer, message, OUT_OF_RESOURCES)
    return _answer_by_handler(performer, message, context, None)


async def _serve_placed(performer: Performer, message: Message, context: PresentationContextTuple) -> None:
    """Answer for an object that has a file, or for which somebody has chosen."""
    choice = await performer.take_choice(message)
    if choice is not None and choice.taker is not None:
        await _conclude(performer, message, choice.taker)
        return
    verdict = None if choice is None else choice.verdict
    if verdict is not None and not hasattr(verdict, "send_c_store"):
        await finished(respond(performer, message, verdict))
        return
    path = await performer.take_file(message)
    if path is None and not message.is_in_memory:
        rest = respond(performer, message, OUT_OF_RESOURCES)
    elif verdict is not None:
        status = await _forward(performer, verdict, message, context, path)
        rest = respond(performer, message, status)
    else:
        rest = _answer_by_handler(performer, message, context, path)
    await finished(rest)


def _answer_by_handler(
    performer: Performer, message: Message, context: PresentationContextTuple, path: Path | None
) -> Rest:
    bound = performer.intervention_handler(EVT_C_STORE)
    if bound is None:
        return respond(performer, message, HANDLER_FAILED if path is None else SUCCESS)
    event = StoreEvent(performer, EVT_C_STORE, performer.wall_clock(), message, context, path)
    return performer.answer_by(message, bound, event, HANDLER_FAILED, respond)


async def _conclude(performer: Performer, message: Message, taker: Any) -> None:
    """Answer for an object that has been taken on while it came."""
    try:
        status = await performer.apart(taker.conclude, message.data_set)
        await finished(respond(performer, message, status))
    finally:
        await performer.apart(taker.wind_up)


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
