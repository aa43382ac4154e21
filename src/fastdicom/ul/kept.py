"""What is asked for again and again, as long as there is room: the same peers say the same all day.

For what a peer sends, a key is its exact bytes, and a value is something that never changes. Bounded by
number and by length. Nothing secret is put here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Kept"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Of a generation: how many values, and how long they may be together. One value may take up a quarter of it.
NUMBER = 256
LENGTH = 256 << 10


class Kept(Generic[Key, Value]):
    """Values by key, those that were asked for last.

    There are two generations. When the younger one is full it becomes the older one, and what has not been
    asked for by the time of the next is gone. Threads share it without a lock: each step is one operation of
    a dict, and what two of them lose to each other is found out again.
    """

    __slots__ = ("_generations",)

    def __init__(self) -> None:
        young: dict[Key, tuple[Value, int]] = {}
        old: dict[Key, tuple[Value, int]] = {}
        self._generations = young, old

    def __len__(self) -> int:
        young, old = self._generations
        return len({*young, *old})

    def get(self, key: Key) -> Value | None:
        """Return what is kept; None when it is not."""
        young, old = self._generations
        row = young.get(key)
        if row is None:
            row = old.get(key)
            if row is None:
                return None
            self.keep(key, *row)
        return row[0]

    def keep(self, key: Key, value: Value, length: int) -> None:
        """Keep a value, unless it is too long."""
        if length > LENGTH // 4:
            return
        young, _ = self._generations
        taken = sum([each for _, each in list(young.values())])
        if len(young) >= NUMBER or taken + length > LENGTH:
            self._generations = {key: (value, length)}, young
        else:
            young[key] = value, length
