"""The DIMSE messages: which elements each has, and its command set as Python sees it (PS3.7 9.3).

A message is a row of `MESSAGES`. Its command set is decoded by the core; `C_ECHO` and `C_STORE` show one
under the keywords of PS3.7, as event handlers know them.
"""

from __future__ import annotations

from io import BytesIO
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from pydicom.config import IGNORE
from pydicom.uid import UID

from fastdicom._core.command import CommandSet
from fastdicom._core.pdata import Message

# Command Field values, PS3.7 Table E.1-1.
C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
C_ECHO_RQ = 0x0030
C_ECHO_RSP = 0x8030
C_CANCEL_RQ = 0x0FFF

IS_RESPONSE = 0x8000

HAS_DATA_SET = 0x0001
NO_DATA_SET = 0x0101

# PS3.7 Table E.1-1: keyword to element number.
KEYWORDS = MappingProxyType(
    {
        "CommandGroupLength": 0x0000,
        "AffectedSOPClassUID": 0x0002,
        "RequestedSOPClassUID": 0x0003,
        "CommandField": 0x0100,
        "MessageID": 0x0110,
        "MessageIDBeingRespondedTo": 0x0120,
        "MoveDestination": 0x0600,
        "Priority": 0x0700,
        "CommandDataSetType": 0x0800,
        "Status": 0x0900,
        "OffendingElement": 0x0901,
        "ErrorComment": 0x0902,
        "ErrorID": 0x0903,
        "AffectedSOPInstanceUID": 0x1000,
        "RequestedSOPInstanceUID": 0x1001,
        "EventTypeID": 0x1002,
        "AttributeIdentifierList": 0x1005,
        "ActionTypeID": 0x1008,
        "NumberOfRemainingSuboperations": 0x1020,
        "NumberOfCompletedSuboperations": 0x1021,
        "NumberOfFailedSuboperations": 0x1022,
        "NumberOfWarningSuboperations": 0x1023,
        "MoveOriginatorApplicationEntityTitle": 0x1030,
        "MoveOriginatorMessageID": 0x1031,
    }
)


class MessageType(NamedTuple):
    """A row of PS3.7 9.3: what a message has besides its Command Field and Data Set Type.

    `mandatory` is what it cannot be understood without.
    """

    name: str
    mandatory: tuple[int, ...]
    optional: tuple[int, ...]
    has_data_set: bool


MESSAGES = MappingProxyType(
    {
        # PS3.7 Tables 9.3-1 and 9.3-2
        C_STORE_RQ: MessageType("C-STORE-RQ", (0x0002, 0x0110, 0x1000), (0x0700, 0x1030, 0x1031), True),
        C_STORE_RSP: MessageType("C-STORE-RSP", (0x0120, 0x0900), (0x0002, 0x0901, 0x0902, 0x1000), False),
        # PS3.7 Tables 9.3-12 and 9.3-13
        C_ECHO_RQ: MessageType("C-ECHO-RQ", (0x0002, 0x0110), (), False),
        C_ECHO_RSP: MessageType("C-ECHO-RSP", (0x0120, 0x0900), (0x0002, 0x0902), False),
        # PS3.7 9.3.2.3
        C_CANCEL_RQ: MessageType("C-CANCEL-RQ", (0x0120,), (), False),
    }
)


def message_name(command_field: int) -> str:
    """Return the name of a message; its Command Field in hexadecimal when it has none here."""
    row = MESSAGES.get(command_field)
    return row.name if row is not None else f"message {command_field:04X}H"


class DimseMessage:
    """A message as notification handlers see it.

    Attributes
    ----------
    name
        Of the message, "C-STORE-RQ" for instance.
    context_id
        Its presentation context.
    command
        The command set.
    """

    def __init__(self, command: CommandSet, context_id: int) -> None:
        self.command = command
        self.context_id = context_id
        self.name = message_name(command.command_field)

    def __repr__(self) -> str:
        values = ", ".join(
            f"{keyword}={self.command[element]!r}"
            for keyword, element in KEYWORDS.items()
            if element in self.command and element != 0
        )
        return f"{self.name} on context {self.context_id}: {values}"


class Request:
    """A request primitive: the command set under the keywords of PS3.7.

    An element that is absent is None.
    """

    _keywords: ClassVar[tuple[str, ...]] = ()

    def __init__(self, message: Message) -> None:
        self._message = message

    def __getattr__(self, keyword: str) -> Any:
        if keyword not in self._keywords:
            raise AttributeError(f"{type(self).__name__} has no {keyword}")
        value = self._message.command.get(KEYWORDS[keyword])
        # Unchecked: pydicom would remember, and print, a warning for each strange one that a peer sends.
        return UID(value, IGNORE) if keyword.endswith("UID") and value is not None else value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._keywords]

    def __repr__(self) -> str:
        values = ", ".join(f"{keyword}={getattr(self, keyword)!r}" for keyword in self._keywords)
        return f"{type(self).__name__}({values})"


class C_ECHO(Request):
    """The C-ECHO request primitive, PS3.7 9.1.5."""

    _keywords = ("MessageID", "AffectedSOPClassUID")


class C_STORE(Request):
    """The C-STORE request primitive, PS3.7 9.1.1."""

    _keywords = (
        "MessageID",
        "AffectedSOPClassUID",
        "AffectedSOPInstanceUID",
        "Priority",
        "MoveOriginatorApplicationEntityTitle",
        "MoveOriginatorMessageID",
    )

    @property
    def DataSet(self) -> BytesIO | None:  # noqa: N802, the keyword of PS3.7
        """A copy of the encoded data set; None when it is in a file."""
        data_set = self._message.data_set
        return None if data_set is None else BytesIO(data_set)
