"""Group Q1: identifiers that are hard on who looks at them, over the network (PS3.4 C.4.1).

The victim answers with `fastdicom.query.find`. Whatever comes gets its status, the next query its matches.
"""

from __future__ import annotations

from typing import Any

import model
import pytest
from immunity.harness import Attack, Victim, attack, echo, release, store
from immunity.hostile import END_OF_ITEM, END_OF_SEQUENCE, ITEM, SEQUENCE, UNDEFINED, element
from raw_peer import FIND, IMPLICIT, Raw

FIND_CONTEXT = 5
PENDING, SUCCESS, CANNOT_BE_DECODED = 0xFF00, 0x0000, 0xC010
OUT_OF_RESOURCES, MISTYPED_ARGUMENT, DOES_NOT_MATCH = 0xA700, 0x0212, 0xA900

LEVEL = element(0x0008, 0x0052, b"PATIENT ")
EVERYBODY = LEVEL + element(0x0010, 0x0010, b"* ") + element(0x0010, 0x0020, b"")

PROPOSED = model.context_rq(FIND_CONTEXT, FIND, [IMPLICIT])


def name(value: bytes) -> bytes:
    return LEVEL + element(0x0010, 0x0010, value + b" " * (len(value) % 2)) + element(0x0010, 0x0020, b"")


def nested(depth: int) -> bytes:
    begun = (SEQUENCE + UNDEFINED + ITEM + UNDEFINED) * depth
    return LEVEL + begun + (END_OF_ITEM + bytes(4) + END_OF_SEQUENCE + bytes(4)) * depth


FAILS = {
    "no level": element(0x0010, 0x0020, b""),
    "a level that there is not": element(0x0008, 0x0052, b"PLANET"),
    "two levels": element(0x0008, 0x0052, b"PATIENT\\STUDY "),
    "no key of its level": element(0x0008, 0x0052, b"STUDY ") + element(0x0010, 0x0020, b""),
    "900 kB of wildcards": name(b"*?" * 450_000),
    "a name of 64 kB": name(b"A^" * 32_768),
    "a name of 64 kB of groups": name(b"=" * 65_536),
    "a name of 64 kB of escapes": element(0x0008, 0x0005, b"ISO 2022 IR 87 ") + name(b"\x1b$B" * 21_845),
    "a million values": LEVEL + element(0x0010, 0x0020, b"\\" * 900_000),
    "sequences 1,000 deep": nested(1000),
    "sequences 10,000 deep": nested(10_000),
    "a sequence that never ends": LEVEL + SEQUENCE + UNDEFINED + b"no items",
    "no data set at all": b"\xff" * 1000,
}


def find_rq(message_id: int, identifier: bytes | None) -> bytes:
    kind = 0x0101 if identifier is None else 1
    elements = {0x0002: FIND, 0x0100: 0x0020, 0x0110: message_id, 0x0700: 2, 0x0800: kind}
    pdus = model.message(FIND_CONTEXT, model.command_set(elements), identifier, 16382)
    return b"".join(pdus)


def answers(peer: Raw, message_id: int, identifier: bytes | None) -> list[int]:
    """Return the statuses that a query is answered with."""
    peer.send(find_rq(message_id, identifier))
    statuses: list[Any] = []
    while not statuses or statuses[-1] in (PENDING, 0xFF01):
        context_id, response, _ = peer.receive_message()
        assert (context_id, response[0x0100], response[0x0120]) == (FIND_CONTEXT, 0x8020, message_id)
        statuses.append(response[0x0900])
    return statuses


def query(attacker: Attack, case: str, identifier: bytes | None) -> list[int]:
    """Query, twice, and do as others do after that; return the statuses."""
    peer = attacker.associate(extra=PROPOSED)
    statuses = answers(peer, 1, identifier)
    assert answers(peer, 2, identifier) == statuses, case
    assert answers(peer, 3, EVERYBODY) == [PENDING] * 3 + [SUCCESS], case
    echo(peer, 4)
    store(peer, 5)
    release(peer)
    peer.close()
    return statuses


@pytest.mark.parametrize("case", FAILS)
def test_q1_identifiers_that_are_none(victim: Victim, case: str) -> None:
    with attack(victim, growth=24 << 10) as attacker:
        (status,) = query(attacker, case, FAILS[case])
        assert status == DOES_NOT_MATCH or 0xC000 <= status <= 0xCFFF, f"{status:04X}"


def test_q1_a_value_of_4_gib(victim: Victim) -> None:
    """Of which two bytes come."""
    with attack(victim) as attacker:
        identifier = LEVEL + element(0x0010, 0x0020, b"P1", b"\xfe\xff\xff\xff")
        assert query(attacker, "4 GiB", identifier) == [CANNOT_BE_DECODED]


def test_q1_no_identifier(victim: Victim) -> None:
    with attack(victim) as attacker:
        assert query(attacker, "none", None) == [MISTYPED_ARGUMENT]


def test_q1_ten_megabytes_of_wildcards(victim: Victim) -> None:
    """More than `memory_limit`: not looked at."""
    with attack(victim) as attacker:
        assert query(attacker, "10 MB", name(b"*?" * 5_000_000)) == [OUT_OF_RESOURCES]


@pytest.mark.parametrize("value", [b"*?" * 30 + b"x", b"*a" * 30, b"?" * 64])
def test_q1_wildcards_that_are_allowed(victim: Victim, value: bytes) -> None:
    """They match nothing, in no time."""
    with attack(victim) as attacker:
        assert query(attacker, "wildcards", name(value)) == [SUCCESS]
