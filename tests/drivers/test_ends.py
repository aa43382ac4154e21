"""How an association ends, and how it does not come about."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import model
import pytest
from drivers.both import LOCALHOST, NOTIFICATIONS, Driver, until
from drivers.conftest import Run
from drivers.parties import acceptor, proposal
from raw_peer import DEADLINE, IMPLICIT, Raw, acceptance, contexts, data_set, fake_acceptor

from fastdicom import build_context, evt
from fastdicom.errors import AssociationAborted, AssociationRejected, ConnectionFailed
from fastdicom.sop_class import MRImageStorage


def telling(events: list[str]) -> list[tuple[Any, Any]]:
    """Return handlers that note what they are told of."""

    async def note(event: Any) -> None:
        events.append(event.event.name.removeprefix("EVT_"))

    return [(event, note) for event in NOTIFICATIONS]


def test_what_is_told_of_a_life(driver: Driver, run: Run) -> None:
    here: list[str] = []
    there: list[str] = []

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), telling(there)) as server:
            async with driver.associated(driver.ae(), server, handlers=telling(here), **proposal()) as assoc:
                assert assoc.is_requestor
            await until(lambda: "CONN_CLOSE" in there and "CONN_CLOSE" in here)

    run(scenario())
    assert here == there == ["REQUESTED", "ACCEPTED", "ESTABLISHED", "RELEASED", "CONN_CLOSE"]


def test_aborted_by_the_requestor(driver: Driver, run: Run) -> None:
    """While the acceptor's handler runs: that has nobody to answer any more."""
    go_on = asyncio.Event()
    told: list[str] = []
    asked: list[bool] = []

    async def store(event: Any) -> int:
        asked.append(True)
        await go_on.wait()
        return 0x0000

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), [(evt.EVT_C_STORE, store), *telling(told)]) as server:
            assoc = await driver.associate(driver.ae(), server.server_address[1], **proposal())
            sending = asyncio.ensure_future(assoc.send_c_store(data_set(), transfer_syntax=IMPLICIT))
            await until(lambda: asked)
            assoc.abort()
            assert "Status" not in await sending
            assert assoc.is_aborted
            assert not assoc.is_established
            with pytest.raises(RuntimeError, match="aborted by this side"):
                await assoc.send_c_echo()
            go_on.set()
            await until(lambda: "CONN_CLOSE" in told)

    run(scenario())
    assert told[-2:] == ["ABORTED", "CONN_CLOSE"]


def test_aborted_by_a_handler(driver: Driver, run: Run) -> None:
    async def echo(event: Any) -> int:
        event.assoc.abort()
        return 0x0000

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), [(evt.EVT_C_ECHO, echo)]) as server:
            assoc = await driver.associate(driver.ae(), server.server_address[1], **proposal())
            assert "Status" not in await assoc.send_c_echo()
            assert assoc.is_aborted
            await assoc.release()  # nothing happens
            assoc.abort()

    run(scenario())


def test_the_end_is_noticed_when_something_is_asked_for(driver: Driver, run: Run) -> None:
    async def scenario() -> None:
        async with driver.serving(acceptor(driver)) as server:
            assoc = await driver.associate(driver.ae(), server.server_address[1], **proposal())
            await until(lambda: server.active_associations)
            for each in server.active_associations:
                each.abort()
            await until(lambda: not assoc.is_established)
            assert assoc.is_aborted

    run(scenario())


def test_released_by_the_acceptor(driver: Driver, run: Run) -> None:
    told: list[str] = []

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance(), model.release_rq())
        assert peer.receive_pdu() == model.release_rp()

    async def scenario() -> None:
        with fake_acceptor(script) as port:
            assoc = await driver.associate(driver.ae(), port, contexts(), handlers=telling(told))
            await until(lambda: assoc.is_released)
            assert not assoc.is_aborted
            await assoc.release()

    run(scenario())
    assert "RELEASED" in told


def test_rejected(driver: Driver, run: Run) -> None:
    told: list[str] = []

    async def scenario() -> None:
        ae = acceptor(driver, require_called_aet=True)
        async with driver.serving(ae) as server:
            port = server.server_address[1]
            assoc = await driver.associate(
                driver.ae(), port, ae_title="SOMEBODY", handlers=telling(told), **proposal()
            )
            assert assoc.is_rejected
            assert not assoc.is_established
            with pytest.raises(AssociationRejected, match="called AE title"):
                await assoc.send_c_echo()
            assoc = await driver.associate(driver.ae(), port, ae_title="ACCEPTOR", **proposal())
            assert assoc.is_established
            await assoc.release()

    run(scenario())
    assert "REJECTED" in told


def test_nothing_is_accepted(driver: Driver, run: Run) -> None:
    async def scenario() -> None:
        async with driver.serving(acceptor(driver)) as server:
            port = server.server_address[1]
            assoc = await driver.associate(driver.ae(), port, [build_context(MRImageStorage)])
            assert assoc.is_aborted
            assert [each.abstract_syntax for each in assoc.rejected_contexts] == [MRImageStorage]

    run(scenario())


