"""Asking for an association: connect, A-ASSOCIATE-RQ, and what the acceptor makes of it (PS3.8 7.1)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from fastdicom import events as evt
from fastdicom._core.pdata import Reader
from fastdicom.association.agreements import Results, agree_as_requestor, request
from fastdicom.association.association import Association
from fastdicom.association.handlers import Handlers
from fastdicom.association.life import LOGGER, Life
from fastdicom.errors import AssociationRejected, ConnectionFailed, TlsError
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host, connect
from fastdicom.net.connection import Connection
from fastdicom.net.proxy import Proxy
from fastdicom.net.tls import TlsSocket
from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import Item
from fastdicom.ul.negotiation import checked_proposals
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ, PDU
from fastdicom.ul.provider import AssociateConfirm, Indication, Provider, RejectConfirm

# Settings, and the name that the server's certificate is to be for.
TlsArgs: TypeAlias = tuple[ssl.SSLContext, str | None]

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
    proxy: Proxy | None,
    tls_args: TlsArgs | None,
    handlers: Sequence[EventHandler],
) -> Association:
    """Request an association and wait for the answer; `Association` says what came of it.

    Raises
    ------
    ValueError, TypeError
        When what is to be proposed cannot be. Nothing has been sent.
    """
    association = Association(ae, "requestor", Handlers(handlers))
    rq, to_send = propose(
        association,
        contexts=contexts,
        called_ae_title=called_ae_title,
        maximum_length=maximum_length,
        negotiation_items=negotiation_items,
    )
    provider = Provider(is_requestor=True, artim_timeout=association.acse_timeout)
    provider.request_associate(to_send)
    try:
        sock, address = _connect(ae, host, port, bind_address, proxy, tls_args)
    except ConnectionFailed as error:
        LOGGER.error("%s", error, extra=association.log_fields)
        provider.transport_closed(monotonic())
        association.fail(error)
        ae.watch(association)
        ae.stop_watching(association)
        return association
    association.requestor.set_address(sock.getsockname())
    association.acceptor.set_address(address)
    reader = Reader(ae.buffer_pool, maximum_length, ae.memory_limit)
    connection = Connection(provider, sock, reader, association.observer, association.sinks)
    association.attach(connection, lambda happening: negotiate(association, rq, happening))
    ae.remember(association)
    if not isinstance(sock, TlsSocket) or _is_secured(association, connection, sock):
        association.notify(evt.EVT_REQUESTED)
        connection.tell(provider.transport_confirm)
        association.await_answer()
        ae.look_after(association)
    return association


def propose(
    association: Life,
    *,
    contexts: Sequence[PresentationContext],
    called_ae_title: str,
    maximum_length: int,
    negotiation_items: Sequence[Item],
) -> tuple[A_ASSOCIATE_RQ, PDU]:
    """Return what an association is asked for with, and what is to be sent; both sides are described by it.

    Raises
    ------
    ValueError, TypeError
        When what is to be proposed cannot be.
    """
    ae = association.ae
    rq, to_send = request(
        contexts,
        called_ae_title=called_ae_title,
        calling_ae_title=ae.ae_title,
        maximum_length=maximum_length,
        implementation_class_uid=ae.implementation_class_uid,
        implementation_version_name=ae.implementation_version_name,
        negotiation_items=checked_proposals(
            negotiation_items, is_synchronous=called_ae_title in ae.synchronous_peers
        ),
    )
    association.requestor.ae_title = rq.calling_ae_title.strip()
    association.requestor.read(rq)
    association.acceptor.ae_title = rq.called_ae_title.strip()
    return rq, to_send


def _connect(
    ae: ApplicationEntity,
    host: Host,
    port: int,
    bind_address: Address | None,
    proxy: Proxy | None,
    tls_args: TlsArgs | None,
) -> tuple[socket.socket, tuple[Any, ...]]:
    timeout, options = ae.connection_timeout, ae.socket_options
    sock, address = connect(
        host, port, bind_address=bind_address, timeout=timeout, options=options, proxy=proxy
    )
    return sock if tls_args is None else _with_tls(sock, host, *tls_args), address


def _with_tls(
    sock: socket.socket, host: Host, context: ssl.SSLContext, server_hostname: str | None
) -> TlsSocket:
    server_hostname = name_of_peer(host, context, server_hostname)
    try:
        return TlsSocket(sock, context, is_server=False, server_hostname=server_hostname)
    except ValueError:
        sock.close()
        raise


def name_of_peer(host: Host, context: ssl.SSLContext, server_hostname: str | None) -> str | None:
    """Return the name that a server's certificate is to be for; None for any."""
    if not server_hostname and context.check_hostname:
        return host if isinstance(host, str) else host[0]
    return server_hostname or None


def _is_secured(association: Association, connection: Connection, sock: TlsSocket) -> bool:
    """Do the TLS handshake; False when there will be no association."""
    timeout = association.ae.handshake_timeout
    try:
        connection.handshake(None if timeout is None else monotonic() + timeout)
    except TlsError as error:
        LOGGER.error("%s", error, extra=association.log_fields)
        association.fail(error)
        association.ae.forget(association)
        return False
    association.tls = sock.details
    return True


def negotiate(association: Life, rq: A_ASSOCIATE_RQ, happening: Indication) -> None:
    """Take the answer to a request."""
    if isinstance(happening, AssociateConfirm):
        _read_acceptance(association, rq, happening.pdu)
    elif isinstance(happening, RejectConfirm):
        pdu = happening.pdu
        association.mark_rejected(AssociationRejected(pdu.result, pdu.source, pdu.reason_diagnostic))


def _read_acceptance(association: Life, rq: A_ASSOCIATE_RQ, ac: A_ASSOCIATE_AC) -> None:
    agreement = agree_as_requestor(rq, ac)
    results = Results(agreement)
    association.acceptor.read(ac, results)
    association.maximum_operations_invoked, association.maximum_operations_performed = agreement.window
    association.notify(evt.EVT_ACCEPTED)
    if agreement.contexts:
        association.establish(agreement, results)
        return
    association.show_results(results)
    LOGGER.error("no presentation context was accepted: aborting", extra=association.log_fields)
    association.abort()
