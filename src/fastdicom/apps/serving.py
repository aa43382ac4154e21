"""What echoscp and storescp share: flags, listening, and stopping at a signal."""

from __future__ import annotations

import argparse
import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom import AE, ALL_TRANSFER_SYNTAXES
from fastdicom.apps import common, secure
from fastdicom.errors import TlsError
from fastdicom.server import AssociationServer

if TYPE_CHECKING:
    from fastdicom.processes.server import ProcessServer

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
    if hasattr(os, "fork"):
        group.add_argument(
            "--processes",
            type=common.count,
            metavar="N",
            help="serve in N processes that share the port; SIGTERM lets associations go on for 30 s",
        )
    parser.set_defaults(processes=None)
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
    try:
        # It may raise here already, when a signal waits to be handled.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server = listen(ae, args, handlers)
        if server is None:
            return common.FAILURE
        try:
            reload_at_hangup(server, args)
            announce(server.server_address, args)
            if isinstance(server, AssociationServer):
                wait_forever()
            else:
                server.serve_forever()
        finally:
            server.shutdown()
    except KeyboardInterrupt:
        LOGGER.info("stopped")
    return common.SUCCESS


def listen(
    ae: AE, args: argparse.Namespace, handlers: Sequence[tuple[Any, Callable[..., Any]]]
) -> AssociationServer | ProcessServer | None:
    """Return a server that serves already; None, and a line in the log, when there can be none."""
    options: dict[str, Any] = {"ssl_context": args.tls_context, "evt_handlers": list(handlers)}
    if args.processes is not None:
        # This process has one thread up to here, and the children are to log as it does.
        options.update(processes=args.processes, context="fork")
    address = args.bind_address or ""
    server: AssociationServer | ProcessServer
    try:
        server = ae.start_server((address, args.port), False, **options)
    except OSError as error:
        LOGGER.error("cannot listen on %s:%d: %s", address, args.port, error.strerror or error)
        return None
    return server


def wait_forever() -> None:
    """Wait for a signal."""
    forever = threading.Event()
    while not forever.wait(PATIENCE):
        pass


def reload_at_hangup(server: AssociationServer | ProcessServer, args: argparse.Namespace) -> None:
    """Read the certificates again at SIGHUP; the associations that there are keep theirs."""
    if args.tls is None or not hasattr(signal, "SIGHUP"):
        return
    # What makes the settings goes to other processes, the settings themselves cannot.
    files = argparse.Namespace(**{**vars(args), "tls_context": None})
    make = functools.partial(secure.create_context, files, is_server=True)

    def reload(number: int, frame: object) -> None:
        try:
            if isinstance(server, AssociationServer):
                server.ssl_context = make()
            else:
                server.ssl_context = make
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
