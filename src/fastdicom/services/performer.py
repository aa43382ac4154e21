"""What a service needs of the association that it serves: its handler called, and a response sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pydicom.dataset import Dataset

from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import IS_RESPONSE, KEYWORDS, NO_DATA_SET
from fastdicom.events import EventType
from fastdicom.presentation import PresentationContextTuple

LOGGER = logging.getLogger("fastdicom.services")

# PS3.7 Annex C
SUCCESS = 0x0000
SOP_CLASS_NOT_SUPPORTED = 0x0122
UNRECOGNIZED_OPERATION = 0x0211
MISTYPED_ARGUMENT = 0x0212

# What pynetdicom answers when a handler returns what is no status; programs rely on it.
DATASET_WITHOUT_STATUS = 0xC001
NOT_A_STATUS = 0xC002

# A status may bring these along, PS3.7 Annex C.
EXPLANATIONS = ("OffendingElement", "ErrorComment", "ErrorID")

Handler: TypeAlias = Callable[..., Any]


class Performer(Protocol):
    """The association, as a service sees it."""

    ae: Any

    def intervention_handler(self, event: EventType) -> tuple[Handler, tuple[Any, ...]] | None:
        """Return the bound handler and its further arguments; None when there is none."""

    def wall_clock(self) -> float:
        """Return the time for `Event.timestamp`."""

    def take_file(self, message: Message) -> Path | None:
        """Return the file that the data set of this message went to."""

    def send_response(self, message: Message, elements: dict[int, Any]) -> None:
        """Send a response without a data set."""


Service: TypeAlias = Callable[[Performer, Message, PresentationContextTuple], None]


def response_elements(message: Message, status: int, **explanations: Any) -> dict[int, Any]:
    """Return the command set of the response to a C-ECHO or C-STORE request (PS3.7 9.3.1.2, 9.3.5.2)."""
    command = message.command
    return {
        0x0002: command.get(0x0002),
        0x0100: command.command_field | IS_RESPONSE,
        0x0120: command.message_id,
        0x0800: NO_DATA_SET,
        0x0900: status,
        **{KEYWORDS[keyword]: value for keyword, value in explanations.items()},
        0x1000: command.get(0x1000),
    }


def respond(performer: Performer, message: Message, status: int | Dataset) -> None:
    """Answer a request with a status, or with a Dataset that has one."""
    code, explanations = unpack_status(status)
    performer.send_response(message, response_elements(message, code, **explanations))


def unpack_status(result: Any) -> tuple[int, dict[str, Any]]:
    """Return the status code in what a handler returned, and what explains it."""
    if isinstance(result, int) and not isinstance(result, bool) and 0 <= result <= 0xFFFF:
        return int(result), {}
    if not isinstance(result, Dataset):
        LOGGER.error("the handler returned %r, which is no status", type(result).__name__)
        return NOT_A_STATUS, {}
    if "Status" not in result:
        LOGGER.error("the handler returned a Dataset without (0000,0900) Status")
        return DATASET_WITHOUT_STATUS, {}
    explanations = {keyword: _encodable(result, keyword) for keyword in EXPLANATIONS if keyword in result}
    return int(result.Status), explanations


def _encodable(status: Dataset, keyword: str) -> Any:
    value = status[keyword].value
    if keyword == "OffendingElement":
        return [int(tag) for tag in (value if not isinstance(value, int) else [value])]
    # LO, 64 characters: a long comment is better cut than the status lost.
    return value[:64] if isinstance(value, str) else value
