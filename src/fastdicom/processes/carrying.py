"""An AE in another process: its settings go there, by their public names; the rest is made anew.

What is not a setting, the memory that it keeps or the threads that look after handlers, has no setter or
stands in `OF_THIS_PROCESS`.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity

# Parts of `admission`, which is carried as a whole.
PARTS = ("require_called_aet", "require_calling_aet", "maximum_associations")

OF_THIS_PROCESS = frozenset({*PARTS, "association_limit", "buffer_pool", "traces", "watchdog", "workforce"})


def settings_of(ae: ApplicationEntity) -> dict[str, Any]:
    """Return the settings of an AE by their names."""
    properties = [
        name
        for cls in reversed(type(ae).__mro__)
        for name, value in vars(cls).items()
        if isinstance(value, property) and value.fset is not None
    ]
    names = dict.fromkeys([*properties, *vars(ae)])
    settings = {
        name: getattr(ae, name) for name in names if not name.startswith("_") and name not in OF_THIS_PROCESS
    }
    # Metrics count for one AE: the other one has its own.
    return {**settings, "metrics": copy(ae.metrics)}


def set_up(ae: ApplicationEntity, settings: dict[str, Any]) -> None:
    """Give a new AE the settings of another one."""
    for name, value in settings.items():
        setattr(ae, name, value)
