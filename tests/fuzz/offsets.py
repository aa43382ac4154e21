"""Every way in which a valid message can fail at one byte: cut off there, or another byte in its place.

`python -m fuzz.offsets`, with `tests` on the path, runs them all once, for a leak checker to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import model
from fuzz import associate, command, session
from fuzz.seeds import COMMANDS, seeds

from fastdicom._core.command import CommandSet
from fastdicom.errors import MessageError, ProtocolError
from fastdicom.ul.pdu import decode_pdu

RAW = session.INSTRUCTIONS.index(session.Session.raw)
DISCONNECT = session.INSTRUCTIONS.index(session.Session.disconnect)
CHANGES = (0x01, 0x80, 0xFF)
WHOLE = ("a-associate-rq-everything", "a-associate-ac-everything")
MESSAGES = session.CANNED[9] + session.CANNED[13]


def associate_pdus() -> list[bytes]:
    """An A-ASSOCIATE-RQ and an -AC with an item of every kind."""
    pdus = seeds()["associate"]
    return [pdus[name] for name in WHOLE]


def truncated(data: bytes) -> Iterator[bytes]:
    """The first bytes, from none to all but one."""
    return (data[:n] for n in range(len(data)))


def corrupted(data: bytes) -> Iterator[bytes]:
    """One byte is another, at every place."""
    for n in range(len(data)):
        for change in CHANGES:
            yield data[:n] + bytes((data[n] ^ change,)) + data[n + 1 :]


def cut_pdus(data: bytes) -> Iterator[bytes]:
    """The PDU that ends there, and says so: what is wrong is found by the items, not by the reader."""
    return (model.pdu(data[0], data[6:n]) for n in range(6, len(data)))


def script(data: bytes, choices: bytes = b"") -> bytes:
    """A script of the session target in which an acceptor receives bytes and the peer is gone then."""
    flags = bytes((24 | (2 if choices else 0), len(data) % 256))
    parts = [data[i : i + 255] for i in range(0, len(data), 255)]
    return flags + choices + b"".join(bytes((RAW, len(part))) + part for part in parts) + bytes((DISCONNECT,))


def receive(data: bytes) -> None:
    """Feed an acceptor that waits for an association, then let the peer go."""
    session.run(script(data))


def receive_within_association(data: bytes) -> None:
    """The same in an association: data sets go to memory, to a file and to a full disk."""
    for sink in (0b00000000, 0b01010101, 0b10101010):
        session.run(script(data, bytes((14, sink, 0, 0, 2))))


def decode(data: bytes) -> None:
    with suppress(ProtocolError):
        decode_pdu(data)


def decode_command(data: bytes) -> None:
    with suppress(MessageError):
        command.check(CommandSet(data))


def cases() -> Iterator[tuple[Callable[[bytes], None], bytes]]:
    """Everything that is run, and what with."""
    for pdu in associate_pdus():
        for ways in (truncated(pdu), corrupted(pdu), cut_pdus(pdu)):
            for data in ways:
                yield associate.run, data
                yield decode, data
    for data in truncated(associate_pdus()[0]):
        yield receive, data
    for data in (*truncated(MESSAGES), *corrupted(MESSAGES[:200])):
        yield receive_within_association, data
    for encoded in COMMANDS.values():
        for data in (*truncated(encoded), *corrupted(encoded)):
            yield decode_command, data


def main() -> None:
    count = 0
    for run, data in cases():
        run(data)
        count += 1
    print(f"{count} failures survived")


if __name__ == "__main__":
    main()
