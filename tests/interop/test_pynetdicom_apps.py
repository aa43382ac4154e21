"""pynetdicom's command-line programs on fastdicom, as they are installed: each against a peer of DCMTK's.

Each runs in a process of its own in which `pynetdicom` means fastdicom (`alias.py`); not a line is changed.
"""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aliased
import archive
import pytest
from peer_servers import LoadedArchive, Running, running
from peers import missing, require_dcmtk, require_pynetdicom, run_dcmtk, unused_port
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

HOST = "127.0.0.1"

P1 = {each.uid for each in archive.INSTANCES if each.patient_id == "P1"}
ALL = {each.uid for each in archive.INSTANCES}


@pytest.fixture(autouse=True)
def _is_installed() -> None:
    require_pynetdicom()


def app(*arguments: object, cwd: Path) -> str:
    """Run one of pynetdicom's programs to its end, which must be good; return what it said."""
    result = aliased.run("pynetdicom", *arguments, cwd=cwd)
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    return result.stdout


@contextmanager
def serving(name: str, *arguments: object, cwd: Path) -> Iterator[Running]:
    """Run one of pynetdicom's servers; the port is its last argument."""
    port = unused_port()
    with aliased.serving("pynetdicom", name, "-v", *arguments, port, port=port, cwd=cwd) as server:
        yield server
        assert "Traceback" not in server.said()


@contextmanager
def storescp(cwd: Path) -> Iterator[tuple[Running, Path]]:
    """Run DCMTK's storescp, and return where it stores as well."""
    received = cwd / "received"
    received.mkdir()
    port = unused_port()
    with running([require_dcmtk("storescp"), "-v", "-od", received, port], port, cwd) as server:
        yield server, received


def uids(directory: Path) -> set[str]:
    return {str(dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in directory.iterdir()}


def dcmtk(tool: str, *arguments: object) -> str:
    result = run_dcmtk(tool, "-v", *arguments)
    assert result.returncode == 0, result.stdout
    return result.stdout


def keys(level: str, **values: str) -> list[str]:
    """Return an identifier as the flags of a query, which are the same for both families of programs."""
    given = {"QueryRetrieveLevel": level} | values
    return [part for keyword, value in given.items() for part in ("-k", f"{keyword}={value}")]


def test_the_alias_is_fastdicom(tmp_path: Path) -> None:
    """Nothing of pynetdicom's own runs in these tests but its programs."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
            import sys
            from pathlib import Path
            import fastdicom
            import pynetdicom
            from pynetdicom import AE, evt
            from pynetdicom.apps.common import setup_logging
            from pynetdicom.sop_class import Verification
            assert AE is fastdicom.AE and evt is fastdicom.evt
            assert pynetdicom.sop_class is sys.modules["pynetdicom.sop_class"] is fastdicom.sop_class
            try:
                import pynetdicom.dul
            except ModuleNotFoundError:
                files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
                print(sorted(each for each in files if "pynetdicom" in Path(each).parts))
        """)
    )
    said = aliased.run(program, cwd=tmp_path).stdout
    installed = Path(require_pynetdicom().__file__).parent
    assert said.strip() == repr([str(installed / "apps" / "common.py")])


def test_echoscu(tmp_path: Path) -> None:
    with storescp(tmp_path) as (server, _):
        app("echoscu", "-v", HOST, server.port, "--repeat", 3, cwd=tmp_path)
        assert server.said().count("Received Echo Request") == 3
        assert "Association Release" in server.said()


def test_echoscu_that_is_refused(tmp_path: Path, loaded_archive: LoadedArchive) -> None:
    result = aliased.run("pynetdicom", "echoscu", "-aec", "OTHER", HOST, loaded_archive.port, cwd=tmp_path)
    assert result.returncode == 1, result.stdout


def test_echoscp(tmp_path: Path) -> None:
    with serving("echoscp", cwd=tmp_path) as server:
        assert "Received Echo Response (Success)" in dcmtk("echoscu", HOST, server.port)


def test_storescu(tmp_path: Path, archive_files: dict[str, Path]) -> None:
    directory = next(iter(archive_files.values())).parent
    with storescp(tmp_path) as (server, received):
        app("storescu", "-v", HOST, server.port, directory, cwd=tmp_path)
        assert uids(received) == ALL, server.said()


@pytest.mark.parametrize(
    ("flag", "transfer_syntax"), [("-xe", ExplicitVRLittleEndian), ("-xi", ImplicitVRLittleEndian)]
)
def test_storescu_in_each_transfer_syntax(
    tmp_path: Path, archive_files: dict[str, Path], flag: str, transfer_syntax: str
) -> None:
    path = next(iter(archive_files.values()))
    with storescp(tmp_path) as (server, received):
        app("storescu", flag, HOST, server.port, path, cwd=tmp_path)
        (stored,) = map(dcmread, received.iterdir())
    assert stored.file_meta.TransferSyntaxUID == transfer_syntax
    assert stored.pixel_array.tolist() == dcmread(path).pixel_array.tolist()


