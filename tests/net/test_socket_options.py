"""What is set on sockets, on both sides, as the system tells it."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from servers import associate, serving, store_ae

from fastdicom import AE, SocketOptions, build_context
from fastdicom.net.addresses import connect
from fastdicom.sop_class import Verification

CONTEXTS = [build_context(Verification)]


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Return the sockets of the associations that there are, both sides."""
    found: list[socket.socket] = []
    from fastdicom.net.connection import Connection

    original = Connection.__init__

    def noting(connection: Connection, provider: Any, sock: socket.socket, *rest: Any, **more: Any) -> None:
        found.append(sock)
        original(connection, provider, sock, *rest, **more)

    monkeypatch.setattr(Connection, "__init__", noting)
    return found


def options_of(sock: socket.socket) -> dict[str, int]:
    rows = {
        "no delay": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
        "keep alive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        "idle": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        "interval": (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
        "count": (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
        "send": (socket.SOL_SOCKET, socket.SO_SNDBUF),
        "receive": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    }
    return {name: sock.getsockopt(*row) for name, row in rows.items()}


def pair(ours: SocketOptions, theirs: SocketOptions, sockets: list[Any]) -> list[dict[str, int]]:
    """Return what an acceptor's socket has and what a requestor's has, in whatever order they are made."""
    ae, requestor = store_ae(set()), AE()
    ae.socket_options, requestor.socket_options = ours, theirs
    sockets.clear()
    with serving(ae) as server, associate(requestor, server, contexts=CONTEXTS) as association:
        assert association.send_c_echo().Status == 0x0000
        port = server.server_address[1]
        return [options_of(sock) for sock in sorted(sockets, key=lambda sock: sock.getsockname()[1] != port)]


def test_the_defaults(sockets: list[Any]) -> None:
    for options in pair(SocketOptions(), SocketOptions(), sockets):
        assert options["no delay"] and options["keep alive"]


def test_all_of_them(sockets: list[Any]) -> None:
    given = SocketOptions(
        keep_alive_idle=77,
        keep_alive_interval=11,
        keep_alive_count=3,
        send_buffer=50_000,
        receive_buffer=60_000,
    )
    both = pair(given, given, sockets)
    assert len(both) == 2
    for options in both:
        assert options["no delay"] == options["keep alive"] == 1
        assert (options["idle"], options["interval"], options["count"]) == (77, 11, 3)
        # Linux doubles what is asked for, for its own use.
        assert options["send"] in (50_000, 100_000)
        assert options["receive"] in (60_000, 120_000)


def test_without_keep_alive(sockets: list[Any]) -> None:
    off = SocketOptions(keep_alive=False)
    assert [options["keep alive"] for options in pair(off, SocketOptions(), sockets)] == [0, 1]
    assert [options["keep alive"] for options in pair(SocketOptions(), off, sockets)] == [1, 0]
    assert [options["no delay"] for options in pair(off, off, sockets)] == [1, 1]


@pytest.mark.parametrize("name", ["keep_alive_idle", "send_buffer", "receive_buffer", "backlog"])
@pytest.mark.parametrize("value", [0, -1])
def test_what_cannot_be(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        SocketOptions(**{name: value})


def test_the_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    listen = socket.socket.listen

    def noting(sock: socket.socket, backlog: int) -> None:
        asked.append(backlog)
        listen(sock, backlog)

    monkeypatch.setattr(socket.socket, "listen", noting)
    ae = store_ae(set())
    with serving(ae):
        pass
    ae.socket_options = SocketOptions(backlog=7)
    with serving(ae):
        pass
    server = ae.start_server(("", 0), block=False)
    server.shutdown()
    assert asked == [1024, 7, 7]


def test_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(store_ae(set())) as server:
        port = server.server_address[1]
        rows = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.9", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: rows)
        sock, address = connect("peer", port, bind_address=None, timeout=5, options=SocketOptions())
        with sock:
            assert address == ("127.0.0.1", port)
