"""Certificates for the contestants that use TLS, made anew for each run of the benchmark."""

from __future__ import annotations

import importlib.util
from pathlib import Path

REMEDY = 'pip install "fastdicom-net[bench]"'


def are_possible() -> bool:
    """Whether what makes certificates is installed."""
    return importlib.util.find_spec("trustme") is not None


def make(directory: Path) -> dict[str, str]:
    """Write a key, its certificate, and the certificate of the authority that both sides trust.

    Returns
    -------
    dict
        The paths, as ``key``, ``certificate`` and ``ca``.
    """
    import trustme

    directory.mkdir()
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    content = {
        "key": leaf.private_key_pem,
        "certificate": leaf.cert_chain_pems[0],
        "ca": authority.cert_pem,
    }
    paths = {name: directory / f"{name}.pem" for name in content}
    for name, path in paths.items():
        path.write_bytes(content[name].bytes())
    return {name: str(path) for name, path in paths.items()}
