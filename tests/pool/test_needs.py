"""What an association is wanted for, and what is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from raw_peer import CT, EXPLICIT, IMPLICIT, VERIFICATION, data_set

from fastdicom import AE, build_context
from fastdicom.association.outgoing import NO_CONTEXTS, Means
from fastdicom.errors import NoAcceptedContext
from fastdicom.pool.needs import Need, Proposals, need_instead, need_of, need_of_object, pairs_of, proposal_of
from fastdicom.presentation import DEFAULT_TRANSFER_SYNTAXES, PresentationContext

JPEG = "1.2.840.10008.1.2.4.50"


def means(**settings: str) -> Means:
    ae = AE()
    for name, value in settings.items():
        setattr(ae, name, value)
    return Means(NO_CONTEXTS, ae.buffer_pool, ae.transcoding)


def rows(contexts: list[PresentationContext]) -> list[tuple[str, tuple[str, ...]]]:
    return [proposal_of(context) for context in contexts]


def test_of_a_sop_class() -> None:
    anything = need_of(None, None)
    assert anything.fits(set())
    by_default = need_of(CT, None)
    assert by_default.proposals == ((CT, tuple(map(str, DEFAULT_TRANSFER_SYNTAXES))),)
    assert by_default.fits({(CT, IMPLICIT)})
    assert not by_default.fits({(CT, JPEG), (VERIFICATION, IMPLICIT)})
    assert need_of(CT, JPEG).proposals == ((CT, (JPEG,)),)
    assert need_of(CT, [JPEG, IMPLICIT]).fits({(CT, JPEG)})
    with pytest.raises(ValueError):
        need_of("1" * 65, None)


def test_of_an_object_it_is_its_own_transfer_syntax_and_what_it_can_be_converted_to() -> None:
    need = need_of_object(data_set(), EXPLICIT, means())
    assert need.proposals[:2] == ((CT, (EXPLICIT,)), (CT, (IMPLICIT,)))
    assert need.fits({(CT, IMPLICIT)})
    assert not need.fits({(CT, JPEG)})
    assert need_of_object(data_set(), EXPLICIT, means(transcoding="none")).proposals == ((CT, (EXPLICIT,)),)
    assert need_of_object(data_set(), JPEG, means()).proposals == ((CT, (JPEG,)),)


def test_of_a_file_only_the_front_is_read(tmp_path: Path) -> None:
    content = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    (tmp_path / "front.dcm").write_bytes(content[:2000])
    assert need_of_object(tmp_path / "front.dcm", None, means()).proposals[0] == (CT, (EXPLICIT,))
    with pytest.raises(FileNotFoundError):
        need_of_object(tmp_path / "missing.dcm", None, means())


def test_what_was_wanted_before_is_proposed_as_well() -> None:
    proposals = Proposals([])
    first = rows(proposals.with_need(need_of(CT, JPEG)))
    assert first == [(CT, (JPEG,)), *rows([build_context(VERIFICATION)])]
    second = rows(proposals.with_need(need_of(VERIFICATION, None)))
    assert second == [*rows([build_context(VERIFICATION)]), (CT, (JPEG,))]
    assert rows(proposals.with_need(need_of(CT, JPEG))) == second[::-1]
    assert rows(proposals.with_need(Need(()))) == second[::-1]


def test_what_is_always_proposed_comes_first_and_once() -> None:
    always = [build_context(CT, JPEG), build_context(VERIFICATION)]
    proposals = Proposals(always)
    assert rows(proposals.with_need(need_of(CT, JPEG))) == rows(always)
    assert rows(proposals.with_need(need_of(CT, IMPLICIT))) == [*rows(always), (CT, (IMPLICIT,))]


@pytest.mark.parametrize("always", [0, 1, 126, 127, 128])
def test_never_more_than_128(always: int) -> None:
    """What was wanted longest ago is left out."""
    proposals = Proposals([build_context(f"1.2.3.{number}", IMPLICIT) for number in range(always)])
    for number in range(140):
        uid = f"1.2.4.{number}"
        proposed = rows(proposals.with_need(need_of(uid, IMPLICIT)))
        assert len(proposed) <= 128
        assert ((uid, (IMPLICIT,)) in proposed) == (always < 127)
        if always == 0 and number > 130:
            assert (f"1.2.4.{number - 126}", (IMPLICIT,)) in proposed
    assert len(proposed) == 128


def test_another_need_for_an_object_that_did_not_fit() -> None:
    need = need_instead(NoAcceptedContext("", CT, EXPLICIT), means())
    assert need == need_of_object(data_set(), EXPLICIT, means())
    assert need.is_among(pairs_of(need.proposals))
    assert not need.is_among(pairs_of(need.proposals[1:]))
    refusal = need.refusal()
    assert (refusal.sop_class_uid, refusal.transfer_syntax) == (CT, EXPLICIT)
    assert "CT Image Storage" in str(refusal)
    with pytest.raises(ValueError):
        need_instead(NoAcceptedContext("", "1" * 65, EXPLICIT), means())
