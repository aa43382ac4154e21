"""Fuzz target: one PDU, or one item of an A-ASSOCIATE PDU, of any bytes; then the negotiation over it.

Item lists are parsed in Python (`fastdicom.ul`), so this and not a target of `csrc/fuzz` is the one for them.
What is decoded is what the model reads, encodes and decodes to the same again, and is answered legally; what
is not raises `ProtocolError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import model

from fastdicom.errors import AbortReason, AssociationRejected, ProtocolError
from fastdicom.presentation import PresentationContext, build_context
from fastdicom.ul import items
from fastdicom.ul.application_information import (
    QueryExtendedNegotiation,
    RetrieveExtendedNegotiation,
    StorageExtendedNegotiation,
)
from fastdicom.ul.contexts import CHOICES, negotiate_as_acceptor, negotiate_as_requestor
from fastdicom.ul.items import Item
from fastdicom.ul.kept_pdus import decode_received
from fastdicom.ul.negotiation import build_associate_ac, build_associate_rq
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, P_DATA_TF, PDU, decode_pdu
from fastdicom.ul.window import agreed_window

ITEMS: dict[int, type[Item]] = {
    0x10: items.ApplicationContextItem,
    0x20: items.PresentationContextItemRQ,
    0x21: items.PresentationContextItemAC,
    0x30: items.AbstractSyntaxItem,
    0x40: items.TransferSyntaxItem,
    0x50: items.UserInformationItem,
    **items.SUB_ITEMS,
}

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
WINDOW = (8, 3)


def context(abstract_syntax: str, roles: tuple[bool, bool] | None = None) -> PresentationContext:
    made = build_context(abstract_syntax, [EXPLICIT, IMPLICIT])
    if roles is not None:
        made.scu_role, made.scp_role = roles
    return made


def supported() -> list[PresentationContext]:
    """What the acceptor supports: with roles, without, and with roles that leave nobody anything to do."""
    return [context(VERIFICATION), context(CT, (True, True)), context(MR, (False, False))]


# Ways to accept: how a transfer syntax is chosen, and whether any storage class is taken.
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"choose": CHOICES["requestor"]},
    {"accepts_any_storage": True, "related_general": {MR: [CT], "1.2.3": [CT]}},
)


def own_request(maximum_length: int = 16382) -> A_ASSOCIATE_RQ:
    """What the requestor proposes."""
    return build_associate_rq(
        called_ae_title="CALLED",
        calling_ae_title="CALLING",
        contexts=[context(VERIFICATION), context(CT), context(MR)],
        maximum_length=maximum_length,
        implementation_class_uid="1.2.3",
        implementation_version_name="FUZZ",
        negotiation_items=[items.SCP_SCU_RoleSelectionNegotiation(CT, True, True)],
    )


def run(data: bytes) -> None:
    """Decode, check and answer; `AssertionError` when something is wrong."""
    decoded = decode(data)
    if isinstance(decoded, ProtocolError):
        assert isinstance(decoded.reason, AbortReason)
        assert len(str(decoded)) < 1000
        return
    repr(decoded)
    with suppress(ValueError):  # what a peer may say is more than what we may
        check_again(decoded)
    if isinstance(decoded, PDU):
        assert decode_received(data) == decode_received(data) == decoded
        compare(data, decoded)


def decode(data: bytes) -> PDU | Item | ProtocolError:
    """Decode a PDU, or what begins with a type that no PDU has, as an item."""
    try:
        return decode_item(data) if data[:1] >= b"\x10" else decode_pdu(data)
    except ProtocolError as error:
        return error


def check_again(decoded: PDU | Item) -> None:
    """Encoded and decoded again it is the same."""
    # Padding in layers (a NUL, a line feed, a NUL) loses one at a time, so it may take a few rounds.
    for _ in range(64):
        before, decoded = decoded, type(decoded).decode(decoded.encode())
        if decoded == before:
            return
        assert len(decoded.encode()) < len(before.encode())
    raise AssertionError("no end of padding")


def decode_item(data: bytes) -> Item:
    item_class = ITEMS.get(data[0])
    if item_class is None:
        raise ProtocolError("no such item", AbortReason.UNRECOGNIZED_PARAMETER)
    return item_class.decode(data)


def compare(data: bytes, pdu: PDU) -> None:
    """Compare a decoded PDU with the model, and go on with it."""
    if isinstance(pdu, P_DATA_TF):
        assert [tuple(pdv) for pdv in pdu.presentation_data_values] == model.read_p_data_tf(data)
    elif isinstance(pdu, A_ASSOCIATE_RQ | A_ASSOCIATE_AC):
        pdu_type, version, called, calling, found = model.read_associate(data)
        assert (pdu_type, version) == (pdu.pdu_type, pdu.protocol_version)
        assert called.decode("latin-1").rstrip(" \0") == pdu.called_ae_title
        assert calling.decode("latin-1").rstrip(" \0") == pdu.calling_ae_title
        for item_type, content in found:
            if item_type == 0x50:
                model.read_items(content)
        kind = 0x20 if pdu_type == 1 else 0x21
        context_ids = [content[0] for item_type, content in found if item_type == kind]
        assert context_ids == [each.context_id for each in pdu.presentation_context]
        check_user_information(pdu.user_information)
        if isinstance(pdu, A_ASSOCIATE_RQ):
            for policy in POLICIES:
                accept(pdu, policy)
        else:
            negotiate_and_check(own_request(), pdu)
    else:
        assert model.read_four(data)[0] == pdu.pdu_type
        if isinstance(pdu, A_ASSOCIATE_RJ):
            str(AssociationRejected(pdu.result, pdu.source, pdu.reason_diagnostic))


def check_user_information(information: list[Item]) -> None:
    """Read what the sub-items are about, as handlers do."""
    for item in information:
        if isinstance(item, items.SOPClassExtendedNegotiation):
            proposed = item.service_class_application_information or b""
            for kind in (QueryExtendedNegotiation, RetrieveExtendedNegotiation):
                assert len(kind(True).answer(proposed)) <= len(proposed)
                assert kind.decode(kind.decode(proposed).encode()) == kind.decode(proposed)
            stored = StorageExtendedNegotiation.decode(proposed)
            assert StorageExtendedNegotiation.decode(stored.encode()) == stored
        elif isinstance(item, items.UserIdentityNegotiation):
            # A passcode must not get into a log by way of a repr.
            shown = repr(replace(item, primary_field=b""))
            assert not item.secondary_field or repr(item.secondary_field) not in shown


def accept(
    rq: A_ASSOCIATE_RQ, policy: Mapping[str, Any] = POLICIES[0]
) -> tuple[A_ASSOCIATE_AC, dict[int, str]]:
    """Answer a request; return the answer and the accepted contexts."""
    results, roles = negotiate_as_acceptor(rq, supported(), **policy)
    ac = build_associate_ac(
        rq,
        results,
        roles,
        maximum_length=16382,
        implementation_class_uid="1.2.3",
        implementation_version_name=None,
        window=WINDOW,
    )
    for agreed, ours in zip(agreed_window(rq.user_information, ac.user_information), WINDOW, strict=True):
        assert 1 <= agreed <= ours
    proposed = {each.context_id: each for each in rq.presentation_context}
    accepted = {}
    *_, found = model.read_associate(ac.encode())
    answers = [model.read_context_ac(content) for item_type, content in found if item_type == 0x21]
    assert [context_id for context_id, _, _ in answers] == list(proposed)
    for context_id, result, transfer_syntax in answers:
        assert 0 <= result <= 4
        if result == 0:
            assert transfer_syntax in proposed[context_id].transfer_syntaxes
            accepted[context_id] = transfer_syntax
    assert {each.context_id for each in results if each.result == 0} == set(accepted)
    return ac, accepted


def negotiate_and_check(rq: A_ASSOCIATE_RQ, ac: A_ASSOCIATE_AC) -> list[int]:
    """Read an answer; return the IDs of the accepted contexts."""
    results = negotiate_as_requestor(rq, ac)
    proposed = {each.context_id: each for each in rq.presentation_context}
    assert [each.context_id for each in results] == list(proposed)
    accepted = [each for each in results if each.result == 0]
    for each in accepted:
        assert each.transfer_syntax[0] in proposed[each.context_id].transfer_syntaxes
        assert each.as_scu or each.as_scp
    return [each.context_id for each in accepted if each.context_id is not None]
