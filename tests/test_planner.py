"""Files become a plan: contexts, and the associations that they are distributed over."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from servers import associate, serving, store_ae

from fastdicom import AE
from fastdicom.planner import AssociationPlan, DicomFile, plan_associations, read_file

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.70"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"


def contexts_of(plan: AssociationPlan) -> list[tuple[str, ...]]:
    return [(context.abstract_syntax, *context.transfer_syntax) for context in plan.contexts]


@pytest.fixture
def ct_path() -> Path:
    return Path(str(get_testdata_file("CT_small.dcm")))


def test_each_pair_is_a_context_of_its_own() -> None:
    files = [(CT, EXPLICIT), (MR, EXPLICIT), (CT, EXPLICIT), (CT, JPEG)]
    (plan,) = plan_associations(files)
    assert contexts_of(plan) == [(CT, EXPLICIT), (MR, EXPLICIT), (CT, JPEG)]
    assert plan.files == files


def test_no_files_need_no_association() -> None:
    assert plan_associations([]) == []


def many(number: int) -> list[tuple[str, str]]:
    return [(f"1.2.{sop_class}", f"1.3.{sop_class % 2}") for sop_class in range(number)]


def test_more_contexts_than_one_association_has() -> None:
    files = many(257) * 2
    plans = plan_associations(files)
    assert [len(plan.contexts) for plan in plans] == [128, 128, 1]
    assert [len(plan.files) for plan in plans] == [256, 256, 2]
    assert sorted(file for plan in plans for file in plan.files) == sorted(files)
    for plan in plans:
        assert set(plan.files) == set(contexts_of(plan))


def test_exactly_one_association_full() -> None:
    assert [len(plan.contexts) for plan in plan_associations(many(128))] == [128]


@pytest.mark.parametrize(
    ("transfer_syntax", "is_converted"),
    [(EXPLICIT, True), (DEFLATED, True), (IMPLICIT, False), (BIG_ENDIAN, False), (JPEG, False)],
)
def test_what_can_be_converted_is_proposed_in_implicit_vr_too(
    transfer_syntax: str, is_converted: bool
) -> None:
    (plan,) = plan_associations([(CT, transfer_syntax)] * 2, proposes_implicit=True)
    assert contexts_of(plan) == [(CT, transfer_syntax), *[(CT, IMPLICIT)] * is_converted]
    (plan,) = plan_associations([(CT, transfer_syntax)])
    assert contexts_of(plan) == [(CT, transfer_syntax)]


def test_the_same_fallback_is_proposed_once() -> None:
    files = [(CT, EXPLICIT), (CT, DEFLATED), (CT, IMPLICIT)]
    (plan,) = plan_associations(files, proposes_implicit=True)
    assert contexts_of(plan) == [(CT, EXPLICIT), (CT, IMPLICIT), (CT, DEFLATED)]


def test_a_file_and_its_fallback_share_an_association() -> None:
    others = [(f"1.2.{number}", JPEG) for number in range(127)]
    first, second = plan_associations([*others, (CT, EXPLICIT), (MR, JPEG)], proposes_implicit=True)
    assert contexts_of(first) == others
    assert contexts_of(second) == [(CT, EXPLICIT), (CT, IMPLICIT), (MR, JPEG)]


def test_a_fallback_is_proposed_again_in_the_next_association() -> None:
    others = [(f"1.2.{number}", JPEG) for number in range(126)]
    files = [*others, (CT, EXPLICIT), (CT, DEFLATED)]
    first, second = plan_associations(files, proposes_implicit=True)
    assert contexts_of(first)[-2:] == [(CT, EXPLICIT), (CT, IMPLICIT)]
    assert contexts_of(second) == [(CT, DEFLATED), (CT, IMPLICIT)]


def test_paths_are_looked_into_and_stay_what_they_are(ct_path: Path) -> None:
    files = [ct_path, str(ct_path), read_file(ct_path)]
    (plan,) = plan_associations(files)
    assert contexts_of(plan) == [(CT, EXPLICIT)]
    assert plan.files == files


def test_a_file_is_looked_into(ct_path: Path) -> None:
    assert read_file(str(ct_path)) == DicomFile(ct_path, CT, EXPLICIT, ct_path.stat().st_size)


@pytest.mark.parametrize("content", [b"", b"text", bytes(128) + b"DICM"])
def test_a_file_that_cannot_be_sent_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        plan_associations([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        plan_associations([tmp_path / "missing"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        plan_associations([tmp_path / "pipe"])


def test_a_plan_is_sent(tmp_path: Path, ct_path: Path) -> None:
    """To a peer that takes only Implicit VR Little Endian: what was planned for it goes through."""
    shutil.copy(ct_path, tmp_path / "ct.dcm")
    with serving(store_ae({CT}, [IMPLICIT])) as server:
        server.ae.store_directory = tmp_path
        (plan,) = plan_associations([tmp_path / "ct.dcm"], proposes_implicit=True)
        with associate(AE(), server, contexts=plan.contexts) as association:
            assert [association.send_c_store(file).Status for file in plan.files] == [0x0000]
            assert [context.transfer_syntax for context in association.accepted_contexts] == [[IMPLICIT]]
