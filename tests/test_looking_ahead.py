"""C-GET and C-MOVE look one object ahead: while a response is awaited, the next object is made ready."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from retrieving import (
    GET,
    MOVE,
    PENDING,
    Receiver,
    Told,
    archive,
    archive_ae,
    asking,
    destination,
    file_content,
    file_of,
    get,
    identifier,
    move,
    small_object,
)
from servers import await_event, port_of, wait_until

from fastdicom.association import Association

FIRST = "1.2.3.1"


class Prepared:
    """Notes what is made ready."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.objects: list[Any] = []
        self.has_second = threading.Event()
        self._events: dict[Any, threading.Event] = {}
        real = Association.prepare_c_store

        async def prepare(association: Association, what: Any, transfer_syntax: str | None) -> Any:
            try:
                return await real(association, what, transfer_syntax)
            finally:
                self.objects.append(what)
                if len(self.objects) == 2:
                    self.has_second.set()
                if isinstance(what, Path):
                    self.of(what).set()

        monkeypatch.setattr(Association, "prepare_c_store", prepare)

    def of(self, path: Path) -> threading.Event:
        """Return what is set once a file has been made ready."""
        return self._events.setdefault(path, threading.Event())


def after_first(event: threading.Event, then: Callable[[Any], object] = bool) -> Receiver:
    """Return a receiver that answers the first object once something else has happened."""
    seen: list[str] = []

    def answer(store: Any) -> int:
        seen.append(str(store.request.AffectedSOPInstanceUID))
        if len(seen) == 1:
            await_event(event)
            then(store)
        return 0x0000

    return Receiver(answer)


def files(directory: Path, count: int = 3) -> list[Path]:
    """Write some DICOM files."""
    return [file_of(directory, number) for number in range(1, count + 1)]


# --- it is done ---


