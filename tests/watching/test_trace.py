"""Traces: what is read back from the file is what both sides have said, byte by byte."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt
import model
import pytest
import tls_files
from peers import missing
from raw_peer import (
    CT,
    IMPLICIT,
    associate_raw,
    connect_raw,
    contexts,
    data_set,
    echo_rq,
    request,
    store_rq,
)
from servers import DEADLINE, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, Association, evt
from fastdicom.server import AssociationServer
from fastdicom.tls import client_context, server_context
from fastdicom.watching import trace as trace_module


class Connection:
    """A TCP connection in a file: the bytes of either side, None for bytes that are missing."""

    def __init__(self) -> None:
        self.sides: list[bytearray] = [bytearray(), bytearray()]
        self.next = [1, 1]
        self.gaps = 0
        self.is_closed = False
        self.is_acknowledged = True


def connections(path: Path) -> list[Connection]:
    """Read a file and put its segments together; the side of who sent SYN is the first."""
    found: dict[tuple[bytes, int], Connection] = {}
    with path.open("rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(data).data
            tcp = ip.data
            ends = (ip.src, tcp.sport), (ip.dst, tcp.dport)
            if tcp.flags & dpkt.tcp.TH_SYN and not tcp.flags & dpkt.tcp.TH_ACK:
                found[ends[0]] = Connection()
            side = 0 if ends[0] in found else 1
            connection = found[ends[side]]
            if tcp.flags & dpkt.tcp.TH_ACK and tcp.ack != connection.next[1 - side]:
                connection.is_acknowledged = False
            if tcp.data:
                connection.gaps += tcp.seq != connection.next[side]
                connection.sides[side] += tcp.data
                connection.next[side] = tcp.seq + len(tcp.data)
            is_end = bool(tcp.flags & dpkt.tcp.TH_FIN)
            connection.next[side] += is_end
            connection.is_closed |= is_end
    return list(found.values())


def store(event: evt.Event) -> int:
    return 0x0000


@pytest.fixture
def scp() -> Iterator[tuple[AE, AssociationServer]]:
    ae = store_ae({CT}, [IMPLICIT])
    with serving(ae, [(evt.EVT_C_STORE, store)]) as server:
        yield ae, server


def scu(title: str = "SCU") -> AE:
    ae = AE(title)
    ae.requested_contexts = contexts()
    return ae


def test_what_both_sides_have_said(scp: tuple[AE, AssociationServer], tmp_path: Path) -> None:
    ae, server = scp
    sent, received = [request(), *store_rq(data_set(100_000)), model.release_rq()], []
    with ae.trace(tmp_path / "a.pcap") as trace:
        with connect_raw(port_of(server)) as peer:
            for pdus in sent[:1], sent[1:-1], sent[-1:]:
                peer.send(*pdus)
                received.append(peer.receive_pdu())
        wait_until(lambda: not ae._all_associations())
    (connection,) = connections(tmp_path / "a.pcap")
    assert connection.sides == [b"".join(sent), b"".join(received)]
    assert connection.is_closed and connection.is_acknowledged and not connection.gaps
    assert (trace.dropped, trace.is_full, trace.failure) == (0, False, None)
    assert stat.S_IMODE(os.stat(trace.path).st_mode) == 0o600


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("maximum_length", [0, 400_000])
def test_both_sides_write_the_same(tmp_path: Path, host: str, maximum_length: int) -> None:
    """PDUs longer than IP can carry at once, and both versions of IP."""
    ae, ours = store_ae({CT}, [IMPLICIT]), scu()
    ae.maximum_pdu_size = maximum_length
    server = ae.start_server((host, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        with ae.trace(tmp_path / "scp.pcap"), ours.trace(tmp_path / "scu.pcap"):
            with ours.associate(host, port_of(server)) as association:
                association.send_c_store(data_set(1_000_000), transfer_syntax=IMPLICIT)
            wait_until(lambda: not ae._all_associations())
    finally:
        server.shutdown()
    (theirs,), (mine,) = (connections(tmp_path / f"{name}.pcap") for name in ("scp", "scu"))
    assert mine.sides == theirs.sides
    assert len(mine.sides[0]) > 1_000_000 and not mine.gaps + theirs.gaps
    kinds = [pdu[0] for pdu in pdus_of(bytes(mine.sides[0]))]
    assert (kinds[0], set(kinds[1:-1]), kinds[-1]) == (1, {4}, 5)


def pdus_of(side: bytes) -> list[bytes]:
    pdus = []
    while side:
        length = 6 + int.from_bytes(side[2:6], "big")
        pdus.append(side[:length])
        side = side[length:]
    return pdus


def test_tls_is_written_in_the_clear(tmp_path: Path) -> None:
    server_files, client_files = (tls_files.write(tmp_path, owner) for owner in ("server", "client"))
    ae, ours = store_ae({CT}, [IMPLICIT]), scu()
    settings = server_context(server_files.certificate, server_files.key, ca=server_files.ca)
    own = client_context(certificate=client_files.certificate, key=client_files.key, ca=client_files.ca)
    with (
        serving(ae, [(evt.EVT_C_STORE, store)], ssl_context=settings) as server,
        ae.trace(tmp_path / "a.pcap"),
    ):
        with ours.associate("127.0.0.1", port_of(server), tls_args=(own, "localhost")) as association:
            association.send_c_store(data_set(300), transfer_syntax=IMPLICIT)
        wait_until(lambda: not ae._all_associations())
    (connection,) = connections(tmp_path / "a.pcap")
    assert data_set(300) in connection.sides[0]


def test_only_those_that_are_chosen(scp: tuple[AE, AssociationServer], tmp_path: Path) -> None:
    ae, server = scp
    asked: list[str] = []

    def chooses(association: Association) -> bool:
        asked.append(association.requestor.ae_title)
        return asked[-1] == "CHOSEN"

    with ae.trace(tmp_path / "a.pcap", chooses):
        for title in "OTHER", "CHOSEN", "ANOTHER":
            with associate(scu(title), server) as association:
                association.send_c_echo()
        wait_until(lambda: not ae._all_associations())
    assert asked == ["OTHER", "CHOSEN", "ANOTHER"]
    (connection,) = connections(tmp_path / "a.pcap")
    assert model.read_associate(pdus_of(bytes(connection.sides[0]))[0])[3].strip() == b"CHOSEN"


def test_one_that_is_not_answered_is_chosen_at_its_end(
    scp: tuple[AE, AssociationServer], tmp_path: Path
) -> None:
    """The peer is gone before it can be told anything."""
    ae, server = scp
    server.bind(evt.EVT_REQUESTED, lambda event: event.assoc.kill())
    with ae.trace(tmp_path / "a.pcap", lambda association: association.requestor.ae_title == "CALLING"):
        with connect_raw(port_of(server)) as peer:
            peer.send(request())
            assert peer.receive_all() == []
        wait_until(lambda: not ae._all_associations())
    (connection,) = connections(tmp_path / "a.pcap")
    assert connection.sides == [request(), b""]


def test_one_that_is_established_already(scp: tuple[AE, AssociationServer], tmp_path: Path) -> None:
    ae, server = scp
    with associate_raw(port_of(server)) as peer:
        peer.send(echo_rq(1))
        peer.receive_message()
        with ae.trace(tmp_path / "a.pcap"):
            peer.send(echo_rq(2))
            peer.receive_message()
            wait_until(lambda: any(each.sides[1] for each in connections(tmp_path / "a.pcap")))
        peer.send(echo_rq(3))
        peer.receive_message()
    (connection,) = connections(tmp_path / "a.pcap")
    assert connection.sides[0] == echo_rq(2)
    assert len(pdus_of(bytes(connection.sides[1]))) == 1
    assert not connection.is_closed


def test_what_is_traced_no_more_costs_nothing_more(scp: tuple[AE, AssociationServer], tmp_path: Path) -> None:
    ae, server = scp
    with associate(scu(), server):
        (association,) = ae.active_associations
        reader = association._connected.reader
        trace = ae.trace(tmp_path / "a.pcap")
        assert reader.is_observed and association._connected._shows_sent_data
        trace.close()
        trace.close()
        assert not reader.is_observed and not association._connected._shows_sent_data
        assert ae.traces == ()
        with ae.trace(tmp_path / "b.pcap", lambda association: False):
            assert not reader.is_observed


def test_without_data_sets(scp: tuple[AE, AssociationServer], tmp_path: Path) -> None:
    ae, server = scp
    with ae.trace(tmp_path / "a.pcap", with_data=False):
        with associate(scu(), server) as association:
            association.send_c_store(data_set(100_000), transfer_syntax=IMPLICIT)
        wait_until(lambda: not ae._all_associations())
    (connection,) = connections(tmp_path / "a.pcap")
    assert [pdu[0] for pdu in pdus_of(bytes(connection.sides[0]))] == [1, 4, 5]
    assert [pdu[0] for pdu in pdus_of(bytes(connection.sides[1]))] == [2, 4, 6]
    assert data_set(100_000)[:50] not in connection.sides[0]
    assert not connection.gaps


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        AE().trace(path)
    assert path.read_bytes() == b"mine"


def test_a_predicate_that_raises_chooses_none(
    scp: tuple[AE, AssociationServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ae, server = scp
    with ae.trace(tmp_path / "a.pcap", lambda association: 1 / 0), associate(scu(), server) as association:
        assert association.send_c_echo().Status == 0
    assert connections(tmp_path / "a.pcap") == []
    assert "what chooses the associations of a trace raised" in caplog.text


# Limits ---------------------------------------------------------------------------------------------------


def test_it_ends_at_its_limit(
    scp: tuple[AE, AssociationServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ae, server = scp
    trace = ae.trace(tmp_path / "a.pcap", limit=50_000)
    with associate(scu(), server) as association:
        association.send_c_store(data_set(100_000), transfer_syntax=IMPLICIT)
        wait_until(lambda: trace.is_full and not ae.traces)
        assert association.send_c_echo().Status == 0
    trace.close()
    assert "a trace ends at its limit of 50000 bytes" in caplog.text
    assert 50_000 - 17_000 < os.path.getsize(trace.path) <= 50_000
    (connection,) = connections(trace.path)
    assert b"".join(pdus_of(bytes(connection.sides[0]))) == connection.sides[0]  # whole PDUs
    assert trace.dropped == 0


class SlowDisk:
    """A file on a disk that is stuck until it is told to go on."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.is_stuck = threading.Event()
        self.goes_on = threading.Event()

    def write(self, data: bytes) -> int:
        self.is_stuck.set()
        assert self.goes_on.wait(DEADLINE)
        return int(self.file.write(data))

    def __enter__(self) -> None:
        self.file.__enter__()

    def __exit__(self, *exception: object) -> None:
        self.file.__exit__(*exception)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_a_slow_disk_delays_nobody(
    scp: tuple[AE, AssociationServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PDUs are left out, and counted; a reader of the file sees where bytes are missing."""
    monkeypatch.setattr(trace_module, "QUEUE_LIMIT", 20_000)
    ae, server = scp
    trace = ae.trace(tmp_path / "a.pcap")
    disk = trace._file = SlowDisk(trace._file)  # type: ignore[assignment]
    with associate_raw(port_of(server)) as peer:
        peer.send(*store_rq(data_set(50_000)))
        peer.receive_message()
        await_event(disk.is_stuck)
        disk.goes_on.set()
        wait_until(lambda: trace._waiting == 0)
        peer.send(echo_rq(7))
        peer.receive_message()
    wait_until(lambda: not ae._all_associations())
    trace.close()
    (connection,) = connections(trace.path)
    written = pdus_of(bytes(connection.sides[0]))
    sent = [request(), *store_rq(data_set(50_000)), echo_rq(7)]
    assert trace.dropped > 0 and connection.gaps > 0
    assert trace.dropped == len(sent) + 3 - sum(len(pdus_of(bytes(side))) for side in connection.sides)
    assert written[0] == request() and written[-1] == echo_rq(7) and set(written) < set(sent)


def test_a_full_disk_ends_it(
    scp: tuple[AE, AssociationServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ae, server = scp

    class FullDisk(SlowDisk):
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    trace = ae.trace(tmp_path / "a.pcap")
    trace._file = FullDisk(trace._file)  # type: ignore[assignment]
    with associate(scu(), server) as association:
        wait_until(lambda: trace.failure is not None and not ae.traces)
        assert association.send_c_echo().Status == 0
    trace.close()
    assert "a trace ends, as it cannot be written" in caplog.text


# Wireshark ------------------------------------------------------------------------------------------------

CHECKS = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
FIELDS = ("_ws.col.Info", "tcp.stream", "ip.checksum.status", "tcp.checksum.status", "_ws.malformed")


def tshark(path: Path, port: int) -> list[list[str]]:
    """Return the `FIELDS` of each segment as Wireshark's dissectors see them."""
    program = shutil.which("tshark") or missing("tshark")
    fields = [argument for field in FIELDS for argument in ("-e", field)]
    command = [program, "-r", str(path), "-d", f"tcp.port=={port},dicom", *CHECKS, "-T", "fields", *fields]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_wireshark_reads_it(
    scp: tuple[AE, AssociationServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An association from its beginning to its end, and one with a gap where PDUs were left out."""
    ae, server = scp
    with ae.trace(tmp_path / "a.pcap") as trace:
        with associate(scu(), server) as association:
            association.send_c_echo()
            association.send_c_store(data_set(60_000), transfer_syntax=IMPLICIT)
        wait_until(lambda: not ae._all_associations())
        put = trace._put
        monkeypatch.setattr(trace, "_put", lambda some: b"1.2.3.4" not in some[0].payload and put(some))
        with associate_raw(port_of(server)) as peer:
            for pdus in store_rq(data_set()), [echo_rq(2)]:
                peer.send(*pdus)
                peer.receive_message()
        wait_until(lambda: not ae._all_associations())
    rows = tshark(tmp_path / "a.pcap", port_of(server))
    assert {(ip, tcp, malformed) for _, _, ip, tcp, malformed in rows} == {("1", "1", "")}
    whole, torn = ([info for info, stream, *_ in rows if stream == number] for number in ("0", "1"))
    seen = iter(whole)
    for what in (
        *("SYN", "SYN, ACK", "A-ASSOCIATE request SCU", "A-ASSOCIATE accept", "C-ECHO-RQ", "C-ECHO-RSP"),
        *("C-STORE-RQ", "C-STORE-RSP", "A-RELEASE request", "A-RELEASE response", "FIN, ACK", "FIN, ACK"),
    ):
        assert any(what in info for info in seen), (what, whole)  # in this order
    assert not any("not captured" in info or "unseen" in info for info in whole)
    assert trace.dropped == 3
    assert [info for info in torn if "Previous segment not captured" in info and "C-ECHO-RQ" in info]
