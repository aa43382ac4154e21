"""An HTTP proxy on the way to the peer: what it is asked, and whatever it answers."""

from __future__ import annotations

import logging
from base64 import b64encode
from time import monotonic
from typing import Any

import pytest
from peers import unused_port
from raw_peer import Raw, acceptance, contexts, fake_acceptor

from fastdicom import AE, ConnectionFailed
from fastdicom.net.proxy import DEFAULT_PORT, Proxy

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"


def read_request(peer: Raw) -> list[bytes]:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        more = peer.receive(1)
        assert more
        request += more
    return request.split(b"\r\n")[:-2]


def associate_through(proxy: Any, host: Any = "peer.example", **settings: Any) -> Any:
    ae = AE()
    for name, value in settings.items():
        setattr(ae, name, value)
    return ae.associate(host, 11112, contexts=contexts(), proxy=proxy)


def accept(peer: Raw) -> None:
    """Be the peer behind the proxy."""
    assert peer.receive_pdu()[:1] == b"\1"
    peer.send(acceptance())
    assert peer.receive_pdu()[:1] == b"\5"
    peer.send(b"\6\0\0\0\0\4\0\0\0\0")
    assert peer.receive_all() == []


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("peer.example", b"peer.example:11112"),
        ("192.0.2.1", b"192.0.2.1:11112"),
        ("2001:db8::1", b"[2001:db8::1]:11112"),
        (("2001:db8::1", 0, 0), b"[2001:db8::1]:11112"),
        ("bücher.example", b"xn--bcher-kva.example:11112"),
    ],
)
def test_what_the_proxy_is_asked(host: Any, target: bytes) -> None:
    """It resolves the name: this machine need not be able to."""

    def script(peer: Raw) -> None:
        assert read_request(peer) == [b"CONNECT " + target + b" HTTP/1.1", b"Host: " + target]
        peer.send(ESTABLISHED)
        accept(peer)

    with fake_acceptor(script) as port, associate_through(("127.0.0.1", port), host) as association:
        assert association.is_established


def test_user_and_password_and_what_comes_right_behind_the_reply(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    expected = b"Proxy-Authorization: Basic " + b64encode("us er:p@ss:wörd".encode())

    def script(peer: Raw) -> None:
        assert expected in read_request(peer)
        # The acceptor is impatient: its answer is in the same segment.
        peer.send(ESTABLISHED, acceptance())
        assert peer.receive_pdu()[:1] == b"\1"
        assert peer.receive_pdu()[:1] == b"\5"
        peer.send(b"\6\0\0\0\0\4\0\0\0\0")

    with fake_acceptor(script) as port:
        association = associate_through(f"http://us%20er:p%40ss%3Aw%C3%B6rd@127.0.0.1:{port}")
        assert association.is_established
        association.release()
    assert "p@ss" not in caplog.text and "Basic" not in caplog.text


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refused.*407 Proxy Authentication Required"),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", "refused.*503"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", "refused.*302"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "not answer in HTTP"),
        (b"HTTP/1.1 two OK\r\n\r\n", "not answer in HTTP"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not answer in HTTP"),
        (b"\r\n\r\n", "not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, "longer than 16384 bytes"),
        (b"HTTP/1.1 200", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_other_replies(reply: bytes, message: str) -> None:
    def script(peer: Raw) -> None:
        read_request(peer)
        peer.send(reply)
        peer.socket.shutdown(1)

    with fake_acceptor(script) as port:
        association = associate_through(f"http://user:secret@127.0.0.1:{port}")
        with pytest.raises(ConnectionFailed, match=message) as caught, association:
            pass
    text = str(caught.value)
    assert f"the proxy 127.0.0.1:{port}" in text
    assert "peer.example" in text
    assert "secret" not in text


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_proxy_that_does_not_answer(said: bytes) -> None:
    def script(peer: Raw) -> None:
        read_request(peer)
        peer.send(said)
        assert peer.receive_all() == []

    with fake_acceptor(script) as port:
        start = monotonic()
        association = associate_through(("127.0.0.1", port), connection_timeout=0.2)
        assert association.is_aborted
        assert 0.2 <= monotonic() - start < 5
        with pytest.raises(ConnectionFailed, match="in time"), association:
            pass


def test_a_proxy_that_trickles() -> None:
    """The time is for all of its reply: a byte now and then does not give it more."""

    def script(peer: Raw) -> None:
        read_request(peer)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            trickle(peer)

    def trickle(peer: Raw) -> None:
        for _ in range(200):
            peer.send(b"x")
            peer.is_over.wait(0.05)

    with fake_acceptor(script) as port:
        start = monotonic()
        assert associate_through(("127.0.0.1", port), connection_timeout=0.2).is_aborted
        assert monotonic() - start < 5


def test_a_proxy_that_is_not_there() -> None:
    port = unused_port()
    association = associate_through(("127.0.0.1", port))
    with pytest.raises(ConnectionFailed, match=f"through the proxy 127.0.0.1:{port}.*refused"), association:
        pass


@pytest.mark.parametrize("host", ["a b", "a\r\nX: y", "x" * 64])
def test_a_name_that_cannot_be_asked_for(host: str) -> None:
    def script(peer: Raw) -> None:
        assert peer.receive_all() == []

    with fake_acceptor(script) as port:
        association = associate_through(("127.0.0.1", port), host)
        with pytest.raises(ConnectionFailed, match="cannot be asked"), association:
            pass


@pytest.mark.parametrize(
    ("given", "host", "port", "authorization"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128, None),
        ("proxy.example:3128", "proxy.example", 3128, None),
        ("http://proxy.example/", "proxy.example", DEFAULT_PORT, None),
        ("http://[2001:db8::1]:3128", "2001:db8::1", 3128, None),
        (("proxy.example", 3128), "proxy.example", 3128, None),
        ("http://u:p@proxy.example:1", "proxy.example", 1, "Basic dTpw"),
        ("http://u@proxy.example:1", "proxy.example", 1, "Basic dTo="),
        (Proxy("x", 1), "x", 1, None),
    ],
)
def test_ways_to_give_a_proxy(given: Any, host: str, port: int, authorization: str | None) -> None:
    proxy = Proxy.parse(given)
    assert (proxy.host, proxy.port, proxy.authorization) == (host, port, authorization)
    assert "Basic" not in repr(proxy) and "Basic" not in str(proxy)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "https://u:secret@proxy.example",
        "socks5://u:secret@proxy.example",
        "http://u:secret@proxy.example:port",
        "http://u:secret@proxy.example:70000",
        "http://u:secret@/",
        "http://u:secret@proxy.example/path",
        "http://u:secret@proxy.example/?query",
    ],
)
def test_what_is_no_proxy(given: str) -> None:
    with pytest.raises(ValueError, match="a proxy is http://") as caught:
        AE().associate("127.0.0.1", 1, contexts=contexts(), proxy=given)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None