def test_nobody_listens(driver: Driver, run: Run) -> None:
    with socket.socket() as unused:
        unused.bind((LOCALHOST, 0))
        port = unused.getsockname()[1]

        async def scenario() -> None:
            assoc = await driver.associate(driver.ae(), port, contexts())
            assert assoc.is_aborted
            with pytest.raises(ConnectionFailed):
                await assoc.send_c_echo()

        run(scenario())


# Time.


def test_no_answer_to_the_request(driver: Driver, run: Run) -> None:
    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.receive_all()

    async def scenario() -> None:
        with fake_acceptor(script) as port:
            assoc = await driver.associate(driver.ae(acse_timeout=0.05), port, contexts())
            assert assoc.is_aborted

    run(scenario())


def test_no_response_in_time(driver: Driver, run: Run) -> None:
    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        peer.receive_message()
        assert peer.receive_pdu()[:1] == b"\7"

    async def scenario() -> None:
        with fake_acceptor(script) as port:
            assoc = await driver.associate(driver.ae(dimse_timeout=0.05), port, contexts())
            assert "Status" not in await assoc.send_c_echo()
            assert assoc.is_aborted

    run(scenario())


def test_a_requestor_that_says_nothing(driver: Driver, run: Run) -> None:
    told: list[str] = []

    async def scenario() -> None:
        ae = acceptor(driver, network_timeout=0.05)
        async with driver.serving(ae, telling(told)) as server:
            assoc = await driver.associate(driver.ae(), server.server_address[1], **proposal())
            await until(lambda: not assoc.is_established)
            assert assoc.is_aborted
            await until(lambda: "CONN_CLOSE" in told)

    run(scenario())
    assert told[-2:] == ["ABORTED", "CONN_CLOSE"]


# A peer that breaks the protocol.


def aborted_for(driver: Driver, run: Run, *what: bytes) -> None:
    """Send something after the acceptance and the request for an echo: the association is aborted."""

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        peer.receive_message()
        peer.send(*what)
        assert peer.receive_pdu()[:1] == b"\7"
        peer.close()

    async def scenario() -> None:
        with fake_acceptor(script) as port:
            assoc = await driver.associate(driver.ae(), port, contexts())
            assert "Status" not in await assoc.send_c_echo()
            assert assoc.is_aborted
            with pytest.raises(AssociationAborted):
                await assoc.send_c_echo()

    run(scenario())


def echo_rsp(message_id: int) -> bytes:
    command = {0x0002: "1.2.840.10008.1.1", 0x0100: 0x8030, 0x0120: message_id, 0x0800: 0x0101, 0x0900: 0}
    return model.p_data_tf([(1, 3, model.command_set(command))])


def test_a_response_that_nobody_asked_for(driver: Driver, run: Run) -> None:
    aborted_for(driver, run, echo_rsp(99))


def test_a_pdu_of_no_type(driver: Driver, run: Run) -> None:
    aborted_for(driver, run, b"\x55\0\0\0\0\4abcd")


def test_a_message_on_no_context(driver: Driver, run: Run) -> None:
    aborted_for(driver, run, model.p_data_tf([(77, 3, echo_rsp(1)[12:])]))


def test_the_peer_goes_away(driver: Driver, run: Run) -> None:
    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        peer.receive_message()
        peer.reset()

    async def scenario() -> None:
        with fake_acceptor(script) as port:
            assoc = await driver.associate(driver.ae(), port, contexts())
            assert "Status" not in await assoc.send_c_echo()
            assert assoc.is_aborted

    run(scenario())


def test_requests_that_come_too_early(driver: Driver, run: Run) -> None:
    """One operation at once has been agreed on: with a second request the acceptor aborts."""
    from raw_peer import associate_raw, echo_rq

    async def echo(event: Any) -> int:
        await asyncio.sleep(0.01)
        return 0x0000

    def requestor(port: int) -> bytes:
        with associate_raw(port) as peer:
            peer.send(echo_rq(1) + echo_rq(2))
            return peer.receive_all()[-1]

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), [(evt.EVT_C_ECHO, echo)]) as server:
            last = await asyncio.to_thread(requestor, server.server_address[1])
            assert last[:1] == b"\7"

    run(scenario())


def test_who_takes_nothing_is_reset(driver: Driver, run: Run) -> None:
    """The system must not keep what was never taken: it would offer that for minutes after the end."""
    is_over = threading.Event()
    outcome: list[str] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance())
        assert is_over.wait(DEADLINE)
        try:
            while peer.socket.recv(1 << 20):
                pass
            outcome.append("closed")
        except ConnectionResetError:
            outcome.append("reset")

    async def scenario(port: int) -> None:
        told: list[str] = []
        ae = driver.ae(dimse_timeout=0.2)
        assoc = await driver.associate(ae, port, contexts(), handlers=telling(told))
        large = data_set(64 << 20)
        assert "Status" not in await assoc.send_c_store(large, transfer_syntax=IMPLICIT)
        await until(lambda: "CONN_CLOSE" in told)

    with fake_acceptor(script, receive_buffer=4096) as port:
        run(scenario(port))
        is_over.set()
    assert outcome == ["reset"]
