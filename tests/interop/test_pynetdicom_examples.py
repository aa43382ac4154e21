"""The examples of pynetdicom's documentation on fastdicom, each in a process with only the import changed.

Their peers are DCMTK's programs. Where DCMTK has none, the example's counterpart runs on pynetdicom itself,
in both directions. What is put in the place of an address, a path or a value is what the documentation leaves
to its reader; where it leaves more, or does not run with pynetdicom either, a comment says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aliased
import archive
import documented
import pytest
from peer_servers import LoadedArchive, Running, dcmprscp, running, wlmscpfs
from peers import DEADLINE, require_dcmtk, run_dcmtk, unused_port
from pydicom import dcmread

HOST = "127.0.0.1"
P1 = {each.uid for each in archive.INSTANCES if each.patient_id == "P1"}
SERIES = archive.INSTANCES[0]
IN_SERIES = {each.uid for each in archive.INSTANCES if each.series == SERIES.series}

# How many examples there are, by topic; each is run below.
EXAMPLES = {
    "verification": 4,
    "storage": 7,
    "qr_find": 4,
    "qr_get": 3,
    "qr_move": 4,
    "basic_worklist": 1,
    "mpps": 3,
    "print": 1,
    "display": 2,
    "relevant_patient": 3,
}

# What needs no peer: a few lines that a program would go on from.
FRAGMENTS = [
    ("verification", 1),
    ("storage", 1),
    ("qr_find", 1),
    ("qr_find", 2),
    ("qr_get", 1),
    ("qr_move", 2),
    ("relevant_patient", 1),
    ("presentation_private", 2),
    ("presentation_private", 4),
]

# The series that the examples retrieve, as the archive has it.
IN_ARCHIVE = {"'1234567'": "'P1'", "'1.2.3.4'": repr(SERIES.series), "'1.2.3'": repr(SERIES.study)}


@pytest.fixture(scope="session")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return documented.fetch(tmp_path_factory.mktemp("documentation"))


class Examples:
    """Writes examples as programs. The topics are documents, those of the tutorials too."""

    def __init__(self, documentation: Path, directory: Path) -> None:
        self._documents = {path.stem: path for path in documentation.rglob("*.rst")}
        self.directory = directory

    def text(self, topic: str, number: int) -> str:
        """Return an example as it is documented."""
        return documented.blocks(self._documents[topic].read_text())[number]

    def program(
        self,
        topic: str,
        *numbers: int,
        port: int = 0,
        replaced: dict[str, str] | None = None,
        prelude: str = "",
    ) -> Path:
        """Write examples of a topic, one after the other, as a program; each of `replaced` must be in it."""
        text = "\n".join(self.text(topic, number) for number in numbers)
        changes = ({"11112": str(port)} if port else {}) | (replaced or {})
        for old, new in changes.items():
            assert old in text, f"{topic} {numbers} has no {old}"
            text = text.replace(old, new)
        path = self.directory / f"{topic}_{'_'.join(map(str, numbers))}.py"
        path.write_text(prelude + text)
        return path

    def run(self, program: Path) -> str:
        """Run a program on fastdicom to its end; return what it printed."""
        result = aliased.run(program, cwd=self.directory)
        assert result.returncode == 0 and "Traceback" not in result.stdout, result.stdout
        return result.stdout

    @contextmanager
    def serve(self, program: Path, port: int) -> Iterator[Running]:
        """Run a program on fastdicom that listens on a port."""
        with aliased.serving(program, port=port, cwd=self.directory) as server:
            yield server
            assert "Traceback" not in server.said(), server.said()

    def run_theirs(self, program: Path) -> str:
        """Run a program on pynetdicom to its end."""
        result = subprocess.run(
            [sys.executable, MENDED, program],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=True,
            cwd=self.directory,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
        )
        return result.stdout

    @contextmanager
    def serve_theirs(self, program: Path, port: int) -> Iterator[Running]:
        """Run a program on pynetdicom that listens on a port."""
        with running([sys.executable, program], port, self.directory) as server:
            yield server


TESTS = Path(__file__).parents[1]
MENDED = Path(__file__).parent / "mended.py"


@pytest.fixture
def examples(documentation: Path, tmp_path: Path) -> Examples:
    return Examples(documentation, tmp_path)


@contextmanager
def storescp(directory: Path, port: int | None = None) -> Iterator[tuple[Running, Path]]:
    """Run DCMTK's storescp, and return where it stores as well."""
    received = directory / "received"
    received.mkdir()
    port = port or unused_port()
    with running([require_dcmtk("storescp"), "-v", "-od", received, port], port, directory) as server:
        yield server, received


