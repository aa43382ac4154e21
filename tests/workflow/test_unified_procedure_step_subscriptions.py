"""PS3.4 Table CC.2.3-2, cell by cell, and mappings that keep only what they are given."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from copy import deepcopy
from typing import Any

import pytest
from procedure_steps import data_set

from fastdicom.workflow.unified_procedure_step_subscriptions import GlobalSubscription, Subscriptions

NOT, WITH, WITHOUT = None, True, False


def subscribed(state: bool | None) -> Subscriptions:
    """Return subscriptions to a step 1.1, to which ME has this one."""
    result = Subscriptions()
    result.add_step("1.1")
    if state is not None:
        result.subscribe("ME", "1.1", has_lock=state)
    return result


def globally(has_lock: bool) -> Any:
    return lambda s: s.subscribe_globally("ME", GlobalSubscription(has_lock), ["1.1"])


@pytest.mark.parametrize(
    ("act", "after", "is_global"),
    [
        (globally(WITH), {NOT: WITH, WITH: WITH, WITHOUT: WITHOUT}, True),
        (globally(WITHOUT), {NOT: WITHOUT, WITH: WITH, WITHOUT: WITHOUT}, True),
        (lambda s: s.subscribe("ME", "1.1", has_lock=WITH), {NOT: WITH, WITH: WITH, WITHOUT: WITH}, None),
        (
            lambda s: s.subscribe("ME", "1.1", has_lock=WITHOUT),
            {NOT: WITHOUT, WITH: WITHOUT, WITHOUT: WITHOUT},
            None,
        ),
        (lambda s: s.unsubscribe("ME", "1.1"), {NOT: NOT, WITH: NOT, WITHOUT: NOT}, None),
        (lambda s: s.unsubscribe_globally("ME"), {NOT: NOT, WITH: NOT, WITHOUT: NOT}, False),
        (lambda s: s.suspend("ME"), {NOT: NOT, WITH: WITH, WITHOUT: WITHOUT}, False),
    ],
)
@pytest.mark.parametrize("before", [NOT, WITH, WITHOUT])
@pytest.mark.parametrize("was_global", [False, True])
def test_the_table(
    act: Any,
    after: dict[bool | None, bool | None],
    is_global: bool | None,
    before: bool | None,
    was_global: bool,
) -> None:
    subscriptions = subscribed(before)
    if was_global:
        subscriptions.subscribe_globally("ME", GlobalSubscription(WITHOUT), [])
    act(subscriptions)
    assert subscriptions.steps["1.1"].get("ME") is after[before]
    expected = was_global if is_global is None else is_global
    assert ("ME" in subscriptions.global_ones) is expected


@pytest.mark.parametrize(
    ("one", "state"),
    [(None, NOT), (GlobalSubscription(WITH), WITH), (GlobalSubscription(WITHOUT), WITHOUT)],
)
def test_what_new_steps_begin_with(one: GlobalSubscription | None, state: bool | None) -> None:
    subscriptions = Subscriptions()
    if one is not None:
        subscriptions.subscribe_globally("ME", one, [])
    assert subscriptions.add_step("1.1") == ([] if one is None else ["ME"])
    assert subscriptions.steps["1.1"].get("ME") is state
    assert subscriptions.is_locked("1.1") is bool(state)


def test_filters() -> None:
    subscriptions = Subscriptions()
    subscriptions.subscribe_globally("ME", GlobalSubscription(WITH, data_set(WorklistLabel="A")), [])
    assert subscriptions.add_step("1.1", lambda identifier: identifier.WorklistLabel == "B") == []
    assert subscriptions.add_step("1.2", lambda identifier: identifier.WorklistLabel == "A") == ["ME"]


def test_aes_do_not_touch_each_other() -> None:
    subscriptions = subscribed(WITH)
    subscriptions.subscribe("YOU", "1.1", has_lock=False)
    subscriptions.subscribe("YOU", "1.2", has_lock=False)
    subscriptions.unsubscribe_globally("YOU")
    assert (subscriptions.subscribers("1.1"), subscriptions.subscribers("1.2")) == (["ME"], [])
    assert subscriptions.everyone() == ["ME"]
    subscriptions.unsubscribe("YOU", "9.9")
    assert subscriptions.subscribers("9.9") == []


class Keeper(MutableMapping[str, Any]):
    """Keeps copies, as a database does."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return deepcopy(self.kept[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self.kept[key] = deepcopy(value)

    def __delitem__(self, key: str) -> None:
        del self.kept[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


def test_subscriptions_survive_in_any_mapping() -> None:
    steps, global_ones = Keeper(), Keeper()
    first = Subscriptions(steps, global_ones)
    first.add_step("1.1")
    first.subscribe("ME", "1.1", has_lock=True)
    first.subscribe_globally("YOU", GlobalSubscription(WITHOUT), ["1.1"])
    again = Subscriptions(steps, global_ones)
    assert again.subscribers("1.1") == ["ME", "YOU"]
    again.unsubscribe("ME", "1.1")
    assert first.subscribers("1.1") == ["YOU"]
    assert not first.is_locked("1.1")
    first.remove_step("1.1")
    assert again.everyone() == ["YOU"]
