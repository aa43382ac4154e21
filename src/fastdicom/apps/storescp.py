"""storescp: receive objects with C-STORE and write them to files (PS3.4 Annex B).

The files are made by `AE.store_directory`: they hold what was received bit for bit, and their names
are never what the peer says they are.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import Any

from fastdicom import AllStoragePresentationContexts, evt
from fastdicom.apps import common, serving
from fastdicom.sop_class import Verification

LOGGER = logging.getLogger(__name__)


def create_parser() -> argparse.ArgumentParser:
    description = "Receive DICOM objects with C-STORE and write each to a file, until interrupted."
    parser = serving.create_parser("storescp", description)
    group = parser.add_argument_group("output options")
    group.add_argument(
        "-od",
        "--output-directory",
        default=".",
        metavar="DIRECTORY",
        help="existing directory for the files (default: the current one)",
    )
    group.add_argument("--ignore", action="store_true", help="receive objects and do not keep them")
    group.add_argument("+B", "--bit-preserving", action="store_true", help="no effect: this is always done")
    group.add_argument("--no-echo", action="store_true", help="do not answer C-ECHO requests")
    return parser


def answer_store(event: Any) -> int:
    request = event.request
    LOGGER.info(
        "C-STORE from %s: %s, %s -> %s",
        event.assoc.requestor.ae_title,
        request.AffectedSOPClassUID,
        request.AffectedSOPInstanceUID,
        event.dataset_path or "ignored",
    )
    return 0x0000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit code."""
    args = serving.parse(create_parser(), arguments)
    common.start_log(args.level)
    ae = common.create_ae(args)
    transfer_syntaxes = serving.accepted_transfer_syntaxes(args.syntax)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax or "", transfer_syntaxes)
    if not args.no_echo:
        ae.add_supported_context(Verification, transfer_syntaxes)
    if not args.ignore:
        try:
            ae.store_directory = args.output_directory
        except OSError as error:
            LOGGER.error("cannot write to %s: %s", args.output_directory, error.strerror or error)
            return common.FAILURE
    return serving.serve(ae, args, [(evt.EVT_C_STORE, answer_store)])
