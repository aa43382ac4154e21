"""What the tools share: flags, how a peer is named, the log, and how text from a peer is shown."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fastdicom
from fastdicom import AE

if TYPE_CHECKING:
    from fastdicom.association import Association
    from fastdicom.presentation import PresentationContext

SUCCESS = 0
FAILURE = 1
USAGE = 2  # what argparse exits with
INTERRUPTED = 130  # as shells report a program that SIGINT ended

# -ll knows DCMTK's names and pynetdicom's; -q is above all of them.
QUIET = logging.CRITICAL + 1
LEVELS = {
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}


# --- text from a peer --------------------------------------------------------------------------------


def escape(text: object) -> str:
    """Return `text` with everything that is not printable escaped.

    A terminal obeys control characters, and a newline makes one line of a log into two. Neither is for
    a peer, or the name of a file, to decide.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


class EscapingFormatter(logging.Formatter):
    """One record, one line, as DCMTK writes them; a traceback keeps its lines."""

    def __init__(self) -> None:
        super().__init__("%(levelname).1s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = escape(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return "\n".join(map(escape, super().formatException(ei).split("\n")))


def start_log(level: int) -> None:
    """Write what fastdicom and its tools log from `level` on to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EscapingFormatter())
    logger = logging.getLogger("fastdicom")
    logger.handlers = [handler]
    logger.setLevel(level)


# --- flags -------------------------------------------------------------------------------------------


def create_parser(tool: str, parameters: Sequence[str], description: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that all tools have.

    The parameters end up unparsed in ``parameters``, because the first of them decides what the others
    are; see `split_peer`.

    Parameters
    ----------
    tool
        The name of the tool.
    parameters
        The ways to write the parameters, for the usage message.
    description
        What the tool does.
    """
    program = f"python -m fastdicom {tool}"
    parser = argparse.ArgumentParser(
        prog=program,
        usage=f"\n{' ' * 7}".join(f"{program} [options] {way}" for way in parameters),
        description=description,
        prefix_chars="-+",
        allow_abbrev=False,
    )
    parser.add_argument("parameters", nargs="*", help=argparse.SUPPRESS)
    group = parser.add_argument_group("general options")
    group.add_argument("--version", action="version", version=f"fastdicom {fastdicom.__version__}")
    level: dict[str, Any] = {"dest": "level", "action": "store_const"}
    group.add_argument("-q", "--quiet", const=QUIET, help="print no warnings and errors", **level)
    group.add_argument("-v", "--verbose", const=logging.INFO, help="print processing details", **level)
    group.add_argument("-d", "--debug", const=logging.DEBUG, help="print debug information", **level)
    group.add_argument(
        "-ll", "--log-level", dest="level", type=log_level, metavar="LEVEL", help=", ".join(LEVELS)
    )
    parser.set_defaults(level=logging.WARNING)
    return parser


def add_title_options(group: argparse._ArgumentGroup, own_title: str, own_flags: Sequence[str]) -> None:
    """Add -aet; `own_flags` are its long names."""
    group.add_argument(
        "-aet",
        *own_flags,
        dest="ae_title",
        type=ae_title,
        default=own_title,
        metavar="AET",
        help="our AE title (default: %(default)s)",
    )


def add_peer_options(group: argparse._ArgumentGroup, own_title: str) -> None:
    """Add what a tool needs that connects to a peer."""
    add_title_options(group, own_title, ["--aetitle", "--calling-aet"])
    group.add_argument(
        "-aec",
        "--call",
        "--called-aet",
        dest="called_aet",
        type=ae_title,
        metavar="AET",
        help="the peer's AE title (default: ANY-SCP)",
    )
    group.add_argument(
        "-to",
        "--timeout",
        dest="connection_timeout",
        type=seconds,
        metavar="S",
        help="timeout for connecting (default: none)",
    )


def add_network_options(group: argparse._ArgumentGroup, bound_to: str) -> None:
    """Add the timeouts, the maximum length and the address to bind."""
    timeouts = [
        ("-ta", "acse", 30, "association messages"),
        ("-td", "dimse", 30, "DIMSE messages"),
        ("-tn", "network", 60, "the network"),
    ]
    for flag, name, default, what in timeouts:
        group.add_argument(
            flag,
            f"--{name}-timeout",
            type=seconds,
            default=str(default),
            metavar="S",
            help=f"timeout for {what} (0: none; default: %(default)s)",
        )
    group.add_argument(
        "-pdu",
        "--max-pdu",
        type=maximum_length,
        metavar="N",
        help="receive PDUs of at most N bytes (0: any length; default: 16382)",
    )
    group.add_argument("-ba", "--bind-address", metavar="ADDRESS", help=f"address to {bound_to}")


def add_transfer_syntax_options(
    group: argparse._ArgumentGroup, verb: str, prefixes: str, meanings: dict[str, str]
) -> None:
    """Add -x=, -xe, -xb and -xi as far as `meanings` explains them; ``args.syntax`` is the last letter."""
    long_names = {"=": f"--{verb}-uncompr", "e": f"--{verb}-little", "b": f"--{verb}-big"}
    implicit = ["--implicit"] if verb == "prefer" else [f"--{verb}-implicit"]
    for letter, meaning in meanings.items():
        flags = [f"{prefix}x{letter}" for prefix in prefixes]
        long_flags = [long_names[letter]] if letter in long_names else implicit
        group.add_argument(
            *flags, *long_flags, dest="syntax", action="store_const", const=letter, help=meaning
        )


# --- the types of their values -----------------------------------------------------------------------


def log_level(text: str) -> int:
    if text.lower() not in LEVELS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(LEVELS)}")
    return LEVELS[text.lower()]


