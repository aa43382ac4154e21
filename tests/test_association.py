"""An association as its users have it: ended from anywhere, used by several threads, watched while idle."""

from __future__ import annotations

import gc
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import model
import pytest
from raw_peer import CT, IMPLICIT, Raw, acceptance, contexts, data_set, fake_acceptor
from servers import DEADLINE, associate, await_event, serving, store_ae, wait_until

from fastdicom import AE, Association, AssociationAborted, build_context, evt
from fastdicom.errors import AssociationReleased
from fastdicom.sop_class import Verification

CONTEXTS = [build_context(Verification), build_context(CT, IMPLICIT)]

# More than the buffers of both sockets hold.
LARGE = 16 << 20


def store(association: Association, size: int = 64) -> Any:
    return association.send_c_store(data_set(size), transfer_syntax=IMPLICIT)


def assert_aborted(association: Association) -> None:
    assert association.is_aborted
    assert not (association.is_established or association.is_released or association.is_rejected)


# --- ends ------------------------------------------------------------------------------------------------


def test_an_abort_from_a_handler() -> None:
    """R1."""
    closed = threading.Event()

    def abort(event: evt.Event) -> int:
        event.assoc.abort()
        event.assoc.abort()
        return 0x0000

    handlers = [(evt.EVT_C_STORE, abort), (evt.EVT_CONN_CLOSE, lambda event: closed.set())]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=CONTEXTS)
        assert "Status" not in store(association)
        assert_aborted(association)
        await_event(closed)
        assert server.active_associations == []


def test_an_abort_while_a_response_is_awaited() -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def wait(event: evt.Event) -> int:
        is_asked.set()
        await_event(may_answer)
        return 0x0000

    with serving(store_ae({CT}), [(evt.EVT_C_STORE, wait)]) as server, ThreadPoolExecutor() as threads:
        association = associate(AE(), server, contexts=CONTEXTS)
        answer = threads.submit(store, association)
        await_event(is_asked)
        association.abort()
        association.abort()
        assert "Status" not in answer.result(DEADLINE)
        assert_aborted(association)
        may_answer.set()
        wait_until(lambda: server.active_associations == [])


def test_an_abort_in_a_long_send_to_a_peer_that_does_not_read() -> None:
    is_sending, is_over = threading.Event(), threading.Event()

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance())
        peer.receive(100_000)
        is_sending.set()
        await_event(is_over)

    with fake_acceptor(script) as port, ThreadPoolExecutor() as threads:
        association = AE().associate("127.0.0.1", port, contexts=contexts())
        answer = threads.submit(store, association, LARGE)
        await_event(is_sending)
        association.abort()
        assert "Status" not in answer.result(DEADLINE)
        assert_aborted(association)
        is_over.set()


def test_a_server_that_shuts_down_aborts_its_associations() -> None:
    with serving(store_ae({CT})) as server:
        many = [associate(AE(), server, contexts=CONTEXTS) for _ in range(5)]
        wait_until(lambda: len(server.active_associations) == 5)
        server.shutdown()
        server.shutdown()
        for association in many:
            wait_until(lambda association=association: not association.is_established)
            assert_aborted(association)


def test_after_a_release_nothing_is_possible_and_nothing_hangs() -> None:
    with serving(store_ae({CT})) as server:
        association = associate(AE(), server, contexts=CONTEXTS)
        association.release()
        association.release()
        association.abort()
        assert association.is_released and not association.is_aborted
        with pytest.raises(AssociationReleased):
            association.send_c_echo()
        with pytest.raises(RuntimeError):
            store(association)


def test_an_exception_aborts_and_the_end_releases() -> None:
    with serving(store_ae({CT})) as server:
        with pytest.raises(ZeroDivisionError), associate(AE(), server, contexts=CONTEXTS) as association:
            raise ZeroDivisionError
        assert_aborted(association)
        with associate(AE(), server, contexts=CONTEXTS) as association:
            pass
        assert association.is_released


@pytest.mark.parametrize("end", [model.abort(0, 0), model.abort(2, 2), model.release_rq(), b""])
def test_the_end_is_noticed_while_idle(end: bytes) -> None:
    """Nothing is called but `is_established`."""
    is_told = threading.Event()

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance())
        await_event(is_told)
        if end:
            peer.send(end)
        else:
            peer.socket.shutdown(socket.SHUT_WR)
        if end == model.release_rq():
            assert peer.receive_pdu() == model.release_rp()
            peer.close()
        else:
            assert peer.receive_all() == []

    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts=contexts())
        assert association.is_established
        is_told.set()
        wait_until(lambda: not association.is_established)
        assert association.is_released == (end == model.release_rq())
        assert association.is_aborted == (end != model.release_rq())


# --- several threads -------------------------------------------------------------------------------------


def test_one_association_in_two_threads() -> None:
    arrived: list[bytes] = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append(bytes(event.encoded))
        return 0x0000

    sent = [[data_set(20_000, f"1.{thread}.{i}") for i in range(50)] for thread in range(2)]

    def send(association: Association, objects: list[bytes]) -> list[int]:
        statuses = []
        for encoded in objects:
            statuses.append(association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status)
            statuses.append(association.send_c_echo().Status)
            assert association.is_established
        return statuses

    with (
        serving(store_ae({CT}), [(evt.EVT_C_STORE, keep)]) as server,
        associate(AE(), server, contexts=CONTEXTS) as association,
        ThreadPoolExecutor() as threads,
    ):
        results = [threads.submit(send, association, objects) for objects in sent]
        assert [set(result.result(DEADLINE)) for result in results] == [{0}, {0}]
    assert sorted(arrived) == sorted(sent[0] + sent[1])