def dcmtk(tool: str, *arguments: object) -> str:
    result = run_dcmtk(tool, "-v", *arguments)
    assert result.returncode == 0, result.stdout
    return result.stdout


def uids(directory: Path) -> set[str]:
    files = (path for path in directory.iterdir() if path.suffix not in (".py", ".log") and path.is_file())
    return {str(dcmread(path, stop_before_pixels=True, force=True).SOPInstanceUID) for path in files}


def test_all_examples_are_here(documentation: Path) -> None:
    found = {
        path.stem: len(documented.blocks(path.read_text()))
        for path in (documentation / "examples").glob("*.rst")
        if documented.BLOCK in path.read_text()
    }
    assert found == EXAMPLES


@pytest.mark.parametrize(("topic", "number"), FRAGMENTS)
def test_fragment(examples: Examples, topic: str, number: int) -> None:
    examples.run(examples.program(topic, number, prelude="from pydicom.dataset import Dataset\n"))


# --- verification and storage -----------------------------------------------------------------------------


def test_verification_scu(examples: Examples, tmp_path: Path) -> None:
    with storescp(tmp_path) as (server, _):
        said = examples.run(examples.program("verification", 0, port=server.port))
        assert "C-ECHO request status: 0x0000" in said
        assert "Received Echo Request" in server.said()


@pytest.mark.parametrize("number", [2, 3])
def test_verification_scp(examples: Examples, number: int) -> None:
    port = unused_port()
    with examples.serve(examples.program("verification", number, port=port), port):
        assert "Received Echo Response (Success)" in dcmtk("echoscu", HOST, port)


def test_storage_scu(examples: Examples, tmp_path: Path, archive_files: dict[str, Path]) -> None:
    with storescp(tmp_path) as (server, received):
        path = {"path/to/dataset": str(archive_files[SERIES.uid])}
        said = examples.run(examples.program("storage", 0, port=server.port, replaced=path))
        assert "C-STORE request status: 0x0000" in said
        assert uids(received) == {SERIES.uid}


def test_storage_scu_with_contexts(examples: Examples, tmp_path: Path) -> None:
    with storescp(tmp_path) as (server, _):
        examples.run(examples.program("storage", 2, port=server.port))
        assert server.said().count("Association Release") == 2


@pytest.mark.parametrize("number", [3, 4])
def test_storage_scp(examples: Examples, archive_files: dict[str, Path], number: int) -> None:
    port = unused_port()
    with examples.serve(examples.program("storage", number, port=port), port):
        dcmtk("storescu", HOST, port, *archive_files.values())
    assert uids(examples.directory) == archive_files.keys()


@pytest.mark.parametrize("number", [5, 6])
def test_storage_scp_that_stores_nothing(
    examples: Examples, archive_files: dict[str, Path], number: int
) -> None:
    port = unused_port()
    program = examples.program("storage", number, port=port, prelude="import time\n")  # which 6 lacks
    with examples.serve(program, port):
        assert "Received Store Response (Success)" in dcmtk("storescu", HOST, port, archive_files[SERIES.uid])


# Of the tutorials, what are whole programs; the first of each, and each that goes further.
@pytest.mark.parametrize("number", [0, 4, 5])
def test_tutorial_of_an_scu(examples: Examples, tmp_path: Path, number: int) -> None:
    with storescp(tmp_path) as (server, _):
        examples.run(examples.program("create_scu", number, port=server.port))
        assert "Association Release" in server.said()
        assert ("Received Echo Request" in server.said()) == (number == 5)


# The last one uses a module that it does not import.
@pytest.mark.parametrize(("number", "prelude"), [(4, ""), (6, ""), (7, "import os\n")])
def test_tutorial_of_an_scp(
    examples: Examples, archive_files: dict[str, Path], number: int, prelude: str
) -> None:
    port = unused_port()
    with examples.serve(examples.program("create_scp", number, port=port, prelude=prelude), port):
        said = dcmtk("storescu", HOST, port, archive_files[SERIES.uid])
        assert "Received Store Response (Success)" in said


# --- query and retrieval ----------------------------------------------------------------------------------


