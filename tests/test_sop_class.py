"""SOP classes by name and by UID, and registering private ones."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from peers import require_pynetdicom
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from fastdicom import _sop_classes, sop_class
from fastdicom.sop_class import (
    SOP_CLASSES,
    CTImageStorage,
    NuclearMedicineImageStorageRetired,
    ServiceClass,
    SOPClass,
    register_uid,
    uid_to_service_class,
    uid_to_sop_class,
)

TOP = Path(__file__).parents[1]

# A newer pydicom may know more SOP classes than the one that the table was written with.
IS_SAME_PYDICOM = f"pydicom {pydicom.__version__}:" in (_sop_classes.__doc__ or "")


ONLY_HERE = {
    ServiceClass.MEDIA_STORAGE,
    ServiceClass.GENERAL_PURPOSE_WORKLIST_MANAGEMENT,
    ServiceClass.PATIENT_MANAGEMENT,
    ServiceClass.RESULTS_MANAGEMENT,
    ServiceClass.STUDY_CONTENT_NOTIFICATION,
    ServiceClass.STUDY_MANAGEMENT,
}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registers."""
    monkeypatch.setattr(sop_class, "_registered", {})
    monkeypatch.setattr(sop_class, "_registered_keywords", {})


def test_every_sop_class_of_ps3_6_has_its_keyword() -> None:
    kinds = {"SOP Class", "Meta SOP Class", "Well-known SOP Instance"}
    rows = {row[4]: uid for uid, row in UID_dictionary.items() if row[1] in kinds and row[4]}
    assert len(rows) > 320
    found = {keyword: getattr(sop_class, keyword, None) for keyword in rows}
    wrong = {keyword for keyword, uid in found.items() if uid != rows[keyword]}
    assert {keyword for keyword in wrong if found[keyword] is not None or IS_SAME_PYDICOM} == set()


def test_every_name_of_pynetdicom_is_there() -> None:
    peer = require_pynetdicom().sop_class
    # Another test registers retired classes with pynetdicom under names of its own.
    theirs = {
        name: value
        for name, value in vars(peer).items()
        if isinstance(value, UID) and not name.startswith("Retired_")
    }
    assert len(theirs) > 250
    assert {name for name, value in theirs.items() if getattr(sop_class, name, None) != value} == set()


def test_constants_are_uids() -> None:
    assert isinstance(CTImageStorage, SOPClass)
    assert isinstance(CTImageStorage, UID)
    assert CTImageStorage == "1.2.840.10008.5.1.4.1.1.2"
    assert CTImageStorage.name == "CT Image Storage"
    # A well-known instance is an instance, not a class.
    assert not isinstance(sop_class.StorageCommitmentPushModelInstance, SOPClass)


def test_a_uid_is_in_one_service_class() -> None:
    uids = [uid for classes in SOP_CLASSES.values() for uid in classes]
    assert len(uids) == len(set(uids))
    assert set(SOP_CLASSES) == set(ServiceClass)


@pytest.mark.parametrize(
    ("uid", "service_class"),
    [
        ("1.2.840.10008.1.1", ServiceClass.VERIFICATION),
        (CTImageStorage, ServiceClass.STORAGE),
        (NuclearMedicineImageStorageRetired, ServiceClass.STORAGE),
        ("1.2.840.10008.4.2", ServiceClass.STORAGE),
        ("1.2.840.10008.5.1.4.38.1", ServiceClass.NON_PATIENT_OBJECT_STORAGE),
        ("1.2.840.10008.5.1.4.1.2.1.1", ServiceClass.QUERY_RETRIEVE),
        ("1.2.840.10008.5.1.4.34.6", ServiceClass.UNIFIED_PROCEDURE_STEP),
        ("1.2.840.10008.5.1.4.34.4", ServiceClass.UNIFIED_PROCEDURE_STEP),
        ("1.2.840.10008.3.1.2.2.1", ServiceClass.PATIENT_MANAGEMENT),
        ("1.2.840.10008.3.1.2.3.2", ServiceClass.STUDY_MANAGEMENT),
        ("1.2.840.10008.1.2", None),
        ("1.2.3", None),
        ("", None),
    ],
)
def test_uid_to_service_class(uid: str, service_class: ServiceClass | None) -> None:
    assert uid_to_service_class(uid) is service_class


