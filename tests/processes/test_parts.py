"""What servers of several processes are made of: settings that travel, sockets that do, and pauses."""

from __future__ import annotations

import copy
import os
import pickle
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import model
import pytest
import tls_files
from raw_peer import Raw, acceptance, contexts, fake_acceptor
from servers import DEADLINE

from fastdicom import AE, AssociationLimit, SocketOptions, evt
from fastdicom.net import handing_over, sharing
from fastdicom.net.crew import REQUESTORS
from fastdicom.net.handing_over import HandedOver, channel, hand_over
from fastdicom.processes.carrying import OF_THIS_PROCESS, settings_of
from fastdicom.processes.place import LONGEST_PAUSE, pause_after
from fastdicom.processes.server import ProcessServer, _check_can_fork
from fastdicom.sop_class import CTImageStorage, Verification
from fastdicom.tls import server_context

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are for POSIX systems only")

ADDRESS = ("127.0.0.1", 0)


def answer(event: Any) -> int:
    return 0x0000


def fail() -> ssl.SSLContext:
    raise FileNotFoundError("no certificate")


@pytest.fixture
def ae() -> AE:
    ae = AE("CARRIED")
    ae.add_supported_context(Verification)
    return ae


# --- an AE in another process


def test_the_settings_of_an_ae_are_pickled(ae: AE, tmp_path: Path) -> None:
    ae.add_requested_context(CTImageStorage)
    ae.admission = replace(ae.admission, networks=["10.0.0.0/8"], maximum_associations=77)
    ae.dimse_timeout = 12
    ae.transcoding = "none"
    ae.transfer_syntax_policy = "requestor"
    ae.socket_options = SocketOptions(backlog=7)
    ae.store_directory = tmp_path
    ae.accepts_any_storage = True
    ae.synchronous_peers = ["OLD"]
    ae.workers = 5
    for other in (pickle.loads(pickle.dumps(ae)), copy.copy(ae)):
        assert settings_of(other) == settings_of(ae)
        assert (other.ae_title, other.maximum_associations, other.dimse_timeout) == ("CARRIED", 77, 12)
        assert other.workers == 5 and other.workforce is not ae.workforce
        assert other.buffer_pool is not ae.buffer_pool
        assert other.active_associations == []


def test_everything_public_of_an_ae_is_a_setting_or_known_not_to_be_one(ae: AE) -> None:
    settings = settings_of(ae)
    pickle.dumps(settings)
    assert {name for name in vars(ae) if not name.startswith("_")} <= settings.keys() | OF_THIS_PROCESS
    assert {
        "ae_title",
        "admission",
        "supported_contexts",
        "memory_limit",
        "store_directory",
    } <= settings.keys()


class Particular(AE):
    """An AE of a user."""

    def __init__(self) -> None:
        super().__init__()
        self.archive = "main"


def test_a_subclass_keeps_its_attributes() -> None:
    ae = Particular()
    ae.archive = "other"
    other = pickle.loads(pickle.dumps(ae))
    assert type(other) is Particular
    assert other.archive == "other"


# --- what cannot be


def local_handlers() -> list[Any]:
    def on_echo(event: Any) -> int:
        return 0x0000

    return [(evt.EVT_C_ECHO, on_echo)]


@pytest.mark.parametrize(
    ("options", "setting", "message"),
    [
        ({"evt_handlers": local_handlers()}, {}, "the handler of EVT_C_ECHO cannot be sent .*on_echo"),
        (
            {"evt_handlers": [(evt.EVT_C_ECHO, answer, (threading.Lock(),))]},
            {},
            "the handler of EVT_C_ECHO cannot be sent .*lock",
        ),
        ({"ssl_context": ssl.create_default_context()}, {}, "ssl_context, which may be a function"),
        ({}, {"transfer_syntax_policy": lambda item, ours: None}, "AE.transfer_syntax_policy cannot be"),
        ({}, {"association_limit": AssociationLimit(3)}, "association_limit counts within one process"),
        ({"processes": 0}, {}, "processes is 0; at least 1"),
    ],
)
def test_what_cannot_be_sent_is_named(
    ae: AE, options: dict[str, Any], setting: dict[str, Any], message: str
) -> None:
    for name, value in setting.items():
        setattr(ae, name, value)
    with pytest.raises(ValueError, match=message):
        ae.start_server(ADDRESS, block=False, **{"processes": 2, "context": "spawn", **options})


