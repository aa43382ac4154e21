"""Ready-made TLS settings: what a profile offers, and what is said when something is missing."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tls_files import Files, write

from fastdicom import tls
from fastdicom.errors import TlsError
from fastdicom.tls import Certificate, Profile, client_context, server_context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write(tmp_path, "somebody")


def names(context: ssl.SSLContext) -> list[str]:
    return [str(cipher["name"]) for cipher in context.get_ciphers()]


def test_what_b12_offers(files: Files) -> None:
    """PS3.15 B.12: TLS 1.2 or 1.3; RFC 9325 4.2 names the cipher suites for 1.2."""
    for context in (
        client_context(ca=files.ca),
        server_context(files.certificate, files.key, ca=files.ca),
    ):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.options & ssl.OP_NO_RENEGOTIATION
        offered = names(context)
        assert set(offered[:3]) == {
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_AES_128_GCM_SHA256",
        }
        assert offered[3:] == [
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ]


def test_what_b13_offers_besides(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        offered = set(names(client_context(profile=Profile.MODIFIED_BCP_195)))
    assert set(Profile.MODIFIED_BCP_195.ciphers) <= offered
    for name in Profile.MODIFIED_BCP_195.ciphers_where_available:
        assert (name in offered) != (name in caplog.text), f"{name} is missing in silence"


def test_who_is_verified(files: Files) -> None:
    client = client_context(ca=files.ca)
    assert client.check_hostname and client.verify_mode is ssl.CERT_REQUIRED
    assert not client_context(ca=files.ca, checks_host_name=False).check_hostname
    anybody = client_context(verifies_peer=False)
    assert anybody.verify_mode is ssl.CERT_NONE and not anybody.check_hostname
    assert server_context(files.certificate, files.key, verifies_peer=False).verify_mode is ssl.CERT_NONE
    with pytest.raises(ValueError, match="to verify requestors, the authorities"):
        server_context(files.certificate, files.key)


def test_a_missing_cipher_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_GCM", ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-ROT13"))
    with pytest.raises(TlsError, match=r"OpenSSL .* has no ECDHE-RSA-ROT13, which the BCP 195"):
        client_context(verifies_peer=False)
    monkeypatch.setattr(tls, "_GCM", ("ECDHE-RSA-ROT13",))
    with pytest.raises(TlsError, match=r"has no ECDHE-RSA-ROT13"):
        client_context(verifies_peer=False)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_missing_version_is_named(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(ssl, f"HAS_TLSv{version.replace('.', '_')}", False)
    with pytest.raises(TlsError, match=f"has no TLS {version}, which the BCP 195"):
        client_context(verifies_peer=False)


# --- files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["certificate", "key", "ca"])
def test_a_missing_file_is_named(files: Files, name: str) -> None:
    missing = getattr(files, name)
    missing.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        server_context(files.certificate, files.key, ca=files.ca)
    assert os.fspath(caught.value.filename) == os.fspath(missing)


@pytest.mark.parametrize("name", ["certificate", "key", "ca"])
def test_a_file_of_something_else_is_named(files: Files, name: str) -> None:
    wrong = getattr(files, name)
    wrong.write_text("a shopping list")
    with pytest.raises(TlsError, match=f"{wrong.name}.*: no certificate"):
        client_context(certificate=files.certificate, key=files.key, ca=files.ca)


def test_a_key_of_another_certificate(files: Files, tmp_path: Path) -> None:
    other = write(tmp_path, "other")
    with pytest.raises(TlsError, match="KEY_VALUES_MISMATCH"):
        client_context(certificate=files.certificate, key=other.key, ca=files.ca)


def test_an_encrypted_key(files: Files) -> None:
    key = load_pem_private_key(files.key.read_bytes(), None)
    encryption = BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    with pytest.raises(TlsError, match="the private key is encrypted, and no password is given"):
        client_context(certificate=files.certificate, key=files.key)
    with pytest.raises(TlsError, match="no certificate with its private key"):
        client_context(certificate=files.certificate, key=files.key, password="wrong")
    client_context(certificate=files.certificate, key=files.key, password="secret")


def test_key_and_certificate_in_one_file(files: Files) -> None:
    both = files.certificate.with_name("both.pem")
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    client_context(certificate=both, ca=files.ca)


def test_authorities_in_a_directory(files: Files, tmp_path: Path) -> None:
    directory = tmp_path / "authorities"
    directory.mkdir()
    for name in ("ours", "theirs"):
        pem = write(tmp_path, "x", trusts=name).ca.read_bytes()
        (directory / f"{name}.pem").write_bytes(pem)
    (directory / "README").write_text("not a certificate")
    context = client_context(ca=os.fspath(directory))
    assert len(context.get_ca_certs()) == 2
    assert len(client_context(ca=[files.ca, directory / "theirs.pem"]).get_ca_certs()) == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(TlsError, match="no certificate of an authority"):
        client_context(ca=empty)


# --- certificates -----------------------------------------------------------------------------------------


def test_what_a_certificate_says() -> None:
    fields = {
        "subject": ((("organizationName", "Hospital"),), (("commonName", "ct1"), ("commonName", "ct2"))),
        "subjectAltName": (("DNS", "ct1.example"), ("IP Address", "192.0.2.7")),
    }
    certificate = Certificate(b"abc", fields)
    assert certificate.fingerprint == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert certificate.subject == "organizationName=Hospital, commonName=ct1, commonName=ct2"
    assert certificate.common_names == ("ct1", "ct2")
    assert certificate.alternative_names == ("ct1.example", "192.0.2.7")


def test_a_certificate_that_was_not_verified_says_nothing() -> None:
    certificate = Certificate(b"abc", {})
    assert (certificate.subject, certificate.common_names, certificate.alternative_names) == ("", (), ())
