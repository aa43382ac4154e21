"""How a C-GET or C-MOVE begins and ends: its handler called, what that announces, and the last response.

What lies between is in `suboperations`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Message
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import LOGGER, MISTYPED_ARGUMENT, Performer, Result, finished, respond
from fastdicom.services.suboperations import ENDED, Outcome, Refusal, Rules, SubOperations

# PS3.4 Tables C.4-2 and C.4-3
NO_RESOURCES_FOR_MATCHES = 0xA701

# The numbers of sub-operations are unsigned shorts (PS3.7 9.3.3.2, 9.3.4.2).
COUNT_LIMIT = 0xFFFF

PRIORITY = 0x0700
PRIORITIES = (0, 1, 2)
LOW_PRIORITY = 2

Retrieve: TypeAlias = Callable[
    [Performer, Message, PresentationContextTuple, Any], Awaitable[tuple[SubOperations, Outcome]]
]


async def serve_retrieval(
    performer: Performer,
    message: Message,
    context: PresentationContextTuple,
    rules: Rules,
    retrieve: Retrieve,
) -> None:
    """Answer a C-GET or C-MOVE request: call the handler, and have `retrieve` do what it yields."""
    bound = performer.intervention_handler(rules.event)
    if not message.command.has_data_set:
        await finished(respond(performer, message, MISTYPED_ARGUMENT))
    elif not message.is_in_memory:
        await finished(respond(performer, message, NO_RESOURCES_FOR_MATCHES))
    elif bound is None:
        await finished(respond(performer, message, rules.handler_failed))
    else:
        handler, arguments = bound
        event = rules.event_class(performer, rules.event, performer.wall_clock(), message, context)
        try:
            results = await performer.call(handler, event, arguments)
        except Exception:
            LOGGER.exception("the handler bound to %s raised", rules.event)
            await finished(respond(performer, message, rules.handler_failed))
            return
        try:
            retrieval = retrieve(performer, message, context, results)
            sub_operations, outcome = await _closing(performer, results, retrieval)
        except Refusal as refusal:
            LOGGER.error("%s", refusal)
            await finished(respond(performer, message, refusal.status))
        else:
            await sub_operations.finish(outcome)


async def _closing(performer: Performer, results: Any, awaited: Awaitable[Result]) -> Result:
    """Return what comes of something; close the handler's generator then, so that what it holds is let go."""
    try:
        return await awaited
    finally:
        try:
            await performer.close_results(results)
        except Exception:
            LOGGER.exception("the handler raised while it was closed")


async def ask(performer: Performer, results: Any, what: str, status: int) -> Any:
    """Return what the handler yields next.

    Raises
    ------
    Refusal
        With this status, when there is nothing.
    """
    try:
        result = await performer.next_of(results, ENDED)
    except Exception:
        LOGGER.exception("the handler raised before it had yielded the %s", what)
        result = ENDED
    if result is ENDED:
        raise Refusal(status, f"the handler yields no {what}")
    return result


async def ask_total(performer: Performer, results: Any, rules: Rules) -> int:
    """Return how many sub-operations the handler announces.

    Raises
    ------
    Refusal
        When that is no number, or too many.
    """
    value = await ask(performer, results, "number of sub-operations", rules.no_count)
    try:
        total = int(value)
    except (TypeError, ValueError, OverflowError):
        reason = f"the handler yields {type(value).__name__} for the number of sub-operations"
        raise Refusal(rules.no_count, reason) from None
    if total > COUNT_LIMIT:
        raise Refusal(rules.too_many, f"{total} sub-operations; {COUNT_LIMIT} can be counted")
    return max(total, 0)


def priority_of(command: CommandSet) -> int:
    """Return the priority of the sub-operations, which is that of the operation (PS3.4 C.4.2.1.3)."""
    priority = command.get(PRIORITY)
    return priority if priority in PRIORITIES else LOW_PRIORITY
