"""One budget for the memory of all associations: past it, sockets are not read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import model
import pytest
from raw_peer import IMPLICIT, associate_raw, data_set, echo_rq, store_rq
from servers import await_event, port_of, serving, store_ae, wait_until
from test_forwarding import send

from fastdicom import AE, evt
from fastdicom.net.shortage import Shortage
from fastdicom.net.wires import SocketWire
from fastdicom.sop_class import CTImageStorage

LENGTH = 600_000
SUCCESS = b"\0\x09\x02\0\0\0\0\0"

# What may always be had, and so by each association beyond the budget.
LEAST = 16_384


class Keeper:
    """An SCP that keeps what it gets until it is told to let go."""

    def __init__(self, stack: ExitStack, budget: int | None = None) -> None:
        self.ae = store_ae({CTImageStorage}, [IMPLICIT])
        self.ae.memory_budget = budget
        self.may_let_go = threading.Event()
        self.stored: list[Any] = []
        self.paths: list[Any] = []
        self.most = 0
        self.server = stack.enter_context(serving(self.ae, [(evt.EVT_C_STORE, self._store)]))
        stack.callback(self.may_let_go.set)

    def _store(self, event: Any) -> int:
        self.most = max(self.most, self.ae.buffer_pool.used)
        self.stored.append(event.request.AffectedSOPInstanceUID)
        self.paths.append(event.dataset_path)
        await_event(self.may_let_go)
        return 0x0000

    def peer(self, stack: ExitStack) -> Any:
        return stack.enter_context(associate_raw(port_of(self.server)))

    @property
    def waiting(self) -> int:
        return len(self.ae.buffer_pool.waiting)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def send_all(peer: Any, length: int = LENGTH) -> threading.Thread:
    return in_thread(lambda: peer.send(*store_rq(data_set(length))))


def test_the_setting() -> None:
    ae = AE()
    assert ae.memory_budget is None or ae.memory_budget > 1 << 20
    for value in (None, 1, 10**12):
        ae.memory_budget = value
        assert ae.memory_budget == value
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="positive"):
            ae.memory_budget = wrong
    assert AE().memory_budget != 10**12


@pytest.mark.parametrize("budget", [20_000, 1_000_000, 2_500_000])
def test_all_finish_within_it(budget: int) -> None:
    """Many senders of objects that are together far beyond it: nothing fails, nothing waits for ever."""
    count, rounds = 8, 4
    with ExitStack() as stack:
        keeper = Keeper(stack, budget)
        keeper.may_let_go.set()
        statuses: list[int] = []

        def work() -> None:
            ae = AE()
            ae.add_requested_context(CTImageStorage, IMPLICIT)
            with ae.associate("127.0.0.1", port_of(keeper.server)) as association:
                statuses.extend(send(association, LENGTH, IMPLICIT) for _ in range(rounds))

        threads = [in_thread(work) for _ in range(count)]
        for thread in threads:
            thread.join()
        assert statuses == [0x0000] * count * rounds
        assert keeper.paths == [None] * count * rounds
        # One goes beyond it, and may have twice what it needs, as blocks double.
        assert keeper.most <= budget + 2 * LENGTH + count * LEAST
        assert keeper.waiting == 0
        wait_until(lambda: keeper.ae.buffer_pool.used == 0)


@pytest.mark.parametrize("wire", ["compiled", "python"])
def test_a_data_set_waits_until_there_is_room(wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if wire == "python":
        monkeypatch.setattr("fastdicom.net.wires.Wire", SocketWire)
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        peers = [keeper.peer(stack) for _ in range(3)]
        send_all(peers[0])
        wait_until(lambda: len(keeper.stored) == 1)
        threads = [send_all(peer) for peer in peers[1:]]
        wait_until(lambda: keeper.waiting == 2)
        assert len(keeper.stored) == 1
        assert keeper.ae.buffer_pool.used <= 2 * LENGTH + 3 * LEAST
        peer = keeper.peer(stack)
        peer.send(echo_rq())  # what is small goes on
        assert SUCCESS in peer.receive_pdu()
        peer.send(*store_rq(data_set(1000)))
        wait_until(lambda: len(keeper.stored) == 2)
        keeper.may_let_go.set()
        for each in (*peers, peer):
            assert SUCCESS in each.receive_pdu()
        for thread in threads:
            thread.join()
        assert keeper.paths == [None] * 4


def test_a_larger_budget_wakes_who_waits() -> None:
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        peers = [keeper.peer(stack) for _ in range(2)]
        send_all(peers[0])
        wait_until(lambda: len(keeper.stored) == 1)
        send_all(peers[1])
        wait_until(lambda: keeper.waiting == 1)
        keeper.ae.memory_budget = None
        wait_until(lambda: len(keeper.stored) == 2)


def test_who_waits_is_not_woken_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one wait for each time that memory is given back, and no more."""
    waits: list[int] = []
    wait = Shortage.wait

    def counted(self: Shortage, *arguments: Any) -> bool:
        waits.append(1)
        return wait(self, *arguments)

    monkeypatch.setattr(Shortage, "wait", counted)
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        peers = [keeper.peer(stack) for _ in range(2)]
        send_all(peers[0])
        wait_until(lambda: len(keeper.stored) == 1)
        send_all(peers[1])
        wait_until(lambda: keeper.waiting == 1)
        keeper.may_let_go.wait(0.1)
        assert len(waits) == 1
        keeper.may_let_go.set()
        assert SUCCESS in peers[1].receive_pdu()
        assert len(waits) <= 3


