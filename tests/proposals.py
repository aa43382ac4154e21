"""A-ASSOCIATE PDUs and contexts for the tests of negotiation, in a line each."""

from __future__ import annotations

from fastdicom.presentation import build_context
from fastdicom.ul.items import PresentationContextItemAC, PresentationContextItemRQ
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.70"


def request(*proposals, items=()):
    contexts = [
        PresentationContextItemRQ(2 * i + 1, abstract, tuple(transfer))
        for i, (abstract, transfer) in enumerate(proposals)
    ]
    return A_ASSOCIATE_RQ("CALLED", "CALLING", contexts, list(items))


def answer(*contexts, items=()):
    return A_ASSOCIATE_AC(
        "CALLED", "CALLING", [PresentationContextItemAC(*each) for each in contexts], list(items)
    )


def supported(abstract_syntax, transfer_syntaxes, scu_role=None, scp_role=None):
    context = build_context(abstract_syntax, transfer_syntaxes)
    context.scu_role, context.scp_role = scu_role, scp_role
    return context
