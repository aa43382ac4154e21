"""Groups T1, T4, T5: peers that take their time, and clocks that do not tell it."""

from __future__ import annotations

import ast
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import model
import pytest
from immunity.harness import (
    ABORT_BY_USER,
    GROWTH,
    IMMEDIATELY,
    OUR_MAXIMUM_LENGTH,
    Victim,
    attack,
    echo,
    release,
    store,
)
from immunity.states import names
from raw_peer import (
    DEADLINE,
    STORE_CONTEXT,
    Raw,
    acceptance,
    data_set,
    echo_rq,
    request,
    response,
    store_command,
    store_rq,
)

TIMEOUT = 0.4

TIMEOUTS = {"acse_timeout": TIMEOUT, "dimse_timeout": TIMEOUT, "network_timeout": 10.0}

PAUSE = threading.Event()
"""Never set: waiting for it is being slow."""

COMMAND_PDU = model.p_data_tf([(STORE_CONTEXT, 3, store_command())])


def assert_ends(peer: Raw, expected: list[list[bytes]], *, least: float = TIMEOUT * 0.9) -> None:
    """It ends after the timeout, and not much after it."""
    start = monotonic()
    assert peer.receive_all() in expected
    assert least < monotonic() - start < TIMEOUT + IMMEDIATELY


# --- T1: our acceptor -------------------------------------------------------------------------------------

SILENT_BEFORE = {
    "nothing": b"",
    "a byte": b"\1",
    "a header": request()[:6],
    "all but a byte": request()[:-1],
    "a PDU of 1 MB, begun": b"\1\0\0\x0f\0\0" + bytes(50_000),
}


def test_t1_silence_before_an_association(victim: Victim) -> None:
    """ARTIM: the connection is closed without a word (AA-2)."""
    with attack(victim, room=len(SILENT_BEFORE), **TIMEOUTS) as attacker:
        peers = {}
        for case, said in SILENT_BEFORE.items():
            peers[case] = attacker.connect()
            peers[case].send(said)
        start = monotonic()
        for case, peer in peers.items():
            assert peer.receive_all() == [], case
            assert TIMEOUT * 0.8 < monotonic() - start < TIMEOUT + IMMEDIATELY, case
        attacker.await_freed()


def test_t1_a_byte_now_and_then_before_an_association(victim: Victim) -> None:
    """ARTIM is for all of the request: no byte starts it anew."""
    with attack(victim, **TIMEOUTS) as attacker:
        peer = attacker.connect()
        start = monotonic()
        peer.socket.settimeout(TIMEOUT / 8)
        is_over = False
        for byte in request():
            try:
                peer.send(bytes([byte]))
                is_over = peer.socket.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                is_over = True
            if is_over:
                break
        assert is_over and monotonic() - start < TIMEOUT + IMMEDIATELY
        attacker.await_freed()


SILENT_WITHIN = {
    "half a PDU": [echo_rq()[:-10]],
    "a PDU header": [echo_rq()[:6]],
    "part of a command set": [model.p_data_tf([(STORE_CONTEXT, 1, store_command()[:30])])],
    "a command set": [COMMAND_PDU],
    "part of a data set": store_rq(data_set(100_000))[:4],
    "part of a PDU of a data set": [b"".join(store_rq(data_set(100_000))[:4])[:-100]],
    "part of a file": store_rq(data_set(2 << 20))[:-1],
}


def test_t1_silence_within_a_message(victim: Victim) -> None:
    """No progress for dimse_timeout."""
    with attack(victim, room=len(SILENT_WITHIN), growth=4 * GROWTH, **TIMEOUTS) as attacker:
        peers = {}
        for case, said in SILENT_WITHIN.items():
            peers[case] = attacker.associate()
            peers[case].send(*said)
        start = monotonic()
        for case, peer in peers.items():
            assert peer.receive_pdu() == ABORT_BY_USER, case
            assert monotonic() - start < TIMEOUT + IMMEDIATELY, case
        assert monotonic() - start > TIMEOUT * 0.5
        assert attacker.stored() == []


