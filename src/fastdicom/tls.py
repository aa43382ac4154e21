"""Ready-made TLS settings for DICOM (PS3.15 Annex B), and what a TLS connection has agreed on.

`client_context` and `server_context` return ordinary `ssl.SSLContext` objects, for the `tls_args` of
`AE.associate` and the `ssl_context` of `AE.start_server`; any other context may be used there as well.

The limits are those of Python's `ssl`: it leaves the cipher suites of TLS 1.3 and the groups for the key
exchange to OpenSSL, whose defaults are within the profiles. So the two suites of B.13 for TLS 1.3 with
AES-CCM are not offered.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from fastdicom.errors import TlsError
from fastdicom.log import get_logger

LOGGER = get_logger(__name__)

File: TypeAlias = str | os.PathLike[str]

# RFC 9325 4.2, which PS3.15 B.12 refers to; in our order of preference. The names are OpenSSL's.
_GCM = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)

# PS3.15 B.13 has these besides.
_MODIFIED = (
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-CCM",
    "ECDHE-ECDSA-AES128-CCM",
)

# PS3.15 B.13 as well, but OpenSSL has never had Camellia-GCM, and newer releases do without a tag of 64 bits.
_WHERE_AVAILABLE = (
    "ECDHE-ECDSA-AES256-CCM8",
    "ECDHE-ECDSA-AES128-CCM8",
    "ECDHE-ECDSA-CAMELLIA256-GCM-SHA384",
    "ECDHE-RSA-CAMELLIA256-GCM-SHA384",
    "ECDHE-ECDSA-CAMELLIA128-GCM-SHA256",
    "ECDHE-RSA-CAMELLIA128-GCM-SHA256",
)

# RFC 9325 4.5: RSA keys of 2048 bits or more, and what is as strong.
_KEY_LENGTHS = "@SECLEVEL=2"

# The Application-Layer Protocol Negotiation name that IANA has for DICOM; RFC 9325 3.7 wants one.
_PROTOCOL_NAME = "dicom"


class Profile(Enum):
    """The TLS profiles of PS3.15 that are not retired.

    TLS 1.2 is the least, and TLS 1.3 is offered and preferred (B.12, B.13).
    """

    BCP_195 = "BCP 195 RFC 8996, 9325 TLS Profile (PS3.15 B.12)"
    MODIFIED_BCP_195 = "Modified BCP 195 RFC 8996, 9325 TLS Profile (PS3.15 B.13)"

    @property
    def ciphers(self) -> tuple[str, ...]:
        """The cipher suites for TLS 1.2 that must be there, as OpenSSL names them."""
        return _GCM if self is Profile.BCP_195 else _GCM + _MODIFIED

    @property
    def ciphers_where_available(self) -> tuple[str, ...]:
        """The cipher suites for TLS 1.2 that are offered where the linked OpenSSL has them."""
        return () if self is Profile.BCP_195 else _WHERE_AVAILABLE


def client_context(
    *,
    certificate: File | None = None,
    key: File | None = None,
    password: str | None = None,
    ca: File | Iterable[File] | None = None,
    profile: Profile = Profile.BCP_195,
    verifies_peer: bool = True,
    checks_host_name: bool = True,
) -> ssl.SSLContext:
    """Return the settings of a requestor, for `tls_args`.

    Parameters
    ----------
    certificate, key
        Our certificate with its chain, and its private key, as PEM files; the key may be in the file of the
        certificate. None when the peer wants none.
    password
        Decrypts the key. Without it an encrypted key is an error.
    ca
        Files and directories with the certificates of the authorities that may have issued the peer's; those
        of the operating system when it is None.
    profile
        The profile of PS3.15.
    verifies_peer
        Whether the peer must have a certificate that one of the authorities has issued. Without this anybody
        can be the peer.
    checks_host_name
        Whether its certificate must be for the host name as well, which `tls_args` gives.

    Raises
    ------
    TlsError
        The linked OpenSSL has not what the profile needs, or a file does not hold what it should.
    OSError
        A file cannot be read.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, profile)
    context.check_hostname = verifies_peer and checks_host_name
    context.verify_mode = ssl.CERT_REQUIRED if verifies_peer else ssl.CERT_NONE
    if certificate is not None:
        _load_certificate(context, certificate, key, password)
    if ca is not None:
        _load_authorities(context, ca)
    elif verifies_peer:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def server_context(
    certificate: File,
    key: File | None = None,
    *,
    password: str | None = None,
    ca: File | Iterable[File] | None = None,
    profile: Profile = Profile.BCP_195,
    verifies_peer: bool = True,
) -> ssl.SSLContext:
    """Return the settings of an acceptor, for `ssl_context`.

    Parameters
    ----------
    certificate, key, password
        Our certificate with its chain and its private key, as for `client_context`.
    ca
        Files and directories with the certificates of the authorities that may have issued those of
        requestors. They decide who gets in, so there is no default.
    profile
        The profile of PS3.15.
    verifies_peer
        Whether a requestor must have such a certificate.

    Raises
    ------
    TlsError, OSError
        As for `client_context`.
    ValueError
        When requestors are to be verified and `ca` is not given.
    """
    if verifies_peer and ca is None:
        raise ValueError("to verify requestors, the authorities for their certificates must be given as ca")
    context = _context(ssl.PROTOCOL_TLS_SERVER, profile)
    context.verify_mode = ssl.CERT_REQUIRED if verifies_peer else ssl.CERT_NONE
    _load_certificate(context, certificate, key, password)
    if ca is not None:
        _load_authorities(context, ca)
    return context


