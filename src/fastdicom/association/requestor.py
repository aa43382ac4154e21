"""Asking for an association: connect, A-ASSOCIATE-RQ, and what the acceptor makes of it (PS3.8 7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from fastdicom import events as evt
from fastdicom._core.pdata import Message, Reader, Signal
from fastdicom.association.association import LOGGER, Association
from fastdicom.association.handlers import Handlers
from fastdicom.errors import AssociationRejected, ConnectionFailed
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host, connect
from fastdicom.net.connection import Connection
from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import Item
from fastdicom.ul.negotiation import build_associate_rq, negotiate_as_requestor
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from fastdicom.ul.provider import AssociateConfirm, Provider, RejectConfirm

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity


def request_association(
    ae: ApplicationEntity,
    host: Host,
    port: int,
    *,
    contexts: Sequence[PresentationContext],
    called_ae_title: str,
    maximum_length: int,
    negotiation_items: Sequence[Item],
    bind_address: Address | None,
    handlers: Sequence[EventHandler],
) -> Association:
    """Request an association and wait for the answer; `Association` says what came of it.

    Raises
    ------
    ValueError
        When what is to be proposed cannot be encoded. Nothing has been sent.
    """
    association = Association(ae, "requestor", Handlers(handlers))
    rq = build_associate_rq(
        called_ae_title=called_ae_title,
        calling_ae_title=ae.ae_title,
        contexts=contexts,
        maximum_length=maximum_length,
        implementation_class_uid=ae.implementation_class_uid,
        implementation_version_name=ae.implementation_version_name,
        negotiation_items=negotiation_items,
    )
    _describe(association, rq)
    provider = Provider(is_requestor=True, artim_timeout=ae.acse_timeout)
    provider.request_associate(rq)
    try:
        sock, address = connect(host, port, bind_address, ae.connection_timeout)
    except ConnectionFailed as error:
        LOGGER.error("%s", error)
        provider.transport_closed(monotonic())
        association.fail(error)
        return association
    association.requestor.set_address(sock.getsockname())
    association.acceptor.set_address(address)
    reader = Reader(ae.buffer_pool, maximum_length, ae.memory_limit)
    connection = Connection(provider, sock, reader, association.observer)
    association.attach(connection)
    association.notify(evt.EVT_REQUESTED)
    ae.remember(association)
    connection.tell(provider.transport_confirm)
    _await_answer(association, connection, rq)
    return association


def _describe(association: Association, rq: A_ASSOCIATE_RQ) -> None:
    association.requestor.ae_title = rq.calling_ae_title.strip()
    association.requestor.read(rq)
    association.acceptor.ae_title = rq.called_ae_title.strip()


def _await_answer(association: Association, connection: Connection, rq: A_ASSOCIATE_RQ) -> None:
    while True:
        happening = connection.receive()
        if isinstance(happening, AssociateConfirm):
            _read_acceptance(association, connection, rq, happening.pdu)
            return
        if isinstance(happening, RejectConfirm):
            pdu = happening.pdu
            association.mark_rejected(AssociationRejected(pdu.result, pdu.source, pdu.reason_diagnostic))
        elif (
            happening is not Signal.TIMED_OUT
            and not isinstance(happening, Message)
            and not association.digest(happening)
        ):
            return


def _read_acceptance(
    association: Association, connection: Connection, rq: A_ASSOCIATE_RQ, ac: A_ASSOCIATE_AC
) -> None:
    association.acceptor.read(ac)
    contexts = negotiate_as_requestor(rq, ac)
    association.notify(evt.EVT_ACCEPTED)
    if any(context.result == 0 for context in contexts):
        association.establish(contexts)
        return
    association.rejected_contexts = contexts
    LOGGER.error("no presentation context was accepted: aborting")
    association.abort()
