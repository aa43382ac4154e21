"""What is known of one side of an association."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    Item,
    PresentationContextItemRQ,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from fastdicom.ul.window import SYNCHRONOUS, window_in

# The sub-items that are not in every A-ASSOCIATE PDU.
EXTENDED_NEGOTIATION = (
    AsynchronousOperationsWindowNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)


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
        All sub-items of its A-ASSOCIATE PDU, as they are; nothing before there is one.
    common_extended
        If it is the acceptor and this side: the SOP Class Common Extended Negotiation items that the handler
        of EVT_SOP_COMMON accepted, by SOP class.
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
    common_extended: dict[str, SOPClassCommonExtendedNegotiation] = field(default_factory=dict)

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

    # What its A-ASSOCIATE PDU says besides contexts: proposals of a requestor, answers of an acceptor.

    @property
    def extended_negotiation(self) -> list[Item]:
        """The negotiation items: all but those that every A-ASSOCIATE PDU has."""
        return [item for item in self.user_information if isinstance(item, EXTENDED_NEGOTIATION)]

    @property
    def asynchronous_operations(self) -> tuple[int, int]:
        """The window in its PDU: operations invoked and performed by the requestor, 0 for no limit.

        1 and 1 when there is none. What the two sides came to is on the association.
        """
        return window_in(self.user_information) or SYNCHRONOUS

    @property
    def role_selection(self) -> dict[str, SCP_SCU_RoleSelectionNegotiation]:
        """The role selection items, by SOP class."""
        items = self.user_information
        return {
            item.sop_class_uid or "": item
            for item in items
            if isinstance(item, SCP_SCU_RoleSelectionNegotiation)
        }

    @property
    def sop_class_extended(self) -> dict[str, bytes]:
        """The Service-class-application-information of SOP Class Extended Negotiation, by SOP class."""
        return {
            item.sop_class_uid or "": item.service_class_application_information or b""
            for item in self.user_information
            if isinstance(item, SOPClassExtendedNegotiation)
        }

    @property
    def sop_class_common_extended(self) -> dict[str, SOPClassCommonExtendedNegotiation]:
        """The SOP Class Common Extended Negotiation items, by SOP class; an acceptor has none."""
        items = self.user_information if self.is_requestor else ()
        return {
            item.sop_class_uid or "": item
            for item in items
            if isinstance(item, SOPClassCommonExtendedNegotiation)
        }

    @property
    def accepted_common_extended(self) -> dict[str, tuple[str, list[str]]]:
        """Of the acceptor, if that is this side: the SOP classes that are taken for a more general one.

        By SOP class: the UID of the service class, and those of the general SOP classes.

        Raises
        ------
        RuntimeError
            When this is the requestor.
        """
        if self.is_requestor:
            raise RuntimeError("only an acceptor accepts SOP class common extended negotiation")
        return {
            uid: (item.service_class_uid or "", item.related_general_sop_class_identification)
            for uid, item in self.common_extended.items()
        }

    @property
    def user_identity(self) -> UserIdentityNegotiation | UserIdentityResponse | None:
        """Who a requestor says that its user is, or what an acceptor responds to that; None without."""
        kind = UserIdentityNegotiation if self.is_requestor else UserIdentityResponse
        return next((item for item in self.user_information if isinstance(item, kind)), None)

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