def test_find_scu(examples: Examples, loaded_archive: LoadedArchive) -> None:
    said = examples.run(examples.program("qr_find", 0, port=loaded_archive.port))
    assert said.count("C-FIND query status: 0xff00") == 1
    assert said.count("C-FIND query status: 0x0000") == 1


def test_find_scp(examples: Examples, archive_files: dict[str, Path], tmp_path: Path) -> None:
    directory = {"/path/to/directory": str(archive_files[SERIES.uid].parent)}
    port = unused_port()
    with examples.serve(examples.program("qr_find", 3, port=port, replaced=directory), port):
        wanted = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName=CITIZEN^Jan"]
        dcmtk("findscu", "-P", "-X", "-od", tmp_path, HOST, port, *wanted)
    found = [dcmread(path).PatientName for path in tmp_path.glob("rsp*.dcm")]
    assert found == ["CITIZEN^Jan"] * len(P1)  # it answers once for each instance


def test_get_scu(examples: Examples, loaded_archive: LoadedArchive) -> None:
    said = examples.run(examples.program("qr_get", 0, port=loaded_archive.port, replaced=IN_ARCHIVE))
    assert said.count("C-GET query status: 0x0000") == 1
    assert uids(examples.directory) == IN_SERIES


def test_get_scp(examples: Examples, archive_files: dict[str, Path], tmp_path: Path) -> None:
    directory = {"/path/to/directory": str(archive_files[SERIES.uid].parent)}
    received = tmp_path / "received"
    received.mkdir()
    port = unused_port()
    with examples.serve(examples.program("qr_get", 2, port=port, replaced=directory), port):
        wanted = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=P1"]
        dcmtk("getscu", "-P", "-od", received, HOST, port, *wanted)
    assert uids(received) == P1


def test_move_scu(examples: Examples, loaded_archive: LoadedArchive, tmp_path: Path) -> None:
    with storescp(tmp_path, loaded_archive.destinations["STORE_SCP"]) as (_, received):
        said = examples.run(examples.program("qr_move", 0, port=loaded_archive.port, replaced=IN_ARCHIVE))
        assert said.count("C-MOVE query status: 0x0000") == 1
        assert uids(received) == IN_SERIES


def test_move_scu_to_itself(examples: Examples, loaded_archive: LoadedArchive) -> None:
    ours = {"11120": str(loaded_archive.destinations["OUR_STORE_SCP"])}
    program = examples.program("qr_move", 1, port=loaded_archive.port, replaced=IN_ARCHIVE | ours)
    said = examples.run(program)
    assert said.count("C-MOVE query status: 0x0000") == 1
    assert said.count("C-MOVE query status: 0xff00") == len(IN_SERIES)


def test_move_scp(examples: Examples, archive_files: dict[str, Path], tmp_path: Path) -> None:
    directory = {"/path/to/directory": str(archive_files[SERIES.uid].parent)}
    received = tmp_path / "received"
    received.mkdir()
    port, destination = unused_port(), unused_port()
    known = f"def get_known_aet():\n    return {{'STORE_SCP': ('{HOST}', {destination})}}\n"
    with examples.serve(examples.program("qr_move", 3, port=port, replaced=directory, prelude=known), port):
        wanted = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=P1"]
        dcmtk("movescu", "-P", "-aem", "STORE_SCP", "+P", destination, "-od", received, HOST, port, *wanted)
    assert uids(received) == P1


# --- the others -------------------------------------------------------------------------------------------

WORKLIST_ENTRY = """
(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [A1]
(0010,0010) PN [CITIZEN^Jan]
(0010,0020) LO [P1]
(0020,000d) UI [1.2.3.7.9]
(0032,1060) LO [EXAM]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [CT]
(0040,0001) AE [CTSCANNER]
(0040,0002) DA [20181005]
(0040,0003) TM [101500]
(0040,0009) SH [STEP1]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [PROCEDURE1]
"""


def test_worklist_scu(examples: Examples, tmp_path: Path) -> None:
    with wlmscpfs(tmp_path / "worklist", [WORKLIST_ENTRY], "ANY-SCP") as server:
        said = examples.run(examples.program("basic_worklist", 0, port=server.port))
        assert said.count("C-FIND query status: 0xff00") == 1, server.said()
        assert said.count("C-FIND query status: 0x0000") == 1


