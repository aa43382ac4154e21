"""What the servers accept, and when they say where they listen."""

from __future__ import annotations

import argparse
import logging
from typing import Any

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom import ALL_TRANSFER_SYNTAXES
from fastdicom.apps import common, storescp
from fastdicom.apps.serving import accepted_transfer_syntaxes, announce, parse


@pytest.mark.parametrize(
    ("syntax", "first"),
    [
        (None, list(ALL_TRANSFER_SYNTAXES)),
        ("=", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian]),
        ("e", [ExplicitVRLittleEndian]),
        ("b", [ExplicitVRBigEndian]),
    ],
)
def test_a_preference_comes_first_and_excludes_nothing(syntax: str | None, first: list[str]) -> None:
    accepted = accepted_transfer_syntaxes(syntax)
    assert accepted[: len(first)] == first
    assert sorted(accepted) == sorted(ALL_TRANSFER_SYNTAXES)


def test_implicit_means_nothing_else() -> None:
    assert accepted_transfer_syntaxes("i") == [ImplicitVRLittleEndian]


@pytest.mark.parametrize("prefix", ["-", "+"])
@pytest.mark.parametrize("letter", ["=", "e", "b", "i"])
def test_both_spellings_of_a_preference(prefix: str, letter: str) -> None:
    """DCMTK writes +xe, pynetdicom -xe."""
    assert parse(storescp.create_parser(), [f"{prefix}x{letter}", "104"]).syntax == letter


def test_the_flags_of_storescp() -> None:
    args = parse(
        storescp.create_parser(), ["-od", "in", "--ignore", "+B", "--no-echo", "11112", "-aet", "PACS"]
    )
    assert (args.output_directory, args.ignore, args.no_echo, args.port, args.ae_title) == (
        "in",
        True,
        True,
        11112,
        "PACS",
    )
    assert parse(storescp.create_parser(), ["104"]).output_directory == "."


@pytest.mark.parametrize(
    ("asked_for", "level", "address", "printed"),
    [
        (104, logging.WARNING, ("0.0.0.0", 104), ""),
        (104, common.QUIET, ("0.0.0.0", 104), ""),
        (104, logging.INFO, ("0.0.0.0", 104), "listening on 0.0.0.0:104\n"),
        (0, logging.WARNING, ("127.0.0.1", 40000), "listening on 127.0.0.1:40000\n"),
        (0, logging.DEBUG, ("::", 40000, 0, 0), "listening on [::]:40000\n"),
    ],
)
def test_announcement(
    asked_for: int, level: int, address: tuple[Any, ...], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(address, argparse.Namespace(port=asked_for, level=level))
    assert capsys.readouterr().out == printed
