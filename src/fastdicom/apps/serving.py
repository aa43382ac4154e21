"""What echoscp and storescp share: flags, listening, and stopping at a signal."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom import AE, ALL_TRANSFER_SYNTAXES
from fastdicom.apps import common, secure
from fastdicom.errors import TlsError
from fastdicom.server import AssociationServer

LOGGER = logging.getLogger(__name__)

# What each flag moves to the front of what is accepted.
PREFERRED = {
    "=": [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian],
    "e": [ExplicitVRLittleEndian],
    "b": [ExplicitVRBigEndian],
}

# A signal interrupts an endless wait on POSIX only.
PATIENCE = None if os.name == "posix" else 0.5


def create_parser(tool: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that both servers have."""
    parser = common.create_parser(tool, ["port"], description)
    group = parser.add_argument_group("network options")
    common.add_title_options(group, tool.upper(), ["--aetitle", "--ae-title"])
    common.add_network_options(group, "listen on (default: all)")
    group = parser.add_argument_group("transfer syntax options")
    meanings = {
        "=": "prefer the uncompressed ones, explicit VR first",
        "e": "prefer explicit VR little endian",
        "b": "prefer explicit VR big endian",
        "i": "accept implicit VR little endian only",
    }
    common.add_transfer_syntax_options(group, "prefer", "-+", meanings)
    secure.add_options(parser)
    return parser


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments, with ``port`` taken from the parameters."""
    args = parser.parse_intermixed_args(arguments)
    if len(args.parameters) != 1:
        parser.error(f"one port is needed; {len(args.parameters)} parameters were given")
    try:
        args.port = common.port_number(args.parameters[0], lowest=0)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    secure.check(parser, args, is_server=True)
    return args


def accepted_transfer_syntaxes(syntax: str | None) -> list[UID]:
    """Return what a server accepts, in the order of its preference."""
    if syntax == "i":
        return [ImplicitVRLittleEndian]
    preferred = PREFERRED.get(syntax or "", [])
    return [*preferred, *(uid for uid in ALL_TRANSFER_SYNTAXES if uid not in preferred)]


def serve(ae: AE, args: argparse.Namespace, handlers: Sequence[tuple[Any, Callable[..., Any]]]) -> int:
    """Serve associations until SIGINT or SIGTERM; return the exit code. SIGHUP reads certificates again."""
    address = args.bind_address or ""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            server = ae.start_server(
                (address, args.port),
                block=False,
                ssl_context=args.tls_context,
                evt_handlers=list(handlers),
            )
        except OSError as error:
            LOGGER.error("cannot listen on %s:%d: %s", address, args.port, error.strerror or error)
            return common.FAILURE
        try:
            reload_at_hangup(server, args)
            announce(server.server_address, args)
            forever = threading.Event()
            while not forever.wait(PATIENCE):
                pass
        finally:
            server.shutdown()
    except KeyboardInterrupt:
        LOGGER.info("stopped")
    return common.SUCCESS


def reload_at_hangup(server: AssociationServer, args: argparse.Namespace) -> None:
    """Read the certificates again at SIGHUP; the associations that there are keep theirs."""
    if args.tls is None or not hasattr(signal, "SIGHUP"):
        return

    def reload(number: int, frame: object) -> None:
        try:
            server.ssl_context = secure.create_context(args, is_server=True)
        except (TlsError, OSError) as error:
            LOGGER.error("the certificates stay as they are: %s", error)
        else:
            LOGGER.info("the certificates have been read again")

    signal.signal(signal.SIGHUP, reload)


def announce(address: tuple[Any, ...], args: argparse.Namespace) -> None:
    """Say where we listen: if that was asked for, or cannot be known otherwise."""
    if args.port == 0 or args.level <= logging.INFO:
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        print(f"listening on {host}:{address[1]}", flush=True)