# The example gives up when the printer is in order, has a backslash where a string takes it for itself, and
# names another sequence than that of the image. It assumes a printer that returns the UIDs of what it has
# created, and knows about memory; DCMTK's does not.
PRINT = {
    "\n        else:\n            print": "\n        elif not attr_list:\n            print",
    "'STANDARD": "r'STANDARD",
    "attr_list.ReferencedImageBoxSequence": "attr_list.BasicGrayscaleImageSequence",
    "attr_list.MemoryAllocation = ''": "pass",
    "generate_uid(),  #": "'1.2.3.7.100',  #",
    "generate_uid(),": "'1.2.3.7.101',",
    "session.SOPClassUID": "BasicFilmSession",
    "session.SOPInstanceUID": "'1.2.3.7.100'",
    "film_box.SOPClassUID": "BasicFilmBox",
    "film_box.SOPInstanceUID": "'1.2.3.7.101'",
}


def test_print_scu(examples: Examples, tmp_path: Path, archive_files: dict[str, Path]) -> None:
    path = {"path/to/file.dcm": str(archive_files[SERIES.uid])}
    with dcmprscp(tmp_path / "printer", "ANY-SCP") as server:
        said = examples.run(examples.program("print", 0, port=server.port, replaced=PRINT | path))
        assert "Print command sent successfully" in said, server.said()


# What the examples of an SCP leave to their reader: a function, and in the last of MPPS an attribute that
# the event of N-SET does not have.
MPPS_SCP = {"mod_list = event.attribute_list": "mod_list = event.modification_list"}
ATTRIBUTES = """
from pydicom.dataset import Dataset
def create_attribute_list(tags):
    answer = Dataset()
    answer.Manufacturer = f"MAKER of {tags}"
    return answer
"""
TEMPLATE = """
from pydicom.dataset import Dataset
def create_template(instance, query):
    answer = Dataset()
    answer.PatientID = instance.PatientID
    answer.PatientName = instance.PatientName
    return answer
"""


@contextmanager
def counterpart(examples: Examples, program: Path, port: int, *, is_ours: bool) -> Iterator[Running]:
    serve = examples.serve if is_ours else examples.serve_theirs
    with serve(program, port) as server:
        yield server


@pytest.mark.parametrize("is_scp_ours", [True, False])
class TestWithItsCounterpart:
    """One side on fastdicom, the other on pynetdicom."""

    def run(self, examples: Examples, program: Path, *, is_scp_ours: bool) -> str:
        return (examples.run_theirs if is_scp_ours else examples.run)(program)

    def test_mpps(self, examples: Examples, is_scp_ours: bool) -> None:
        port = unused_port()
        scp = examples.program("mpps", 2, port=port, replaced=MPPS_SCP)
        with counterpart(examples, scp, port, is_ours=is_scp_ours):
            # The second example goes on from the first.
            said = self.run(examples, examples.program("mpps", 0, 1, port=port), is_scp_ours=is_scp_ours)
        for what in ("N-CREATE", "N-SET", "Final N-SET"):
            assert f"{what} request status: 0x0000" in said
        assert "IN PROGRESS" in said

    def test_display(self, examples: Examples, is_scp_ours: bool) -> None:
        (examples.directory / "my_code.py").write_text(ATTRIBUTES)
        port = unused_port()
        scp = examples.program("display", 1, port=port)
        with counterpart(examples, scp, port, is_ours=is_scp_ours):
            said = self.run(examples, examples.program("display", 0, port=port), is_scp_ours=is_scp_ours)
        assert "N-GET request status: 0x0000" in said
        assert "MAKER" in said

    def test_relevant_patient(
        self, examples: Examples, is_scp_ours: bool, archive_files: dict[str, Path], tmp_path: Path
    ) -> None:
        directory = tmp_path / "patients"
        directory.mkdir()
        (directory / "one.dcm").write_bytes(archive_files[SERIES.uid].read_bytes())
        port = unused_port()
        where = {"/path/to/directory": str(directory)}
        scp = examples.program("relevant_patient", 2, port=port, replaced=where, prelude=TEMPLATE)
        with counterpart(examples, scp, port, is_ours=is_scp_ours):
            scu = examples.program("relevant_patient", 0, port=port, replaced={"'1234567'": "'P1'"})
            said = self.run(examples, scu, is_scp_ours=is_scp_ours)
        assert said.count("C-FIND query status: 0xff00") == 1
        assert said.count("C-FIND query status: 0x0000") == 1
