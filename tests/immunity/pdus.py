"""A-ASSOCIATE PDUs out of items that are right or wrong."""

from __future__ import annotations

import model
from raw_peer import CT, ECHO_CONTEXT, IMPLICIT, STORE_CONTEXT, VERIFICATION, user_information

NAME = model.application_context()
ECHO = model.context_rq(ECHO_CONTEXT, VERIFICATION, [IMPLICIT])
STORE = model.context_rq(STORE_CONTEXT, CT, [IMPLICIT])
INFORMATION = user_information()
MAXIMUM = model.maximum_length(16384)
CLASS = model.implementation_class_uid("1.2.3")

ECHO_ACCEPTED = model.context_ac(ECHO_CONTEXT, 0, IMPLICIT)
STORE_ACCEPTED = model.context_ac(STORE_CONTEXT, 0, IMPLICIT)


def rq(*items: bytes, called: bytes = b"CALLED", calling: bytes = b"CALLING", version: int = 1) -> bytes:
    pdu: bytes = model.associate(1, called, calling, items or (NAME, ECHO, STORE, INFORMATION), version)
    return pdu


def ac(*items: bytes) -> bytes:
    pdu: bytes = model.associate(2, b"CALLED", b"CALLING", items)
    return pdu


def context(context_id: int, *items: bytes, item_type: int = 0x20) -> bytes:
    item: bytes = model.item(item_type, bytes([context_id, 0, 0, 0]) + b"".join(items))
    return item


ABSTRACT = model.item(0x30, VERIFICATION.encode())
TRANSFER = model.item(0x40, IMPLICIT.encode())