def test_the_service_classes_are_those_of_pynetdicom() -> None:
    peer = require_pynetdicom().sop_class
    for service_class, uids in SOP_CLASSES.items():
        known = {peer.uid_to_service_class(uid).__name__ for uid in uids} - {"ServiceClass"}
        # DICONDE and DICOS have no service class there; neither has media storage, nor what is retired.
        assert len(known) == (0 if service_class in ONLY_HERE else 1), service_class


def test_uid_to_sop_class() -> None:
    assert uid_to_sop_class("1.2.840.10008.5.1.4.1.1.2") is CTImageStorage
    private = uid_to_sop_class("1.2.3.4")
    assert isinstance(private, SOPClass)
    assert private == "1.2.3.4"


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="NoSuchStorage"):
        _ = sop_class.NoSuchStorage  # type: ignore[attr-defined]


@pytest.mark.usefixtures("registry")
def test_a_registered_uid_is_found_by_all_ways() -> None:
    register_uid("1.2.3.4", "PrivateStorage", ServiceClass.STORAGE)
    from fastdicom.sop_class import PrivateStorage  # type: ignore[attr-defined]

    assert PrivateStorage == "1.2.3.4"
    assert uid_to_sop_class("1.2.3.4") is PrivateStorage
    assert uid_to_service_class("1.2.3.4") is ServiceClass.STORAGE
    register_uid("1.2.3.4", "PrivateStorage", ServiceClass.NON_PATIENT_OBJECT_STORAGE)
    assert uid_to_service_class("1.2.3.4") is ServiceClass.NON_PATIENT_OBJECT_STORAGE


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("uid", "keyword", "service_class", "dimse_msg_type", "message"),
    [
        ("", "Private", "Storage", "", "0 characters long"),
        ("1" * 65, "Private", "Storage", "", "65 characters long"),
        ("1.2.3", "not a name", "Storage", "", "not a Python identifier"),
        ("1.2.3", "class", "Storage", "", "not a Python identifier"),
        ("1.2.3", "CTImageStorage", "Storage", "", "is taken by"),
        ("1.2.3", "register_uid", "Storage", "", "is taken by"),
        ("1.2.3", "Private", "Fax", "", "'Fax' is not a valid ServiceClass"),
        ("1.2.3", "Private", "Query/Retrieve", "", "dimse_msg_type is ''"),
        ("1.2.3", "Private", "Query/Retrieve", "C-STORE", "dimse_msg_type is 'C-STORE'"),
    ],
)
def test_what_cannot_be_registered(
    uid: str, keyword: str, service_class: str, dimse_msg_type: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        register_uid(uid, keyword, service_class, dimse_msg_type)  # type: ignore[arg-type]
    assert uid_to_service_class("1.2.3") is None
    assert not hasattr(sop_class, "Private")


@pytest.mark.usefixtures("registry")
def test_registering_from_several_threads_loses_nothing() -> None:
    def register(number: int) -> None:
        register_uid(f"1.2.3.{number}", f"Private{number}", ServiceClass.STORAGE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, range(400)))
    assert all(uid_to_service_class(f"1.2.3.{number}") is ServiceClass.STORAGE for number in range(400))
    assert all(getattr(sop_class, f"Private{number}") == f"1.2.3.{number}" for number in range(400))


@pytest.mark.source_tree
@pytest.mark.skipif(not IS_SAME_PYDICOM, reason="written with another pydicom")
def test_the_generated_table_is_up_to_date() -> None:
    script = TOP / "tools" / "make_sop_classes.py"
    command = [sys.executable, script, "--check"]
    result = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
