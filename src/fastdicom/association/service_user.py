"""What is known of one side of an association."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fastdicom.association.agreements import Results
from fastdicom.net.addresses import AddressInformation
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

# Those of them that an acceptor may answer with.
ANSWERS = (
    AsynchronousOperationsWindowNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityResponse,
)


@dataclass(slots=True)
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
    address_info
        Its end of the connection with what IPv6 adds; None while there is none.
    is_ours
        Whether it is this side.
    writeable
        Whether `supported_contexts` and the negotiation items may be changed: those of an acceptor that is
        this side, until it has answered; in a handler of EVT_REQUESTED for instance.
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
    address_info: AddressInformation | None = None
    is_ours: bool = False
    writeable: bool = False
    user_information: list[Item] = field(default_factory=list)
    proposals: list[PresentationContextItemRQ] = field(default_factory=list)
    common_extended: dict[str, SOPClassCommonExtendedNegotiation] = field(default_factory=dict)
    _supported: list[PresentationContext] = field(default_factory=list, init=False, repr=False)
    _requested: list[PresentationContext] | None = field(default=None, init=False, repr=False)
    _results: Results | None = field(default=None, init=False, repr=False)

    @property
    def is_requestor(self) -> bool:
        """Whether this is who asked for the association."""
        return self.mode == "requestor"

    @property
    def is_acceptor(self) -> bool:
        """Whether this is who was asked."""
        return self.mode == "acceptor"

    @property
    def results(self) -> Sequence[PresentationContext]:
        """The presentation contexts in its A-ASSOCIATE-AC, if it is the acceptor and has answered."""
        return () if self._results is None else self._results.contexts

    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """What it proposes, if it is the requestor."""
        if self._requested is None:
            self._requested = self._read_proposals()
        return self._requested

    def _read_proposals(self) -> list[PresentationContext]:
        contexts = []
        for item in self.proposals:
            context = PresentationContext()
            context.context_id = item.context_id
            with suppress(ValueError):  # a UID of a peer that is not one is left out
                context.abstract_syntax = item.abstract_syntax
                context.transfer_syntax = list(item.transfer_syntaxes)
            contexts.append(context)
        return contexts

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """What it supports, if it is the acceptor: of a peer, the results in its answer.

        Raises
        ------
        RuntimeError
            When set while it is not `writeable`.
        """
        return self._supported if self.is_ours else list(self.results)

    @supported_contexts.setter
    def supported_contexts(self, value: list[PresentationContext]) -> None:
        self._check_writeable("the supported contexts")
        self._supported = value

    def get_contexts(self, cx_type: str) -> list[PresentationContext]:
        """Return presentation contexts.

        Parameters
        ----------
        cx_type
            Of a requestor "requested", if that is this side, and "pcdl": those in its A-ASSOCIATE-RQ. Of an
            acceptor "supported", if that is this side, and "pcdrl": those in its A-ASSOCIATE-AC, with their
            results.

        Raises
        ------
        ValueError
            When it has none of that kind, or not yet.
        """
        has = {
            "requested": self.is_requestor and self.is_ours,
            "supported": self.is_acceptor and self.is_ours,
            "pcdl": bool(self.proposals),
            "pcdrl": bool(self.results),
        }
        if not has.get(cx_type):
            raise ValueError(f"the {self.mode} has no {cx_type!r} presentation contexts")
        if cx_type == "pcdrl":
            return list(self.results)
        return self.supported_contexts if cx_type == "supported" else self.requested_contexts

    def set_address(self, address: tuple[Any, ...]) -> None:
        """Take over a socket's address."""
        self.address = str(address[0]).removeprefix("::ffff:")
        self.port = int(address[1])
        self.address_info = AddressInformation(self.address, self.port, *address[2:])

    def read(self, pdu: A_ASSOCIATE_RQ | A_ASSOCIATE_AC, results: Results | None = None) -> None:
        """Take over what it says of itself, and the results of the contexts if it is an A-ASSOCIATE-AC."""
        self.writeable = False
        self._results = results
        self.user_information = pdu.user_information
        self.maximum_length, self.implementation_class_uid, self.implementation_version_name = pdu.sender
        if isinstance(pdu, A_ASSOCIATE_RQ):
            self.proposals = pdu.presentation_context
            self._requested = None

    # What is to be in its A-ASSOCIATE PDU, while that can be changed.

    def _check_writeable(self, what: str) -> None:
        if not self.writeable:
            raise RuntimeError(
                f"{what} of the {self.mode} cannot be changed: only an acceptor's own, before it has answered"
            )

    def add_negotiation_item(self, item: Item) -> None:
        """Answer with an item, if the requestor has proposed what it answers.

        It goes before what handlers of negotiation events answer.

        Parameters
        ----------
        item
            An item for roles, for the asynchronous operations window, for SOP class extended negotiation, or
            a `UserIdentityResponse`.

        Raises
        ------
        RuntimeError
            When it is not `writeable`.
        TypeError
            When it is no such item.
        """
        self._check_writeable("the negotiation items")
        self.user_information = [*self.user_information, _checked_answer(item)]

    def remove_negotiation_item(self, item: Item) -> None:
        """Take an item away that was added; nothing happens when it was not.

        Raises
        ------
        RuntimeError, TypeError
            As for `add_negotiation_item`.
        """
        self._check_writeable("the negotiation items")
        _checked_answer(item)
        self.user_information = [each for each in self.user_information if each != item]

    def reset_negotiation_items(self) -> None:
        """Take all items away that were added.

        Raises
        ------
        RuntimeError
            When it is not `writeable`.
        """
        self._check_writeable("the negotiation items")
        self.user_information = []

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


def _checked_answer(item: Item) -> Item:
    if not isinstance(item, ANSWERS):
        raise TypeError(f"an item that an acceptor answers with is expected, not {type(item).__name__}")
    return item
