"""DCMTK's tools as peers, over every storage object of pydicom's test sets, in both directions.

DCMTK's senders parse a file and encode it anew, so their bytes are not the file's. What they sent is what
DCMTK's own bit-preserving storescp keeps of the same command: fastdicom must have received the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from data_sets import values
from peers import dcmtk_storescp, run_dcmtk
from pydicom.uid import (
    ColorPaletteStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from servers import port_of, serving, store_ae
from storage_files import StorageFile, all_classes, contexts_of, storage_files

from fastdicom import AE, build_context, evt
from fastdicom.part10 import read_header
from fastdicom.sop_class import Verification

ACCEPT_ALL = "+xa"
BIT_PRESERVING = "+B"
UNIQUE_NAMES = "+uf"  # the test sets hold several objects of one SOP Instance UID

# PS3.4 Table B.2-1
SUCCESS = 0x0000
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

# The flag of storescu that proposes a transfer syntax.
STORESCU_FLAGS = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.5": "-xr",
}


def by_transfer_syntax() -> dict[str, list[StorageFile]]:
    groups: dict[str, list[StorageFile]] = {}
    for file in storage_files():
        groups.setdefault(file.transfer_syntax, []).append(file)
    return groups


# What DCMTK's storescp, and so every test with it, does without: it is of 2022 and knows no such SOP class.
NOT_KNOWN = {ColorPaletteStorage}

# In storescp's order of preference, as dcmsend leaves the choice to its peer.
TRANSFER_SYNTAXES = [
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    *STORESCU_FLAGS,
]

# DCMTK parses what it is to send, and does without a file where that fails.
CUT_SHORT = "it ends in the middle of an element"
UIDS_ARE_UN = "its SOP Class UID and SOP Instance UID have the VR UN"
BOTH = ("storescu", "dcmsend")
NOT_SENT = {
    "MR_truncated.dcm": (CUT_SHORT, BOTH),
    "SC_rgb_jpeg.dcm": (CUT_SHORT, BOTH),
    "emri_small_jpeg_2k_lossless_too_short.dcm": (CUT_SHORT, BOTH),
    "rtplan_truncated.dcm": (CUT_SHORT, BOTH),
    "explicit_VR-UN.dcm": (UIDS_ARE_UN, ("storescu",)),
    "rtdose_rle.dcm": (UIDS_ARE_UN, ("storescu",)),
    "rtdose_rle_1frame.dcm": (UIDS_ARE_UN, ("storescu",)),
}


def sent_by(tool: str, files: Sequence[StorageFile]) -> list[StorageFile]:
    """Return those of the files that a sender of DCMTK can send: it looks for UIDs in their data sets."""
    return [
        file
        for file in files
        if tool not in NOT_SENT.get(file.path.name, ("", ()))[1] and all(file.uids_in_data_set)
    ]


def content(directory: Path) -> list[bytes]:
    return [path.read_bytes()[read_header(path).data_set_offset :] for path in directory.iterdir()]


def what_arrives(tool: str, *arguments: object) -> tuple[Counter[bytes], str]:
    """Run a sender of DCMTK against fastdicom; return the data sets that came, and what it said."""
    arrived: Counter[bytes] = Counter()

    def keep(event: evt.Event) -> int:
        arrived[bytes(event.encoded)] += 1
        return 0x0000

    with serving(store_ae(all_classes(), TRANSFER_SYNTAXES), [(evt.EVT_C_STORE, keep)]) as server:
        result = run_dcmtk(tool, *arguments[:-1], "127.0.0.1", port_of(server), *arguments[-1])
    return arrived, result.stdout


def what_dcmtk_keeps(directory: Path, tool: str, *arguments: object) -> Counter[bytes]:
    """Run the same against DCMTK's storescp."""
    with dcmtk_storescp(BIT_PRESERVING, UNIQUE_NAMES, ACCEPT_ALL, "-od", directory) as port:
        run_dcmtk(tool, *arguments[:-1], "127.0.0.1", port, *arguments[-1])
    return Counter(content(directory))


