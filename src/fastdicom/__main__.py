"""``python -m fastdicom APP``: run one of the command-line tools."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import fastdicom
from fastdicom.apps.common import FAILURE, INTERRUPTED, SUCCESS, USAGE

TOOLS = {
    "echoscp": "answer C-ECHO requests",
    "echoscu": "send C-ECHO requests",
    "storescp": "receive objects and write them to files",
    "storescu": "send files",
}


def usage() -> str:
    lines = [f"  {name:10}{purpose}" for name, purpose in TOOLS.items()]
    return "\n".join(
        ["usage: python -m fastdicom TOOL [options] ...", "", *lines, "", "TOOL -h tells more about one."]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool that the first argument names, with the others; return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    match arguments:
        case [("-h" | "--help")]:
            print(usage())
            return SUCCESS
        case ["--version"]:
            print(f"fastdicom {fastdicom.__version__}")
            return SUCCESS
        case [tool, *rest] if tool in TOOLS:
            try:
                code: int = import_module(f"fastdicom.apps.{tool}").main(rest)
            except KeyboardInterrupt:
                return INTERRUPTED
            except BrokenPipeError:  # who reads our output has seen enough
                return FAILURE
            return code
    print(usage(), file=sys.stderr)
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
