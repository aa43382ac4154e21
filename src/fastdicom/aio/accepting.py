"""Accepting an association on an event loop; how it is decided on is in `association.acceptor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastdicom.association.acceptor import Admit, describe_acceptor, respond_to_request
from fastdicom.net.aio_listener import Guest
from fastdicom.net.tls import details_of
from fastdicom.presentation import PresentationContext
from fastdicom.ul.provider import AssociateIndication, Indication

if TYPE_CHECKING:
    from fastdicom.aio.association import Association


def receive_guest(
    association: Association,
    ae_title: str,
    contexts: Sequence[PresentationContext],
    guest: Guest,
    *,
    admit: Admit,
) -> None:
    """Have an association take over a connection whose first PDU has come, or whose time is over."""
    link = guest.link
    tls = link.get_extra_info("ssl_object")
    describe_acceptor(association, ae_title, contexts)
    association.acceptor.set_address(link.get_extra_info("sockname"))
    association.requestor.set_address(guest.address)
    association.tls = None if tls is None else details_of(tls)
    link.sees_off = True
    link.observer, link.sinks = association.observer, association.sinks
    link.provider.artim_timeout = association.acse_timeout

    def negotiate(happening: Indication) -> None:
        if isinstance(happening, AssociateIndication):
            link.start(respond_to_request(association, link, admit, happening.pdu))

    association.attach(link, negotiate)
    association.ae.remember(association)
    # The ARTIM timer has run meanwhile.
    link.tell(lambda now: link.provider.transport_indication(guest.accepted))