def test_storescp(tmp_path: Path, archive_files: dict[str, Path]) -> None:
    received = tmp_path / "received"
    with serving("storescp", "-od", received, cwd=tmp_path) as server:
        dcmtk("storescu", HOST, server.port, *archive_files.values())
        dcmtk("echoscu", HOST, server.port)
    assert uids(received) == ALL


@pytest.mark.parametrize("model", ["-P", "-S"])
def test_findscu(tmp_path: Path, loaded_archive: LoadedArchive, model: str) -> None:
    wanted = keys("STUDY", PatientID="P1", StudyInstanceUID="")
    app("findscu", "-v", "-w", model, "-aec", "ARCHIVE", HOST, loaded_archive.port, *wanted, cwd=tmp_path)
    found = {str(dcmread(path).StudyInstanceUID) for path in tmp_path.glob("rsp*.dcm")}
    assert found == {each.study for each in archive.INSTANCES if each.patient_id == "P1"}


def test_getscu(tmp_path: Path, loaded_archive: LoadedArchive) -> None:
    received = tmp_path / "received"
    address = ["-aec", "ARCHIVE", HOST, loaded_archive.port]
    app("getscu", "-v", "-P", *address, *keys("PATIENT", PatientID="P1"), "-od", received, cwd=tmp_path)
    assert uids(received) == P1


def test_movescu(tmp_path: Path, loaded_archive: LoadedArchive) -> None:
    received = tmp_path / "received"
    port = loaded_archive.destinations["MOVESCU"]
    store = ["-aem", "MOVESCU", "--store", "--store-port", port, "--store-aet", "MOVESCU", "-od", received]
    address = ["-aec", "ARCHIVE", HOST, loaded_archive.port]
    app("movescu", "-v", "-P", *address, *store, *keys("PATIENT", PatientID="P1"), cwd=tmp_path)
    assert uids(received) == P1


class TestQrscp:
    """pynetdicom's archive, with DCMTK's tools as its clients."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(
        cls, tmp_path_factory: pytest.TempPathFactory, archive_files: dict[str, Path]
    ) -> Iterator[tuple[Running, int]]:
        require_pynetdicom()
        try:
            importlib.import_module("sqlalchemy")
        except ImportError:
            missing("sqlalchemy")
        directory = tmp_path_factory.mktemp("qrscp")
        port, destination = unused_port(), unused_port()
        configuration = directory / "qrscp.ini"
        configuration.write_text(
            textwrap.dedent(f"""
                [DEFAULT]
                ae_title: QRSCP
                port: {port}
                max_pdu: 16382
                acse_timeout: 30
                dimse_timeout: 30
                network_timeout: 30
                bind_address: {HOST}
                instance_location: {directory}/instances
                database_location: {directory}/instances.sqlite
                log_identifier: True
                [DESTINATION]
                address: {HOST}
                port: {destination}
            """)
        )
        command = aliased.command("pynetdicom", "qrscp", "-v", "-c", configuration)
        with running(command, port, directory, environment=aliased.ENVIRONMENT) as server:
            dcmtk("storescu", "-aec", "QRSCP", HOST, port, *archive_files.values())
            yield server, destination

    def test_echo(self, server: tuple[Running, int]) -> None:
        assert "Received Echo Response (Success)" in dcmtk("echoscu", HOST, server[0].port)

    def test_find(self, server: tuple[Running, int], tmp_path: Path) -> None:
        wanted = keys("STUDY", PatientID="P1", StudyInstanceUID="")
        said = dcmtk("findscu", "-P", "-X", "-od", tmp_path, HOST, server[0].port, *wanted)
        found = {str(dcmread(path, force=True).StudyInstanceUID) for path in tmp_path.glob("rsp*.dcm")}
        assert found == {each.study for each in archive.INSTANCES if each.patient_id == "P1"}, said

    def test_get(self, server: tuple[Running, int], tmp_path: Path) -> None:
        said = dcmtk("getscu", "-P", "-od", tmp_path, HOST, server[0].port, *keys("PATIENT", PatientID="P1"))
        assert uids(tmp_path) == P1, said + server[0].said()

    def test_move(self, server: tuple[Running, int], tmp_path: Path) -> None:
        running_at, destination = server
        where = ["-aem", "DESTINATION", "+P", destination, "-od", tmp_path]
        said = dcmtk("movescu", "-P", *where, HOST, running_at.port, *keys("PATIENT", PatientID="P1"))
        assert uids(tmp_path) == P1, said + running_at.said()
