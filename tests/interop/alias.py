"""Runs a program that was written for pynetdicom on fastdicom, with no more changed than what it imports.

    python alias.py PROGRAM [ARGUMENT...]

PROGRAM is a Python file, or ``pynetdicom`` for pynetdicom's own command line as it is installed. For such a
program `pynetdicom` is fastdicom, and its public modules are fastdicom's. What pynetdicom keeps private, or
counts among its utilities, is not copied by fastdicom; a few of its programs look at it all the same, and get
the stand-ins below: they hold options that change nothing here. A module that has no place in `PUBLIC` or
`stand_ins` cannot be imported, so that what is missing is seen.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fastdicom

# pynetdicom's public modules, and where fastdicom has the same names.
PUBLIC = {
    "ae": "fastdicom.ae",
    "association": "fastdicom.association",
    "events": "fastdicom.events",
    "pdu_primitives": "fastdicom.pdu_primitives",
    "presentation": "fastdicom.presentation",
    "service_class": "fastdicom.service_class",
    "service_class_n": "fastdicom.service_class",
    "sop_class": "fastdicom.sop_class",
    "status": "fastdicom.status",
    "transport": "fastdicom.server",
}


class Alias(ModuleType):
    """The module pynetdicom: every name is fastdicom's."""

    __path__ = ()  # no module is looked for on disk

    def __getattr__(self, name: str) -> Any:
        return getattr(fastdicom, name)


def set_ae(value: str | None, name: str, allow_empty: bool = True, allow_none: bool = True) -> str | None:
    """Check an AE title, as pynetdicom.utils does."""
    if not value and (allow_none if value is None else allow_empty):
        return value
    return fastdicom.AE(str(value)).ae_title


def get_valid_context(
    association: fastdicom.Association, abstract_syntax: str, *_: Any
) -> fastdicom.PresentationContext:
    """Return the accepted context of an abstract syntax, for findscu, which asks this of an association."""
    return next(each for each in association.accepted_contexts if each.abstract_syntax == abstract_syntax)


def stand_ins() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what stands for pynetdicom's private modules and its utilities."""
    yield (
        "_globals",
        {
            "ALL_TRANSFER_SYNTAXES": fastdicom.ALL_TRANSFER_SYNTAXES,
            "DEFAULT_TRANSFER_SYNTAXES": fastdicom.DEFAULT_TRANSFER_SYNTAXES,
            "DEFAULT_MAX_LENGTH": fastdicom.AE().maximum_pdu_size,
        },
    )
    yield "_config", {}
    yield "_handlers", {}
    yield "utils", {"set_ae": set_ae}


def installed() -> Path:
    """Return where pynetdicom is installed, without importing it."""
    specification = importlib.util.find_spec("pynetdicom")
    if specification is None or specification.origin is None:
        raise ModuleNotFoundError("pynetdicom is not installed")
    return Path(specification.origin).parent


def install() -> Path | None:
    """Let pynetdicom mean fastdicom in this process; return where pynetdicom itself is, if it is."""
    try:
        origin = installed()
    except ModuleNotFoundError:
        origin = None  # its programs are not there then; those of others need not have it
    alias = sys.modules["pynetdicom"] = Alias("pynetdicom")
    for name, target in PUBLIC.items():
        sys.modules[f"pynetdicom.{name}"] = importlib.import_module(target)
    for name, contents in stand_ins():
        module = ModuleType(f"pynetdicom.{name}")
        vars(module).update(contents)
        sys.modules[module.__name__] = module
        setattr(alias, name, module)
    if origin is not None:
        apps = ModuleType("pynetdicom.apps")
        apps.__path__ = [str(origin / "apps")]
        sys.modules[apps.__name__] = apps
        alias.apps = apps
    vars_of_association: Any = fastdicom.Association
    vars_of_association._get_valid_context = get_valid_context
    # Programs ask the logger of this name for what the library says.
    logging.getLogger("fastdicom").parent = logging.getLogger("pynetdicom")
    return origin


def main() -> None:
    """Run the program of the command line."""
    sys.argv = sys.argv[1:]
    origin = install()
    if sys.argv[0] != "pynetdicom":
        sys.path[0] = str(Path(sys.argv[0]).resolve().parent)  # as for any program
        runpy.run_path(sys.argv[0], run_name="__main__")
    elif origin is not None:
        runpy.run_path(str(origin / "__main__.py"), run_name="__main__")


if __name__ == "__main__":
    main()
