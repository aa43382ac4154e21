"""Servers of others in processes of their own: DCMTK's archive, worklist and printer, and Orthanc.

Each listens on a free port, keeps what it writes in the directory that it is given, and is ended with all its
children. What it said is shown when it does not start, and is there for a test that wants to show it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from peers import DEADLINE, missing, peer_environment, require_dcmtk, run_dcmtk, unused_port

# Looking for a port: so often, with so many seconds between.
TRIES, PAUSE = 1500, 0.02

OURS = "127.0.0.1"


@dataclass(frozen=True)
class Running:
    """A server in a process of its own."""

    port: int
    log: Path

    def said(self) -> str:
        """Return the end of what it has said."""
        return self.log.read_text(errors="replace")[-6000:]


@contextmanager
def running(
    command: Sequence[object],
    port: int,
    directory: Path,
    also: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run a server until it is no longer needed; its directory holds its log, `also` are ports of it too."""
    log = directory / "said.log"
    is_ours = command[0] == sys.executable
    inherited = dict(os.environ) if is_ours else peer_environment()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=inherited | dict(environment or {}),
            start_new_session=True,  # so that its children end with it
        )
    server = Running(port, log)
    try:
        for each in (port, *also):
            _await_listening(process, each, server)
        yield server
    finally:
        _end(process)


