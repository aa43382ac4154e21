"""Which presentation contexts an AE proposes, and which it supports: two lists to add to and take from."""

from __future__ import annotations

from collections.abc import Iterable

from fastdicom.checks import checked_requested_contexts
from fastdicom.presentation import PresentationContext, UIDLike, build_context


class ContextLists:
    """The presentation contexts of an application entity."""

    def __init__(self) -> None:
        self._requested: list[PresentationContext] = []
        self._supported: list[PresentationContext] = []

    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """What is proposed when `associate` is not told otherwise, in order; 128 at most."""
        return self._requested

    @requested_contexts.setter
    def requested_contexts(self, contexts: Iterable[PresentationContext]) -> None:
        self._requested = checked_requested_contexts(contexts)

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """What is accepted when `start_server` is not told otherwise."""
        return self._supported

    @supported_contexts.setter
    def supported_contexts(self, contexts: Iterable[PresentationContext]) -> None:
        self._supported = list(contexts)

    def add_requested_context(
        self, abstract_syntax: UIDLike, transfer_syntax: UIDLike | Iterable[UIDLike] | None = None
    ) -> None:
        """Propose a SOP class in further transfer syntaxes, `DEFAULT_TRANSFER_SYNTAXES` unless given.

        Raises
        ------
        ValueError
            When there are 128 proposed already.
        """
        context = build_context(abstract_syntax, transfer_syntax)
        for known in self._requested:
            if known.abstract_syntax == context.abstract_syntax:
                _extend(known, context)
                return
        self._requested = checked_requested_contexts([*self._requested, context])

    def add_supported_context(
        self,
        abstract_syntax: UIDLike,
        transfer_syntax: UIDLike | Iterable[UIDLike] | None = None,
        scu_role: bool | None = None,
        scp_role: bool | None = None,
    ) -> None:
        """Accept a SOP class in further transfer syntaxes.

        Parameters
        ----------
        abstract_syntax
            The UID of the SOP class.
        transfer_syntax
            One or several, in the order of preference; `DEFAULT_TRANSFER_SYNTAXES` unless given.
        scu_role, scp_role
            Whether a requestor that asks for a role gets it (PS3.7 D.3.3.4); None: no answer.
        """
        context = build_context(abstract_syntax, transfer_syntax)
        context.scu_role, context.scp_role = scu_role, scp_role
        for known in self._supported:
            if known.abstract_syntax == context.abstract_syntax:
                _extend(known, context)
                known.scu_role, known.scp_role = scu_role, scp_role
                return
        self._supported = [*self._supported, context]

    def remove_requested_context(
        self, abstract_syntax: UIDLike, transfer_syntax: UIDLike | Iterable[UIDLike] | None = None
    ) -> None:
        """Do not propose a SOP class, or not in these transfer syntaxes, any more."""
        self._requested = _without(self._requested, abstract_syntax, transfer_syntax)

    def remove_supported_context(
        self, abstract_syntax: UIDLike, transfer_syntax: UIDLike | Iterable[UIDLike] | None = None
    ) -> None:
        """Do not accept a SOP class, or not in these transfer syntaxes, any more."""
        self._supported = _without(self._supported, abstract_syntax, transfer_syntax)


def _extend(known: PresentationContext, context: PresentationContext) -> None:
    for syntax in context.transfer_syntax:
        known.add_transfer_syntax(syntax)


def _without(
    contexts: list[PresentationContext],
    abstract_syntax: UIDLike,
    transfer_syntax: UIDLike | Iterable[UIDLike] | None,
) -> list[PresentationContext]:
    gone = build_context(abstract_syntax, transfer_syntax)
    left = []
    for context in contexts:
        if context.abstract_syntax == gone.abstract_syntax:
            if transfer_syntax is None:
                continue
            context.transfer_syntax = [s for s in context.transfer_syntax if s not in gone.transfer_syntax]
            if not context.transfer_syntax:
                continue
        left.append(context)
    return left
