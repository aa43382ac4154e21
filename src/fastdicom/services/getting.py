"""C-GET of the retrieve service classes, PS3.4 C.4.3: sub-operations on the association itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from fastdicom._core.pdata import Message
from fastdicom.events import EVT_C_GET, GetEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.bulk_data import without_bulk_data
from fastdicom.services.performer import SUCCESS, Performer
from fastdicom.services.suboperations import (
    Outcome,
    Rules,
    SubOperations,
    ask_total,
    priority_of,
    serve_retrieval,
)
from fastdicom.sop_class import CompositeInstanceRetrieveWithoutBulkDataGet

GET = Rules(EVT_C_GET, GetEvent, handler_failed=0xC411, no_count=0xC413, too_many=0xC416)


def serve_c_get(performer: Performer, message: Message, context: PresentationContextTuple) -> None:
    """Answer a C-GET request: send what the handler yields.

    The handler yields the number of sub-operations, then pairs of a status and an object: a Dataset, a path,
    an open file, a buffer with a whole DICOM file, or an encoded data set with its transfer syntax as a pair
    of its own.
    """
    serve_retrieval(performer, message, context, GET, _retrieve)


def _retrieve(
    performer: Performer, message: Message, context: PresentationContextTuple, results: Iterator[Any]
) -> tuple[SubOperations, Outcome]:
    sub_operations = SubOperations(performer, message, context, GET, ask_total(results, GET))
    if not sub_operations.counts.remaining:
        return sub_operations, Outcome(SUCCESS)
    priority = priority_of(message.command)
    is_without_bulk_data = context.abstract_syntax == CompositeInstanceRetrieveWithoutBulkDataGet

    def store(what: Any, transfer_syntax: str | None) -> Dataset:
        if is_without_bulk_data:
            what, transfer_syntax = without_bulk_data(what, transfer_syntax), None
        return performer.send_c_store(what, priority=priority, transfer_syntax=transfer_syntax)

    with performer.pacing(sub_operations.send_pending) as pacing:
        return sub_operations, sub_operations.perform(results, store, pacing)
