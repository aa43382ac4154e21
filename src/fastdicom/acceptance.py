"""How an AE answers proposals: which transfer syntax it chooses, and whether it takes any storage class.

With it, which peers are never asked for an asynchronous operations window. `AE` has these as attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from fastdicom.checks import checked_ae_title
from fastdicom.log import get_logger
from fastdicom.ul.contexts import CHOICES, Choose
from fastdicom.ul.items import PresentationContextItemRQ

LOGGER = get_logger(__name__)

TransferSyntaxPolicy: TypeAlias = (
    Literal["acceptor", "requestor"] | Callable[[PresentationContextItemRQ, Sequence[str]], str | None]
)


class Acceptance:
    """What an application entity accepts, and asks for, beyond its presentation contexts.

    Attributes
    ----------
    accepts_any_storage
        Whether every storage SOP class is accepted, private and unknown ones too, in every transfer syntax,
        besides the supported contexts; False. For who only passes objects on.
    """

    def __init__(self) -> None:
        self.accepts_any_storage = False
        self._synchronous_peers: frozenset[str] = frozenset()
        self.transfer_syntax_policy = "acceptor"

    @property
    def transfer_syntax_policy(self) -> TransferSyntaxPolicy:
        """Who decides on the transfer syntax of a context, when several are possible.

        ``"acceptor"``, the first of ours that is proposed, is the default; ``"requestor"`` is the first
        proposed one that is ours. Else a function of the proposal, with its `abstract_syntax` and its
        `transfer_syntaxes` in the requestor's order, and of the list of our transfer syntaxes for it. It
        returns one that is in both, or None to reject the context.

        Raises
        ------
        ValueError, TypeError
            When set to anything else.
        """
        return self._transfer_syntax_policy

    @transfer_syntax_policy.setter
    def transfer_syntax_policy(self, value: TransferSyntaxPolicy) -> None:
        if isinstance(value, str):
            if value not in CHOICES:
                raise ValueError(
                    f"transfer_syntax_policy is {value!r}; {', '.join(map(repr, CHOICES))} are allowed"
                )
            self._choose_transfer_syntax = CHOICES[value]
        elif callable(value):
            self._choose_transfer_syntax = guarded(value)
        else:
            raise TypeError(f"transfer_syntax_policy is a str or a function, not {type(value).__name__}")
        self._transfer_syntax_policy = value

    @property
    def choose_transfer_syntax(self) -> Choose:
        """The function behind `transfer_syntax_policy`."""
        return self._choose_transfer_syntax

    @property
    def synchronous_peers(self) -> frozenset[str]:
        """The AE titles that an asynchronous operations window is never proposed to; none.

        Some peers abort when they see the item (PS3.7 D.3.3.3). `associate` leaves it out for these.
        """
        return self._synchronous_peers

    @synchronous_peers.setter
    def synchronous_peers(self, value: Iterable[str]) -> None:
        if isinstance(value, str):
            raise TypeError(f"synchronous_peers must be several AE titles, not the single {value!r}")
        self._synchronous_peers = frozenset(checked_ae_title(title) for title in value)


def guarded(policy: Choose) -> Choose:
    """Return a policy that rejects the context when `policy` raises or returns what cannot be."""

    def choose(proposal: PresentationContextItemRQ, supported: Sequence[str]) -> str | None:
        try:
            chosen = policy(proposal, supported)
        except Exception:
            LOGGER.exception("transfer_syntax_policy raised for %s", proposal.abstract_syntax)
            return None
        if chosen is not None and (chosen not in supported or chosen not in proposal.transfer_syntaxes):
            LOGGER.error(
                "transfer_syntax_policy returned %r, which is not both proposed and supported", chosen
            )
            return None
        return chosen

    return choose
