"""The fuzz targets in Python by name, as `tools/fuzz.py`, the corpora and the tests know them.

`python -m fuzz.targets NAME [argument of libFuzzer...]`, with `tests` on the path, fuzzes one of them under
atheris; without atheris each is a function of bytes that any test can call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

# Target: module and function.
TARGETS = {
    "associate": ("fuzz.associate", "run"),
    "command": ("fuzz.command", "run"),
    "edit": ("fuzz.edit", "run"),
    "element": ("fuzz.command", "run_element"),
    "session": ("fuzz.session", "run"),
}


def load(name: str) -> Callable[[bytes], None]:
    """Import the function of a target."""
    module, function = TARGETS[name]
    loaded: Callable[[bytes], None] = getattr(import_module(module), function)
    return loaded


def main() -> None:
    import atheris

    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["fastdicom", "fuzz"]):
        run = load(name)
    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
