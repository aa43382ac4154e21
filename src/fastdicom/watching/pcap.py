"""TCP streams as the records of a pcap file: what a capture of them on an Ethernet would have.

Headers of Ethernet, IP and TCP are made up; addresses, ports and the bytes of the streams are real. Segments
are as long as IP allows, each acknowledges what has come from the other side, and checksums are right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntFlag
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, TypeAlias, TypeVar

# The format of libpcap, with nanoseconds; snapshot length; LINKTYPE_ETHERNET.
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 1)
RECORD_HEADER = struct.Struct("<IIII")

# Locally administered addresses, that of the requestor first.
MAC_ADDRESSES = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
IPV4, IPV6 = b"\x08\x00", b"\x86\xdd"

IPV4_HEADER = struct.Struct(">BBHHHBBH4s4s")
IPV6_HEADER = struct.Struct(">IHBB16s16s")
TCP_HEADER = struct.Struct(">HHIIBBHHH")
TCP = 6
HOPS = 64
DONT_FRAGMENT = 0x4000
WINDOW = 0xFFFF

# The longest segment: IPv4 counts both headers in its 16 bits.
SEGMENT_LIMIT = 0xFFFF - IPV4_HEADER.size - TCP_HEADER.size

IpAddress: TypeAlias = IPv4Address | IPv6Address
T = TypeVar("T")


class Flag(IntFlag):
    """The control bits of a segment."""

    FIN = 0x01
    SYN = 0x02
    PSH = 0x08
    ACK = 0x10


class End(NamedTuple):
    """An end of a connection."""

    address: IpAddress
    port: int

    @classmethod
    def of(cls, address: str | None, port: int | None) -> End:
        """Return the end of a socket's address; what is none becomes 0.0.0.0."""
        try:
            known: IpAddress = ip_address((address or "").partition("%")[0])
        except ValueError:
            known = IPv4Address(0)
        return cls(known, port or 0)


class Segment(NamedTuple):
    """A part of a stream, as long as a PDU is; in the file it may have to be several.

    Attributes
    ----------
    time
        In nanoseconds since 1970.
    stream
        Of which connection.
    is_from_requestor
        Who sends it.
    flags
        Its control bits.
    sequence_number, acknowledgment_number
        As TCP has them, before they are cut to 32 bits.
    payload
        What is sent.
    """

    time: int
    stream: Stream
    is_from_requestor: bool
    flags: Flag
    sequence_number: int
    acknowledgment_number: int
    payload: bytes = b""


class Stream:
    """A connection, and how far both sides of it have got.

    Parameters
    ----------
    requestor, acceptor
        Its ends.
    """

    def __init__(self, requestor: End, acceptor: End) -> None:
        if requestor.address.version != acceptor.address.version:  # one of them is not known
            requestor, acceptor = (End(_as_ipv6(end.address), end.port) for end in (requestor, acceptor))
        self._ends = requestor, acceptor
        self._sent = [0, 0]  # by requestor and acceptor

    def open(self, time: int) -> list[Segment]:
        """Return what opens the connection."""
        return [
            self._next(time, True, Flag.SYN, 1),
            self._next(time, False, Flag.SYN | Flag.ACK, 1),
            self._next(time, True, Flag.ACK, 0),
        ]

    def data(self, time: int, pdu: bytes, *, is_from_requestor: bool) -> Segment:
        """Return what carries a PDU. The stream goes on behind it, whether it is written or not."""
        return self._next(time, is_from_requestor, Flag.PSH | Flag.ACK, len(pdu), pdu)

    def close(self, time: int) -> list[Segment]:
        """Return what closes the connection."""
        return [
            self._next(time, True, Flag.FIN | Flag.ACK, 1),
            self._next(time, False, Flag.FIN | Flag.ACK, 1),
            self._next(time, True, Flag.ACK, 0),
        ]

    def _next(
        self, time: int, is_from_requestor: bool, flags: Flag, length: int, payload: bytes = b""
    ) -> Segment:
        ours, theirs = (0, 1) if is_from_requestor else (1, 0)
        acknowledged = self._sent[theirs] if flags & Flag.ACK else 0
        segment = Segment(time, self, is_from_requestor, flags, self._sent[ours], acknowledged, payload)
        self._sent[ours] += length
        return segment

    def records(self, segment: Segment) -> Iterator[bytes]:
        """Yield a segment as the records of a file."""
        seconds, nanoseconds = divmod(segment.time, 10**9)
        for start in range(0, len(segment.payload) or 1, SEGMENT_LIMIT):
            payload = segment.payload[start : start + SEGMENT_LIMIT]
            encoded = self._encode(segment, segment.sequence_number + start, payload)
            yield RECORD_HEADER.pack(seconds, nanoseconds, len(encoded), len(encoded)) + encoded

    def _encode(self, segment: Segment, sequence_number: int, payload: bytes) -> bytes:
        """Return Ethernet, IP and TCP headers with their payload."""
        (source, source_port), (target, target_port) = _directed(self._ends, segment.is_from_requestor)
        from_mac, to_mac = _directed(MAC_ADDRESSES, segment.is_from_requestor)
        length = TCP_HEADER.size + len(payload)
        numbers = sequence_number & 0xFFFFFFFF, segment.acknowledgment_number & 0xFFFFFFFF
        fields = (source_port, target_port, *numbers, TCP_HEADER.size // 4 << 4, segment.flags, WINDOW)
        # RFC 9293 3.1, RFC 8200 8.1: the checksum is also over addresses, protocol and length.
        pseudo = source.packed + target.packed + struct.pack(">II", TCP, length)
        tcp_checksum = checksum(pseudo + TCP_HEADER.pack(*fields, 0, 0) + payload)
        if source.version == 6:
            kind, ip = IPV6, IPV6_HEADER.pack(6 << 28, length, TCP, HOPS, source.packed, target.packed)
        else:
            kind, ip = IPV4, _ipv4_header(source, target, length)
        return to_mac + from_mac + kind + ip + TCP_HEADER.pack(*fields, tcp_checksum, 0) + payload


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of data: the complement of its sum in 16 bits, with carries."""
    # Such a sum is the number that the bytes make up, modulo 65535.
    total = int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF
    return (0xFFFF - total) % 0xFFFF


def _ipv4_header(source: IpAddress, target: IpAddress, length: int) -> bytes:
    first = 0x45, 0, IPV4_HEADER.size + length, 0, DONT_FRAGMENT, HOPS, TCP
    over = checksum(IPV4_HEADER.pack(*first, 0, source.packed, target.packed))
    return IPV4_HEADER.pack(*first, over, source.packed, target.packed)


def _as_ipv6(address: IpAddress) -> IpAddress:
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")


def _directed(both: tuple[T, T], is_from_requestor: bool) -> tuple[T, T]:
    return both if is_from_requestor else (both[1], both[0])
