"""TCP streams in a pcap file: read back by dpkt, down to the checksums."""

from __future__ import annotations

import io
import struct
from ipaddress import ip_address

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastdicom.watching.pcap import FILE_HEADER, SEGMENT_LIMIT, End, Stream, checksum
from fastdicom.watching.trace import without_data_sets

V4 = End(ip_address("192.0.2.1"), 50123), End(ip_address("198.51.100.7"), 104)
V6 = End(ip_address("2001:db8::1"), 50123), End(ip_address("2001:db8::2"), 11112)


def read(records: bytes) -> list[tuple[float, dpkt.ethernet.Ethernet]]:
    rows = dpkt.pcap.Reader(io.BytesIO(FILE_HEADER + records))
    return [(float(time), dpkt.ethernet.Ethernet(data)) for time, data in rows]


def write(stream: Stream, *segments: object) -> bytes:
    return b"".join(record for segment in segments for record in stream.records(segment))  # type: ignore[arg-type]


def reference_checksum(data: bytes) -> int:
    """RFC 1071, word by word."""
    total = 0
    for (word,) in struct.iter_unpack(">H", data + bytes(len(data) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=64) | st.sampled_from([b"\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\1"]))
def test_checksum(data: bytes) -> None:
    if any(data):  # of nothing but zeros the sum is 0, and its complement 65535
        assert checksum(data) == reference_checksum(data)


@pytest.mark.parametrize("ends", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("length", [1, 2, 1001, SEGMENT_LIMIT, SEGMENT_LIMIT + 1, 300_000])
def test_a_pdu_becomes_segments(ends: tuple[End, End], length: int) -> None:
    stream = Stream(*ends)
    stream.open(0)
    pdu = bytes(range(256)) * (length // 256 + 1)
    pdu = pdu[:length]
    frames = read(write(stream, stream.data(1_700_000_000_123_456_789, pdu, is_from_requestor=False)))
    assert len(frames) == -(-length // SEGMENT_LIMIT)
    assert b"".join(frame.data.data.data for _, frame in frames) == pdu
    expected = 1
    for time, frame in frames:
        assert time == pytest.approx(1_700_000_000.123456789)
        ip, tcp = frame.data, frame.data.data
        assert (ip.src, ip.dst) == (ends[1].address.packed, ends[0].address.packed)
        assert (tcp.sport, tcp.dport) == (ends[1].port, ends[0].port)
        assert (tcp.seq, tcp.ack) == (expected, 1)
        expected += len(tcp.data)
        pseudo = ip.src + ip.dst + struct.pack(">II", 6, len(bytes(tcp)))
        assert reference_checksum(pseudo + bytes(tcp)) == 0
        if ends is V4:
            assert reference_checksum(bytes(ip)[:20]) == 0
            assert ip.len == 40 + len(tcp.data)


def test_a_connection_from_its_beginning_to_its_end() -> None:
    stream = Stream(*V4)
    segments = [
        *stream.open(0),
        stream.data(1, b"request", is_from_requestor=True),
        stream.data(2, b"answer", is_from_requestor=False),
        *stream.close(3),
    ]
    tcps = [frame.data.data for _, frame in read(write(stream, *segments))]
    syn, fin, ack, psh = dpkt.tcp.TH_SYN, dpkt.tcp.TH_FIN, dpkt.tcp.TH_ACK, dpkt.tcp.TH_PUSH
    assert [(tcp.sport, tcp.flags, tcp.seq, tcp.ack) for tcp in tcps] == [
        (50123, syn, 0, 0),
        (104, syn | ack, 0, 1),
        (50123, ack, 1, 1),
        (50123, psh | ack, 1, 1),
        (104, psh | ack, 1, 8),
        (50123, fin | ack, 8, 7),
        (104, fin | ack, 7, 9),
        (50123, ack, 9, 8),
    ]


def test_sequence_numbers_go_round() -> None:
    stream = Stream(*V4)
    stream._sent[0] = 2**32 - 3
    first = stream.data(0, b"12345", is_from_requestor=True)
    second = stream.data(0, b"6", is_from_requestor=True)
    tcps = [frame.data.data for _, frame in read(write(stream, first, second))]
    assert [tcp.seq for tcp in tcps] == [2**32 - 3, 2]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("somewhere", "0.0.0.0"),
        (None, "0.0.0.0"),
    ],
)
def test_an_end(address: str | None, expected: str) -> None:
    assert End.of(address, 104) == End(ip_address(expected), 104)


def test_both_ends_are_of_one_kind() -> None:
    """One of them may not be known."""
    stream = Stream(V6[0], End.of(None, None))
    (frame,) = [frame for _, frame in read(write(stream, stream.data(0, b"x", is_from_requestor=True)))]
    assert frame.data.dst == ip_address("::ffff:0.0.0.0").packed


COMMAND, DATA = b"\0\0\0\5\1\3abc", b"\0\0\0\6\1\2data"


@pytest.mark.parametrize(
    ("pdu", "expected"),
    [
        (b"\4\0\0\0\0\x09" + COMMAND, b"\4\0\0\0\0\x09" + COMMAND),
        (b"\4\0\0\0\0\x0a" + DATA, b""),
        (b"\4\0\0\0\0\x1d" + DATA + COMMAND + DATA, b"\4\0\0\0\0\x09" + COMMAND),
        (b"\4\0\0\0\0\x09\0\0\0\x06\1\3abc", b""),  # longer than its PDU
        (b"\4\0\0\0\0\x05\0\0\0\1\1", b""),  # no control header
        (b"\4\0\0\0\0\x03\0\0\0", b""),
        (b"\5\0\0\0\0\4\0\0\0\0", b"\5\0\0\0\0\4\0\0\0\0"),
    ],
)
def test_what_is_left_without_data_sets(pdu: bytes, expected: bytes) -> None:
    assert without_data_sets(pdu) == expected
