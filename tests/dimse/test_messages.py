"""Every DIMSE message against bytes that were written down from the tables of PS3.7, and its primitive."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from peers import require_pynetdicom
from pydicom.tag import Tag

from fastdicom._core.command import CommandSet, encode_command
from fastdicom._core.pdata import Message
from fastdicom.dimse import messages, requests
from fastdicom.dimse.messages import MESSAGES, DataSetUse, message_name

# Tag, length, value in hexadecimal or between quotes; then what that is.
VECTORS = {
    "C-STORE-RQ": """
    PS3.7 Table 9.3-1
    0000 0000 04000000  62000000              (0000,0000) Command Group Length: 98
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  0100                  (0000,0100) Command Field: 0x0001
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0007 02000000  0200                  (0000,0700) Priority: 2
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 3010 06000000  'MOVER' 20            (0000,1030) Move Originator AE Title: "MOVER"
    0000 3110 02000000  0600                  (0000,1031) Move Originator Message ID: 6
    """,
    "C-STORE-RSP": """
    PS3.7 Table 9.3-2
    0000 0000 04000000  6c000000              (0000,0000) Command Group Length: 108
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  0180                  (0000,0100) Command Field: 0x8001
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    0000 0009 02000000  00a9                  (0000,0900) Status: 0xA900
    0000 0109 04000000  0800 1600             (0000,0901) Offending Element: [0x00080016]
    0000 0209 0e000000  'no such class' 20    (0000,0902) Error Comment: "no such class"
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    """,
    "C-FIND-RQ": """
    PS3.7 Table 9.3-3
    0000 0000 04000000  3a000000              (0000,0000) Command Group Length: 58
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  2000                  (0000,0100) Command Field: 0x0020
    0000 1001 02000000  0201                  (0000,0110) Message ID: 258
    0000 0007 02000000  0000                  (0000,0700) Priority: 0
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    """,
    "C-FIND-RSP": """
    PS3.7 Table 9.3-4
    0000 0000 04000000  56000000              (0000,0000) Command Group Length: 86
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  2080                  (0000,0100) Command Field: 0x8020
    0000 2001 02000000  0201                  (0000,0120) Message ID Being Responded To: 258
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  00ff                  (0000,0900) Status: 0xFF00
    0000 0109 08000000  1000 1000 1000 2000   (0000,0901) Offending Element: [0x00100010, 0x00100020]
    0000 0209 04000000  'odd' 20              (0000,0902) Error Comment: "odd"
    """,
    "C-GET-RQ": """
    PS3.7 Table 9.3-6
    0000 0000 04000000  3a000000              (0000,0000) Command Group Length: 58
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  1000                  (0000,0100) Command Field: 0x0010
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0007 02000000  0100                  (0000,0700) Priority: 1
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    """,
    "C-GET-RSP": """
    PS3.7 Table 9.3-7
    0000 0000 04000000  7a000000              (0000,0000) Command Group Length: 122
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  1080                  (0000,0100) Command Field: 0x8010
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  00b0                  (0000,0900) Status: 0xB000
    0000 0109 04000000  0800 1800             (0000,0901) Offending Element: [0x00080018]
    0000 0209 04000000  'some'                (0000,0902) Error Comment: "some"
    0000 2010 02000000  3412                  (0000,1020) Number of Remaining Sub-operations: 4660
    0000 2110 02000000  0200                  (0000,1021) Number of Completed Sub-operations: 2
    0000 2210 02000000  0300                  (0000,1022) Number of Failed Sub-operations: 3
    0000 2310 02000000  0400                  (0000,1023) Number of Warning Sub-operations: 4
    """,
    "C-MOVE-RQ": """
    PS3.7 Table 9.3-9
    0000 0000 04000000  4a000000              (0000,0000) Command Group Length: 74
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  2100                  (0000,0100) Command Field: 0x0021
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0006 08000000  'ARCHIVE' 20          (0000,0600) Move Destination: "ARCHIVE"
    0000 0007 02000000  0200                  (0000,0700) Priority: 2
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    """,
    "C-MOVE-RSP": """
    PS3.7 Table 9.3-10
    0000 0000 04000000  7a000000              (0000,0000) Command Group Length: 122
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  2180                  (0000,0100) Command Field: 0x8021
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    0000 0009 02000000  01a8                  (0000,0900) Status: 0xA801
    0000 0109 04000000  0000 0006             (0000,0901) Offending Element: [0x00000600]
    0000 0209 04000000  'who?'                (0000,0902) Error Comment: "who?"
    0000 2010 02000000  0500                  (0000,1020) Number of Remaining Sub-operations: 5
    0000 2110 02000000  0600                  (0000,1021) Number of Completed Sub-operations: 6
    0000 2210 02000000  0700                  (0000,1022) Number of Failed Sub-operations: 7
    0000 2310 02000000  0800                  (0000,1023) Number of Warning Sub-operations: 8
    """,
    "C-ECHO-RQ": """
    PS3.7 Table 9.3-12
    0000 0000 04000000  30000000              (0000,0000) Command Group Length: 48
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  3000                  (0000,0100) Command Field: 0x0030
    0000 1001 02000000  ffff                  (0000,0110) Message ID: 65535
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    """,
    "C-ECHO-RSP": """
    PS3.7 Table 9.3-13
    0000 0000 04000000  44000000              (0000,0000) Command Group Length: 68
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  3080                  (0000,0100) Command Field: 0x8030
    0000 2001 02000000  ffff                  (0000,0120) Message ID Being Responded To: 65535
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    0000 0009 02000000  2201                  (0000,0900) Status: 0x0122
    0000 0209 02000000  'no'                  (0000,0902) Error Comment: "no"
    """,
    "C-CANCEL-RQ": """
    PS3.7 Table 9.3-5
    0000 0000 04000000  1e000000              (0000,0000) Command Group Length: 30
    0000 0001 02000000  ff0f                  (0000,0100) Command Field: 0x0FFF
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    """,
    "N-EVENT-REPORT-RQ": """
    PS3.7 Table 10.3-1
    0000 0000 04000000  4a000000              (0000,0000) Command Group Length: 74
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  0001                  (0000,0100) Command Field: 0x0100
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 0210 02000000  0200                  (0000,1002) Event Type ID: 2
    """,
    "N-EVENT-REPORT-RSP": """
    PS3.7 Table 10.3-2
    0000 0000 04000000  6c000000              (0000,0000) Command Group Length: 108
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  0081                  (0000,0100) Command Field: 0x8100
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  1301                  (0000,0900) Status: 0x0113
    0000 0209 06000000  'what?' 20            (0000,0902) Error Comment: "what?"
    0000 0309 02000000  0900                  (0000,0903) Error ID: 9
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 0210 02000000  0200                  (0000,1002) Event Type ID: 2
    """,
    "N-GET-RQ": """
    PS3.7 Table 10.3-3
    0000 0000 04000000  50000000              (0000,0000) Command Group Length: 80
    0000 0300 0a000000  '1.2.840.1' 00        (0000,0003) Requested SOP Class UID: "1.2.840.1"
    0000 0001 02000000  1001                  (0000,0100) Command Field: 0x0110
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    0000 0110 08000000  '1.2.3.45'            (0000,1001) Requested SOP Instance UID: "1.2.3.45"
    0000 0510 08000000  1000 1000 0020 1000   (0000,1005) Attribute Identifier List: [0x00100010, 0x20000010]
    """,
    "N-GET-RSP": """
    PS3.7 Table 10.3-4
    0000 0000 04000000  6e000000              (0000,0000) Command Group Length: 110
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  1081                  (0000,0100) Command Field: 0x8110
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  0701                  (0000,0900) Status: 0x0107
    0000 0209 06000000  'partly'              (0000,0902) Error Comment: "partly"
    0000 0309 02000000  0900                  (0000,0903) Error ID: 9
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 0510 04000000  0020 1000             (0000,1005) Attribute Identifier List: [0x20000010]
    """,
    "N-SET-RQ": """
    PS3.7 Table 10.3-5
    0000 0000 04000000  40000000              (0000,0000) Command Group Length: 64
    0000 0300 0a000000  '1.2.840.1' 00        (0000,0003) Requested SOP Class UID: "1.2.840.1"
    0000 0001 02000000  2001                  (0000,0100) Command Field: 0x0120
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0110 08000000  '1.2.3.45'            (0000,1001) Requested SOP Instance UID: "1.2.3.45"
    """,
    "N-SET-RSP": """
    PS3.7 Table 10.3-6
    0000 0000 04000000  74000000              (0000,0000) Command Group Length: 116
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  2081                  (0000,0100) Command Field: 0x8120
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  1601                  (0000,0900) Status: 0x0116
    0000 0209 08000000  'too much'            (0000,0902) Error Comment: "too much"
    0000 0309 02000000  0900                  (0000,0903) Error ID: 9
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 0510 08000000  0020 1000 e07f 1000   (0000,1005) Attribute Identifier List: [0x20000010, 0x7FE00010]
    """,
    "N-ACTION-RQ": """
    PS3.7 Table 10.3-7
    0000 0000 04000000  4a000000              (0000,0000) Command Group Length: 74
    0000 0300 0a000000  '1.2.840.1' 00        (0000,0003) Requested SOP Class UID: "1.2.840.1"
    0000 0001 02000000  3001                  (0000,0100) Command Field: 0x0130
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0110 08000000  '1.2.3.45'            (0000,1001) Requested SOP Instance UID: "1.2.3.45"
    0000 0810 02000000  0100                  (0000,1008) Action Type ID: 1
    """,
    "N-ACTION-RSP": """
    PS3.7 Table 10.3-8
    0000 0000 04000000  6c000000              (0000,0000) Command Group Length: 108
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  3081                  (0000,0100) Command Field: 0x8130
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  2301                  (0000,0900) Status: 0x0123
    0000 0209 06000000  'cannot'              (0000,0902) Error Comment: "cannot"
    0000 0309 02000000  0900                  (0000,0903) Error ID: 9
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 0810 02000000  0100                  (0000,1008) Action Type ID: 1
    """,
    "N-CREATE-RQ": """
    PS3.7 Table 10.3-9
    0000 0000 04000000  40000000              (0000,0000) Command Group Length: 64
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  4001                  (0000,0100) Command Field: 0x0140
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    """,
    "N-CREATE-RSP": """
    PS3.7 Table 10.3-10
    0000 0000 04000000  70000000              (0000,0000) Command Group Length: 112
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  4081                  (0000,0100) Command Field: 0x8140
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0100                  (0000,0800) Command Data Set Type: 0x0001
    0000 0009 02000000  2001                  (0000,0900) Status: 0x0120
    0000 0209 08000000  'missing' 20          (0000,0902) Error Comment: "missing"
    0000 0309 02000000  0900                  (0000,0903) Error ID: 9
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    0000 0510 04000000  4000 4102             (0000,1005) Attribute Identifier List: [0x00400241]
    """,
    "N-DELETE-RQ": """
    PS3.7 Table 10.3-11
    0000 0000 04000000  40000000              (0000,0000) Command Group Length: 64
    0000 0300 0a000000  '1.2.840.1' 00        (0000,0003) Requested SOP Class UID: "1.2.840.1"
    0000 0001 02000000  5001                  (0000,0100) Command Field: 0x0150
    0000 1001 02000000  0700                  (0000,0110) Message ID: 7
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    0000 0110 08000000  '1.2.3.45'            (0000,1001) Requested SOP Instance UID: "1.2.3.45"
    """,
    "N-DELETE-RSP": """
    PS3.7 Table 10.3-12
    0000 0000 04000000  60000000              (0000,0000) Command Group Length: 96
    0000 0200 0a000000  '1.2.840.1' 00        (0000,0002) Affected SOP Class UID: "1.2.840.1"
    0000 0001 02000000  5081                  (0000,0100) Command Field: 0x8150
    0000 2001 02000000  0700                  (0000,0120) Message ID Being Responded To: 7
    0000 0008 02000000  0101                  (0000,0800) Command Data Set Type: 0x0101
    0000 0009 02000000  1201                  (0000,0900) Status: 0x0112
    0000 0209 04000000  'gone'                (0000,0902) Error Comment: "gone"
    0000 0309 02000000  0900                  (0000,0903) Error ID: 9
    0000 0010 08000000  '1.2.3.45'            (0000,1000) Affected SOP Instance UID: "1.2.3.45"
    """,
}


# Without these a request cannot be understood; a response, without (0000,0120) and (0000,0900).
MANDATORY = {
    "C-STORE-RQ": "0002 0110 1000",
    "C-FIND-RQ": "0002 0110",
    "C-GET-RQ": "0002 0110",
    "C-MOVE-RQ": "0002 0110 0600",
    "C-ECHO-RQ": "0002 0110",
    "C-CANCEL-RQ": "0120",
    "N-EVENT-REPORT-RQ": "0002 0110 1000 1002",
    "N-GET-RQ": "0003 0110 1001",
    "N-SET-RQ": "0003 0110 1001",
    "N-ACTION-RQ": "0003 0110 1001 1008",
    "N-CREATE-RQ": "0002 0110",
    "N-DELETE-RQ": "0003 0110 1001",
}

LINE = re.compile(r"(0000 .{4} .{8} ) (.*?)  +\(0000,(.{4})\) (.*): (.*)")


def rows(name: str) -> list[tuple[str, ...]]:
    """Return the lines of a vector: tag and length, value, element number, its name, what the value means."""
    matches = [LINE.fullmatch(line.strip()) for line in VECTORS[name].strip().splitlines()[1:]]
    return [match.groups() for match in matches if match is not None]


def octets(name: str) -> bytes:
    """Return the bytes that a vector spells out."""
    words = [word for row in rows(name) for word in re.findall("'[^']*'|[0-9a-f]+", row[0] + row[1])]
    return b"".join(
        word.strip("'").encode() if word.startswith("'") else bytes.fromhex(word) for word in words
    )


def elements_of(name: str) -> dict[int, Any]:
    """Return what a vector says, by element number, without the group length."""
    return {int(row[2], 16): ast.literal_eval(row[4]) for row in rows(name)[1:]}


def row_of(name: str) -> messages.MessageType:
    return next(row for row in MESSAGES.values() if row.name == name)


def received(name: str, data_set: bytes | None = b"encoded ") -> Message:
    """Return a message as services get it."""
    command = CommandSet(octets(name))
    return cast("Message", SimpleNamespace(command=command, data_set=data_set))


def test_the_vectors_are_all_messages() -> None:
    assert sorted(VECTORS) == sorted(row.name for row in MESSAGES.values())
    assert len(MESSAGES) == 23


@pytest.mark.parametrize("name", VECTORS)
def test_encode(name: str) -> None:
    assert encode_command(elements_of(name)) == octets(name)


@pytest.mark.parametrize("name", VECTORS)
def test_decode(name: str) -> None:
    command = CommandSet(octets(name))
    assert {element: command[element] for element in command if element != 0} == elements_of(name)
    assert command[0x0000] == len(octets(name)) - 12
    assert message_name(command.command_field) == name


@pytest.mark.parametrize("name", VECTORS)
def test_the_row_has_the_elements_of_the_vector(name: str) -> None:
    row = row_of(name)
    elements = elements_of(name)
    assert sorted([*row.mandatory, *row.optional, 0x0100, 0x0800]) == sorted(elements)
    assert CommandSet(octets(name)).has_all(row.mandatory)
    assert list(row.mandatory) == [int(each, 16) for each in MANDATORY.get(name, "0120 0900").split()]
    has_data_set = elements[0x0800] != 0x0101
    assert row.data_set is not (DataSetUse.NEVER if has_data_set else DataSetUse.MANDATORY)


@pytest.mark.parametrize("name", VECTORS)
def test_each_mandatory_element_is_missed(name: str) -> None:
    for missing in row_of(name).mandatory:
        elements = {element: value for element, value in elements_of(name).items() if element != missing}
        assert not CommandSet(encode_command(elements)).has_all(row_of(name).mandatory)


@pytest.mark.parametrize("name", VECTORS)
def test_the_names_of_the_elements(name: str) -> None:
    keywords = {element: keyword for keyword, element in messages.KEYWORDS.items()}
    for _, _, element, words, _ in rows(name):
        keyword = (
            words.replace(" ", "")
            .replace("-o", "o")
            .replace("Numberof", "NumberOf")
            .replace("AETitle", "ApplicationEntityTitle")
        )
        assert keywords[int(element, 16)] == keyword


PRIMITIVES = {
    "C-STORE-RQ": requests.C_STORE,
    "C-FIND-RQ": requests.C_FIND,
    "C-GET-RQ": requests.C_GET,
    "C-MOVE-RQ": requests.C_MOVE,
    "C-ECHO-RQ": requests.C_ECHO,
    "C-CANCEL-RQ": requests.C_CANCEL,
    "N-EVENT-REPORT-RQ": requests.N_EVENT_REPORT,
    "N-GET-RQ": requests.N_GET,
    "N-SET-RQ": requests.N_SET,
    "N-ACTION-RQ": requests.N_ACTION,
    "N-CREATE-RQ": requests.N_CREATE,
    "N-DELETE-RQ": requests.N_DELETE,
}

DATA_SETS = {
    "C-STORE-RQ": "DataSet",
    "C-FIND-RQ": "Identifier",
    "C-GET-RQ": "Identifier",
    "C-MOVE-RQ": "Identifier",
    "N-EVENT-REPORT-RQ": "EventInformation",
    "N-SET-RQ": "ModificationList",
    "N-ACTION-RQ": "ActionInformation",
    "N-CREATE-RQ": "AttributeList",
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_the_primitive_has_the_elements_by_keyword(name: str) -> None:
    primitive = PRIMITIVES[name](received(name))
    for keyword, element in messages.KEYWORDS.items():
        if element in elements_of(name) and element not in (0x0100, 0x0800):
            assert getattr(primitive, keyword) == elements_of(name)[element]
            assert keyword in dir(primitive)
            assert keyword in repr(primitive)
    assert primitive.msg_type == name.removesuffix("-RQ")
    with pytest.raises(AttributeError, match=f"{type(primitive).__name__} has no NoSuchElement"):
        _ = primitive.NoSuchElement


@pytest.mark.parametrize(("name", "keyword"), DATA_SETS.items())
def test_the_primitive_has_the_data_set_by_name(name: str, keyword: str) -> None:
    primitive = PRIMITIVES[name](received(name))
    assert getattr(primitive, keyword).getvalue() == b"encoded "
    assert getattr(PRIMITIVES[name](received(name, None)), keyword) is None
    assert keyword in dir(primitive)


def test_tags_are_tags() -> None:
    tags = requests.N_GET(received("N-GET-RQ", None)).AttributeIdentifierList
    assert [tag.json_key for tag in tags] == ["00100010", "20000010"]
    assert tags == [Tag("PatientName"), Tag("NumberOfCopies")]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_an_optional_element_that_is_absent_is_none(name: str) -> None:
    row = row_of(name)
    elements = {e: value for e, value in elements_of(name).items() if e not in row.optional}
    message = SimpleNamespace(command=CommandSet(encode_command(elements)), data_set=None)
    primitive = PRIMITIVES[name](cast("Message", message))
    for keyword, element in messages.KEYWORDS.items():
        if element in row.optional:
            assert getattr(primitive, keyword) is None


@pytest.mark.parametrize("name", sorted(PRIMITIVES.keys() - {"C-CANCEL-RQ"}))
def test_the_primitive_has_what_that_of_pynetdicom_has(name: str) -> None:
    """A handler written for pynetdicom finds every parameter of PS3.7 that it may have used there."""
    require_pynetdicom()
    from pynetdicom import dimse_primitives

    theirs = getattr(dimse_primitives, name.removesuffix("-RQ").replace("-", "_"))
    parameters = [
        *theirs.REQUEST_KEYWORDS,
        *theirs.RESPONSE_KEYWORDS,
        *theirs.STATUS_OPTIONAL_KEYWORDS,
        *(keyword for keyword in vars(theirs) if keyword[0].isupper() and not keyword.isupper()),
    ]
    primitive = PRIMITIVES[name](received(name))
    missing = [each for each in parameters if hasattr(theirs(), each) and not hasattr(primitive, each)]
    assert missing == []
    assert primitive.msg_type == theirs().msg_type
