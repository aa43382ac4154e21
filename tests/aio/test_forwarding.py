"""`forward` in a handler of an event loop: to associations of threads, which send while the loop receives."""

from __future__ import annotations

import asyncio

import pytest
from aio_servers import acceptor, port_of, serving
from raw_peer import CT, IMPLICIT, contexts, data_set

import fastdicom
from fastdicom import evt, forward
from fastdicom.aio import AE


@pytest.mark.parametrize("length", [100, 3 << 20], ids=["whole", "while it comes"])
def test_to_an_association_of_threads(run, length):
    arrived = []

    def store(event):
        arrived.append(bytes(event.encoded))
        return 0xB007

    async def scenario():
        far = fastdicom.AE()
        far.add_supported_context(CT)
        destination = far.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
        onward = await asyncio.to_thread(
            fastdicom.AE().associate, "127.0.0.1", port_of(destination), contexts()
        )

        async def choose(event):
            return forward(event, onward)

        try:
            async with (
                serving(acceptor(), [(evt.EVT_C_STORE_HEADER, choose)]) as server,
                await AE().associate("127.0.0.1", port_of(server), contexts()) as assoc,
            ):
                status = await assoc.send_c_store(data_set(length), transfer_syntax=IMPLICIT)
                assert status.Status == 0xB007
                assert (await assoc.send_c_echo()).Status == 0
        finally:
            await asyncio.to_thread(onward.release)
            await asyncio.to_thread(destination.shutdown)
        assert arrived == [data_set(length)]

    run(scenario())


def test_to_an_association_of_the_loop(run):
    """It is refused, and the loop goes on."""

    async def scenario():
        async with serving() as further:
            onward = await AE().associate("127.0.0.1", port_of(further), contexts())

            async def choose(event):
                return forward(event, onward)

            async with (
                onward,
                serving(acceptor(), [(evt.EVT_C_STORE_HEADER, choose)]) as server,
                await AE().associate("127.0.0.1", port_of(server), contexts()) as assoc,
            ):
                status = await assoc.send_c_store(data_set(100), transfer_syntax=IMPLICIT)
                assert status.Status == 0xC211

    run(scenario())
