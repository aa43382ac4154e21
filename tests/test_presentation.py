"""Presentation contexts: the checks of their values, and the ready-made lists."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from peers import require_pynetdicom
from pydicom.uid import UID, AllTransferSyntaxes

from fastdicom import presentation
from fastdicom.presentation import (
    ALL_TRANSFER_SYNTAXES,
    DEFAULT_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    PresentationContext,
    PresentationContextTuple,
    StoragePresentationContexts,
    VerificationPresentationContexts,
    build_context,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

LENGTHS = {
    "AllStorage": 181,
    "ApplicationEventLogging": 2,
    "BasicWorklistManagement": 1,
    "ColorPalette": 3,
    "DefinedProcedureProtocol": 3,
    "DisplaySystem": 1,
    "HangingProtocol": 3,
    "ImplantTemplate": 9,
    "InstanceAvailability": 1,
    "MediaCreationManagement": 1,
    "MediaStorage": 1,
    "ModalityPerformed": 3,
    "NonPatientObject": 9,
    "PrintManagement": 11,
    "ProcedureStep": 3,
    "ProtocolApproval": 3,
    "QueryRetrieve": 13,
    "RelevantPatientInformation": 3,
    "RTMachineVerification": 2,
    "Storage": 120,
    "StorageCommitment": 1,
    "SubstanceAdministration": 2,
    "UnifiedProcedure": 5,
    "Verification": 1,
}

# What pynetdicom has no list of.
FURTHER = {
    "GeneralPurposeWorklist": 4,
    "Inventory": 3,
    "PatientManagement": 3,
    "ResultsManagement": 3,
    "StorageManagement": 1,
    "StudyContentNotification": 1,
    "StudyManagement": 3,
}


def contexts(name: str) -> list[PresentationContext]:
    """Return one of the ready-made lists."""
    return list(getattr(presentation, f"{name}PresentationContexts"))


def test_a_new_context_is_empty() -> None:
    context = PresentationContext()
    values = (context.abstract_syntax, context.context_id, context.result, context.as_scu, context.as_scp)
    assert values == (None,) * 5
    assert context.transfer_syntax == []
    assert context.status == "Pending"


@pytest.mark.parametrize("value", [CT, CT.encode(), UID(CT)], ids=["str", "bytes", "UID"])
def test_uids_may_be_str_bytes_or_uid(value: Any) -> None:
    context = build_context(value, value)
    assert context.abstract_syntax == CT
    assert context.transfer_syntax == [CT]
    assert isinstance(context.abstract_syntax, UID)
    assert isinstance(context.transfer_syntax[0], UID)


@pytest.mark.parametrize("value", ["", "1." * 32 + "1", b"", "1.2.\u0663"])
def test_a_uid_that_cannot_be_encoded_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"abstract_syntax .*(1 to 64 are allowed|outside of ASCII)"):
        build_context(value)
    with pytest.raises(ValueError, match=r"transfer_syntax .*(1 to 64 are allowed|outside of ASCII)"):
        build_context(CT, [IMPLICIT, value])
    with pytest.raises(ValueError, match="transfer_syntax"):
        PresentationContext().add_transfer_syntax(value)


def test_64_characters_are_allowed() -> None:
    uid = "1." * 31 + "11"
    assert build_context(uid).abstract_syntax == uid


@pytest.mark.parametrize("value", [None, 1, UID])
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="abstract_syntax must be str, bytes or UID"):
        build_context(value)
    with pytest.raises(TypeError, match="transfer_syntax must be str, bytes or UID"):
        PresentationContext().add_transfer_syntax(value)


def test_a_single_string_is_not_a_list_of_transfer_syntaxes() -> None:
    context = PresentationContext()
    with pytest.raises(TypeError, match="must be a list"):
        context.transfer_syntax = IMPLICIT  # what is tested


def test_transfer_syntaxes_keep_their_order_and_come_once() -> None:
    context = build_context(CT, [EXPLICIT, IMPLICIT, EXPLICIT])
    context.add_transfer_syntax(IMPLICIT)
    assert context.transfer_syntax == [EXPLICIT, IMPLICIT]
    context.transfer_syntax = [IMPLICIT]
    assert context.transfer_syntax == [IMPLICIT]


def test_a_refused_list_changes_nothing() -> None:
    context = build_context(CT, [IMPLICIT])
    with pytest.raises(ValueError, match="transfer_syntax"):
        context.transfer_syntax = [EXPLICIT, ""]
    assert context.transfer_syntax == [IMPLICIT]


@pytest.mark.parametrize("value", [1, 3, 127, 255, None])
def test_context_ids_are_odd(value: int | None) -> None:
    context = PresentationContext()
    context.context_id = value
    assert context.context_id == value


@pytest.mark.parametrize("value", [-1, 0, 2, 254, 256, 257])
def test_other_context_ids_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"context_id is {value}; it must be an odd number"):
        PresentationContext().context_id = value


@pytest.mark.parametrize("name", ["scu_role", "scp_role"])
def test_roles_are_true_false_or_none(name: str) -> None:
    context = PresentationContext()
    for value in (True, False, None):
        setattr(context, name, value)
        assert getattr(context, name) is value
    with pytest.raises(TypeError, match=f"{name} must be True, False or None, not 1"):
        setattr(context, name, 1)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (None, "Pending"),
        (0, "Accepted"),
        (1, "User Rejected"),
        (2, "Provider Rejected"),
        (3, "Abstract Syntax Not Supported"),
        (4, "Transfer Syntax(es) Not Supported"),
        (5, "Unknown"),
    ],
)
def test_status_says_the_result(result: int | None, status: str) -> None:
    context = PresentationContext()
    context.result = result
    assert context.status == status


def test_as_tuple_takes_the_first_transfer_syntax() -> None:
    context = build_context(CT, [EXPLICIT, IMPLICIT])
    context.context_id = 5
    assert context.as_tuple == PresentationContextTuple(5, UID(CT), UID(EXPLICIT))


def test_as_tuple_of_an_incomplete_context_is_refused() -> None:
    with pytest.raises(ValueError, match="not complete"):
        _ = build_context(CT).as_tuple


def test_contexts_are_equal_by_value() -> None:
    one, other = build_context(CT), build_context(CT)
    assert one == other
    assert hash(one) == hash(other)
    for name, value in {"context_id": 1, "result": 0, "scu_role": True, "as_scp": False}.items():
        changed = build_context(CT)
        setattr(changed, name, value)
        assert changed != one
    assert one != CT


def test_a_copy_is_independent() -> None:
    original = build_context(CT, [IMPLICIT])
    duplicate = copy.deepcopy(original)
    assert duplicate == original
    duplicate.add_transfer_syntax(EXPLICIT)
    assert original.transfer_syntax == [IMPLICIT]


def test_repr_names_what_matters() -> None:
    context = build_context(CT, IMPLICIT)
    context.context_id = 7
    expected = "<PresentationContext 7 'CT Image Storage' [Implicit VR Little Endian] Pending>"
    assert repr(context) == expected
    assert "None" in repr(PresentationContext())


def test_the_default_transfer_syntaxes() -> None:
    names = [uid.name for uid in DEFAULT_TRANSFER_SYNTAXES]
    assert names == [
        "Implicit VR Little Endian",
        "Explicit VR Little Endian",
        "Deflated Explicit VR Little Endian",
        "Explicit VR Big Endian",
    ]


def test_all_transfer_syntaxes_are_real_and_come_once() -> None:
    assert len(ALL_TRANSFER_SYNTAXES) == len(set(ALL_TRANSFER_SYNTAXES)) >= 45
    assert all(uid.startswith("1.2.840.10008.1.2") for uid in ALL_TRANSFER_SYNTAXES)
    # What pydicom can name and has not retired: a newer one may know more.
    current = {uid for uid in AllTransferSyntaxes if not uid.is_retired}
    assert len(current & set(ALL_TRANSFER_SYNTAXES)) >= 38
    assert len(current - set(ALL_TRANSFER_SYNTAXES)) <= 3


@pytest.mark.parametrize(("name", "length"), (LENGTHS | FURTHER).items())
def test_ready_made_lists(name: str, length: int) -> None:
    made = contexts(name)
    uids = [context.abstract_syntax for context in made]
    assert len(made) == len(set(uids)) == length
    assert all(context.transfer_syntax == DEFAULT_TRANSFER_SYNTAXES for context in made)
    assert all(context.context_id is None for context in made)


def test_every_list_is_exported() -> None:
    exported = {name for name in presentation.__all__ if name.endswith("PresentationContexts")}
    assert exported == {f"{name}PresentationContexts" for name in LENGTHS | FURTHER}


def test_ready_made_contexts_share_nothing() -> None:
    lists = [id(context.transfer_syntax) for name in LENGTHS | FURTHER for context in contexts(name)]
    assert len(lists) == len(set(lists))
    assert id(DEFAULT_TRANSFER_SYNTAXES) not in lists


def test_the_storage_lists_overlap_as_they_should() -> None:
    every = {context.abstract_syntax for context in AllStoragePresentationContexts}
    common = {context.abstract_syntax for context in StoragePresentationContexts}
    assert all(uid is not None and uid.is_retired for uid in common - every)
    assert not any(uid is not None and uid.is_retired for uid in every)
    assert CT in every & common
    assert [context.abstract_syntax for context in VerificationPresentationContexts] == ["1.2.840.10008.1.1"]


def test_the_lists_are_those_of_pynetdicom() -> None:
    peer = require_pynetdicom().presentation
    for name in LENGTHS:
        ours = {str(context.abstract_syntax) for context in contexts(name)}
        theirs = {str(context.abstract_syntax) for context in getattr(peer, f"{name}PresentationContexts")}
        assert ours >= theirs, name
        assert ours == theirs or name == "AllStorage", name
