"""What fuzzing begins with: real PDUs, command sets, data sets and scripts, by target and name.

`python -m fuzz.seeds`, with `tests` on the path, writes them to `csrc/fuzz/corpus`. The other files there,
whose names are digests, were found by fuzzing; those with another name once broke something.
"""

from __future__ import annotations

from pathlib import Path

import model
from fuzz import associate, session

CORPUS = Path(__file__).parents[2] / "csrc" / "fuzz" / "corpus"

VERSION_NAME = model.implementation_version_name("FASTDICOM")
USER_INFORMATION = model.user_information(
    model.maximum_length(16382),
    model.implementation_class_uid("1.2.3"),
    VERSION_NAME,
    model.asynchronous_operations(0, 5),
    model.role_selection(associate.CT, 1, 1),
    model.extended(associate.CT, bytes([2, 0, 1, 0, 0, 0])),
    model.common_extended(associate.CT, "1.2.840.10008.4.2", ["1.2.3", "1.2.4"]),
    model.user_identity(2, 1, b"user", b"passcode"),
    model.user_identity_response(b"welcome"),
    model.item(0x77, b"others"),
)
CONTEXT_RQ = model.context_rq(1, associate.CT, [associate.EXPLICIT, associate.IMPLICIT])
CONTEXT_AC = model.context_ac(1, 0, associate.IMPLICIT)
APPLICATION = model.application_context()

COMMANDS = {
    "c-echo-rq": session.ECHO,
    "c-store-rq": session.STORE,
    "c-echo-rsp": session.RESPONSE,
    "c-store-rsp": model.command_set(
        {0x0002: associate.CT, 0x0100: 0x8001, 0x0120: 7, 0x0800: 0x0101, 0x0900: 0xA700, 0x0902: "no room"}
    ),
    "n-get-rq": model.command_set(
        {0x0003: "1.2.3", 0x0100: 0x0110, 0x0110: 7, 0x0800: 0x0101, 0x1005: [0x00100010, 0x00100020]}
    ),
    "c-move-rsp": model.command_set(
        {0x0100: 0x8021, 0x0120: 1, 0x0600: "AE", 0x0800: 1, 0x0900: 0xFF00, 0x1020: 1, 0x1021: 2, 0x1022: 3}
    ),
}

# Behind a byte for the encoding: 1 implicit, 2 big endian.
ELEMENTS = {
    "implicit": b"\x01\x08\0\x16\0\x06\0\0\x001.2.3\0\x08\0\x18\0\x04\0\0\x001.23\x20\0\x0d\0\x02\0\0\x0012",
    "explicit": b"\x00\x08\0\x16\0UI\x06\x001.2.3\0\x08\0\x18\0UI\x04\x001.23\x20\0\x0d\0UI\x02\x0012",
    "big-endian": b"\x02\0\x08\0\x16UI\0\x061.2.3\0\0\x08\0\x18UI\0\x041.23",
    "sequence": b"\x00\x08\0\x05\0SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0",
    "long-header": b"\x00\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01\x08\0\x16\0UI\x06\x001.2.3\0",
}

# Explicit VR Little Endian: sequences of defined and undefined length, private elements, pixel data.
DATA_SET = (
    b"\x08\0\x16\0UI\x06\x001.2.3\0"
    b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\x0e\0\0\0"
    b"\x08\0\x55\x11UI\x06\x001.2.4\0\xfe\xff\xdd\xe0\0\0\0\0"
    b"\x09\0\x10\0LO\x0e\0FASTDICOM TEST\x09\0\x01\x10LO\x02\0ab"
    b"\x10\0\x10\0PN\x08\0Doe^Jane"
    b"\x28\0\0\x01US\x02\0\x10\0\x28\0\x03\x01US\x02\0\0\0"
    b"\xe0\x7f\x10\0OW\0\0\x04\0\0\0\1\2\3\4"
)
FRAGMENTS = (
    b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0"
    b"\xfe\xff\0\xe0\x02\0\0\0\1\2\xfe\xff\xdd\xe0\0\0\0\0"
)


def edits(settings: int, data: bytes, *script: int) -> bytes:
    """Make an input of the edit target; steps and their arguments are numbers: `edit.STEPS`, `edit.EDITS`."""
    return bytes((settings, len(script), *script)) + data


