"""The TLS flags of the tools, as DCMTK's users type them."""

from __future__ import annotations

import argparse
import ssl

from fastdicom.errors import TlsError
from fastdicom.tls import client_context, server_context

# Flags that mean nothing without +tls, by where argparse puts them.
DEPENDENT = {"ca": "+cf and +cd", "verifies_peer": "-rc and -ic"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add +tls, +cf, +cd, -rc and -ic."""
    group = parser.add_argument_group("TLS options (BCP 195 RFC 8996, 9325: TLS 1.2 and 1.3)")
    group.add_argument(
        "+tls",
        "--enable-tls",
        dest="tls",
        nargs=2,
        metavar=("KEY", "CERTIFICATE"),
        help="use TLS, with the private key and the certificate in these PEM files",
    )
    for flag, long_flag, metavar, what in (
        ("+cf", "--add-cert-file", "FILE", "the certificate in FILE"),
        ("+cd", "--add-cert-dir", "DIRECTORY", "those in the files of DIRECTORY"),
    ):
        group.add_argument(
            flag,
            long_flag,
            dest="ca",
            action="append",
            metavar=metavar,
            help=f"accept peers whose certificate was issued by the owner of {what}",
        )
    group.add_argument(
        "-rc",
        "--require-peer-cert",
        dest="verifies_peer",
        action="store_true",
        default=None,
        help="require a certificate of the peer and verify it, but not for which host it is (default)",
    )
    group.add_argument(
        "-ic",
        "--ignore-peer-cert",
        dest="verifies_peer",
        action="store_false",
        default=None,
        help="do not verify the certificate of the peer: anybody can be it",
    )


def check(parser: argparse.ArgumentParser, args: argparse.Namespace, *, is_server: bool) -> None:
    """Set ``args.tls_context``, None without TLS; end the program where the flags are wrong."""
    if args.tls is None:
        for name, flags in DEPENDENT.items():
            if getattr(args, name) is not None:
                parser.error(f"{flags} have a meaning only together with +tls")
    try:
        args.tls_context = create_context(args, is_server=is_server)
    except (TlsError, ValueError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}")


def create_context(args: argparse.Namespace, *, is_server: bool) -> ssl.SSLContext | None:
    """Return the context of the command line, from the files as they are now; None without TLS.

    Raises
    ------
    TlsError, OSError
        When the files are not there, or not what they should be.
    ValueError
        When a server is told of no authority.
    """
    if args.tls is None:
        return None
    key, certificate = args.tls
    verifies_peer = args.verifies_peer is not False
    if is_server:
        if verifies_peer and args.ca is None:
            raise ValueError("+tls needs +cf or +cd, to verify the certificates of peers; or -ic")
        return server_context(certificate, key, ca=args.ca, verifies_peer=verifies_peer)
    return client_context(
        certificate=certificate, key=key, ca=args.ca, verifies_peer=verifies_peer, checks_host_name=False
    )
