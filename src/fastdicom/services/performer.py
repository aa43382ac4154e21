"""What a service needs of the association that it serves: its handler called, and a response sent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar

from pydicom.dataset import Dataset

from fastdicom._core.command import CommandSet, encode_command
from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import KEYWORDS
from fastdicom.events import EventType
from fastdicom.log import get_logger
from fastdicom.presentation import PresentationContextTuple

LOGGER = get_logger("fastdicom.services")

# PS3.7 Annex C
SUCCESS = 0x0000
NO_SUCH_SOP_CLASS = 0x0118
SOP_CLASS_NOT_SUPPORTED = 0x0122
DUPLICATE_INVOCATION = 0x0210
UNRECOGNIZED_OPERATION = 0x0211
MISTYPED_ARGUMENT = 0x0212

# What pynetdicom answers when a handler returns what is no status; programs rely on it.
DATASET_WITHOUT_STATUS = 0xC001
NOT_A_STATUS = 0xC002

# A status may bring these along, PS3.7 Annex C.
EXPLANATIONS = ("OffendingElement", "ErrorComment", "ErrorID")
NO_EXPLANATION: Mapping[str, Any] = MappingProxyType({})

Handler: TypeAlias = Callable[..., Any]
Result = TypeVar("Result")

Bound: TypeAlias = tuple[Handler, tuple[Any, ...]]

# What is left to be awaited of something; None when it has been done. So the blocking driver has no coroutine
# where a request is answered at once, which is a matter of microseconds.
Rest: TypeAlias = Coroutine[Any, Any, None] | None

# Sends something, or looks.
Step: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Choice(Protocol):
    """What has been chosen for an object before all of it had come.

    `verdict` is a status, or the association that it goes to; None when the handler of C-STORE is asked.
    `taker` has taken it on while it came; None for nobody.
    """

    @property
    def verdict(self) -> Any:
        """What answers the request."""

    @property
    def taker(self) -> Any:
        """Who has taken it on: answers `conclude` and `wind_up`."""


class Pacing(Protocol):
    """Has pending responses sent at a pace; left, it sends none any more."""

    async def begin_counting(self) -> None:
        """Wait until nobody else counts a sub-operation."""

    def try_to_count(self) -> bool:
        """Begin to count, if nobody else does; tell whether it is so."""

    def end_counting(self) -> None:
        """Let others count."""

    async def report(self) -> None:
        """Send a pending response, unless there were many just now."""


class UnderWay(Protocol):
    """A C-STORE whose response has not been taken yet."""

    async def failed_uid(self) -> str | None:
        """Return the SOP Instance UID of the object; None when it cannot be found."""

    @property
    def may_look_ahead(self) -> bool:
        """Whether the handler may be asked for the next object already."""

    async def has_answer(self) -> bool:
        """Whether the response has come, as of now. From any thread."""

    async def wait(self) -> Dataset:
        """Return the status in the response; an empty one when there is none to come."""


class Destination(Protocol):
    """Where the objects of a C-MOVE go, as a service sees it."""

    async def prepare(self, what: Any, transfer_syntax: str | None) -> Any:
        """Make an object ready to be sent; None when it is not known yet on what association."""

    async def begin(
        self, what: Any, transfer_syntax: str | None, ready: Any, operation: Mapping[str, Any]
    ) -> UnderWay:
        """Send an object with C-STORE, made ready or not.

        ConnectionError when the destination has not been reached at all.
        """

    async def release(self) -> None:
        """Release its associations."""

    def abort(self) -> None:
        """Abort its associations, and open no more. From any thread."""


class Performer(Protocol):
    """The association, as a service sees it."""

    ae: Any

    @property
    def remote(self) -> Mapping[str, Any]:
        """The AE title of the peer, and more."""

    def intervention_handler(self, event: EventType) -> Bound | None:
        """Return the bound handler and its further arguments; None when there is none."""

    def wall_clock(self) -> float:
        """Return the time for `Event.timestamp`."""

    # What takes its time is awaited. The blocking driver blocks in it; none of it suspends there.

    async def call(self, handler: Handler, event: Any, arguments: tuple[Any, ...]) -> Any:
        """Call a handler; raises what it raises."""

    async def results_of(self, results: Any) -> Any:
        """Return an iterator over what a handler has returned, for `next_of`."""

    async def next_of(self, results: Any, default: Any) -> Any:
        """Return what a handler yields next, or the default at its end; raises what it raises."""

    async def close_results(self, results: Any) -> None:
        """Close a handler's generator, so that what it holds is let go; raises what it raises."""

    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that takes its time: it reads files, or decodes."""

    @property
    def places_objects(self) -> bool:
        """Whether an object may have gone to a file, or somebody have chosen where it goes."""

    async def take_file(self, message: Message) -> Path | None:
        """Return the file that the data set of this message went to."""

    async def take_choice(self, message: Message) -> Choice | None:
        """Return what has been chosen for an object once its first elements had come; None for nothing."""

    async def pass_on(self, association: Any, what: Any, transfer_syntax: str | None) -> Dataset:
        """Send an object on another association, and return the status in the response."""

    async def attend(self) -> None:
        """Take note of C-CANCEL, abort and release; AssociationError when the association has ended."""

    async def has_cancelled(self, message: Message) -> bool:
        """Whether the peer has asked to cancel this operation, as of now."""

    async def send_pending(
        self, message: Message, command: bytes, data_set: Sequence[Any] | None = None
    ) -> None:
        """Send a response that is not the last one, and its data set in pieces."""

    def send_response(self, message: Message, command: bytes, data_set: Sequence[Any] | None = None) -> Rest:
        """Send the response, or the last one, and its data set in pieces."""

    def answer_by(self, message: Message, bound: Bound, event: Any, failure: Any, answer: Answering) -> Rest:
        """Have a handler say how a request is answered, and call `answer` with that.

        What is left is to be awaited. `failure` stands for what it says if it raises.
        """

    # For C-GET and C-MOVE.

    def content_of(self, dataset: Any) -> Any:
        """Return what an open file holds; anything else as it is."""

    def sop_instance_uid_of(self, dataset: Any, transfer_syntax: str | None) -> str | None:
        """Return the SOP Instance UID of an object; None when it cannot be found."""

    async def prepare_c_store(self, dataset: Any, transfer_syntax: str | None) -> Any:
        """Make an object ready to be sent to the peer: a file is opened, and a short one read."""

    async def begin_c_store(self, prepared: Any, priority: int) -> UnderWay:
        """Send such an object to the peer."""

    def destination(self, address: Any, port: Any, options: Mapping[str, Any]) -> Destination:
        """Return where objects can be sent to, with these arguments of `AE.associate`."""

    def pacing(
        self,
        send: Step,
        look: Step,
        on_end: Callable[[], object] | None = None,
    ) -> AbstractAsyncContextManager[Pacing]:
        """Have pending responses sent at the pace of `AE.pending_interval`, by `send`.

        Now and then `look` is called, to see whether a sub-operation has been answered meanwhile. With
        `on_end` the association is watched: it is called when the association ends.
        """


# Given the request, and what its handler has returned.
Answering: TypeAlias = Callable[[Performer, Message, Any], Rest]

Service: TypeAlias = Callable[[Performer, Message, PresentationContextTuple], Rest]


def respond(performer: Performer, message: Message, status: int | Dataset) -> Rest:
    """Answer a request with a status, or with a Dataset that has one; what is left is to be awaited."""
    if type(status) is int and 0 <= status <= 0xFFFF:  # nearly always
        return performer.send_response(message, message.command.encode_response(status))
    code, explanations = unpack_status(status)
    response = None
    if explanations:
        try:
            response = encode_explained(message.command, code, explanations)
        except (TypeError, ValueError, OverflowError) as error:
            LOGGER.error("what the handler adds to status %04XH cannot be sent: %s", code, error)
    return performer.send_response(message, response or message.command.encode_response(code))


async def finished(rest: Rest) -> None:
    """Wait for what is left."""
    if rest is not None:
        await rest


def encode_explained(
    request: CommandSet, status: int, explanations: Mapping[str, Any], *, has_data_set: bool = False
) -> bytes:
    """Encode a response with further elements, by keyword: what explains its status (PS3.7 Annex C)."""
    plain = CommandSet(request.encode_response(status, has_data_set))
    elements = {element: plain[element] for element in plain if element != 0x0000}
    elements |= {KEYWORDS[keyword]: _encodable(keyword, value) for keyword, value in explanations.items()}
    return encode_command(dict(sorted(elements.items())))


def unpack_status(result: Any, keywords: Sequence[str] = EXPLANATIONS) -> tuple[int, Mapping[str, Any]]:
    """Return the status code in what a handler returned, and what of `keywords` explains it."""
    if _is_status(result):
        return int(result), NO_EXPLANATION
    if not isinstance(result, Dataset):
        LOGGER.error("the handler returned %r, which is no status", type(result).__name__)
        return NOT_A_STATUS, NO_EXPLANATION
    if "Status" not in result:
        LOGGER.error("the handler returned a Dataset without (0000,0900) Status")
        return DATASET_WITHOUT_STATUS, NO_EXPLANATION
    if not _is_status(result.Status):
        LOGGER.error("the handler returned a Dataset with the Status %r, which is none", result.Status)
        return NOT_A_STATUS, NO_EXPLANATION
    explanations = {keyword: result[keyword].value for keyword in keywords if result.get(keyword) is not None}
    return int(result.Status), explanations


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFF


def _encodable(keyword: str, value: Any) -> Any:
    if keyword in ("OffendingElement", "AttributeIdentifierList"):
        return [int(tag) for tag in (value if not isinstance(value, int) else [value])]
    # LO, 64 characters: a long comment is better cut than the status lost.
    return value[:64] if keyword == "ErrorComment" and isinstance(value, str) else value