def test_t1_silence_between_messages(victim: Victim) -> None:
    """Nothing at all for network_timeout."""
    with attack(victim, **TIMEOUTS | {"network_timeout": TIMEOUT}) as attacker:
        peer = attacker.associate()
        assert_ends(peer, [[ABORT_BY_USER]])
        peer = attacker.associate()
        echo(peer)
        assert_ends(peer, [[ABORT_BY_USER]])


def test_t1_progress_counts_and_not_all_the_time(victim: Victim) -> None:
    """A message that takes four times dimse_timeout, in pieces, is no fault."""
    encoded = data_set(100_000)
    pdus = store_rq(encoded)
    with attack(victim, **TIMEOUTS) as attacker:
        peer = attacker.associate()
        for number in range(8):
            peer.send(*pdus[number * len(pdus) // 8 : (number + 1) * len(pdus) // 8])
            PAUSE.wait(TIMEOUT / 2)
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert [row[1] for row in attacker.stored()] == [len(encoded)]
        release(peer)


def send_until_closed(peer: Raw, data: bytes) -> float:
    """Send again and again until the connection is closed; return when the last byte was taken."""
    peer.socket.settimeout(TIMEOUT / 2)
    left, taken = memoryview(data), monotonic()
    while monotonic() - taken < DEADLINE:
        try:
            left = left[peer.socket.send(left) :] or memoryview(data)
            taken = monotonic()
        except TimeoutError:
            continue
        except ConnectionError:
            return taken
    raise AssertionError("it neither takes what is sent nor closes the connection")


def test_t1_peer_that_does_not_take_our_responses(victim: Victim) -> None:
    """Without a limit to operations it may ask on and on: our write ends by its own deadline."""
    with attack(victim, window=[0, 0], **TIMEOUTS) as attacker:
        peer = attacker.associate(window=(0, 0))
        # Left to itself it grows to megabytes, which take a slow machine many seconds of echoes to fill.
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        taken = send_until_closed(peer, b"".join(echo_rq(1 + i % 60_000) for i in range(2000)))
        assert monotonic() - taken < TIMEOUT + IMMEDIATELY
        attacker.await_freed()


# --- T1: our requestor ------------------------------------------------------------------------------------


def answer_nothing(peer: Raw) -> None:
    assert peer.receive_pdu()[:1] == b"\1"


def answer_half(peer: Raw) -> None:
    answer_nothing(peer)
    peer.send(acceptance()[:60])


def answer_a_byte_now_and_then(peer: Raw) -> None:
    answer_nothing(peer)
    for byte in acceptance()[:12]:
        try:
            peer.send(bytes([byte]))
        except ConnectionError:
            break
        PAUSE.wait(TIMEOUT / 8)


def respond_nothing(peer: Raw) -> None:
    answer_nothing(peer)
    peer.send(acceptance())
    assert peer.receive_pdu()[:1] == b"\4"


def respond_half(peer: Raw) -> None:
    respond_nothing(peer)
    peer.send(response({0x0002: "1.2.840.10008.1.1", 0x0100: 0x0030, 0x0110: 1})[:40])


def respond_in_part(peer: Raw) -> None:
    respond_nothing(peer)
    peer.send(model.p_data_tf([(1, 1, store_command()[:20])]))


def take_nothing(peer: Raw) -> None:
    answer_nothing(peer)
    peer.send(acceptance())


def release_nothing(peer: Raw) -> None:
    answer_nothing(peer)
    peer.send(acceptance())
    assert peer.receive_pdu() == model.release_rq()


SLOW_ACCEPTORS: dict[str, tuple[Callable[[Raw], None], list[str], str]] = {
    "no answer": (answer_nothing, [], "-"),
    "half an answer": (answer_half, [], "-"),
    "a byte now and then": (answer_a_byte_now_and_then, [], "-"),
    "no response": (respond_nothing, ["echo"], "ABORT-0-0"),
    "half a response": (respond_half, ["echo"], "ABORT-0-0"),
    "part of a response": (respond_in_part, ["echo"], "ABORT-0-0"),
    "no release": (release_nothing, [], "-"),
}


@pytest.mark.parametrize("case", SLOW_ACCEPTORS)
def test_t1_silent_peer_of_our_requestor(victim: Victim, case: str) -> None:
    script, operations, expected = SLOW_ACCEPTORS[case]
    heard: list[bytes] = []
    times: list[float] = []

    def run(peer: Raw) -> None:
        script(peer)
        start = monotonic()
        heard.extend(peer.receive_all())
        times.append(monotonic() - start)

    with attack(victim, as_requestor=True, **TIMEOUTS) as attacker:
        outcome = attacker.face(run, operations)
    assert names(heard) == expected
    assert outcome["aborted"] and not outcome["released"]
    assert times[0] < TIMEOUT + IMMEDIATELY


def test_t1_zero_window(victim: Victim) -> None:
    """The peer stops reading in the middle of our data set: no progress for dimse_timeout."""
    times: list[float] = []

    def script(peer: Raw) -> None:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        take_nothing(peer)
        start = monotonic()
        # nothing is read, and so it is not seen by the peer that the victim gives up
        while victim.tell("state", mode="requestor") != "Sta1":
            PAUSE.wait(0.01)
        times.append(monotonic() - start)

    with attack(victim, as_requestor=True, growth=48 << 10, **TIMEOUTS) as attacker:
        outcome = attacker.face(script, ["store:8000000"])
    assert outcome["aborted"] and outcome["did"] == ["no status"]
    assert TIMEOUT * 0.9 < times[0] < TIMEOUT + 1.0 + IMMEDIATELY  # it lingers a second after its abort


# --- T4: the clock ----------------------------------------------------------------------------------------


@pytest.fixture
def untimely(tmp_path: Path) -> Any:
    """A victim whose wall clock may be set."""
    victim = Victim(tmp_path)
    yield victim
    victim.discard()


@pytest.mark.parametrize("seconds", [1e6, -1e6])
def test_t4_clock_that_jumps(untimely: Victim, seconds: float) -> None:
    """Nothing ends for it, and what has to end does so in time."""
    victim = untimely
    with attack(victim, room=4, **TIMEOUTS) as attacker:
        idle = attacker.associate()
        receiving = attacker.associate()
        pdus = store_rq(data_set(100_000))
        receiving.send(*pdus[:3])
        waiting = attacker.connect()
        victim.tell("jump", seconds=seconds)
        assert_ends(waiting, [[]], least=TIMEOUT * 0.5)
        # receiving was silent for as long
        assert receiving.receive_all() == [ABORT_BY_USER]
        echo(idle)
        stuck = attacker.associate()
        stuck.send(*pdus[:3])
        assert_ends(stuck, [[ABORT_BY_USER]])
        store(idle)
        release(idle)


WALL_CLOCKS = {"time", "time_ns", "localtime", "gmtime", "ctime"}


@pytest.mark.source_tree
def test_t4_no_timer_looks_at_the_wall_clock() -> None:
    """Its uses are the timestamp of an event, and dates and times in data sets that are made here."""
    source = Path(__file__).parents[2] / "src" / "fastdicom"
    used = set()
    for path in source.rglob("*.py"):
        name = str(path.relative_to(source))
        if name.startswith(("apps", "bench")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
                used |= {
                    (name, alias.name) for alias in node.names if alias.name in WALL_CLOCKS | {"datetime"}
                }
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "time"
                and node.attr in WALL_CLOCKS
            ):
                used.add((name, node.attr))
    assert used <= {
        ("association/notifying.py", "time"),
        ("association/serving.py", "time"),
        ("watching/opentelemetry.py", "time_ns"),
        ("watching/trace.py", "time_ns"),
        ("_event_classes.py", "datetime"),
        ("workflow/print_reports.py", "datetime"),
        ("workflow/unified_procedure_step_provider.py", "datetime"),
        ("workflow/unified_procedure_step_rules.py", "datetime"),
    }


@pytest.mark.source_tree
def test_t4_no_kernel_looks_at_the_wall_clock() -> None:
    root = Path(__file__).parents[2]
    files = [*(root / "csrc").glob("fd_*.[ch]"), *(root / "src" / "fastdicom" / "_core").glob("*.pyx")]
    assert len(files) > 10
    wall_clock = re.compile(r"CLOCK_REALTIME|gettimeofday|\btime\s*\(|timespec_get|localtime|gmtime")
    assert [file.name for file in files if wall_clock.search(file.read_text(encoding="utf-8"))] == []


# --- T5: throughput ---------------------------------------------------------------------------------------

RULE = {
    "minimum_throughput": 2000,
    "throughput_window": 0.4,
    "dimse_timeout": 10.0,
    "acse_timeout": 0.5,
}


def trickle(peer: Raw, pdu: bytes, pause: float) -> list[bytes]:
    """Send PDUs, each after a pause, until there is an answer, which is returned."""
    peer.socket.settimeout(pause)
    start = monotonic()
    while monotonic() - start < 10:
        try:
            peer.send(pdu)
        except ConnectionError:
            return []
        try:
            first = peer.receive(1)
        except TimeoutError:
            continue
        peer.socket.settimeout(10)
        if not first:
            return []
        rest = peer.receive(5)
        return [first + rest + peer.receive(int.from_bytes(rest[1:], "big"))]
    raise AssertionError("it goes on for ever")


TRICKLES = {
    "a data set": (COMMAND_PDU, model.p_data_tf([(STORE_CONTEXT, 0, b"ab")])),
    "a command set": (b"", model.p_data_tf([(STORE_CONTEXT, 1, b"\0\0")])),
    "a PDU": (b"\4\0\0\0\x30\0\0\0\x2f\xfc\3\1", b"\0\0"),
}


@pytest.mark.parametrize("what", TRICKLES)
def test_t5_peer_that_trickles(victim: Victim, what: str) -> None:
    """Each PDV is legal, and there always is progress; but not enough of it."""
    begun, further = TRICKLES[what]
    with attack(victim, **RULE) as attacker:
        peer = attacker.associate()
        peer.send(begun)
        start = monotonic()
        assert trickle(peer, further, 0.02) in ([ABORT_BY_USER], [])
        assert monotonic() - start < 2 * RULE["throughput_window"] + IMMEDIATELY
        assert attacker.stored() == []


def test_t5_peer_that_takes_our_data_set_in_a_trickle(victim: Victim) -> None:
    def script(peer: Raw) -> None:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        take_nothing(peer)
        while victim.tell("state", mode="requestor") != "Sta1":
            peer.socket.recv(1 << 16)
            PAUSE.wait(0.02)

    start = monotonic()
    rule = RULE | {"minimum_throughput": 20_000_000}
    with attack(victim, as_requestor=True, growth=48 << 10, **rule) as attacker:
        outcome = attacker.face(script, ["store:8000000"])
    assert outcome["aborted"] and outcome["did"] == ["no status"]
    assert monotonic() - start < 8


def test_t5_peer_that_is_fast_enough(victim: Victim) -> None:
    """Slow, but not too slow: 5 kB a second."""
    pdus = [COMMAND_PDU]
    pdus += [model.p_data_tf([(STORE_CONTEXT, 0, bytes(240))])] * 50
    pdus.append(model.p_data_tf([(STORE_CONTEXT, 2, b"")]))
    with attack(victim, **RULE) as attacker:
        peer = attacker.associate()
        for pdu in pdus:
            peer.send(pdu)
            PAUSE.wait(0.02)
        assert peer.receive_message()[1][0x0900] == 0x0000
        assert [row[1] for row in attacker.stored()] == [50 * 240]
        release(peer)


def test_t5_nothing_is_counted_between_messages(victim: Victim) -> None:
    """An association that is idle for three windows is as good as ever."""
    with attack(victim, **RULE) as attacker:
        peer = attacker.associate()
        for number in (1, 2):
            PAUSE.wait(1.2 if number == 2 else 0.5)
            echo(peer, number)
            store(peer, number + 10, length=3 * OUR_MAXIMUM_LENGTH)
        release(peer)
