"""What users of the library set, checked where they set it."""

from __future__ import annotations

from collections.abc import Iterable

from fastdicom.presentation import PresentationContext

# PS3.8 9.3.2.2: context IDs are odd and one byte long.
REQUESTED_CONTEXTS_LIMIT = 128


def checked_ae_title(value: object) -> str:
    """Return an AE title without padding (PS3.5 6.2, VR AE).

    Raises
    ------
    TypeError, ValueError
        When it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"an AE title is a str, not {type(value).__name__}")
    title = value.strip(" ")
    if not 1 <= len(title) <= 16:
        raise ValueError(f"AE title {value!r} has {len(title)} characters; 1 to 16 are allowed")
    if not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError(f"AE title {value!r} has a character that is not allowed (PS3.5 6.2)")
    return title


def checked_timeout(name: str, value: float | None) -> float | None:
    """Return a timeout in seconds, None for none.

    Raises
    ------
    ValueError
        When it is negative.
    """
    if value is not None and value < 0:
        raise ValueError(f"{name} is {value}; it must be positive, or None to wait for ever")
    return value


def checked_positive(name: str, value: float) -> float:
    """Return a number that is not negative.

    Raises
    ------
    ValueError
        When it is.
    """
    if not value >= 0:
        raise ValueError(f"{name} is {value}; it must not be negative")
    return value


def checked_requested_contexts(contexts: Iterable[PresentationContext]) -> list[PresentationContext]:
    """Return contexts that fit one association.

    Raises
    ------
    ValueError
        When there are more than 128.
    """
    checked = list(contexts)
    if len(checked) > REQUESTED_CONTEXTS_LIMIT:
        raise ValueError(
            f"{len(checked)} presentation contexts are requested; "
            f"an association has {REQUESTED_CONTEXTS_LIMIT} at most (PS3.8 9.3.2.2)"
        )
    return checked