def test_every_transfer_syntax_has_a_flag() -> None:
    assert by_transfer_syntax().keys() <= STORESCU_FLAGS.keys()


@pytest.mark.parametrize("transfer_syntax", STORESCU_FLAGS)
def test_storescu_to_fastdicom(transfer_syntax: str, tmp_path: Path) -> None:
    files = [file for file in by_transfer_syntax()[transfer_syntax] if file.sop_class_uid not in NOT_KNOWN]
    command = ["storescu", "-v", "-nh", "-R", STORESCU_FLAGS[transfer_syntax], [file.path for file in files]]
    arrived, said = what_arrives(*command)
    assert arrived.total() == len(sent_by("storescu", files)), said
    assert arrived == what_dcmtk_keeps(tmp_path, *command)


def test_dcmsend_to_fastdicom(tmp_path: Path) -> None:
    files = known_to_dcmtk()
    command = ["dcmsend", "-v", "-nh", "-dn", "-nuc", [file.path for file in files]]
    arrived, said = what_arrives(*command)
    assert arrived.total() == len(sent_by("dcmsend", files)), said
    assert arrived == what_dcmtk_keeps(tmp_path, *command)


def test_echoscu_to_fastdicom() -> None:
    ae = AE()
    ae.add_supported_context(Verification)
    with serving(ae) as server:
        result = run_dcmtk("echoscu", "-v", "--repeat", 3, "127.0.0.1", port_of(server))
    assert result.returncode == 0
    assert result.stdout.count("Received Echo Response (Success)") == 3


def known_to_dcmtk() -> list[StorageFile]:
    return [file for file in storage_files() if file.sop_class_uid not in NOT_KNOWN]


def send_all(port: int, files: Sequence[StorageFile]) -> dict[StorageFile, int | None]:
    """Send files in one association; return the status that came back for each."""
    with AE().associate("127.0.0.1", port, contexts=contexts_of(files)) as association:
        return {file: association.send_c_store(file.path).get("Status") for file in files}


def expected_status(file: StorageFile) -> int:
    """What a storescp answers that parses what it receives."""
    if file.path.name in NOT_SENT and NOT_SENT[file.path.name][0] is UIDS_ARE_UN:
        return CANNOT_UNDERSTAND
    if not all(file.uids_in_data_set):
        return CANNOT_UNDERSTAND
    is_consistent = file.uids_in_data_set == (file.sop_class_uid, file.sop_instance_uid)
    return SUCCESS if is_consistent else DATA_SET_DOES_NOT_MATCH


def test_fastdicom_to_bit_preserving_storescp(tmp_path: Path) -> None:
    files = known_to_dcmtk()
    with dcmtk_storescp(BIT_PRESERVING, UNIQUE_NAMES, ACCEPT_ALL, "-od", tmp_path) as port:
        statuses = send_all(port, files)
    assert {file: status for file, status in statuses.items() if status != SUCCESS} == {}
    assert Counter(content(tmp_path)) == Counter(file.data_set_to_send for file in files)


def test_fastdicom_to_storescp(tmp_path: Path) -> None:
    files = [file for file in known_to_dcmtk() if NOT_SENT.get(file.path.name, ("",))[0] is not CUT_SHORT]
    with dcmtk_storescp(UNIQUE_NAMES, ACCEPT_ALL, "-od", tmp_path) as port:
        statuses = send_all(port, files)
    assert statuses == {file: expected_status(file) for file in files}
    stored = {values(path) for path in tmp_path.iterdir()}
    kept = [file for file in files if statuses[file] == SUCCESS]
    assert [file for file in kept if values(file.path) not in stored] == []


def test_fastdicom_echoes_to_storescp() -> None:
    with (
        dcmtk_storescp("--ignore") as port,
        AE().associate("127.0.0.1", port, contexts=[build_context(Verification)]) as association,
    ):
        assert [association.send_c_echo().Status for _ in range(3)] == [0, 0, 0]
    assert association.is_released
