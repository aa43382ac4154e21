"""storescu: send files with C-STORE, as they are (PS3.4 Annex B).

Nothing is converted, so a file is stored if the peer accepts its SOP class in its transfer syntax. What
is not stored is listed at the end, each file with its reason, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom.apps import common, secure
from fastdicom.apps.progress import Progress
from fastdicom.apps.scan import NotStored, describe_error, scan
from fastdicom.errors import AssociationError
from fastdicom.planner import AssociationPlan, DicomFile, plan_associations
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, STORAGE_SERVICE_CLASS_STATUS, code_to_category

LOGGER = logging.getLogger(__name__)

# What each flag allows to be proposed.
PROPOSED: dict[str, list[UID]] = {
    "=": [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian],
    "e": [ExplicitVRLittleEndian],
    "b": [ExplicitVRBigEndian],
    "i": [ImplicitVRLittleEndian],
}


@dataclass
class Report:
    """What became of the files."""

    stored: int = 0
    stored_bytes: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    not_stored: list[NotStored] = field(default_factory=list)

    def add_status(self, file: DicomFile, status: int) -> None:
        """Enter the answer to one C-STORE request."""
        category = code_to_category(status)
        if category not in (STATUS_SUCCESS, STATUS_WARNING):
            self.not_stored.append(NotStored(file.path, describe_status(status)))
            return
        self.stored += 1
        self.stored_bytes += file.length
        if category == STATUS_WARNING:
            self.warnings.append(f"{file.path}: {describe_status(status)}")

    def summary(self) -> str:
        total = self.stored + len(self.not_stored)
        text = f"stored {self.stored} of {total} files"
        if not self.stored or not self.seconds:
            return text
        images, megabytes = self.stored / self.seconds, self.stored_bytes / 1e6 / self.seconds
        return f"{text} in {self.seconds:.2f} s: {images:.1f} images/s, {megabytes:.1f} MB/s"


def describe_status(status: int) -> str:
    """Return a status as a person wants it: its code, its category and its meaning."""
    category, meaning = STORAGE_SERVICE_CLASS_STATUS.get(status, (code_to_category(status), ""))
    return f"status 0x{status:04X} ({f'{category}: {meaning}' if meaning else category})"


def create_parser() -> argparse.ArgumentParser:
    parser = common.create_parser(
        "storescu",
        ["peer port path...", "AET@peer:port path..."],
        "Send DICOM files, and those in directories, with C-STORE. Files go out as they are.",
    )
    group = parser.add_argument_group("input options")
    group.add_argument(
        "-r", "+r", "--recurse", action="store_true", help="search directories in directories as well"
    )
    group.add_argument(
        "+sd", "--scan-directories", action="store_true", help="no effect: this is always done"
    )
    group = parser.add_argument_group("network options")
    common.add_peer_options(group, "STORESCU")
    common.add_network_options(group, "connect from")
    group.add_argument(
        "-cx",
        "-R",
        "--required-contexts",
        "--required",
        action="store_true",
        help="propose only the presentation contexts that the files need (no effect: this is always done)",
    )
    group.add_argument(
        "-nh",
        "--no-halt",
        action="store_true",
        help="go on when a file is not stored (no effect: this is always done)",
    )
    group = parser.add_argument_group("transfer syntax options (other files are not sent)")
    meanings = {
        "=": "propose the uncompressed ones only",
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
        peer, paths = common.split_peer(args.parameters, args.called_aet)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    if not paths:
        parser.error("the files to send are missing")
    secure.check(parser, args, is_server=False)
    common.start_log(args.level)
    is_shown = args.level == logging.WARNING  # no bar between the lines of a log
    with Progress("scanning", None, is_shown) as progress:
        files, not_stored = scan(map(Path, paths), args.recurse, progress.advance)
    report = Report(not_stored=not_stored)
    files = select(files, args.syntax, report)
    if files:
        start = time.monotonic()
        with Progress("sending", len(files), is_shown) as progress:
            send_all(peer, args, plan_associations(files), report, progress.advance)
        report.seconds = time.monotonic() - start
    show(report, args)
    return common.FAILURE if report.not_stored or not report.stored else common.SUCCESS


def select(files: list[DicomFile], syntax: str | None, report: Report) -> list[DicomFile]:
    """Return the files whose transfer syntax may be proposed; the others are not stored."""
    if syntax is None:
        return files
    proposed = PROPOSED[syntax]
    for file in files:
        if file.transfer_syntax not in proposed:
            name = UID(file.transfer_syntax).name
            report.not_stored.append(NotStored(file.path, f"{name} was not to be proposed (-x{syntax})"))
    return [file for file in files if file.transfer_syntax in proposed]


def send_all(
    peer: common.Peer,
    args: argparse.Namespace,
    plans: list[AssociationPlan[DicomFile]],
    report: Report,
    advance: Callable[[], None],
) -> None:
    """Send what was planned, one association after the other; when one fails, nothing more is sent."""
    unsent = deque(file for plan in plans for file in plan.files)
    try:
        for plan in plans:
            send_planned(peer, args, plan, unsent, report, advance)
    except AssociationError as error:
        reason = f"{peer}: {error}"
    except KeyboardInterrupt:
        reason = "interrupted"
    report.not_stored.extend(NotStored(file.path, reason) for file in unsent)


def send_planned(
    peer: common.Peer,
    args: argparse.Namespace,
    plan: AssociationPlan[DicomFile],
    unsent: deque[DicomFile],
    report: Report,
    advance: Callable[[], None],
) -> None:
    """Send the files of one association, which come out of `unsent`.

    Raises
    ------
    AssociationError
        If there is no association, or it ended before its time. The files in question are left in `unsent`.
    """
    with common.associate(args, peer, plan.contexts) as assoc:
        for file in plan.files:
            try:
                status = assoc.send_c_store(file.path).get("Status")
            except AssociationError:
                raise
            except (OSError, ValueError) as error:  # nothing was sent; the association is as before
                report.not_stored.append(NotStored(file.path, describe_error(error, file.path)))
            else:
                if status is None:
                    raise AssociationError("no answer; the association has ended")
                LOGGER.info("%s: %s", file.path, describe_status(status))
                report.add_status(file, status)
            unsent.popleft()
            advance()


def show(report: Report, args: argparse.Namespace) -> None:
    """Print what there is to say at the end."""
    for warning in report.warnings:
        LOGGER.warning("stored with a warning: %s", warning)
    for not_stored in report.not_stored:
        LOGGER.error("not stored: %s: %s", not_stored.path, not_stored.reason)
    if not report.stored and not report.not_stored:
        LOGGER.error("no files in %s", ", ".join(args.parameters))
    if args.level != common.QUIET:
        print(report.summary())
