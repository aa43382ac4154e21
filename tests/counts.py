"""What the metrics of an AE say."""

from __future__ import annotations

from typing import Any

from servers import wait_until

from fastdicom import AE


def counted(ae: AE, name: str, **labels: str) -> float:
    assert ae.metrics is not None
    return ae.metrics.snapshot().total(name, **labels)


def wait_for(ae: AE, count: float, name: str, **labels: str) -> None:
    wait_until(lambda: counted(ae, name, **labels) == count, f"{name} {labels}")


def rows(ae: AE, name: str) -> dict[tuple[str, ...], Any]:
    assert ae.metrics is not None
    return {labels: value for labels, value in ae.metrics.snapshot().values[name].items() if value}