def _await_listening(process: subprocess.Popen[bytes], port: int, server: Running) -> None:
    for _ in range(TRIES):
        try:
            socket.create_connection((OURS, port)).close()
            return
        except ConnectionRefusedError:
            try:
                process.wait(PAUSE)
            except subprocess.TimeoutExpired:
                continue
            break
    pytest.fail(f"{process.args} does not listen on {port}; it said:\n{server.said()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children at once: what they keep is thrown away."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait(DEADLINE)


# --- DCMTK ------------------------------------------------------------------------------------------------


@contextmanager
def dcmqrscp(
    directory: Path, destinations: Mapping[str, int] | None = None, ae_titles: Sequence[str] = ("ARCHIVE",)
) -> Iterator[Running]:
    """Run DCMTK's archive; `destinations` are the ports of the AE titles that it may move to."""
    path = require_dcmtk("dcmqrscp")
    port = unused_port()
    (directory / "database").mkdir(parents=True)
    hosts = [
        f"peer{i} = ({title}, {OURS}, {at})" for i, (title, at) in enumerate((destinations or {}).items())
    ]
    configuration = directory / "dcmqrscp.cfg"
    configuration.write_text(
        "\n".join(
            [
                *(f"NetworkTCPPort = {port}", "MaxPDUSize = 16384", "MaxAssociations = 16"),
                *("HostTable BEGIN", *hosts, "HostTable END", "VendorTable BEGIN", "VendorTable END"),
                "AETable BEGIN",
                *(f"{title} {directory / 'database'} RW (100, 64mb) ANY" for title in ae_titles),
                "AETable END\n",
            ]
        )
    )
    with running([path, "-v", "-c", configuration], port, directory) as server:
        yield server


@dataclass(frozen=True)
class LoadedArchive:
    """DCMTK's archive with something in it, and the ports of those whom it may move to."""

    server: Running
    destinations: dict[str, int]

    @property
    def port(self) -> int:
        """The port of the archive, whose AE title is ARCHIVE."""
        return self.server.port


def dump_to_file(dump: str, path: Path) -> Path:
    """Make a DICOM file of a dump, with DCMTK's dump2dcm."""
    text = path.with_suffix(".dump")
    text.write_text(dump)
    result = run_dcmtk("dump2dcm", "+te", text, path)
    assert result.returncode == 0, result.stdout
    return path


@contextmanager
def wlmscpfs(directory: Path, dumps: Sequence[str], ae_title: str = "WORKLIST") -> Iterator[Running]:
    """Run DCMTK's worklist server over the entries that these dumps describe."""
    path = require_dcmtk("wlmscpfs")
    entries = directory / ae_title
    entries.mkdir(parents=True)
    (entries / "lockfile").touch()
    for number, dump in enumerate(dumps):
        dump_to_file(dump, entries / f"entry{number}.wl")
    port = unused_port()
    with running([path, "-v", "-csk", "-dfr", "-dfp", directory, port], port, directory) as server:
        yield server


# The characteristics of a printer, for DCMTK's print server and for its clients.
PRINTER = r"""
[[GENERAL]]
[APPLICATION]
LogDirectory = {directory}
LogFile = general.log
LogLevel = INFO
[PRINT]
Spooler = dcmprscu
Server = dcmprscp
Directory = {directory}/spool
DetailedLog = true
BinaryLog = false
Sleep = 1
MinPrintResolution = 64\64
MaxPrintResolution = 8192\8192
[DATABASE]
Directory = {directory}/database
[LUT]
Directory = {directory}
[NETWORK]
Aetitle = DCMTK
[[COMMUNICATION]]
[PRINTER]
Type = {kind}
Aetitle = {ae_title}
Description = a printer
Hostname = localhost
Port = {port}
BorderDensity = 150\20\BLACK\WHITE
DisableNewVRs = false
DisplayFormat = 1,1\2,2
EmptyImageDensity = 20\BLACK\WHITE
FilmDestination = MAGAZINE\PROCESSOR\SOMEWHERE
FilmSizeID = 8INX10IN\14INX17IN\A4
ImplicitOnly = false
MagnificationType = REPLICATE\BILINEAR\CUBIC\NONE
MaxDensity = 320
MaxPDU = 32768
MediumType = PAPER\CLEAR FILM\BLUE FILM
MinDensity = 20
OmitSOPClassUIDFromCreateResponse = false
PresentationLUTMatchRequired = false
PresentationLUTinFilmSession = false
ResolutionID = STANDARD\HIGH
SmoothingType = NONE
Supports12Bit = true
SupportsDecimateCrop = true
SupportsImageSize = true
SupportsPresentationLUT = true
SupportsTrim = true
"""


def printer_configuration(directory: Path, port: int, *, is_local: bool, ae_title: str = "PRINTER") -> Path:
    """Write a configuration for DCMTK's print programs: of their own printer, or of one elsewhere."""
    for name in ("database", "spool"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    path = directory / "printer.cfg"
    kind = "LOCALPRINTER" if is_local else "PRINTER"
    path.write_text(PRINTER.format(directory=directory, port=port, kind=kind, ae_title=ae_title))
    return path


@contextmanager
def dcmprscp(directory: Path, ae_title: str = "PRINTER") -> Iterator[Running]:
    """Run DCMTK's print server; what it prints becomes files in `directory`/database."""
    path = require_dcmtk("dcmprscp")
    directory.mkdir(parents=True, exist_ok=True)
    port = unused_port()
    configuration = printer_configuration(directory, port, is_local=True, ae_title=ae_title)
    with running([path, "-v", "+d", "-c", configuration, "-p", "PRINTER"], port, directory) as server:
        yield server


# --- Orthanc ----------------------------------------------------------------------------------------------

ORTHANC = ("Orthanc", "/usr/sbin/Orthanc")  # Debian has it where a user's path does not lead


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc, and its REST interface."""

    port: int
    http_port: int
    log: Path

    def said(self) -> str:
        """Return the end of what it has said."""
        return self.log.read_text(errors="replace")[-6000:]

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Make a request of its REST interface: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{OURS}:{self.http_port}{path}", data, method=method)
        # No proxy of the environment stands between this machine and itself.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=DEADLINE) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def get(self, path: str) -> Any:
        """Read a resource."""
        return self.request("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """Post to a resource."""
        return self.request("POST", path, body)


def require_orthanc() -> str:
    """Return the path of Orthanc."""
    return next(filter(None, map(shutil.which, ORTHANC)), None) or missing("Orthanc")


@contextmanager
def orthanc(directory: Path, modalities: Mapping[str, tuple[str, int]] | None = None) -> Iterator[Orthanc]:
    """Run Orthanc; `modalities` are the AE titles and ports, by name, that it knows."""
    path = require_orthanc()
    port, http_port = unused_port(), unused_port()
    (directory / "storage").mkdir(parents=True)
    known = {
        name: {
            "AET": ae_title,
            "Host": OURS,
            "Port": at,
            "AllowStorageCommitment": True,
            "AllowNAction": True,
            "AllowNEventReport": True,
        }
        for name, (ae_title, at) in (modalities or {}).items()
    }
    configuration = directory / "orthanc.json"
    configuration.write_text(
        json.dumps(
            {
                "Name": "tests",
                "StorageDirectory": str(directory / "storage"),
                "IndexDirectory": str(directory / "storage"),
                "Plugins": [],
                "HttpPort": http_port,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomAet": "ORTHANC",
                "DicomPort": port,
                "DicomModalities": known,
                "DicomModalitiesInDatabase": False,
                "DicomAlwaysAllowFind": True,
                "DicomAlwaysAllowGet": True,
                "DicomAlwaysAllowMove": True,
                "DicomScpTimeout": 20,
                "DicomScuTimeout": 20,
                "ConcurrentJobs": 2,
                "SynchronousCMove": True,
            }
        )
    )
    with running([path, "--verbose", configuration], http_port, directory, [port]) as server:
        yield Orthanc(port, http_port, server.log)
