"""fastdicom at both ends, over every storage object of pydicom's test sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers import associate, serving, store_ae
from storage_files import (
    DIRECTORY,
    MISSING,
    NO_PREFIX,
    REQUIRED,
    StorageFile,
    all_classes,
    contexts_of,
    storage_files,
    survey,
)

from fastdicom import AE, evt
from fastdicom.part10 import read_header

# How a file can be given to `send_c_store`.
GIVEN: dict[str, Callable[[StorageFile], dict[str, Any]]] = {
    "path": lambda file: {"dataset": file.path},
    "whole file": lambda file: {"dataset": file.path.read_bytes()},
    "data set": lambda file: {"dataset": file.data_set, "transfer_syntax": file.transfer_syntax},
}


def send_all(server: Any, files: list[StorageFile], given: Callable[[StorageFile], dict[str, Any]]) -> None:
    with associate(AE(), server, contexts=contexts_of(files)) as association:
        assert {association.send_c_store(**given(file)).Status for file in files} == {0x0000}
    assert association.is_released


def test_the_files_are_many_and_what_is_excluded_has_a_reason() -> None:
    files, excluded = survey()
    assert len(files) > 200
    reasons = {NO_PREFIX, DIRECTORY, *(MISSING.format(keyword) for keyword in REQUIRED)}
    assert {path: reason for path, reason in excluded.items() if reason not in reasons} == {}


@pytest.mark.parametrize("file", storage_files(), ids=str)
def test_the_front_of_a_file_is_read_as_pydicom_reads_it(file: StorageFile) -> None:
    header = read_header(file.path)
    assert header.sop_class_uid == file.sop_class_uid
    assert header.sop_instance_uid == file.sop_instance_uid
    assert header.transfer_syntax == file.transfer_syntax
    assert header.data_set_offset == file.data_set_offset


@pytest.mark.parametrize("given", GIVEN)
def test_into_memory(given: str) -> None:
    arrived = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append(bytes(event.encoded))
        return 0x0000

    files = [file for file in storage_files() if given != "data set" or all(file.uids_in_data_set)]
    with serving(store_ae(all_classes()), [(evt.EVT_C_STORE, keep)]) as server:
        send_all(server, files, GIVEN[given])
    pairs = zip(files, arrived, strict=True)
    assert [file for file, data_set in pairs if data_set != file.data_set_to_send] == []


def test_into_a_directory(tmp_path: Path) -> None:
    """Of several objects of one SOP Instance UID the last one stays."""
    ae = store_ae(all_classes())
    ae.store_directory = tmp_path
    with serving(ae) as server:
        send_all(server, list(storage_files()), GIVEN["path"])
    last = {file.sop_instance_uid: file for file in storage_files()}
    stored = {}
    for path in tmp_path.iterdir():
        header = read_header(path)
        stored[header.sop_instance_uid] = path.read_bytes()[header.data_set_offset :]
        assert header.transfer_syntax == last[header.sop_instance_uid].transfer_syntax
        assert path.read_bytes()[:132] == bytes(128) + b"DICM"
    assert stored == {uid: file.data_set_to_send for uid, file in last.items()}
