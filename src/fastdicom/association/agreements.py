"""What two sides have agreed on, found once for all associations that come to the same.

The same peer sends the same request all day, and gets the same answer as long as this side is as it was. What
follows from both never changes, and is kept by the exact bytes, but for requests with a user's identity. What
a program may change, as the contexts of `Association.accepted_contexts`, is made for each association, once
it is looked at.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydicom.uid import UID

from fastdicom._core.pdata import Message
from fastdicom.log import working_for
from fastdicom.presentation import (
    ContextRow,
    Offer,
    PresentationContext,
    PresentationContextTuple,
    abstract_syntaxes_of,
    offers_of,
    rows_of_contexts,
)
from fastdicom.services.dispatch import services_for
from fastdicom.services.performer import Performer, Rest, Service
from fastdicom.sop_class import Verification, registrations
from fastdicom.ul.contexts import CHOICES, Choose, negotiate_as_acceptor, negotiate_as_requestor
from fastdicom.ul.items import Item
from fastdicom.ul.kept import Kept
from fastdicom.ul.kept_pdus import KeptPDU, is_to_be_kept
from fastdicom.ul.negotiation import build_associate_ac, build_associate_rq
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ, PDU
from fastdicom.ul.window import Window, agreed_window

if TYPE_CHECKING:
    from fastdicom.association.association import Association


class Agreement:
    """What is used on an association; it is read only, as associations share it.

    Parameters
    ----------
    results
        What was decided on each context that was proposed.
    window
        What the requestor may invoke, and what it performs.
    is_requestor
        Whether this side is the requestor.

    Attributes
    ----------
    contexts, services
        The accepted contexts, and what this side may be asked on each; by ID.
    outgoing
        From abstract and transfer syntax to the ID of a context on which this side may be SCU.
    verification_context
        The ID of the one for C-ECHO; None without.
    """

    __slots__ = (
        "_is_requestor",
        "_registrations",
        "contexts",
        "outgoing",
        "rows",
        "services",
        "verification_context",
        "window",
    )

    def __init__(self, results: Sequence[PresentationContext], window: Window, *, is_requestor: bool) -> None:
        self._is_requestor = is_requestor
        self._registrations = registrations()
        self.rows: list[ContextRow] = rows_of_contexts(results)
        self.window = window
        self.contexts: dict[int, PresentationContextTuple] = {}
        self.services: dict[int, Mapping[int, Service]] = {}
        self.outgoing: dict[tuple[str, str], int] = {}
        self.verification_context: int | None = None
        for context in results:
            if context.result == 0:
                self._accept(context)

    def _accept(self, context: PresentationContext) -> None:
        row = context.as_tuple
        self.contexts[row.context_id] = row
        services = services_for(row.abstract_syntax, as_scp=bool(context.as_scp), as_scu=bool(context.as_scu))
        if self._is_requestor:
            services = {field: _named(service) for field, service in services.items()}
        self.services[row.context_id] = services
        if context.as_scu:
            self.outgoing.setdefault((row.abstract_syntax, row.transfer_syntax), row.context_id)
            if row.abstract_syntax == Verification:
                self.verification_context = row.context_id

    @property
    def is_valid(self) -> bool:
        """Whether SOP classes still have the services that they had."""
        return self._registrations == registrations()


def _named(service: Service) -> Service:
    """Return a service that says for whom it works: the thread of a requestor does other things, too."""

    def serve(performer: Performer, message: Message, context: PresentationContextTuple) -> Rest:
        association = cast("Association", performer)
        with working_for(association):
            rest = service(performer, message, context)
        return None if rest is None else _named_rest(association, rest)

    return serve


async def _named_rest(association: Association, rest: Coroutine[Any, Any, None]) -> None:
    with working_for(association):
        await rest


class Results:
    """The results of the contexts of one association, for a program to look at.

    Parameters
    ----------
    agreement
        What they are made from when somebody looks.
    """

    __slots__ = ("_agreement", "_contexts")

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._contexts: tuple[list[PresentationContext], ...] | None = None

    def _lists(self) -> tuple[list[PresentationContext], ...]:
        if self._contexts is None:
            contexts = list(map(PresentationContext.of_row, self._agreement.rows))
            accepted = [context for context in contexts if context.result == 0]
            self._contexts = contexts, accepted, [context for context in contexts if context.result != 0]
        return self._contexts

    @property
    def contexts(self) -> list[PresentationContext]:
        """All of them, in the order of their IDs."""
        return self._lists()[0]

    @property
    def accepted(self) -> list[PresentationContext]:
        """Those that can be used."""
        return self._lists()[1]

    @property
    def rejected(self) -> list[PresentationContext]:
        """Those that cannot."""
        return self._lists()[2]


# As requestor.


def request(
    contexts: Sequence[PresentationContext],
    *,
    called_ae_title: str,
    calling_ae_title: str,
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version_name: str | None,
    negotiation_items: Sequence[Item] = (),
) -> tuple[A_ASSOCIATE_RQ, PDU]:
    """Make the A-ASSOCIATE-RQ that proposes `contexts`, as `build_associate_rq` does.

    Returns
    -------
    A_ASSOCIATE_RQ, PDU
        What it says, and what is to be sent.

    Raises
    ------
    ValueError
        If it cannot be made.
    """
    titles = called_ae_title, calling_ae_title
    settings = maximum_length, implementation_class_uid, implementation_version_name
    key = (titles, settings, tuple([(each.abstract_syntax, *each.transfer_syntax) for each in contexts]))
    kept = None if negotiation_items else _REQUESTS.get(key)
    if kept is None:
        rq = build_associate_rq(
            called_ae_title=called_ae_title,
            calling_ae_title=calling_ae_title,
            contexts=contexts,
            maximum_length=maximum_length,
            implementation_class_uid=implementation_class_uid,
            implementation_version_name=implementation_version_name,
            negotiation_items=negotiation_items,
        )
        if not is_to_be_kept(rq):
            return rq, rq
        encoded = rq.encode()
        kept = KeptPDU(rq, encoded)
        if not negotiation_items:
            _REQUESTS.keep(key, kept, len(encoded))
    return kept.pdu(), kept


def agree_as_requestor(rq: A_ASSOCIATE_RQ, ac: A_ASSOCIATE_AC) -> Agreement:
    """Return what follows from the acceptor's answer."""
    if rq.encoded is None or ac.encoded is None:
        return _agreement_of(rq, ac)
    key = rq.encoded, ac.encoded
    agreement = _CONFIRMED.get(key)
    if agreement is None or not agreement.is_valid:
        agreement = _agreement_of(rq, ac)
        _CONFIRMED.keep(key, agreement, len(rq.encoded) + len(ac.encoded))
    return agreement


