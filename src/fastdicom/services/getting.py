"""C-GET of the retrieve service classes, PS3.4 C.4.3: sub-operations on the association itself."""

from __future__ import annotations

from typing import Any

from fastdicom._core.pdata import Message
from fastdicom.events import EVT_C_GET, GetEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.bulk_data import without_bulk_data
from fastdicom.services.performer import SUCCESS, Performer, Rest, UnderWay
from fastdicom.services.retrieval import ask_total, priority_of, serve_retrieval
from fastdicom.services.suboperations import Carrier, Outcome, Rules, SubOperations
from fastdicom.sop_class import CompositeInstanceRetrieveWithoutBulkDataGet

GET = Rules(EVT_C_GET, GetEvent, handler_failed=0xC411, no_count=0xC413, too_many=0xC416)


def serve_c_get(performer: Performer, message: Message, context: PresentationContextTuple) -> Rest:
    """Answer a C-GET request: send what the handler yields.

    The handler yields the number of sub-operations, then pairs of a status and an object: a Dataset, a path,
    an open file, a buffer with a whole DICOM file, or an encoded data set with its transfer syntax as a pair
    of its own. It is asked for the next pair while the response to an object is awaited, and before that is
    counted.
    """
    return serve_retrieval(performer, message, context, GET, _retrieve)


async def _retrieve(
    performer: Performer, message: Message, context: PresentationContextTuple, results: Any
) -> tuple[SubOperations, Outcome]:
    sub_operations = SubOperations(performer, message, context, GET, await ask_total(performer, results, GET))
    if not sub_operations.counts.remaining:
        return sub_operations, Outcome(SUCCESS)
    priority = priority_of(message.command)
    is_without_bulk_data = context.abstract_syntax == CompositeInstanceRetrieveWithoutBulkDataGet

    async def prepare(what: Any, transfer_syntax: str | None) -> Any:
        if is_without_bulk_data:
            what = await performer.apart(without_bulk_data, what, transfer_syntax)
            transfer_syntax = None
        return await performer.prepare_c_store(what, transfer_syntax)

    async def begin(what: Any, transfer_syntax: str | None, ready: Any) -> UnderWay:
        return await performer.begin_c_store(ready or await prepare(what, transfer_syntax), priority)

    carrier = Carrier(prepare, begin)
    async with performer.pacing(sub_operations.send_pending, sub_operations.look) as pacing:
        return sub_operations, await sub_operations.perform(results, carrier, pacing)
