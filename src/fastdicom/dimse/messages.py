"""The DIMSE messages: which elements each has, and its command set as Python sees it (PS3.7 9.3, 10.3).

A message is a row of `MESSAGES`. Its command set is decoded by the core.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from fastdicom._core.command import CommandSet

# Command Field values, PS3.7 Table E.1-1.
C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
C_GET_RQ = 0x0010
C_GET_RSP = 0x8010
C_FIND_RQ = 0x0020
C_FIND_RSP = 0x8020
C_MOVE_RQ = 0x0021
C_MOVE_RSP = 0x8021
C_ECHO_RQ = 0x0030
C_ECHO_RSP = 0x8030
C_CANCEL_RQ = 0x0FFF
N_EVENT_REPORT_RQ = 0x0100
N_EVENT_REPORT_RSP = 0x8100
N_GET_RQ = 0x0110
N_GET_RSP = 0x8110
N_SET_RQ = 0x0120
N_SET_RSP = 0x8120
N_ACTION_RQ = 0x0130
N_ACTION_RSP = 0x8130
N_CREATE_RQ = 0x0140
N_CREATE_RSP = 0x8140
N_DELETE_RQ = 0x0150
N_DELETE_RSP = 0x8150

IS_RESPONSE = 0x8000

# PS3.4 Table C.4-1: statuses of responses that more will follow
PENDING = (0xFF00, 0xFF01)

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


class DataSetUse(Enum):
    """Whether a message has a data set, by (0000,0800) Command Data Set Type."""

    NEVER = "always 0101H"
    OPTIONAL = "either"
    MANDATORY = "never 0101H"


class MessageType(NamedTuple):
    """A row of PS3.7 9.3 or 10.3: what a message has besides its Command Field and Data Set Type.

    `mandatory` is what it cannot be understood without. What the standard demands beside that, a response's
    echo of its request for instance, is among the `optional`, as peers leave it out.
    """

    name: str
    mandatory: tuple[int, ...]
    optional: tuple[int, ...]
    data_set: DataSetUse


_NEVER, _OPTIONAL, _MANDATORY = DataSetUse.NEVER, DataSetUse.OPTIONAL, DataSetUse.MANDATORY

_RESPONSE = (0x0120, 0x0900)
# C-GET and C-MOVE responses; PS3.7 9.3.3.2, 9.3.4.2
_RETRIEVED = (0x0002, 0x0901, 0x0902, 0x1020, 0x1021, 0x1022, 0x1023)
# What every N-service response may say: what it is about (PS3.7 10.3), and what went wrong (Annex C)
_ABOUT = (0x0002, 0x0902, 0x0903, 0x1000)

MESSAGES = MappingProxyType(
    {
        # PS3.7 Tables 9.3-1 and 9.3-2
        C_STORE_RQ: MessageType("C-STORE-RQ", (0x0002, 0x0110, 0x1000), (0x0700, 0x1030, 0x1031), _MANDATORY),
        C_STORE_RSP: MessageType("C-STORE-RSP", _RESPONSE, (0x0002, 0x0901, 0x0902, 0x1000), _NEVER),
        # PS3.7 Tables 9.3-3 and 9.3-4
        C_FIND_RQ: MessageType("C-FIND-RQ", (0x0002, 0x0110), (0x0700,), _MANDATORY),
        C_FIND_RSP: MessageType("C-FIND-RSP", _RESPONSE, (0x0002, 0x0901, 0x0902), _OPTIONAL),
        # PS3.7 Tables 9.3-6 and 9.3-7
        C_GET_RQ: MessageType("C-GET-RQ", (0x0002, 0x0110), (0x0700,), _MANDATORY),
        C_GET_RSP: MessageType("C-GET-RSP", _RESPONSE, _RETRIEVED, _OPTIONAL),
        # PS3.7 Tables 9.3-9 and 9.3-10
        C_MOVE_RQ: MessageType("C-MOVE-RQ", (0x0002, 0x0110, 0x0600), (0x0700,), _MANDATORY),
        C_MOVE_RSP: MessageType("C-MOVE-RSP", _RESPONSE, _RETRIEVED, _OPTIONAL),
        # PS3.7 Tables 9.3-12 and 9.3-13
        C_ECHO_RQ: MessageType("C-ECHO-RQ", (0x0002, 0x0110), (), _NEVER),
        C_ECHO_RSP: MessageType("C-ECHO-RSP", _RESPONSE, (0x0002, 0x0902), _NEVER),
        # PS3.7 Tables 9.3-5, 9.3-8 and 9.3-11: one message for the three
        C_CANCEL_RQ: MessageType("C-CANCEL-RQ", (0x0120,), (), _NEVER),
        # PS3.7 Tables 10.3-1 and 10.3-2
        N_EVENT_REPORT_RQ: MessageType("N-EVENT-REPORT-RQ", (0x0002, 0x0110, 0x1000, 0x1002), (), _OPTIONAL),
        N_EVENT_REPORT_RSP: MessageType("N-EVENT-REPORT-RSP", _RESPONSE, (*_ABOUT, 0x1002), _OPTIONAL),
        # PS3.7 Tables 10.3-3 and 10.3-4
        N_GET_RQ: MessageType("N-GET-RQ", (0x0003, 0x0110, 0x1001), (0x1005,), _NEVER),
        N_GET_RSP: MessageType("N-GET-RSP", _RESPONSE, (*_ABOUT, 0x1005), _OPTIONAL),
        # PS3.7 Tables 10.3-5 and 10.3-6
        N_SET_RQ: MessageType("N-SET-RQ", (0x0003, 0x0110, 0x1001), (), _MANDATORY),
        N_SET_RSP: MessageType("N-SET-RSP", _RESPONSE, (*_ABOUT, 0x1005), _OPTIONAL),
        # PS3.7 Tables 10.3-7 and 10.3-8
        N_ACTION_RQ: MessageType("N-ACTION-RQ", (0x0003, 0x0110, 0x1001, 0x1008), (), _OPTIONAL),
        N_ACTION_RSP: MessageType("N-ACTION-RSP", _RESPONSE, (*_ABOUT, 0x1008), _OPTIONAL),
        # PS3.7 Tables 10.3-9 and 10.3-10
        N_CREATE_RQ: MessageType("N-CREATE-RQ", (0x0002, 0x0110), (0x1000,), _OPTIONAL),
        N_CREATE_RSP: MessageType("N-CREATE-RSP", _RESPONSE, (*_ABOUT, 0x1005), _OPTIONAL),
        # PS3.7 Tables 10.3-11 and 10.3-12
        N_DELETE_RQ: MessageType("N-DELETE-RQ", (0x0003, 0x0110, 0x1001), (), _NEVER),
        N_DELETE_RSP: MessageType("N-DELETE-RSP", _RESPONSE, _ABOUT, _NEVER),
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
