"""C-FIND of all service classes that query, PS3.4 C.4.1: each match that the handler yields is a response.

Between two of them the association is looked at: C-CANCEL ends the operation, as do an abort and a release.
What is a match is the handler's business.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from fastdicom import part10
from fastdicom._core.pdata import Message
from fastdicom.data_sets import encode_dataset
from fastdicom.dimse.messages import PENDING
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.events import EVT_C_FIND, FindEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import (
    LOGGER,
    MISTYPED_ARGUMENT,
    SUCCESS,
    Performer,
    encode_explained,
    finished,
    respond,
    unpack_status,
)
from fastdicom.sop_class import (
    BreastImagingRelevantPatientInformationQuery,
    CardiacRelevantPatientInformationQuery,
    GeneralRelevantPatientInformationQuery,
)

# PS3.4 Table C.4-1
CANCELLED = 0xFE00
OUT_OF_RESOURCES = 0xA700

# PS3.4 Q.4.1.1.4: these have one match or none.
WITH_ONE_MATCH = (
    GeneralRelevantPatientInformationQuery,
    BreastImagingRelevantPatientInformationQuery,
    CardiacRelevantPatientInformationQuery,
)
MORE_THAN_ONE_MATCH = 0xC100

# What a handler has yielded when it has ended
ENDED = object()

BUFFERS = (bytes, bytearray, memoryview)

# What pynetdicom answers, and programs rely on: the identifier of the request cannot be decoded; the handler
# raises, or there is none; what it yields cannot be encoded.
UNDECODABLE_IDENTIFIER = 0xC310
HANDLER_FAILED = 0xC311
UNENCODABLE_MATCH = 0xC312


async def serve_c_find(performer: Performer, message: Message, context: PresentationContextTuple) -> None:
    """Answer a C-FIND request with what the handler yields.

    It yields pairs of a status and an identifier: FF00H or FF01H with a match; any other status, with None or
    on its own, is the last. One that ends without such a status is a success. A match is a Dataset, a buffer
    with one that is encoded in the transfer syntax of the context, or a DICOM file: its path, an open one, or
    its bytes.
    """
    bound = performer.intervention_handler(EVT_C_FIND)
    if not message.command.has_data_set:
        await finished(respond(performer, message, MISTYPED_ARGUMENT))
    elif not message.is_in_memory:
        await finished(respond(performer, message, OUT_OF_RESOURCES))
    elif bound is None:
        LOGGER.error("no handler is bound to EVT_C_FIND")
        await finished(respond(performer, message, HANDLER_FAILED))
    else:
        handler, arguments = bound
        event = FindEvent(performer, EVT_C_FIND, performer.wall_clock(), message, context)
        try:
            results = await performer.call(handler, event, arguments)
            matches = await performer.results_of(() if results is None else results)
        except Exception:
            await finished(respond(performer, message, _failure(event)))
            return
        try:
            status = await _send_matches(performer, message, event, matches)
        finally:
            await _close(performer, matches)
        await finished(respond(performer, message, status))


async def _send_matches(performer: Performer, message: Message, event: FindEvent, matches: Any) -> Any:
    """Send the matches and return the last status, as the handler has it.

    Raises
    ------
    AssociationError
        When the association has ended.
    """
    request = message.command
    transfer_syntax = event.context.transfer_syntax
    # All responses with the same status are the same.
    pending = {status: request.encode_response(status, True) for status in PENDING}
    is_full = False
    while True:
        try:
            result = await performer.next_of(matches, ENDED)
        except Exception:
            return _failure(event)
        if result is ENDED:
            return CANCELLED if await performer.has_cancelled(message) else SUCCESS
        is_pair = isinstance(result, tuple | list) and len(result) == 2
        status, match = result if is_pair else (result, None)
        code, explanations = (status, None) if type(status) is int else unpack_status(status)
        if code not in pending:
            return status
        if await performer.has_cancelled(message):
            return CANCELLED
        if is_full:
            LOGGER.error("the handler bound to EVT_C_FIND yields a second match")
            return MORE_THAN_ONE_MATCH
        try:
            data_set = await _encode(performer, match, transfer_syntax)
            command = pending[code]
            if explanations:
                command = encode_explained(request, code, explanations, has_data_set=True)
        except Exception as error:
            # Not what pydicom says of values: they may name the patient.
            LOGGER.error("what the handler yields cannot be encoded: %s", type(error).__name__)
            return UNENCODABLE_MATCH
        await performer.send_pending(message, command, [data_set])
        is_full = event.context.abstract_syntax in WITH_ONE_MATCH


async def _encode(performer: Performer, match: Any, transfer_syntax: UID) -> bytes | memoryview:
    """Return an encoded identifier.

    Raises
    ------
    ValueError
        When it is empty, among others.
    """
    encoded: bytes | memoryview
    if isinstance(match, Dataset | EncodedDataset):
        encoded = encode_dataset(match, transfer_syntax)
    elif isinstance(match, BUFFERS):
        encoded = _data_set_of(memoryview(match).cast("B"), transfer_syntax)
    else:
        encoded = await performer.apart(_read, match, transfer_syntax, performer.content_of)
    if not encoded:
        raise ValueError("there is nothing in it")
    return encoded


def _read(match: Any, transfer_syntax: UID, content_of: Callable[[Any], Any]) -> bytes | memoryview:
    """Return the identifier in a file, or in any other buffer."""
    content = Path(match).read_bytes() if isinstance(match, str | os.PathLike) else content_of(match)
    return _data_set_of(memoryview(content).cast("B"), transfer_syntax)


def _data_set_of(encoded: bytes | memoryview, transfer_syntax: UID) -> bytes | memoryview:
    """Return the data set in a DICOM file; what is none, is one already."""
    if encoded[part10.PREAMBLE_LENGTH : part10.FRONT_LENGTH] != part10.PREFIX:
        return encoded
    header = part10.parse_front(encoded, "the match", len(encoded))
    if header.transfer_syntax == transfer_syntax:
        return memoryview(encoded)[header.data_set_offset :]
    return encode_dataset(dcmread(BytesIO(encoded)), transfer_syntax)


def _failure(event: FindEvent) -> int:
    """Log what the handler has raised, and return the status for it."""
    LOGGER.exception("the handler bound to EVT_C_FIND raised")
    try:
        event.identifier  # noqa: B018, it is decoded when it is asked for
    except Exception:
        return UNDECODABLE_IDENTIFIER
    return HANDLER_FAILED


async def _close(performer: Performer, matches: Any) -> None:
    """Close the handler's generator, so that what it holds is let go."""
    try:
        await performer.close_results(matches)
    except Exception:
        LOGGER.exception("the handler bound to EVT_C_FIND raised when it was closed")
