"""Where an object goes is chosen by a handler, once its first elements have come: EVT_C_STORE_HEADER.

A large object is decided about after a few thousand bytes; one that is whole by then, before its own handler
is called. Whatever has been chosen, a C-STORE is answered when all of it has come (PS3.7 9.1.1).
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from fastdicom import events as evt
from fastdicom._core.command import CommandSet
from fastdicom.association.forwarding import Forwarding
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.log import get_logger
from fastdicom.net.sinks import AS_SET_UP, HEADER_LIMIT, Arrival, Choice, Sinks
from fastdicom.services.storage import HANDLER_FAILED, OUT_OF_RESOURCES

if TYPE_CHECKING:
    from fastdicom._core.pdata import Message
    from fastdicom.association.serving import Serving

LOGGER = get_logger(__name__)


class Request(NamedTuple):
    """A request whose data set is on its way, as an event sees it."""

    command: CommandSet
    context_id: int
    data_set: Any


def header_of(data_set: Any, transfer_syntax: UID, end: int) -> EncodedDataset:
    """Return the elements in front of a tag, in what has come of a data set."""
    if transfer_syntax.is_deflated:
        with suppress(zlib.error):  # what it is then has no elements, or broken ones
            data_set = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data_set, HEADER_LIMIT)
        transfer_syntax = ExplicitVRLittleEndian
    return EncodedDataset(data_set, transfer_syntax, stop_tag=end)


def whole_header_of(data_set: Any, transfer_syntax: UID, end: int) -> EncodedDataset | None:
    """Return the elements in front of a tag once all of them have come; None before."""
    with suppress(ValueError):  # cut off, most likely; if it is broken, nothing that comes will mend it
        header = header_of(data_set, transfer_syntax, end)
        if header.end_offset < memoryview(header.data).nbytes:
            return header
    return None


async def choose(association: Serving, arrival: Arrival) -> Choice:
    """Ask the handler where an object is to go."""
    bound = association.intervention_handler(evt.EVT_C_STORE_HEADER)
    if bound is None:  # unbound meanwhile
        return AS_SET_UP
    handler, arguments = bound
    context = association.context_of(arrival.context_id)
    request: Any = Request(arrival.command, arrival.context_id, arrival.data_set)
    event = evt.StoreHeaderEvent(
        association, evt.EVT_C_STORE_HEADER, association.wall_clock(), request, context
    )
    event.is_complete = arrival.is_complete
    header = arrival.header
    if header is None:
        header = header_of(arrival.data_set, context.transfer_syntax, association.ae.header_end)
    event.header = header
    try:
        return _choice(await association.call(handler, event, arguments))
    except Exception:
        text = "the handler bound to EVT_C_STORE_HEADER raised; the object is refused"
        LOGGER.exception(text, extra=association.log_fields)
        return Choice(verdict=HANDLER_FAILED, is_refused=True)


def _choice(answer: Any) -> Choice:
    """Return what a handler's answer means."""
    if answer is None:
        return AS_SET_UP
    if answer is evt.MEMORY:
        return Choice(is_for_memory=True)
    if isinstance(answer, str | os.PathLike):
        return Choice(path=Path(answer))
    if isinstance(answer, Dataset) or (isinstance(answer, int) and not isinstance(answer, bool)):
        return Choice(verdict=answer, is_refused=True)
    if isinstance(answer, Forwarding):
        return Choice(is_for_memory=True, verdict=answer, taker=answer)
    if hasattr(answer, "send_c_store"):
        return Choice(is_for_memory=True, verdict=answer)
    raise TypeError(
        "a handler of EVT_C_STORE_HEADER returns None, MEMORY, a path, an association, what forward returns "
        f"or a status, not {type(answer).__name__}"
    )


async def choose_for_whole(association: Serving, message: Message, sinks: Sinks) -> Choice:
    """Ask the handler where an object is to go that is whole already, and put it there."""
    arrival = Arrival(message.command, message.context_id, message.data_set or b"", is_complete=True)
    choice = await choose(association, arrival)
    try:
        await association.apart(sinks.keep, message, choice)
    except OSError:
        return Choice(verdict=OUT_OF_RESOURCES, is_refused=True)
    return choice