EDITED = {
    "set-and-look": edits(1, DATA_SET, 0, 1, 0, 0, 2, 0, 14, 13),
    "delete-and-remap": edits(1, DATA_SET, 3, 0, 0, 4, 0, 3, 7, 0, 9),
    "items": edits(1, DATA_SET, 5, 0, 1, 0, 5, 0, 1, 3, 6, 0, 1, 0, 0, 22, 0),
    "map-and-keep": edits(1, DATA_SET, 10, 1, 8, 0, 0, 1, 11),
    "through-all-syntaxes": edits(1, DATA_SET, 12, 2, 0, 16, 0, 12, 0, 12, 3, 15, 12, 1),
    "deflated": edits(3, DATA_SET, 0, 0, 0, 13, 12, 0),
    "limited": edits(5, DATA_SET, 0, 17, 0, 9),
    "fragments": edits(1, FRAGMENTS, 14, 0, 20, 0, 2, 0, 0, 0, 0, 15),
}

ITEMS = {
    "item-application-context": APPLICATION,
    "item-context-rq": CONTEXT_RQ,
    "item-context-ac": CONTEXT_AC,
    "item-user-information": USER_INFORMATION,
}

# What `CANNED` of the session target is, by number.
CANNED_NAMES = (
    "a-associate-rq", "a-associate-ac", "a-associate-rj", "a-release-rq", "a-release-rp", "a-abort-user",
    "a-abort-provider", "echo", "echo-response", "store", "store-small-pdus", "store-empty",
    "store-without-data", "three-pdvs", "empty-pdvs", "unknown-pdu", "version-2",
)  # fmt: skip

# Two settings, then instructions: `session.INSTRUCTIONS`.
SCRIPTS = {
    "acceptor-echo-store-release": bytes([24, 0, 0, 0, 2, 0, 7, 0, 9, 0, 3, 9]),
    "acceptor-rejects": bytes([0, 1, 0, 0, 11, 12, 200]),
    "acceptor-store-to-file": bytes([2, 2, 14, 1, 0, 0, 2, 0, 9, 0, 10, 0, 3, 9, 13]),
    "acceptor-store-to-full-disk": bytes([2, 3, 14, 2, 0, 0, 2, 0, 9, 0, 10, 0, 5]),
    "acceptor-memory-limit": bytes([8, 4, 0, 0, 2, 0, 9, 0, 7, 8, 0, 4]),
    "acceptor-observed": bytes([28, 5, 0, 0, 2, 0, 10, 0, 13, 10]),
    "acceptor-collision": bytes([0, 6, 0, 0, 2, 8, 0, 3, 0, 4, 9]),
    "acceptor-silent-peer": bytes([0, 7, 12, 200]),
    "acceptor-cut-off": bytes([0, 8, 0, 0, 2, 5, 9, 0, 100, 13]),
    "requestor-echo-release": bytes([1, 9, 3, 0, 1, 7, 0, 8, 8, 0, 4]),
    "requestor-rejected": bytes([1, 10, 3, 0, 2]),
    "requestor-collision": bytes([1, 11, 3, 0, 1, 8, 0, 3, 9, 0, 4]),
    "requestor-aborted": bytes([1, 12, 3, 0, 1, 0, 6]),
    "requestor-no-answer": bytes([1, 13, 3, 12, 100, 12, 100]),
}

# Settings of fd_reader: flags, limit of other PDUs, of memory, cuts (3), what the sink takes, choices of it.
READER_SETTINGS = {
    "in-memory": bytes([0, 1, 255, 1, 1, 0, 0, 0]),
    "held-to-sink": bytes([4, 1, 255, 2, 2, 0, 0, 0b01010101]),
    "held-to-full-sink": bytes([4, 1, 255, 0, 3, 0, 1, 0b01010101]),
    "held-discarded": bytes([4, 1, 255, 1, 4, 0, 0, 0b10101010]),
    "memory-limit": bytes([0, 1, 1, 2, 5, 0, 0, 0]),
    "observed": bytes([8, 1, 255, 1, 6, 0, 0, 0]),
    "associating": bytes([2, 1, 255, 1, 7, 0, 0, 0]),
}
SHAPED = 16

