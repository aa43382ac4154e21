"""An association, from its request to its end, on both sides of it."""

from __future__ import annotations

from fastdicom.association.association import Association

__all__ = ["Association"]