def test_many_associations_at_once() -> None:
    ae = store_ae({CT})
    with serving(ae, [(evt.EVT_C_STORE, lambda event: 0x0000)]) as server, ThreadPoolExecutor(20) as threads:

        def use(number: int) -> int:
            with associate(AE(f"CLIENT{number}"), server, contexts=CONTEXTS) as association:
                statuses = {store(association, 10_000).Status for _ in range(10)}
            assert association.is_released
            return statuses.pop() if len(statuses) == 1 else -1

        assert list(threads.map(use, range(40))) == [0] * 40
        wait_until(lambda: ae.active_associations == [])


# --- servers and memory, in processes of their own --------------------------------------------------------


def run(program: str, *arguments: object, timeout: float = 60) -> str:
    result = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_a_server_that_blocks_can_be_interrupted() -> None:
    # Where tests run in the background of a shell, SIGINT is ignored unless somebody wants it.
    program = """
import signal
import threading
from fastdicom import AE, evt
from servers import wait_until
signal.signal(signal.SIGINT, signal.default_int_handler)
ae = AE()
ae.add_supported_context("1.2.840.10008.1.1")
def announce():
    wait_until(lambda: ae._servers)
    print(next(iter(ae._servers)).server_address[1], flush=True)
threading.Thread(target=announce).start()
try:
    ae.start_server(("127.0.0.1", 0), block=True)
except KeyboardInterrupt:
    print("interrupted", ae.active_associations, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        association = AE().associate("127.0.0.1", port, contexts=CONTEXTS[:1])
        assert association.send_c_echo().Status == 0x0000
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted []\n"
        assert process.wait(DEADLINE) == 0
        wait_until(lambda: not association.is_established)
        assert_aborted(association)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# The receiver is alone in its process; the sender maps a file, whose pages are not memory of its own.
RECEIVE = """
import resource, sys
from raw_peer import CT, IMPLICIT
from servers import serving, store_ae, port_of
from fastdicom import evt
directory, limit = sys.argv[1:]
ae = store_ae({CT})
if directory:
    ae.store_directory = directory
else:
    ae.memory_limit = int(limit)
seen = []
handlers = [(evt.EVT_C_STORE, lambda event: seen.append(event.encoded.encoded_length()) or 0x0000)]
with serving(ae, handlers) as server:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(port_of(server), flush=True)
    sys.stdin.readline()
    print(sum(seen), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, flush=True)
"""


def receive_large(size: int, directory: Path | None, source: Path) -> tuple[int, int]:
    """Have a process receive an object; return its length and how far its memory grew."""
    pytest.importorskip("resource")
    front = data_set(0)[:-4] + size.to_bytes(4, "little")
    with source.open("wb") as file:
        file.write(front)
        file.truncate(len(front) + size)
    receiver = subprocess.Popen(
        [sys.executable, "-c", RECEIVE, str(directory or ""), str(1 << 20)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert receiver.stdin is not None and receiver.stdout is not None
    try:
        port = int(receiver.stdout.readline())

        with (
            source.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages,
            AE().associate("127.0.0.1", port, contexts=CONTEXTS) as association,
        ):
            assert association.send_c_store(pages, transfer_syntax=IMPLICIT).Status == 0x0000
        receiver.stdin.write("\n")
        receiver.stdin.flush()
        length, growth = map(int, receiver.stdout.readline().split())
    finally:
        receiver.kill()
        receiver.wait()
        receiver.stdin.close()
        receiver.stdout.close()
    assert length == len(front) + size
    return length, growth


@pytest.mark.parametrize("where", ["directory", "spooled"])
def test_memory_stays_flat_for_a_large_object(where: str, tmp_path: Path) -> None:
    directory = tmp_path / "received"
    directory.mkdir()
    # `event.encoded` maps the file; only its length is asked for, so its pages are not touched.
    _, growth = receive_large(64 << 20, directory if where == "directory" else None, tmp_path / "source")
    assert growth < 16 << 20
    assert len(os.listdir(directory)) == (where == "directory")


@pytest.mark.soak
@pytest.mark.parametrize("where", ["directory", "spooled"])
def test_memory_stays_flat_for_an_object_of_2_gb(where: str, tmp_path: Path) -> None:
    directory = tmp_path / "received"
    directory.mkdir()
    _, growth = receive_large(2 << 30, directory if where == "directory" else None, tmp_path / "source")
    assert growth < 16 << 20


def test_an_abort_names_itself_to_who_goes_on() -> None:
    with serving(store_ae({CT})) as server:
        association = associate(AE(), server, contexts=CONTEXTS)
        association.abort()
        with pytest.raises(AssociationAborted):
            association.send_c_echo()


def test_what_was_not_sent_is_let_go_at_once() -> None:
    """An association that is over, and referred to, does not keep the object that it was sending."""

    class Encoded(bytearray):
        pass

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        peer.receive_pdu()
        peer.send(model.abort(0, 0))

    encoded = Encoded(data_set(LARGE))
    gone = weakref.ref(encoded)
    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts=contexts())
        gc.disable()
        try:
            assert "Status" not in association.send_c_store(encoded, transfer_syntax=IMPLICIT)
            del encoded
            assert gone() is None
        finally:
            gc.enable()
    assert_aborted(association)
