"""Role selection, all of it: what is proposed, supported and answered, and who is then SCU and SCP.

The expectation is written down from PS3.7 D.3.3.4 anew, not taken from the code: (SCU, SCP) of the requestor,
None for no item.
"""

from __future__ import annotations

from itertools import product

import pytest
from proposals import CT, IMPLICIT, answer, request, supported

from fastdicom.ul.contexts import negotiate_as_acceptor, negotiate_as_requestor
from fastdicom.ul.items import SCP_SCU_RoleSelectionNegotiation
from fastdicom.ul.negotiation import build_associate_ac
from fastdicom.ul.pdu import A_ASSOCIATE_AC
from fastdicom.ul.roles import build_role

PAIRS = [(scu, scp) for scu in (True, False) for scp in (True, False)]
PROPOSED = [None, *PAIRS]
SUPPORTED = [(scu, scp) for scu in (True, False, None) for scp in (True, False, None)]
ANSWERED = [None, *PAIRS]

# Rows: what the requestor proposes. Columns: what the acceptor answers. Both as SCU and SCP, or no item.
# Cells: what the requestor is. B both, U SCU only, P SCP only, . nothing, which makes the context useless.
OUTCOMES = """
        none  11  10  01  00
  none  U     U   U   U   U
  11    U     B   U   P   .
  10    U     U   U   .   .
  01    U     P   .   P   .
  00    U     .   .   .   .
"""
LETTERS = {"B": (True, True), "U": (True, False), "P": (False, True), ".": (False, False)}
NAMES = {"none": None, "11": (True, True), "10": (True, False), "01": (False, True), "00": (False, False)}


def table():
    header, *rows = (line.split() for line in OUTCOMES.strip("\n").splitlines())
    return {
        (NAMES[name], NAMES[column]): LETTERS[cell]
        for name, *cells in rows
        for column, cell in zip(header, cells, strict=True)
    }


def item_for(roles):
    return [] if roles is None else [SCP_SCU_RoleSelectionNegotiation(CT, *roles)]


def test_the_table_has_every_combination():
    assert set(table()) == set(product(PROPOSED, ANSWERED))


@pytest.mark.parametrize(("proposed", "answered"), [*product(PROPOSED, ANSWERED)])
def test_a_requestor_reads_any_answer(proposed, answered):
    rq = request((CT, [IMPLICIT]), items=item_for(proposed))
    (context,) = negotiate_as_requestor(rq, answer((1, 0, IMPLICIT), items=item_for(answered)))
    expected = table()[proposed, answered]
    assert (context.as_scu, context.as_scp) == expected
    assert context.result == (0 if any(expected) else 1)


@pytest.mark.parametrize(("proposed", "ours"), [*product(PROPOSED, SUPPORTED)])
def test_both_sides_come_to_the_same(proposed, ours):
    rq = request((CT, [IMPLICIT]), items=item_for(proposed))
    (here,), answers = negotiate_as_acceptor(rq, [supported(CT, [IMPLICIT], *ours)])

    granted = None  # who does not know both roles leaves the question unanswered
    if proposed is not None and None not in ours:
        granted = proposed[0] and ours[0], proposed[1] and ours[1]
    expected = table()[proposed, granted]
    # and no role is answered with 1 that was proposed with 0
    assert answers == (item_for(granted) if any(expected) else [])
    assert (here.as_scp, here.as_scu) == expected

    ac = build_associate_ac(
        rq,
        [here],
        answers,
        maximum_length=0,
        implementation_class_uid="1.2",
        implementation_version_name="NAME",
    )
    (there,) = negotiate_as_requestor(rq, A_ASSOCIATE_AC.decode(ac.encode()))
    assert (there.result, here.result) == ((0, 0) if any(expected) else (1, 1))
    assert (there.as_scu, there.as_scp) == expected


def test_an_item_is_for_one_sop_class():
    item = build_role("1.2.3", scp_role=True)
    assert (item.sop_class_uid, item.scu_role, item.scp_role) == ("1.2.3", False, True)