def test_it_is_waited_no_longer_than_a_timeout() -> None:
    """Then the object goes to a file."""
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        keeper.ae.dimse_timeout = 0.2
        peers = [keeper.peer(stack) for _ in range(2)]
        send_all(peers[0])
        wait_until(lambda: len(keeper.stored) == 1)
        send_all(peers[1])
        wait_until(lambda: len(keeper.stored) == 2)
        assert keeper.paths[0] is None
        assert keeper.paths[1].stat().st_size > LENGTH
        assert keeper.waiting == 0


@pytest.mark.parametrize("how", ["abort", "kill", "shutdown"])
def test_who_waits_can_be_aborted_at_once(how: str) -> None:
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        peers = [keeper.peer(stack) for _ in range(2)]
        send_all(peers[0])
        wait_until(lambda: len(keeper.stored) == 1)
        first = keeper.ae.active_associations
        send_all(peers[1])
        wait_until(lambda: keeper.waiting == 1)
        (waiting,) = [each for each in first if each._exchange.is_idle]
        if how == "shutdown":
            in_thread(keeper.server.shutdown)
        else:
            getattr(waiting, how)()
        wait_until(lambda: keeper.waiting == 0)
        if how == "abort":
            assert peers[1].receive_pdu()[:1] in (b"\7", b"")
        keeper.may_let_go.set()
        wait_until(lambda: waiting not in keeper.ae._all_associations())


def test_a_header_that_there_is_no_room_for() -> None:
    """The handler chooses with what there is, once it has been waited for."""
    seen: list[bool] = []
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        keeper.ae.dimse_timeout = 0.2
        peer = keeper.peer(stack)
        send_all(peer)
        wait_until(lambda: len(keeper.stored) == 1)
        keeper.server.bind(evt.EVT_C_STORE_HEADER, lambda event: seen.append(event.is_complete))
        comment = b"\x20\0\0\x40" + (100_000).to_bytes(4, "little") + bytes(100_000)
        encoded = data_set(LENGTH)
        encoded = encoded[: -LENGTH - 8] + comment + encoded[-LENGTH - 8 :]
        other = keeper.peer(stack)
        in_thread(lambda: other.send(*store_rq(encoded)))
        wait_until(lambda: len(keeper.stored) == 2)
        assert seen == [False]
        assert keeper.paths[1].stat().st_size > LENGTH


def test_a_stream_goes_on_without_room() -> None:
    """What is passed on needs little memory, and ends: it is not what is to wait."""
    from routing import Archive, Router

    with ExitStack() as stack:
        archive = Archive(stack)
        router = Router(stack, archive.association(stack, IMPLICIT))
        router.ae.memory_budget = 1
        sender = router.association(stack, IMPLICIT)
        assert send(sender, 3_000_000, IMPLICIT) == 0x0000
        assert send(sender, 64, IMPLICIT) == 0x0000
        assert archive.objects == [data_set(3_000_000), data_set(64)] or len(archive.objects) == 2


def test_identifiers_that_do_not_fit_are_dropped() -> None:
    """Only objects go to files: others are answered as beyond `memory_limit`."""
    with ExitStack() as stack:
        keeper = Keeper(stack, LENGTH)
        keeper.ae.dimse_timeout = 0.2
        peer = keeper.peer(stack)
        send_all(peer)
        wait_until(lambda: len(keeper.stored) == 1)
        other = keeper.peer(stack)
        command = {0x0002: CTImageStorage, 0x0100: 0x0020, 0x0110: 1, 0x0700: 0, 0x0800: 1}
        pdus = model.message(3, model.command_set(command), bytes(LENGTH), 16382)
        in_thread(lambda: other.send(*pdus))
        assert other.receive_pdu()[:1] == b"\4"
