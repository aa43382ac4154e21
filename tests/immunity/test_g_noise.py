"""Groups G1 and G2: those who speak something else, and what of them gets into a log."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    ABORT_UNRECOGNIZED_PDU,
    IMMEDIATELY,
    Attack,
    Victim,
    attack,
    check_admission,
    final_pdus,
    send_anyway,
)
from raw_peer import (
    CT,
    IMPLICIT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    acceptance,
    associate_raw,
    connect_raw,
    data_set,
    request,
    user_information,
)
from tls_files import Files, write

from fastdicom.tls import client_context


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        client_context(verifies_peer=False).wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


NOISE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(27),
    "TLS": client_hello(),
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "HL7": b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r\x1c\r",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SMTP": b"EHLO example.org\r\n",
    "SMB": b"\0\0\0\x54\xffSMB\x72" + bytes(75),
    "RDP": b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0",
    "telnet": b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23",
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "lines": b"\r\n" * 500,
    "nul and text": b"\0hello, world",
    **{f"random {seed}": random.Random(seed).randbytes(2000) for seed in range(20)},
}

SHORT = {"a byte": b"\0", "a line": b"\r\n", "five bytes": b"HELP\n", "a request line": b"\1\0\0\0\4"}


def assert_turned_away(attacker: Attack, port: int, said: bytes, longest: float) -> list[bytes]:
    """Say something and wait, as other protocols do: an A-ABORT comes, or nothing, and then the end."""
    start = monotonic()
    with connect_raw(port) as peer:
        send_anyway(peer, said)
        answers = peer.receive_all()
    assert monotonic() - start < longest
    return answers


def test_g1_another_protocol_on_our_port(victim: Victim) -> None:
    """AA-1, as soon as there is something like a header."""
    with attack(victim, acse_timeout=15.0, growth=8 << 10) as attacker:
        for case, said in NOISE.items():
            answers = assert_turned_away(attacker, victim.port, said, IMMEDIATELY)
            assert answers in ([ABORT_BY_USER], []), case  # a reset may overtake it
        attacker.await_freed()


def test_g1_less_than_a_header(victim: Victim) -> None:
    with attack(victim, acse_timeout=0.3) as attacker:
        for said in SHORT.values():
            assert assert_turned_away(attacker, victim.port, said, 0.3 + IMMEDIATELY) == []
        attacker.await_freed()


def test_g1_another_protocol_within_an_association(victim: Victim) -> None:
    with attack(victim) as attacker:
        for case, said in NOISE.items():
            if said[0] in range(1, 8):
                continue  # a PDU, more or less
            peer = attacker.associate()
            send_anyway(peer, said)
            assert peer.receive_all() in ([ABORT_UNRECOGNIZED_PDU], []), case
            peer.close()
            attacker.await_freed()


ANSWERS = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "TLS alert": b"\x15\3\1\0\2\2\x46",
    "SMTP": b"220 example.org ESMTP\r\n",
    "HL7": NOISE["HL7"],
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "its own request": request(),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_g1_another_protocol_answers_our_requestor(victim: Victim, case: str) -> None:
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        send_anyway(peer, ANSWERS[case])
        heard.extend(final_pdus(peer))

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, [])
    assert outcome["aborted"] and not outcome["established"]
    expected = model.abort(2, 2) if case == "its own request" else ABORT_UNRECOGNIZED_PDU
    assert heard in ([expected], [])


# --- G1: TLS ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture
def tls_victim(victims: Callable[..., Victim], files: Files) -> Victim:
    return victims(tls=[str(files.certificate), str(files.key)])


def test_g1_no_tls_on_a_tls_port(tls_victim: Victim) -> None:
    """The handshake fails at once; nothing of DICOM is answered."""
    port = tls_victim.tell("tls_port")
    noise = {case: said for case, said in NOISE.items() if case != "TLS"} | {"DICOM": request()}
    with attack(tls_victim, handshake_timeout=0.6, growth=8 << 10) as attacker:
        waited = 0
        for case, said in noise.items():
            start = monotonic()
            with connect_raw(port) as peer:
                send_anyway(peer, said)
                answer = peer.receive(1000)
            waited += monotonic() - start > 0.5
            assert answer[:1] in (b"", b"\x15"), case  # nothing, or a TLS alert
        assert waited < len(noise) / 4  # some may be the beginning of a record
        attacker.await_freed()


def test_g1_noise_after_a_tls_handshake(tls_victim: Victim) -> None:
    """What is in TLS is looked at as anything else."""
    port = tls_victim.tell("tls_port")
    with attack(tls_victim, room=2, growth=12 << 10) as attacker:
        for case, said in NOISE.items():
            context = client_context(verifies_peer=False)
            with Raw(context.wrap_socket(connect_raw(port).socket, server_hostname="localhost")) as peer:
                with suppress(ssl.SSLError):
                    peer.send(said)
                with suppress(ssl.SSLError):
                    assert peer.receive_all() in ([ABORT_BY_USER], []), case
        attacker.await_freed()


def test_g1_noise_within_tls_records(tls_victim: Victim) -> None:
    """After the handshake, bytes that are no records."""
    port = tls_victim.tell("tls_port")
    with attack(tls_victim, room=2, growth=12 << 10) as attacker:
        for said in (NOISE["HTTP"], NOISE["zeros"], NOISE["random 1"], b"\x17\3\3\xff\xff" + bytes(70_000)):
            plain = connect_raw(port).socket
            context = client_context(verifies_peer=False)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(65536))
            tls.write(request())
            plain.sendall(outgoing.read())
            with Raw(plain) as peer:
                send_anyway(peer, said)
                while peer.receive(65536):
                    pass
        attacker.await_freed()


def test_g1_tls_on_the_plain_port_of_our_requestor(victim: Victim) -> None:
    """Our requestor begins with TLS, and the peer does not speak it."""
    with attack(victim, as_requestor=True, handshake_timeout=0.5) as attacker:
        for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", acceptance(), model.abort(0, 0), b""):

            def script(peer: Raw, answer: bytes = answer) -> None:
                assert peer.receive(1) == b"\x16"
                send_anyway(peer, answer)
                while peer.receive(4096):
                    pass

            outcome = attacker.face(script, [], tls=True)
            assert outcome["aborted"] and not outcome["established"]


# --- G1: the log ------------------------------------------------------------------------------------------

BOUND = 80
"""Lines of warnings that a flood of a thousand may leave: 20 of a kind in ten seconds."""


def flood(attacker: Attack, port: int, count: int, said: list[bytes]) -> int:
    """Connect so often, and say something each time; return how many warnings there are more."""
    before = attacker.victim.look().warnings
    for number in range(count):
        with connect_raw(port) as peer:
            send_anyway(peer, said[number % len(said)])
            with suppress(ConnectionError):
                peer.receive(1)
    attacker.await_freed()
    after: int = attacker.victim.look().warnings
    return after - before


def test_g1_thousand_bad_connections_do_not_flood_the_log(victim: Victim) -> None:
    with attack(victim, room=20, acse_timeout=15.0, growth=8 << 10) as attacker:
        lines = flood(attacker, victim.port, 1000, list(NOISE.values()))
    assert lines <= BOUND


def test_g1_thousand_failed_handshakes_do_not_flood_the_log(tls_victim: Victim) -> None:
    said = [request(), *(NOISE[case] for case in ("HTTP", "HL7", "zeros"))]
    with attack(tls_victim, room=20, handshake_timeout=0.5, growth=8 << 10) as attacker:
        lines = flood(attacker, tls_victim.tell("tls_port"), 1000, said)
        assert lines <= BOUND and tls_victim.look().warnings > 0


def test_g1_associations_that_go_wrong_do_not_flood_the_log(victim: Victim) -> None:
    """The same within associations: aborts, unknown operations, wrong contexts."""
    wrong = [
        model.p_data_tf([(1, 3, b"nonsense")]),
        model.p_data_tf([(7, 3, b"")]),
        b"GET / HTTP/1.1\r\n\r\n",
        model.p_data_tf([(1, 3, model.command_set({0x0100: 0x8030, 0x0120: 9, 0x0800: 0x0101}))]),
    ]
    with attack(victim, room=20) as attacker:
        before = victim.look().warnings
        for number in range(300):
            with associate_raw(victim.port) as peer:
                send_anyway(peer, wrong[number % len(wrong)])
                final_pdus(peer)
        peer = attacker.associate()
        unknown = {0x0002: VERIFICATION, 0x0100: 0x0666, 0x0110: 1, 0x0800: 0x0101}
        for _ in range(300):
            peer.send(model.p_data_tf([(1, 3, model.command_set(unknown))]))
            assert peer.receive_message()[1][0x0900] == 0x0211
        assert victim.look().warnings - before <= 2 * BOUND


# --- G2 ---------------------------------------------------------------------------------------------------

INJECTIONS = {
    "a line": b"A\nCRITICAL x",
    "CR LF": b"A\r\nERROR x",
    "an escape": b"\x1b[31mRED\x1b[0m",
    "C1": b"\x9b31mRED",
    "NUL": b"A\0B",
    "backspace": b"A\x08\x08B",
    "delete": b"A\x7fB",
    "a format": b"%n%s%d%x",
    "a template": b"{0.__class__}",
    "next line": b"A\x85B",
    "all": bytes(range(1, 17)),
}


def lines_since(victim: Victim, before: Any) -> list[str]:
    now = victim.look()
    new: int = now.lines - before.lines
    lines: list[str] = now.log[len(now.log) - min(new, len(now.log)) :]
    return lines


def assert_clean(victim: Victim, before: Any) -> None:
    """No line has a control character, and none is longer than a log bears."""
    for line in lines_since(victim, before):
        assert all(0x20 <= ord(character) < 0x7F or ord(character) >= 0xA0 for character in line), repr(line)


def hostile_requests(text: bytes) -> list[bytes]:
    """A-ASSOCIATE-RQ PDUs with a text in each place that there is for one."""
    name = model.item(0x10, b"1.2.840.10008.3.1.1.1")
    echo = model.context_rq(1, VERIFICATION, [IMPLICIT])
    bad_abstract = model.item(
        0x20, b"\3\0\0\0" + model.item(0x30, text) + model.item(0x40, IMPLICIT.encode())
    )
    bad_transfer = model.item(0x20, b"\3\0\0\0" + model.item(0x30, CT.encode()) + model.item(0x40, text))
    counted = len(text).to_bytes(2, "big") + text
    information = [
        model.item(0x52, text) + model.item(0x55, text),
        model.item(0x54, counted + b"\1\1"),
        model.item(0x56, counted + text),
        model.item(0x57, counted + counted + b"\0\0"),
        model.item(0x58, b"\2\1" + counted + counted),
    ]
    plain = user_information()
    rows = [
        (b"CALLED", text, [name, echo, plain]),
        (text, b"CALLING", [name, echo, plain]),
        (b"CALLED", b"CALLING", [model.item(0x10, text), echo, plain]),
        (b"CALLED", b"CALLING", [name, bad_abstract, plain]),
        (b"CALLED", b"CALLING", [name, bad_transfer, plain]),
        *(
            (b"CALLED", b"CALLING", [name, echo, model.item(0x50, model.maximum_length(16384) + item)])
            for item in information
        ),
    ]
    return [model.associate(1, called[:16], calling[:16], items) for called, calling, items in rows]


@pytest.mark.parametrize("case", INJECTIONS)
def test_g2_what_a_requestor_is_called_does_not_get_into_the_log(victim: Victim, case: str) -> None:
    text = INJECTIONS[case]
    with attack(victim, room=20) as attacker:
        for titles in (False, True):
            with victim.set(require_called_aet=titles, require_calling_aet=["OTHER"] if titles else []):
                for sent in hostile_requests(text):
                    with connect_raw(victim.port) as peer:
                        send_anyway(peer, sent, model.release_rq())
                        final_pdus(peer)
        attacker.await_freed()
        lines = lines_since(victim, attacker.before)
        assert any("association accepted from" in line for line in lines)  # it is told, in another form
        assert_clean(victim, attacker.before)
        check_admission(victim)


@pytest.mark.parametrize("sink", ["memory", "directory", "full"])
def test_g2_what_is_stored_does_not_get_into_the_log(victim: Victim, sink: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"store_directory": str(tmp_path)} if sink != "memory" else {}
    if sink == "full":
        settings["behaviour"] = "raise"
    with attack(victim, allows_faults=sink == "full", **settings) as attacker:
        peer = attacker.associate(calling=b"MISBEHAVE")
        for text in INJECTIONS.values():
            rows = {0x0002: CT, 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x0800: 1, 0x1000: text.decode("latin-1")}
            command = b"".join(
                model.command_element(element, value) for element, value in rows.items() if element != 0x1000
            )
            padded = text + bytes(len(text) % 2)
            command += b"\0\0\0\x10" + len(padded).to_bytes(4, "little") + padded
            peer.send(model.p_data_tf([(STORE_CONTEXT, 3, command), (STORE_CONTEXT, 2, data_set())]))
            assert peer.receive_message()[1][0x0900] == (0xC211 if sink == "full" else 0x0000)
        assert_clean(victim, attacker.before)


@pytest.mark.parametrize("case", INJECTIONS)
def test_g2_what_an_acceptor_says_does_not_get_into_the_log(victim: Victim, case: str) -> None:
    """Its names, and the error comments of its responses."""
    text = INJECTIONS[case]
    name = model.item(0x10, text)
    information = model.maximum_length(16384) + model.item(0x52, text) + model.item(0x55, text)

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        contexts = [model.context_ac(1, 0, IMPLICIT), model.context_ac(3, 0, IMPLICIT)]
        items = [name, *contexts, model.item(0x50, information)]
        peer.send(model.associate(2, text[:16], text[:16], items))
        asked = peer.receive_message()[1]
        elements = {
            0x0002: VERIFICATION,
            0x0100: 0x8030,
            0x0120: asked[0x0110],
            0x0800: 0x0101,
            0x0900: 0x0110,
        }
        command = model.command_set(elements)
        command += b"\0\0\2\x09" + len(text).to_bytes(4, "little") + text
        peer.send(model.p_data_tf([(1, 3, command)]))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with attack(victim, as_requestor=True) as attacker:
        outcome = attacker.face(script, ["echo"])
        assert outcome["did"] == [0x0110]
        assert_clean(victim, attacker.before)