def _context(protocol: ssl._SSLMethod, profile: Profile) -> ssl.SSLContext:
    for version, is_there in (("1.2", ssl.HAS_TLSv1_2), ("1.3", ssl.HAS_TLSv1_3)):
        if not is_there:
            raise TlsError(f"{ssl.OPENSSL_VERSION} has no TLS {version}, which the {profile.value} needs")
    context = ssl.SSLContext(protocol)
    _set_ciphers(context, profile)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    # RFC 9325 3.4: no renegotiation; 4.2.1: the server's order counts.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols([_PROTOCOL_NAME])
    return context


def _set_ciphers(context: ssl.SSLContext, profile: Profile) -> None:
    wanted = profile.ciphers + profile.ciphers_where_available
    try:
        context.set_ciphers(":".join(wanted) + _KEY_LENGTHS)
    except ssl.SSLError:
        offered: set[str] = set()
    else:
        offered = {str(cipher["name"]) for cipher in context.get_ciphers()}
    missing = [name for name in profile.ciphers if name not in offered]
    if missing:
        raise TlsError(f"{ssl.OPENSSL_VERSION} has no {', '.join(missing)}, which the {profile.value} needs")
    left_out = [name for name in profile.ciphers_where_available if name not in offered]
    if left_out:
        LOGGER.info("%s has no %s: not offered", ssl.OPENSSL_VERSION, ", ".join(left_out))


def _no_password() -> str:
    # Otherwise OpenSSL would ask on the terminal.
    raise TlsError("the private key is encrypted, and no password is given")


def _load_certificate(
    context: ssl.SSLContext, certificate: File, key: File | None, password: str | None
) -> None:
    for file in (certificate, key):
        if file is not None:
            _check_readable(file)
    try:
        context.load_cert_chain(certificate, key, _no_password if password is None else password)
    except ssl.SSLError as error:
        files = os.fspath(certificate) if key is None else f"{os.fspath(certificate)} and {os.fspath(key)}"
        raise TlsError(
            f"{files}: no certificate with its private key, in PEM format: {error.reason or error}"
        ) from error


def _load_authorities(context: ssl.SSLContext, ca: File | Iterable[File]) -> None:
    for place in [ca] if isinstance(ca, str | os.PathLike) else ca:
        if os.path.isdir(place):
            # OpenSSL looks for names that are hashes (openssl rehash); people expect that all files count.
            for name in sorted(os.listdir(place)):
                _load_authority(context, os.path.join(place, name), is_required=False)
        else:
            _check_readable(place)
            _load_authority(context, place, is_required=True)
    if not context.cert_store_stats()["x509"]:
        raise TlsError("there is no certificate of an authority in what ca names")


def _load_authority(context: ssl.SSLContext, file: File, *, is_required: bool) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except (ssl.SSLError, OSError) as error:
        if is_required:
            raise TlsError(f"{os.fspath(file)}: no certificate in PEM format: {error}") from error


def _check_readable(file: File) -> None:
    # What OpenSSL says of a missing file does not name it.
    with open(file, "rb"):
        pass


@dataclass(frozen=True, slots=True)
class Certificate:
    """A peer's certificate.

    Parameters
    ----------
    encoded
        The certificate in DER.
    fields
        As `ssl.SSLSocket.getpeercert` decodes them. Empty when the certificate was not verified: then nothing
        that it says is to be believed.
    """

    encoded: bytes
    fields: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in lower case hexadecimal digits without colons."""
        return hashlib.sha256(self.encoded).hexdigest()

    @property
    def subject(self) -> str:
        """The subject, as ``organizationName=Hospital, commonName=ct1``; in the order of the certificate."""
        rows = [pair for names in self.fields.get("subject", ()) for pair in names]
        return ", ".join(f"{kind}={value}" for kind, value in rows)

    @property
    def common_names(self) -> tuple[str, ...]:
        """The common names of the subject."""
        rows = [pair for names in self.fields.get("subject", ()) for pair in names]
        return tuple(value for kind, value in rows if kind == "commonName")

    @property
    def alternative_names(self) -> tuple[str, ...]:
        """The names in the extension Subject Alternative Name, of any kind, without the kind."""
        return tuple(value for _, value in self.fields.get("subjectAltName", ()))


@dataclass(frozen=True, slots=True)
class TlsDetails:
    """What a TLS handshake has agreed on.

    Parameters
    ----------
    protocol
        The version, "TLSv1.3" for instance.
    cipher
        The cipher suite, as OpenSSL names it.
    cipher_bits
        The bits of its key.
    peer_certificate
        None when the peer has sent none.
    """

    protocol: str
    cipher: str
    cipher_bits: int
    peer_certificate: Certificate | None