def _agreement_of(rq: A_ASSOCIATE_RQ, ac: A_ASSOCIATE_AC) -> Agreement:
    window = agreed_window(rq.user_information, ac.user_information)
    return Agreement(negotiate_as_requestor(rq, ac), window, is_requestor=True)


# As acceptor.


class Terms(NamedTuple):
    """On what an acceptor answers, besides its contexts.

    Attributes
    ----------
    choose, accepts_any_storage
        As for `negotiate_as_acceptor`.
    maximum_length, implementation_class_uid, implementation_version_name, window
        As for `build_associate_ac`.
    """

    choose: Choose
    accepts_any_storage: bool
    maximum_length: int
    implementation_class_uid: str
    implementation_version_name: str | None
    window: Window


class Precedent(NamedTuple):
    """How a request was answered, and what the answer came from.

    Attributes
    ----------
    terms, abstract_syntaxes
        The terms, and the abstract syntaxes of all supported contexts.
    places, offers
        Those of the contexts that were proposed, and what they offered.
    agreement, answer
        What followed from it, and the A-ASSOCIATE-AC.
    """

    terms: Terms
    abstract_syntaxes: list[UID | None]
    places: list[int]
    offers: list[Offer]
    agreement: Agreement
    answer: KeptPDU[A_ASSOCIATE_AC]

    def holds(self, terms: Terms, supported: Sequence[PresentationContext]) -> bool:
        """Whether the answer would be the same."""
        return (
            self.terms == terms
            and self.abstract_syntaxes == abstract_syntaxes_of(supported)
            and self.offers == offers_of([supported[place] for place in self.places])
            and self.agreement.is_valid
        )


def answer(
    rq: A_ASSOCIATE_RQ,
    supported: Sequence[PresentationContext],
    terms: Terms,
    *,
    port: int | None,
    answers: Sequence[Item],
    related_general: Mapping[str, Sequence[str]],
) -> tuple[Agreement, A_ASSOCIATE_AC, PDU]:
    """Decide on a request of who is let in.

    Parameters
    ----------
    rq
        The request.
    supported
        What this side supports, in its order of preference.
    terms
        What else it answers on.
    port
        Where it listens.
    answers, related_general
        What handlers have decided.

    Returns
    -------
    Agreement, A_ASSOCIATE_AC, PDU
        What has been agreed on, what the answer says, and what is to be sent.
    """
    decides_again = answers or related_general or terms.choose not in CHOICES.values()
    key = None if rq.encoded is None or decides_again else (rq.encoded, port)
    precedent = None if key is None else _PRECEDENTS.get(key)
    if precedent is not None and precedent.holds(terms, supported):
        return precedent.agreement, precedent.answer.pdu(), precedent.answer
    results, roles = negotiate_as_acceptor(
        rq,
        supported,
        choose=terms.choose,
        accepts_any_storage=terms.accepts_any_storage,
        related_general=related_general,
    )
    ac = build_associate_ac(
        rq,
        results,
        [*roles, *answers],
        maximum_length=terms.maximum_length,
        implementation_class_uid=terms.implementation_class_uid,
        implementation_version_name=terms.implementation_version_name,
        window=terms.window,
    )
    window = agreed_window(rq.user_information, ac.user_information)
    agreement = Agreement(results, window, is_requestor=False)
    if key is not None:
        _keep_precedent(key, rq, supported, terms, agreement, ac)
    return agreement, ac, ac


def _keep_precedent(
    key: tuple[bytes, int | None],
    rq: A_ASSOCIATE_RQ,
    supported: Sequence[PresentationContext],
    terms: Terms,
    agreement: Agreement,
    ac: A_ASSOCIATE_AC,
) -> None:
    abstract_syntaxes = abstract_syntaxes_of(supported)
    proposed = {proposal.abstract_syntax for proposal in rq.presentation_context}
    places = [place for place, uid in enumerate(abstract_syntaxes) if uid in proposed]
    offers = [(list(syntaxes), scu, scp) for syntaxes, scu, scp in offers_of(supported[i] for i in places)]
    with suppress(ValueError):  # then it is not sent, either
        encoded = ac.encode()
        kept = KeptPDU(ac, encoded)
        precedent = Precedent(terms, abstract_syntaxes, places, offers, agreement, kept)
        _PRECEDENTS.keep(key, precedent, len(encoded) + len(key[0]) + 8 * len(abstract_syntaxes))


_REQUESTS: Kept[object, KeptPDU[A_ASSOCIATE_RQ]] = Kept()
_CONFIRMED: Kept[tuple[bytes, bytes], Agreement] = Kept()
_PRECEDENTS: Kept[tuple[bytes, int | None], Precedent] = Kept()
