"""What the tests of peers share: the files of the small archive, and DCMTK's archive with them in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import archive
import pytest
from peer_servers import LoadedArchive, dcmqrscp
from peers import unused_port

from fastdicom import AE, build_context

# Ours, and those of pynetdicom's programs and examples.
DESTINATIONS = ("FASTDICOM", "MOVESCU", "STORE_SCP", "OUR_STORE_SCP")


@pytest.fixture(scope="session")
def archive_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of the archive, by SOP Instance UID."""
    return archive.write(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def loaded_archive(
    tmp_path_factory: pytest.TempPathFactory, archive_files: dict[str, Path]
) -> Iterator[LoadedArchive]:
    """DCMTK's archive with all instances in it, and ports that are free for whom it may move to."""
    destinations = {title: unused_port() for title in DESTINATIONS}
    contexts = [build_context(uid) for uid in sorted({each.sop_class for each in archive.INSTANCES})]
    directory = tmp_path_factory.mktemp("dcmqrscp") / "here"
    with dcmqrscp(directory, destinations, ("ARCHIVE", "ANY-SCP")) as server:
        with AE().associate("127.0.0.1", server.port, contexts, "ARCHIVE") as association:
            statuses = [association.send_c_store(path).Status for path in archive_files.values()]
        assert set(statuses) == {0x0000}, server.said()
        yield LoadedArchive(server, destinations)
