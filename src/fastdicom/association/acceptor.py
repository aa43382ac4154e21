"""Accepting associations, and serving them until they end (PS3.8 7.1, PS3.7 Annex D)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from fastdicom import events as evt
from fastdicom._core.pdata import Reader
from fastdicom.association.added_items import supported_contexts, with_added
from fastdicom.association.agreements import Results, Terms, answer
from fastdicom.association.association import Association
from fastdicom.association.driving import drive
from fastdicom.association.life import LOGGER, Life
from fastdicom.association.negotiation_handlers import decide
from fastdicom.errors import AssociationRejected
from fastdicom.net.connection import Connection
from fastdicom.net.visitor import Visitor
from fastdicom.presentation import PresentationContext
from fastdicom.ul.admission import NO_REASON_GIVEN
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.ul.provider import AssociateIndication, Indication, Provider

if TYPE_CHECKING:
    from fastdicom.net.aio_link import Link

# Decides whether an association may be had; None lets it in.
Admit: TypeAlias = Callable[[Life, A_ASSOCIATE_RQ], A_ASSOCIATE_RJ | None]


def answer_request(
    association: Association,
    ae_title: str,
    contexts: Sequence[PresentationContext],
    visitor: Visitor,
    *,
    admit: Admit,
    see_off: Callable[[socket.socket, float], None],
) -> Connection:
    """Answer the A-ASSOCIATE-RQ of a peer that has opened a connection."""
    ae = association.ae
    describe_acceptor(association, ae_title, contexts)
    association.acceptor.set_address(visitor.socket.getsockname())
    association.requestor.set_address(visitor.address)
    association.tls = visitor.tls
    provider = Provider(is_requestor=False, artim_timeout=association.acse_timeout)
    reader = Reader(ae.buffer_pool, ae.maximum_pdu_size, ae.memory_limit)
    if visitor.received:
        _feed(reader, visitor.received)
    connection = Connection(provider, visitor.socket, reader, association.observer, association.sinks)
    connection.see_off = see_off
    association.attach(connection, lambda happening: _negotiate(association, connection, admit, happening))
    ae.remember(association)
    # It may have waited in the lobby; the ARTIM timer has run meanwhile.
    connection.tell(lambda now: provider.transport_indication(visitor.accepted))
    connection.tell(provider.expire)
    association.await_answer()
    return connection


def describe_acceptor(association: Life, ae_title: str, contexts: Sequence[PresentationContext]) -> None:
    """Say who accepts an association, and what is supported."""
    association.acceptor.ae_title = ae_title
    association.acceptor.writeable = True
    association.acceptor.supported_contexts = list(contexts)


def _feed(reader: Reader, received: bytearray) -> None:
    """Give the reader what has been taken from the socket already."""
    while received:
        room = reader.get_buffer(len(received))
        taken = min(len(room), len(received))
        room[:taken] = received[:taken]
        reader.commit(taken)
        del received[:taken]


def _negotiate(association: Association, connection: Connection, admit: Admit, happening: Indication) -> None:
    if isinstance(happening, AssociateIndication):
        drive(respond_to_request(association, connection, admit, happening.pdu))


async def respond_to_request(
    association: Life, connection: Connection | Link, admit: Admit, rq: A_ASSOCIATE_RQ
) -> None:
    """Accept or reject a request."""
    association.requestor.ae_title = rq.calling_ae_title.strip()
    association.requestor.read(rq)
    await association.tell(evt.EVT_REQUESTED)
    if association.is_aborted:
        return
    rejection = association.rejection or admit(association, rq)
    if rejection is None:
        await _accept(association, connection, rq)
    else:
        _reject(association, connection, rejection)


def _reject(association: Life, connection: Connection | Link, rejection: A_ASSOCIATE_RJ) -> None:
    association.acceptor.writeable = False
    association.ae.dismiss(association)  # before the peer hears of it: it may associate again at once
    connection.tell(lambda now: connection.provider.reject(rejection, now))
    association.mark_rejected(
        AssociationRejected(rejection.result, rejection.source, rejection.reason_diagnostic)
    )


async def _accept(association: Life, connection: Connection | Link, rq: A_ASSOCIATE_RQ) -> None:
    """Accept a request of who is admitted, unless a handler refuses it."""
    ae = association.ae
    decisions = with_added(association, await decide(association))
    if association.is_aborted:
        return
    rejection = association.rejection or decisions.rejection
    if rejection is not None:
        _reject(association, connection, rejection)
        return
    agreement, ac, to_send = answer(
        rq,
        supported_contexts(association.acceptor),
        Terms(
            ae.choose_transfer_syntax,
            ae.accepts_any_storage,
            ae.maximum_pdu_size,
            ae.implementation_class_uid,
            ae.implementation_version_name,
            decisions.window,
        ),
        port=association.acceptor.port,
        answers=decisions.answers,
        related_general=decisions.related_general,
    )
    results = Results(agreement)
    association.acceptor.read(ac, results)
    # The window is the requestor's; what it invokes is what this side performs.
    performed, invoked = agreement.window
    association.maximum_operations_invoked = invoked
    association.maximum_operations_performed = performed
    try:
        # Ready before the peer hears of it: its first message may follow at once.
        connection.tell(lambda now: connection.provider.accept(to_send))
    except ValueError as error:  # what the handlers answer is too long
        LOGGER.error("the association is rejected, as the answer cannot be encoded: %s", error)
        _reject(association, connection, NO_REASON_GIVEN)
        return
    LOGGER.info("association accepted from %r", association.requestor.ae_title)
    association.notify(evt.EVT_ACCEPTED)
    association.establish(agreement, results)
