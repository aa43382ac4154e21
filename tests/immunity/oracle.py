"""What must become of the bytes of an A-ASSOCIATE-RQ or -AC, whatever they are: the model's opinion.

Written from PS3.8 7.1, 9.2, 9.3.2 and 9.3.3 and PS3.7 D.3.3 over `tests/model.py`. Text is not judged,
lengths and numbers of items are; items of unknown types are skipped on every level (PS3.8 9.3.1).
"""

from __future__ import annotations

from functools import partial

import model
from immunity.harness import ABORT_BY_USER, ASSOCIATE_LIMIT
from model import Malformed, cut, cut_counted, cut_number, nothing_left
from raw_peer import APPLICATION_CONTEXT, ECHO_CONTEXT, IMPLICIT, STORE_CONTEXT

ACCEPTED = b"\2"
"""Stands for any A-ASSOCIATE-AC."""

NOTHING = b""
"""More is awaited, or the peer has aborted: the connection is closed in the end without a word."""

VERSION_NOT_SUPPORTED = model.reject(1, 2, 2)
APPLICATION_CONTEXT_NOT_SUPPORTED = model.reject(1, 1, 2)


def read_number(content, length):
    """A sub-item that is one number."""
    nothing_left(cut_number(content, length)[1])


def read_role_selection(content):
    _, rest = cut_counted(content)
    read_number(rest, 2)


def read_extended(content):
    cut_counted(content)


def read_common_extended(content):
    _, rest = cut_counted(content)
    _, rest = cut_counted(rest)
    related, _ = cut_counted(rest)  # PS3.7 D.3.3.6.1: later versions may append
    while related:
        _, related = cut_counted(related)


def read_user_identity(content):
    _, rest = cut(content, 2)
    _, rest = cut_counted(rest)
    _, rest = cut_counted(rest)
    nothing_left(rest)


def read_user_identity_response(content):
    nothing_left(cut_counted(content)[1])


SUB_ITEMS = {
    0x51: partial(read_number, length=4),
    0x53: partial(read_number, length=4),
    0x54: read_role_selection,
    0x56: read_extended,
    0x57: read_common_extended,
    0x58: read_user_identity,
    0x59: read_user_identity_response,
}


def exactly_one(items, item_type):
    found = [content for each, content in items if each == item_type]
    if len(found) != 1:
        raise Malformed(f"{len(found)} items of type {item_type:02X}H")
    return found[0]


def read_context(content):
    """Check a presentation context; its ID."""
    head, rest = cut(content, 4)
    items = model.read_items(rest)
    exactly_one(items, 0x30)
    if head[0] % 2 == 0:
        raise Malformed("even presentation context ID")
    if all(item_type != 0x40 for item_type, _ in items):
        raise Malformed("no transfer syntax")
    return head[0]


def read_user_information(items):
    for item_type, content in model.read_items(exactly_one(items, 0x50)):
        if item_type in SUB_ITEMS:
            SUB_ITEMS[item_type](content)


def read_request(pdu):
    """Check a whole A-ASSOCIATE-RQ; its version and the name of its application context."""
    _, version, _, _, items = model.read_associate(pdu)
    application_context = exactly_one(items, 0x10)
    read_user_information(items)
    context_ids = [read_context(content) for item_type, content in items if item_type == 0x20]
    if not context_ids or len(set(context_ids)) < len(context_ids):
        raise Malformed("no presentation context, or one ID twice")
    return version, application_context.rstrip(b" \0")


def first_answer(stream):
    """What is answered first to a stream that ends: a PDU, ACCEPTED or NOTHING."""
    if len(stream) < 6:
        return NOTHING
    pdu_type, length = stream[0], int.from_bytes(stream[2:6], "big")
    is_long = length > ASSOCIATE_LIMIT if pdu_type in (1, 2) else length != 4
    if pdu_type not in range(1, 8) or pdu_type == 4 or is_long:
        return ABORT_BY_USER  # AA-1, and all in the header
    if len(stream) - 6 < length or pdu_type == 7:
        return NOTHING
    if pdu_type != 1:
        return ABORT_BY_USER
    try:
        version, application_context = read_request(stream[: 6 + length])
    except Malformed:
        return ABORT_BY_USER
    if version % 2 == 0:
        return VERSION_NOT_SUPPORTED
    if application_context != APPLICATION_CONTEXT.encode():
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    return ACCEPTED


class Fate:
    """What may become of an association that we asked for."""

    ESTABLISHED = "established"
    REJECTED = "rejected"
    UNUSABLE = "no context was accepted, so that we abort"
    FAULTY = "a fault of the peer, for which the service provider aborts"
    OVER = "the connection was closed, or the peer aborted"


def read_decision(content):
    """Check the answer for a context; its ID, and whether it can be used as the only proposal of raw_peer."""
    head, rest = cut(content, 4)
    syntaxes = [value for item_type, value in model.read_items(rest) if item_type == 0x40]
    if head[0] % 2 == 0 or len(syntaxes) > 1:
        raise Malformed("even presentation context ID, or several transfer syntaxes")
    syntax = syntaxes[0].rstrip(b" \0") if syntaxes else b""
    if head[2] == 0 and not syntax:
        raise Malformed("accepted without a transfer syntax")
    return head[0], head[2] == 0 and syntax == IMPLICIT.encode() and head[0] in (ECHO_CONTEXT, STORE_CONTEXT)


def read_acceptance(pdu):
    """Whether any context of a whole A-ASSOCIATE-AC can be used."""
    *_, items = model.read_associate(pdu)
    exactly_one(items, 0x10)
    read_user_information(items)
    decisions = [read_decision(content) for item_type, content in items if item_type == 0x21]
    if len({context_id for context_id, _ in decisions}) < len(decisions):
        raise Malformed("one presentation context ID twice")
    return any(is_usable for _, is_usable in decisions)


def fate_of_request(stream):
    """What becomes of an association when this answers `raw_peer.contexts`, and the connection then ends."""
    if len(stream) < 6:
        return Fate.OVER
    pdu_type, length = stream[0], int.from_bytes(stream[2:6], "big")
    is_long = length > ASSOCIATE_LIMIT if pdu_type in (1, 2) else length != 4
    if pdu_type not in range(1, 8) or pdu_type == 4 or is_long:
        return Fate.FAULTY
    if len(stream) - 6 < length or pdu_type == 7:
        return Fate.OVER
    if pdu_type != 2:
        return Fate.REJECTED if pdu_type == 3 else Fate.FAULTY
    try:
        return Fate.ESTABLISHED if read_acceptance(stream[: 6 + length]) else Fate.UNUSABLE
    except Malformed:
        return Fate.FAULTY
