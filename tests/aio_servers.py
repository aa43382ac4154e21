"""Servers of fastdicom.aio for tests, within the event loop of the test."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

from aio_links import Peer
from raw_peer import CT
from servers import DEADLINE

from fastdicom.aio import AE
from fastdicom.sop_class import Verification


def port_of(server):
    return server.server_address[1]


def acceptor(**settings):
    ae = AE()
    ae.maximum_associations = 1000
    ae.add_supported_context(Verification)
    ae.add_supported_context(CT)
    for name, value in settings.items():
        setattr(ae, name, value)
    return ae


@asynccontextmanager
async def serving(ae=None, handlers=(), **options):
    server = await (ae or acceptor()).start_server(("127.0.0.1", 0), evt_handlers=list(handlers), **options)
    async with server:
        yield server


async def connected(server):
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port_of(server)))
    return Peer(sock)


async def until(is_so):
    async with asyncio.timeout(DEADLINE):
        while not is_so():
            await asyncio.sleep(0.001)
