"""What storescu makes of answers: the report, and what is left when an association ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from fastdicom.apps import common, storescu
from fastdicom.apps.scan import NotStored
from fastdicom.apps.storescu import Report, describe_status, select, send_all
from fastdicom.errors import AssociationAborted, AssociationRejected, ConnectionFailed
from fastdicom.planner import DicomFile, plan_associations

PEER = common.Peer("PACS", "host", 104)
ARGS = storescu.create_parser().parse_intermixed_args(["host", "104", "x"])
FILES = [
    DicomFile(Path(f"{number}.dcm"), "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", 1000)
    for number in range(4)
]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0x0000, "status 0x0000 (Success)"),
        (0xA700, "status 0xA700 (Failure: Refused: Out of Resources)"),
        (0xB000, "status 0xB000 (Warning: Coercion of Data Elements)"),
        (0xC211, "status 0xC211 (Failure: Error: Cannot Understand)"),
        (0x0FFF, "status 0x0FFF (Unknown)"),
    ],
)
def test_a_status_is_described(status: int, text: str) -> None:
    assert describe_status(status) == text


def test_a_warning_is_stored_and_a_failure_is_not() -> None:
    report = Report()
    for file, status in zip(FILES, [0x0000, 0xB007, 0xA900, 0xFF00], strict=True):
        report.add_status(file, status)
    assert (report.stored, report.stored_bytes) == (2, 2000)
    assert [remark.path.name for remark in report.not_stored] == ["2.dcm", "3.dcm"]
    assert len(report.warnings) == 1 and "1.dcm" in report.warnings[0] and "0xB007" in report.warnings[0]


def test_summary() -> None:
    remark = NotStored(Path("x"), "why")
    assert Report(3, 6_000_000, 1.5, [], [remark]).summary() == (
        "stored 3 of 4 files in 1.50 s: 2.0 images/s, 4.0 MB/s"
    )
    assert Report(not_stored=[remark]).summary() == "stored 0 of 1 files"


def test_a_transfer_syntax_flag_leaves_other_files_out() -> None:
    jpeg = DicomFile(Path("jpeg.dcm"), "1.2.3", "1.2.840.10008.1.2.4.50", 1)
    implicit = DicomFile(Path("implicit.dcm"), "1.2.3", "1.2.840.10008.1.2", 1)
    files = [jpeg, implicit, *FILES]
    for syntax, expected in [(None, files), ("=", files[1:]), ("e", FILES), ("i", [implicit]), ("b", [])]:
        report = Report()
        assert select(files, syntax, report) == expected
        assert len(report.not_stored) == len(files) - len(expected)
    assert "JPEG" in report.not_stored[0].reason and "-xb" in report.not_stored[0].reason


class ScriptedAssociation:
    """Answers with what the script says: a status, None for no answer, or an exception."""

    def __init__(self, script: Iterator[Any]) -> None:
        self.script = script

    def __enter__(self) -> Self:
        self.next()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def next(self) -> Any:
        answer = next(self.script)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def send_c_store(self, path: Path) -> dict[str, int]:
        answer = self.next()
        return {} if answer is None else {"Status": answer}


def send(monkeypatch: pytest.MonkeyPatch, files: list[DicomFile], *script: Any) -> Report:
    report = Report()
    answers = iter(script)
    monkeypatch.setattr(common, "associate", lambda args, peer, contexts: ScriptedAssociation(answers))
    send_all(PEER, ARGS, plan_associations(files), report, lambda: None)
    assert list(answers) == []
    return report


ESTABLISHED = object()


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    report = send(monkeypatch, FILES, ESTABLISHED, 0, 0, 0, 0)
    assert (report.stored, report.not_stored) == (4, [])


def test_a_failure_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    report = send(monkeypatch, FILES, ESTABLISHED, 0, 0xA700, 0, 0)
    assert report.stored == 3
    assert [remark.path.name for remark in report.not_stored] == ["1.dcm"]


@pytest.mark.parametrize(
    "error", [ValueError("no context accepted"), PermissionError(13, "Permission denied", "1.dcm")]
)
def test_a_file_that_cannot_be_sent_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    report = send(monkeypatch, FILES, ESTABLISHED, 0, error, 0, 0)
    assert report.stored == 3
    (remark,) = report.not_stored
    assert remark.path.name == "1.dcm" and remark.reason in ("no context accepted", "Permission denied")


@pytest.mark.parametrize(
    "answer", [None, AssociationAborted(2, 6), ConnectionFailed("reset"), KeyboardInterrupt()]
)
def test_what_is_unsent_at_an_abort_is_not_stored(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    report = send(monkeypatch, FILES, ESTABLISHED, 0, answer)
    assert report.stored == 1
    assert [remark.path.name for remark in report.not_stored] == ["1.dcm", "2.dcm", "3.dcm"]


@pytest.mark.parametrize("error", [AssociationRejected(1, 1, 7), ConnectionFailed("refused")])
def test_no_association(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Also for the batches after the one that failed."""
    many = [DicomFile(Path(f"{number}"), f"1.2.{number}", "1.2.840.10008.1.2", 1) for number in range(130)]
    report = send(monkeypatch, many, error)
    assert report.stored == 0 and len(report.not_stored) == 130
    assert all(remark.reason == f"PACS@host:104: {error}" for remark in report.not_stored)


def test_several_associations_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [DicomFile(Path(f"{number}"), f"1.2.{number}", "1.2.840.10008.1.2", 1) for number in range(130)]
    report = send(monkeypatch, many, ESTABLISHED, *[0] * 128, ESTABLISHED, 0, 0)
    assert report.stored == 130
