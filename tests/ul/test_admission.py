"""Whom an acceptor lets in: every row of the decision, without a network."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fastdicom.ul.admission import AdmissionPolicy, Applicant, Census, check_admission, is_in
from fastdicom.ul.negotiation import is_same_ae_title
from fastdicom.ul.pdu import A_ASSOCIATE_RQ


@dataclass
class Certificate:
    fingerprint: str


def ask(
    policy: AdmissionPolicy,
    *,
    ae_title: str = "CALLED",
    census: Census | None = None,
    address: str = "10.1.2.3",
    certified: Any = None,
    **rq: Any,
) -> tuple[int, int, int] | None:
    titles = {"called_ae_title": "CALLED", "calling_ae_title": "CALLING"}
    applicant = Applicant(A_ASSOCIATE_RQ(**(titles | rq)), address, certified)
    refusal = check_admission(applicant, policy, ae_title=ae_title, census=census or Census())
    return None if refusal is None else (refusal.result, refusal.source, refusal.reason_diagnostic)


ANYBODY = AdmissionPolicy()


def test_anybody() -> None:
    assert ask(ANYBODY, called_ae_title="OTHER") is None


@pytest.mark.parametrize(("version", "refusal"), [(0, (1, 2, 2)), (2, (1, 2, 2)), (1, None), (3, None)])
def test_version(version: int, refusal: Any) -> None:
    assert ask(ANYBODY, protocol_version=version) == refusal


def test_application_context() -> None:
    assert ask(ANYBODY, application_context_name="1.2.840.10008.3.1.1.2") == (1, 1, 2)


@pytest.mark.parametrize("title", ["CALLED", "CALLED  ", "  CALLED", " CALLED "])
def test_called(title: str) -> None:
    policy = AdmissionPolicy(require_called_aet=True)
    assert ask(policy, called_ae_title=title) is None
    assert ask(policy, ae_title=title) is None


@pytest.mark.parametrize("title", ["called", "CALLE", "CALLED\0X", ""])
def test_called_another(title: str) -> None:
    assert ask(AdmissionPolicy(require_called_aet=True), called_ae_title=title) == (1, 1, 7)


def test_calling() -> None:
    assert ask(AdmissionPolicy(calling_ae_titles=["X", "CALLING "])) is None
    assert ask(AdmissionPolicy(calling_ae_titles=["X"])) == (1, 1, 3)
    assert ask(AdmissionPolicy(calling_ae_titles="CALLING")) is None  # one title, not seven letters
    assert ask(AdmissionPolicy(calling_ae_titles="CALLING"), calling_ae_title="C") == (1, 1, 3)


@pytest.mark.parametrize(
    ("certified", "refusal"),
    [(None, None), (["A", "CALLING "], None), (["A"], (1, 1, 3)), ([], (1, 1, 3))],
)
def test_what_the_certificate_allows(certified: Any, refusal: Any) -> None:
    assert ask(ANYBODY, certified=certified) == refusal


@pytest.mark.parametrize(("active", "maximum", "is_refused"), [(9, 10, False), (10, 10, True), (0, 0, True)])
def test_maximum_associations(active: int, maximum: int, is_refused: bool) -> None:
    policy = AdmissionPolicy(maximum_associations=maximum)
    assert ask(policy, census=Census(total=active)) == ((2, 3, 2) if is_refused else None)


def test_limits_of_a_title_and_of_an_address() -> None:
    census = Census()
    census.count("CALLING", "10.1.2.3", 1)
    one_of_a_title = AdmissionPolicy(maximum_per_calling_aet=1)
    assert ask(one_of_a_title, census=census, calling_ae_title=" CALLING ") == (2, 3, 2)
    assert ask(one_of_a_title, census=census, calling_ae_title="OTHER") is None
    one_of_an_address = AdmissionPolicy(maximum_per_address=1)
    assert ask(one_of_an_address, census=census) == (2, 3, 2)
    assert ask(one_of_an_address, census=census, address="10.1.2.4") is None
    census.count("CALLING", "10.1.2.3", -1)
    assert ask(one_of_a_title, census=census) is None
    assert census == Census()  # nothing is kept of who has gone


def test_permanent_reasons_come_before_transient_ones() -> None:
    policy = AdmissionPolicy(require_called_aet=True, maximum_associations=0, networks=["192.0.2.0/24"])
    wrong = {"protocol_version": 0, "application_context_name": "1.2"}
    assert ask(policy, ae_title="X", **wrong) == (1, 2, 2)
    assert ask(policy, ae_title="X", application_context_name="1.2") == (1, 1, 2)
    assert ask(policy, ae_title="X") == (1, 1, 1)
    assert ask(policy, ae_title="X", address="192.0.2.1") == (1, 1, 7)
    assert ask(policy, address="192.0.2.1") == (2, 3, 2)


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("10.1.2.3", [], True),
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["10.1.2.3"], True),
        ("10.1.2.3", ["10.1.2.99/24"], True),  # host bits do not matter
        ("11.1.2.3", ["10.0.0.0/8", "192.0.2.0/24"], False),
        ("10.1.2.3", ["fd00::/8"], False),
        ("fd00::1", ["10.0.0.0/8", "fd00::/8"], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["::ffff:10.0.0.0/104"], True),
        ("11.1.2.3", ["::ffff:10.0.0.0/104"], False),
        ("10.1.2.3", ["::/0"], False),
        ("10.1.2.3", [ipaddress.ip_network("10.0.0.0/8")], True),
        ("", ["10.0.0.0/8"], False),
        ("no address", ["0.0.0.0/0", "::/0"], False),
    ],
)
def test_networks(address: str, networks: Any, expected: bool) -> None:
    policy = AdmissionPolicy(networks=networks)
    assert is_in(address, policy.networks) is expected
    assert ask(policy, address=address) == (None if expected else (1, 1, 1))


def test_one_network_is_not_a_list_of_letters() -> None:
    assert ask(AdmissionPolicy(networks="10.0.0.0/8")) is None


def test_a_network_that_is_none() -> None:
    with pytest.raises(ValueError, match="33"):
        AdmissionPolicy(networks=["10.0.0.0/33"])


def test_titles_of_certificates() -> None:
    known = Certificate("ab" * 32)
    policy = AdmissionPolicy(
        certificate_titles={":".join(["AB"] * 32): ["CT1", "CT2"], "cd" * 32: None, "01" * 32: "MR"},
    )
    assert ANYBODY.certified_titles(None) is None
    assert policy.certified_titles(known) == ["CT1", "CT2"]
    assert policy.certified_titles(Certificate("CD" * 32)) is None
    assert policy.certified_titles(Certificate("01" * 32)) == ("MR",)
    assert policy.certified_titles(Certificate("ef" * 32)) == ()
    assert policy.certified_titles(None) == ()


def test_a_callable_for_the_titles_of_certificates() -> None:
    policy = AdmissionPolicy(certificate_titles=lambda certificate: [certificate.fingerprint.upper()])
    assert policy.certified_titles(Certificate("ct")) == ["CT"]
    assert policy.certified_titles(None) == ()  # nobody asks it


def test_a_policy_is_replaced_not_changed() -> None:
    policy = AdmissionPolicy(networks=["10.0.0.0/8"], certificate_titles={"AB": ["X"]})
    other = replace(policy, maximum_associations=3)
    assert (other.networks, other.certificate_titles) == (policy.networks, {"ab": ["X"]})
    with pytest.raises(AttributeError):
        policy.maximum_associations = 4  # type: ignore[misc]


def test_same_title() -> None:
    assert is_same_ae_title(" A B ", "A B")
    assert not is_same_ae_title("A B", "AB")
