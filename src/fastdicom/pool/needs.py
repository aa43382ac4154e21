"""What an association is wanted for, and which presentation contexts are proposed for it.

An association proposes what is wanted now and what was wanted before, so that the next one that asks finds an
association that fits. 128 contexts are the most (PS3.8 9.3.2.2): what was wanted longest ago is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Sequence
from typing import Any, NamedTuple, TypeAlias

from pydicom.uid import UID

from fastdicom.association import outgoing
from fastdicom.association.conversion import possible_syntaxes
from fastdicom.checks import REQUESTED_CONTEXTS_LIMIT
from fastdicom.errors import NoAcceptedContext
from fastdicom.presentation import DEFAULT_TRANSFER_SYNTAXES, PresentationContext, build_context
from fastdicom.sop_class import Verification

# Abstract syntax, and the transfer syntaxes to choose from: one presentation context.
Proposal: TypeAlias = tuple[str, tuple[str, ...]]
# Abstract syntax and transfer syntax
Pair: TypeAlias = tuple[str, str]

ECHO: Proposal = (str(Verification), tuple(map(str, DEFAULT_TRANSFER_SYNTAXES)))


def pairs_of(proposals: Sequence[Proposal]) -> frozenset[Pair]:
    """Return all abstract syntaxes with all their transfer syntaxes."""
    return frozenset((uid, syntax) for uid, syntaxes in proposals for syntax in syntaxes)


def proposal_of(context: PresentationContext) -> Proposal:
    """Return a presentation context as it is compared here."""
    return str(context.abstract_syntax), tuple(map(str, context.transfer_syntax))


class Need(NamedTuple):
    """What an association is wanted for: any one of some pairs of abstract syntax and transfer syntax.

    Attributes
    ----------
    proposals
        The presentation contexts to propose for it, the best first; none when any association will do.
    """

    proposals: tuple[Proposal, ...]

    def fits(self, accepted: Container[Pair]) -> bool:
        """Return whether an association will do on which these have been accepted."""
        pairs = pairs_of(self.proposals)
        return not pairs or any(pair in accepted for pair in pairs)

    def is_among(self, proposed: Container[Pair]) -> bool:
        """Return whether all of it has been proposed already."""
        return all(pair in proposed for pair in pairs_of(self.proposals))

    def refusal(self) -> NoAcceptedContext:
        """Return the error for a peer that accepts none of it."""
        sop_class, syntaxes = self.proposals[0]
        names = ", ".join(UID(syntax).name for syntax in syntaxes)
        return NoAcceptedContext(
            f"no accepted presentation context for {UID(sop_class).name} ({sop_class}) in {names}",
            sop_class,
            syntaxes[0],
        )


def need_of(sop_class: str | None, transfer_syntax: str | Sequence[str] | None) -> Need:
    """Return the need for an association for a SOP class.

    Raises
    ------
    ValueError
        When that cannot be proposed.
    """
    if sop_class is None:
        return Need(())
    syntaxes = DEFAULT_TRANSFER_SYNTAXES if transfer_syntax is None else transfer_syntax
    context = build_context(sop_class, [syntaxes] if isinstance(syntaxes, str) else list(syntaxes))
    return Need((proposal_of(context),))


def need_of_object(dataset: Any, transfer_syntax: str | None, means: outgoing.Means) -> Need:
    """Return the need for an association on which an object can be stored. Of a file only the front is read.

    Raises
    ------
    OSError, AttributeError, ValueError, TypeError
        As for `Association.send_c_store`.
    """
    try:
        outgoing.prepare(dataset, transfer_syntax, means._replace(contexts=outgoing.NO_CONTEXTS))
    except NoAcceptedContext as error:
        return need_instead(error, means)
    raise ValueError("the object needs no presentation context")


def need_instead(error: NoAcceptedContext, means: outgoing.Means) -> Need:
    """Return the need for an association for an object that does not fit one."""
    syntaxes = possible_syntaxes(error.transfer_syntax, means.allowed)
    contexts = [build_context(error.sop_class_uid, [syntax]) for syntax in syntaxes]
    return Need(tuple(map(proposal_of, contexts)))


class Proposals:
    """What is proposed on the next association. Any thread may use it.

    Parameters
    ----------
    contexts
        What is always proposed.
    """

    def __init__(self, contexts: Sequence[PresentationContext]) -> None:
        self._contexts = list(contexts)
        self._always = frozenset(map(proposal_of, contexts))
        self._wanted: dict[Proposal, PresentationContext] = {}  # the latest last
        self._lock = threading.Lock()

    def with_need(self, need: Need) -> list[PresentationContext]:
        """Return what to propose when an association is wanted for this, and keep it in mind."""
        with self._lock:
            for proposal in reversed(need.proposals):
                context = self._wanted.pop(proposal, None)
                self._wanted[proposal] = context or build_context(proposal[0], list(proposal[1]))
            room = max(REQUESTED_CONTEXTS_LIMIT - len(self._contexts) - 1, 0)
            while len(self._wanted) > room:
                del self._wanted[next(iter(self._wanted))]
            wanted = [each for each in reversed(self._wanted) if each not in self._always]
            contexts = [*self._contexts, *(self._wanted[each] for each in wanted)]
        if ECHO not in wanted and ECHO not in self._always and len(contexts) < REQUESTED_CONTEXTS_LIMIT:
            contexts.append(build_context(Verification))
        return contexts
