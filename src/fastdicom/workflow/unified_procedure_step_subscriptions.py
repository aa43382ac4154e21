"""Who is told of which Unified Procedure Step, and whose locks keep it (PS3.4 CC.2.3, Table CC.2.3-2).

An AE has a subscription of its own to each step, and perhaps a global one, which says what new steps begin
with. One thread at a time; the provider sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import NamedTuple

from pydicom.dataset import Dataset


class GlobalSubscription(NamedTuple):
    """The global subscription of an AE.

    Attributes
    ----------
    has_lock
        Whether it has a deletion lock on each new step.
    matching
        The identifier that new steps must match; None for all steps.
    """

    has_lock: bool
    matching: Dataset | None = None


class Subscriptions:
    """Subscriptions to the steps of one SCP.

    Parameters
    ----------
    steps
        Where subscriptions to steps live: SOP Instance UID to a mapping of AE title to whether it has a
        deletion lock. A dict does. What was handed over is not changed, but replaced.
    global_ones
        Where global subscriptions live, by AE title.
    """

    def __init__(
        self,
        steps: MutableMapping[str, Mapping[str, bool]] | None = None,
        global_ones: MutableMapping[str, GlobalSubscription] | None = None,
    ) -> None:
        self.steps = {} if steps is None else steps
        self.global_ones = {} if global_ones is None else global_ones

    def subscribers(self, sop_instance_uid: str) -> list[str]:
        """Return the AE titles that are subscribed to a step."""
        return list(self.steps.get(sop_instance_uid, {}))

    def everyone(self) -> list[str]:
        """Return all AE titles that are subscribed to anything, each once."""
        titles = dict.fromkeys(self.global_ones)
        for subscribers in self.steps.values():
            titles.update(dict.fromkeys(subscribers))
        return list(titles)

    def is_locked(self, sop_instance_uid: str) -> bool:
        """Whether somebody wants a step to be kept when it is finished."""
        return any(self.steps.get(sop_instance_uid, {}).values())

    def add_step(
        self, sop_instance_uid: str, matches: Callable[[Dataset], bool] = lambda identifier: False
    ) -> list[str]:
        """Note that a step was created; return the AE titles that its first report goes to.

        Parameters
        ----------
        sop_instance_uid
            The step.
        matches
            Whether it matches an identifier.
        """
        subscribers = {
            title: one.has_lock
            for title, one in self.global_ones.items()
            if one.matching is None or matches(one.matching)
        }
        self.steps[sop_instance_uid] = subscribers
        return list(subscribers)

    def remove_step(self, sop_instance_uid: str) -> None:
        """Forget a step."""
        self.steps.pop(sop_instance_uid, None)

    def subscribe(self, title: str, sop_instance_uid: str, *, has_lock: bool) -> None:
        """Subscribe an AE to a step; an older subscription of it gives way, with its lock."""
        self.steps[sop_instance_uid] = {**self.steps.get(sop_instance_uid, {}), title: has_lock}

    def subscribe_globally(self, title: str, new: GlobalSubscription, matching: Iterable[str]) -> None:
        """Subscribe an AE to steps that there are and that will be.

        Subscriptions that it has to single steps stay as they are. An older global one gives way.

        Parameters
        ----------
        title
            The AE title.
        new
            Its global subscription from now on.
        matching
            The steps that there are and that it is about.
        """
        self.global_ones[title] = new
        for sop_instance_uid in matching:
            if title not in self.steps.get(sop_instance_uid, {}):
                self.subscribe(title, sop_instance_uid, has_lock=new.has_lock)

    def unsubscribe(self, title: str, sop_instance_uid: str) -> None:
        """Unsubscribe an AE from a step."""
        before = self.steps.get(sop_instance_uid, {})
        if title in before:
            self.steps[sop_instance_uid] = {
                other: has_lock for other, has_lock in before.items() if other != title
            }

    def unsubscribe_globally(self, title: str) -> None:
        """Unsubscribe an AE from everything."""
        self.suspend(title)
        for sop_instance_uid in list(self.steps):
            self.unsubscribe(title, sop_instance_uid)

    def suspend(self, title: str) -> None:
        """End the global subscription of an AE; those to the steps that there are stay."""
        self.global_ones.pop(title, None)