def test_the_next_file_is_read_while_a_response_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each is read once, also those for which the object before has come to nothing."""
    prepared = Prepared(monkeypatch)
    paths = files(tmp_path)

    def handler(event: Any) -> Iterator[Any]:
        yield 3
        for path in paths:
            yield PENDING, path

    receiver = after_first(prepared.has_second)
    with archive(handler) as server:
        told = get(server, receiver)
    assert prepared.objects == paths
    assert receiver.uids == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert told.counts == [(2, 1, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0), (None, 3, 0, 0)]


def test_so_it_is_for_another_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = Prepared(monkeypatch)
    paths = files(tmp_path)

    def handler(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", port_of(there)
        yield 3
        for path in paths:
            yield PENDING, path

    receiver = after_first(prepared.of(paths[1]))
    with destination(receiver) as there, archive(handler) as server:
        told = move(server)
    assert receiver.uids == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert told.counts == [(2, 1, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0), (None, 3, 0, 0)]


def test_one_object_is_looked_ahead_and_no_more() -> None:
    yielded: list[int] = []
    has_two = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield 4
        for number in range(4):
            yielded.append(number)
            if len(yielded) == 2:
                has_two.set()
            yield PENDING, small_object(number)

    seen: list[int] = []
    receiver = after_first(has_two, lambda store: seen.append(len(yielded)))
    with archive(handler) as server:
        get(server, receiver)
    assert seen == [2]


def test_what_is_more_than_announced_is_not_made_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = Prepared(monkeypatch)

    def handler(event: Any) -> Iterator[Any]:
        yield 1
        yield PENDING, small_object(1)
        yield PENDING, small_object(2)

    with archive(handler) as server:
        assert get(server).statuses == [PENDING, 0x0000]
    assert [each.SOPInstanceUID for each in prepared.objects] == [FIRST]


# --- what comes of it is told in its turn ---


def test_a_handler_that_raises_meanwhile_fails_after_the_object_has_been_counted() -> None:
    has_raised = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield 3
        yield PENDING, small_object(1)
        has_raised.set()
        raise RuntimeError("on purpose")

    with archive(handler) as server:
        told = get(server, after_first(has_raised))
    assert told.statuses == [PENDING, 0xC411]
    assert told.counts == [(2, 1, 0, 0), (None, 1, 2, 0)]


def test_what_cannot_be_made_ready_has_failed_when_it_is_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = Prepared(monkeypatch)
    (tmp_path / "none.dcm").write_bytes(bytes(200))

    def handler(event: Any) -> Iterator[Any]:
        yield 3
        yield PENDING, small_object(1)
        yield PENDING, tmp_path / "none.dcm"
        yield PENDING, small_object(3)

    with archive(handler) as server:
        told = get(server, after_first(prepared.has_second))
    assert told.counts == [(2, 1, 0, 0), (1, 1, 1, 0), (0, 2, 1, 0), (None, 2, 1, 0)]
    assert len(prepared.objects) == 3


def test_the_uid_of_what_fails_is_known_though_the_handler_has_gone_on(tmp_path: Path) -> None:
    path = file_of(tmp_path, 1)
    is_gone = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield 2
        yield PENDING, path
        path.unlink()
        is_gone.set()
        yield PENDING, small_object(2)

    def answer(store: Any) -> int:
        await_event(is_gone)
        return 0xA700 if store.request.AffectedSOPInstanceUID == FIRST else 0x0000

    with archive(handler) as server:
        told = get(server, Receiver(answer))
    assert (told.counts[-1], told.failed) == ((None, 1, 1, 0), [FIRST])


# --- a handler that takes its time ---


@pytest.mark.parametrize("model", [GET, MOVE])
def test_a_slow_handler_holds_up_no_count_and_no_pending_response(model: str, tmp_path: Path) -> None:
    has_counted = threading.Event()
    path = file_of(tmp_path, 1)

    def handler(event: Any) -> Iterator[Any]:
        if model == MOVE:
            yield "127.0.0.1", port_of(there)
        yield 2
        yield PENDING, path
        await_event(has_counted)
        yield PENDING, small_object(2)

    with (
        destination() as there,
        archive(handler, pending_interval=None) as server,
        asking(server, Receiver()) as association,
    ):
        told = Told()
        if model == GET:
            responses = association.send_c_get(identifier(), GET)
        else:
            responses = association.send_c_move(identifier(), "THERE", MOVE)
        for status, found in responses:
            told.add(status, found)
            has_counted.set()
    assert told.counts == [(1, 1, 0, 0), (0, 2, 0, 0), (None, 2, 0, 0)]


def test_a_handler_that_hangs_meanwhile_has_had_its_time() -> None:
    goes_on, is_closed = threading.Event(), threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        try:
            yield 2
            yield PENDING, small_object(1)
            await_event(goes_on)
            yield PENDING, small_object(2)
        finally:
            is_closed.set()

    receiver = Receiver()
    with archive(handler, handler_timeout=0.2) as server, asking(server, receiver) as association:
        told = Told.of(association.send_c_get(identifier(), GET))
        wait_until(lambda: not association.is_established)
        assert association.is_aborted
        wait_until(lambda: not server.active_associations)
        goes_on.set()
        await_event(is_closed)
    assert told.statuses == [PENDING, 0xC411]
    assert receiver.uids == [FIRST]


def test_a_handler_may_ask_the_peer_for_something_meanwhile() -> None:
    told_in_handler: list[int] = []

    def handler(event: Any) -> Iterator[Any]:
        yield 2
        yield PENDING, small_object(1)
        told_in_handler.append(int(event.assoc.send_c_store(small_object(9)).Status))
        yield PENDING, small_object(2)

    receiver = Receiver(lambda store: 0xB000 if store.request.AffectedSOPInstanceUID == FIRST else 0x0000)
    with archive(handler) as server:
        told = get(server, receiver)
    assert told_in_handler == [0x0000]
    assert receiver.uids == [FIRST, "1.2.3.9", "1.2.3.2"]
    assert told.counts[-1] == (None, 1, 0, 1)


# --- the end ---


def descriptors_of(path: Path) -> int:
    """Return how many descriptors of this process a file has."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}") == str(path)
        except OSError:  # closed meanwhile
            continue
    return count


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
@pytest.mark.parametrize("length", [100_000, 5 << 20])
@pytest.mark.parametrize("how", ["cancel", "abort"])
def test_what_is_ready_and_not_wanted_any_more_is_let_go(
    how: str, length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long file is mapped, with a descriptor; a shorter one is in memory from the pool."""
    prepared = Prepared(monkeypatch)
    path = tmp_path / "2.dcm"
    path.write_bytes(file_content(2) + bytes(length))
    is_closed = threading.Event()
    seen: list[int] = []

    def handler(event: Any) -> Iterator[Any]:
        try:
            yield 3
            yield PENDING, small_object(1)
            yield PENDING, path
        finally:
            is_closed.set()

    def end(store: Any) -> None:
        seen.append(descriptors_of(path))
        if how == "cancel":
            store.assoc.send_c_cancel(7, query_model=GET)
        else:
            store.assoc.abort()

    receiver = after_first(prepared.has_second, end)
    ae = archive_ae()
    gc.disable()
    try:
        with archive(handler, ae) as server, asking(server, receiver) as association:
            told = Told.of(association.send_c_get(identifier(), GET, msg_id=7))
            await_event(is_closed)
            wait_until(lambda: descriptors_of(path) == 0)
            if length < 1 << 20:
                wait_until(lambda: ae.buffer_pool.kept > 30_000)
    finally:
        gc.enable()
    assert seen == [1 if length > 1 << 20 else 0]
    assert receiver.uids == [FIRST]
    if how == "cancel":
        assert told.statuses == [PENDING, 0xFE00]
        assert told.counts == [(2, 1, 0, 0), (2, 1, 0, 0)]


# --- what a C-MOVE has to send once more ---


def test_an_object_that_is_sent_again_is_that_of_before(tmp_path: Path) -> None:
    """The handler has written its file anew meanwhile."""
    path = file_of(tmp_path, 1)
    has_gone_on = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", port_of(there)
        yield 2
        yield PENDING, path
        path.write_bytes(file_content(2))
        has_gone_on.set()
        yield PENDING, path

    def answer(store: Any) -> int:
        if not receiver.uids[1:]:
            await_event(has_gone_on)
            store.assoc.abort()
        return 0x0000

    receiver = Receiver(answer)
    with destination(receiver) as there, archive(handler) as server:
        told = move(server)
    assert receiver.uids == [FIRST, FIRST, "1.2.3.2"]
    assert receiver.data_sets[0] == receiver.data_sets[1] != receiver.data_sets[2]
    assert told.counts[-1] == (None, 2, 0, 0)


def test_while_a_buffer_of_the_handler_is_under_way_it_is_not_asked_for_the_next() -> None:
    """It may fill the same one again, and what is lost has to be sent again."""
    has_gone_on = threading.Event()
    contents = [file_content(number) for number in (1, 2)]

    def handler(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", port_of(there)
        yield 2
        buffer = bytearray(contents[0])
        yield PENDING, buffer
        has_gone_on.set()
        buffer[:] = contents[1]
        yield PENDING, buffer

    seen: list[bool] = []

    def answer(store: Any) -> int:
        seen.append(has_gone_on.wait(0.1 if len(seen) < 2 else 0))
        if len(seen) == 1:
            store.assoc.abort()
        return 0x0000

    receiver = Receiver(answer)
    with destination(receiver) as there, archive(handler) as server:
        told = move(server)
    assert receiver.uids == [FIRST, FIRST, "1.2.3.2"]
    assert receiver.data_sets[0] == receiver.data_sets[1] != receiver.data_sets[2]
    assert seen[:2] == [False, False]
    assert told.counts[-1] == (None, 2, 0, 0)
