"""Asking for an association on an event loop: connect, A-ASSOCIATE-RQ, and the answer."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from fastdicom import events as evt
from fastdicom._core.pdata import Reader
from fastdicom.aio.association import Association
from fastdicom.aio.handlers import Handlers
from fastdicom.association.life import LOGGER
from fastdicom.association.requestor import TlsArgs, name_of_peer, negotiate, propose
from fastdicom.errors import ConnectionFailed, TlsError
from fastdicom.events import EventHandler
from fastdicom.net.addresses import Address, Host
from fastdicom.net.aio_connect import connect, open_link
from fastdicom.net.aio_link import Link
from fastdicom.net.proxy import Proxy
from fastdicom.net.tls import details_of
from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import Item
from fastdicom.ul.provider import Provider

if TYPE_CHECKING:
    from fastdicom.aio.ae import ApplicationEntity


async def request_association(
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

    Cancelled meanwhile, the connection is closed; who has been asked is told with an A-ABORT.

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
        sock, address = await connect(
            host,
            port,
            bind_address=bind_address,
            timeout=ae.connection_timeout,
            options=ae.socket_options,
            proxy=proxy,
        )
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
    link = Link(provider, reader, association.observer, association.sinks, ae.starter)
    link.on_open = lambda: _ask(association, link)
    association.attach(link, lambda happening: negotiate(association, rq, happening))
    ae.remember(association)
    await _open(association, link, sock, host, tls_args)
    return association


async def _open(
    association: Association, link: Link, sock: socket.socket, host: Host, tls_args: TlsArgs | None
) -> None:
    """Have a link use a connected socket, and wait for the answer of the peer."""
    context, name = (None, None) if tls_args is None else tls_args
    try:
        await open_link(
            link,
            sock,
            context=context,
            server_hostname=None if context is None else name_of_peer(host, context, name),
            handshake_timeout=association.ae.handshake_timeout,
        )
        await association.await_answer()
    except TlsError as error:
        LOGGER.error("%s", error, extra=association.log_fields)
        association.fail(error)
        link.close()
    except BaseException:
        association.abort()
        raise


def _ask(association: Association, link: Link) -> None:
    """Send the request, now that the connection is there."""
    tls = link.get_extra_info("ssl_object")
    association.tls = None if tls is None else details_of(tls)
    association.notify(evt.EVT_REQUESTED)
    link.tell(link.provider.transport_confirm)
