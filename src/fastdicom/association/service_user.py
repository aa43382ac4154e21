"""What is known of one side of an association."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import Item, PresentationContextItemRQ
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ


@dataclass
class ServiceUser:
    """The requestor or the acceptor of an association.

    Attributes
    ----------
    mode
        "requestor" or "acceptor".
    ae_title
        Its AE title, without padding.
    address, port
        Its end of the connection; None while there is none.
    maximum_length
        The longest P-DATA-TF that it takes, in bytes without the header; 0 for no limit (PS3.8 D.1).
    implementation_class_uid, implementation_version_name
        Of its software; None while unknown.
    supported_contexts
        What it supports, if it is the acceptor.
    proposals
        The presentation contexts in its A-ASSOCIATE-RQ.
    user_information
        All sub-items of its A-ASSOCIATE PDU, those that are not acted on included.
    """

    mode: str
    ae_title: str = ""
    address: str | None = None
    port: int | None = None
    maximum_length: int = 16382
    implementation_class_uid: str | None = None
    implementation_version_name: str | None = None
    supported_contexts: list[PresentationContext] = field(default_factory=list)
    user_information: list[Item] = field(default_factory=list)
    proposals: list[PresentationContextItemRQ] = field(default_factory=list)

    @property
    def is_requestor(self) -> bool:
        """Whether this is who asked for the association."""
        return self.mode == "requestor"

    @property
    def is_acceptor(self) -> bool:
        """Whether this is who was asked."""
        return self.mode == "acceptor"

    @cached_property
    def requested_contexts(self) -> list[PresentationContext]:
        """What it proposes, if it is the requestor."""
        contexts = []
        for item in self.proposals:
            context = PresentationContext()
            context.context_id = item.context_id
            with suppress(ValueError):  # a UID of a peer that is not one is left out
                context.abstract_syntax = item.abstract_syntax
                context.transfer_syntax = list(item.transfer_syntaxes)
            contexts.append(context)
        return contexts

    def set_address(self, address: tuple[object, ...]) -> None:
        """Take over a socket's address."""
        self.address = str(address[0]).removeprefix("::ffff:")
        self.port = int(str(address[1]))

    def read(self, pdu: A_ASSOCIATE_RQ | A_ASSOCIATE_AC) -> None:
        """Take over what a peer says of itself."""
        self.maximum_length = pdu.maximum_length
        self.implementation_class_uid = pdu.implementation_class_uid
        self.implementation_version_name = pdu.implementation_version_name
        self.user_information = pdu.user_information
        if isinstance(pdu, A_ASSOCIATE_RQ):
            self.proposals = pdu.presentation_context

    @property
    def info(self) -> dict[str, object]:
        """The same in a dict, as `Association.local` and `Association.remote` show it."""
        return {
            "ae_title": self.ae_title,
            "address": self.address,
            "port": self.port,
            "mode": self.mode,
            "pdv_size": self.maximum_length,
        }
