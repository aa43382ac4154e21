"""What C-GET and C-MOVE share: C-STORE sub-operations, counted and reported (PS3.4 C.4.2, C.4.3).

What the handler yields is sent one after the other, in a way that C-GET and C-MOVE bring along. What
cannot be sent is counted as failed, and the operation goes on. Between two of them the association is looked
at: C-CANCEL ends the operation with what has been done by then.

While the response to one object is awaited the handler is asked for the next one, and that is made ready.
Never more than one: what is under way has left our memory by then, but for some MiB that a C-MOVE may have
to send again. What comes of it is told when the one under way has been counted. A handler that takes its
time meanwhile holds up no count and no pending response: the thread of the pacing sees to those.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from fastdicom._core.command import CommandSet, encode_command
from fastdicom._core.pdata import Message
from fastdicom.data_sets import encode_dataset
from fastdicom.errors import AssociationError, NoAcceptedContext
from fastdicom.events import EventType, RequestEvent
from fastdicom.presentation import PresentationContextTuple
from fastdicom.services.performer import (
    LOGGER,
    NO_EXPLANATION,
    SUCCESS,
    Pacing,
    Performer,
    UnderWay,
    encode_explained,
    finished,
    unpack_status,
)
from fastdicom.status import (
    STATUS_CANCEL,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_WARNING,
    code_to_category,
)

# PS3.4 Tables C.4-2 and C.4-3
NO_SUB_OPERATION_SUCCEEDED = 0xA702
SOME_FAILED_OR_WARNED = 0xB000
CANCELLED = 0xFE00
PENDING = 0xFF00

# PS3.7 9.3.3.2: element numbers of remaining, completed, failed, warning
REMAINING = 0x1020

UNSENT = "an object cannot be sent: %s"

# What a handler is taken to have yielded when it has ended, and when it has raised.
ENDED, RAISED = object(), object()


class Carrier(NamedTuple):
    """How objects are sent.

    `prepare` makes one ready, given it and its transfer syntax, if that is to be said; None when that is for
    `begin`. `begin` sends it, made ready or not.
    """

    prepare: Callable[[Any, str | None], Awaitable[Any]]
    begin: Callable[[Any, str | None, Any], Awaitable[UnderWay]]


class Refusal(Exception):
    """The operation ends with this status and no counts: no sub-operation has been performed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Rules(NamedTuple):
    """What tells C-GET from C-MOVE; the statuses are pynetdicom's, on which programs rely.

    `handler_failed` is for a handler that raises, `no_count` for one that does not say how many there are,
    and `too_many` for one that says more than can be counted.
    """

    event: EventType
    event_class: type[RequestEvent]
    handler_failed: int
    no_count: int
    too_many: int


class Outcome(NamedTuple):
    """How an operation ends: a status, what explains it, and the identifier if the handler has made one."""

    status: int
    explanations: Mapping[str, Any] = NO_EXPLANATION
    identifier: Dataset | None = None


