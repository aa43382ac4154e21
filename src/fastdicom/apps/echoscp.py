"""echoscp: answer C-ECHO requests (PS3.4 Annex A)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastdicom import evt
from fastdicom.apps import common, serving
from fastdicom.sop_class import Verification

LOGGER = logging.getLogger(__name__)


def answer_echo(event: Any) -> int:
    LOGGER.info("C-ECHO from %s", event.assoc.requestor.ae_title)
    return 0x0000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit code."""
    parser = serving.create_parser("echoscp", "Answer DICOM C-ECHO requests until interrupted.")
    args = serving.parse(parser, arguments)
    common.start_log(args.level)
    ae = common.create_ae(args)
    ae.add_supported_context(Verification, serving.accepted_transfer_syntaxes(args.syntax))
    return serving.serve(ae, args, [(evt.EVT_C_ECHO, answer_echo)])
