"""The handler of a C-FIND, but for where the records come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeAlias

from pydicom.dataset import Dataset

from fastdicom.query.answering import Answerer
from fastdicom.query.checking import NOT_UNDERSTOOD, check
from fastdicom.query.matching import Matcher
from fastdicom.query.models import model_of
from fastdicom.query.options import DEFAULT_LIMITS, Limits, Options

Response: TypeAlias = tuple[int | Dataset, Dataset | None]
Records: TypeAlias = Iterable[Dataset] | Callable[[Dataset, Options], Iterable[Dataset]]

# PS3.4 Table C.4-1
PENDING = 0xFF00
PENDING_WITHOUT_OPTIONAL_KEYS = 0xFF01
CANCELLED = 0xFE00
# PS3.4 Table Q.2-1
MORE_THAN_ONE_MATCH = 0xC100


def find(
    event: Any,
    records: Records,
    *,
    options: Options | None = None,
    supported: Collection[str | int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Response]:
    """Yield the responses to a C-FIND request, from a handler bound to ``EVT_C_FIND``.

    An identifier that is none gets a failure, each record that matches a response, and C-CANCEL ends it.

    Parameters
    ----------
    event
        The event that the handler got.
    records
        Datasets, which may be made while they are asked for; or a function that returns them, of the
        identifier, once it is checked, and the options. What a record has of Retrieve AE Title, Instance
        Availability and Storage Media File-Set is returned unasked.
    options
        How to match; None for what was negotiated.
    supported
        As for `Matcher`.
    limits
        How large an identifier may be.
    """
    sop_class = str(event.context.abstract_syntax)
    options = Options.of(event) if options is None else options
    try:
        identifier = event.identifier
    except Exception as error:
        failure = Dataset()
        failure.Status = NOT_UNDERSTOOD
        failure.ErrorComment = f"The identifier cannot be decoded: {type(error).__name__}"[:64]
        yield failure, None
        return
    problem = check(identifier, sop_class, options, limits)
    if problem is not None:
        yield problem.dataset(), None
        return
    model = model_of(sop_class)
    matcher = Matcher(identifier, options, supported)
    answerer = Answerer(matcher, model)
    pending = PENDING_WITHOUT_OPTIONAL_KEYS if matcher.unsupported else PENDING
    only: Dataset | None = None
    for record in records(identifier, options) if callable(records) else records:
        if event.is_cancelled:
            yield CANCELLED, None
            return
        if not matcher.matches(record):
            continue
        if not model.has_one_match:
            yield pending, answerer.answer(record)
        elif only is None:
            only = record
        else:
            yield MORE_THAN_ONE_MATCH, None
            return
    if only is not None:
        yield pending, answerer.answer(only)
