"""Storage commitment with Orthanc: our helper asks it, and answers it."""

from __future__ import annotations

from pathlib import Path

import archive
import pytest
from peer_servers import orthanc
from peers import unused_port
from pydicom.uid import CTImageStorage
from servers import wait_until

from fastdicom import AE
from fastdicom.sop_class import StorageCommitmentPushModel
from fastdicom.workflow.commitment_items import CommitmentRequest, Outcome
from fastdicom.workflow.commitment_provider import StorageCommitmentProvider
from fastdicom.workflow.storage_commitment import StorageCommitment

HOST = "127.0.0.1"
FIRST = archive.INSTANCES[0]
MISSING = (CTImageStorage, "1.2.3.4")


@pytest.fixture(scope="module")
def ours() -> int:
    """The port at which Orthanc knows us."""
    return unused_port()


def test_both_ways(tmp_path: Path, archive_files: dict[str, Path], ours: int) -> None:
    """Ours asks; theirs asks. Orthanc reports on an association of its own."""
    commitment = StorageCommitment()
    asked: list[CommitmentRequest] = []

    def decide(request: CommitmentRequest) -> list[int]:
        asked.append(request)
        return [
            Outcome.COMMITTED if each.sop_instance_uid == FIRST.uid else Outcome.NO_SUCH_OBJECT_INSTANCE
            for each in request.instances
        ]

    ae = AE("FASTDICOM")
    ae.add_requested_context(FIRST.sop_class)
    ae.add_requested_context(StorageCommitmentPushModel)
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    with orthanc(tmp_path / "orthanc", {"us": ("FASTDICOM", ours)}) as server:
        provider = StorageCommitmentProvider(ae, decide, {"ORTHANC": (HOST, server.port)}.get)
        handlers = [*commitment.handlers, *provider.handlers]
        listening = ae.start_server((HOST, ours), block=False, evt_handlers=handlers)
        try:
            with ae.associate(HOST, server.port, ae_title="ORTHANC") as association:
                assert association.send_c_store(archive_files[FIRST.uid]).Status == 0x0000
                transaction = commitment.request(association, [archive_files[FIRST.uid], MISSING])
            result = transaction.wait(20)
            assert [each.sop_instance_uid for each in result.committed] == [FIRST.uid], server.said()
            assert [each.reason for each in result.failed] == [Outcome.NO_SUCH_OBJECT_INSTANCE]

            body = {"DicomInstances": [[FIRST.sop_class, FIRST.uid], list(MISSING)]}
            theirs = server.post("/modalities/us/storage-commitment", body)["ID"]
            path = f"/storage-commitment/{theirs}"
            wait_until(lambda: server.get(path)["Status"] != "Pending", "the result in Orthanc")
            report = server.get(path)
        finally:
            listening.shutdown()
            provider.close()
    assert (asked[0].ae_title, len(asked[0].instances)) == ("ORTHANC", 2)
    assert report["Status"] == "Failure"
    assert len(report["Success"]) == len(report["Failures"]) == 1
