"""Flags, peers, and text from a peer."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator

import pytest

from fastdicom.apps import common
from fastdicom.apps.common import Peer, escape, split_peer
from fastdicom.apps.echoscu import create_parser


@pytest.fixture(autouse=True)
def same_log() -> Iterator[None]:
    logger = logging.getLogger("fastdicom")
    handlers, level = logger.handlers, logger.level
    yield
    logger.handlers = handlers
    logger.setLevel(level)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("STORESCU", "STORESCU"),
        ("M\xfcller \u5c71", "M\xfcller \u5c71"),
        ("A\nE: forged", r"A\nE: forged"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\r\t\0\x7f\x9b", r"\r\t\x00\x7f\x9b"),
        ("\u202e\u2028", r"\u202e\u2028"),
        ("\udc80", r"\udc80"),
        (17, "17"),
    ],
)
def test_escape(text: object, escaped: str) -> None:
    assert escape(text) == escaped


def test_a_record_is_one_escaped_line(capsys: pytest.CaptureFixture[str]) -> None:
    """G2."""
    common.start_log(logging.INFO)
    logger = logging.getLogger("fastdicom.apps.common")
    logger.info("from %s", "A\n\x1b[2J")
    logger.debug("not shown")
    try:
        raise ValueError("bad \x1b[2J")
    except ValueError:
        logger.exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == r"I: from A\n\x1b[2J"
    assert lines[1] == "E: failed"
    assert lines[-1] == r"ValueError: bad \x1b[2J"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    common.start_log(common.QUIET)
    logging.getLogger("fastdicom").critical("what")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("parameters", "called_aet", "peer", "rest"),
    [
        (["host", "104"], None, Peer("ANY-SCP", "host", 104), []),
        (["host", "104", "a", "b"], "PACS", Peer("PACS", "host", 104), ["a", "b"]),
        (["PACS@host:104", "a"], None, Peer("PACS", "host", 104), ["a"]),
        (["PACS@[::1]:104"], None, Peer("PACS", "::1", 104), []),
        (["::1", "104"], None, Peer("ANY-SCP", "::1", 104), []),
        (["MY@PACS@host:1"], None, Peer("MY@PACS", "host", 1), []),
    ],
)
def test_split_peer(parameters: list[str], called_aet: str | None, peer: Peer, rest: list[str]) -> None:
    assert split_peer(parameters, called_aet) == (peer, rest)


@pytest.mark.parametrize(
    ("parameters", "called_aet", "message"),
    [
        ([], None, "peer is missing"),
        (["host"], None, "port of 'host' is missing"),
        (["host", "a.dcm"], None, "'a.dcm' is not a port"),
        (["host", "0"], None, "'0' is not a port"),
        (["host", "65536"], None, "'65536' is not a port"),
        (["PACS@host"], None, "not AET@host:port"),
        (["PACS@:104"], None, "not AET@host:port"),
        (["@host:104"], None, "'' is not an AE title"),
        (["PACS@host:104"], "PACS", "both give"),
    ],
)
def test_split_peer_says_what_is_wrong(parameters: list[str], called_aet: str | None, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        split_peer(parameters, called_aet)


def test_a_peer_is_written_as_it_is_read() -> None:
    for text in ("PACS@host:104", "PACS@[::1]:104"):
        assert str(split_peer([text], None)[0]) == text


def test_defaults_are_those_of_an_ae() -> None:
    args = create_parser().parse_intermixed_args(["host", "104"])
    assert (args.connection_timeout, args.acse_timeout, args.dimse_timeout, args.network_timeout) == (
        None,
        30,
        30,
        60,
    )
    assert (args.max_pdu, args.level, args.ae_title, args.called_aet) == (
        None,
        logging.WARNING,
        "ECHOSCU",
        None,
    )


def test_flags_may_stand_anywhere() -> None:
    parser = create_parser()
    text = (
        "-aet ME -aec PACS host -to 5 -ta 0 104 -td 2.5 -tn 7 -pdu 0 -ba 127.0.0.1 -xe --repeat 3 -ll ERROR"
    )
    args = parser.parse_intermixed_args(text.split())
    assert args.parameters == ["host", "104"]
    assert (args.ae_title, args.called_aet, args.bind_address) == ("ME", "PACS", "127.0.0.1")
    assert (args.connection_timeout, args.acse_timeout, args.dimse_timeout, args.network_timeout) == (
        5,
        None,
        2.5,
        7,
    )
    assert (args.max_pdu, args.syntax, args.repeat, args.level) == (0, "e", 3, logging.ERROR)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("-aet", "SEVENTEENLETTERSX"),
        ("-aet", " "),
        ("-aec", "back\\slash"),
        ("-aec", "esc\x1b"),
        ("-aec", "\xc4"),
        ("-ta", "-1"),
        ("-ta", "nan"),
        ("-td", "soon"),
        ("-tn", "inf"),
        ("-pdu", "-1"),
        ("-pdu", "4294967296"),
        ("--repeat", "0"),
        ("-ll", "loud"),
    ],
)
def test_a_wrong_value_is_named(flag: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        create_parser().parse_intermixed_args([f"{flag}={value}", "host", "104"])
    assert caught.value.code == common.USAGE
    message = capsys.readouterr().err
    assert f"argument {flag}" in message and "is not" in message


def test_an_ae_has_the_values_of_the_command_line() -> None:
    args = create_parser().parse_intermixed_args(
        ["-aet=ME", "-ta=1", "-td=2", "-tn=3", "-pdu=4096", "host", "104"]
    )
    ae = common.create_ae(args)
    assert ae.ae_title == "ME"
    assert (ae.acse_timeout, ae.dimse_timeout, ae.network_timeout) == (1, 2, 3)
    assert ae.maximum_pdu_size == 4096
