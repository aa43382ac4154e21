"""Certificates for tests: an authority, those that it issued, and files of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import trustme

NAME = "localhost"
LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


@cache
def authority(name: str) -> trustme.CA:
    """Return an authority; one for each name."""
    return trustme.CA(organization_name=name)


@cache
def issued(owner: str, by: str, is_expired: bool) -> trustme.LeafCert:
    """Return a certificate for this host, and its key."""
    not_after = LONG_AGO + dt.timedelta(days=1) if is_expired else None
    return authority(by).issue_cert(
        NAME, "127.0.0.1", common_name=owner, not_before=LONG_AGO, not_after=not_after
    )


@dataclass(frozen=True)
class Files:
    """The paths of a certificate, its key, and of the authority that is trusted."""

    certificate: Path
    key: Path
    ca: Path


def write(
    folder: Path, owner: str, by: str = "ours", *, trusts: str = "ours", is_expired: bool = False
) -> Files:
    """Write a certificate, its key and the trusted authority to files in a folder."""
    leaf = issued(owner, by, is_expired)
    files = Files(folder / f"{owner}.pem", folder / f"{owner}.key", folder / f"{owner}-ca.pem")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    files.key.write_bytes(leaf.private_key_pem.bytes())
    files.ca.write_bytes(authority(trusts).cert_pem.bytes())
    return files