class Counts(NamedTuple):
    """How many sub-operations there are of each kind."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0


class Step:
    """What the handler has yielded, and what has been made of it ahead of its turn.

    Attributes
    ----------
    result
        What it has yielded, ENDED, or RAISED.
    is_pair
        Whether that is a status with an object.
    status, what, transfer_syntax
        Then, its parts.
    ready
        The object, ready to be sent; None when it is not.
    failure
        Why it cannot be sent, if that is known.
    """

    def __init__(self, result: Any) -> None:
        self.result = result
        self.is_pair = isinstance(result, tuple | list) and len(result) == 2
        self.status: Any
        self.what: Any
        self.status, self.what = result if self.is_pair else (None, None)
        self.transfer_syntax: str | None = None
        if isinstance(self.what, tuple) and len(self.what) == 2:
            self.what, self.transfer_syntax = self.what
        self.ready: Any = None
        self.failure: str | None = None

    def forget(self) -> None:
        """Hold the object no longer."""
        self.result = self.what = self.ready = None


class SubOperations:
    """The sub-operations of one C-GET or C-MOVE.

    Parameters
    ----------
    performer, message, context
        The association, the request and its presentation context.
    rules
        Which of both it is.
    total
        How many sub-operations the handler has announced.

    Attributes
    ----------
    counts
        How many there are of each kind. It is replaced as a whole: another thread may report it at any time.
    failed_uids
        The SOP Instance UIDs of those that failed, as far as they are known.
    """

    def __init__(
        self,
        performer: Performer,
        message: Message,
        context: PresentationContextTuple,
        rules: Rules,
        total: int,
    ) -> None:
        self.counts = Counts(total)
        self.failed_uids: list[str] = []
        self._performer = performer
        self._message = message
        self._context = context
        self._rules = rules
        self._pacing: Pacing  # while it is performed
        self._under_way: UnderWay | None = None
        plain = CommandSet(message.command.encode_response(PENDING))
        self._pending = {element: plain[element] for element in plain if element != 0x0000}

    async def send_pending(self) -> None:
        """Report how far it has got."""
        elements = {**self._pending, **{REMAINING + i: count for i, count in enumerate(self.counts)}}
        await self._performer.send_pending(self._message, encode_command(elements))

    async def perform(self, results: Any, carrier: Carrier, pacing: Pacing) -> Outcome:
        """Send what the handler yields; tell how it ended.

        Raises
        ------
        AssociationError
            When the association with the requestor has ended.
        """
        self._pacing = pacing
        step = await self._take(results)
        while True:
            outcome = self._judge(step)
            if outcome is not None:
                return outcome
            if await self._performer.has_cancelled(self._message):
                return Outcome(CANCELLED)
            step = await self._send(step, carrier, results) or await self._take(results)

    async def _take(self, results: Any) -> Step:
        """Ask the handler what is next."""
        try:
            return Step(await self._performer.next_of(results, ENDED))
        except Exception:
            LOGGER.exception("the handler bound to %s raised", self._rules.event)
            return Step(RAISED)

    def _judge(self, step: Step) -> Outcome | None:
        """Tell how the operation ends; None when there is an object to be sent."""
        if step.result is ENDED:
            return self._sum_up()
        if step.result is RAISED:
            is_done = self.counts.remaining == 0
            return self._sum_up() if is_done else self._give_up(self._rules.handler_failed)
        if not self.counts.remaining:
            LOGGER.warning("the handler yields more than it has announced; that is ignored")
            return self._sum_up()
        if not step.is_pair:
            LOGGER.error("the handler yields %r, no status with an object", type(step.result).__name__)
            return self._give_up(self._rules.handler_failed)
        if step.status == PENDING:
            return None
        code, explanations = unpack_status(step.status)
        category = code_to_category(code)
        if category == STATUS_CANCEL:
            return Outcome(code, explanations, step.what)
        if category == STATUS_SUCCESS:
            return self._sum_up()
        return None if category == STATUS_PENDING else self._give_up(code, explanations, step.what)

    async def _send(self, step: Step, carrier: Carrier, results: Any) -> Step | None:
        """Have an object sent, and count what becomes of that; return what the handler yields meanwhile."""
        is_last = self.counts.remaining == 1
        under_way = await self._begin(step, carrier)
        if under_way is None:
            return None
        following = None
        self._under_way = under_way
        try:
            if under_way.may_look_ahead:
                step.forget()
                following = await self._take(results)
                if following.status == PENDING and not is_last:
                    await self._prepare(following, carrier)
        finally:
            await self._pacing.begin_counting()
            try:
                await self._conclude()
            finally:
                self._pacing.end_counting()
        return following

    async def _prepare(self, step: Step, carrier: Carrier) -> None:
        try:
            step.what = await self._content_of(step.what)
            step.ready = await carrier.prepare(step.what, step.transfer_syntax)
        except Exception as error:
            step.failure = _reason(error)  # told when it is its turn

    async def _begin(self, step: Step, carrier: Carrier) -> UnderWay | None:
        """Have an object sent; None when it cannot be, and has been counted."""
        failure = step.failure
        if failure is None:
            try:
                step.what = await self._content_of(step.what)
                ready, step.ready = step.ready, None
                return await carrier.begin(step.what, step.transfer_syntax, ready)
            except (AssociationError, Refusal):
                raise
            except Exception as error:
                failure = _reason(error)
        LOGGER.error(UNSENT, failure)
        if self._has_failed(None):
            find = self._performer.sop_instance_uid_of
            self._note(await self._performer.apart(find, step.what, step.transfer_syntax))
        await self._pacing.report()
        return None

    async def _content_of(self, what: Any) -> Any:
        """Return what an open file holds; anything else as it is."""
        if not hasattr(what, "read"):
            return what
        return await self._performer.apart(self._performer.content_of, what)

    async def look(self) -> None:
        """Count what is under way if it has been answered: its own thread may be with the handler still.

        Raises
        ------
        AssociationError
            When the association with the requestor has ended.
        """
        if self._under_way is None or not self._pacing.try_to_count():
            return
        try:
            under_way: UnderWay | None = self._under_way  # as of now: its own thread may have been quicker
            if under_way is not None and await under_way.has_answer():
                await self._conclude()
        finally:
            self._pacing.end_counting()

    async def _conclude(self) -> None:
        """Wait for what is under way, and count it, unless that has been done. With the lock held."""
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return
        status = None
        try:
            status = (await under_way.wait()).get("Status")
        except (AssociationError, Refusal):
            raise
        except Exception as error:
            LOGGER.error(UNSENT, _reason(error))
        if self._has_failed(status):
            self._note(await under_way.failed_uid())
        await self._pacing.report()

    def _has_failed(self, status: int | None) -> bool:
        """Count the status of a sub-operation, None for none, and tell whether it has failed."""
        remaining, completed, failed, warning = self.counts
        if status == SUCCESS:
            self.counts = Counts(remaining - 1, completed + 1, failed, warning)
        elif status is not None and code_to_category(status) == STATUS_WARNING:
            self.counts = Counts(remaining - 1, completed, failed, warning + 1)
        else:
            self.counts = Counts(remaining - 1, completed, failed + 1, warning)
            return True
        return False

    def _note(self, failed_uid: str | None) -> None:
        if failed_uid:
            self.failed_uids.append(failed_uid)

    def _sum_up(self) -> Outcome:
        """Return the status of what has been done (PS3.4 C.4.2.3.1, C.4.3.3.1)."""
        remaining, completed, failed, warning = self.counts
        if remaining:
            LOGGER.warning("%d sub-operations less than the handler has announced", remaining)
        if failed and not (completed or warning):
            return Outcome(NO_SUB_OPERATION_SUCCEEDED)
        return Outcome(SOME_FAILED_OR_WARNED if failed or warning else SUCCESS)

    def _give_up(
        self, status: int, explanations: Mapping[str, Any] = NO_EXPLANATION, identifier: Any = None
    ) -> Outcome:
        """End it with a status of the handler: what remains has failed."""
        remaining, completed, failed, warning = self.counts
        self.counts = Counts(0, completed, failed + remaining, warning)
        return Outcome(status, explanations, identifier)

    async def finish(self, outcome: Outcome) -> None:
        """Send the last response."""
        counts = {
            "NumberOfCompletedSuboperations": self.counts.completed,
            "NumberOfFailedSuboperations": self.counts.failed,
            "NumberOfWarningSuboperations": self.counts.warning,
        }
        category = code_to_category(outcome.status)
        if category == STATUS_CANCEL:  # of the last responses this one only (PS3.4 C.4.2.1.6, C.4.3.1.4)
            counts["NumberOfRemainingSuboperations"] = self.counts.remaining
        data_set = b"" if category == STATUS_SUCCESS else self._encode_failed(outcome.identifier)
        request, status, has_data_set = self._message.command, outcome.status, bool(data_set)
        explained = {**outcome.explanations, **counts}
        try:
            command = encode_explained(request, status, explained, has_data_set=has_data_set)
        except (TypeError, ValueError, OverflowError) as error:
            LOGGER.error("what the handler adds to status %04XH cannot be sent: %s", status, error)
            command = encode_explained(request, status, counts, has_data_set=has_data_set)
        pieces = [data_set] if data_set else None
        await finished(self._performer.send_response(self._message, command, pieces))

    def _encode_failed(self, identifier: Any) -> bytes:
        """Encode the Failed SOP Instance UID List; nothing when none has failed (PS3.4 C.4.2.1.4.2)."""
        candidates = []
        if isinstance(identifier, Dataset) and identifier.get("FailedSOPInstanceUIDList"):
            candidates.append(identifier)
        if self.failed_uids:
            ours = Dataset()
            ours.FailedSOPInstanceUIDList = self.failed_uids
            candidates.append(ours)
        for candidate in candidates:
            try:
                return encode_dataset(candidate, self._context.transfer_syntax)
            except ValueError as error:
                LOGGER.error("the identifier of a response cannot be sent: %s", error)
        return b""


def _reason(error: Exception) -> str:
    """Say why an object is not sent.

    Not what pydicom says of values, and no path: they may name the patient.
    """
    return str(error) if isinstance(error, NoAcceptedContext) else type(error).__name__
