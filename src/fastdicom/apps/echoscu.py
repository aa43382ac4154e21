"""echoscu: send C-ECHO requests to see whether a peer answers (PS3.4 Annex A)."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom import build_context
from fastdicom.apps import common, secure
from fastdicom.errors import AssociationError
from fastdicom.sop_class import Verification

LOGGER = logging.getLogger(__name__)

# What each flag proposes; PS3.8 has no preferences, the order is a habit.
PROPOSED: dict[str | None, list[UID]] = {
    None: [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian],
    "e": [ExplicitVRLittleEndian],
    "b": [ExplicitVRBigEndian],
    "i": [ImplicitVRLittleEndian],
}


def create_parser() -> argparse.ArgumentParser:
    parser = common.create_parser(
        "echoscu",
        ["peer port", "AET@peer:port"],
        "Associate with a DICOM peer and send C-ECHO requests. Prints nothing if all is well.",
    )
    group = parser.add_argument_group("network options")
    common.add_peer_options(group, "ECHOSCU")
    common.add_network_options(group, "connect from")
    group.add_argument("--repeat", type=common.count, default="1", metavar="N", help="send N requests")
    group.add_argument("--abort", action="store_true", help="abort the association, do not release it")
    group = parser.add_argument_group("transfer syntax options")
    meanings = {
        "e": "propose explicit VR little endian only",
        "b": "propose explicit VR big endian only",
        "i": "propose implicit VR little endian only",
    }
    common.add_transfer_syntax_options(group, "request", "-", meanings)
    secure.add_options(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit code."""
    parser = create_parser()
    args = parser.parse_intermixed_args(arguments)
    try:
        peer, rest = common.split_peer(args.parameters, args.called_aet)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    if rest:
        parser.error(f"{rest[0]!r} is one parameter too many")
    secure.check(parser, args, is_server=False)
    common.start_log(args.level)
    try:
        return echo(peer, args)
    except AssociationError as error:
        LOGGER.error("%s: %s", peer, error)
        return common.FAILURE


def echo(peer: common.Peer, args: argparse.Namespace) -> int:
    """Send the requests; return the exit code."""
    context = build_context(Verification, PROPOSED[args.syntax])
    with common.associate(args, peer, [context]) as assoc:
        if not assoc.accepted_contexts:
            LOGGER.error("%s did not accept the Verification SOP Class", peer)
            return common.FAILURE
        for number in range(1, args.repeat + 1):
            status = assoc.send_c_echo().get("Status")
            if status is None:
                LOGGER.error("%s did not answer C-ECHO request %d of %d", peer, number, args.repeat)
                return common.FAILURE
            if status != 0x0000:
                LOGGER.error("%s answered C-ECHO with status 0x%04X", peer, status)
                return common.FAILURE
            LOGGER.info("%s answered C-ECHO request %d of %d", peer, number, args.repeat)
        if args.abort:
            assoc.abort()
    return common.SUCCESS
