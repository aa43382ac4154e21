"""Whom an acceptor lets in: a policy, what is known of a requestor, and the refusal that comes of both.

Pure functions and records, for PS3.8 Table 9-21. A policy is never changed: it is replaced as a whole, so
that no decision sees half of one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from fastdicom.ul.items import APPLICATION_CONTEXT_NAME
from fastdicom.ul.negotiation import VERSION_NOT_SUPPORTED, is_same_ae_title, is_version_supported
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class HasFingerprint(Protocol):
    """A certificate."""

    @property
    def fingerprint(self) -> str:
        """Its SHA-256 in hexadecimal digits."""


# Either the AE titles of each certificate, by the SHA-256 of its DER form in hexadecimal, or what tells
# those of a peer's certificate. None in the place of titles allows any title.
CertificateTitles: TypeAlias = Mapping[str, Collection[str] | None] | Callable[[Any], Collection[str] | None]

# PS3.8 Table 9-21: result, source, reason/diagnostic.
NO_REASON_GIVEN = A_ASSOCIATE_RJ(1, 1, 1)
APPLICATION_CONTEXT_NOT_SUPPORTED = A_ASSOCIATE_RJ(1, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNIZED = A_ASSOCIATE_RJ(1, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNIZED = A_ASSOCIATE_RJ(1, 1, 7)
TEMPORARY_CONGESTION = A_ASSOCIATE_RJ(2, 3, 1)
LOCAL_LIMIT_EXCEEDED = A_ASSOCIATE_RJ(2, 3, 2)


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """Whom an AE lets in, and how many at once. To change one, make another: `dataclasses.replace`.

    Parameters
    ----------
    require_called_aet
        Whether a requestor must call the AE by its title. Refused: permanent, 1, 7.
    calling_ae_titles
        The AE titles that may request associations; anybody when empty. Refused: permanent, 1, 3.
    networks
        The networks that requestors must be in, IPv4 or IPv6: ``"10.1.0.0/16"``, ``"fd00::/8"``,
        ``"192.0.2.7"``, or objects of `ipaddress`; any when empty. Refused: permanent, 1, 1.
    certificate_titles
        Which calling AE titles a TLS client certificate allows: a mapping from its SHA-256 fingerprint
        (hexadecimal, colons and case do not matter) to titles, or a callable that gets the `certificate` and
        returns them. None instead of titles allows any. Who has no certificate, or one without titles, is
        refused: permanent, 1, 3. None: certificates do not matter.
    maximum_associations
        How many associations may be accepted at once. Refused: transient, 3, 2.
    maximum_per_calling_aet, maximum_per_address
        How many of them may have the same calling AE title, or come from the same remote address; None for
        no limit of their own. Refused: transient, 3, 2.

    Raises
    ------
    ValueError
        When a network is none.
    """

    require_called_aet: bool = False
    calling_ae_titles: Collection[str] = frozenset()
    networks: Iterable[str | Network] = ()
    certificate_titles: CertificateTitles | None = None
    maximum_associations: int = 10
    maximum_per_calling_aet: int | None = None
    maximum_per_address: int | None = None

    def __post_init__(self) -> None:
        titles = (
            [self.calling_ae_titles] if isinstance(self.calling_ae_titles, str) else self.calling_ae_titles
        )
        networks = [self.networks] if isinstance(self.networks, str) else self.networks
        object.__setattr__(self, "calling_ae_titles", tuple(title.strip(" ") for title in titles))
        object.__setattr__(self, "networks", tuple(_network(network) for network in networks))
        if isinstance(self.certificate_titles, Mapping):
            rows = {_digits(digits): titles for digits, titles in self.certificate_titles.items()}
            object.__setattr__(self, "certificate_titles", rows)

    def certified_titles(self, certificate: HasFingerprint | None) -> Collection[str] | None:
        """Return the calling AE titles that a certificate allows; None for any.

        Parameters
        ----------
        certificate
            The peer's; None when it has shown none.
        """
        if self.certificate_titles is None:
            return None
        if certificate is None:
            return ()
        if isinstance(self.certificate_titles, Mapping):
            titles = self.certificate_titles.get(_digits(certificate.fingerprint), ())
        else:
            titles = self.certificate_titles(certificate)
        return (titles,) if isinstance(titles, str) else titles


class Applicant(NamedTuple):
    """What is known of a requestor.

    Attributes
    ----------
    rq
        What it sent.
    address
        Where it is.
    certified_titles
        The calling AE titles that its certificate allows; None for any.
    """

    rq: A_ASSOCIATE_RQ
    address: str = ""
    certified_titles: Collection[str] | None = None


@dataclass(slots=True)
class Census:
    """How many associations are accepted: over all, and by calling AE title and remote address."""

    total: int = 0
    of_title: dict[str, int] = field(default_factory=dict)
    of_address: dict[str, int] = field(default_factory=dict)

    def count(self, title: str, address: str, change: int) -> None:
        """Count one more (1) or one less (-1)."""
        self.total += change
        for counts, key in ((self.of_title, title), (self.of_address, address)):
            counts[key] = counts.get(key, 0) + change
            if counts[key] == 0:
                del counts[key]


def check_admission(
    applicant: Applicant, policy: AdmissionPolicy, *, ae_title: str, census: Census
) -> A_ASSOCIATE_RJ | None:
    """Decide whether an acceptor lets a requestor in.

    Parameters
    ----------
    applicant
        Who asks.
    policy
        Whom the acceptor lets in.
    ae_title
        The acceptor's own.
    census
        Who is in already.

    Returns
    -------
    A_ASSOCIATE_RJ or None
        The refusal; None for one who is let in. Permanent ones come before transient ones: who will never
        be let in need not try again.
    """
    return next(_refusals(applicant, policy, ae_title, census), None)


def _refusals(
    applicant: Applicant, policy: AdmissionPolicy, ae_title: str, census: Census
) -> Iterator[A_ASSOCIATE_RJ]:
    rq, address, certified = applicant
    calling = rq.calling_ae_title.strip(" ")
    if not is_version_supported(rq):
        yield VERSION_NOT_SUPPORTED
    if rq.application_context_name != APPLICATION_CONTEXT_NAME:
        yield APPLICATION_CONTEXT_NOT_SUPPORTED
    if policy.networks and not is_in(address, policy.networks):
        yield NO_REASON_GIVEN
    if policy.require_called_aet and not is_same_ae_title(rq.called_ae_title, ae_title):
        yield CALLED_AE_TITLE_NOT_RECOGNIZED
    if policy.calling_ae_titles and calling not in policy.calling_ae_titles:
        yield CALLING_AE_TITLE_NOT_RECOGNIZED
    if certified is not None and not any(is_same_ae_title(calling, title) for title in certified):
        yield CALLING_AE_TITLE_NOT_RECOGNIZED
    of_title, of_address = policy.maximum_per_calling_aet, policy.maximum_per_address
    if (
        census.total >= policy.maximum_associations
        or (of_title is not None and census.of_title.get(calling, 0) >= of_title)
        or (of_address is not None and census.of_address.get(address, 0) >= of_address)
    ):
        yield LOCAL_LIMIT_EXCEEDED


def is_in(address: str, networks: Iterable[str | Network]) -> bool:
    """Whether an address is in one of the networks; in any when there are none."""
    if not networks:
        return True
    try:
        known: Any = ipaddress.ip_address(address)
    except ValueError:
        return False
    if known.version == 6 and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known in network for network in networks)


def _network(network: str | Network) -> Network:
    """Return a network; one of IPv4 in the clothes of IPv6 is one of IPv4."""
    parsed = ipaddress.ip_network(network, strict=False)
    if isinstance(parsed, ipaddress.IPv6Network) and parsed.prefixlen >= 96:
        mapped = parsed.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, parsed.prefixlen - 96))
    return parsed


def _digits(fingerprint: str) -> str:
    return fingerprint.replace(":", "").lower()