# Of fd_reader with FLAG_SHAPED: what, and a length (12 bits); 0 command, 1 and 2 fragments, 4 many of a kind.
PROGRAMS = {
    "image": bytes([0, 1, 0, 1, 0, 0xFF, 1, 0, 0xFF, 1, 0, 0xFF, 2, 0, 8]),
    "equal-pdus": bytes([0, 1, 0, 4 | 15 << 3, 0, 4, 4 | 15 << 3, 0, 4, 2, 9, 1, 0, 0, 0]),
    "two-messages": bytes([0, 1, 0, 4 | 9 << 3, 100, 1, 2, 0, 0, 0, 1, 0, 1, 0, 3, 2, 7, 0]),
    "split-pdvs": bytes([32, 1, 0, 33, 100, 0, 34, 200, 0]),
    "whole-association": bytes(
        [3, 0, 1, 0, 1, 0, 2, 99, 0, 3 | 4 << 3, 0, 0, 3 | 5 << 3, 0, 0, 3 | 6 << 3, 0, 0]
    ),
}

# The context, the peer's maximum length (4), flags, length of the command set (2), room (2), spans (2 each).
WRITER = {
    "one-span": b"\x01\xfe\x3f\0\0\x01\0\0\x07\0\x00\x80",
    "many-spans": b"\x03\x20\0\0\0\x01\x30\0\x09\0" + b"".join(bytes([i, 0]) for i in range(40)),
    "no-limit": b"\x05\0\0\0\0\x03\x10\0\x02\0\x00\x10\x01\x10\0\0",
    "smallest-pdus": b"\x01\x08\0\0\0\x01\x03\0\x05\0\x07\0\0\0\x01\0",
    "no-data-set": b"\xff\x40\0\0\0\0\xc8\0\x05\0",
}

# Settings, then what and how much.
SOCKET = {
    "both-talk": bytes([1, 255, 4, 255, 0, 13, 3, 0, 0, 15, 5, 1, 2, 255, 5, 1, 2, 255, 5, 1, 2, 255, 3, 0]),
    "abort-in-a-message": bytes([1, 255, 4, 254, 2, 100, 6, 200, 2, 255, 5, 1, 2, 255, 4, 3, 5, 1]),
    "woken": bytes([1, 255, 4, 255, 7, 200, 5, 1, 2, 255, 5, 0]),
    "peer-aborts": bytes([1, 255, 4, 255, 1, 10, 5, 1, 3, 0]),
    "peer-goes": bytes([1, 255, 4, 255, 0, 5, 8, 241, 5, 1, 3, 0, 8, 240, 5, 1]),
}


def seeds() -> dict[str, dict[str, bytes]]:
    """Every seed, by target and name."""
    pdus = dict(zip(CANNED_NAMES, session.CANNED, strict=True))
    everything = [APPLICATION, CONTEXT_RQ, USER_INFORMATION]
    pdus["a-associate-rq-everything"] = model.associate(1, b"CALLED", b"CALLING", everything)
    pdus["a-associate-ac-everything"] = model.associate(
        2, b"CALLED", b"CALLING", [APPLICATION, CONTEXT_AC, USER_INFORMATION]
    )
    stream = pdus["store"] + pdus["echo"] + pdus["store-small-pdus"] + pdus["three-pdvs"]
    conversation = pdus["a-associate-rq"] + stream + pdus["a-release-rq"]
    reader = {
        name: settings + (conversation if name == "associating" else stream)
        for name, settings in READER_SETTINGS.items()
    }
    for settings_name in ("in-memory", "held-to-sink", "observed"):
        settings = bytearray(READER_SETTINGS[settings_name])
        settings[0] |= SHAPED
        reader |= {f"shaped-{name}-{settings_name}": settings + code for name, code in PROGRAMS.items()}
    return {
        "associate": pdus | ITEMS,
        "command": COMMANDS,
        "element": ELEMENTS,
        "edit": EDITED,
        "session": SCRIPTS,
        "fd_command": COMMANDS,
        "fd_element": ELEMENTS,
        "fd_reader": reader,
        "fd_writer": WRITER,
        "fd_socket": SOCKET,
    }


def main() -> None:
    for target, inputs in seeds().items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
