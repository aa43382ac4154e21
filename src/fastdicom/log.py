"""Seeing what goes on."""

from __future__ import annotations

import logging


def debug_logger() -> None:
    """Print everything that fastdicom logs to standard error, for debugging."""
    logger = logging.getLogger("fastdicom")
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname).1s: %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