def ae_title(text: str) -> str:
    # PS3.5 6.2, VR AE: no backslash, no control characters; PS3.8 9.3.2: 16 characters, not all spaces.
    title = text.strip(" ")
    if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an AE title: 1 to 16 printable ASCII characters, no backslash"
        )
    return title


def _number(text: str, convert: Callable[[str], Any], name: str, limits: tuple[float, float]) -> Any:
    try:
        value = convert(text)
    except ValueError:
        value = None
    if value is None or not limits[0] <= value <= limits[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not {name}")
    return value


def seconds(text: str) -> float | None:
    """Return a timeout; 0 is none at all."""
    value: float = _number(text, float, "a number of seconds from 0 to 1000000", (0, 1e6))
    return value or None


def maximum_length(text: str) -> int:
    value: int = _number(text, int, "a number of bytes from 0 to 4294967295", (0, 0xFFFFFFFF))
    return value


def count(text: str) -> int:
    value: int = _number(text, int, "a number from 1 on", (1, float("inf")))
    return value


def port_number(text: str, lowest: int = 1) -> int:
    value: int = _number(text, int, f"a port: a number from {lowest} to 65535", (lowest, 65535))
    return value


# --- the peer ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """Whom a tool connects to."""

    ae_title: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def split_peer(parameters: Sequence[str], called_aet: str | None) -> tuple[Peer, list[str]]:
    """Return the peer, and the parameters behind it.

    Parameters
    ----------
    parameters
        ``host port ...`` or ``AET@host:port ...``.
    called_aet
        The AE title that -aec gives.

    Raises
    ------
    argparse.ArgumentTypeError
        If they do not name a peer.
    """
    if not parameters:
        raise argparse.ArgumentTypeError("the peer is missing")
    title, at, address = parameters[0].rpartition("@")
    if not at:
        if len(parameters) < 2:
            raise argparse.ArgumentTypeError(f"the port of {parameters[0]!r} is missing")
        return Peer(called_aet or "ANY-SCP", parameters[0], port_number(parameters[1])), list(parameters[2:])
    if called_aet is not None:
        raise argparse.ArgumentTypeError(f"{parameters[0]!r} and -aec both give the peer's AE title")
    host, colon, port = address.rpartition(":")
    if not colon or not host:
        raise argparse.ArgumentTypeError(f"{parameters[0]!r} is not AET@host:port")
    host = host.removeprefix("[").removesuffix("]")
    return Peer(ae_title(title), host, port_number(port)), list(parameters[1:])


def create_ae(args: argparse.Namespace) -> AE:
    """Return an AE with the title and the timeouts of the command line."""
    ae = AE(args.ae_title)
    ae.acse_timeout = args.acse_timeout
    ae.dimse_timeout = args.dimse_timeout
    ae.network_timeout = args.network_timeout
    if args.max_pdu is not None:
        ae.maximum_pdu_size = args.max_pdu
    return ae


def associate(args: argparse.Namespace, peer: Peer, contexts: list[PresentationContext]) -> Association:
    """Request an association with the peer; entering it raises if there is none."""
    ae = create_ae(args)
    ae.connection_timeout = args.connection_timeout
    options: dict[str, Any] = {}
    if args.max_pdu is not None:
        options["max_pdu"] = args.max_pdu
    if args.bind_address is not None:
        options["bind_address"] = (args.bind_address, 0)
    if args.tls_context is not None:
        options["tls_args"] = (args.tls_context, peer.host)
    return ae.associate(peer.host, peer.port, contexts=contexts, ae_title=peer.ae_title, **options)
