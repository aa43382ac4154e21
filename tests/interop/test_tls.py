"""TLS with mutual authentication: DCMTK's tools and pynetdicom as peers, in both directions."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from peers import dcmtk_storescp, missing, require_dcmtk, require_pynetdicom, run_dcmtk
from pydicom.data import get_testdata_file
from raw_peer import CT, EXPLICIT
from servers import port_of, serving, store_ae, wait_until
from tls_files import NAME, Files, write

from fastdicom import AE, AssociationAborted, build_context, evt
from fastdicom.errors import ConnectionFailed
from fastdicom.part10 import read_header
from fastdicom.server import AssociationServer
from fastdicom.sop_class import Verification
from fastdicom.tls import client_context, server_context

IMAGE = Path(str(get_testdata_file("CT_small.dcm")))


def require_tls(tool: str) -> None:
    """Fail or skip where DCMTK's tool cannot do TLS."""
    require_dcmtk(tool)
    if "OpenSSL" not in run_dcmtk(tool, "--version").stdout:
        missing(f"a {tool} of DCMTK with OpenSSL")


@pytest.fixture
def ours(tmp_path: Path) -> Files:
    return write(tmp_path, "ours-here")


@pytest.fixture
def theirs(tmp_path: Path) -> Files:
    return write(tmp_path, "theirs-there")


def flags(files: Files) -> list[object]:
    """Return DCMTK's flags for TLS with these files."""
    return ["+tls", files.key, files.certificate, "+cf", files.ca]


def data_set_of(path: Path) -> bytes:
    return path.read_bytes()[read_header(path).data_set_offset :]


@contextmanager
def secured(files: Files, handlers: list[Any] | None = None) -> Iterator[AssociationServer]:
    context = server_context(files.certificate, files.key, ca=files.ca)
    with serving(store_ae({CT}), handlers, ssl_context=context) as server:
        yield server


def ours_as_client(files: Files) -> ssl.SSLContext:
    return client_context(certificate=files.certificate, key=files.key, ca=files.ca)


# --- DCMTK ------------------------------------------------------------------------------------------------


def test_storescu_to_fastdicom(ours: Files, theirs: Files) -> None:
    require_tls("storescu")
    arrived: list[tuple[bytes, Any]] = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append((bytes(event.encoded), event.assoc.tls))
        return 0x0000

    with secured(ours, [(evt.EVT_C_STORE, keep)]) as server:
        result = run_dcmtk("storescu", "-v", *flags(theirs), "-xe", NAME, port_of(server), IMAGE, IMAGE)
    assert result.returncode == 0, result.stdout
    assert len(arrived) == 2
    details = arrived[0][1]
    assert details.protocol in ("TLSv1.2", "TLSv1.3")
    assert details.peer_certificate.common_names == ("theirs-there",)


def test_fastdicom_to_storescp(ours: Files, theirs: Files, tmp_path: Path) -> None:
    require_tls("storescp")
    received = tmp_path / "received"
    received.mkdir()
    with (
        dcmtk_storescp(*flags(theirs), "-rc", "+B", "-od", received) as port,
        AE().associate(
            NAME, port, [build_context(CT, EXPLICIT)], tls_args=(ours_as_client(ours), NAME)
        ) as association,
    ):
        assert association.send_c_store(IMAGE).Status == 0x0000
        assert association.tls is not None and association.tls.peer_certificate is not None
        assert association.tls.peer_certificate.common_names == ("theirs-there",)
    assert association.is_released
    assert [data_set_of(path) for path in received.iterdir()] == [data_set_of(IMAGE)]


REFUSED = {
    "another authority": ({"by": "theirs"}, "self.signed|unable to get local issuer"),
    "expired": ({"is_expired": True}, "certificate has expired"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_certificate_of_storescu_that_is_refused(
    ours: Files, tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    require_tls("storescu")
    options, logged = REFUSED[case]
    bad = write(tmp_path, "bad", **options)
    with secured(ours) as server:
        result = run_dcmtk("storescu", "-v", *flags(bad), "-xe", NAME, port_of(server), IMAGE)
        assert result.returncode != 0
        wait_until(lambda: re.search(logged, caplog.text), caplog.text)
        assert not server.active_associations


def test_anonymous_storescu(ours: Files, caplog: pytest.LogCaptureFixture) -> None:
    require_tls("storescu")
    with secured(ours) as server:
        result = run_dcmtk("storescu", "+tla", "+cf", ours.ca, "-xe", NAME, port_of(server), IMAGE)
        assert result.returncode != 0
        wait_until(lambda: "the peer sent no certificate" in caplog.text, caplog.text)
        assert not server.active_associations


def test_plain_storescu_on_a_tls_port(ours: Files, caplog: pytest.LogCaptureFixture) -> None:
    with secured(ours) as server:
        result = run_dcmtk("storescu", "-xe", NAME, port_of(server), IMAGE)
        assert result.returncode != 0
        wait_until(lambda: "does not speak TLS" in caplog.text, caplog.text)
        assert not server.active_associations


def test_secured_storescu_on_a_plain_port(theirs: Files) -> None:
    require_tls("storescu")
    with serving(store_ae({CT})) as server:
        result = run_dcmtk("storescu", *flags(theirs), "-xe", NAME, port_of(server), IMAGE)
        assert result.returncode != 0
        wait_until(lambda: not server.active_associations)


@pytest.mark.parametrize("case", REFUSED)
def test_storescp_refuses_our_certificate(theirs: Files, tmp_path: Path, case: str) -> None:
    require_tls("storescp")
    context = ours_as_client(write(tmp_path, "bad", **REFUSED[case][0]))
    with dcmtk_storescp(*flags(theirs), "-rc", "--ignore") as port:
        ae = AE()
        ae.add_requested_context(Verification)
        with (
            pytest.raises((ConnectionFailed, AssociationAborted), match="does not accept our certificate"),
            ae.associate(NAME, port, tls_args=(context, NAME)),
        ):
            pass
        assert ae.active_associations == []


# --- pynetdicom -------------------------------------------------------------------------------------------


def test_pynetdicom_to_fastdicom(ours: Files, theirs: Files) -> None:
    pynetdicom = require_pynetdicom()
    ae = pynetdicom.AE()
    ae.add_requested_context(Verification)
    with secured(ours) as server:
        association = ae.associate("127.0.0.1", port_of(server), tls_args=(ours_as_client(theirs), NAME))
        assert association.is_established
        assert association.send_c_echo().Status == 0x0000
        association.release()
        assert association.is_released


def test_fastdicom_to_pynetdicom(ours: Files, theirs: Files) -> None:
    pynetdicom = require_pynetdicom()
    ae = pynetdicom.AE()
    ae.add_supported_context(Verification)
    context = server_context(theirs.certificate, theirs.key, ca=theirs.ca)
    server = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=context)
    try:
        with AE().associate(
            "127.0.0.1",
            server.server_address[1],
            [build_context(Verification)],
            tls_args=(ours_as_client(ours), NAME),
        ) as association:
            assert association.send_c_echo().Status == 0x0000
        assert association.is_released
    finally:
        server.shutdown()
