"""The scenarios with many associations, a long link or a program in the middle, at a small size."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from bench.test_run import contestant, instances, measured, needs_limit

import fastdicom
from fastdicom.bench import inputs, report_json
from fastdicom.bench.contestants import IMPLEMENTATIONS, OURS_AIO
from fastdicom.bench.entries import Figure
from fastdicom.bench.peers.first_byte import data_length, pdus
from fastdicom.bench.peers.knock import echo_request, prepared_request
from fastdicom.bench.peers.relay import Relay
from fastdicom.bench.peers.side import Together
from fastdicom.bench.run import Result
from fastdicom.bench.scenarios import BY_NAME, Scenario, Variant

__all__ = ["instances"]

FEW = tuple(Variant(str(senders), senders=senders) for senders in (1, 3))
HAS_AIO = IMPLEMENTATIONS[OURS_AIO].version() is not None


def few(name: str) -> Scenario:
    """Return a scenario with many senders, with few."""
    return replace(BY_NAME[name], variants=FEW, sender_processes=2)


@pytest.mark.parametrize(
    "name",
    [
        "fastdicom",
        pytest.param("limit", marks=needs_limit),
        "pynetdicom",
        pytest.param(
            OURS_AIO, marks=pytest.mark.skipif(not HAS_AIO, reason="no fastdicom.aio, or no uvloop")
        ),
    ],
)
def test_senders_share_processes(name: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    one, three = measured(few("store-parallel"), [name], instances, tmp_path)
    assert (one.name, three.name) == ("store-parallel-1", "store-parallel-3")
    assert one.figures[name].median > 0 < three.figures[name].median


def test_who_has_many_senders() -> None:
    names = {
        variant.suffix: [name for name, each in IMPLEMENTATIONS.items() if each.can(variant)]
        for variant in BY_NAME["store-parallel"].variants
    }
    assert {"pynetdicom", "dcmtk"} <= set(names["8"])
    assert not {"pynetdicom", "dcmtk"} & set(names["64"])
    assert {"fastdicom", "limit"} <= set(names["512"])


def test_a_result_without_a_contestant(instances: list[inputs.Instance], tmp_path: Path) -> None:
    scenario = replace(few("store-parallel"), variants=(Variant("1"), Variant("9", senders=9)))
    one, nine = measured(scenario, ["pynetdicom"], instances, tmp_path)
    assert list(one.figures) == ["pynetdicom"]
    assert nine.figures == nine.errors == {}


class Counting:
    """A sender that counts what it is to send."""

    def __init__(self, fails: bool = False) -> None:
        self.sent = 0
        self._fails = fails

    def connect(self, port: int) -> None:
        pass

    def run(self, port: int, n: int) -> None:
        if self._fails:
            raise ConnectionError("gone")
        self.sent += n

    def disconnect(self) -> None:
        pass


@pytest.mark.parametrize(("senders", "n"), [(3, 100), (4, 3), (1, 1), (64, 64)])
def test_senders_in_one_process_send_all(senders: int, n: int) -> None:
    several = [Counting() for _ in range(senders)]
    Together(list(several)).run(0, n)
    assert sum(each.sent for each in several) == n


def test_a_sender_that_fails_is_told_of() -> None:
    with pytest.raises(ConnectionError, match="gone"):
        Together([Counting(fails=True), Counting(fails=True)]).run(0, 100)


def test_handlers_in_several_processes(instances: list[inputs.Instance], tmp_path: Path) -> None:
    variants = (Variant("1", senders=2), Variant("2", senders=2, processes=2))
    results = measured(replace(BY_NAME["processes"], variants=variants), ["fastdicom"], instances, tmp_path)
    assert [result.name for result in results] == ["processes-1", "processes-2"]
    assert all(result.figures["fastdicom"].median > 0 for result in results)


# --- idle associations


@pytest.mark.parametrize(("name", "count"), [("fastdicom", 30), ("pynetdicom", 5)])
def test_idle(name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.bench.probes.SETTLING", 0.01)
    scenario = replace(BY_NAME["idle-100"], associations=count)
    results = measured(scenario, [name], [], tmp_path)
    assert results[0].errors == {}
    told = {result.variant.suffix: result.figures[name].median for result in results}
    assert list(told) == ["cpu", "memory", "first", "next"]
    assert [result.unit for result in results][:2] == ["% of a core", "kB/association"]
    assert told["first"] > 0 < told["next"]


def test_pynetdicom_has_a_hundred() -> None:
    assert contestant("pynetdicom").takes_part_in(BY_NAME["idle-100"])
    assert not contestant("pynetdicom").takes_part_in(BY_NAME["idle-1000"])
    assert not contestant("fastdicom>pynetdicom").takes_part_in(BY_NAME["idle-100"])


def test_where_less_is_better_the_ratio_is_turned_round() -> None:
    scenario = BY_NAME["idle-100"]
    result = Result("idle-100-cpu", scenario, scenario.variants[0])
    result.figures = {
        "fastdicom": Figure(0.5, 0.5, 0.5, None, None),
        "pynetdicom": Figure(150.0, 150.0, 150.0, None, None),
    }
    assert result.ratios == {"pynetdicom": 300.0}
    fields = report_json.scenario(result)
    assert fields["is_better_less"] is True
    assert fields["unit"] == "% of a core"
    result.figures["fastdicom"] = Figure(0.0, 0.0, 0.0, None, None)
    assert result.ratios == {}
    assert json.loads(json.dumps(fields)) == fields


def test_what_is_prepared_is_dicom() -> None:
    request = prepared_request()
    assert request[0] == 1
    assert int.from_bytes(request[2:6], "big") == len(request) - 6
    assert b"1.2.840.10008.1.1" in request
    assert echo_request() == fastdicom_echo_request()


def fastdicom_echo_request() -> bytes:
    """Return what fastdicom sends: the same."""
    from fastdicom.bench import limits

    sent: list[bytes] = []
    ae = fastdicom.AE()
    ae.add_supported_context(limits.VERIFICATION)
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(fastdicom.evt.EVT_DATA_RECV, lambda event: sent.append(bytes(event.data)))],
    )
    scu = fastdicom.AE()
    scu.add_requested_context(limits.VERIFICATION)
    with scu.associate("127.0.0.1", server.server_address[1]) as association:
        association.send_c_echo()
    server.shutdown()
    return next(pdu for pdu in sent if pdu[0] == 4)


# --- a long link


def test_the_relay_delays_and_keeps_the_order() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        relay = Relay(0.02)
        relay.answer({"do": "open", "port": listening.getsockname()[1]})
        with socket.create_connection(("127.0.0.1", relay.port)) as near:
            far, _ = listening.accept()
            with far:
                started = monotonic()
                for number in range(100):
                    near.sendall(bytes((number,)) * 1000)
                received = b""
                while len(received) < 100_000:
                    received += far.recv(100_000)
                assert monotonic() - started >= 0.02
                assert received == b"".join(bytes((number,)) * 1000 for number in range(100))
                far.sendall(b"back")
                assert near.recv(10) == b"back"
                assert monotonic() - started >= 0.04
                near.shutdown(socket.SHUT_WR)
                assert far.recv(1) == b""


@pytest.mark.parametrize("name", ["fastdicom", "pynetdicom"])
def test_a_long_link(name: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    scenario = replace(BY_NAME["wan-small"], delay=0.001)
    results = measured(scenario, [name], instances, tmp_path)
    assert results[0].errors == {}
    assert results[0].figures[name].median > 0
    if name == "fastdicom":
        assert all(result.figures[name].median > 0 for result in results)


# --- a program in the middle


@pytest.mark.parametrize("name", ["fastdicom", "pynetdicom"])
def test_a_route(name: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    scenario = BY_NAME["route"]
    if name == "fastdicom" and not hasattr(fastdicom, "forward"):
        scenario = replace(scenario, variants=scenario.variants[1:])
    results = measured(scenario, [name], instances, tmp_path)
    assert results[0].errors == {}
    assert all(result.figures[name].median > 0 for result in results)


@pytest.mark.parametrize("way", ["stored", "cut-through"])
def test_the_first_byte(
    way: str, instances: list[inputs.Instance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "cut-through" and not hasattr(fastdicom, "forward"):
        pytest.skip("fastdicom has no forward yet")
    large = inputs.make("tiny", inputs.Made(70_000, files=1, side=16), tmp_path / "large")
    scenario = replace(BY_NAME["route-first-byte"], variants=(Variant(way=way),))
    (result,) = measured(scenario, ["fastdicom"], large, tmp_path)
    # How much it is depends on the machine; tests/test_forwarding.py holds what has to be out when.
    assert 0 < result.figures["fastdicom"].median <= 100


def test_fragments_of_data_sets_are_counted() -> None:
    command = bytes((4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 3, 7, 7))
    data = bytes((4, 0, 0, 0, 0, 9, 0, 0, 0, 5, 1, 2, 7, 7, 7))
    assert [data_length(pdu) for pdu in (command, data, b"\5\0\0\0\0\4\0\0\0\0")] == [0, 3, 0]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(command + data[:3])
        threading.Timer(0.0, lambda: (ours.sendall(data[3:]), ours.close())).start()
        assert list(pdus(theirs)) == [command, data]