def test_a_function_is_no_hindrance_to_fork(ae: AE) -> None:
    server = ae.make_server(
        ADDRESS, evt_handlers=local_handlers(), server_class=ProcessServer, processes=2, context="fork"
    )
    server.shutdown()


def test_forking_beside_threads_of_ours_is_refused(ae: AE) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="fastdicom-test")
    thread.start()
    try:
        with pytest.raises(RuntimeError, match=r'"fork" would copy the locks .*fastdicom-test.*"spawn"'):
            ae.start_server(ADDRESS, block=False, processes=2, context="fork")
    finally:
        end.set()
        thread.join(DEADLINE)
    assert ae.shutdown() == 0


def test_who_looks_after_requestors_is_soon_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An association of this process, which is over, does not keep it from forking."""
    begun = threading.Event()
    all_threads, of_others = threading.enumerate, set(threading.enumerate())
    monkeypatch.setattr(
        threading, "enumerate", lambda: [thread for thread in all_threads() if thread not in of_others]
    )

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        begun.wait(DEADLINE)
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts=contexts())
        assert REQUESTORS in {thread.name for thread in threading.enumerate()}
        begun.set()
        association.release()
    _check_can_fork()
    assert REQUESTORS not in {thread.name for thread in threading.enumerate()}


def test_an_address_that_is_taken(ae: AE) -> None:
    with socket.create_server(ADDRESS) as taken, pytest.raises(OSError, match="in use"):
        ae.start_server(taken.getsockname(), block=False, processes=2, context="spawn")


def test_a_platform_that_cannot(ae: AE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "SPREADS_CONNECTIONS", False)
    monkeypatch.setattr(sharing, "can_hand_over", lambda: False)
    with pytest.raises(OSError, match="no way to share a port"):
        ae.start_server(ADDRESS, block=False, processes=2, context="spawn")


def test_tls_is_replaced_by_a_function(ae: AE, tmp_path: Path) -> None:
    files = tls_files.write(tmp_path, "server")
    server = ae.make_server(ADDRESS, server_class=ProcessServer, processes=2, context="spawn")
    with pytest.raises(TypeError, match="a function"):
        server.ssl_context = server_context(files.certificate, files.key, ca=files.ca)
    with pytest.raises(FileNotFoundError):
        server.ssl_context = fail
    server.shutdown()


# --- pauses


def test_pauses_double_and_have_an_end() -> None:
    pauses = [pause_after(failures) for failures in range(14)]
    assert pauses[:4] == [0.0, 0.1, 0.2, 0.4]
    assert pauses[-1] == pause_after(10_000) == LONGEST_PAUSE


# --- connections that are handed over


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, HandedOver]]:
    near, far = channel()
    entrance = HandedOver(far, ("127.0.0.1", 104))
    entrance.setblocking(False)
    with near, entrance:
        yield near, entrance


def connection() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(ADDRESS) as listening:
        there = socket.create_connection(listening.getsockname())
        return listening.accept()[0], there


def test_a_connection_is_handed_over(ends: tuple[socket.socket, HandedOver]) -> None:
    near, entrance = ends
    assert entrance.getsockname() == ("127.0.0.1", 104)
    with pytest.raises(BlockingIOError):
        entrance.accept()
    here, there = connection()
    with there:
        assert hand_over(here, near)
        assert here.fileno() == -1
        taken, address = entrance.accept()
        with taken:
            assert address == there.getsockname()
            assert not taken.get_inheritable()
            taken.sendall(b"x")
            assert there.recv(1) == b"x"


def test_a_connection_that_nobody_has_room_for_stays(ends: tuple[socket.socket, HandedOver]) -> None:
    near, _ = ends
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    while True:
        here, there = connection()
        there.close()
        if not hand_over(here, near):
            break
    assert here.fileno() >= 0
    here.close()


def test_when_nobody_hands_over_any_more(ends: tuple[socket.socket, HandedOver]) -> None:
    near, entrance = ends
    near.close()
    with pytest.raises(OSError, match="no more connections will come"):
        entrance.accept()


def test_a_connection_that_has_gone_is_an_error_of_its_own(ends: tuple[socket.socket, HandedOver]) -> None:
    near, entrance = ends
    here, there = connection()
    there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert hand_over(here, near)
    there.close()  # which resets it
    with pytest.raises(OSError, match="not connected"):
        entrance.accept()


def test_handing_over_is_for_posix() -> None:
    assert handing_over.can_hand_over()
