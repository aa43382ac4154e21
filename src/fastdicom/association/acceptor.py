"""Accepting associations, and serving them until they end (PS3.8 7.1, PS3.7 Annex D)."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from fastdicom import events as evt
from fastdicom._core.pdata import Message, Reader, Signal
from fastdicom.association.association import LOGGER, Association
from fastdicom.errors import AssociationRejected
from fastdicom.net.connection import Connection
from fastdicom.presentation import PresentationContext
from fastdicom.ul.negotiation import build_associate_ac, check_admission, negotiate_as_acceptor
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.ul.provider import AssociateIndication, Provider


def serve_connection(
    association: Association,
    ae_title: str,
    contexts: Sequence[PresentationContext],
    sock: socket.socket,
    address: tuple[object, ...],
) -> None:
    """Serve a connection that a peer has opened, from its A-ASSOCIATE-RQ to its end."""
    ae = association.ae
    association.acceptor.ae_title = ae_title
    association.acceptor.supported_contexts = list(contexts)
    association.acceptor.set_address(sock.getsockname())
    association.requestor.set_address(address)
    provider = Provider(is_requestor=False, artim_timeout=ae.acse_timeout)
    reader = Reader(ae.buffer_pool, ae.maximum_pdu_size, ae.memory_limit)
    connection = Connection(provider, sock, reader, association.observer)
    association.attach(connection)
    ae.remember(association)
    try:
        connection.tell(provider.transport_indication)
        _serve(association, connection)
    finally:
        # Whatever went wrong, the slot and the socket are free again.
        connection.close()
        association.digest(Signal.CLOSED)


def _serve(association: Association, connection: Connection) -> None:
    while True:
        happening = connection.receive()
        if type(happening) is Message:
            association.serve(happening)
            # The data set's memory is free for the next one, which is about to come.
            del happening
        elif isinstance(happening, AssociateIndication):
            _answer(association, connection, happening.pdu)
        elif happening is Signal.TIMED_OUT:
            association.end_idle()
        elif not association.digest(happening):
            return


def _answer(association: Association, connection: Connection, rq: A_ASSOCIATE_RQ) -> None:
    """Accept or reject a request."""
    ae = association.ae
    association.requestor.ae_title = rq.calling_ae_title.strip()
    association.requestor.read(rq)
    association.notify(evt.EVT_REQUESTED)
    if association.is_aborted:
        return
    rejection = association.acse.rejection or ae.admit(
        association,
        lambda active: check_admission(
            rq,
            ae_title=association.acceptor.ae_title,
            require_called_aet=ae.require_called_aet,
            require_calling_aet=ae.require_calling_aet,
            active_associations=active,
            maximum_associations=ae.maximum_associations,
        ),
    )
    if rejection is None:
        _accept(association, connection, rq)
    else:
        _reject(association, connection, rejection)


def _reject(association: Association, connection: Connection, rejection: A_ASSOCIATE_RJ) -> None:
    connection.tell(lambda now: connection.provider.reject(rejection, now))
    association.mark_rejected(
        AssociationRejected(rejection.result, rejection.source, rejection.reason_diagnostic)
    )


def _accept(association: Association, connection: Connection, rq: A_ASSOCIATE_RQ) -> None:
    ae = association.ae
    contexts, roles = negotiate_as_acceptor(rq, association.acceptor.supported_contexts)
    ac = build_associate_ac(
        rq,
        contexts,
        roles,
        maximum_length=ae.maximum_pdu_size,
        implementation_class_uid=ae.implementation_class_uid,
        implementation_version_name=ae.implementation_version_name,
    )
    association.acceptor.read(ac)
    # Ready before the peer hears of it: its first message may follow at once.
    connection.tell(lambda now: connection.provider.accept(ac))
    LOGGER.info("association accepted from %r", association.requestor.ae_title)
    association.notify(evt.EVT_ACCEPTED)
    association.establish(contexts)
